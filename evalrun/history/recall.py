"""The rows of the cache -> a History: chosen, ordered by time, with what changed from point to point. Reads no file."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

from evalrun.errors import SuiteError
from evalrun.explain import DEFINITIONS, explain
from evalrun.history.cache import PARTS, SEPARATOR
from evalrun.history.values import HEADLINES, Change, History, PastRun, RunPoint, Series, Wanted
from evalrun.table import Mark, Metric
from evalrun.table.metrics import PERCENTILES

if TYPE_CHECKING:
    import pyarrow as pa

CacheRow = dict[str, Any]
TaskAndTarget = tuple[str | None, str]
Visit = tuple[PastRun, list[CacheRow]]
_MARKS = {mark.value: mark for mark in Mark}
_COLUMNS = (
    "run", "task", "target", "metric", "of", "marks", "value", "low", "high", "n", "alerts", "warning", "versions",
    *(f"{part}_print" for part in PARTS),
)  # fmt: skip


def recall(
    table: "pa.Table",
    suite: str,
    *,
    metrics: Sequence[Wanted] = HEADLINES,
    task: str | None = None,
    target: str | None = None,
    last: int | None = None,
    notes: tuple[str, ...] = (),
) -> History:
    """Return the history of a suite from the rows of `cache.update`: all runs, or the last few.

    Raises SuiteError where no run has the metrics, the task or the target.
    """
    runs = _runs(table)
    shown = runs[-last:] if last else runs
    rows = _chosen(table, metrics, task=task, target=target)
    if not rows and table["metric"].null_count < len(table):
        raise _missing(table, metrics, task=task, target=target)
    names = {run.name for run in shown}
    every = (_series(place, visits, metrics) for place, visits in _by_cell(rows, runs).items())
    cut = [replace(one, points=tuple(point for point in one.points if point.run.name in names)) for one in every]
    series = tuple(one for one in cut if one.points)
    return History(
        suite=suite,
        metrics=tuple(metrics),
        runs=tuple(shown),
        series=series,
        earlier=len(runs) - len(shown),
        alerts=tuple(dict.fromkeys(one.points[-1].warning for one in series if one.points[-1].warning)),
        notes=notes,
    )


def _runs(table: "pa.Table") -> list[PastRun]:
    """Return all runs, oldest first; one of unknown time goes by its name, which begins with the time."""
    facts = table.group_by(["run", "created", "state", "why"]).aggregate([]).to_pylist()
    runs = [PastRun(name=f["run"], created=f["created"], state=f["state"], why=f["why"]) for f in facts]
    return sorted(runs, key=lambda run: (f"{run.created:%Y%m%dT%H%M%S.%f}" if run.created else run.name, run.name))


def _chosen(table: "pa.Table", metrics: Sequence[Wanted], *, task: str | None, target: str | None) -> list[CacheRow]:
    from pyarrow import compute

    def both(one: Any, other: Any) -> Any:
        return compute.and_(one, other)

    pairs = (both(compute.equal(table["metric"], m.name), compute.equal(table["of"], m.of)) for m in metrics)
    mask = reduce(compute.or_, pairs)
    for name, wanted in (("task", task), ("target", target)):
        if wanted is not None:
            mask = both(mask, compute.equal(table[name], wanted))
    rows = table.select(_COLUMNS).filter(mask)
    values = zip(*(_values(column.combine_chunks()) for column in rows.itercolumns()), strict=True)
    return [dict(zip(_COLUMNS, each, strict=True)) for each in values]


def _values(column: "pa.Array") -> list[Any]:
    """Return a column as Python values. Repeated text is looked up, which is ten times as fast as `to_pylist`."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return column.to_pylist()  # type: ignore[no-any-return]
    words = [*column.dictionary.to_pylist(), None]  # -1 is the last
    return [words[place] for place in column.indices.fill_null(-1).to_numpy().tolist()]


def _by_cell(rows: Sequence[CacheRow], runs: Sequence[PastRun]) -> dict[TaskAndTarget, list[Visit]]:
    """Return the rows of each task and target by run, ordered as in the newest run that has them."""
    by_run: dict[str, dict[TaskAndTarget, list[CacheRow]]] = {}
    for row in rows:
        by_run.setdefault(row["run"], {}).setdefault((row["task"], row["target"]), []).append(row)
    found: dict[TaskAndTarget, list[Visit]] = {}
    for run in reversed(runs):
        for place, here in by_run.get(run.name, {}).items():
            found.setdefault(place, []).append((run, here))
    return {place: visits[::-1] for place, visits in found.items()}


def _series(place: TaskAndTarget, visits: Sequence[Visit], metrics: Sequence[Wanted]) -> Series:
    points = [_point(run, rows, metrics) for run, rows in visits]
    changed = [points[0]] if points else []
    for before, after in pairwise(points):
        changed.append(replace(after, changes=tuple(_changes(before, after))))
    return Series(task=place[0], target=place[1], points=tuple(changed))


def _changes(before: RunPoint, after: RunPoint) -> Iterator[Change]:
    """Return what differs between two points. What either of them does not know has not changed."""
    for part in PARTS:
        if part in before.prints and part in after.prints and before.prints[part] != after.prints[part]:
            yield Change(part=part, old=before.prints[part], new=after.prints[part])
    for package in sorted(before.versions.keys() & after.versions.keys()):
        if before.versions[package] != after.versions[package]:
            yield Change(part="version", of=package, old=before.versions[package], new=after.versions[package])


def _point(run: PastRun, rows: Sequence[CacheRow], metrics: Sequence[Wanted]) -> RunPoint:
    measured = {Wanted(row["metric"], row["of"]): row for row in rows}
    facts = rows[0]
    return RunPoint(
        run=run,
        metrics=tuple(_metric(measured[wanted]) if wanted in measured else None for wanted in metrics),
        prints={part: facts[f"{part}_print"] for part in PARTS if facts[f"{part}_print"] is not None},
        versions=msgspec.json.decode(facts["versions"]),
        alerts=tuple(filter(None, facts["alerts"].split(SEPARATOR))),
        warning=facts["warning"],
    )


def _metric(row: CacheRow) -> Metric:
    value: Any = row["value"]
    unit = DEFINITIONS[row["metric"]].unit
    if value is not None and math.isfinite(value):
        if unit in ("count", "tokens"):
            value = round(value)
        elif unit == "usd":
            value = Decimal(repr(value))
    marks = tuple(_MARKS[mark] for mark in row["marks"].split() if mark in _MARKS)
    return Metric(
        name=row["metric"], of=row["of"], value=value, low=row["low"], high=row["high"], n=row["n"], marks=marks
    )


# ---------------------------------------------------------------- nothing found


def _missing(table: "pa.Table", metrics: Sequence[Wanted], *, task: str | None, target: str | None) -> SuiteError:
    """Return which of the choices no run has, and what there is."""
    for name, wanted in (("target", target), ("task", task)):
        known = _names(table, name)
        if wanted is not None and wanted not in known:
            return SuiteError(f"{name} {wanted!r}: not in any run of this suite; there are {', '.join(known)}")
    metric = metrics[0]
    known = [f"{metric.name} {of}".rstrip() for of in _narrowings(table, metric.name)]
    there = f"there are {', '.join(known)}" if known else "`evalrun explain` lists what is measured"
    return SuiteError(f"metric {' '.join(metric).rstrip()!r}: not in any of these runs; {there}")


def _names(table: "pa.Table", column: str) -> list[str]:
    return sorted(filter(None, table[column].unique().to_pylist()))


def _narrowings(table: "pa.Table", metric: str) -> Iterator[str]:
    from pyarrow import compute

    yield from sorted(table.filter(compute.equal(table["metric"], metric))["of"].unique().to_pylist())


# ---------------------------------------------------------------- what is asked for

_NARROWED = re.compile(r"(?P<name>.+?)(?:\s*:\s*(?P<of>.+)|[ _](?P<percentile>p\d+(?:\.\d+)?(?: \w+)?))?")


def wanted(text: str) -> Wanted:
    """Parse a metric as people write it. A latency without a percentile means its first one, mostly the median."""
    found = _NARROWED.fullmatch(text.strip())
    if found is None:
        return Wanted(explain(text).name)  # raises, with what it should be
    name = explain(found["name"]).name
    of = found["of"] or found["percentile"] or ""
    if not of and name in PERCENTILES:
        of = f"p{PERCENTILES[name][0] * 100:g}"
    return Wanted(name, of)
