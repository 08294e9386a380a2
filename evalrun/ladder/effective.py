"""The effective context: up to which size accuracy stays what it is at the smallest. Scores nothing."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from evalrun.ladder.values import Rung
from evalrun.table import Metric

TOLERANCE = 0.1


class Drop(NamedTuple):
    """How much accuracy fell from the smallest rung to this one, with its interval; unknown ends are infinite."""

    size: int
    value: float
    low: float
    high: float


def effective_context(rungs: Sequence[Rung], *, tolerance: float = TOLERANCE, family: str = "") -> Metric:
    """Return the largest size up to which no rung's accuracy lies more than `tolerance` below the smallest rung's.

    low: the largest size up to which that is certain at 95 % (the drop's upper end is within the tolerance too). high:
    the largest size up to which it is possible (no drop's lower end is beyond it). Sizes without a score are skipped.
    The interval of a drop combines those of the two accuracies (Newcombe 1998, method 10), for each rung on its own:
    with many rungs one of them is beyond the tolerance by luck more often than 5 %. Unknown with fewer than two scored
    sizes, and where the smallest rung's accuracy is not above the tolerance: it could not drop that far.
    """
    scored = [(rung.size, accuracy) for rung in rungs if (accuracy := rung.get("accuracy", family)) and accuracy.n]
    if len(scored) < 2 or float(scored[0][1].value or 0) <= tolerance:
        return Metric(name="effective_context", of=family, value=None, n=len(scored))
    first = scored[0][1]
    drops = [Drop(scored[0][0], 0.0, 0.0, 0.0), *(_drop(first, other, size) for size, other in scored[1:])]
    certain, stays, possible = (
        _reach([(drop.size, getattr(drop, end)) for drop in drops], tolerance) for end in ("high", "value", "low")
    )
    return Metric(name="effective_context", of=family, value=stays, low=certain, high=possible, n=len(scored))


def _reach(drops: Sequence[tuple[int, float]], tolerance: float) -> int:
    """Return the last size before the first drop beyond the tolerance."""
    reached = drops[0][0]
    for size, drop in drops:
        if drop > tolerance + 1e-9:
            break
        reached = size
    return reached


def _drop(first: Metric, other: Metric, size: int) -> Drop:
    a, b = float(first.value or 0), float(other.value or 0)
    if first.low is None or first.high is None or other.low is None or other.high is None:
        return Drop(size, a - b, -math.inf, math.inf)
    low = a - b - math.hypot(a - first.low, other.high - b)
    high = a - b + math.hypot(first.high - a, b - other.low)
    return Drop(size, a - b, low, high)
