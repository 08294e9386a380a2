"""Being asked to stop: signals become a reason and a grace period. The journal needs no care, it is always valid."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator

GRACE_S = {signal.SIGINT: 2.0, signal.SIGTERM: 0.8, signal.SIGHUP: 0.8}  # for what is in flight
END_S = {signal.SIGINT: 4.5, signal.SIGTERM: 1.6, signal.SIGHUP: 1.6}  # for scoring what there is, from the signal on


class Stop:
    """Whether and why to stop. signal: the first that came. A second SIGINT leaves at once."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self.busy: Callable[[], bool] = lambda: False
        self._heard_at = 0.0

    def left_s(self) -> float:
        """Return how many seconds are left until the process should have ended."""
        assert self.signal is not None
        return max(0.1, self._heard_at + END_S[self.signal] - time.monotonic())

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Catch the signals while the current task runs: it is cancelled when the grace period is over."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def heard(number: signal.Signals) -> None:
            if self.signal is not None:
                os._exit(128 + number)  # the children die with us (PDEATHSIG), the journal is whole up to its last line
            self.signal, self._heard_at = number, time.monotonic()
            loop.call_later(GRACE_S[number] if self.busy() else 0.0, task.cancel)

        for number in GRACE_S:
            loop.add_signal_handler(number, heard, number)
        try:
            yield
        finally:
            for number in GRACE_S:
                loop.remove_signal_handler(number)
