"""How the program ends: exit codes and last words. The codes are in `evalrun --help` and docs/faults.md."""

import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from evalrun.errors import EvalrunError
from evalrun.escape import tty

if TYPE_CHECKING:  # `evalrun --help` comes through here
    from evalrun.report import Format

OK, NO_VERDICT, USAGE, CAPPED, STORAGE, BUG, INTERRUPTED, TERMINATED = 0, 3, 2, 4, 5, 70, 130, 143


def say(text: str = "") -> None:
    """Write a line for people to standard error; standard output is for tables."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except (BrokenPipeError, UnicodeEncodeError):
        sys.stderr.buffer.write(text.encode("ascii", "backslashreplace") + b"\n")


def write(text: str, *, end: str = "\n") -> None:
    """Write to standard output, in UTF-8 whatever the terminal claims to be: tables are made of it."""
    try:
        sys.stdout.buffer.write((text + end).encode("utf-8", "backslashreplace"))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader went away (`| head`): no error of ours, and no traceback at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say_error(error: EvalrunError) -> None:
    """Say what went wrong, a line each, with control characters made visible."""
    for number, line in enumerate(str(error).splitlines() or [""]):
        say(("evalrun: " if number == 0 else "") + tty(line))


def report_bug(bug: Exception) -> int:
    """Write the traceback to a file and say where it is: easy to report, and no flood on the terminal."""
    with tempfile.NamedTemporaryFile("w", prefix="evalrun-bug-", suffix=".txt", delete=False, encoding="utf-8") as file:
        traceback.print_exception(bug, file=file)
    say(f"evalrun: a bug in evalrun: {tty(type(bug).__name__)}: {tty(str(bug))}")
    say(f"evalrun: the traceback is in {Path(file.name)}; please report it")
    return BUG


def as_format(form: str) -> "Format":
    """Narrow a text to one of the forms."""
    return next(known for known in ("text", "md", "csv", "json") if known == form)


def width() -> int:
    """Give the terminal's width in columns."""
    return shutil.get_terminal_size((100, 24)).columns
