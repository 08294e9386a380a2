"""Progress on standard error: a bar on a terminal, plain lines every ten seconds elsewhere, or nothing."""

import os
import sys
import time
from decimal import Decimal
from typing import NoReturn, TextIO, cast

from tqdm import tqdm

from evalrun.cli.exits import put, say
from evalrun.escape import tty
from evalrun.run.watch import Progress, Watch, ignore

EVERY_S = 10.0


def watching(*, quiet: bool) -> Watch:
    """Choose how to show progress: by what standard error is, not by what standard output is."""
    if quiet:
        return Watch(ignore, _say)
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        bar = Bar()
        return Watch(bar.show, bar.say)
    return Watch(Lines().show, _say)


def _say(text: str) -> None:
    say(tty(text))


class Lines:
    """A line every ten seconds, for logs."""

    def __init__(self) -> None:
        self._said_at = time.monotonic()

    def show(self, at: Progress) -> None:
        """Say how far it is, if it is time; the start and the end of a task always are."""
        begun = at.doing == "asking" and at.done == at.retried == 0
        if begun and not at.ended:
            self._said_at = time.monotonic()
            say(f"{_title(at)}: {at.total} requests")
        elif at.doing == "asking" and (at.ended or self._is_time()):
            say(f"{_title(at)}: {at.done}/{at.total}, {described(at, rate=None)}")
        elif at.doing == "fetching" and self._is_time():
            say(f"fetched {at.done / 1e6:.0f} of {(at.total or 0) / 1e6:.0f} MB")
        elif at.doing == "scoring" and not at.ended and self._is_time():
            say(f"scored {at.done} answers")

    def _is_time(self) -> bool:
        due = time.monotonic() - self._said_at >= EVERY_S
        if due:
            self._said_at = time.monotonic()
        return due


class Terminal:
    """Standard error as tqdm wants it; a terminal that was closed does not break it."""

    encoding = "utf-8"

    def write(self, text: str) -> None:
        put(sys.stderr, text)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return sys.stderr.fileno()


class Bar:
    """One line that is drawn over, with rate and time left."""

    def __init__(self) -> None:
        self._bar: tqdm[NoReturn] | None = None
        self._began = 0.0

    def show(self, at: Progress) -> None:
        """Draw the line; what has ended leaves its last one on the screen."""
        if at.doing == "reading" or (at.ended and self._bar is None):
            return
        if self._bar is None:
            self._began = time.monotonic()
            self._bar = tqdm(
                total=at.total,
                desc=_title(at),
                unit={"asking": "req", "fetching": "B", "scoring": "answer"}[at.doing],
                unit_scale=at.doing == "fetching",
                dynamic_ncols=True,
                leave=at.doing != "scoring",
                file=cast(TextIO, Terminal()),
            )
        if at.doing == "asking":
            rate = at.tokens / max(time.monotonic() - self._began, 1e-9)
            self._bar.set_postfix_str(described(at, rate=rate), refresh=False)
        if self._bar.initial != at.earlier:  # done by earlier sessions: no part of this one's rate
            self._bar.initial = self._bar.n = at.earlier
        self._bar.update(at.done - self._bar.n)
        if at.ended:
            self._bar.close()
            self._bar = None

    def say(self, text: str) -> None:
        """Say a sentence that stays, above the line."""
        with tqdm.external_write_mode(file=cast(TextIO, Terminal())):
            _say(text)


def _title(at: Progress) -> str:
    return tty(f"{at.target} {at.task}") if at.doing == "asking" else {"fetching": "weights"}.get(at.doing, at.doing)


def described(at: Progress, *, rate: float | None) -> str:
    """Return the numbers of the line: ok, failed, retried, tokens a second, spend against the cap."""
    parts = [f"{at.ok} ok"]
    if at.failed:
        parts.append(f"{at.failed} failed")
    if at.retried:
        parts.append(f"{at.retried} retried")
    if rate is not None:
        parts.append(f"{rate:.0f} tok/s")
    if at.cap_usd is not None or at.spent_usd:
        parts.append(f"${_short(at.spent_usd)}" + (f" of ${_short(at.cap_usd)}" if at.cap_usd is not None else ""))
    return ", ".join(parts)


def _short(usd: Decimal) -> str:
    return f"{usd:.4f}" if usd < 1 else f"{usd:.2f}"
