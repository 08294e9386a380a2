"""A table as plain lines for a terminal, from 40 columns up. No colours, no box drawing, no terminal control.

Rows are metrics, columns are targets. Targets that do not fit beside the others continue in a further block, so no
number is ever cut; a terminal too narrow even for one column has the value below its label.
"""

import textwrap
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from evalrun.escape import tty
from evalrun.report import lines
from evalrun.report.lines import Block, Row
from evalrun.table import Table

NARROWEST = 20
LABEL, NARROW_LABEL = 28, 20  # longer labels get a line of their own
TARGET = 24  # longer target names are cut in the heading; the footnotes have them in full
GAP = 2


def render(table: Table, *, width: int = 100) -> str:
    """Return the table for a terminal `width` columns wide."""
    width = max(width, NARROWEST)
    out = [*wrapped(lines.title(table, tty), width)]
    for alert in lines.alerts(table, tty):
        out += wrapped(alert, width, first="!! ", rest="   ")
    for block in lines.blocks(table, tty):
        out += laid_out(block, width)
    if table.examples:
        out += ["", "Worth a look"]
        for example in lines.examples(table, tty):
            out += wrapped(example, width, first="- ", rest="  ")
    out.append("")
    for note in lines.footnotes(table, tty):
        out += wrapped(note, width, rest="  ")
    return "\n".join(line.rstrip() for line in out) + "\n"


def laid_out(block: Block, width: int) -> Iterator[str]:
    """Return a block as lines, in as many parts as the width needs, an empty line before each."""
    for part in _parts(block, width):
        yield from ("", *_block(part, width))


def _parts(block: Block, width: int) -> Iterator[Block]:
    """Split a block into ones with as many targets as fit, at least one."""
    room = width - _label_width(block.rows, width)
    begin = 0
    while begin < len(block.targets):
        end, used = begin, 0
        while end < len(block.targets) and (end == begin or used + GAP + _column(block, end) <= room):
            used += GAP + _column(block, end)
            end += 1
        rows = tuple(replace(row, values=row.values[begin:end]) for row in block.rows)
        yield Block(block.title, block.targets[begin:end], rows)
        begin = end


def _block(block: Block, width: int) -> Iterator[str]:
    labels = _label_width(block.rows, width)
    columns = [_column(block, place) for place in range(len(block.targets))]
    total = labels + sum(GAP + column for column in columns)
    if total > width:
        yield from _stacked(block, width)
        return
    heads = tuple(_cut(target) for target in block.targets)
    yield from _line(block.title, heads, labels=labels, columns=columns, width=width)
    yield "-" * total
    for above, row in zip((block.rows[0], *block.rows), block.rows, strict=False):
        if row.section != above.section:
            yield ""
        yield from _line(row.label, row.values, labels=labels, columns=columns, width=width)


def _line(label: str, values: tuple[str, ...], *, labels: int, columns: list[int], width: int) -> Iterator[str]:
    if _width(label) > labels:
        yield from wrapped(label, width)
        label = ""
    cells = (" " * (GAP + column - _width(value)) + value for value, column in zip(values, columns, strict=True))
    yield label + " " * (labels - _width(label)) + "".join(cells)


def _stacked(block: Block, width: int) -> Iterator[str]:
    """Return a block of one target for a very narrow terminal."""
    yield from wrapped(f"{block.title}, {_cut(block.targets[0])}", width)
    yield "-" * width
    for row in block.rows:
        yield from wrapped(f"{row.label}: {row.values[0]}", width, rest="  ")


def _label_width(rows: tuple[Row, ...], width: int) -> int:
    most = LABEL if width >= 60 else NARROW_LABEL
    return max((_width(row.label) for row in rows if _width(row.label) <= most), default=most)


def _column(block: Block, place: int) -> int:
    return max(_width(_cut(block.targets[place])), *(_width(row.values[place]) for row in block.rows))


def _cut(target: str) -> str:
    return target if len(target) <= TARGET else target[: TARGET - 2] + ".."


def wrapped(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """Return a text as lines of at most `width`, broken at spaces."""
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [""]


def _width(text: str) -> int:
    """Return the columns a text takes: two for wide East Asian characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
