"""The page of a table: a block for each task, a column for each target, a row for each number that says something."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalrun import units
from evalrun.explain import DEFINITIONS, SECTIONS
from evalrun.report import quantity
from evalrun.report.page import Block, BlockRow, Page, Quantity, Text, Verbatim, joined, name, sections
from evalrun.table import Cell, Context, Example, Table, TargetNote

COLUMNS = ("suite", "run", "task", "target")  # the row of all tasks has an empty task

_ORDER = {name: place for place, name in enumerate(DEFINITIONS)}
_SECTION = {definition.name: section for section, definitions in SECTIONS.items() for definition in definitions}
_SAME = {"planned": "attempted", "scored": "succeeded"}  # rows that say nothing where they equal another one

_Column = tuple[Cell, Mapping[tuple[str, str], Quantity]]
"""A cell and its numbers, by name and what they are narrowed to."""


def table_page(table: Table) -> Page:
    """Return the page of a table."""
    context = table.context
    columns = [(cell, _numbers(cell, context)) for cell in table.cells]
    numbers = [each for _, column in columns for each in column.values()]
    blocks, shown = _blocks(columns, context)
    return Page(
        title=("suite ", Verbatim(context.suite), (", run ", Verbatim(context.run)) if context.run else ""),
        alerts=alerts(table),
        blocks=blocks,
        sections=sections(("Worth a look", map(_example, table.examples))),
        notes=(*quantity.explained(numbers, shown=shown), *_foundation(context)),
        columns=COLUMNS,
        quantities=numbers,
        data=quantity.as_data(context) | {"cells": quantity.as_data(table.cells), "examples": quantity.as_data(table.examples)},
    )


def _numbers(cell: Cell, context: Context) -> dict[tuple[str, str], Quantity]:
    where = (context.suite, context.run, cell.task or "", cell.target)
    loud = (note.alert for note in context.targets if note.name == cell.target and note.alert)
    alerts = (*loud, *cell.alerts)
    return {(metric.name, metric.of): quantity.of_metric(metric, where, alerts=alerts) for metric in cell.metrics}


# ---------------------------------------------------------------- blocks


def _blocks(columns: Sequence[_Column], context: Context) -> tuple[list[Block], set[str]]:
    """Return the blocks, and the names of the numbers in them."""
    by_task: dict[str | None, list[_Column]] = {}
    for column in columns:
        by_task.setdefault(column[0].task, []).append(column)
    blocks, shown = [], set[str]()
    for task, mine in by_task.items():
        scorers = context.scorers.get(task, ()) if task is not None else ()
        scored_by = (" (scored by ", name(scorers[0]), ")") if scorers else ""
        keys = list(_shown([numbers for _, numbers in mine]))
        rows = [_row(key, [numbers for _, numbers in mine]) for key in keys]
        blocks.append(Block((name(task), scored_by), [name(cell.target) for cell, _ in mine], rows))
        shown |= {key[0] for key in keys}
    return blocks, shown


def _shown(columns: Sequence[Mapping[tuple[str, str], Quantity]]) -> Iterator[tuple[str, str]]:
    """Return what gets a row, in the order of `explain`; within a metric, as it came."""
    keys = dict.fromkeys(key for column in columns for key in column)
    for key in sorted(keys, key=lambda key: _ORDER[key[0]]):
        same = _SAME.get(key[0])
        if same and not key[1] and all(_value(column, key[0]) == _value(column, same) for column in columns):
            continue
        if quantity.worth_showing(*key, (column.get(key) for column in columns)):
            yield key


def _value(column: Mapping[tuple[str, str], Quantity], metric: str) -> Any:
    found = column.get((metric, ""))
    return None if found is None else found.value


def _row(key: tuple[str, str], columns: Sequence[Mapping[tuple[str, str], Quantity]]) -> BlockRow:
    """Return a row. A kind that did not occur here is a known 0; a measurement that is missing is unknown."""
    missing = "0" if key[1] and DEFINITIONS[key[0]].unit == "count" else units.UNKNOWN
    return BlockRow(quantity.label(*key), [column.get(key, missing) for column in columns], _SECTION[key[0]])


# ---------------------------------------------------------------- sentences


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
    worst: dict[str, tuple[float, float]] = {}
    for lag in context.lags:
        p99_s, max_s = worst.get(lag.target, (0.0, 0.0))
        worst[lag.target] = (max(p99_s, lag.p99_s), max(max_s, lag.max_s))
    each = [
        (name(target), f" p99 {units.seconds(p99_s)}, most {units.seconds(max_s)}")
        for target, (p99_s, max_s) in worst.items()
    ]
    return joined("; ", each) if each else "not sampled"
