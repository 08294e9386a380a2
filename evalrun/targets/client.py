"""Asks an endpoint: one request, once, and what came of it. Resending and recording are `run`'s.

body -> transport -> pieces with instants -> events -> Completion or Failure, and its Timing
"""

import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import httpx
import msgspec

from evalrun import retry
from evalrun.secret import Redactor, Secret
from evalrun.targets.body import Body, HeldPieces, PieceStream, are_lines
from evalrun.targets.kind import Deadlines, Endpoint, Needs, Sizes, TargetKind, carries_key
from evalrun.targets.transport.exchange import Broken, Exchange, Piece
from evalrun.targets.transport.lag import LagMeter
from evalrun.targets.transport.measuring import MeasuringTransport
from evalrun.targets.transport.stock import StockStream, StockTransport
from evalrun.targets.transport.stream import Stream
from evalrun.types import Completion, Failure, FailureKind, Outcome, Phase, Timing
from evalrun.wire import rejection, wait
from evalrun.wire.coding import CodingError
from evalrun.wire.dialect import DIALECTS, Decoder, Dialect
from evalrun.wire.extent import Extent, Gauge, counted_tokens
from evalrun.wire.pace import pace
from evalrun.wire.sse import EventTooBig, LineParser, Parser
from evalrun.wire.timing import Bounds, timing, was_suspended

ERROR_BYTES = 256 * 1024  # as much of an error's body as is read
LIST_S = 10.0  # a list of models that takes longer is done without
ODD_TYPE = "odd_content_type"  # flag: the body is not what its content type says
UNSEPARATED = "no_blank_lines"  # flag: events without the blank line that ends them
PACKED = "compressed"  # flag: compressed though that was not asked for, so that chunks may have been held back
_HEADERS = {
    "user-agent": "evalrun", "content-type": "application/json", "accept": "text/event-stream, application/json",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of one attempt. sent_ns: when it was sent, or was to be. ended_ns: when it was over.

    used_up_s: for how long an allowance of the provider's is used up from then on, as the headers say.
    """

    outcome: Outcome
    timing: Timing | None
    sent_ns: int
    ended_ns: int
    used_up_s: float | None = None


ANY_EXTENT = Extent()


class Client:
    """Asks one endpoint over one transport. `attempt` never raises for a request that failed."""

    def __init__(
        self,
        endpoint: Endpoint,
        transport: httpx.AsyncBaseTransport,
        *,
        dialect: Dialect = DIALECTS["chat"],
        deadlines: Deadlines,
        sizes: Sizes,
        headers: Mapping[str, str],
        end_markers: tuple[str, ...] = (),
        list_models: bool = True,
    ) -> None:
        base_url, query = endpoint.base_url.rstrip("/"), f"?{endpoint.query}" if endpoint.query else ""
        self._transport = transport
        self._dialect = dialect
        self._url = httpx.URL(base_url + dialect.PATH + query)  # parsed once: 50 us a request
        listed = getattr(dialect, "MODELS", "") if list_models else ""  # a dialect need not have a list
        self._models = httpx.URL(base_url + listed + query) if listed else None
        self._deadlines = deadlines
        self._sizes = sizes
        self._end_markers = end_markers
        key = endpoint.key.reveal() if endpoint.key else None
        own = dialect.headers(None if endpoint.key_header else key)
        if endpoint.key_header and key is not None:
            own |= {endpoint.key_header: key}
        given = {**own, **endpoint.headers, **headers}
        self._headers = _HEADERS | {name.lower(): value for name, value in given.items()}
        self._redact = Redactor([*([endpoint.key] if endpoint.key else []), *_secrets(self._headers, endpoint.query)])

    async def attempt(self, body: bytes, *, extent: Extent = ANY_EXTENT) -> Reply:
        """Send `body` to the endpoint and read the answer to its end, or until it is longer than `extent` allows."""
        began = _clocks()
        reply = await self._attempt(body, extent, began[0])
        if was_suspended(began, _clocks()) and isinstance(reply.outcome, Completion):  # its latencies left out a sleep
            flagged = msgspec.structs.replace(reply.outcome, flags=(*reply.outcome.flags, "suspended"))
            return replace(reply, outcome=flagged, timing=None)
        return reply

    async def _attempt(self, body: bytes, extent: Extent, began_ns: int) -> Reply:
        request = httpx.Request(
            "POST", self._url, headers=self._headers, content=body, extensions={"deadlines": self._deadlines}
        )
        try:
            response = await self._transport.handle_async_request(request)
            exchange: Exchange = response.extensions["evalrun"]
            try:
                if not 200 <= response.status_code < 300:
                    return self._reply(await self._refusal(response, exchange), exchange, began_ns)
                reply = await self._answered(response, exchange, extent, began_ns)
                return replace(reply, used_up_s=wait.used_up_s(_lower(response), datetime.now(UTC)))
            finally:
                await response.aclose()
        except Broken as broken:
            return self._reply(self._failure(broken), broken.exchange, began_ns)

    async def models(self) -> list[str] | Failure:
        """Return the names of the models that the endpoint lists, none if it has no such list.

        A failure only where no connection can be had: what the list itself answers says nothing about chat.
        """
        if self._models is None:
            return []
        soon = replace(self._deadlines, first_byte_s=LIST_S, idle_s=LIST_S, total_s=LIST_S)
        request = httpx.Request("GET", self._models, headers=self._headers, extensions={"deadlines": soon})
        try:
            response = await self._transport.handle_async_request(request)
            try:
                if response.status_code != 200:
                    return []
                body = await self._whole(response, limit=self._sizes.event)
                return [self._redact(name) for name in self._dialect.models(body)]
            finally:
                await response.aclose()
        except CodingError:
            return []
        except Broken as broken:
            nobody = broken.kind in retry.OUTAGE or broken.kind in ("tls", "client_resource")
            return self._failure(broken) if nobody else []

    # ---------------------------------------------------------------- the three kinds of answer

    async def _answered(self, response: httpx.Response, exchange: Exchange, extent: Extent, began_ns: int) -> Reply:
        """Read a 2xx answer, framed as its first bytes say."""
        stream = response.stream
        assert isinstance(stream, Stream | StockStream)
        body = Body(stream, coding=response.headers.get("content-encoding", ""), limit=self._sizes.answer)
        said_events = "event-stream" in response.headers.get("content-type", "")
        source: PieceStream = body
        try:
            framing = await body.framing(said_events=said_events)
            if framing != "events":
                is_json = (await body.start()).startswith((b"{", b"[", b'"'))
                most = min(self._sizes.event, self._sizes.answer) if is_json else ERROR_BYTES
                pieces = await body.all(most)
                if is_json and sum(len(data) for data, *_ in pieces) > most:
                    return self._reply(_too_big(most), exchange, began_ns)
                whole = _joined(pieces)[:most]
                framing = "lines" if framing == "lines" and are_lines(whole) else "whole"
                source = HeldPieces(pieces)
        except CodingError as error:
            return self._reply(_undecoded(error), exchange, began_ns)
        if framing == "whole":
            outcome = self._dialect.reply(
                whole, status=response.status_code, headers=response.headers, end_markers=self._end_markers,
                redact=self._redact,
            )  # fmt: skip
            reply = self._reply(outcome, exchange, began_ns)
        else:
            gauge, lines = Gauge(extent), framing == "lines"
            reply = await self._streamed(stream, source, exchange, began_ns, gauge=gauge, lines=lines)
        odd = [ODD_TYPE] if (framing == "events") != said_events else []
        return _flagged(reply, *odd, *([PACKED] if body.packed else []))

    async def _streamed(
        self,
        stream: Stream | StockStream,
        source: PieceStream,
        exchange: Exchange,
        began_ns: int,
        *,
        gauge: Gauge,
        lines: bool,
    ) -> Reply:
        """Read a streamed answer. source: its pieces, which come from `stream`. lines: JSON lines, not events."""
        parser = LineParser(self._sizes.event) if lines else Parser(self._sizes.event)
        decoder = self._dialect.decoder(
            max_bytes=self._sizes.answer, end_markers=self._end_markers, redact=self._redact
        )
        bounds = Bounds()
        broke: Failure | None = None
        done_ns: int | None = None
        try:
            done_ns = await _read_events(source, parser, decoder, bounds, gauge=gauge)
        except Broken as broken:
            broke = self._failure(broken)
        except CodingError as error:
            broke = _undecoded(error)
        except EventTooBig as error:
            for event in error.events:
                decoder.feed(event, exchange.first_byte_ns or began_ns)
            broke = Failure(kind="too_big", phase=Phase.PARTIAL, message=str(error), possibly_billed=True)
        if done_ns is None:
            for event in parser.rest():
                decoder.feed(event, exchange.closed_ns or time.perf_counter_ns())
        outcome = decoder.finish(broke=broke, invalid_utf8=parser.invalid_utf8)
        if gauge.runaway or (isinstance(outcome, Failure) and outcome.kind == "runaway"):
            outcome, done_ns = _runaway(outcome, gauge, decoder), None
        if done_ns is not None and isinstance(outcome, Completion):
            stream.finish()  # nothing that may follow is waited for; after a failure the connection is dropped
        exchange.closed_ns = exchange.closed_ns or done_ns
        reply = self._reply(outcome, exchange, began_ns, decoder, bounds)
        return _flagged(reply, *([UNSEPARATED] if parser.unseparated else []))

    async def _refusal(self, response: httpx.Response, exchange: Exchange) -> Failure:
        unread = ""
        try:
            body = await self._whole(response, limit=ERROR_BYTES)
        except Broken:
            body = b""  # the status came
        except CodingError as error:
            body, unread = b"", f"; {error}"
        headers, now = _lower(response), datetime.now(UTC)
        failure = rejection.rejected(response.status_code, headers, body, redact=self._redact, now=now)
        message = failure.message + unread
        if exchange.proxy and response.status_code in (407, 502, 503, 504):
            message += f"; this may be the answer of the proxy in {exchange.proxy}"
        return msgspec.structs.replace(failure, message=message)

    async def _whole(self, response: httpx.Response, *, limit: int) -> bytes:
        """Read a body, up to `limit` bytes: what is longer is cut."""
        stream = response.stream
        assert isinstance(stream, Stream | StockStream)
        body = Body(stream, coding=response.headers.get("content-encoding", ""), limit=limit)
        return _joined(await body.all())[:limit]

    # ---------------------------------------------------------------- values

    def _failure(self, broken: Broken) -> Failure:
        unknown = broken.phase in (Phase.SENT, Phase.PARTIAL)
        return Failure(kind=broken.kind, phase=broken.phase, message=self._redact(str(broken)), possibly_billed=unknown)

    def _reply(
        self,
        outcome: Outcome,
        exchange: Exchange,
        began_ns: int,
        decoder: Decoder | None = None,
        bounds: Bounds | None = None,
    ) -> Reply:
        ended_ns = time.perf_counter_ns()
        sent_ns = exchange.sent_ns or began_ns
        if isinstance(outcome, Failure):
            return Reply(outcome=outcome, timing=None, sent_ns=sent_ns, ended_ns=ended_ns)
        instants, sizes = (decoder.instants, decoder.sizes) if decoder else ((), ())
        first_answer_ns = decoder.first_answer_ns if decoder else None
        measured = timing(
            sent_ns,
            instants,
            connect_ns=None if exchange.reused else exchange.connect_ns,
            first_byte_ns=exchange.first_byte_ns,
            first_answer_ns=first_answer_ns,
            closed_ns=exchange.closed_ns,
            pace=pace(outcome, instants, sizes, first_answer_ns=first_answer_ns),
            stamp=exchange.stamp,
            bounds=bounds,
        )
        return Reply(outcome=outcome, timing=measured, sent_ns=sent_ns, ended_ns=ended_ns)


async def _read_events(
    stream: PieceStream, parser: Parser | LineParser, decoder: Decoder, bounds: Bounds, *, gauge: Gauge
) -> int | None:
    """Feed the stream to the decoder until it has all it needs, and return that instant; None at the stream's own end.

    The reading ends too where `gauge` says that the answer is a runaway.
    The hot path: see tests/benchmarks/fidelity.py.
    """
    instants = decoder.instants
    while batch := await stream.read():
        for data, at_ns, since_ns in batch:
            before = len(instants)
            for event in parser.feed(data):
                decoder.feed(event, at_ns)
            if len(instants) > before:
                bounds.add(at_ns - since_ns, events=len(instants) - before, first=before == 0)
            if gauge.is_due(len(data), len(instants)) and gauge.is_runaway(decoder):
                return at_ns
        if decoder.done:
            return at_ns
    return None


def _clocks() -> tuple[int, int]:
    """Return the monotonic clock, and one that goes on while the machine sleeps (where there is one), in ns."""
    now_ns = time.perf_counter_ns()
    return now_ns, time.clock_gettime_ns(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else now_ns


def _runaway(outcome: Outcome, gauge: Gauge, decoder: Decoder) -> Failure:
    """Return the failure of an answer that was cut for its length, with the tokens that came."""
    tokens = counted_tokens(decoder.sizes)
    if isinstance(outcome, Completion):
        tokens, text, message = max(tokens, outcome.usage.completion_tokens or 0), outcome.text, ""
    else:
        text, message = outcome.partial, outcome.message
    if gauge.runaway:
        message = f"cut after {tokens:,} tokens: the server ignores the limit of {gauge.limit:,} that it was sent"
    return Failure(
        kind="runaway", phase=Phase.PARTIAL, message=message, partial=text, tokens=tokens, possibly_billed=True
    )


def _too_big(most: int) -> Failure:
    message = f"the reply is larger than {most} bytes; raise limits.max_event_bytes"
    return Failure(kind="too_big", phase=Phase.PARTIAL, message=message, possibly_billed=True)


def _joined(pieces: list[Piece]) -> bytes:
    return b"".join(data for data, *_ in pieces)


def _lower(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _undecoded(error: CodingError) -> Failure:
    """Return the failure of an answer that cannot be unpacked; it was paid for all the same."""
    kind: FailureKind = "runaway" if error.too_large else "protocol"
    return Failure(kind=kind, phase=Phase.PARTIAL, message=str(error), possibly_billed=True)


def _flagged(reply: Reply, *flags: str) -> Reply:
    """Return the reply with more flags, where it is an answer."""
    if not flags or not isinstance(reply.outcome, Completion):
        return reply
    flagged = tuple(sorted({*reply.outcome.flags, *flags}))
    return replace(reply, outcome=msgspec.structs.replace(reply.outcome, flags=flagged))


def _secrets(headers: Mapping[str, str], query: str) -> list[Secret]:
    """Return the keys among headers and query parameters; of `Bearer KEY` the key alone too."""
    found = [value for name, value in headers.items() if carries_key(name)]
    found += [value for name, value in httpx.QueryParams(query).multi_items() if carries_key(name)]
    return [Secret(text) for value in found for text in {value, value.rpartition(" ")[2]}]


# ---------------------------------------------------------------- opening a target


@dataclass(frozen=True, slots=True)
class Opened:
    """A target that can be asked. lag: how late this client served its reads so far."""

    client: Client
    endpoint: Endpoint
    lag: LagMeter


@contextlib.asynccontextmanager
async def open_target(spec: TargetKind, name: str, needs: Needs) -> AsyncIterator[Opened]:
    """Start what must be started for a target, yield its client, and stop it on every way out.

    Raises SuiteError where it cannot be had, Unusable where it does not start.
    """
    async with spec.serve(name, needs) as endpoint:
        chosen = StockTransport if endpoint.transport == "httpx" else MeasuringTransport
        transport = chosen(deadlines=needs.deadlines, verify=endpoint.verify, ca_file=endpoint.ca_file)
        async with contextlib.aclosing(transport):
            client = Client(
                endpoint,
                transport,
                dialect=spec.wire,
                deadlines=needs.deadlines,
                sizes=needs.sizes,
                headers=spec.quirks.headers,
                end_markers=spec.quirks.end_markers,
                list_models=spec.quirks.list_models,
            )
            yield Opened(client, endpoint, transport.lag)
