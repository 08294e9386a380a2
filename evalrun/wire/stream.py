"""A streamed answer: events and their instants in, a completion or a failure out. No bytes, no socket, no clock.

    for event in parser.feed(data):
        decoder.feed(event, at_ns)          # until decoder.done
    outcome = decoder.finish()

Success is: no error event, at least one token event, and a terminal marker (`finish_reason` or `[DONE]`).
"""

from collections.abc import Iterable

import msgspec

from evalrun.types import Completion, Failure, FailureKind, Phase
from evalrun.wire import chunk
from evalrun.wire.answer import Draft, Redact
from evalrun.wire.rejection import complaint, head
from evalrun.wire.sse import Event
from evalrun.wire.timing import burst

EXCERPT_CHARS = 200


class StreamDecoder:
    """Collects one streamed answer.

    max_bytes: an answer with more event data than this is cut as `runaway`; it bounds the memory. end_markers:
    texts stripped, and flagged, where the answer ends with one. redact: takes secrets out of all that is given out.

    done: nothing that may still come changes the outcome; the caller may stop reading.
    """

    def __init__(self, *, max_bytes: int = 64 * 2**20, end_markers: Iterable[str] = (), redact: Redact = str) -> None:
        self.done = False
        self._draft = Draft(streamed=True)
        self._max_bytes = max_bytes
        self._end_markers = tuple(end_markers)
        self._redact = redact
        self._events = 0
        self._bytes = 0
        self._done_marker = False
        self._after_done = 0
        self._failure: Failure | None = None

    @property
    def instants(self) -> list[int]:
        """The instants of the token events, of any choice."""
        return self._draft.instants

    @property
    def first_answer_ns(self) -> int | None:
        """The instant of the first token event that was no reasoning."""
        return self._draft.first_answer_ns

    @property
    def partial(self) -> str:
        """The answer's text so far."""
        return self._draft.partial(self._redact)

    def feed(self, event: Event, at_ns: int) -> None:
        """Take in one event that was read at `at_ns`. It never raises, whatever the server sent."""
        name, data = event
        if self.done:
            self._after_done += 1
            return
        self._events += 1
        self._bytes += len(data)
        if self._bytes > self._max_bytes:
            self._fail("runaway", f"the answer is larger than {self._max_bytes} bytes; raise limits.max_answer_bytes")
        elif name == "error":
            self._in_band(data)
        elif data.startswith("{"):
            self._chunk(data, at_ns)
        elif (text := data.strip()) == "[DONE]":
            self.done = self._done_marker = True
        elif text:  # an event without data is a keep-alive
            self._chunk(text, at_ns)

    def finish(self, *, broke: Failure | None = None, invalid_utf8: bool = False) -> Completion | Failure:
        """Return the outcome. Call once.

        broke: what ended the reading, if it was not the stream's own end. It counts unless the answer was complete
        before. invalid_utf8: the parser had to replace bytes.
        """
        draft = self._draft
        if self._failure is not None:
            return msgspec.structs.replace(self._failure, partial=self.partial)
        if not (self._done_marker or draft.finished):
            return msgspec.structs.replace(broke or self._cut(), partial=self.partial)
        if draft.finish_reason == "content_filter" and not draft.instants:
            return self._failed("content_filter", "the provider's filter let nothing through", Phase.COMPLETE)
        if not draft.instants:
            reason = draft.finish_reason or "none"
            return self._failed("empty", f"the stream ended without a token (finish_reason: {reason})", Phase.COMPLETE)
        flags = {
            "no_done_marker": not self._done_marker,
            "no_finish_reason": not draft.finished,
            "broken_after_finish": broke is not None and not self._done_marker,
            "buffered": burst(draft.instants),
            "invalid_utf8": invalid_utf8,
            "data_after_done": self._after_done > 0,
        }
        found = [flag for flag, is_so in flags.items() if is_so]
        return draft.completion(end_markers=self._end_markers, redact=self._redact, flags=found)

    def _chunk(self, data: str, at_ns: int) -> None:
        try:
            reply = chunk.decode(data)
        except chunk.NotChat as error:
            excerpt = self._redact(data)[:EXCERPT_CHARS]
            self._fail("bad_chunk", f"event {self._events}: malformed chunk, {error}: {excerpt}")
            return
        if reply.error or reply.object == "error":
            self._in_band(data)
        else:
            self._draft.add(reply, at_ns)

    def _in_band(self, data: str) -> None:
        """Take in an error that came inside the stream. The status it names, if any, is kept for the retry's sake."""
        try:
            said = complaint(chunk.parse(data))
        except chunk.NotChat:
            said = complaint(data)
        words = head(said.message or "no reason given", self._redact)
        self._fail("in_band", f"event {self._events}: the server gave up: {words}", status=said.status)

    def _cut(self) -> Failure:
        """Return the failure of a stream that ended with neither `finish_reason` nor `[DONE]`."""
        if not self._events:
            return self._failed("empty", "the stream ended before its first event", Phase.COMPLETE)
        message = f"the stream ended after {self._events} events with neither finish_reason nor [DONE]"
        return self._failed("truncated", message, Phase.PARTIAL)

    def _fail(self, kind: FailureKind, message: str, *, status: int | None = None) -> None:
        self.done = True
        self._failure = self._failed(kind, message, Phase.PARTIAL, status=status)

    def _failed(self, kind: FailureKind, message: str, phase: Phase, *, status: int | None = None) -> Failure:
        """Return a failure. Only an error that came before the first token is sure not to be billed."""
        billed = kind != "in_band" or bool(self._draft.instants)
        return Failure(kind=kind, phase=phase, message=message, status=status, possibly_billed=billed)
