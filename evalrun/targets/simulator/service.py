"""Requests in service, those that wait, and when each chunk of an answer is due. No HTTP; the clock is the caller's.

With c slots and s seconds per request the capacity is c / s requests per second. With m requests in service, what takes
one of them a second alone takes 1 + batch_slowdown * (m - 1) seconds.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from itertools import count

from evalrun.targets.simulator.spec import Simulator


class Service:
    """The slots, and who waits for one in the order of arrival. started_ns: when the server started, monotonic.

    in_service: how many are being answered.
    """

    def __init__(self, spec: Simulator, *, started_ns: int) -> None:
        self._slots, self._most_waiting, self._slowdown = spec.slots, spec.queue, spec.batch_slowdown
        self._frozen = [
            (started_ns + round(one.from_s * 1e9), started_ns + round(one.until_s * 1e9)) for one in spec.freezes
        ]
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.in_service = 0

    @property
    def busy(self) -> bool:
        """Whether the next one must wait."""
        return self._slots is not None and self.in_service >= self._slots

    @property
    def full(self) -> bool:
        """Whether the next one must not even wait."""
        return self.busy and self._most_waiting is not None and len(self._waiting) >= self._most_waiting

    async def enter(self) -> None:
        """Wait for a slot; who enters must leave."""
        if not self.busy:
            self.in_service += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn  # the slot of the one who leaves is handed over: `in_service` stays
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove(turn)
            else:
                self.leave()
            raise

    def leave(self) -> None:
        """Hand the slot to the one who has waited longest."""
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self.in_service -= 1

    def is_steady(self, stall_s: float) -> bool:
        """Whether an answer's schedule is known before it begins."""
        return not (self._slowdown or self._frozen or stall_s)

    def due_ns(
        self, start_ns: int, *, first_s: float, gap_s: float, stall_s: float = 0.0, stall_at: int = 0
    ) -> Iterator[int]:
        """Yield when chunk 0, 1, ... are due. Each is asked for once the one before it was written.

        A steady one is at start + first + k * gap, so that lateness never adds up.
        """
        if self.is_steady(stall_s):
            first_ns, gap_ns = start_ns + round(first_s * 1e9), gap_s * 1e9
            yield from (first_ns + round(number * gap_ns) for number in count())
        at_ns = start_ns + first_s * 1e9 * self._slower()
        for number in count():
            at_ns += stall_s * 1e9 if number == stall_at else 0
            yield self._thawed(round(at_ns))
            at_ns += gap_s * 1e9 * self._slower()

    def _slower(self) -> float:
        return 1 + self._slowdown * (self.in_service - 1)

    def _thawed(self, at_ns: int) -> int:
        for from_ns, until_ns in self._frozen:
            if from_ns <= at_ns < until_ns:
                at_ns = until_ns
        return at_ns
