"""How the program speaks and how it ends: its two streams, its exit codes, its last words about an error."""

import errno
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from evalrun.errors import EvalrunError, StoreError, SuiteError, TargetError
from evalrun.escape import tty

if TYPE_CHECKING:
    from evalrun.report.page import Page

OK, REGRESSED, USAGE, NO_VERDICT, CAPPED, STORE, BUG, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 4, 5, 70, 130, 143
"""Every exit code there is; docs/faults.md says what to do about each."""
OF_ERRORS: tuple[tuple[type[EvalrunError], int], ...] = (
    (SuiteError, USAGE),
    (StoreError, STORE),
    (TargetError, NO_VERDICT),
)
EPILOG = f"""\b
Exit codes: {OK} done, {REGRESSED} a gate failed, {USAGE} the suite or the command is wrong (nothing was sent), \
{NO_VERDICT} no verdict (endpoint
unusable or too many failures), {CAPPED} the money cap was reached, {STORE} the results folder cannot be used, \
{INTERRUPTED}/{TERMINATED} interrupted.
"""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP came while nothing listened to it: what listens to Ctrl-C hears it too."""


def begin() -> None:
    """Prepare the process: closed standard streams lead nowhere, and a request to end has last words."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number, so that no file or socket gets it
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115  it lasts as long as the process
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # else as `nohup` wants it
            signal.signal(number, _terminate)


def _terminate(number: int, _: object) -> None:
    signal.signal(number, signal.SIG_DFL)  # a second one ends it
    raise Terminated


def say(text: str = "") -> None:
    """Write a line for people to standard error; standard output is for tables."""
    put(sys.stderr, text + "\n")


def write(text: str = "", *, end: str = "\n") -> None:
    """Write to standard output, in UTF-8 whatever the terminal claims to be: tables are made of it."""
    put(sys.stdout, text + end)


def put(stream: TextIO | None, text: str) -> None:
    """Write to a standard stream, or nowhere if it is closed: a reader that left must not end a paid run."""
    if stream is None:
        return
    try:
        stream.buffer.write(text.encode("utf-8", "backslashreplace"))
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # else the interpreter complains at exit
        if error.errno == errno.ENOSPC:
            raise StoreError("standard output: no space left on its device; free some and print again") from error


def end_with(error: EvalrunError) -> int:
    """Say what went wrong, with control characters made visible, and return the exit code."""
    for number, line in enumerate(str(error).splitlines() or [""]):
        say(("evalrun: " if number == 0 else "") + tty(line))
    return next((code for kind, code in OF_ERRORS if isinstance(error, kind)), BUG)


def report_bug(bug: Exception) -> int:
    """Write the traceback to a file and say where it is: easy to report, and no flood on the terminal."""
    with tempfile.NamedTemporaryFile("w", prefix="evalrun-bug-", suffix=".txt", delete=False, encoding="utf-8") as file:
        traceback.print_exception(bug, file=file)
    say(f"evalrun: a bug in evalrun: {tty(type(bug).__name__)}: {tty(str(bug))}")
    say(f"evalrun: the traceback is in {Path(file.name)}; please report it")
    return BUG


def print_pages(pages: "Sequence[Page]", form: str, *, full: bool = True) -> None:
    """Print pages in a format; on the terminal in one screen each unless they are to be full."""
    from evalrun.report import render, text

    if form == "text":
        shown = [page if full or page.brief is None else page.brief for page in pages]
        write(text.render(shown, width=width(), colour=colours()), end="")
    else:
        write(render(pages, form, width=width()), end="")


def colours() -> bool:
    """Whether standard output shows colours: by NO_COLOR, then FORCE_COLOR, then what it is and TERM says."""
    environ = os.environ
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return environ["FORCE_COLOR"] not in ("0", "false")
    return sys.stdout.isatty() and environ.get("TERM") not in (None, "", "dumb")


def width() -> int:
    """Return the terminal's width in columns."""
    return shutil.get_terminal_size((100, 24)).columns
