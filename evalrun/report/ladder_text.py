"""Ladders as plain lines for a terminal: as `text` lays out a table. The plot is `ladder_plot`'s."""

from collections.abc import Sequence

from evalrun.escape import tty
from evalrun.report import ladder_lines
from evalrun.report.ladder_lines import Labelled
from evalrun.report.text import NARROWEST, laid_out, wrapped


def render(ladders: Sequence[Labelled], *, width: int = 100) -> str:
    """Return the ladders for a terminal `width` columns wide."""
    width = max(width, NARROWEST)
    out = [*wrapped(ladder_lines.title(ladders, tty), width)]
    for alert in ladder_lines.alerts(ladders, tty):
        out += wrapped(alert, width, first="!! ", rest="   ")
    for block in ladder_lines.blocks(ladders, tty):
        out += laid_out(block, width)
    out.append("")
    for note in ladder_lines.footnotes(ladders, tty):
        out += wrapped(note, width, rest="  ")
    return "\n".join(line.rstrip() for line in out) + "\n"
