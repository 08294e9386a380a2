"""How TTFT grows with prompt size: a fit and an exponent, each with a seeded bootstrap interval. Imports numpy.

Everything rests on the median of each rung's cold requests. Medians do not care how slow the slowest were, so that a
stall does not bend the curve and a failure can stand as infinity, where a mean of logarithms would need to drop it.
Premise: requests of one rung are independent of each other and of those of the others; sizes are therefore asked
interleaved. Not covered: that the endpoint may be another one tomorrow.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from evalrun.stats.interval import Floats, Interval
from evalrun.stats.quantile import rank

ROUNDS = 2000
ENOUGH = 5
"""Requests a rung needs for an interval: the bootstrap of a median covers 93 % with 4, 95 to 97 % with 5 and more."""


class Point(NamedTuple):
    """One rung: its asked size, its counted tokens and the TTFT of its cold requests, failures as infinity."""

    size: int
    tokens: float
    seconds: Sequence[float]


class Fit(NamedTuple):
    """TTFT = a + b n + c n^2, n in tokens; coefficients a, b, c. error: root mean square of the relative residuals."""

    coefficients: tuple[Interval, Interval, Interval]
    error: float


def upper(points: Sequence[Point]) -> list[Point]:
    """Return the rungs from a quarter of the largest asked size up; the three largest where these are fewer."""
    ordered = sorted(points)
    reach = [point for point in ordered if point.size * 4 >= ordered[-1].size]
    return reach if len(reach) >= 3 else ordered[-3:]


def exponent(points: Sequence[Point], *, seed: int = 0, rounds: int = ROUNDS, level: float = 0.95) -> Interval | None:
    """Return the slope of the least-squares line through (ln tokens, ln median TTFT), each rung with the same weight.

    TTFT ~ n^exponent. On a curve that bends, such as b n + c n^2, no single exponent is true; this one is *defined* as
    the slope of that line for the true medians at these sizes (`slope` of the law gives it). For three rungs a factor
    of 2 apart the middle one has no weight and it is exactly ln(T(4n) / T(n)) / ln 4, the chord between the ends; for
    more rungs a weighted mean of the chords. Interval: percentile bootstrap, resampling within rungs; None with fewer
    than `ENOUGH` requests in any of them, or where failures make it infinite. Source: Efron and Tibshirani 1993.
    None for fewer than two sizes.
    """
    if len({point.tokens for point in points}) < 2:
        return None
    tokens = np.array([point.tokens for point in points])
    value = float(slope(tokens, _medians(points)))
    drawn = slope(tokens, _resampled(points, seed=seed, rounds=rounds))
    return _interval(value, drawn, points, level=level)


def slope(tokens: Floats, seconds: Floats) -> Floats:
    """Return the least-squares slope of ln seconds on ln tokens, over the last axis. Infinities of both signs: NaN."""
    x = np.log(tokens) - np.log(tokens).mean()
    with np.errstate(invalid="ignore"):
        return np.asarray(np.log(seconds) @ (x / (x @ x)))


def fit(points: Sequence[Point], *, seed: int = 0, rounds: int = ROUNDS, level: float = 0.95) -> Fit | None:
    """Return the curve a + b n + c n^2, no coefficient negative, nearest to the rungs' medians.

    Nearest in relative error: a rung that is 10 % off counts the same at 0.1 s and at 100 s, because the noise of TTFT
    is a share of it; absolute errors would fit the largest rung alone. A rung's weight is its number of requests. The
    best of the seven sets of coefficients, each fitted freely, is the non-negative least squares solution. Intervals:
    as in `exponent`; they end at 0 where the data do not need the term. None for fewer than three sizes.
    """
    if len({point.tokens for point in points}) < 3:
        return None
    tokens = np.array([point.tokens for point in points])
    counts = np.array([len(point.seconds) for point in points], float)
    values, errors = _nearest(tokens, _medians(points)[None], counts)
    drawn, _ = _nearest(tokens, _resampled(points, seed=seed, rounds=rounds), counts)
    a, b, c = (_interval(float(values[0, k]), drawn[:, k], points, level=level) for k in range(3))
    return Fit((a, b, c), float(errors[0]))


# ---------------------------------------------------------------- medians


def _medians(points: Sequence[Point]) -> Floats:
    return np.array([median(np.asarray(point.seconds, float)) for point in points])


def median(values: Floats) -> Floats:
    """Return the median over the last axis, as everywhere a value that was measured (`stats.quantile.quantile`)."""
    place = rank(0.5, values.shape[-1]) - 1
    return np.asarray(np.partition(values, place, axis=-1)[..., place])


def _resampled(points: Sequence[Point], *, seed: int, rounds: int) -> Floats:
    """Return (rounds x rungs) medians of requests drawn again within each rung."""
    rng = np.random.default_rng(seed)
    columns = []
    for point in points:
        seconds = np.asarray(point.seconds, float)
        columns.append(median(seconds[rng.integers(0, len(seconds), (rounds, len(seconds)))]))
    return np.column_stack(columns)


def _interval(value: float, drawn: Floats, points: Sequence[Point], *, level: float) -> Interval:
    """Return the value with the percentiles of what was drawn; what is NaN could be anything, and lies beyond both."""
    if min(len(point.seconds) for point in points) < ENOUGH:
        return Interval(value, None, None)
    ends = [
        float(np.quantile(np.where(np.isnan(drawn), beyond, drawn), share, method="inverted_cdf"))
        for beyond, share in ((-np.inf, 0.5 - level / 2), (np.inf, 0.5 + level / 2))
    ]
    return Interval(value, ends[0], ends[1]) if np.isfinite(ends).all() else Interval(value, None, None)


# ---------------------------------------------------------------- the curve


def _nearest(tokens: Floats, medians: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Return the coefficients nearest to each row of medians, and their relative errors."""
    largest = tokens.max()
    powers = np.stack([np.ones_like(tokens), tokens / largest, (tokens / largest) ** 2], axis=1)
    finite = np.isfinite(medians)
    weights = np.sqrt(counts) * finite
    rows = powers * (weights / np.where(finite, medians, 1))[:, :, None]
    best = np.zeros((len(medians), 3))
    least = np.full(len(medians), np.inf)
    for terms in _subsets():
        found = (np.linalg.pinv(rows[:, :, terms]) @ weights[:, :, None])[:, :, 0]
        off = ((rows[:, :, terms] @ found[:, :, None])[:, :, 0] - weights) ** 2
        misfit = off.sum(axis=1)
        better = (found >= 0).all(axis=1) & (misfit < least * (1 - 1e-9))
        least = np.where(better, misfit, least)
        chosen = np.zeros_like(best)
        chosen[:, terms] = found
        best = np.where(better[:, None], chosen, best)
    return best / largest ** np.arange(3), np.sqrt(least / np.maximum((weights**2).sum(axis=1), 1))


def _subsets() -> Iterator[list[int]]:
    """Return the sets of coefficients, small ones first, so that a tie goes to the simpler curve."""
    for size in (1, 2, 3):
        yield from map(list, combinations(range(3), size))
