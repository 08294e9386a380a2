"""avg@k, pass@k, pass^k and maj@k against every subset."""

import itertools
import math
import time
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalrun.stats.repeats import maj_at_k, pass_at_k, pass_hat_k


def test_right_or_wrong_by_the_formulas() -> None:
    """For every c of 6 and every k: 1 - C(n-c, k) / C(n, k) and C(c, k) / C(n, k), all samples at once."""
    samples = np.repeat(np.arange(7), 6)
    scores = np.concatenate([[1.0] * c + [0.0] * (6 - c) for c in range(7)])
    for k in range(1, 7):
        passes = [1 - math.comb(6 - c, k) / math.comb(6, k) for c in range(7)]
        alls = [math.comb(c, k) / math.comb(6, k) for c in range(7)]
        assert pass_at_k(samples, scores, k).tolist() == passes  # exactly: certain outcomes are 0 and 1
        assert pass_hat_k(samples, scores, k).tolist() == alls


answered = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.25, 1.0, math.nan]), st.integers(-2, 2)), max_size=14
)


@settings(max_examples=200, deadline=None)
@given(answered, st.integers(1, 5))
def test_all_are_means_over_subsets(rows: list[tuple[int, float, int]], k: int) -> None:
    """With partial credit, unscored and missing answers, ties, any order of the rows, and samples of any number."""
    samples, scores, classes = (np.array([row[i] for row in rows], kind) for i, kind in enumerate((int, float, int)))
    found = (
        pass_at_k(samples, scores, k),
        pass_hat_k(samples, scores, k),
        maj_at_k(samples, scores, classes, k),
    )
    for sample in range(max(samples, default=-1) + 1):
        own = [(score, kind) for its, score, kind in rows if its == sample and not math.isnan(score)]
        subsets = list(itertools.combinations(own, k))
        expected = []
        for judged in (best, worst, majority):
            values = [judged(subset, own) for subset in subsets]
            expected.append(fmean(values) if values else math.nan)
        assert [column[sample] for column in found] == pytest.approx(expected, abs=1e-9, nan_ok=True)


Answers = tuple[tuple[float, int], ...]


def best(subset: Answers, _: list[tuple[float, int]]) -> float:
    """Return the best score."""
    return max(score for score, _ in subset)


def worst(subset: Answers, _: list[tuple[float, int]]) -> float:
    """Return the worst score."""
    return min(score for score, _ in subset)


def majority(subset: Answers, own: list[tuple[float, int]]) -> float:
    """Count the votes, share ties; nothing but missing answers scores 0. A class scores the mean of its answers."""
    kinds = [kind for _, kind in subset if kind >= 0]
    top = max((kinds.count(kind) for kind in kinds), default=0)
    winners = {kind for kind in kinds if kinds.count(kind) == top}
    return fmean(fmean(score for score, kind in own if kind == one) for one in winners) if winners else 0.0


def test_majority_by_hand() -> None:
    """Missing never wins, tied classes share, one answer is a plain draw."""
    for right, wrong, missing, k, expected in [
        (2, 1, 5, 8, 1.0),
        (2, 2, 0, 4, 0.5),
        (0, 0, 3, 2, 0.0),
        (3, 1, 1, 1, 3 / 5),
        (40, 24, 0, 63, 1.0),
    ]:
        scores = [1.0] * right + [0.0] * (wrong + missing)
        classes = [7] * right + [0] * wrong + [-1] * missing
        assert maj_at_k([0] * len(scores), scores, classes, k).tolist() == [pytest.approx(expected)]


def test_too_few_answers_are_no_value() -> None:
    """Of four samples the last has one answer, not two; with k = 5 nobody has enough."""
    samples = [0] * 4 + [1] * 4 + [2] * 4 + [3]
    scores = [1.0, 0, 0, 0] + [1.0] * 4 + [0.0] * 4 + [1.0]
    assert pass_at_k(samples, scores, 2).tolist() == pytest.approx([0.5, 1.0, 0.0, math.nan], nan_ok=True)
    assert np.isnan(pass_at_k(samples, scores, 5)).all()


def test_a_hundred_thousand_samples_take_seconds() -> None:
    """8 answers each, k = 4: all three together in a few seconds."""
    rng = np.random.default_rng(1)
    samples = np.repeat(np.arange(100_000), 8)
    classes = rng.integers(-1, 4, len(samples))
    scores = (classes == 0).astype(float)
    start = time.perf_counter()
    best_of, worst_of, most = (
        pass_at_k(samples, scores, 4),
        pass_hat_k(samples, scores, 4),
        maj_at_k(samples, scores, classes, 4),
    )
    assert time.perf_counter() - start < 20
    assert worst_of.mean() < scores.mean() < best_of.mean()
    assert most.mean() == pytest.approx((1 - 0.2**4) / 4, abs=0.005)  # lost where all are missing
