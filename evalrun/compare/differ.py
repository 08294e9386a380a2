"""One measure of two cells: the difference, its interval, the evidence, and whether a claim may rest on it.

    shares              paired by sample: `stats.scores.compare_scores`
    tokens, cost        paired by sample: `stats.resample.compare_ratios`
    latency             paired by request: `stats.quantile.compare_quantiles`; against stored nights: `stats.nights`
    throughput, goodput one number a run: against stored nights only

Two runs of one session differ by their targets; two runs of two nights differ by the night too, and two nights do not
tell how much. So latencies of two nights claim nothing, nor does the share that kept an SLO, unless a margin was given
that is meant to cover it or, for latencies, three nights are stored.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evalrun.compare.figures import amounts, ascending, not_known_good, past, shares, unknown
from evalrun.compare.side import Matching
from evalrun.requests.rows import Ids
from evalrun.rule import PERCENTILES, Measure
from evalrun.stats.interval import Floats, mean_spread
from evalrun.stats.nights import LEAST_NIGHTS, Night, compare_nights, log_quantile_night
from evalrun.stats.quantile import compare_quantiles
from evalrun.stats.resample import compare_ratios
from evalrun.stats.scores import compare_scores
from evalrun.stats.verdict import Comparison, Sides

TWO_NIGHTS = "two nights: how much nights differ is not known"
ONE_NIGHT = f"{TWO_NIGHTS} (save them as a baseline)"
NOT_IN_STEP = "the targets were asked one after the other (`evalrun ab` asks them in step)"


class Difference(NamedTuple):
    """A comparison of `pairs`, whether a claim may rest on it, and why there is none, or why not.

    equal: no pair differs. Such a test cannot claim anything, and costs the others nothing (Tarone 1990).
    """

    comparison: Comparison | None
    pairs: int = 0
    claims: bool = False
    why: str = ""
    equal: bool = False


def differ(matching: Matching, measure: Measure, *, margin: float | None = None) -> Difference:
    """Compare one measure. margin: the change for the worse that a rule tolerates, in points or relative."""
    if matching.base.values or matching.new.values:
        return Difference(None, why="a table has no samples to pair")
    if measure.unit == "fraction":
        return _shares(matching, measure, margin)
    if measure.unit == "s":
        return _latency(matching, measure, margin)
    if measure.name in ("throughput", "goodput"):
        return _rate(matching, measure, margin)
    return _amounts(matching, measure, margin)


# ---------------------------------------------------------------- right, wrong and other shares


def _shares(matching: Matching, measure: Measure, margin: float | None) -> Difference:
    if measure.name == "good" and (why := not_known_good(matching.base) or not_known_good(matching.new)):
        return Difference(None, why=why)
    sides = (shares(cell, measure.name) for cell in (matching.base, matching.new))
    base, new, clusters = matching.sample_values(*sides)
    if not len(base):
        return Difference(None, why="no sample has one on both sides")
    if measure.worse == "lower":
        found = compare_scores(base, new, margin=margin or 0.0, clusters=clusters)
    else:
        found = _mirrored(compare_scores(1 - base, 1 - new, margin=margin or 0.0, clusters=clusters))
    apart = measure.timed and not matching.same_session
    return Difference(
        found, len(base), claims=not apart or margin is not None, why=_apart(matching, TWO_NIGHTS) if apart else "",
        equal=np.array_equal(base, new),
    )  # fmt: skip


def _mirrored(found: Comparison) -> Comparison:
    """Turn a comparison of 1 - x into one of x. `sides` stay: they are about getting worse."""
    low, high = (None if end is None else -end for end in (found.high, found.low))
    return found._replace(
        value_base=1 - found.value_base, value_new=1 - found.value_new,
        difference=-found.difference + 0.0, low=low, high=high,
    )  # fmt: skip


# ---------------------------------------------------------------- tokens and money

_UNKNOWN_SPREAD = "a sum is zero, or too few samples differ to learn how much they vary"


def _amounts(matching: Matching, measure: Measure, margin: float | None) -> Difference:
    """Compare means per answer, or dollars per right answer: the ratio of two sums over the samples that have both."""
    cells = (matching.base, matching.new)
    for cell in cells:
        if n := unknown(cell, measure.name, matching.prices):
            return Difference(None, why=f"unknown for {n:,} answers")
    sides = [amounts(cell, measure.name, matching.prices) for cell in cells]
    if measure.name == "cost_per_correct":
        sides = [np.where(np.isnan(cell.score), np.nan, each) for cell, each in zip(cells, sides, strict=True)]
    base, new, clusters = matching.sample_values(*sides)
    if not len(base):
        return Difference(None, why="no sample has one on both sides")
    of_base, of_new = np.ones(len(base)), np.ones(len(base))
    if measure.name == "cost_per_correct":
        right = (np.where(np.isnan(each), np.nan, cell.score) for cell, each in zip(cells, sides, strict=True))
        of_base, of_new, _ = matching.sample_values(*right)
    if np.array_equal(base, new) and np.array_equal(of_base, of_new) and of_base.any():
        units = len(base) if clusters is None else len(np.unique(clusters))
        return Difference(_unchanged(base.sum() / of_base.sum(), units, margin), len(base), claims=True, equal=True)
    found = compare_ratios((base, of_base), (new, of_new), margin=margin or 0.0, clusters=clusters)
    error = _log_error(base, new, clusters) / math.sqrt(2)
    nights = past(matching.nights, measure, matching.prices, error=error)
    if len(nights) >= LEAST_NIGHTS and found.low is not None:
        found = compare_nights(nights, Night(math.log(found.value_new), error), margin=margin or 0.0)
    return Difference(found, len(base), claims=found.p is not None, why="" if found.p is not None else _UNKNOWN_SPREAD)


def _unchanged(amount: float, units: int, margin: float | None) -> Comparison:
    """Compare amounts of which not one differs, as where an endpoint answers the same every time.

    There is no spread to learn from. A rise of the mean by the margin takes at least that share of all samples (or
    clusters), where none more than doubles; `within` is the chance that not one of them would have been among these.
    """
    unseen = (1 - min(1.0, margin)) ** units if margin else 1.0
    return Comparison(
        value_base=amount, value_new=amount, difference=0.0, low=None, high=None, p=1.0, mde=None,
        method="no pair differs", premise="a sample's amount at most doubles", relative=True, sides=Sides(1.0, unseen),
    )  # fmt: skip


def _log_error(base: Floats, new: Floats, clusters: Ids | None) -> float:
    """Return the standard error of log(mean of new / mean of base), paired."""
    if not base.mean() or not new.mean():
        return math.inf
    return mean_spread(new / new.mean() - base / base.mean(), clusters=clusters).error


# ---------------------------------------------------------------- time


def _latency(matching: Matching, measure: Measure, margin: float | None) -> Difference:
    name, _, percentile = measure.name.partition("_")
    q, now = PERCENTILES[percentile], matching.new.latency(name)
    old = matching.base.latency(name)
    if now is None:
        return Difference(None, why="a baseline on the new side has no requests to compare")
    if old is None:
        ordered, clusters = ascending(matching.new, name)
        nights = past(matching.nights, measure, matching.prices)
        if not nights or not ordered:
            return Difference(None, why=f"no earlier night has {measure.label}" if ordered else "no answer has one")
        tonight = log_quantile_night(ordered, q, clusters=clusters)
        if math.isinf(tonight.value):
            return Difference(None, why=f"so many requests failed that {measure.label} is one of them")
        return _nightly(nights, tonight, measure, margin, pairs=len(ordered))
    base, new = old[matching.requests[0]], now[matching.requests[1]]
    both = ~(np.isnan(base) | np.isnan(new))
    base, new = base[both], new[both]
    if not len(base) or np.isinf(base).all() or np.isinf(new).all():
        return Difference(None, why="no request has one on both sides")
    clusters = matching.new.requests.drawn_with(matching.requests[1][both], repeats=True)
    found = compare_quantiles(base, new, q, margin=margin or 0.0, clusters=clusters)
    claims = matching.same_session or margin is not None
    return Difference(found, len(base), claims=claims, why="" if matching.same_session else _apart(matching, ONE_NIGHT))


def _apart(matching: Matching, nights: str) -> str:
    """Say why the hour may explain a difference: the sides are of two nights, or of one run but not in step."""
    return NOT_IN_STEP if matching.one_run else nights


def _rate(matching: Matching, measure: Measure, margin: float | None) -> Difference:
    now, old = (
        cell.goodput if measure.name == "goodput" else cell.throughput for cell in (matching.new, matching.base)
    )
    alike = [night for night in matching.nights if not measure.needs_slo or night.slo == matching.new.conditions.slo]
    nights = past(alike, measure, matching.prices)
    if now and len(nights) >= LEAST_NIGHTS:
        return _nightly(nights, Night(math.log(now), 0.0), measure, margin, pairs=len(nights))
    why = f"one number a run; a baseline of {LEAST_NIGHTS} nights shows how much it varies"
    if not now or not old:
        zero = f"{measure.label} is 0" if 0 in (now, old) else "unknown"
        return Difference(None, why=why if now and old is None else zero)
    found = Comparison(
        value_base=old, value_new=now, difference=now / old - 1, low=None, high=None, p=None, mde=None,
        method="none", premise="one number a run", relative=True,
    )  # fmt: skip
    return Difference(found, 1, why=why)


def _nightly(
    nights: Sequence[Night], tonight: Night, measure: Measure, margin: float | None, *, pairs: int
) -> Difference:
    found = compare_nights(nights, tonight, margin=margin or 0.0, falls=measure.worse == "lower")
    n, covered = len(nights), len(nights) >= LEAST_NIGHTS
    why = "" if covered else f"{n} earlier night{'s' * (n > 1)}: how much nights differ is not known"
    return Difference(found, pairs, claims=covered or margin is not None, why=why)
