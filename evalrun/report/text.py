"""A page as plain lines for a terminal, from 20 columns up. No colours, no box drawing, no terminal control.

Columns that do not fit beside the others continue in a further block, so that no number is ever cut; on a terminal
too narrow for even one column, a value follows its label.
"""

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence

from evalrun.escape import tty
from evalrun.report.page import Grid, GridRow, Page, encoded

NARROWEST = 20
LABEL, NARROW_LABEL = 28, 20  # longer labels get a line of their own
HEAD = 24  # longer heads are cut
GAP = 2


def render(pages: Sequence[Page], *, width: int) -> str:
    """Return the pages for a terminal `width` columns wide, one below the other."""
    width = max(width, NARROWEST)
    return "\n".join("".join(line.rstrip() + "\n" for line in _page(page, width)) for page in pages)


def _page(page: Page, width: int) -> Iterator[str]:
    yield from wrapped(encoded(page.title, tty), width)
    for alert in page.alerts:
        yield from wrapped(encoded(alert, tty), width, first="!! ", rest="   ")
    for block in page.blocks:
        for part in _parts(block.encoded(tty), width):
            yield ""
            yield from _grid(part, width)
    for section in page.sections:
        yield from ("", *wrapped(encoded(section.title, tty), width))
        for item in section.items:
            yield from wrapped(encoded(item, tty), width, first="- ", rest="  ")
    yield from [""] if page.notes else []
    for note in page.notes:
        yield from wrapped(encoded(note, tty), width, rest="  ")


# ---------------------------------------------------------------- blocks


def _parts(grid: Grid, width: int) -> Iterator[Grid]:
    """Split a block into ones with as many columns as fit, at least one."""
    room = width - _label_width(grid.rows, width)
    begin = 0
    while begin < len(grid.heads):
        end, used = begin, 0
        while end < len(grid.heads) and (end == begin or used + GAP + _column(grid, end) <= room):
            used += GAP + _column(grid, end)
            end += 1
        yield Grid(grid.title, grid.heads[begin:end], [row._replace(values=row.values[begin:end]) for row in grid.rows])
        begin = end


def _grid(grid: Grid, width: int) -> Iterator[str]:
    labels = _label_width(grid.rows, width)
    columns = [_column(grid, place) for place in range(len(grid.heads))]
    total = labels + sum(GAP + column for column in columns)
    if total > width:
        yield from _stacked(grid, width)
        return
    head = GridRow(grid.title, [_cut(head) for head in grid.heads], "")
    yield from _line(head, labels=labels, columns=columns, width=width)
    yield "-" * total
    for above, row in zip((grid.rows[0], *grid.rows), grid.rows, strict=False):
        if row.section != above.section:
            yield ""
        yield from _line(row, labels=labels, columns=columns, width=width)


def _line(row: GridRow, *, labels: int, columns: list[int], width: int) -> Iterator[str]:
    label = row.label
    if _width(label) > labels:
        yield from wrapped(label, width)
        label = ""
    cells = (" " * (GAP + column - _width(value)) + value for value, column in zip(row.values, columns, strict=True))
    yield label + " " * (labels - _width(label)) + "".join(cells)


def _stacked(grid: Grid, width: int) -> Iterator[str]:
    """Return a block of one column for a very narrow terminal."""
    yield from wrapped(f"{grid.title}, {_cut(grid.heads[0])}", width)
    yield "-" * width
    for row in grid.rows:
        yield from wrapped(f"{row.label}: {row.values[0]}", width, rest="  ")


def _label_width(rows: list[GridRow], width: int) -> int:
    most = LABEL if width >= 60 else NARROW_LABEL
    return max((_width(row.label) for row in rows if _width(row.label) <= most), default=most)


def _column(grid: Grid, place: int) -> int:
    return max(_width(_cut(grid.heads[place])), *(_width(row.values[place]) for row in grid.rows))


def _cut(head: str) -> str:
    return head if len(head) <= HEAD else head[: HEAD - 2] + ".."


# ---------------------------------------------------------------- lines


def wrapped(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """Return a text as lines of at most `width` columns, broken at spaces."""
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [""]


def _width(text: str) -> int:
    """Return the columns a text takes: two for wide East Asian characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
