"""A table as GitHub-flavoured Markdown. No HTML but `<code>`, no link, no image, no mention."""

from collections.abc import Iterator

from evalrun.escape import markdown as encode
from evalrun.report import lines
from evalrun.report.lines import Block
from evalrun.table import Table


def render(table: Table) -> str:
    """Return the table as Markdown: one table a task, a column for each target."""
    out = [f"**{lines.title(table, encode)}**", ""]
    for alert in lines.alerts(table, encode):
        out += [f"> **WARNING** {alert}", ""]
    for block in lines.blocks(table, encode):
        out += [*grid(block), ""]
    if table.examples:
        out += ["Worth a look", "", *(f"- {example}" for example in lines.examples(table, encode)), ""]
    out += [f"- {note}" for note in lines.footnotes(table, encode)]
    return "\n".join(out) + "\n"


def grid(block: Block) -> Iterator[str]:
    """Return a block as the lines of one table."""
    yield "| " + " | ".join((block.title, *block.targets)) + " |"
    yield "|---|" + "---:|" * len(block.targets)
    yield from ("| " + " | ".join((row.label, *row.values)) + " |" for row in block.rows)
