"""A table as JSON: everything in it, full precision. Unknown is null; dollars are strings, because they are exact.

JSON has no infinity: an infinite percentile is null with the mark `infinite`. All text is escaped to ASCII, so the
file is also safe to print.
"""

import dataclasses
import json
import math
from decimal import Decimal
from typing import Any

from evalrun.explain import DEFINITIONS
from evalrun.table import Cell, Metric, Table


def render(table: Table) -> str:
    """Return the table as JSON, indented by one space."""
    context = dataclasses.asdict(table.context)
    document = context | {
        "cells": [_cell(cell) for cell in table.cells],
        "examples": [dataclasses.asdict(example) for example in table.examples],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "task": cell.task,
        "target": cell.target,
        "alerts": cell.alerts,
        "metrics": [encoded(metric) for metric in cell.metrics],
    }


def encoded(metric: Metric) -> dict[str, Any]:
    """Return a metric with its unit, as JSON has it."""
    value: Any = metric.value
    if isinstance(value, Decimal):
        value = f"{value:f}"
    elif value is not None and math.isinf(value):
        value = None
    return dataclasses.asdict(metric) | {"value": value, "unit": DEFINITIONS[metric.name].unit}
