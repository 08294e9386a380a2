"""Quantiles of measured values in which failures stand as infinity, and the sample size that supports them."""

import math
from collections.abc import Mapping, Sequence

NEEDED = {0.5: 11, 0.9: 64, 0.95: 130, 0.99: 662}
"""The least number of observations for a quantile, from `needed`; written out because people look it up."""


def quantile(ordered: Sequence[float], q: float) -> float | None:
    """Return the smallest of the ascending values that at least the share `q` of them does not exceed.

    The inverse of the empirical distribution (Hyndman and Fan 1996, type 1; numpy's `inverted_cdf`). It is always a
    value that occurred, so that it also holds when the tail is infinite, where interpolation gives nonsense.
    None of nothing.
    """
    return ordered[_rank(q, len(ordered)) - 1] if ordered else None


def histogram_quantile(counts: Mapping[int, int], q: float) -> int | None:
    """Return the bucket in which `quantile` would lie, of a histogram bucket -> count. None of an empty one."""
    rank = _rank(q, sum(counts.values()))
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return bucket
    return None


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


def _rank(q: float, n: int) -> int:
    """Return ceil(q n), at least 1; the tiny step down undoes binary rounding (0.07 x 100 is a little over 7)."""
    return max(1, math.ceil(q * n - 1e-9))
