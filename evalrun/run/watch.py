"""How far a run is, for one callback, and notices, for another; signals that ask it to stop. Prints nothing."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # what scores reports here too, and needs no HTTP library
    from evalrun.price import Budget
    from evalrun.run.ask import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is.

    doing: what: `reading` the data, `fetching` the embedded model's weights, `asking`, or `scoring` the answers.
    target, task: of what; empty where it is no part of one. Targets that are asked in step are `a | b`.
    done, total: rows, bytes, requests or answers. total: None where it is unknown.
    earlier: how many of `done` an earlier session asked.
    ok, failed, retried: requests of this session.
    tokens: output tokens of this session.
    spent_usd, cap_usd: of the whole run. cap_usd: None where there is no cap.
    ended: nothing more follows of this task.
    """

    doing: Literal["reading", "fetching", "asking", "scoring"]
    target: str = ""
    task: str = ""
    done: int = 0
    total: int | None = None
    earlier: int = 0
    ok: int = 0
    failed: int = 0
    retried: int = 0
    tokens: int = 0
    spent_usd: Decimal = Decimal(0)
    cap_usd: Decimal | None = None
    ended: bool = False


def ignore(_: object) -> None:
    """Drop a report: the default of both callbacks."""


class Watch:
    """What the parts of a run report to. on_progress gets a `Progress` at each step, on_notice each sentence."""

    def __init__(
        self, on_progress: Callable[[Progress], None] = ignore, on_notice: Callable[[str], None] = ignore
    ) -> None:
        self.on_progress, self.say = on_progress, on_notice
        self._now: Callable[[], Progress] | None = None

    def begin(self, target: str, task: str, *, total: int, tally: "Tally", budget: "Budget") -> None:
        """A task begins to be asked; `tally` and `budget` are read again at each `changed`."""
        self._now = lambda: Progress(
            doing="asking",
            target=target,
            task=task,
            done=tally.earlier + tally.ok + tally.failed,
            total=total,
            spent_usd=budget.spent,
            cap_usd=budget.cap,
            **asdict(tally),
        )
        self.changed()

    def changed(self) -> None:
        """One more request is over."""
        if self._now is not None:
            self.on_progress(self._now())

    def end(self) -> None:
        """No request of the task is in flight any more."""
        if self._now is not None:
            self.on_progress(replace(self._now(), ended=True))

    def reading(self, task: str) -> None:
        """The data of a task is being read."""
        self.on_progress(Progress(doing="reading", task=task))

    def fetching(self, done: int, total: int) -> None:
        """So many bytes of the weights are here."""
        self.on_progress(Progress(doing="fetching", done=done, total=total, ended=done >= total))

    def scoring(self, done: int, *, ended: bool = False) -> None:
        """So many answers are scored."""
        self.on_progress(Progress(doing="scoring", done=done, ended=ended))


# ---------------------------------------------------------------- signals

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

        before = {number: signal.getsignal(number) for number in GRACE_S}
        if before[signal.SIGHUP] is signal.SIG_IGN:  # as `nohup` wants it
            del before[signal.SIGHUP]
        for number in before:
            loop.add_signal_handler(number, heard, number)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)
