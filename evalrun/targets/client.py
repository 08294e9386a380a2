"""Asks an endpoint: one request, once, and what came of it. Resending and recording are `run`'s.

body -> transport -> pieces with instants -> events -> Completion or Failure, and its Timing
"""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import httpx
import msgspec

from evalrun import retry
from evalrun.secret import Redactor
from evalrun.targets.kind import Deadlines, Endpoint, Needs, Sizes, TargetKind
from evalrun.targets.transport.exchange import Broken, Exchange
from evalrun.targets.transport.lag import LagMeter
from evalrun.targets.transport.measuring import MeasuringTransport
from evalrun.targets.transport.stock import StockStream, StockTransport
from evalrun.targets.transport.stream import Stream
from evalrun.types import Completion, Failure, Outcome, Phase, Timing
from evalrun.wire import rejection
from evalrun.wire.dialect import DIALECTS, Decoder, Dialect
from evalrun.wire.pace import pace
from evalrun.wire.sse import EventTooBig, Parser
from evalrun.wire.timing import Bounds, timing, was_suspended

ERROR_BYTES = 256 * 1024  # as much of an error's body as is read
LIST_S = 15.0  # a list of models that takes longer is done without
_HEADERS = {
    "user-agent": "evalrun", "content-type": "application/json", "accept": "text/event-stream, application/json",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of one attempt. sent_ns: when it was sent, or was to be. ended_ns: when it was over."""

    outcome: Outcome
    timing: Timing | None
    sent_ns: int
    ended_ns: int


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
    ) -> None:
        base_url = endpoint.base_url.rstrip("/")
        self._transport = transport
        self._dialect = dialect
        self._url = httpx.URL(base_url + dialect.PATH)  # parsed once: 50 us a request
        self._models = httpx.URL(f"{base_url}/models")
        self._deadlines = deadlines
        self._sizes = sizes
        self._end_markers = end_markers
        self._redact = Redactor([endpoint.key] if endpoint.key else [])
        self._headers = {**_HEADERS, **endpoint.headers, **headers}
        if endpoint.key:
            self._headers |= dialect.headers(endpoint.key.reveal())

    async def attempt(self, body: bytes) -> Reply:
        """Send `body` to the endpoint and read the answer to its end."""
        began = _clocks()
        reply = await self._attempt(body, began[0])
        if was_suspended(began, _clocks()) and isinstance(reply.outcome, Completion):  # its latencies left out a sleep
            flagged = msgspec.structs.replace(reply.outcome, flags=(*reply.outcome.flags, "suspended"))
            return replace(reply, outcome=flagged, timing=None)
        return reply

    async def _attempt(self, body: bytes, began_ns: int) -> Reply:
        request = httpx.Request(
            "POST", self._url, headers=self._headers, content=body, extensions={"deadlines": self._deadlines}
        )
        try:
            response = await self._transport.handle_async_request(request)
            exchange: Exchange = response.extensions["evalrun"]
            try:
                if not 200 <= response.status_code < 300:
                    return self._reply(await self._refusal(response, exchange), exchange, began_ns)
                if "event-stream" in response.headers.get("content-type", ""):
                    return await self._streamed(response, exchange, began_ns)
                body = await self._body(response, limit=self._sizes.answer)
                outcome = self._dialect.reply(
                    body, status=response.status_code, headers=response.headers, end_markers=self._end_markers,
                    redact=self._redact,
                )  # fmt: skip
                return self._reply(outcome, exchange, began_ns)
            finally:
                await response.aclose()
        except Broken as broken:
            return self._reply(self._failure(broken), broken.exchange, began_ns)

    async def models(self) -> list[str] | Failure:
        """Return the names of the models that the endpoint lists, none if it has no such list.

        A failure only where every request would fail: no connection, a key that is refused, a redirect.
        """
        soon = replace(self._deadlines, first_byte_s=LIST_S, idle_s=LIST_S, total_s=2 * LIST_S)
        request = httpx.Request("GET", self._models, headers=self._headers, extensions={"deadlines": soon})
        try:
            response = await self._transport.handle_async_request(request)
            try:
                exchange: Exchange = response.extensions["evalrun"]
                if response.status_code in (401, 407) or 300 <= response.status_code < 400:
                    return await self._refusal(response, exchange)
                if response.status_code != 200:
                    return []
                return [self._redact(name) for name in _names(await self._body(response, limit=self._sizes.event))]
            finally:
                await response.aclose()
        except Broken as broken:
            return [] if broken.phase in (Phase.SENT, Phase.PARTIAL) else self._failure(broken)

    # ---------------------------------------------------------------- the three kinds of answer

    async def _streamed(self, response: httpx.Response, exchange: Exchange, began_ns: int) -> Reply:
        parser = Parser(self._sizes.event)
        decoder = self._dialect.decoder(
            max_bytes=self._sizes.answer, end_markers=self._end_markers, redact=self._redact
        )
        bounds = Bounds()
        stream = response.stream
        assert isinstance(stream, Stream | StockStream)
        broke: Failure | None = None
        done_ns: int | None = None
        try:
            done_ns = await _read_events(stream, parser, decoder, bounds)
        except Broken as broken:
            broke = self._failure(broken)
        except EventTooBig as error:
            for event in error.events:
                decoder.feed(event, exchange.first_byte_ns or began_ns)
            broke = Failure(kind="too_big", phase=Phase.PARTIAL, message=str(error), possibly_billed=True)
        outcome = decoder.finish(broke=broke, invalid_utf8=parser.invalid_utf8)
        if done_ns is not None and isinstance(outcome, Completion):
            stream.finish()  # nothing that may follow is waited for; after a failure the connection is dropped
        exchange.closed_ns = exchange.closed_ns or done_ns
        return self._reply(outcome, exchange, began_ns, decoder, bounds)

    async def _refusal(self, response: httpx.Response, exchange: Exchange) -> Failure:
        try:
            body = await self._body(response, limit=ERROR_BYTES)
        except Broken:
            body = b""  # the status came
        failure = rejection.rejected(response.status_code, response.headers, body, redact=self._redact)
        headers = {name.lower(): value for name, value in response.headers.items()}
        message = failure.message
        if exchange.proxy and response.status_code in (407, 502, 503, 504):
            message += f"; this may be the answer of the proxy in {exchange.proxy}"
        wait_s = retry.retry_after_s(headers, datetime.now(UTC))
        return msgspec.structs.replace(failure, message=message, retry_after_s=wait_s)

    async def _body(self, response: httpx.Response, *, limit: int) -> bytes:
        """Read a body, up to `limit` bytes: what is longer is cut."""
        pieces: list[bytes] = []
        size = 0
        async for data in response.aiter_raw():
            pieces.append(data)
            size += len(data)
            if size > limit:
                break
        return b"".join(pieces)[:limit]

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


async def _read_events(stream: Stream | StockStream, parser: Parser, decoder: Decoder, bounds: Bounds) -> int | None:
    """Feed the stream to the decoder until it has all it needs, and return that instant; None at the stream's own end.

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
        if decoder.done:
            return at_ns
    return None


def _clocks() -> tuple[int, int]:
    """Return the monotonic clock, and one that goes on while the machine sleeps (where there is one), in ns."""
    now_ns = time.perf_counter_ns()
    return now_ns, time.clock_gettime_ns(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else now_ns


def _names(body: bytes) -> list[str]:
    try:
        listed = json.loads(body)["data"]
        return [str(model["id"]) for model in listed]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


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
            )
            yield Opened(client, endpoint, transport.lag)
