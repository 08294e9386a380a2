"""Pages for machines: CSV with a row for each number, and JSON with everything. Full precision; unknown is not 0.

CSV has the columns that the page names (`Page.columns`), then these:

    metric, of            what the number is, as in docs/metrics.md, and what it is narrowed to (p95, a kind of failure)
    value, low, high, n   it, its interval, and the observations behind it; unknown is empty, infinity is `inf`
    unit, marks           marks separated by spaces
    alerts                what must be known before it is used

JSON is the subject itself, by field name. It has no infinity: an infinite percentile is null with the mark `infinite`.
Dollars are strings, because they are exact. Its text is ASCII, so that both are safe to print.
"""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from evalrun import escape
from evalrun.explain import DEFINITIONS
from evalrun.report.page import Page, Quantity, fields_of
from evalrun.table import Metric

COLUMNS = ("metric", "of", "value", "low", "high", "n", "unit", "marks", "alerts")


def csv_text(pages: Sequence[Page], *, width: int) -> str:
    """Return the numbers of pages of one subject as CSV after RFC 4180, with `\\n` ends: to filter and pivot."""
    del width
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*pages[0].columns, *COLUMNS))
    for page in pages:
        writer.writerows(_row(number) for number in page.quantities)
    return out.getvalue()


def _row(number: Quantity) -> list[str]:
    where = map(escape.csv, (*number.where, number.name, number.of))
    numbers = map(_exact, (number.value, number.low, number.high, number.n))
    return [*where, *numbers, number.unit, " ".join(number.marks), escape.csv("; ".join(number.alerts))]


def _exact(value: float | Decimal | None) -> str:
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else repr(value if isinstance(value, int) else float(value))


def json_text(pages: Sequence[Page], *, width: int) -> str:
    """Return a page as a JSON object, or several as an array of them, indented by one space."""
    del width
    found = [_plain(page.data) for page in pages]
    text = json.dumps(found[0] if len(found) == 1 else found, indent=1, allow_nan=False)
    return text.replace("##", "#\\u0023") + "\n"  # a runner of CI obeys `##[name]` wherever it is printed


def _plain(value: Any) -> Any:
    """Return values as JSON has them: by field name, and each metric with its unit."""
    if isinstance(value, Metric):
        return {**_plain(fields_of(value)), "unit": DEFINITIONS[value.name].unit}
    if is_dataclass(value):
        value = fields_of(value)
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    elif isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value
