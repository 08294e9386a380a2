"""A table as the JSON of github-action-benchmark, for its charts. It judges nothing: verdicts are the gate's.

That action takes one direction for each file, `customSmallerIsBetter` or `customBiggerIsBetter`, so there are two. It
matches numbers of two runs by name and puts the name between backticks into a Markdown table.
"""

import json
import math
from typing import Any, Literal

from evalrun import escape
from evalrun.escape import code
from evalrun.explain import DEFINITIONS
from evalrun.report import lines
from evalrun.table import Cell, Mark, Metric, Table

Better = Literal["smaller", "bigger"]

NAMES: dict[Better, tuple[str, ...]] = {
    "bigger": (
        "accuracy", "accuracy_pessimistic", "output_throughput", "request_throughput", "good", "goodput",
        "correct_goodput",
    ),
    "smaller": (
        "failed", "not_sent", "unscored", "truncated", "ttft_s", "ttfo_s", "tpot_s", "icl_s", "max_stall_s", "e2e_s",
        "completion_tokens", "cost_usd", "cost_per_correct_usd",
    ),
}  # fmt: skip


def render(table: Table, better: Better) -> str:
    """Return the numbers of one direction. Unknown, infinite and invalid ones are left out: a chart has no mark."""
    found = [
        _entry(cell, metric)
        for cell in table.cells
        for metric in cell.metrics
        if metric.name in NAMES[better] and _charted(metric)
    ]
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def _charted(metric: Metric) -> bool:
    if metric.value is None or not math.isfinite(metric.value) or Mark.INVALID in metric.marks:
        return False
    return not metric.of or DEFINITIONS[metric.name].unit in ("s", "fraction")  # kinds of failures come and go


def _entry(cell: Cell, metric: Metric) -> dict[str, Any]:
    task = lines.ALL_TASKS if cell.task is None else escape.name(escape.clip(cell.task, 100))
    label = lines.label(metric.name, escape.clip(metric.of, 100), str)
    entry: dict[str, Any] = {
        "name": code(f"{task}, {escape.name(escape.clip(cell.target, 100))}, {label}"),
        "unit": DEFINITIONS[metric.name].unit,
        "value": float(metric.value) if metric.value is not None else None,
    }
    if metric.low is not None and metric.high is not None:
        entry["range"] = f"{metric.low:.4g} to {metric.high:.4g}"
    extra = [f"n = {metric.n}"] if metric.n is not None else []
    if extra := [*extra, *metric.marks]:
        entry["extra"] = ", ".join(extra)
    return entry
