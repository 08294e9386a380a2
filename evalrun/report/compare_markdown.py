"""A comparison as GitHub-flavoured Markdown. No HTML but `<code>`, no link, no image, no mention."""

from collections.abc import Sequence

from evalrun.compare.values import Contrast
from evalrun.escape import markdown as encode
from evalrun.report import compare_lines
from evalrun.report.markdown import grid


def render(contrasts: Sequence[Contrast]) -> str:
    """Return the comparisons, one below the other."""
    out: list[str] = []
    for contrast in contrasts:
        out += [f"**{compare_lines.title(contrast, encode)}**", ""]
        for block in compare_lines.blocks(contrast, encode):
            out += [*grid(block), ""]
        for pair in contrast.pairs:
            if headline := compare_lines.flipped(pair, encode):
                out += [headline, "", *(f"- {line}" for line in compare_lines.flips(pair, encode)), ""]
        out += [*(f"- {note}" for note in compare_lines.notes(contrast, encode)), ""]
    return "\n".join(out)
