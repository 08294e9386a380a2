"""A comparison as CSV, one row for each measure of each pair. Full precision; unknown is empty.

Flips, parts and the front are not in it; JSON has them.
"""

import csv
import io
from collections.abc import Sequence

from evalrun.compare.values import Contrast, Pair, Row
from evalrun.escape import csv as encode
from evalrun.report.csv import number

HEADER = (
    "base", "new", "task", "base_target", "new_target", "metric", "unit",
    "base_value", "base_low", "base_high", "new_value", "new_low", "new_high",
    "change", "change_low", "change_high", "relative", "p", "p_corrected", "could_see", "verdict", "pairs",
    "method", "why",
)  # fmt: skip


def render(contrasts: Sequence[Contrast]) -> str:
    """Return the comparisons as CSV after RFC 4180, with `\\n` ends."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for contrast in contrasts:
        for pair in contrast.pairs:
            writer.writerows(_fields(contrast, pair, row) for row in pair.rows)
    return out.getvalue()


def _fields(contrast: Contrast, pair: Pair, row: Row) -> list[str]:
    found = row.comparison
    where = [encode(text) for text in (contrast.base, contrast.new, pair.task, *pair.targets)]
    values = [number(value) for side in (row.base, row.new) for value in (side or (None, None, None))]
    change: list[str] = [""] * 3 if found is None else [number(n) for n in (found.difference, found.low, found.high)]
    evidence = ["", "", "", ""]
    if found is not None:
        evidence = [str(found.relative).lower(), number(found.p), number(row.p), number(found.mde)]
    said = [row.word or "", str(row.pairs), found.method if found else "", encode(row.why)]
    return [*where, row.measure.name, row.measure.unit, *values, *change, *evidence, *said]
