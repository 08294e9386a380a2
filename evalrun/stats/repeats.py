"""pass@k, pass^k and maj@k: the best, the worst and the majority of k answers to a sample.

Every function takes one row an answer and returns one value a sample.

    samples  the number of the answer's sample, from 0
    scores   its score in 0..1; a row whose score is NaN is no answer and is left out
    classes  the number of its class of equivalent answers within the sample; negative: no answer was found in it

The result is indexed by the sample's number: NaN for a sample with fewer than k answers. All are exact means over the
subsets of k answers, without sampling. Premise: the answers to one sample are exchangeable. Not here: which answers
are equivalent, and which are right.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from evalrun.stats.interval import Floats, Whole


def pass_at_k(samples: ArrayLike, scores: ArrayLike, k: int) -> Floats:
    """Return the expected best score of k of each sample's answers, pass@k.

    Where c of n scores are 1 and the others 0 that is the chance that at least one of k is right,
    1 - C(n-c, k) / C(n, k). Source: Chen et al. 2021. Other scores: the mean over all thresholds of the same formula,
    with c answers at or above the threshold.
    """
    return 1 - _expected_worst(samples, 1 - np.asarray(scores, float), k)


def pass_hat_k(samples: ArrayLike, scores: ArrayLike, k: int) -> Floats:
    """Return the expected worst score of k of each sample's answers, pass^k.

    Where c of n scores are 1 and the others 0 that is the chance that all of k are right, C(c, k) / C(n, k).
    Source: Yao et al. 2024 (tau-bench). Other scores: as for `pass_at_k`.
    """
    return _expected_worst(samples, scores, k)


def maj_at_k(samples: ArrayLike, scores: ArrayLike, classes: ArrayLike, k: int) -> Floats:
    """Return the expected score of the majority of k of each sample's answers, maj@k.

    The class with the most answers wins and scores the mean of its answers' scores. An answer without a class never
    wins: it only takes a place. Tied classes share; k answers without a class score 0.
    """
    sample, score, total = _answers(samples, scores)
    known = ~np.isnan(np.asarray(scores, float))
    kind = np.maximum(np.asarray(classes)[known], -1)
    found = np.full(total, math.nan)
    for these, at in _by_count(sample, np.lexsort((kind, sample)), least=k):
        votes, worth = _votes(kind[at], score[at])
        patterns, which = np.unique(votes, axis=0, return_inverse=True)
        missing = at.shape[1] - patterns.sum(axis=1)
        shares = np.array([
            _win_shares(tuple(pattern), missing=absent, k=k)
            for pattern, absent in zip(patterns.tolist(), missing.tolist(), strict=True)
        ])  # fmt: skip
        found[these] = (worth * shares[which.reshape(-1)]).sum(axis=1).round(12)  # certain is 0 or 1, not nearly so
    return found


def _expected_worst(samples: ArrayLike, scores: ArrayLike, k: int) -> Floats:
    """Return the mean over all subsets of k answers of the lowest score in the subset."""
    sample, score, total = _answers(samples, scores)
    found = np.full(total, math.nan)
    for these, at in _by_count(sample, np.lexsort((score, sample)), least=k):
        ascending, n = score[at], at.shape[1]
        among_highest = [math.comb(n - i, k) / math.comb(n, k) for i in range(1, n)]
        found[these] = ascending[:, 0] + np.diff(ascending) @ np.array(among_highest)
    return found


def _answers(samples: ArrayLike, scores: ArrayLike) -> tuple[Whole, Floats, int]:
    """Return sample and score of the answers that have a score, and the number of samples."""
    sample, score = np.asarray(samples, np.int64), np.asarray(scores, float)
    known = ~np.isnan(score)
    return sample[known], score[known], int(sample.max()) + 1 if len(sample) else 0


def _by_count(sample: Whole, order: Whole, *, least: int) -> Iterator[tuple[Whole, Whole]]:
    """Yield for each n >= `least` the samples with n answers, (samples,), and the rows of these, (samples, n).

    order: the rows, sorted by sample first.
    """
    counts = np.bincount(sample)
    starts = np.cumsum(counts) - counts
    for n in np.unique(counts[counts >= least]).tolist():
        these = np.flatnonzero(counts == n)
        yield these, order[starts[these][:, None] + np.arange(n)]


def _votes(kind: Whole, score: Floats) -> tuple[Whole, Floats]:
    """Return the votes of each sample's classes, most first, and the mean score in each: (samples, n), 0 where none.

    kind, score: of each answer, (samples, n), ascending by class.
    """
    samples, n = kind.shape
    place = np.zeros(kind.shape, np.int64)
    place[:, 1:] = np.cumsum(kind[:, 1:] != kind[:, :-1], axis=1)
    place += np.arange(samples)[:, None] * n
    present = (kind >= 0).astype(float)
    votes, worth = (
        np.bincount(place.ravel(), weights=weights.ravel(), minlength=samples * n).reshape(samples, n)
        for weights in (present, present * score)
    )
    order = np.argsort(-votes, axis=1, kind="stable")
    votes, worth = (np.take_along_axis(column, order, axis=1) for column in (votes, worth))
    return votes.astype(np.int64), worth / np.maximum(votes, 1)


@lru_cache(maxsize=1 << 14)
def _win_shares(votes: tuple[int, ...], *, missing: int, k: int) -> tuple[float, ...]:
    """Return the chance of each class to win among k answers, ties shared; exact, by counting subsets."""
    subsets = math.comb(sum(votes) + missing, k)
    won = {vote: _won(votes, votes.index(vote), missing=missing, k=k) / subsets for vote in set(votes)}
    return tuple(float(won[vote]) for vote in votes)


def _won(votes: tuple[int, ...], winner: int, *, missing: int, k: int) -> Fraction:
    """Return the number of subsets of size `k` that class `winner` wins, a share of those where it ties."""
    others = [vote for i, vote in enumerate(votes) if i != winner and vote]
    won = Fraction(0)
    for top in range(1, min(k, votes[winner]) + 1):
        # ways[size, ties]: choices from the other classes, none over `top`, with `ties` of them at `top`
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
