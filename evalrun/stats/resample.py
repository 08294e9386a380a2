"""Did a ratio change between two runs of the same requests? By resampling; and the tools of it.

Pairs, or clusters of pairs, are the units that are drawn; the same data give the same numbers. Not here: right and
wrong (`scores`), percentiles (`quantile`), runs on different nights (`nights`).
"""

import math
from collections.abc import Iterator
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalrun.stats.distribution import t_quantile, t_tail
from evalrun.stats.interval import Floats, Whole, unit_sums
from evalrun.stats.power import mde_ratio
from evalrun.stats.verdict import Comparison, Sides

ROUNDS = 2000
"""How often data are resampled: a p of 0.05 is then known to half a point."""
LARGE = 20_000
"""With more units than this, resampling gives way to large-sample formulas: the same answer, far sooner."""
SEED = 0
_CHUNK = 1 << 20  # so many numbers at a time: 8 MB
_ENUMERATED = 16  # units: all sign patterns of so many are tried


class Signs(NamedTuple):
    """p of "no difference": two-sided, against a rise, and against a fall."""

    both: float
    rise: float
    fall: float

    @classmethod
    def of(cls, observed: float, drawn: Floats, *, slack: float) -> Self:
        """Return how much of what was drawn is as far out as what was observed. slack: what only rounding does."""
        far = (np.abs(drawn) >= abs(observed) - slack, drawn >= observed - slack, drawn <= observed + slack)
        return cls(*(float(side.mean()) for side in far))


def sign_flip(differences: ArrayLike, *, clusters: ArrayLike | None = None, rounds: int = 5 * ROUNDS) -> Signs:
    """Test whether paired differences are centred on 0 by flipping their signs (those of a cluster together).

    Exact where at most 16 units differ, all patterns being tried; else by random patterns, which keeps alpha too;
    above `LARGE` units by the normal approximation of the same distribution. For latencies give logarithms of ratios.
    Premise: without a change each pair could as well be the other way round. On 0/1 answers it is McNemar's test.
    Source: Fisher 1935; Phipson and Smyth 2010 for counting the data themselves as one of the random patterns.
    """
    sums = unit_sums(np.asarray(differences, float), clusters)
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
        flipped = [(2.0 * tossed - 1) @ sums for tossed in coins(n, rounds=rounds - 1)]
        totals = np.concatenate([*flipped, [observed]])
    return Signs.of(observed, totals, slack=1e-9 * float(np.abs(sums).sum()))


def compare_ratios(
    base: tuple[ArrayLike, ArrayLike], new: tuple[ArrayLike, ArrayLike], *, margin: float = 0.0,
    clusters: ArrayLike | None = None,
) -> Comparison:  # fmt: skip
    """Compare two ratios of sums over the same samples, each (numerators, denominators): cost per right answer, say.

    For the ratio of two means give ones as denominators. The difference is relative: 0.1 is a tenth more. Interval and
    p come from a bootstrap-t of the log ratio; `sides`, about a rise by the relative `margin`, from Student's t.
    Premise: units drawn independently; all four sums positive, and not from a handful of samples.
    Source: Efron and Tibshirani 1993, chapter 12; Hall 1992 for the skewness that the bootstrap-t corrects.
    """
    drawn = np.column_stack([unit_sums(np.asarray(part, float), clusters) for part in (*new, *base)])
    totals = drawn.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value_new, value_base = float(totals[0] / totals[1]), float(totals[2] / totals[3])
    if not (np.isfinite(totals).all() and (totals > 0).all()):
        return Comparison(
            value_base, value_new, value_new / value_base - 1 if value_base else value_new, None, None, None, None,
            method="none", premise="a sum is zero, negative or infinite", relative=True,
        )  # fmt: skip
    found = _bootstrap_t(drawn)
    low, high = (None, None) if found.ends is None else map(math.expm1, found.ends)
    return Comparison(
        value_base=value_base,
        value_new=value_new,
        difference=math.expm1(found.value),
        low=low,
        high=high,
        p=found.p,
        mde=None if found.ends is None else mde_ratio(found.error, len(drawn)),
        method=f"{found.method} of the log ratio",
        premise="samples (clusters) drawn independently",
        relative=True,
        sides=t_sides(found.value, found.error, len(drawn) - 1, math.log1p(margin)),
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
    error: float
    method: str
    ends: tuple[float, float] | None = None
    p: float | None = None


def _bootstrap_t(drawn: Floats) -> _Found:
    """Return the log of the ratio (a / b) / (c / d) of column sums with its bootstrap-t interval.

    drawn: the sums a, b, c, d of each unit, (units, 4). The standard error is the linear one, from the gradient; all of
    it is a few matrix products. A bound is never nearer than Student's t puts it: the bootstrap widens a skewed side,
    and would narrow both where single values dominate.
    """
    units, width = drawn.shape
    products = np.einsum("ij,ik->ijk", drawn, drawn).reshape(units, width * width)
    signs = np.array([1.0, -1.0, -1.0, 1.0])

    def with_error(times: Floats) -> tuple[Floats, Floats]:
        totals = times @ drawn
        gradient = signs / totals
        squares = (times @ products).reshape(-1, width, width)
        variance = np.einsum("ij,ijk,ik->i", gradient, squares, gradient)
        return np.log(totals) @ signs, np.sqrt(np.maximum(variance, 0.0) * units / max(1, units - 1))

    values, errors = with_error(np.ones((1, units)))
    value, error = float(values[0]), float(errors[0])
    if units < 2 or error <= 1e-12 * max(1e-300, abs(value)):
        return _Found(value, error if units > 1 else math.inf, "no spread")
    least = t_quantile(0.975, units - 1)
    p = 2 * t_tail(abs(value) / error, units - 1)
    if units > LARGE:
        return _Found(value, error, "normal", (value - least * error, value + least * error), p)
    with np.errstate(divide="ignore", invalid="ignore"):
        rounds = [with_error(times.astype(float)) for times in weights(units)]
        t = np.concatenate([(drawn_value - value) / its_error for drawn_value, its_error in rounds])
    t = t[~np.isnan(t)]
    if len(t) < 0.95 * ROUNDS:
        return _Found(value, error, "too few in a sum")
    below, above = np.quantile(t, [0.025, 0.975], method="inverted_cdf")
    ends = value - max(least, float(above)) * error, value + max(least, -float(below)) * error
    p = max(p, (1 + float(np.sum(np.abs(t) >= abs(value) / error))) / (1 + len(t)))
    return _Found(value, error, "bootstrap-t", ends, p)


# ---------------------------------------------------------------- drawing


def weights(units: int, *, rounds: int = ROUNDS) -> Iterator[Whole]:
    """Yield, several rounds at a time, how often each unit is drawn when `units` of them are drawn: (rounds, units)."""
    rng = np.random.default_rng(SEED)
    for size in _parts(rounds, units):
        drawn = rng.integers(0, units, (size, units)) + np.arange(size)[:, None] * units
        yield np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units)


def coins(units: int, *, rounds: int = ROUNDS) -> Iterator[NDArray[np.int8]]:
    """Yield, several rounds at a time, a coin toss, 0 or 1, for each unit: (rounds, units)."""
    rng = np.random.default_rng(SEED)
    for size in _parts(rounds, units):
        yield rng.integers(0, 2, (size, units), dtype=np.int8)


def _parts(rounds: int, width: int) -> Iterator[int]:
    """Split `rounds` of `width` numbers each so that no part takes much memory."""
    size = max(1, _CHUNK // max(1, width))
    for start in range(0, rounds, size):
        yield min(size, rounds - start)
