"""Pages as HTML: headings, tables, lists. Nothing here writes text of others without escaping it."""

import base64
import hashlib
import html
import itertools
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files

from evalrun.escape import tty
from evalrun.report.page import Block, Page, Quantity, Text, encoded


def escaped(text: str) -> str:
    """Return foreign text as HTML that only displays it, on one line."""
    return html.escape(tty(text))


@cache
def asset(package: str, file: str) -> str:
    """Return a style or a script that pages are given as it is."""
    return files(package).joinpath(file).read_text(encoding="utf-8")


def allowed(code: str) -> str:
    """Return the source of a content security policy that allows this style or script, and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"


def words(text: Text) -> str:
    """Return a text of a page as HTML."""
    return html.escape(encoded(text, tty))


def alerts(texts: Iterable[Text]) -> str:
    """Return what must be read first; nothing where there is nothing."""
    items = listed(texts)
    return f'<ul class="alerts">{items}</ul>' if items else ""


def listed(texts: Iterable[Text]) -> str:
    """Return the items of a list."""
    return "".join(f"<li>{words(text)}</li>" for text in texts)


def table(head: Iterable[Text], rows: Iterable[Iterable[Text]], *, caption: Text = "") -> str:
    """Return a table; the first cell of a row is its heading, numbers are aligned."""
    first, *others = head
    heads = f'<th scope="col">{words(first)}</th>' if words(first) else "<td></td>"
    heads += "".join(f'<th scope="col" class="number">{words(cell)}</th>' for cell in others)
    body = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in rows)
    return framed(caption, f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody>", named=first)


def framed(caption: Text, body: str, *, named: Text = "", wide: bool = False) -> str:
    """Return a table in a frame that scrolls. named: what a reader who cannot see it is told, without a caption."""
    title = f"<caption>{words(caption)}</caption>" if caption else ""
    kind = ' class="wide"' if wide else ""
    said = words(caption or named) or "table"
    return f'<div class="scroll" tabindex="0" role="group" aria-label="{said}"><table{kind}>{title}{body}</table></div>'


def number(cell: Text) -> str:
    """Return a cell of a table; a number that must not be used is struck out."""
    bad = isinstance(cell, Quantity) and "invalid" in cell.marks
    shown = f"<del>{words(cell)}</del>" if bad else words(cell)
    return f'<td class="number{" invalid" if bad else ""}">{shown}</td>'


def _cells(row: Iterable[Text]) -> Iterator[str]:
    cells = iter(row)
    yield from (f'<th scope="row">{words(cell)}</th>' for cell in itertools.islice(cells, 1))
    yield from map(number, cells)


def page(found: Page) -> str:
    """Return a whole page: its title, alerts, tables, sections and footnotes."""
    return f"<h2>{words(found.title)}</h2>{contents(found)}"


def contents(found: Page) -> str:
    """Return a page without its title."""
    parts = [alerts(found.alerts), *map(block, found.blocks)]
    parts += [f"<h3>{words(each.title)}</h3><ul>{listed(each.items)}</ul>" for each in found.sections]
    return "".join([*parts, notes(found.notes)])


def block(found: Block) -> str:
    """Return a block as a table."""
    return table((found.title, *found.heads), ((row.label, *row.values) for row in found.rows))


def notes(texts: Iterable[Text]) -> str:
    """Return footnotes."""
    items = "".join(f"<p>{words(text)}</p>" for text in texts)
    return f'<div class="notes">{items}</div>' if items else ""
