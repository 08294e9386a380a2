"""Tokens and requests per second. Clocks of different sessions do not mix, so windows are taken per session and added.

    session 1   |--- first sent ........ last token event ---|
    session 2                                                      |--- ... ---|

throughput = sum of tokens / (window 1 + window 2). Knows nothing of scores, prices or failures' kinds.
"""

import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from evalrun.types import Completion, Phase, Record


@dataclass(slots=True)
class Spans:
    """When each answer of one session was asked, began and ended, and its tokens (NaN: unknown). Parallel arrays."""

    first_sent: float = math.inf
    sent: "array[float]" = field(default_factory=lambda: array("d"))
    first: "array[float]" = field(default_factory=lambda: array("d"))
    last: "array[float]" = field(default_factory=lambda: array("d"))
    tokens: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, record: Record) -> None:
        """Add an answer, or only the moment a failed request was sent."""
        for attempt in record.attempts:
            if attempt.failure.phase is not Phase.NOT_SENT:
                self.first_sent = min(self.first_sent, attempt.sent_s)
        outcome, timing = record.outcome, record.timing
        if isinstance(outcome, Completion) or outcome.phase is not Phase.NOT_SENT:
            self.first_sent = min(self.first_sent, record.sent_s)
        if not isinstance(outcome, Completion) or timing is None:
            return
        ended = timing.e2e_s if timing.e2e_s is not None else timing.stream_s
        if ended is not None:
            self.sent.append(record.sent_s)
            self.first.append(record.sent_s + (ended if timing.ttft_s is None else timing.ttft_s))
            self.last.append(record.sent_s + ended)
            self.tokens.append(math.nan if outcome.tokens is None else outcome.tokens)

    def extend(self, other: "Spans") -> None:
        """Take in the spans of another task of the same session."""
        self.first_sent = min(self.first_sent, other.first_sent)
        for mine, theirs in ((self.sent, other.sent), (self.first, other.first), (self.last, other.last)):
            mine.extend(theirs)
        self.tokens.extend(other.tokens)


def window_s(sessions: Iterable[Spans]) -> float | None:
    """Return the sum over sessions of (last token event - first sent). None where nothing was answered."""
    total = math.fsum(max(spans.last) - spans.first_sent for spans in sessions if spans.last)
    return total if total > 0 else None


def at_full_concurrency(sessions: Iterable[Spans]) -> float | None:
    """Return tokens per second from the first to the last moment with the most answers in flight.

    It leaves out the ramp-up and the slow last answers, where the endpoint was not loaded. Premise: an answer's tokens
    come evenly between its first and its last token event.
    """
    tokens, seconds = 0.0, 0.0
    for spans in sessions:
        if not spans.last:
            continue
        begin, end = _full_window(spans)
        seconds += end - begin
        tokens += math.fsum(_tokens_within(spans, begin, end))
    return tokens / seconds if seconds > 0 and not math.isnan(tokens) else None


def _full_window(spans: Spans) -> tuple[float, float]:
    """Return when the number of answers in flight first reached its maximum, and when it last left it."""
    starts, ends = sorted(spans.sent), sorted(spans.last)
    most = done = 0
    begin = end = 0.0
    for begun, start in enumerate(starts):
        while done < begun and ends[done] <= start:
            done += 1
        flying = begun + 1 - done
        if flying > most:
            most, begin = flying, start
        if flying == most:
            end = ends[done]  # the next to end; a later start may move it on
    return begin, end


def _tokens_within(spans: Spans, begin: float, end: float) -> Iterator[float]:
    for first, last, tokens in zip(spans.first, spans.last, spans.tokens, strict=True):
        if last <= first:  # all at one instant
            yield tokens if begin <= last <= end else 0.0 * tokens
        else:
            yield tokens * max(0.0, min(last, end) - max(first, begin)) / (last - first)
