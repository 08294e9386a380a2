"""How late this client served its own reads, which is the error its latencies may carry. It judges nothing.

Two views of it, each blind to something:

- the age of every read's bytes by the kernel's stamp: exact, but of several segments it is the age of the last only;
- how late the event loop ran a timer: every hold-up of the loop, to a millisecond or so.
"""

import asyncio
import time
from collections.abc import Callable

SUB_BITS = 3  # 8 buckets for each power of two: a quantile is at most 12.5 % too high
LONGEST_NS = 2**62
TICK_S = 0.001


class Histogram:
    """Durations counted in constant memory. Quantiles are the upper edge of their bucket: never too low."""

    def __init__(self) -> None:
        self._buckets = [0] * (64 << SUB_BITS)
        self.count = 0
        self.max_ns = 0

    def add(self, ns: int) -> None:
        """Count one duration in nanoseconds; a negative one is 0."""
        ns = min(max(ns, 0), LONGEST_NS)
        shift = max(ns.bit_length() - SUB_BITS - 1, 0)
        self._buckets[(shift << SUB_BITS) + (ns >> shift)] += 1
        self.count += 1
        if ns > self.max_ns:
            self.max_ns = ns

    def quantile_ns(self, q: float) -> int:
        """Return the duration that a fraction `q` did not exceed; 0 when there are none."""
        seen = 0
        for bucket, count in enumerate(self._buckets):
            seen += count
            if count and seen >= q * self.count:
                return min(_upper_edge_ns(bucket), self.max_ns)
        return 0


def _upper_edge_ns(bucket: int) -> int:
    shift = max((bucket >> SUB_BITS) - 1, 0)
    return ((bucket - (shift << SUB_BITS) + 1) << shift) - 1


class Polls:
    """Knows an instant before the event loop's last poll but one: what is read now was not there then.

        batch n-2     batch n-1     batch n
        r  r  r [poll] r  r  [poll] r  <- its socket was not readable at the poll before batch n-1
              |<------- bound ------|

    A batch is what the loop reads, and the ticks it runs, between two runs of a `call_soon`. Each begins with at least
    one poll of every socket, under asyncio (poll, call_soon, reads) and uvloop (call_soon, poll, reads) alike.
    """

    __slots__ = ("_batch_ns", "_last_ns", "before_ns")

    def __init__(self) -> None:
        self.before_ns = 0  # the last event of batch n-2
        self._batch_ns = 0  # of batch n-1
        self._last_ns = 0  # of batch n, so far; 0 before its first

    def seen(self, loop: asyncio.AbstractEventLoop, now_ns: int) -> None:
        """Note that the loop is about to read, or runs a timer."""
        if not self._last_ns:
            loop.call_soon(self._close)
        self._last_ns = now_ns

    def _close(self) -> None:
        self.before_ns, self._batch_ns, self._last_ns = self._batch_ns, self._last_ns, 0


class LagMeter:
    """The lag of one transport. reads: by the kernel's stamps. loop: of the event loop while requests were out."""

    def __init__(self) -> None:
        self.clear()
        self.polls = Polls()
        self._timer: asyncio.TimerHandle | None = None

    def clear(self) -> None:
        """Forget what was seen, so that the next part of a run is judged by itself."""
        self.reads = Histogram()
        self.loop = Histogram()

    def quantile_s(self, q: float) -> float | None:
        """Return the lag that a fraction `q` did not exceed, by the view that saw more; None before the first."""
        if not self.reads.count + self.loop.count:
            return None
        return max(self.reads.quantile_ns(q), self.loop.quantile_ns(q)) / 1e9

    def watch(self, busy: Callable[[], bool]) -> None:
        """Sample the running event loop while `busy()`, until `stop`. Starting twice is starting once."""
        if self._timer is None:
            self._sleep(asyncio.get_running_loop(), busy)

    def stop(self) -> None:
        """Sample no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sleep(self, loop: asyncio.AbstractEventLoop, busy: Callable[[], bool]) -> None:
        due_ns = time.perf_counter_ns() + round(TICK_S * 1e9)
        self._timer = loop.call_later(TICK_S, self._wake, loop, busy, due_ns)

    def _wake(self, loop: asyncio.AbstractEventLoop, busy: Callable[[], bool], due_ns: int) -> None:
        now_ns = time.perf_counter_ns()
        late_ns = now_ns - due_ns
        if busy():
            self.polls.seen(loop, now_ns)
            self.loop.add(late_ns)
            while (late_ns := late_ns - round(TICK_S * 1e9)) > 0:  # the ticks that this one swallowed
                self.loop.add(late_ns)
        self._sleep(loop, busy)
