"""`ttft_p95`, `TTFT p95`, `failed: stall` -> the metric that is meant. Whether any run has it is not asked here."""

import re
from typing import NamedTuple

from evalrun.explain import explain
from evalrun.table.metrics import PERCENTILES

_NARROWED = re.compile(r"(?P<name>.+?)(?:\s*:\s*(?P<of>.+)|[ _](?P<percentile>p\d+(?:\.\d+)?(?: \w+)?))?")


class Wanted(NamedTuple):
    """A metric by its name and what it is narrowed to, as `table.Metric` has them."""

    name: str
    of: str = ""


HEADLINES = (
    Wanted("accuracy"),
    Wanted("failed"),
    Wanted("ttft_s", "p50"),
    Wanted("tpot_s", "p50"),
    Wanted("cost_usd"),
)


def wanted(text: str) -> Wanted:
    """Read a metric as people write it. A latency without a percentile is its first one, the median where it has it."""
    found = _NARROWED.fullmatch(text.strip())
    if found is None:
        return Wanted(explain(text).name)  # says what it should be
    name = explain(found["name"]).name
    of = found["of"] or found["percentile"] or ""
    if not of and name in PERCENTILES:
        of = f"p{PERCENTILES[name][0] * 100:g}"
    return Wanted(name, of)
