"""Which units are drawn anew, for resampling: pairs, or clusters of pairs, by seed. Not here: any statistic of them.

Imports numpy.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

ROUNDS = 2000
"""How often data are drawn anew: a p of 0.05 is then known to half a point."""
LARGE = 20_000
"""With more units than this, resampling gives way to large-sample formulas: the same answer, far sooner."""
_CHUNK = 1 << 20  # so many numbers at a time: 8 MB


def groups(n: int, clusters: ArrayLike | None) -> Whole:
    """Return the number, from 0, of the unit that each of n pairs belongs to."""
    if clusters is None:
        return np.arange(n)
    return np.unique(np.asarray(clusters), return_inverse=True)[1].reshape(-1)


def unit_sums(columns: Floats, clusters: ArrayLike | None) -> Floats:
    """Return the sums of each column over each unit: (units, columns)."""
    if clusters is None:
        return columns
    group = groups(len(columns), clusters)
    return np.column_stack([np.bincount(group, weights=column) for column in columns.T])


def weights(units: int, *, seed: int, rounds: int = ROUNDS) -> Iterator[Whole]:
    """Give, in parts of several rounds, how often each unit is drawn when as many units as there are are drawn."""
    rng = np.random.default_rng(seed)
    for size in parts(rounds, units):
        drawn = rng.integers(0, units, (size, units)) + np.arange(size)[:, None] * units
        yield np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units)


def coins(units: int, *, seed: int, rounds: int = ROUNDS) -> Iterator[NDArray[np.int8]]:
    """Give, in parts of several rounds, a coin toss, 0 or 1, for each unit."""
    rng = np.random.default_rng(seed)
    for size in parts(rounds, units):
        yield rng.integers(0, 2, (size, units), dtype=np.int8)


def parts(rounds: int, width: int) -> Iterator[int]:
    """Split `rounds` of `width` numbers each so that no part takes much memory."""
    size = max(1, _CHUNK // max(1, width))
    for start in range(0, rounds, size):
        yield min(size, rounds - start)
