"""Quantiles of measured values in which failures count as infinity: their intervals, and whether one changed.

A comparison is of two runs of the same requests in one session, by resampling. Not here: runs on different nights,
which differ by more (`nights`).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from evalrun.stats.distribution import t_quantile, t_tail
from evalrun.stats.interval import Floats, Interval, Whole, groups, mean_spread
from evalrun.stats.power import mde_ratio
from evalrun.stats.resample import LARGE, ROUNDS, SEED, Signs, coins, sign_flip, t_sides, weights
from evalrun.stats.verdict import Comparison, Sides

NEEDED = {0.5: 11, 0.9: 64, 0.95: 130, 0.99: 662}
"""The least number of values for a quantile: so many that two of them exceed the true one, at 99 % confidence.

With only one value up there the estimate would be that single value. The least n for which
1 - q^n - n q^(n-1) (1 - q) >= 0.99 (binomial). Premise: independent observations of one distribution.
Source: the tables of MLPerf's early-stopping rule.
"""
_SECTIONS = 50


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


def quantile_interval(
    ordered: Sequence[float], q: float, *, clusters: ArrayLike | None = None, level: float = 0.95
) -> Interval:
    """Return the `q` quantile of ascending values, at least one, with a distribution-free interval between two of them.

    clusters: of each value, in the same order. A bound is None where the values do not reach that far out.
    Premise: values (clusters) drawn independently. Source: Woodruff 1952.
    """
    n, (error, units) = len(ordered), rank_error(len(ordered), q, clusters=clusters)
    reach = error * t_quantile(0.5 + level / 2, max(1.0, units - 1))
    low, high = n * q - reach, n * q + reach
    return Interval(
        ordered[rank(q, n) - 1],
        ordered[math.floor(low) - 1] if low >= 1 else None,
        ordered[math.ceil(high)] if high <= n - 1 else None,
    )


def rank_error(n: int, q: float, *, clusters: ArrayLike | None = None) -> tuple[float, float]:
    """Return the standard error of the rank of the true `q` quantile among n values, and the number of clusters.

    clusters: of each value, in ascending order of the values; without, it is known and their number infinite.
    Source: Woodruff 1952.
    """
    if clusters is None:
        return math.sqrt(n * q * (1 - q)), math.inf
    spread = mean_spread((np.arange(n) < rank(q, n)).astype(float), clusters=clusters)
    return spread.error * n, spread.units


def rank(q: float, n: int) -> int:
    """Return the rank, from 1, of the `q` quantile of n values: ceil(q n), at least 1.

    The tiny step down undoes binary rounding (0.07 x 100 is a little over 7).
    """
    return max(1, math.ceil(q * n - 1e-9))


# ---------------------------------------------------------------- two runs


def compare_quantiles(
    base: ArrayLike, new: ArrayLike, q: float, *, margin: float = 0.0, clusters: ArrayLike | None = None,
    rounds: int = ROUNDS,
) -> Comparison:  # fmt: skip
    """Compare the `q` quantile of paired values above 0: the relative difference, its interval, p.

    p and `sides` (about a rise by the relative `margin`) come from swapping base and new within pairs: exact
    whatever the tails. The interval is the bootstrap's. Above `LARGE` units both come from the spread over random
    sections of the data, with Student's t; where failures reach the percentile, from a random part of the pairs.
    Premise: units drawn independently, in one session; a margin also assumes that a rise scales all values alike.
    Source: Fisher 1935; Efron and Tibshirani 1993, chapter 13; Asmussen and Glynn 2007, sectioning.
    """
    old, now = np.asarray(base, float), np.asarray(new, float)
    group = groups(len(old), clusters)
    if int(group.max()) + 1 > LARGE:
        found = _sectioned(old, now, q, group, margin=margin)
        if found is not None:
            return found
        part = np.random.default_rng(SEED).permutation(int(group.max()) + 1)[:LARGE]
        kept = np.isin(group, part)
        old, now, group = old[kept], now[kept], groups(int(kept.sum()), group[kept])
    before, after = quantile_of(old, q), quantile_of(now, q)
    drawn = _bootstrap(old, now, q, group, rounds=rounds)
    low, high = quantile_of(drawn, 0.025), quantile_of(drawn, 0.975)
    error = (quantile_of(drawn, 0.84) - quantile_of(drawn, 0.16)) / 2  # nan or infinite where failures reach that far
    scaled = swap(old * (1 + margin), now, q, group=group, rounds=rounds)
    return Comparison(
        value_base=before,
        value_new=after,
        difference=0.0 if after == before else after / before - 1,
        low=math.expm1(low),
        high=math.expm1(high),
        p=swap(old, now, q, group=group, rounds=rounds).both,
        mde=mde_ratio(error, int(group.max()) + 1) if 0 < error < math.inf else None,
        method="bootstrap of the log ratio; p by swapping within pairs",
        premise="requests (clusters) of one session, drawn independently",
        relative=True,
        sides=Sides(scaled.rise, scaled.fall),
    )


def swap(base: Floats, new: Floats, q: float, *, group: Whole, rounds: int = ROUNDS) -> Signs:
    """Test whether a quantile is the same on both sides by swapping them within pairs (those of a unit together).

    Premise: without a change each pair could as well be the other way round. Random swaps; the data themselves count
    as one, so that alpha is kept. With so many failures that a swap could make the percentile one, the test is of how
    many requests failed or exceed the percentile of both sides together. Source: Fisher 1935; Phipson and Smyth 2010.
    """
    n = len(base)
    place = rank(q, n)
    pooled = np.concatenate([base, new])
    if np.isinf(pooled).sum() > n - place:  # some swap would make a percentile a failure: count the slow ones instead
        bar = np.partition(pooled, rank(q, 2 * n) - 1)[rank(q, 2 * n) - 1]
        slow_new, slow_base = ((side > bar) | np.isinf(side) for side in (new, base))
        return sign_flip(slow_new.astype(float) - slow_base, clusters=group)
    order = np.argsort(pooled, kind="stable")
    pooled, is_new, unit = pooled[order], (order >= n).astype(np.int8), group[order % n]
    places = np.arange(1, 2 * n + 1, dtype=np.int32)

    def shifts(tossed: np.ndarray[tuple[int, int], np.dtype[np.int8]]) -> Floats:
        seen_new = np.cumsum(tossed[:, unit] ^ is_new, axis=1, dtype=np.int32)
        after = pooled[np.argmax(seen_new >= place, axis=1)]
        before = pooled[np.argmax(places - seen_new >= place, axis=1)]
        return _log_ratios(after, before)

    units = int(group.max()) + 1
    observed = float(shifts(np.zeros((1, units), np.int8))[0])
    found = np.concatenate([[observed], *(shifts(tossed) for tossed in coins(units, rounds=rounds))])
    return Signs.of(observed, found, slack=1e-12)


def _bootstrap(base: Floats, new: Floats, q: float, group: Whole, *, rounds: int) -> Floats:
    """Return the log ratio of the quantiles in each round of resampling units."""
    orders = [np.argsort(values, kind="stable") for values in (new, base)]

    def of_round(values: Floats, order: Whole, times: Whole) -> Floats:
        seen = np.cumsum(times[:, group[order]], axis=1)
        place = np.ceil(q * seen[:, -1:] - 1e-9)
        drawn: Floats = values[order][np.argmax(seen >= place, axis=1)]
        return drawn

    return np.concatenate([
        _log_ratios(of_round(new, orders[0], times), of_round(base, orders[1], times))
        for times in weights(int(group.max()) + 1, rounds=rounds)
    ])  # fmt: skip


def _sectioned(base: Floats, new: Floats, q: float, group: Whole, *, margin: float) -> Comparison | None:
    """Compare by the spread over random sections of the units; None where a section's percentile is not finite."""
    section = np.random.default_rng(SEED).permutation(int(group.max()) + 1)[group] % _SECTIONS
    values = np.array([[quantile_of(side[section == s], q) for s in range(_SECTIONS)] for side in (new, base)])
    found = _log_ratios(values[0], values[1])
    before, after = quantile_of(base, q), quantile_of(new, q)
    error = float(found.std(ddof=1)) / math.sqrt(_SECTIONS) if np.isfinite(found).all() else math.inf
    if not 0 < error < math.inf or math.isinf(after) or math.isinf(before):
        return None
    shift, df = math.log(after / before), _SECTIONS - 1
    half = t_quantile(0.975, df) * error
    return Comparison(
        value_base=before,
        value_new=after,
        difference=math.expm1(shift),
        low=math.expm1(shift - half),
        high=math.expm1(shift + half),
        p=2 * t_tail(abs(shift) / error, df),
        mde=mde_ratio(error, _SECTIONS),
        method=f"log ratio, spread over {_SECTIONS} sections",
        premise="requests (clusters) of one session, drawn independently",
        relative=True,
        sides=t_sides(shift, error, df, math.log1p(margin)),
    )


def _log_ratios(new: Floats, base: Floats) -> Floats:
    """Return log(new / base); equal values, two failures among them, differ by nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        apart: Floats = np.log(new) - np.log(base)
    apart[new == base] = 0.0
    return apart
