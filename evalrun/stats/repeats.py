"""What k answers to a sample are worth: the best of them, all of them, their mean, their majority.

Each gives one value a sample, without bias, from n >= k answers; `over_samples` gives the mean over samples with its
interval. Not here: which answers are equivalent, and which are right.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from evalrun.stats.interval import Interval, unit_mean


def pass_at_k(right: int, n: int, k: int) -> float:
    """Return the chance that at least one of k of the n answers is right: 1 - C(n-c, k) / C(n, k).

    Premise: answers are exchangeable. Source: Chen et al. 2021.
    """
    return float(1 - Fraction(math.comb(n - right, k), math.comb(n, k)))


def pass_all_k(right: int, n: int, k: int) -> float:
    """Return the chance that all of k of the n answers are right, pass^k: C(c, k) / C(n, k).

    Premise: answers are exchangeable. Source: Yao et al. 2024 (tau-bench).
    """
    return float(Fraction(math.comb(right, k), math.comb(n, k)))


def mean_at_k(scores: Sequence[float]) -> float:
    """Return the mean score of the answers, avg@k: the same for every k in expectation."""
    return math.fsum(scores) / len(scores)


def majority_at_k(votes: Sequence[int], worth: Sequence[float], *, missing: int = 0, k: int) -> float:
    """Return the expected score of the majority of k of the answers, maj@k.

    `votes[i]` answers fell into class i of equivalent answers, which scores `worth[i]`; `missing` answers gave none.
    A missing answer never wins: it only takes a place. Tied classes share; k missing answers score 0.
    Exact, over all subsets of size k, by counting them. Premise: answers are exchangeable.
    """
    n = sum(votes) + missing
    if k == n:
        top = max(votes, default=0)
        winners = [value for vote, value in zip(votes, worth, strict=True) if vote == top and top]
        return math.fsum(winners) / len(winners) if winners else 0.0
    total = math.fsum(
        value * float(Fraction(_won(votes, i, missing=missing, k=k)) / math.comb(n, k))
        for i, value in enumerate(worth)
        if value
    )
    return min(1.0, total)


def _won(votes: Sequence[int], winner: int, *, missing: int, k: int) -> Fraction:
    """Return the number of subsets of size `k` that class `winner` wins, a share of those where it ties."""
    others = [vote for i, vote in enumerate(votes) if i != winner]
    won = Fraction(0)
    for top in range(1, min(k, votes[winner]) + 1):
        # ways[size][ties]: choices from the other classes, none over `top`, with `ties` of them at `top`
        ways = {(0, 0): 1}
        for vote in others:
            ways = _and_class(ways, vote, top=top, most=k - top)
        shares = sum(
            (Fraction(count * math.comb(missing, k - top - size), 1 + ties) for (size, ties), count in ways.items()),
            Fraction(0),
        )
        won += math.comb(votes[winner], top) * shares
    return won


def _and_class(ways: dict[tuple[int, int], int], vote: int, *, top: int, most: int) -> dict[tuple[int, int], int]:
    wider: dict[tuple[int, int], int] = {}
    for (size, ties), count in ways.items():
        for taken in range(min(vote, top, most - size) + 1):
            key = size + taken, ties + (taken == top)
            wider[key] = wider.get(key, 0) + count * math.comb(vote, taken)
    return wider


def over_samples(
    counts: Iterable[tuple[int, int]], k: int, estimate: Callable[[int, int, int], float], *, level: float = 0.95
) -> Interval | None:
    """Return the mean over samples of `estimate(right, n, k)`, with its interval. None where no sample has k answers.

    A sample with fewer than k answers has no value and is left out: say so beside the number.
    Premise: samples independent (`unit_mean`).
    """
    return unit_mean([estimate(right, n, k) for right, n in counts if n >= k], level=level)
