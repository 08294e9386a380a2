"""Quantiles of measured values in which failures count as infinity, their intervals, and the sample size they need."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from evalrun.stats.distribution import normal_quantile, t_quantile
from evalrun.stats.interval import Floats, Interval, mean_spread

NEEDED = {0.5: 11, 0.9: 64, 0.95: 130, 0.99: 662}
"""The least number of observations for a quantile, from `needed`; written out because people look it up."""


def quantile(ordered: Sequence[float], q: float) -> float | None:
    """Return the smallest of the ascending values that at least the share `q` of them does not exceed.

    The inverse of the empirical distribution (Hyndman and Fan 1996, type 1; numpy's `inverted_cdf`). It is always a
    value that occurred, so that it also holds when the tail is infinite, where interpolation gives nonsense.
    None of nothing.
    """
    return ordered[rank(q, len(ordered)) - 1] if ordered else None


def quantile_of(values: Floats, q: float) -> float:
    """Return `quantile` of values in any order, at least one and none of them NaN, without sorting them."""
    place = rank(q, len(values)) - 1
    return float(np.partition(values, place)[place])


def histogram_quantile(counts: Mapping[int, int], q: float) -> int | None:
    """Return the bucket in which `quantile` would lie, of a histogram bucket -> count. None of an empty one."""
    left = rank(q, sum(counts.values()))
    for bucket in sorted(counts):
        left -= counts[bucket]
        if left <= 0:
            return bucket
    return None


def quantile_interval(
    ordered: Sequence[float], q: float, *, clusters: ArrayLike | None = None, level: float = 0.95
) -> Interval:
    """Return the `q` quantile of ascending values with a distribution-free interval between two of the values.

    clusters: of each value, in the same order. A bound is None where the values do not reach that far out.
    Premise: values (clusters) drawn independently. Source: Woodruff 1952.
    """
    n, value = len(ordered), quantile(ordered, q)
    error, units = rank_error(n, q, clusters=clusters)
    reach = error * (
        normal_quantile(0.5 + level / 2) if clusters is None else t_quantile(0.5 + level / 2, max(1, units - 1))
    )
    low, high = n * q - reach, n * q + reach
    return Interval(
        math.nan if value is None else value,
        ordered[math.floor(low) - 1] if low >= 1 else None,
        ordered[math.ceil(high)] if high <= n - 1 else None,
    )


def rank_error(n: int, q: float, *, clusters: ArrayLike | None = None) -> tuple[float, int]:
    """Return the standard error of the rank of the true `q` quantile among n values, and the number of units.

    clusters: of each value, in ascending order of the values. Source: Woodruff 1952.
    """
    if clusters is None or not n:
        return math.sqrt(n * q * (1 - q)), n
    below = (np.arange(n) < rank(q, n)).astype(float)
    spread = mean_spread(below, clusters=clusters)
    return spread.error * n, spread.units


def needed(q: float, confidence: float = 0.99) -> int:
    """Return the least n for which two of n values exceed the true `q` quantile, at that confidence.

    With only one value up there the estimate would be that single value. Solves
    1 - q^n - n q^(n-1) (1 - q) >= confidence (binomial). Premise: independent observations of one distribution.
    Source: the tables of MLPerf's early-stopping rule, which this reproduces.
    """
    n = 2
    while q**n + n * q ** (n - 1) * (1 - q) > 1 - confidence:
        n += 1
    return n


def rank(q: float, n: int) -> int:
    """Return the rank, from 1, of the `q` quantile of n values: ceil(q n), at least 1.

    The tiny step down undoes binary rounding (0.07 x 100 is a little over 7).
    """
    return max(1, math.ceil(q * n - 1e-9))
