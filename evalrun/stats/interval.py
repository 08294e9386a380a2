"""Confidence intervals of proportions and means, at 95 % unless told otherwise."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple


class Interval(NamedTuple):
    """An estimate and its interval; `low` and `high` are None where the data do not support one."""

    value: float
    low: float | None
    high: float | None


def wilson(right: float, n: int, *, level: float = 0.95) -> Interval:
    """Give Wilson's score interval of a proportion, `right` of `n`.

    Premise: n independent answers. It stays inside [0, 1] and is not empty at 0 or n, unlike p +- z s.
    Source: Wilson 1927; Brown, Cai and DasGupta 2001 recommend it for small n.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    p = right / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At the ends the formula gives exactly p; rounding must not put the estimate outside its own interval.
    return Interval(p, min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half)))


def unit_mean(means: Sequence[float], *, level: float = 0.95) -> Interval | None:
    """Give the mean, over samples, of scores in 0..1, with its interval. None of nothing.

    `means` holds one value a sample: its score, or the mean of its repeats. The sample is the unit that was drawn,
    so repeats of one sample are a cluster and only the spread between samples counts: mean +- t(n-1) s / sqrt(n),
    which is the cluster-robust interval with equal weights, cut to [0, 1] (Miller 2024, "Adding Error Bars to Evals").
    Where all values are 0 or 1, or all are equal, s says little or nothing and Wilson's interval on the n samples
    stands in. Premise: samples drawn independently of each other. One sample whose value is neither 0 nor 1: no
    interval.
    """
    n = len(means)
    if not n:
        return None
    mean = math.fsum(means) / n
    if all(value in (0.0, 1.0) for value in means):
        return wilson(math.fsum(means), n, level=level)
    if n == 1:
        return Interval(mean, None, None)
    variance = math.fsum((value - mean) ** 2 for value in means) / (n - 1)
    if variance < 1e-18:
        return wilson(mean * n, n, level=level)
    half = t_quantile(0.5 + level / 2, n - 1) * math.sqrt(variance / n)
    return Interval(mean, max(0.0, mean - half), min(1.0, mean + half))


def t_quantile(p: float, df: int) -> float:
    """Give the `p` quantile of Student's t distribution with `df` degrees of freedom, for p in 0.5 .. 0.9999.

    Up to 100 degrees by bisection of the exact distribution (Abramowitz and Stegun 26.7.3-4), above by the expansion
    about the normal quantile (26.7.5). Right to 1e-8.
    """
    if df > 100:
        return _t_expansion(NormalDist().inv_cdf(p), df)
    low, high = 0.0, 4000.0  # the quantile at p = 0.9999 with one degree is 3183
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_within(middle, df) < 2 * p - 1 else (low, middle)
    return (low + high) / 2


def _t_within(t: float, df: int) -> float:
    """Give P(-t < T < t): a finite sum of powers of cos, since `df` is whole."""
    angle = math.atan(t / math.sqrt(df))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = df % 2
    term = cosine if odd else 1.0
    total = term if df > 1 else 0.0
    for k in range(2 + odd, df, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def _t_expansion(x: float, df: int) -> float:
    g1 = (x**3 + x) / 4
    g2 = (5 * x**5 + 16 * x**3 + 3 * x) / 96
    g3 = (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384
    g4 = (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160
    return x + g1 / df + g2 / df**2 + g3 / df**3 + g4 / df**4
