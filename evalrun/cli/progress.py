"""Progress on standard error: a bar on a terminal, plain lines every ten seconds elsewhere, or nothing."""

import os
import sys
import time
from decimal import Decimal
from typing import NoReturn, TextIO, cast

from tqdm import tqdm

from evalrun.cli.exits import put, say
from evalrun.escape import tty
from evalrun.price import Budget
from evalrun.run.ask import Tally

EVERY_S = 10.0


class Quiet:
    """Says what must be said, shows no progress."""

    def begin(self, target: str, task: str, *, total: int, tally: Tally, budget: Budget) -> None:
        """A task of a target begins; `tally` and `budget` are read at every `changed`."""

    def changed(self) -> None:
        """One more request is over."""

    def end(self) -> None:
        """The task is over."""

    def say(self, text: str) -> None:
        """Say a sentence that stays."""
        say(tty(text))

    def surveying(self, task: str) -> None:
        """The data of a task is being read."""

    def fetching(self, done: int, total: int) -> None:
        """So many bytes of the weights are here."""

    def scoring(self, done: int) -> None:
        """So many answers are scored."""


class Lines(Quiet):
    """A line every ten seconds, for logs."""

    def __init__(self) -> None:
        self._said_at = time.monotonic()
        self._title = ""
        self._total = 0
        self._tally: Tally | None = None
        self._budget: Budget | None = None

    def begin(self, target: str, task: str, *, total: int, tally: Tally, budget: Budget) -> None:
        self._title, self._total, self._tally, self._budget = tty(f"{target} {task}"), total, tally, budget
        self._said_at = time.monotonic()
        say(f"{self._title}: {total} requests")

    def changed(self) -> None:
        if self._is_time():
            self._report()

    def end(self) -> None:
        self._report()
        self._tally = None

    def fetching(self, done: int, total: int) -> None:
        if self._is_time():
            say(f"fetched {done / 1e6:.0f} of {total / 1e6:.0f} MB")

    def scoring(self, done: int) -> None:
        if self._is_time():
            say(f"scored {done} answers")

    def _is_time(self) -> bool:
        due = time.monotonic() - self._said_at >= EVERY_S
        if due:
            self._said_at = time.monotonic()
        return due

    def _report(self) -> None:
        if self._tally is not None and self._budget is not None:
            done = self._tally.earlier + self._tally.ok + self._tally.failed
            say(f"{self._title}: {done}/{self._total}, {described(self._tally, self._budget, rate=None)}")


class Terminal:
    """Standard error as tqdm wants it, which a terminal that was closed does not break."""

    encoding = "utf-8"

    def write(self, text: str) -> None:
        put(sys.stderr, text)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return sys.stderr.fileno()


class Bar(Quiet):
    """One line that is drawn over, with rate and time left."""

    def __init__(self) -> None:
        self._bar: tqdm[NoReturn] | None = None
        self._tally: Tally | None = None
        self._budget: Budget | None = None
        self._began = 0.0

    def begin(self, target: str, task: str, *, total: int, tally: Tally, budget: Budget) -> None:
        self._tally, self._budget, self._began = tally, budget, time.monotonic()
        self._bar = tqdm(
            total=total,
            desc=tty(f"{target} {task}"),
            unit="req",
            dynamic_ncols=True,
            leave=True,
            file=cast(TextIO, Terminal()),
        )

    def changed(self) -> None:
        if self._bar is None or self._tally is None or self._budget is None:
            return
        rate = self._tally.tokens / max(time.monotonic() - self._began, 1e-9)
        self._bar.set_postfix_str(described(self._tally, self._budget, rate=rate), refresh=False)
        if self._bar.initial != self._tally.earlier:  # done by earlier sessions: no part of this one's rate
            self._bar.initial = self._bar.n = self._tally.earlier
        self._bar.update(self._tally.earlier + self._tally.ok + self._tally.failed - self._bar.n)

    def end(self) -> None:
        self.changed()
        self._close()

    def say(self, text: str) -> None:
        with tqdm.external_write_mode(file=cast(TextIO, Terminal())):
            say(tty(text))

    def surveying(self, task: str) -> None:
        self._show(f"reading {tty(task)}")

    def fetching(self, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = tqdm(
                total=total,
                desc="weights",
                unit="B",
                unit_scale=True,
                dynamic_ncols=True,
                file=cast(TextIO, Terminal()),
            )
        self._bar.update(done - self._bar.n)
        if done >= total:
            self._close()

    def scoring(self, done: int) -> None:
        if self._bar is None:
            self._bar = tqdm(
                desc="scoring", unit="answer", dynamic_ncols=True, leave=False, file=cast(TextIO, Terminal())
            )
        self._bar.update(done - self._bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None

    def _show(self, text: str) -> None:
        if self._bar is not None:
            self._bar.set_description_str(text)


def described(tally: Tally, budget: Budget, *, rate: float | None) -> str:
    """Return the numbers of the line: ok, failed, retried, tokens a second, spend against the cap."""
    parts = [f"{tally.ok} ok"]
    if tally.failed:
        parts.append(f"{tally.failed} failed")
    if tally.retried:
        parts.append(f"{tally.retried} retried")
    if rate is not None:
        parts.append(f"{rate:.0f} tok/s")
    if budget.cap is not None or budget.spent:
        parts.append(f"${_short(budget.spent)}" + (f" of ${_short(budget.cap)}" if budget.cap is not None else ""))
    return ", ".join(parts)


def _short(usd: Decimal) -> str:
    return f"{usd:.4f}" if usd < 1 else f"{usd:.2f}"


def progress(*, quiet: bool) -> Quiet:
    """Choose how to show progress: by what standard error is, not by what standard output is."""
    if quiet:
        return Quiet()
    return Bar() if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else Lines()
