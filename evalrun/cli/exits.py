"""How the program ends: exit codes and last words. The codes are in `evalrun --help` and docs/faults.md."""

import errno
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TextIO

from evalrun.errors import EvalrunError, StoreError
from evalrun.escape import tty

OK, REGRESSED, USAGE, NO_VERDICT, CAPPED, BUG, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 4, 70, 130, 143


def say(text: str = "") -> None:
    """Write a line for people to standard error; standard output is for tables."""
    put(sys.stderr, text + "\n")


def write(text: str, *, end: str = "\n") -> None:
    """Write to standard output, in UTF-8 whatever the terminal claims to be: tables are made of it."""
    put(sys.stdout, text + end)


def put(stream: TextIO | None, text: str) -> None:
    """Write to a standard stream, or to nobody where it is gone: a reader that left must not end a paid run."""
    if stream is None:
        return
    try:
        stream.buffer.write(text.encode("utf-8", "backslashreplace"))
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # else the interpreter complains at exit
        if error.errno == errno.ENOSPC:
            raise StoreError("standard output: no space left on its device; free some and print again") from error


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


def width() -> int:
    """Return the terminal's width in columns."""
    return shutil.get_terminal_size((100, 24)).columns
