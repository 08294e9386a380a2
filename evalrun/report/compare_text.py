"""A comparison as plain lines for a terminal: as `text` lays out a table. No colours, no control characters."""

from collections.abc import Sequence

from evalrun.compare.values import Contrast
from evalrun.escape import tty
from evalrun.report import compare_lines
from evalrun.report.text import NARROWEST, laid_out, wrapped


def render(contrasts: Sequence[Contrast], *, width: int = 100) -> str:
    """Return the comparisons, one below the other, for a terminal `width` columns wide."""
    width = max(width, NARROWEST)
    out: list[str] = []
    for contrast in contrasts:
        out += [""] * bool(out) + wrapped(compare_lines.title(contrast, tty), width)
        for block in compare_lines.blocks(contrast, tty):
            out += laid_out(block, width)
        for pair in contrast.pairs:
            if headline := compare_lines.flipped(pair, tty):
                out += ["", *wrapped(headline, width)]
            for line in compare_lines.flips(pair, tty):
                out += wrapped(line, width, first="- ", rest="  ")
        out.append("")
        for note in compare_lines.notes(contrast, tty):
            out += wrapped(note, width, rest="  ")
    return "\n".join(line.rstrip() for line in out) + "\n"
