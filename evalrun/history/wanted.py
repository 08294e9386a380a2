"""`ttft_p95`, `TTFT p95`, `failed: stall` -> the metric that is meant, whether or not any run has it."""

import re

from evalrun.explain import explain
from evalrun.history.values import Wanted
from evalrun.table.metrics import PERCENTILES

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
