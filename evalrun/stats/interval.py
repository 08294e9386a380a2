"""Confidence intervals of proportions and means, at 95 % unless told otherwise. Not here: differences, percentiles.

`clusters`, here and in the comparisons, names for each sample the group it was drawn with, as a number or a text; the
groups are then the independent units. Without it each sample is its own.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalrun.stats.distribution import normal_quantile, t_quantile

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

PRIOR_SAMPLES = 0.1
"""The weight of a design effect of 1, in samples, before the spread of the data counts."""


class Interval(NamedTuple):
    """An estimate and its interval; `low` and `high` are None where the data do not support one."""

    value: float
    low: float | None
    high: float | None


class Spread(NamedTuple):
    """The standard error of a mean, and the number of independent units behind it."""

    error: float
    units: int


def wilson(right: float, n: float, *, level: float = 0.95) -> Interval:
    """Return Wilson's score interval of a proportion, `right` of `n`.

    Premise: n independent answers. Source: Wilson 1927; Brown, Cai and DasGupta 2001 recommend it for small n.
    """
    return _score_interval(right / n, n, normal_quantile(0.5 + level / 2))


def unit_mean(
    means: ArrayLike, *, answers: ArrayLike | None = None, clusters: ArrayLike | None = None, level: float = 0.95
) -> Interval | None:
    """Return the mean, over samples, of scores in 0..1, with its interval. None where there is no sample.

    means: one value a sample, its score or the mean of its repeats' scores.
    answers: how many repeats that is the mean of. Where all were 0 or 1 the interval is never narrower than that of as
    many coin tosses, so that a spread between samples that is small by luck is not believed (beta-binomial model).

    The sample, or cluster, is the unit that was drawn, so only the spread between these counts (Miller 2024, "Adding
    Error Bars to Evals"). The interval is Wilson's, for as many answers as would spread the mean like this:
    n / (variance seen / variance of coin tosses). Where every value is 0 or 1 that is Wilson's own interval; elsewhere
    Student's t replaces z, and `PRIOR_SAMPLES` draws the spread, uncertain near 0 and 1, towards that of coin tosses.
    Premise: units drawn independently. One sample whose value is neither 0 nor 1 has no interval.
    Source: Korn and Graubard 1998 for effective sample sizes; Williams 1975 and Kleinman 1973 for the beta-binomial;
    PRIOR_SAMPLES and t were chosen by simulation (tests/benchmarks/calibration.py: within 94 to 98 % for n = 30 to
    1000, p = 0.5 to 0.99, where mean +- t s / sqrt(n) falls to 86 %).
    """
    values = np.asarray(means, float)
    n = len(values)
    if not n:
        return None
    if clusters is None and bool(((values == 0) | (values == 1)).all()):
        return wilson(float(values.sum()), n, level=level)
    mean = math.fsum(values.tolist()) / n
    spread = mean_spread(values, clusters=clusters)
    if spread.units == 1:
        return Interval(mean, None, None)
    if spread.error**2 * n < 1e-18:  # nothing to learn a spread from
        return wilson(mean * spread.units, spread.units, level=level)
    tossed = mean * (1 - mean) * n
    design = ((spread.error * n) ** 2 + PRIOR_SAMPLES) / (tossed + PRIOR_SAMPLES)
    if clusters is None:
        design = min(design, 1.0)  # values in 0..1 cannot spread more than 0 and 1 do
    if answers is not None:
        asked = np.asarray(answers, float)
        right = values * asked
        if bool((np.abs(right - right.round()) < 1e-9).all()):  # each was 0 or 1
            design = max(design, float(np.mean(1 / asked)))
    return _score_interval(mean, n / design, t_quantile(0.5 + level / 2, spread.units - 1))


def student_mean(values: ArrayLike, *, clusters: ArrayLike | None = None, level: float = 0.95) -> Interval | None:
    """Return the mean of values of any scale with its interval, mean +- t(units - 1) se. None where there is no value.

    For scores in 0..1 `unit_mean` is better. Premise and source: `mean_spread`.
    """
    numbers = np.asarray(values, float)
    if not len(numbers):
        return None
    mean, spread = float(numbers.mean()), mean_spread(numbers, clusters=clusters)
    if spread.units == 1:
        return Interval(mean, None, None)
    half = t_quantile(0.5 + level / 2, spread.units - 1) * spread.error
    return Interval(mean, mean - half, mean + half)


def mean_spread(values: ArrayLike, *, clusters: ArrayLike | None = None) -> Spread:
    """Return the standard error of the mean of `values`, robust to any likeness inside a cluster.

    Without `clusters` each value is one of its own. Premise: clusters drawn independently; with fewer than about ten
    the error is itself uncertain, which Student's t with units - 1 degrees covers only in part.
    Source: Liang and Zeger 1986 with the factor G / (G - 1); Miller 2024.
    """
    numbers = np.asarray(values, float)
    n = len(numbers)
    apart = unit_sums(numbers - numbers.mean(), clusters)  # numpy adds in pairs: as good, without a list of floats
    squares, units = float((apart * apart).sum()), len(apart)
    return Spread(math.sqrt(squares * units / (units - 1)) / n if units > 1 else math.inf, units)


def groups(n: int, clusters: ArrayLike | None) -> Whole:
    """Return the number, from 0, of the unit that each of n samples belongs to: its cluster, or itself."""
    if clusters is None:
        return np.arange(n)
    return np.unique(np.asarray(clusters), return_inverse=True)[1].reshape(-1)


def unit_sums(values: Floats, clusters: ArrayLike | None) -> Floats:
    """Return the sum of the values of each unit."""
    if clusters is None:
        return values
    return np.bincount(groups(len(values), clusters), weights=values).astype(float)


def _score_interval(p: float, n: float, z: float) -> Interval:
    """Return {P: |p - P| <= z sqrt(P (1 - P) / n)}."""
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(max(0.0, p * (1 - p)) / n + z * z / (4 * n * n))
    # At the ends the formula gives exactly p; rounding must not put the estimate outside its own interval.
    return Interval(p, min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half)))
