"""The summary of a run: a line for each task and target, what needs attention, what to do next. All on one screen.

Its numbers are those of the table, with their units in the heads; `report.table` has the others.
"""

import math
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from evalrun import units
from evalrun.errors import SuiteError, closest
from evalrun.escape import clip
from evalrun.explain import DEFINITIONS, MARKS
from evalrun.history import Wanted
from evalrun.report import quantity
from evalrun.report.page import ALL_TASKS, Block, BlockRow, Page, Quantity, Text, Verbatim, joined, name, sections
from evalrun.report.quantity import QuantityColumn
from evalrun.table import Cell, Example, Table

COLUMNS: dict[tuple[str, str], str] = {
    ("attempted", ""): "n",
    ("failed", ""): "failed",
    ("accuracy", ""): "accuracy",
    ("ttft_s", "p50"): "TTFT p50",
    ("ttft_s", "p95"): "TTFT p95",
    ("tpot_s", "p50"): "TPOT p50",
    ("output_throughput", ""): "tok/s",
    ("cost_usd", ""): "cost $",
    ("cost_per_correct_usd", ""): "$ per right",
}
"""The columns, and their heads without the unit of a time."""
ATTENTION = (
    "failed", "not_sent", "refused", "truncated", "unscored", "scorer_error", "disputed", "cost_disagreements",
    "possibly_billed", "warnings",
)  # fmt: skip
"""The counts that need attention where they are not 0."""
SHORT = {
    "small": "few for this percentile",
    "invalid": "INVALID: off by over 5 %",
    "doubtful": "some may be off by over 5 %",
    "withheld": "-: withheld",
}
"""Marks in fewer words than `explain` has for them."""
MANY = 12  # tasks x targets from which on there is less room for words
MOST_ITEMS, FEW_ITEMS, MOST_PLACES = 8, 4, 3
MOST_WORDS = 120  # characters of somebody else's sentence
_TOPICS = {"failed": "failed", "not_sent": "failed", "scorer_error": "unscored", "warnings": "warning"}
_SECONDS = ("s",)


def summary_page(table: Table, columns: Sequence[Wanted] = ()) -> Page:
    """Return the summary of a table. columns: in place of `COLUMNS`."""
    context = table.context
    chosen = columns or [Wanted(*key) for key in COLUMNS]
    about = [Verbatim(clip(" ".join(context.about.split()), 78))] if context.about and len(table.cells) < MANY else []
    return Page(
        title=("suite ", Verbatim(context.suite), (", run ", Verbatim(context.run)) if context.run else ""),
        about=about,
        alerts=tuple(_alerts(table)),
        blocks=[_block(table, chosen, asked=bool(columns))],
        sections=sections(("Needs attention", _attention(table)), ("Next", _next(table))),
    )


def columns_named(table: Table, text: str) -> tuple[Wanted, ...]:
    """Return the metrics that a list of names means, as in `accuracy,ttft_p99,cost`.

    Raises SuiteError, with the names there are, for one that the table does not have.
    """
    known: dict[str, Wanted] = {}
    for cell in table.cells:
        known |= {_short(metric.name, metric.of): Wanted(metric.name, metric.of) for metric in cell.metrics}
    words = {
        **known,
        **{head.lower().replace(" ", "_"): Wanted(*key) for key, head in COLUMNS.items() if key in known.values()},
    }
    found = []
    for given in text.split(","):
        word = given.strip().lower().replace(" ", "_")
        if word not in words:
            hint = closest(word, words)
            raise SuiteError(f"--columns: {given.strip()!r} is not a number of this run{hint}; there are"
                             f" {', '.join(known)}")  # fmt: skip
        found.append(words[word])
    return tuple(dict.fromkeys(found))


def _short(metric: str, of: str) -> str:
    """Return what a metric is called on the command line: `ttft_p95`, `cost`, `failed:stall`."""
    base = re.sub(r"_(s|usd)$", "", metric)
    return f"{base}_{of}" if re.fullmatch(r"p\d+", of) else f"{base}:{of}".rstrip(":")


# ---------------------------------------------------------------- the lines


def _block(table: Table, chosen: Sequence[Wanted], *, asked: bool) -> Block:
    """Return a row for each task and target, with the columns in which something is known."""
    cells = table.cells
    numbers = [quantity.keyed(cell.metrics, ()) for cell in cells]
    shown = [key for key in chosen if asked or _says_something(key, numbers)]
    scales = {key: _scale(key, numbers) for key in shown}
    heads = [_head(key, scales[key]) for key in shown]
    values = [[_value(column.get(key), scales[key]) for key in shown] for column in numbers]
    title, rows = _rows(table, values)
    marks = {mark for row in values for value in row if isinstance(value, Quantity) for mark in value.marks}
    said = [_explained(mark) for mark in MARKS if mark in marks]
    notes: list[Text] = [joined("; ", said)] if said else []
    if lost := [DEFINITIONS[metric].label for metric, of in chosen if (metric, of) not in shown]:
        notes.append(f"unknown: {', '.join(dict.fromkeys(lost))}")
    for note in table.context.targets if len(cells) < MANY else ():
        notes += [(name(note.name), ": ", Verbatim(clip(said, MOST_WORDS))) for said in note.notes]
    return Block(title, heads, rows, notes, dense=True)


def _rows(table: Table, values: Sequence[Sequence[Text]]) -> tuple[Text, list[BlockRow]]:
    """Return the title and the rows; of several targets those of a task below its name."""
    cells = table.cells
    tasks = [task for task in dict.fromkeys(cell.task for cell in cells) if task is not None]
    targets = list(dict.fromkeys(cell.target for cell in cells))
    pairs = list(zip(cells, values, strict=True))
    if len(tasks) == 1:
        return of_task(table, tasks[0]), [BlockRow(name(cell.target), row) for cell, row in pairs]
    if len(targets) == 1:
        return name(targets[0]), [BlockRow(name(cell.task), row, _part(cell)) for cell, row in pairs]
    rows: list[BlockRow] = []
    last: str | None = ""
    for cell, row in pairs:
        if cell.task != last:
            rows.append(BlockRow(name(cell.task), [""] * len(row), _part(cell)))
            last = cell.task
        rows.append(BlockRow(("  ", name(cell.target)), row, _part(cell)))
    return "", rows


def _part(cell: Cell) -> str:
    return ALL_TASKS if cell.task is None else ""


def of_task(table: Table, task: str | None) -> Text:
    """Return a task's name with its headline scorer and the part of its rows that was asked."""
    scorers = table.context.scorers.get(task, ()) if task is not None else ()
    said: list[Text] = [("scored by ", name(scorers[0]))] if scorers else []
    said += [part] if (part := table.context.portions.get(task or "", "")) else []
    return (name(task), (" (", joined("; ", said), ")") if said else "")


def _explained(mark: str) -> Text:
    symbol, text = MARKS[mark]
    return ((Verbatim(symbol), " ") if symbol else "", SHORT.get(mark, text))


def _says_something(key: Wanted, numbers: Sequence[QuantityColumn]) -> bool:
    found = [column[key] for column in numbers if key in column]
    return key.name == "accuracy" or any(each.value is not None or "withheld" in each.marks for each in found)


def _scale(key: Wanted, numbers: Sequence[QuantityColumn]) -> float:
    """Return what the seconds of a column are multiplied by: 1 if one of them is ten seconds or more, else 1000."""
    values = [float(value) for column in numbers if key in column and (value := column[key].value) is not None]
    return 1.0 if any(value >= 10 and not math.isinf(value) for value in values) else 1000.0


def _head(key: Wanted, scale: float) -> Text:
    metric, of = key
    unit = DEFINITIONS[metric].unit
    after = (" s" if scale == 1 else " ms") if unit in _SECONDS else ""
    return (COLUMNS[key] if key in COLUMNS else quantity.label(metric, of), after)


def _value(found: Quantity | None, scale: float) -> Text:
    """Return a number as a cell of the summary, without the unit that its head has."""
    if found is None:
        return units.UNKNOWN
    value = found.value
    if value is None or (isinstance(value, float) and math.isinf(value)):
        return found
    marks = "".join(MARKS[mark][0] for mark in found.marks)
    if found.unit in _SECONDS:
        return replace(found, shown=units.significant(float(value) * scale) + marks)
    if found.unit == "usd" and isinstance(value, Decimal):
        return replace(found, shown=units.usd(value).lstrip("$") + marks)
    return replace(found, shown=found.shown.replace(" tok/s", "").replace(" req/s", ""))


# ---------------------------------------------------------------- what needs attention


def _alerts(table: Table) -> Iterator[Text]:
    """Return the loud sentences; of those about several cells that begin alike, the first and where else."""
    yield from (Verbatim(note.alert) for note in table.context.targets if note.alert)
    alike: dict[str, list[tuple[Cell, str]]] = {}
    for cell in table.cells if len(table.cells) == 1 else [cell for cell in table.cells if cell.task is not None]:
        for alert in cell.alerts:
            alike.setdefault(alert.partition(":")[0], []).append((cell, alert))
    for (cell, alert), *others in alike.values():
        more = f" (and {len(others):,} more like this)" if others else ""
        yield (name(cell.task), ", ", name(cell.target), ": ", Verbatim(alert), more)


def _attention(table: Table) -> Iterator[Text]:
    many = len(table.cells) >= MANY
    notes = (Verbatim(clip(note, MOST_WORDS)) for note in table.context.notes)
    found = [*_counts(table, places=1 if many else MOST_PLACES), *_portions(table), *notes]
    most = FEW_ITEMS if many else MOST_ITEMS
    yield from found if len(found) <= most else found[: most - 1]
    if len(found) > most:
        yield f"and {len(found) - most + 1:,} more; --full has all"


def _counts(table: Table, *, places: int) -> Iterator[Text]:
    """Return a sentence for each kind of failure, warning and the like, with where it was and an example.

    places: how many are named; of one there is no room for an example either.
    """
    cells = [cell for cell in table.cells if cell.task is not None]
    found: dict[tuple[str, str], dict[tuple[str | None, str], int]] = {}
    for cell in cells:
        for metric in cell.metrics:
            if metric.name in ATTENTION and metric.value:
                key = (metric.name, metric.of)
                found.setdefault(key, {})[cell.task, cell.target] = int(metric.value)
    for key in sorted(found, key=lambda key: ATTENTION.index(key[0])):
        if key[1] == "" and any(other[1] for other in found if other[0] == _narrower(key[0])):
            continue  # its kinds are listed
        where = _where(found[key], places) if len(cells) > 1 else ""
        example = _example(table.examples, key) if places > 1 else ""
        yield (quantity.label(*key), f": {sum(found[key].values()):,}", where, example)


def _narrower(metric: str) -> str:
    return "scorer_error" if metric == "unscored" else metric


def _where(counts: Mapping[tuple[str | None, str], int], places: int) -> Text:
    most = sorted(counts.items(), key=lambda each: -each[1])
    named: list[Text] = [(name(task), ", ", name(target), f" {n:,}") for (task, target), n in most[:places]]
    named += [f"{len(most) - places:,} more"] if len(most) > places else []
    return (" (", joined("; ", named), ")")


def _example(examples: Sequence[Example], key: tuple[str, str]) -> Text:
    """Return what the first request of a kind says."""
    topic = "disputed" if key[0] == "disputed" else _TOPICS.get(key[0])
    kinds = (key[1],) if key[1] else ()
    for one in examples:
        if one.topic == topic and (not kinds or one.kind in kinds) and one.message:
            sample = (Verbatim(clip(one.sample_id, 40)), ": ") if topic != "warning" else ()
            return ("; ", sample, Verbatim(clip(" ".join(one.message.split()), MOST_WORDS)))
    return ""


def _portions(table: Table) -> Iterator[Text]:
    """Return which tasks were asked in part; of a single one its title says it."""
    portions = table.context.portions
    tasks = {cell.task for cell in table.cells if cell.task is not None}
    for part in dict.fromkeys(portions.values()) if len(tasks) > 1 else ():
        mine = [task for task in portions if portions[task] == part]
        those = "all tasks" if len(mine) == len(tasks) else joined(", ", map(name, mine))
        yield (those, ": ", part)


def _next(table: Table) -> Iterator[Text]:
    """Return the commands that go on from here."""
    run = table.context.run
    if not run:
        return
    folder = shlex.quote(run)
    folder = f"-- {folder}" if run.startswith("-") else folder
    wrong = any(_wrong(cell) for cell in table.cells)
    several = len({cell.target for cell in table.cells}) > 1
    yield ("evalrun show ", "--wrong " if wrong else "", Verbatim(folder))
    yield ("evalrun report ", Verbatim(folder))
    yield ("evalrun compare ", Verbatim(folder)) if several else ("evalrun compare BASE ", Verbatim(folder))


def _wrong(cell: Cell) -> bool:
    found = cell.get("accuracy")
    return found is not None and found.value is not None and found.value < 1
