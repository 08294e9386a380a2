"""The chat dialect, POST /chat/completions: request bodies, streamed answers, whole replies. No socket, no clock.

A streamed answer is events and their instants in, a completion or a failure out:

    for event in parser.feed(data):
        decoder.feed(event, at_ns)          # until decoder.done
    outcome = decoder.finish()

Success is: no error event, at least one token event, and a terminal marker (`finish_reason` or `[DONE]`).
"""

import contextlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from evalrun.types import Completion, Failure, FailureKind, Json, Message, Phase
from evalrun.wire import chunk, extent
from evalrun.wire.answer import Draft, Redact
from evalrun.wire.complaint import Complaint, complaint, refused, unframed
from evalrun.wire.foreign import CHAT_EVENTS, SILENT, ForeignEvents, is_error, is_foreign
from evalrun.wire.kinds import kind_of
from evalrun.wire.nested import loads
from evalrun.wire.pace import burst
from evalrun.wire.rejection import head, in_band, rejected
from evalrun.wire.sse import STRAY, Event

PATH = "/chat/completions"
MODELS = "/models"
USAGE: Mapping[str, Json] = {"stream_options": {"include_usage": True}}
"""Body fields that ask a stream for its usage block, which it lacks by default."""


# ---------------------------------------------------------------- the request


def headers(key: str | None) -> dict[str, str]:
    """Return the headers that carry the key."""
    return {} if key is None else {"authorization": f"Bearer {key}"}


def models(body: bytes) -> list[str]:
    """Return the names that a list of models has."""
    try:
        listed = loads(body)["data"]
        return [str(model["id"]) for model in listed]
    except (ValueError, KeyError, TypeError):
        return []


def fields(sampling: Mapping[str, Json], *, limit_field: str) -> dict[str, Json]:
    """Return sampling parameters as body fields. limit_field: the name of `max_tokens` at this endpoint."""
    return {limit_field if name == "max_tokens" else name: value for name, value in sampling.items()}


most_tokens = extent.most_tokens


def body(messages: Sequence[Message], *, model: str, stream: bool) -> dict[str, Json]:
    """Return the body fields that evalrun sets itself."""
    told = [{"role": message.role, "content": message.content} for message in messages]
    return {"model": model, "messages": told, "stream": stream}


# ---------------------------------------------------------------- the answer as a stream


class ChatDecoder:
    """Collects one streamed answer: a `dialect.Decoder`.

    max_bytes: an answer with more event data than this is cut as `runaway`.
    end_markers: texts removed from the end of the answer, with a flag.
    done: nothing that may still come changes the outcome; the caller may stop reading.
    """

    def __init__(self, *, max_bytes: int = 64 * 2**20, end_markers: Iterable[str] = (), redact: Redact = str) -> None:
        self.done = False
        self._draft = Draft(streamed=True)
        self.instants, self.sizes = self._draft.instants, self._draft.sizes
        self._max_bytes = max_bytes
        self._end_markers = tuple(end_markers)
        self._redact = redact
        self._events = 0
        self._bytes = 0
        self._done_marker = False
        self._after_done = 0
        self._failure: Failure | None = None
        self._foreign = ForeignEvents()

    @property
    def first_answer_ns(self) -> int | None:
        """Of the first token event that is not reasoning."""
        return self._draft.first_answer_ns

    def feed(self, event: Event, at_ns: int) -> None:
        """Add one event that was read at `at_ns`. It never raises, whatever the server sent."""
        name, data = event
        if self.done:
            self._after_done += 1
            if self._done_marker and data.startswith("{"):
                self._late(data)
            return
        self._events += name != STRAY
        self._bytes += len(data)
        if self._bytes > self._max_bytes:
            self._fail("runaway", f"the answer is larger than {self._max_bytes} bytes; raise limits.max_answer_bytes")
        elif name and is_error(name):
            self._gave_up(_complaint_in(data))
        elif data.startswith("{"):
            self._chunk(name, data, at_ns)
        elif (text := data.strip().removeprefix("data:").lstrip()) == "[DONE]":  # some proxies frame twice
            self.done = self._done_marker = True
        elif text and not text.startswith("{") and (name not in CHAT_EVENTS or is_foreign(text)):
            self._foreign.text(name, text)
        elif text:  # an event without data is a keep-alive
            self._chunk(name, text, at_ns)

    def finish(self, *, broke: Failure | None = None, invalid_utf8: bool = False) -> Completion | Failure:
        """Return the outcome; call once.

        broke: what ended the reading, if not the stream; it counts unless the answer was complete before.
        invalid_utf8: the parser replaced bytes.
        """
        draft = self._draft
        failure = self._failure
        if failure is None and self._foreign.said and not draft.finished:
            failure = self._error(self._foreign.said)
        if failure is None and not (self._done_marker or draft.finished):
            failure = broke or self._cut()
        if failure is not None:
            return msgspec.structs.replace(failure, partial=draft.partial(self._redact))
        if (ended := _bad_end(draft, self._redact)) is not None:
            return ended
        if not draft.instants:
            reason = self._redact(draft.finish_reason or "none")
            return self._failed("empty", f"the stream ended without a token (finish_reason: {reason})", Phase.COMPLETE)
        flags = {
            "no_done_marker": not self._done_marker,
            "no_finish_reason": not draft.finished,
            "broken_after_finish": broke is not None and not self._done_marker,
            "buffered": burst(draft.instants),
            "invalid_utf8": invalid_utf8,
            "data_after_done": self._after_done > 0,
            "foreign_events": self._foreign.count > 0,
        }
        found = [flag for flag, is_so in flags.items() if is_so]
        return draft.completion(end_markers=self._end_markers, redact=self._redact, flags=found)

    def _late(self, data: str) -> None:
        """Take the usage, and nothing else, out of a chunk that came after `[DONE]`."""
        with contextlib.suppress(chunk.NotChat):
            self._draft.count(chunk.decode(data))

    def _chunk(self, name: str, data: str, at_ns: int) -> None:
        try:
            reply = chunk.decode(data)
        except chunk.NotChat as error:
            if name not in CHAT_EVENTS:
                self._foreign.text(name, data)
                return
            if (said := _told(_json(data))) is not None:
                self._gave_up(said)
                return
            self._fail("bad_chunk", f"event {self._events}: malformed chunk, {error}: {self._redact(data)[:200]}")
            return
        if reply.error or reply.object == "error" or (reply.base_resp and refused(reply.base_resp)):
            self._gave_up(_complaint_in(data))
        elif reply.choices or reply.usage is not None:
            self._draft.add(reply, at_ns)
            if self._draft.overfull:
                self._fail("runaway", f"the answer has {self._draft.overfull}")
        else:
            self._draft.add(reply, at_ns)
            self._without_choices(name, data)

    def _without_choices(self, name: str, data: str) -> None:
        """Note an object without choices: an error where it is marked as one, else a foreign event."""
        value = chunk.parse(data)
        if value.get("type") == "error":
            self._gave_up(complaint(value))
        elif value.get("choices") is None and value.keys() - SILENT:
            self._foreign.fields(name, data, value)

    def _gave_up(self, said: Complaint) -> None:
        """Fail by an error inside the stream. What it says decides the kind, and whether to retry."""
        self.done = True
        self._failure = self._error(said)

    def _error(self, said: Complaint) -> Failure:
        words = head(said.message or "no reason given", self._redact)
        where = f"event {self._events}" if self._events else "before the first event"
        message = f"{where}: the server gave up: {words}"
        return in_band(said, message, phase=Phase.PARTIAL, billed=bool(self._draft.instants))

    def _cut(self) -> Failure:
        """Return the failure of a stream that ended with neither `finish_reason` nor `[DONE]`."""
        if not self._events:
            message = "the stream ended before its first event"
            return self._failed("empty", message + self._beside(), Phase.COMPLETE)
        if self._foreign.api and not self._draft.began:
            message = f"events of {self._foreign.api}, not of chat completions; is base_url right?{self._beside()[1:]}"
            return self._failed("not_sse", message, Phase.PARTIAL)
        message = f"the stream ended after {self._events} events with neither finish_reason nor [DONE]"
        return self._failed("truncated", message + self._beside(), Phase.PARTIAL)

    def _beside(self) -> str:
        """Return what the stream had that is not chat, for a message."""
        shown = self._foreign.stray or ("" if self._draft.instants else self._foreign.first)
        return f"; not a completion: {head(shown, self._redact)}" if shown else ""

    def _fail(self, kind: FailureKind, message: str) -> None:
        self.done = True
        self._failure = self._failed(kind, message, Phase.PARTIAL)

    def _failed(self, kind: FailureKind, message: str, phase: Phase) -> Failure:
        """Return a failure that may have been billed; an error before the first token is not."""
        return Failure(kind=kind, phase=phase, message=message, possibly_billed=True)


def _complaint_in(data: str) -> Complaint:
    try:
        return complaint(chunk.parse(data))
    except chunk.NotChat:
        return complaint(data)


def _told(value: Json) -> Complaint | None:
    """Return the error that a JSON text or list tells of, None where it tells of none."""
    said = complaint(value) if isinstance(value, str | list) else Complaint("")
    return said if said.status or kind_of(None, said) else None


decoder = ChatDecoder


# ---------------------------------------------------------------- the answer in one piece


def reply(
    body: bytes,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    end_markers: Iterable[str] = (),
    redact: Redact = str,
) -> Completion | Failure:
    """Read a 2xx answer that is not an event stream. It has no time to first token."""
    text = body.decode(errors="replace")
    try:
        answer = chunk.decode(text)
    except chunk.NotChat as error:
        if text.lstrip().startswith("{"):
            return _failure("bad_chunk", f"malformed reply, {error}: {redact(text)[:200]}", status=status)
        return _not_an_object(text, status=status, headers=headers or {}, redact=redact)
    if answer.error or answer.object == "error" or answer.choices is None:
        value = chunk.parse(text)
        said = complaint(value)
        told = answer.error or answer.object == "error" or unframed(value) or kind_of(said.status, said)
        what = "an error" if told else "no completion"
        message = f"the server answered {status} with {what}: {head(said.message or text, redact)}"
        return in_band(said, message, phase=Phase.COMPLETE, billed=not told or answer.usage is not None, status=status)
    draft = Draft(streamed=False)
    draft.add(answer, 0)
    if draft.overfull:
        failure = _failure("runaway", f"the reply has {draft.overfull}", status=status)
        return msgspec.structs.replace(failure, partial=draft.partial(redact))
    if (ended := _bad_end(draft, redact, status=status)) is not None:
        return ended
    if not draft.instants:
        reason = redact(draft.finish_reason or "none")
        return _failure("empty", f"the reply is empty (finish_reason: {reason})", status=status)
    odd = {"no_finish_reason": not draft.finished, "invalid_utf8": "\ufffd" in text and not _is_utf8(body)}
    return draft.completion(
        end_markers=end_markers, redact=redact, flags=[flag for flag, is_so in odd.items() if is_so]
    )


def _bad_end(draft: Draft, redact: Redact, *, status: int | None = None) -> Failure | None:
    """Return the failure of an answer that the server broke off or a filter took; None for any other end.

    A broken one is an error inside the answer, with the status that its words name, and so it is sent again or not.
    """
    said = complaint(draft.error) if draft.error else complaint("")
    match draft.finish:
        case "broken":
            what = "the server broke the answer off"
        case "filtered":
            what = f"a filter took {'the rest of the answer' if draft.instants else 'all of it'}"
        case _:
            return None
    words = head(": ".join(filter(None, (f"{what} (finish_reason: {draft.finish_reason})", said.message))), redact)
    billed = draft.finish == "filtered" or bool(draft.instants or draft.tokens.counts)
    failure = in_band(said, words, phase=Phase.COMPLETE, billed=billed, status=status)
    kind = "content_filter" if draft.finish == "filtered" else failure.kind
    return msgspec.structs.replace(failure, kind=kind, partial=draft.partial(redact))


def _not_an_object(text: str, *, status: int, headers: Mapping[str, str], redact: Redact) -> Failure:
    """Return the failure of a 2xx answer without a JSON object: an error in plain words, or in a list of them."""
    said = complaint(text) if text.lstrip()[:1] not in ("[", '"') else complaint(_json(text))
    if text.lstrip()[:1] != "<" and (said.status or kind_of(None, said)):
        message = f"the server answered {status} with an error: {head(said.message, redact)}"
        return in_band(said, message, phase=Phase.COMPLETE, billed=False, status=status)
    return rejected(status, headers, text.encode("utf-8", "replace"), redact=redact)


def _json(text: str) -> Json:
    try:
        return loads(text)
    except ValueError:
        return text


def _failure(kind: FailureKind, message: str, *, status: int) -> Failure:
    return Failure(kind=kind, phase=Phase.COMPLETE, message=message, status=status, possibly_billed=True)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
