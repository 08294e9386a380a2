"""A page as plain lines for a terminal, from 20 columns up. No colours, no box drawing, no terminal control.

Columns that do not fit beside the others continue in a further block, so that no number is ever cut; on a terminal
too narrow for even one column, a value follows its label.
"""

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence

from evalrun.escape import tty
from evalrun.report.page import Block, Page, encoded

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
    for line in page.about:
        yield from wrapped(encoded(line, tty), width)
    for alert in page.alerts:
        yield from wrapped(encoded(alert, tty), width, first="!! ", rest="   ")
    for block in page.blocks:
        yield from _block(block, width)
    for section in page.sections:
        yield from ("", *wrapped(encoded(section.title, tty), width))
        for item in section.items:
            yield from wrapped(encoded(item, tty), width, first="- ", rest="  ")
    yield from [""] if page.notes else []
    for note in page.notes:
        yield from wrapped(encoded(note, tty), width, rest="  ")


def _block(block: Block, width: int) -> Iterator[str]:
    """Return a block in as many parts as the width needs, an empty line before each."""
    head, *rows = block.cells(tty)
    grid = [[head[0], *(text if len(text) <= HEAD else text[: HEAD - 2] + ".." for text in head[1:])], *rows]
    sections = ["", *(row.section for row in block.rows)]
    most = LABEL if width >= 60 else NARROW_LABEL
    labels = max((wide for wide in (_width(row[0]) for row in rows) if wide <= most), default=most)
    columns = [max(map(_width, column)) for column in list(zip(*grid, strict=True))[1:]]
    for begin, end in _parts(columns, width - labels):
        part = [(row[0], row[1 + begin : 1 + end]) for row in grid]
        yield ""
        if labels + GAP + columns[begin] > width:
            yield from _stacked(part, width)
            continue
        for place, (label, values) in enumerate(part):
            if place > 1 and sections[place] != sections[place - 1]:
                yield ""
            yield from _line(label, values, labels=labels, columns=columns[begin:end], width=width)
            if place == 0:
                yield "-" * (labels + sum(GAP + column for column in columns[begin:end]))


def _parts(columns: list[int], room: int) -> Iterator[tuple[int, int]]:
    """Split columns into parts that fit the room, each of one column at least."""
    begin = 0
    while begin < len(columns):
        end = begin + 1
        while end < len(columns) and sum(GAP + column for column in columns[begin : end + 1]) <= room:
            end += 1
        yield begin, end
        begin = end


def _line(label: str, values: list[str], *, labels: int, columns: list[int], width: int) -> Iterator[str]:
    if _width(label) > labels:
        yield from wrapped(label, width)
        label = ""
    cells = (" " * (GAP + column - _width(value)) + value for value, column in zip(values, columns, strict=True))
    yield label + " " * (labels - _width(label)) + "".join(cells)


def _stacked(part: list[tuple[str, list[str]]], width: int) -> Iterator[str]:
    """Return a part of one column for a very narrow terminal: each value after its label."""
    (title, heads), *rows = part
    yield from wrapped(f"{title}, {heads[0]}", width)
    yield "-" * width
    for label, values in rows:
        yield from wrapped(f"{label}: {values[0]}", width, rest="  ")


def wrapped(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """Return a text as lines of at most `width` columns, broken at spaces."""
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [""]


def _width(text: str) -> int:
    """Return the columns a text takes: two for wide East Asian characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
