"""Did a mean or a ratio change between two runs of the same requests? By resampling, seeded.

Pairs, or clusters of pairs, are the units that are drawn; the same seed gives the same numbers. Not here: right and
wrong (`paired`), percentiles (`percentile`), runs on different nights (`nights`). Imports numpy.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from evalrun.stats.distribution import t_quantile, t_tail
from evalrun.stats.draw import LARGE, ROUNDS, Floats, coins, unit_sums, weights
from evalrun.stats.power import mde_mean, mde_ratio
from evalrun.stats.verdict import Comparison, Sides

_ENUMERATED = 16


class Signs(NamedTuple):
    """p of "no difference": two-sided, against a rise, and against a fall."""

    both: float
    rise: float
    fall: float


def sign_flip(
    differences: ArrayLike, *, clusters: ArrayLike | None = None, seed: int = 0, rounds: int = 5 * ROUNDS
) -> Signs:
    """Test whether paired differences are centred on 0 by flipping their signs (those of a cluster together).

    Exact where at most 16 units differ, all patterns being tried; else by random patterns, which keeps alpha too;
    above `LARGE` units by the normal approximation of the same distribution. For latencies give logarithms of ratios.
    Premise: without a change each pair could as well be the other way round. On 0/1 answers it is McNemar's test.
    Source: Fisher 1935; Phipson and Smyth 2010 for counting the data themselves as one of the random patterns.
    """
    sums = unit_sums(np.asarray(differences, float)[:, None], clusters)[:, 0]
    sums = sums[sums != 0]
    observed, n = float(sums.sum()), len(sums)
    if not n:
        return Signs(1.0, 1.0, 1.0)
    if n > LARGE:
        z = observed / math.sqrt(float(sums @ sums))
        rise = t_tail(z, n)
        return Signs(2 * min(rise, 1 - rise), rise, 1 - rise)
    if n <= _ENUMERATED:
        totals = (2.0 * ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1) - 1) @ sums
    else:
        flipped = [(2.0 * tossed - 1) @ sums for tossed in coins(n, seed=seed, rounds=rounds - 1)]
        totals = np.concatenate([*flipped, [observed]])
    slack = 1e-9 * float(np.abs(sums).sum())  # sums that differ by rounding only are the same
    return Signs(
        both=float(np.mean(np.abs(totals) >= abs(observed) - slack)),
        rise=float(np.mean(totals >= observed - slack)),
        fall=float(np.mean(totals <= observed + slack)),
    )


def compare_means(
    base: ArrayLike, new: ArrayLike, *, margin: float | None = None, clusters: ArrayLike | None = None,
    seed: int = 0, level: float = 0.95,
) -> Comparison:  # fmt: skip
    """Compare the means of paired values: difference with a bootstrap-t interval, p by `sign_flip`.

    `sides`, about a rise by `margin`: Student's t. Premise: units drawn independently, with a finite
    variance; skewness is what the bootstrap-t corrects for. Source: Efron and Tibshirani 1993, chapter 12; Hall 1992.
    """
    old, now = np.asarray(base, float), np.asarray(new, float)
    if not (np.isfinite(old).all() and np.isfinite(now).all() and len(old)):
        return _unsupported(old.mean() if len(old) else math.nan, now.mean() if len(now) else math.nan, relative=False)
    drawn = unit_sums(np.column_stack([now - old, np.ones(len(old))]), clusters)
    found = _studentised(drawn, _mean_of, seed=seed, level=level)
    return Comparison(
        value_base=float(old.mean()),
        value_new=float(now.mean()),
        difference=found.value,
        low=found.low,
        high=found.high,
        p=sign_flip(now - old, clusters=clusters, seed=seed).both,
        mde=mde_mean(found.error, len(drawn)) if found.low is not None else None,
        method=f"{found.method}; p by sign flips",
        premise="pairs (clusters) drawn independently",
        sides=None if margin is None else t_sides(found.value, found.error, len(drawn) - 1, margin),
    )


def compare_ratios(
    base: tuple[ArrayLike, ArrayLike], new: tuple[ArrayLike, ArrayLike], *, margin: float | None = None,
    clusters: ArrayLike | None = None, seed: int = 0, level: float = 0.95,
) -> Comparison:  # fmt: skip
    """Compare two ratios of sums over the same samples, each (numerators, denominators): cost per right answer, say.

    For the ratio of two means give ones as denominators. The difference is relative: 0.1 is a tenth more. Interval and
    p come from a bootstrap-t of the log ratio; `sides`, about a rise by the relative `margin`, from Student's t.
    Premise: units drawn independently; all four sums positive, and not from a handful of samples.
    Source: Efron and Tibshirani 1993, chapter 12.
    """
    columns = np.column_stack([np.asarray(part, float) for part in (*new, *base)])
    totals = columns.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value_new, value_base = totals[0] / totals[1], totals[2] / totals[3]
    if not (np.isfinite(totals).all() and (totals > 0).all()):
        return _unsupported(value_base, value_new, relative=True)
    drawn = unit_sums(columns, clusters)
    found = _studentised(drawn, _log_ratio_of, seed=seed, level=level)
    supported = found.low is not None and found.high is not None
    return Comparison(
        value_base=float(value_base),
        value_new=float(value_new),
        difference=math.expm1(found.value),
        low=None if found.low is None else math.expm1(found.low),
        high=None if found.high is None else math.expm1(found.high),
        p=found.p,
        mde=mde_ratio(found.error, len(drawn)) if supported else None,
        method=f"{found.method} of the log ratio",
        premise="samples (clusters) drawn independently",
        relative=True,
        sides=None if margin is None else t_sides(found.value, found.error, len(drawn) - 1, math.log1p(margin)),
    )


def t_sides(value: float, error: float, df: int, margin: float) -> Sides:
    """Return the evidence that the true value is above, and below, `margin`, by Student's t.

    No evidence either way where the error is unknown or 0. Premise: the estimate is close to normal.
    """
    if not 0 < error < math.inf:
        return Sides(1.0, 1.0)
    return Sides(t_tail((value - margin) / error, df), t_tail((margin - value) / error, df))


class _Found(NamedTuple):
    value: float
    low: float | None
    high: float | None
    error: float
    p: float | None
    method: str


def _mean_of(totals: Floats) -> tuple[Floats, Floats]:
    """Return sum / count of each row of totals, and its gradient."""
    value = totals[:, 0] / totals[:, 1]
    return value, np.column_stack([1 / totals[:, 1], -value / totals[:, 1]])


def _log_ratio_of(totals: Floats) -> tuple[Floats, Floats]:
    """Return log((a / b) / (c / d)) of each row of totals a, b, c, d, and its gradient."""
    signs = np.array([1.0, -1.0, -1.0, 1.0])
    return np.log(totals) @ signs, signs / totals


def _studentised(
    drawn: Floats, statistic: Callable[[Floats], tuple[Floats, Floats]], *, seed: int, level: float
) -> _Found:
    """Return the bootstrap-t interval of a smooth statistic of the totals of the rows of `drawn`.

    Its standard error is the linear one, from the gradient; all of it is a few matrix products. A bound is never nearer
    than Student's t puts it: the bootstrap widens a skewed side, and would narrow both where single values dominate.
    """
    units, width = drawn.shape
    products = np.einsum("ij,ik->ijk", drawn, drawn).reshape(units, width * width)

    def with_error(times: Floats) -> tuple[Floats, Floats]:
        value, gradient = statistic(times @ drawn)
        squares = (times @ products).reshape(-1, width, width)
        variance = np.einsum("ij,ijk,ik->i", gradient, squares, gradient)
        return value, np.sqrt(np.maximum(variance, 0.0) * units / max(1, units - 1))

    values, errors = with_error(np.ones((1, units)))
    value, error = float(values[0]), float(errors[0])
    if units < 2 or error <= 1e-12 * max(1e-300, abs(value)):
        return _Found(value, None, None, error if units > 1 else math.inf, None, "no spread")
    if units > LARGE:
        half = t_quantile(0.5 + level / 2, units - 1) * error
        return _Found(value, value - half, value + half, error, 2 * t_tail(abs(value) / error, units - 1), "normal")
    with np.errstate(divide="ignore", invalid="ignore"):
        again = [with_error(times.astype(float)) for times in weights(units, seed=seed)]
        t = np.concatenate([(one - value) / its_error for one, its_error in again])
    t = t[~np.isnan(t)]
    if len(t) < 0.95 * ROUNDS:
        return _Found(value, None, None, error, None, "too few in a sum")
    below, above = np.quantile(t, [0.5 - level / 2, 0.5 + level / 2], method="inverted_cdf")
    least = t_quantile(0.5 + level / 2, units - 1)
    low, high = value - max(least, float(above)) * error, value + max(least, -float(below)) * error
    p = (1 + float(np.sum(np.abs(t) >= abs(value) / error))) / (1 + len(t))
    p = max(p, 2 * t_tail(abs(value) / error, units - 1))
    return _Found(value, low, high, error, p, "bootstrap-t")


def _unsupported(value_base: float, value_new: float, *, relative: bool) -> Comparison:
    """Return a comparison that says nothing, because a sum is zero, negative or infinite."""
    difference = value_new / value_base - 1 if relative and value_base else value_new - value_base
    return Comparison(
        float(value_base), float(value_new), float(difference), None, None, None, None,
        method="none", premise="a sum is zero, negative or infinite", relative=relative,
    )  # fmt: skip
