"""A history as CSV, one row for each number, full precision: filter and pivot as you like.

An unknown value is an empty cell, an infinite percentile is `inf`; a run without numbers is a row with its state only.
`changes` names what differs from the same task and target in the run before.
"""

import csv
import io

from evalrun.escape import csv as encode
from evalrun.explain import DEFINITIONS
from evalrun.history import Change, History
from evalrun.report.csv import number

HEADER = (
    "suite", "run", "created", "state", "task", "target", "metric", "of", "value", "low", "high", "n", "unit", "marks",
    "changes", "alerts",
)  # fmt: skip


def render(history: History) -> str:
    """Return the history as CSV after RFC 4180, with `\\n` ends."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    heads = {run.name: _head(history, number) for number, run in enumerate(history.runs)}
    for run in history.runs:
        if run.state != "ok":
            writer.writerow([*heads[run.name], *[""] * 11, encode(run.why)])
    for series in history.series:
        for point in series.points:
            where = [*heads[point.run.name], encode(series.task or ""), encode(series.target)]
            alerts = filter(None, (point.warning, *point.alerts))
            ending = [encode("; ".join(said)) for said in (map(_named, point.changes), alerts)]
            for metric in filter(None, point.metrics):
                numbers = [number(value) for value in (metric.value, metric.low, metric.high, metric.n)]
                kind = [metric.name, encode(metric.of)]
                unit = DEFINITIONS[metric.name].unit
                writer.writerow([*where, *kind, *numbers, unit, " ".join(metric.marks), *ending])
    return out.getvalue()


def _head(history: History, place: int) -> list[str]:
    run = history.runs[place]
    created = run.created.isoformat(timespec="seconds") if run.created else ""
    return [encode(history.suite), encode(run.name), created, run.state]


def _named(change: Change) -> str:
    return f"{change.of} {change.old} -> {change.new}" if change.of else change.part
