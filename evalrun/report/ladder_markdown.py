"""Ladders as GitHub-flavoured Markdown. No HTML but `<code>`, no link, no image, no mention."""

from collections.abc import Sequence

from evalrun.escape import markdown as encode
from evalrun.report import ladder_lines
from evalrun.report.ladder_lines import Labelled
from evalrun.report.markdown import grid


def render(ladders: Sequence[Labelled]) -> str:
    """Return the ladders as Markdown: a summary, then tables with a row for each size."""
    out = [f"**{ladder_lines.title(ladders, encode)}**", ""]
    for alert in ladder_lines.alerts(ladders, encode):
        out += [f"> **WARNING** {alert}", ""]
    for block in ladder_lines.blocks(ladders, encode):
        out += [*grid(block), ""]
    out += [f"- {note}" for note in ladder_lines.footnotes(ladders, encode)]
    return "\n".join(out) + "\n"
