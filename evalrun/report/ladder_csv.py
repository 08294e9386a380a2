"""Ladders as CSV, one row for each number, full precision: filter and pivot as you like.

An unknown value is an empty cell, an infinite percentile is `inf`. A number of the whole ladder has no size; accuracy
by depth has a family and a depth. `alerts` repeats what must not be missed about the ladder. No footnotes.
"""

import csv
import io
from collections.abc import Iterator, Sequence

from evalrun.escape import csv as encode
from evalrun.explain import DEFINITIONS
from evalrun.ladder import Ladder
from evalrun.report.csv import number
from evalrun.report.ladder_lines import Labelled
from evalrun.table import Metric

HEADER = (
    "suite", "run", "label", "target", "size", "depth", "metric", "of", "value", "low", "high", "n", "unit", "marks",
    "alerts",
)  # fmt: skip


def render(ladders: Sequence[Labelled]) -> str:
    """Return the ladders as CSV after RFC 4180, with `\\n` ends."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for label, ladder in ladders:
        where = [encode(text) for text in (ladder.suite, ladder.run, label, ladder.target.name)]
        alerts = encode("; ".join(filter(None, (ladder.target.alert, *ladder.notes))))
        for size, depth, metric in _numbers(ladder):
            numbers = [number(value) for value in (metric.value, metric.low, metric.high, metric.n)]
            kind = (metric.name, encode(metric.of))
            ending = (DEFINITIONS[metric.name].unit, " ".join(metric.marks), alerts)
            writer.writerow([*where, number(size), number(depth), *kind, *numbers, *ending])
    return out.getvalue()


def _numbers(ladder: Ladder) -> Iterator[tuple[int | None, float | None, Metric]]:
    yield from ((None, None, metric) for metric in ladder.metrics)
    yield from ((rung.size, None, metric) for rung in ladder.rungs for metric in rung.metrics)
    yield from ((spot.size, spot.depth, spot.accuracy) for spot in ladder.spots)
