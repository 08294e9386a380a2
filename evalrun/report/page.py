"""A report as values: what every subject builds and every format renders. Nothing here lays out or encodes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from evalrun import escape, units

ALL_TASKS = "all tasks"


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A text that somebody else wrote, or that may mean something to a sink. A format shows it and obeys none of it."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One number, in full and as people read it.

    name, of: what it is, by its definition in `explain` where it has one.
    value: dollars are Decimal and exact; None is unknown.
    low, high: its interval.
    n: observations behind it.
    marks: why it may mislead, by name in `explain.MARKS`.
    shown: rounded, with interval, unit and marks.
    where: what it belongs to, a text for each of `Page.columns`.
    alerts: what must be known before it is used.
    """

    name: str
    value: float | Decimal | None
    of: str = ""
    low: float | None = None
    high: float | None = None
    n: int | None = None
    unit: str = ""
    marks: tuple[str, ...] = ()
    shown: str = units.UNKNOWN
    where: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()


Text: TypeAlias = str | Verbatim | Quantity | tuple["Text", ...]
"""evalrun's own words as they are, anybody else's as `Verbatim`, numbers, and sequences of these."""

Encoder = Callable[[str], str]
"""The encoder of a sink: `escape.tty`, `escape.markdown`, `escape.xml`."""


def encoded(text: Text, encode: Encoder) -> str:
    """Return a text as one string, with everything that evalrun did not write encoded."""
    if isinstance(text, str):
        return text
    if isinstance(text, Quantity):
        return text.shown
    if isinstance(text, Verbatim):
        return encode(text.text)
    return "".join(encoded(part, encode) for part in text)


def joined(separator: str, texts: Iterable[Text]) -> Text:
    """Return texts with a separator between them."""
    found: list[Text] = []
    for text in texts:
        found += [separator, text] if found else [text]
    return tuple(found)


def name(text: str | None) -> Text:
    """Return a name that somebody else chose, clipped, with look-alike letters made visible; None is all tasks."""
    return ALL_TASKS if text is None else Verbatim(escape.name(escape.clip(text, 100)))


class BlockRow(NamedTuple):
    """A labelled row of a block. section: rows of another one are set apart."""

    label: Text
    values: Sequence[Text]
    section: str = ""


class Block(NamedTuple):
    """A table: a title above the labels, a head above each column, sentences below.

    dense: a row is to be one line, as far as the width allows: narrow gaps, heads of several lines.
    """

    title: Text
    heads: Sequence[Text]
    rows: Sequence[BlockRow]
    notes: Sequence[Text] = ()
    dense: bool = False

    def cells(self, encode: Encoder) -> list[list[str]]:
        """Return the block for a sink: title and heads, then each row's label and values."""
        rows = ((self.title, *self.heads), *((row.label, *row.values) for row in self.rows))
        return [[encoded(cell, encode) for cell in row] for row in rows]


class Section(NamedTuple):
    """A list of sentences below a title."""

    title: Text
    items: Sequence[Text]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A report.

    title: its first line. about: what its authors say of it, below the title.
    alerts: what must be read first.
    blocks, sections, notes: the tables, lists of sentences and footnotes, in this order.
    columns: what `Quantity.where` says, by name.
    quantities: every number, those that the blocks leave out included.
    data: the subject itself, for machines.
    brief: the same in one screen, for people: the verdict and what changed or needs attention. This page has all of it.
    """

    title: Text
    about: Sequence[Text] = ()
    alerts: Sequence[Text] = ()
    blocks: Sequence[Block] = ()
    sections: Sequence[Section] = ()
    notes: Sequence[Text] = ()
    columns: tuple[str, ...] = ()
    quantities: Sequence[Quantity] = ()
    data: Any = None
    brief: "Page | None" = None


def sections(*found: tuple[Text, Iterable[Text]]) -> tuple[Section, ...]:
    """Return sections, those without items left out."""
    listed = (Section(title, tuple(items)) for title, items in found)
    return tuple(section for section in listed if section.items)


def quantities_in(blocks: Iterable[Block]) -> list[Quantity]:
    """Return the numbers that blocks show, in order."""
    return [value for block in blocks for row in block.rows for value in row.values if isinstance(value, Quantity)]


def fields_of(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name."""
    return {field.name: getattr(value, field.name) for field in fields(value)}
