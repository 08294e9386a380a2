"""A table as CSV, one row for each number (the long form: filter and pivot as you like). Full precision.

An unknown value is an empty cell, an infinite percentile is `inf`; the row of all tasks has an empty `task`. `alerts`
repeats what must not be missed about the target and the cell. Examples and footnotes are not in it.
"""

import csv
import io
from decimal import Decimal

from evalrun.escape import csv as encode
from evalrun.explain import DEFINITIONS
from evalrun.table import Table

HEADER = ("suite", "run", "task", "target", "metric", "of", "value", "low", "high", "n", "unit", "marks", "alerts")


def render(table: Table) -> str:
    """Return the table as CSV after RFC 4180, with `\\n` ends."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    context = table.context
    loud = {note.name: note.alert for note in context.targets}
    for cell in table.cells:
        where = [encode(text) for text in (context.suite, context.run, cell.task or "", cell.target)]
        alerts = encode("; ".join(filter(None, (loud.get(cell.target, ""), *cell.alerts))))
        for metric in cell.metrics:
            numbers = [number(value) for value in (metric.value, metric.low, metric.high, metric.n)]
            marks = " ".join(metric.marks)
            unit = DEFINITIONS[metric.name].unit
            writer.writerow([*where, metric.name, encode(metric.of), *numbers, unit, marks, alerts])
    return out.getvalue()


def number(value: float | Decimal | None) -> str:
    """Return a number in full precision; unknown is empty."""
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else repr(value)
