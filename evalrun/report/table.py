"""The page of a table: a block for each task, a column for each target, a row for each number that says something."""

from collections.abc import Collection, Iterator, Sequence

from evalrun import units
from evalrun.escape import clip
from evalrun.explain import DEFINITIONS, SECTIONS
from evalrun.history import Wanted
from evalrun.report import quantity
from evalrun.report.page import Block, BlockRow, Page, Text, Verbatim, fields_of, joined, name, sections
from evalrun.report.quantity import QuantityColumn
from evalrun.report.summary import of_task, summary_page
from evalrun.table import Cell, Context, Example, Table, TargetNote

MOST_ABOUT = 300  # characters of what somebody says of a suite
COLUMNS = ("suite", "run", "task", "target")  # the row of all tasks has an empty task

_SECTION = {definition.name: section for section, definitions in SECTIONS.items() for definition in definitions}
_SAME = {"planned": "attempted", "scored": "succeeded"}  # rows that say nothing where they equal another one


ATTENTION = (
    "attempted", "succeeded", "failed", "not_sent", "refused", "truncated", "unscored", "scorer_error", "disputed",
    "in_flight", "retried", "possibly_billed", "warnings", "timed", "doubtful", "bound_s", "cost_usd",
    "cost_disagreements",
)  # fmt: skip
"""The numbers that say how far the others can be trusted."""


def table_page(table: Table, *, only: Collection[str] = DEFINITIONS, columns: Sequence[Wanted] = ()) -> Page:
    """Return the page of a table. only: the metrics that are shown to people. columns: those of its summary."""
    context = table.context
    found = [_column(cell, context) for cell in table.cells]
    numbers = [each for column in found for each in column.values()]
    blocks = list(_blocks(table, found, only))
    return Page(
        title=("suite ", Verbatim(context.suite), (", run ", Verbatim(context.run)) if context.run else ""),
        about=tuple(_about(context)),
        alerts=alerts(table),
        blocks=blocks,
        sections=sections(("Worth a look", map(_example, table.examples))),
        notes=(*quantity.explained(numbers, blocks), *_foundation(context)),
        columns=COLUMNS,
        quantities=numbers,
        data={**fields_of(context), "cells": table.cells, "examples": table.examples},
        brief=summary_page(table, columns),
    )


def _about(context: Context) -> Iterator[Text]:
    """Return the lines that the authors of the suite and of the targets wrote for readers."""
    if context.about:
        yield _line(context.about)
    yield from ((name(note.name), ": ", _line(note.about)) for note in context.targets if note.about)


def _line(text: str) -> Text:
    return Verbatim(clip(" ".join(text.split()), MOST_ABOUT))


def _column(cell: Cell, context: Context) -> QuantityColumn:
    where = (context.suite, context.run, cell.task or "", cell.target)
    loud = (note.alert for note in context.targets if note.name == cell.target and note.alert)
    return quantity.keyed(cell.metrics, where, alerts=(*loud, *cell.alerts))


def _blocks(table: Table, columns: Sequence[QuantityColumn], only: Collection[str]) -> Iterator[Block]:
    for task in dict.fromkeys(cell.task for cell in table.cells):
        title = of_task(table, task)
        mine = [column for cell, column in zip(table.cells, columns, strict=True) if cell.task == task]
        keys = [key for key in quantity.worth_showing(mine) if key[0] in only]
        rows = [_row(key, mine) for key in keys if not _says_the_same(key, mine)]
        yield Block(title, [name(cell.target) for cell in table.cells if cell.task == task], rows)


def _says_the_same(key: tuple[str, str], columns: Sequence[QuantityColumn]) -> bool:
    """Whether a row only repeats another one, in each column."""
    other = (_SAME.get(key[0], ""), key[1])
    return all(other in column and column[other].value == column[key].value for column in columns if key in column)


def _row(key: tuple[str, str], columns: Sequence[QuantityColumn]) -> BlockRow:
    """Return a row. A kind that did not occur here is a known 0; a measurement that is missing is unknown."""
    missing = "0" if key[1] and DEFINITIONS[key[0]].unit == "count" else units.UNKNOWN
    return BlockRow(quantity.label(*key), [column.get(key, missing) for column in columns], _SECTION[key[0]])


def alerts(table: Table) -> tuple[Text, ...]:
    """Return the loud sentences: targets that are not what they seem, and cells that cannot be trusted."""
    cells = (
        (name(cell.task), ", ", name(cell.target), ": ", Verbatim(alert))
        for cell in table.cells
        if cell.task is not None
        for alert in cell.alerts
    )
    return (*(Verbatim(note.alert) for note in table.context.targets if note.alert), *cells)


def foundation(note: TargetNote, *facts: str) -> Text:
    """Return what a target's numbers rest on: its model, transport and prices, `facts`, and what it said of itself."""
    known: list[Text] = [("model ", name(note.model))] if note.model else []
    known += [("transport ", Verbatim(note.transport))] if note.transport else []
    known.append(("prices of ", Verbatim(note.prices_date)) if note.prices_date else "no prices")
    return joined("; ", (*known, *facts, *map(Verbatim, note.notes)))


def _example(example: Example) -> Text:
    times = f" ({example.count:,} times)" if example.count > 1 else ""
    where = joined(", ", (name(example.target), name(example.task), Verbatim(example.sample_id)))
    return (f"{example.topic}, ", Verbatim(example.kind), times, ": ", where, ": ", _said(example))


def _said(example: Example) -> Text:
    if example.topic != "disputed":
        return Verbatim(example.message) if example.message else "no message"
    answer, expected = (
        "nothing" if text is None else ('"', Verbatim(text), '"') for text in (example.answer, example.expected)
    )
    why = ("; ", Verbatim(example.message)) if example.message else ""
    return ("answered ", answer, " where ", expected, " is expected", why)


def _foundation(context: Context) -> Iterator[Text]:
    yield from ((name(note.name), ": ", foundation(note)) for note in context.targets)
    if context.slo:
        yield f"SLO: {context.slo}"
    yield ("client's own lag: ", _lag(context))
    if context.fingerprints:
        prints = ((Verbatim(part), " ", Verbatim(print_)) for part, print_ in context.fingerprints.items())
        yield ("fingerprints: ", joined(", ", prints))
    yield from map(Verbatim, context.notes)


def _lag(context: Context) -> Text:
    """Return the worst lag of each target."""
    each: list[Text] = []
    for target in dict.fromkeys(lag.target for lag in context.lags):
        mine = [lag for lag in context.lags if lag.target == target]
        p99_s, max_s = max(lag.p99_s for lag in mine), max(lag.max_s for lag in mine)
        each.append((name(target), f" p99 {units.seconds(p99_s)}, most {units.seconds(max_s)}"))
    return joined("; ", each) if each else "not sampled"
