"""Confidence intervals of proportions and means, at 95 % unless told otherwise. Not here: differences."""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from evalrun.stats.distribution import beta_quantile, normal_quantile, t_quantile

FAITH = 0.1
"""How many samples' worth of belief a design effect of 1 gets before the spread of the data is asked."""


class Interval(NamedTuple):
    """An estimate and its interval; `low` and `high` are None where the data do not support one."""

    value: float
    low: float | None
    high: float | None


class Dispersed(NamedTuple):
    """An interval, and how alike the answers to one sample are: 0 like coin tosses, 1 always the same."""

    interval: Interval
    overdispersion: float


class Spread(NamedTuple):
    """The standard error of a mean, and the number of independent units behind it."""

    error: float
    units: int


def wilson(right: float, n: float, *, level: float = 0.95) -> Interval:
    """Return Wilson's score interval of a proportion, `right` of `n`.

    Premise: n independent answers. It stays inside [0, 1] and is not empty at 0 or n, unlike p +- z s.
    Source: Wilson 1927; Brown, Cai and DasGupta 2001 recommend it for small n.
    """
    return _score(right / n, n, normal_quantile(0.5 + level / 2))


def clopper_pearson(right: int, n: int, *, level: float = 0.95) -> Interval:
    """Return the exact interval of a proportion, `right` of `n`: wider than Wilson's, never short of its level.

    Premise: n independent answers. Source: Clopper and Pearson 1934.
    """
    tail = (1 - level) / 2
    low = beta_quantile(tail, right, n - right + 1) if right else 0.0
    high = beta_quantile(1 - tail, right + 1, n - right) if right < n else 1.0
    return Interval(right / n, low, high)


def unit_mean(
    means: Sequence[float], *, level: float = 0.95, clusters: Sequence[Hashable] | None = None
) -> Interval | None:
    """Return the mean, over samples, of scores in 0..1, with its interval. None of nothing.

    `means` holds one value a sample: its score, or the mean of its repeats. The sample is the unit that was drawn,
    so only the spread between samples counts (Miller 2024, "Adding Error Bars to Evals"), or between clusters of
    samples where some hang together. The interval is Wilson's, with as many answers as would spread the mean like
    this: n / (variance seen / variance of coin tosses). Where every value is 0 or 1 that is Wilson's own interval;
    elsewhere Student's t stands for z. Near 0 and 1 the spread that is seen is itself uncertain; `FAITH` draws it
    towards that of coin tosses. Source: Korn and Graubard 1998 for effective sample sizes; FAITH and t were chosen by
    simulation (tests/benchmarks/calibration.py: within 94 to 98 % for n = 30 to 1000, p = 0.5 to 0.99, where
    mean +- t s / sqrt(n) falls to 86 %). Premise: units drawn independently of each other.
    One sample whose value is neither 0 nor 1: no interval.
    """
    n = len(means)
    if not n:
        return None
    mean = math.fsum(means) / n
    if clusters is None and all(value in (0.0, 1.0) for value in means):
        return wilson(math.fsum(means), n, level=level)
    spread = mean_spread(means, clusters=clusters)
    if spread.units == 1:
        return Interval(mean, None, None)
    if spread.error**2 * n < 1e-18:  # nothing to learn a spread from
        return wilson(mean * spread.units, spread.units, level=level)
    design = _design_effect(mean, n, spread.error)
    if clusters is None:
        design = min(design, 1.0)  # values in 0..1 cannot spread more than 0 and 1 do
    return _score(mean, n / design, t_quantile(0.5 + level / 2, spread.units - 1))


def mean_spread(values: Sequence[float], *, clusters: Sequence[Hashable] | None = None) -> Spread:
    """Return the standard error of the mean of `values`, robust to any likeness inside a cluster.

    Without `clusters` each value is one of its own. Premise: clusters drawn independently; with fewer than about ten
    the error is itself uncertain, which Student's t with units - 1 degrees covers only in part.
    Source: Liang and Zeger 1986 with the factor G / (G - 1); Miller 2024.
    """
    n = len(values)
    mean = math.fsum(values) / n
    if clusters is None:
        squares, units = math.fsum((value - mean) ** 2 for value in values), n
    else:
        sums: dict[Hashable, float] = defaultdict(float)
        for value, cluster in zip(values, clusters, strict=True):
            sums[cluster] += value - mean
        squares, units = math.fsum(total * total for total in sums.values()), len(sums)
    return Spread(math.sqrt(squares * units / (units - 1)) / n if units > 1 else math.inf, units)


def cluster_mean(values: Sequence[float], clusters: Sequence[Hashable], *, level: float = 0.95) -> Interval:
    """Return the mean of values of any scale with its cluster-robust interval: mean +- t(G - 1) se.

    Premise and source: `mean_spread`. For scores in 0..1 `unit_mean` is better.
    """
    mean = math.fsum(values) / len(values)
    spread = mean_spread(values, clusters=clusters)
    if spread.units == 1:
        return Interval(mean, None, None)
    half = t_quantile(0.5 + level / 2, spread.units - 1) * spread.error
    return Interval(mean, mean - half, mean + half)


def beta_binomial(right: Sequence[int], asked: Sequence[int], *, level: float = 0.95) -> Dispersed:
    """Return the mean over samples of which `right[i]` of `asked[i]` answers were right, and the overdispersion.

    The chance of a right answer is Beta distributed over samples; its variance, mean (1 - mean) rho, is estimated by
    moments. The interval is `unit_mean`'s, but never narrower than coin tosses would make it: knowing how often each
    sample was asked, a spread that came out too small by luck is seen for what it is.
    Premise: samples drawn independently, answers of one sample independent given its chance.
    Source: Williams 1975; Kleinman 1973 for the moments; Bowyer, Aitchison and Ivanova 2025 for its use here.
    """
    n = len(right)
    means = [r / a for r, a in zip(right, asked, strict=True)]
    mean = math.fsum(means) / n
    tossed = math.fsum(1 / a for a in asked) / n  # the design effect of coin tosses
    found = unit_mean(means, level=level) or Interval(mean, None, None)
    if n == 1 or not 0 < mean < 1:
        return Dispersed(found, 0.0 if tossed < 1 else math.nan)
    variance = mean_spread(means).error ** 2 * n
    rho = math.nan
    if tossed < 1:
        rho = min(1.0, max(0.0, (variance / (mean * (1 - mean) + variance / n) - tossed) / (1 - tossed)))
    if _design_effect(mean, n, math.sqrt(variance / n)) < tossed:
        found = _score(mean, n / tossed, t_quantile(0.5 + level / 2, n - 1))
    return Dispersed(found, rho)


def _design_effect(mean: float, n: int, error: float) -> float:
    """Return variance seen / variance of coin tosses, drawn towards 1 by `FAITH`."""
    tossed = mean * (1 - mean) * n
    return ((error * n) ** 2 + FAITH) / (tossed + FAITH)


def _score(p: float, n: float, z: float) -> Interval:
    """Return {P: |p - P| <= z sqrt(P (1 - P) / n)}."""
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(max(0.0, p * (1 - p)) / n + z * z / (4 * n * n))
    # At the ends the formula gives exactly p; rounding must not put the estimate outside its own interval.
    return Interval(p, min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half)))
