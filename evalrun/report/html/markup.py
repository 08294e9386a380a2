"""Pages as HTML: headings, tables, lists. Nothing here writes text of others without escaping it."""

import html
import re
from collections.abc import Iterable, Iterator

from evalrun.escape import tty
from evalrun.report.page import Block, Page, Quantity, Text, encoded

LONGEST_ID = 60


def escaped(text: str) -> str:
    """Return foreign text as HTML that only displays it, on one line."""
    return html.escape(tty(text))


def words(text: Text) -> str:
    """Return a text of a page as HTML."""
    if isinstance(text, str):
        return html.escape(text)
    if isinstance(text, tuple):
        return "".join(map(words, text))
    return html.escape(encoded(text, tty))


def anchor(text: str) -> str:
    """Return an id for a heading."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_ID] or "section"


def alerts(texts: Iterable[Text]) -> str:
    """Return what must be read first; nothing where there is nothing."""
    items = "".join(f"<li>{words(text)}</li>" for text in texts)
    return f'<ul class="alerts" role="alert">{items}</ul>' if items else ""


def table(head: Iterable[Text], rows: Iterable[Iterable[Text]], *, caption: Text = "") -> str:
    """Return a table; the first cell of a row is its heading, numbers are aligned."""
    heads = "".join(f'<th scope="col">{words(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in rows)
    title = f"<caption>{words(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll" tabindex="0"><table>{title}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def _cells(row: Iterable[Text]) -> Iterator[str]:
    for number, cell in enumerate(row):
        if number == 0:
            yield f'<th scope="row">{words(cell)}</th>'
        else:
            bad = isinstance(cell, Quantity) and "invalid" in cell.marks
            yield f'<td class="number{" invalid" if bad else ""}">{words(cell)}</td>'


def page(found: Page, *, level: int = 2) -> str:
    """Return a whole page: its title, alerts, tables, sections and footnotes."""
    parts = [
        f'<h{level} id="{anchor(encoded(found.title, tty))}">{words(found.title)}</h{level}>',
        alerts(found.alerts),
    ]
    parts += map(block, found.blocks)
    for section in found.sections:
        items = "".join(f"<li>{words(item)}</li>" for item in section.items)
        parts.append(f"<h{level + 1}>{words(section.title)}</h{level + 1}><ul>{items}</ul>")
    parts.append(notes(found.notes))
    return "".join(parts)


def block(found: Block) -> str:
    """Return a block as a table."""
    return table((found.title, *found.heads), ((row.label, *row.values) for row in found.rows))


def notes(texts: Iterable[Text]) -> str:
    """Return footnotes."""
    items = "".join(f"<p>{words(text)}</p>" for text in texts)
    return f'<div class="notes">{items}</div>' if items else ""
