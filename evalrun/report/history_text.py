"""A history as plain lines for a terminal: as `text` lays out a table."""

from evalrun.escape import tty
from evalrun.history import History
from evalrun.report import history_lines
from evalrun.report.text import NARROWEST, laid_out, wrapped


def render(history: History, *, width: int = 100) -> str:
    """Return the history for a terminal `width` columns wide."""
    width = max(width, NARROWEST)
    out = [*wrapped(history_lines.heading(history, tty), width)]
    for alert in history.alerts:
        out += wrapped(tty(alert), width, first="!! ", rest="   ")
    for block in history_lines.blocks(history, tty):
        out += laid_out(block, width)
    for title, said in (
        ("Changes and warnings", history_lines.changed(history, tty)),
        ("Runs without numbers", history_lines.without_numbers(history, tty)),
    ):
        items = [line for item in said for line in wrapped(item, width, first="- ", rest="  ")]
        out += ["", title, *items] if items else []
    out.append("")
    for note in history_lines.footnotes(history, tty):
        out += wrapped(note, width, rest="  ")
    return "\n".join(line.rstrip() for line in out) + "\n"
