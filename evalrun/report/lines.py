"""What a person reads of a table, before it is laid out: rows of formatted values, alerts, examples, footnotes.

`Encode` is the sink's encoder (`escape.tty`, `escape.markdown`); texts that are not ours go through it here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from evalrun import escape, units
from evalrun.explain import DEFINITIONS, MARKS, SECTIONS
from evalrun.table import Cell, Context, Example, Metric, Table

Encode = Callable[[str], str]

ALL_TASKS = "all tasks"
FOOTNOTED = (
    "accuracy", "accuracy_pessimistic", "ttft_s", "ttfo_s", "tpot_s", "icl_s", "e2e_s", "output_throughput",
    "good", "goodput", "correct_goodput",
)  # fmt: skip
_ORDER = {name: place for place, name in enumerate(DEFINITIONS)}
_SECTION = {definition.name: section for section, definitions in SECTIONS.items() for definition in definitions}
_SAME = {"planned": "attempted", "scored": "succeeded"}  # rows that say nothing where they equal another one


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of every target. section: groups neighbours. label and values are encoded and formatted."""

    name: str
    section: str
    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """One task: a column for each target, a row for each metric that says something."""

    title: str
    targets: tuple[str, ...]
    rows: tuple[Row, ...]


def blocks(table: Table, encode: Encode) -> list[Block]:
    """Return the blocks of a table, one a task, targets side by side."""
    by_task: dict[str | None, list[Cell]] = {}
    for cell in table.cells:
        by_task.setdefault(cell.task, []).append(cell)
    found = []
    for task, cells in by_task.items():
        scorers = table.context.scorers.get(task, ()) if task is not None else ()
        title = ALL_TASKS if task is None else name(task, encode)
        title += f" (scored by {name(scorers[0], encode)})" if scorers else ""
        targets = tuple(name(cell.target, encode) for cell in cells)
        found.append(Block(title, targets, tuple(_rows(cells, encode))))
    return found


def _rows(cells: list[Cell], encode: Encode) -> Iterator[Row]:
    columns = [{(m.name, m.of): m for m in cell.metrics} for cell in cells]
    keys = dict.fromkeys(key for column in columns for key in column)
    for name, of in sorted(keys, key=lambda key: _ORDER[key[0]]):  # stable: within a metric as they came
        metrics = [column.get((name, of)) for column in columns]
        if (DEFINITIONS[name].optional or of) and not any(map(_worth_a_row, metrics)):
            continue
        if name in _SAME and not of and all(_equal(column, name, _SAME[name]) for column in columns):
            continue
        yield Row(name, _SECTION[name], label(name, of, encode), tuple(_value(metric, name, of) for metric in metrics))


def _worth_a_row(metric: Metric | None) -> bool:
    """Whether an optional number says something: a count of 0 does not, a further scorer's accuracy of 0 does."""
    return metric is not None and bool(metric.value or (metric.name == "accuracy" and metric.value is not None))


def _equal(column: dict[tuple[str, str], Metric], one: str, other: str) -> bool:
    return (one, "") in column and (other, "") in column and column[one, ""].value == column[other, ""].value


def label(name: str, of: str, encode: Encode) -> str:
    """Return a row's label: `TTFT p95`, `failed: stall`."""
    own = DEFINITIONS[name].label
    if not of:
        return own
    return f"{own} {of}" if DEFINITIONS[name].unit == "s" else f"{own}: {encode(of)}"


def _value(metric: Metric | None, name: str, of: str) -> str:
    if metric is None:  # a kind that did not occur here is a known 0; a measurement that is missing is unknown
        return "0" if of and DEFINITIONS[name].unit == "count" else units.UNKNOWN
    text = formatted(metric)
    if metric.of == "known part":
        text += f" for {units.count(metric.n)}"
    return text + "".join(MARKS[mark][0] for mark in metric.marks)


def formatted(metric: Metric) -> str:
    """Return a metric's value with its unit, rounded for people."""
    value: Any = metric.value
    unit = DEFINITIONS[metric.name].unit
    if unit == "fraction":
        return units.interval(value, metric.low, metric.high)
    if unit == "s":
        return units.seconds(value)
    if unit == "usd":
        return units.usd(value if value is None else Decimal(value))
    return units.rate(value, unit) if unit in ("tok/s", "req/s") else units.count(value)


def title(table: Table, encode: Encode) -> str:
    """Return the first line: which suite, which run."""
    context = table.context
    return f"suite {encode(context.suite)}" + (f", run {encode(context.run)}" if context.run else "")


def alerts(table: Table, encode: Encode) -> Iterator[str]:
    """Return the loud sentences: targets that are not what they seem, and cells that cannot be trusted."""
    for note in table.context.targets:
        if note.alert:
            yield encode(note.alert)
    for cell in table.cells:
        task = ALL_TASKS if cell.task is None else name(cell.task, encode)
        yield from (f"{task}, {name(cell.target, encode)}: {alert}" for alert in cell.alerts if cell.task is not None)


def examples(table: Table, encode: Encode) -> Iterator[str]:
    """Return a line for each thing worth a look."""
    for example in table.examples:
        where = ", ".join((name(example.target, encode), name(example.task, encode), encode(example.sample_id)))
        yield f"{_what(example, encode)}: {where}: {_said(example, encode)}"


def _what(example: Example, encode: Encode) -> str:
    times = f" ({example.count:,} times)" if example.count > 1 else ""
    return f"{example.topic}, {encode(example.kind)}{times}"


def _said(example: Example, encode: Encode) -> str:
    if example.topic != "disputed":
        return encode(example.message) or "no message"
    answer = "nothing" if example.answer is None else f'"{encode(example.answer)}"'
    expected = "nothing" if example.expected is None else f'"{encode(example.expected)}"'
    why = f"; {encode(example.message)}" if example.message else ""
    return f"answered {answer} where {expected} is expected{why}"


def footnotes(table: Table, encode: Encode) -> Iterator[str]:
    """Return the marks that occur, the words that occur, and what the numbers rest on."""
    marks = {mark for cell in table.cells for metric in cell.metrics for mark in metric.marks}
    yield from (f"{encode(symbol)} {text}".lstrip() for mark, (symbol, text) in MARKS.items() if mark in marks)
    shown = {row.name for block in blocks(table, encode) for row in block.rows}
    yield from (f"{DEFINITIONS[name].label}: {DEFINITIONS[name].brief}" for name in FOOTNOTED if name in shown)
    yield from _foundation(table.context, encode)


def _foundation(context: Context, encode: Encode) -> Iterator[str]:
    for note in context.targets:
        facts = [f"model {name(note.model, encode)}"] if note.model else []
        facts += [f"transport {encode(note.transport)}"] if note.transport else []
        facts += [f"prices of {encode(note.prices_date)}" if note.prices_date else "no prices"]
        yield f"{name(note.name, encode)}: " + "; ".join((*facts, *map(encode, note.notes)))
    if context.slo:
        yield f"SLO: {encode(str(context.slo))}"
    yield _client_lag(context, encode)
    if context.fingerprints:
        yield "fingerprints: " + ", ".join(f"{encode(k)} {encode(v)}" for k, v in context.fingerprints.items())
    yield from map(encode, context.notes)


def _client_lag(context: Context, encode: Encode) -> str:
    """Return the worst lag of each target."""
    worst: dict[str, tuple[float, float]] = {}
    for lag in context.lags:
        p99_s, max_s = worst.get(lag.target, (0.0, 0.0))
        worst[lag.target] = (max(p99_s, lag.p99_s), max(max_s, lag.max_s))
    each = (
        f"{name(target, encode)} p99 {units.seconds(p99_s)}, most {units.seconds(max_s)}"
        for target, (p99_s, max_s) in worst.items()
    )
    return "client's own lag: " + ("; ".join(each) or "not sampled")


def name(text: str, encode: Encode) -> str:
    """Return a name that somebody else chose, clipped, with look-alike letters made visible."""
    return encode(escape.name(escape.clip(text, 100)))
