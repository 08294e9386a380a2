"""Time per output token of one answer: which tokens arrived in which time, and how that is known. It reads no clock.

    token events    first                                last
    tokens            3      1     2     1     2     1     1        TPOT = (last - first) / (1 + 2 + 1 + 2 + 1 + 1)

The tokens of the first event were made before it, in time nobody observed. So were those that were billed and never
sent: hidden reasoning. Rules, in this order (docs/metrics.md, "Time per output token"):

1. Of a count, what was streamed: hidden reasoning is taken off; where a part of the reasoning was streamed, TPOT is
   that of the answer after it.
2. One token an event where there are as many events as tokens; else an event has its share of the bytes.
3. Nothing where most tokens arrived at once, or in fewer than three pieces, or the text is too short or too long for
   the tokens.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from evalrun.types import Completion, Failure, PaceBasis

BURST_NS = 20_000
"""Tokens that are closer than this on average (50,000 a second) came out of a buffer, not out of a model."""
LEAST_BYTES = 1.5
"""Bytes of text per token: with fewer, tokens were counted that were not streamed. BPE tokens have 3 to 5."""
MOST_BYTES = 32
"""Bytes of text per token: with more, the count is not of this text. Only runs of one character get there."""
MOST_EACH = 1.25
"""Tokens per event up to which the events alone show that the tokens were streamed, however short the text."""
ENOUGH_TOKENS = 8
"""An answer of fewer tokens does not say how many bytes a token has."""


class Pace(NamedTuple):
    """TPOT, in how many tokens' time, and what it is based on."""

    tpot_s: float
    tokens: float
    basis: PaceBasis


class _Part(NamedTuple):
    """A part of a stream: its tokens, the instants of its token events, the bytes of text of each."""

    tokens: int
    instants: Sequence[int]
    sizes: Sequence[int]

    @property
    def one_each(self) -> bool:
        """Whether an event is a token, but for 5 %, or one: the last token often has no text, it ends the answer."""
        return self.tokens - len(self.instants) <= max(1, self.tokens // 20)


def pace(
    outcome: Completion | Failure, instants: Sequence[int], sizes: Sequence[int], *, first_answer_ns: int | None
) -> Pace | None:
    """Return the pace of an answer; None where it cannot be known.

    instants, sizes: of each token event, in ns, and the UTF-8 bytes of its text. first_answer_ns: the first token
    event that is not reasoning. A count of chunks is not one of tokens, and one of several choices not of this one.
    """
    if isinstance(outcome, Failure) or outcome.token_source in (None, "chunks") or outcome.others:
        return None
    if outcome.tokens is None or len(instants) < 2:
        return None
    begins = len(instants) if first_answer_ns is None else bisect_left(instants, first_answer_ns)
    if not outcome.reasoning and 0 < begins < len(instants):  # what came before it was encrypted
        shown = _streamed(outcome, instants[begins:], sizes[begins:])
        return None if shown is None else _of(shown, "answer")
    whole = _streamed(outcome, instants, sizes)
    if whole is None or not outcome.reasoning or not outcome.usage.reasoning_tokens:
        return None if whole is None else _of(whole, None)
    answer = _Part(whole.tokens - outcome.usage.reasoning_tokens, instants[begins:], sizes[begins:])
    if whole.one_each or _all_reasoning(answer, outcome.usage.reasoning_tokens, sum(sizes[:begins])):
        return _of(whole, None)
    return _of(answer, "answer")


def _streamed(outcome: Completion, instants: Sequence[int], sizes: Sequence[int]) -> _Part | None:
    """Return the whole stream with its tokens, as far as the server's counts say; None where they cannot be of it."""
    tokens, thought = outcome.tokens or 0, outcome.usage.reasoning_tokens
    outside = thought is not None and thought > tokens  # counted beside the completion, not in it
    if outcome.reasoning:
        tokens += thought if outside and thought else 0
        if not thought and len(instants) > tokens + max(2, tokens // 10):
            return None  # the count leaves the reasoning out
        return _Part(tokens, instants, sizes)
    shown = _Part(tokens if outside else tokens - (thought or 0), instants, sizes)
    if len(instants) > shown.tokens + max(2, shown.tokens // 10) and _Part(tokens, instants, sizes).one_each:
        return _Part(tokens, instants, sizes)  # the reasoning was streamed, unmarked, in the text
    return shown


def _all_reasoning(answer: _Part, thought: int, size: int) -> bool:
    """Whether all of the reasoning was streamed: it has at least 3/4 of the answer's bytes per token.

    Otherwise it was a part of it, or a summary. The answer's pace is right in either case.
    """
    if answer.tokens >= ENOUGH_TOKENS and answer.sizes:
        return size / thought >= 0.75 * sum(answer.sizes) / answer.tokens
    return size / thought >= 2


def _of(part: _Part, basis: PaceBasis | None) -> Pace | None:
    """Return the pace of a part of the stream: its tokens after the first event / the time after it."""
    tokens, instants, sizes = part
    if tokens < 2 or len(instants) < 2 or sum(sizes) > MOST_BYTES * tokens:
        return None
    each: Sequence[float]
    if part.one_each:
        each = [min(1.0, tokens / len(instants))] * len(instants)
    elif (size := sum(sizes)) >= LEAST_BYTES * tokens or (size and tokens <= MOST_EACH * len(instants)):
        each = [tokens * one / size for one in sizes]
    else:
        return None
    pieces = _pieces(instants, each)
    after = tokens - max(1.0, pieces[0])
    too_few = len(pieces) - pieces.count(0.0) < 3 and max(pieces) > 1
    if too_few or after < 1 or max(pieces) > max(1.0, tokens / 2):
        return None
    return Pace((instants[-1] - instants[0]) / 1e9 / after, after, basis or ("events" if part.one_each else "sizes"))


def _pieces(instants: Sequence[int], each: Sequence[float]) -> list[float]:
    """Return the tokens of each piece of a stream: of all events at one instant.

    Instants that follow faster than `BURST_NS` for each token belong to one piece: a buffer that was emptied.
    """
    pieces, before = [0.0], instants[0]
    for instant, events in groupby(zip(instants, each, strict=True), key=itemgetter(0)):
        tokens = sum(one for _, one in events)
        if instant - before >= BURST_NS * tokens:
            pieces.append(0.0)
        pieces[-1] += tokens
        before = instant
    return pieces


def burst(instants: Sequence[int]) -> bool:
    """Return whether two or more token events came at once, so that their gaps say nothing about the model."""
    return len(instants) >= 2 and instants[-1] - instants[0] < BURST_NS * (len(instants) - 1)
