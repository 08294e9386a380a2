"""Instants to latencies: subtractions and the rules for when a latency is unknown. No clock is read here.

    sent        first            first answer      last     closed
      |---ttft----|                     |            |         |
      |-----------ttfo------------------|            |         |
      |-----------------------e2e--------------------|         |
      |-----------------------stream---------------------------|

All instants are nanoseconds of one monotonic clock. The definitions are docs/metrics.md's. `run.ask` adds the lag of a
request that had a due time.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from evalrun.types import Timing
from evalrun.wire.pace import Pace


class Bounds:
    """How much earlier than recorded token events may have arrived, in ns: the first, the last, and any before it."""

    def __init__(self) -> None:
        self.first_ns = self.last_ns = self.widest_ns = 0

    def add(self, width_ns: int, *, events: int, first: bool) -> None:
        """Count a piece of the answer with so many token events, which may have arrived `width_ns` before its stamp."""
        if first:
            self.first_ns = width_ns
        self.widest_ns = max(self.widest_ns, self.last_ns, width_ns if events > 1 else 0)
        self.last_ns = width_ns


def timing(
    sent_ns: int,
    instants: Sequence[int],
    *,
    connect_ns: int | None,
    first_byte_ns: int | None = None,
    first_answer_ns: int | None = None,
    closed_ns: int | None = None,
    pace: Pace | None = None,
    stamp: Literal["kernel", "user"] = "user",
    bounds: Bounds | None = None,
) -> Timing:
    """Return the latencies of one request.

    sent_ns: the last request byte was handed to the kernel.
    instants: of the token events, in order; empty when the answer was not streamed.
    connect_ns: how long connecting took, None on a reused connection.
    first_answer_ns: the first token event that is not reasoning.
    pace: its time per output token, where that is known.
    bounds: of the token events; unknown where they were stamped in user space.
    """
    first, last = (instants[0], instants[-1]) if instants else (None, None)
    gaps = tuple((b - a) / 1e9 for a, b in pairwise(instants))
    known = bounds or Bounds()
    unknown = stamp == "user" and len(instants) > 0
    return Timing(
        connect_s=(connect_ns or 0) / 1e9,
        reused=connect_ns is None,
        first_byte_s=_after(sent_ns, first_byte_ns),
        ttft_s=_after(sent_ns, first),
        ttfo_s=_after(sent_ns, first_answer_ns),
        e2e_s=_after(sent_ns, last),
        stream_s=_after(sent_ns, closed_ns),
        tpot_s=pace.tpot_s if pace else None,
        tpot_tokens=pace.tokens if pace else None,
        tpot_basis=pace.basis if pace else None,
        max_stall_s=max(gaps, default=None),
        icl_s=gaps,
        stamp=stamp,
        first_bound_s=None if unknown else known.first_ns / 1e9,
        last_bound_s=None if unknown else known.last_ns / 1e9,
        gap_bound_s=None if unknown else _gap_bound_s(gaps, known),
    )


def _gap_bound_s(gaps: Sequence[float], bounds: Bounds) -> float:
    """Return how much smaller any gap but the last, or the longest of all, may have been."""
    if not gaps:
        return 0.0
    before, last = bounds.widest_ns / 1e9, bounds.last_ns / 1e9
    least = max(max(gaps[:-1], default=0.0) - before, gaps[-1] - last)
    return max(before, round(max(gaps) - least, 9))


SUSPENDED_NS = 100_000_000
"""Two clocks that are further apart than this were not only read one after the other: one stood still."""


def was_suspended(began: tuple[int, int], ended: tuple[int, int]) -> bool:
    """Return whether the machine slept between two readings of (a clock that stops in sleep, one that does not)."""
    return (ended[1] - began[1]) - (ended[0] - began[0]) > SUSPENDED_NS


def _after(sent_ns: int, at_ns: int | None) -> float | None:
    """Return the seconds since `sent`; None for an answer that began before the request was out."""
    return None if at_ns is None or at_ns < sent_ns else (at_ns - sent_ns) / 1e9
