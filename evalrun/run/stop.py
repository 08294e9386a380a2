"""Being asked to stop: signals become a reason and a grace period. The journal needs no care, it is always valid."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator

GRACE_S = {signal.SIGINT: 3.0, signal.SIGTERM: 1.0, signal.SIGHUP: 1.0}  # for what is in flight


class Stop:
    """Whether and why to stop. signal: the first that came. A second SIGINT leaves at once."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self.busy: Callable[[], bool] = lambda: False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Catch the signals while the current task runs: it is cancelled when the grace period is over."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def heard(number: signal.Signals) -> None:
            if self.signal is not None:
                os._exit(128 + number)  # the children die with us (PDEATHSIG), the journal is whole up to its last line
            self.signal = number
            loop.call_later(GRACE_S[number] if self.busy() else 0.0, task.cancel)

        for number in GRACE_S:
            loop.add_signal_handler(number, heard, number)
        try:
            yield
        finally:
            for number in GRACE_S:
                loop.remove_signal_handler(number)
