"""A page as plain lines for a terminal, from 20 columns up. No box drawing, no terminal control but colours.

Columns that do not fit beside the others continue in a further block, so that no number is ever cut; on a terminal
too narrow for even one column, a value follows its label. Colours repeat what a word, a sign or a number says.
"""

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence

from evalrun.escape import tty
from evalrun.report.page import Block, Page, Quantity, Text, encoded

NARROWEST = 20
LABEL, NARROW_LABEL = 28, 20  # longer labels get a line of their own
SHORT_LABEL = 10  # what a dense block leaves for labels at least
HEAD = 24  # longer heads are cut
GAP = 2
DENSE = ((2, 6), (1, 6), (1, 1))  # gaps between columns and the least width of one, the first that fits
BOLD, DIM, RED, GREEN, YELLOW = "1", "2", "31", "32", "33"
WORDS = {"pass": GREEN, "regressed": RED, "inconclusive": YELLOW, "right": GREEN, "wrong": RED, "failed": RED}
COUNTED = {"failed": RED, "not_sent": RED}
"""What has a colour where it is not 0."""


def render(pages: Sequence[Page], *, width: int, colour: bool = False) -> str:
    """Return the pages for a terminal `width` columns wide, one below the other."""
    width = max(width, NARROWEST)
    return "\n".join("".join(line.rstrip() + "\n" for line in _page(page, width, colour)) for page in pages)


def painted(text: str, colour: str, *, on: bool) -> str:
    """Return a text in a colour of a terminal that has some."""
    return f"\x1b[{colour}m{text}\x1b[0m" if on and colour and text.strip() else text


def _page(page: Page, width: int, colour: bool) -> Iterator[str]:
    for line in wrapped(encoded(page.title, tty), width) if page.title else ():
        yield painted(line, BOLD, on=colour)
    for said in page.about:
        yield from wrapped(encoded(said, tty), width)
    for alert in page.alerts:
        for line in wrapped(encoded(alert, tty), width, first="!! ", rest="   "):
            yield painted(line, YELLOW, on=colour)
    for block in page.blocks:
        yield from _block(block, width, colour)
        yield from [""] if block.notes else []
        for note in block.notes:
            yield from wrapped(encoded(note, tty), width, rest="  ")
    for section in page.sections:
        yield ""
        yield from (painted(line, BOLD, on=colour) for line in wrapped(encoded(section.title, tty), width))
        for item in section.items:
            yield from wrapped(encoded(item, tty), width, first="- ", rest="  ")
    yield from [""] if page.notes else []
    for note in page.notes:
        yield from wrapped(encoded(note, tty), width, rest="  ")


def _block(block: Block, width: int, colour: bool) -> Iterator[str]:
    """Return a block in as many parts as the width needs, an empty line before each."""
    head, *rows = block.cells(tty)
    heads = [text if len(text) <= HEAD else text[: HEAD - 2] + ".." for text in head[1:]]
    values = [max((_width(row[place]) for row in rows), default=0) for place in range(1, len(head))]
    labels = [_width(row[0]) for row in rows if any(row[1:])]
    gap, columns, label = _laid_out(block, heads, values, labels, width)
    colours = [[_colour(value) for value in row.values] for row in block.rows]
    for begin, end in _parts(columns, width - label, gap):
        yield ""
        if label + gap + columns[begin] > width:
            yield from _stacked([(row[0], row[1 + begin : 1 + end]) for row in (head, *rows)], width)
            continue
        wide = columns[begin:end]
        title = encoded(block.title, tty)
        yield from _head(title, heads[begin:end], label=label, columns=wide, gap=gap, width=width, colour=colour)
        for place, row in enumerate(rows):
            if place and block.rows[place].section != block.rows[place - 1].section:
                yield ""
            painting = colours[place][begin:end] if colour else []
            yield from _line(row[0], row[1 + begin : 1 + end], labels=label, columns=wide, width=width, gap=gap,
                             colours=painting)  # fmt: skip


def _laid_out(
    block: Block, heads: list[str], values: list[int], labels: list[int], width: int
) -> tuple[int, list[int], int]:
    """Return the gap, the width of each column and of the labels."""
    most = LABEL if width >= 60 else NARROW_LABEL
    label = max((wide for wide in labels if wide <= most), default=most)
    if not block.dense:
        return GAP, [max(wide, _width(text)) for wide, text in zip(values, heads, strict=True)], label
    gap, columns = GAP, values
    for gap, least in DENSE:
        columns = [
            max(wide, least, *(len(word) for word in text.split()))
            for wide, text in zip(values, heads, strict=True)
        ]  # fmt: skip
        room = width - sum(gap + column for column in columns)
        if room >= max(labels, default=0):
            return gap, columns, max(labels, default=0)
    return gap, columns, room if room >= SHORT_LABEL else label


def _head(
    title: str, heads: list[str], *, label: int, columns: list[int], gap: int, width: int, colour: bool
) -> Iterator[str]:
    """Return the heads, each in as many lines as its column needs, and a rule."""
    stacks = [wrapped(text, column) if _width(text) > column else [text]
              for text, column in zip(heads, columns, strict=True)]  # fmt: skip
    deep = max(map(len, stacks), default=1)
    stacks = [[""] * (deep - len(stack)) + stack for stack in stacks]
    for place in range(deep):
        words = [stack[place] for stack in stacks]
        first = title if place == deep - 1 else ""
        for line in _line(first, words, labels=label, columns=columns, width=width, gap=gap, colours=[]):
            yield painted(line.rstrip(), BOLD, on=colour)
    yield "-" * (label + sum(gap + column for column in columns))


def _parts(columns: list[int], room: int, gap: int) -> Iterator[tuple[int, int]]:
    """Split columns into parts that fit the room, each of one column at least."""
    begin = 0
    while begin < len(columns):
        end = begin + 1
        while end < len(columns) and sum(gap + column for column in columns[begin : end + 1]) <= room:
            end += 1
        yield begin, end
        begin = end


def _line(
    label: str, values: Sequence[str], *, labels: int, columns: list[int], width: int, gap: int, colours: Sequence[str]
) -> Iterator[str]:
    if not any(values):
        yield from wrapped(label, width) if label else ()
        return
    if _width(label) > labels:
        yield from wrapped(label, width)
        label = ""
    cells = [" " * (gap + column - _width(value)) + value for value, column in zip(values, columns, strict=True)]
    if colours:
        cells = [painted(cell, colour, on=True) for cell, colour in zip(cells, colours, strict=True)]
    yield label + " " * (labels - _width(label)) + "".join(cells)


def _colour(value: Text) -> str:
    """Return the colour of a value, which says what its word or number says; empty for none."""
    if isinstance(value, Quantity):
        return COUNTED.get(value.name, "") if value.value else ""
    return WORDS.get(value, "") if isinstance(value, str) else ""


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
