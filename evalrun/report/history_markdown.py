"""A history as GitHub-flavoured Markdown. No HTML but `<code>`, no link, no image, no mention."""

from evalrun.escape import markdown as encode
from evalrun.history import History
from evalrun.report import history_lines
from evalrun.report.markdown import grid


def render(history: History) -> str:
    """Return the history as Markdown: a table of trends, then one for each series."""
    out = [f"**{history_lines.heading(history, encode)}**", ""]
    for alert in history.alerts:
        out += [f"> **WARNING** {encode(alert)}", ""]
    for block in history_lines.blocks(history, encode):
        out += [*grid(block), ""]
    for title, said in (
        ("Changes and warnings", history_lines.changed(history, encode)),
        ("Runs without numbers", history_lines.without_numbers(history, encode)),
    ):
        items = [f"- {item}" for item in said]
        out += [title, "", *items, ""] if items else []
    out += [f"- {note}" for note in history_lines.footnotes(history, encode)]
    return "\n".join(out) + "\n"
