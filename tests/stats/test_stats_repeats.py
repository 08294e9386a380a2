"""pass@k, pass^k and maj@k against every subset."""

import itertools
import math
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalrun.stats.interval import unit_mean
from evalrun.stats.repeats import majority_at_k, mean_at_k, over_samples, pass_all_k, pass_at_k


def test_pass_at_k_and_all_k_are_shares_of_subsets() -> None:
    """For every c of 6 and every k, counted one by one."""
    for right in range(7):
        answers = [True] * right + [False] * (6 - right)
        for k in range(1, 7):
            subsets = list(itertools.combinations(answers, k))
            assert pass_at_k(right, 6, k) == pytest.approx(fmean(any(s) for s in subsets), abs=1e-12)
            assert pass_all_k(right, 6, k) == pytest.approx(fmean(all(s) for s in subsets), abs=1e-12)
    assert mean_at_k([1.0, 0.5]) == 0.75


def by_hand(votes: list[int], worth: list[float], missing: int, k: int) -> float:
    """Take every subset, count its votes, share ties; nothing but missing scores 0."""
    answers = [i for i, vote in enumerate(votes) for _ in range(vote)] + [None] * missing
    scores = []
    for subset in itertools.combinations(answers, k):
        counts = [subset.count(i) for i in range(len(votes))]
        top = max(counts, default=0)
        winners = [worth[i] for i, count in enumerate(counts) if count == top and top]
        scores.append(fmean(winners) if winners else 0.0)
    return fmean(scores)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(0, 3), st.data())
def test_majority_is_the_mean_over_subsets(votes: list[int], missing: int, data: st.DataObject) -> None:
    """With several right classes, partial credit, ties and missing answers."""
    n = sum(votes) + missing
    if not n:
        return
    worth = data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=len(votes), max_size=len(votes)))
    k = data.draw(st.integers(1, n))
    assert majority_at_k(votes, worth, missing=missing, k=k) == pytest.approx(by_hand(votes, worth, missing, k))


def test_majority_by_hand() -> None:
    """Missing never wins, tied classes share, one answer is a plain draw."""
    assert majority_at_k([2, 1], [1.0, 0.0], missing=5, k=8) == 1.0
    assert majority_at_k([2, 2], [1.0, 0.0], k=4) == 0.5
    assert majority_at_k([], [], missing=3, k=2) == 0.0
    assert majority_at_k([3, 1], [1.0, 0.0], missing=1, k=1) == pytest.approx(3 / 5)
    assert majority_at_k([40, 24], [1.0, 0.0], k=63) == 1.0


def test_over_samples_is_the_mean_of_what_has_k_answers() -> None:
    """A sample with too few answers is left out; the interval is over samples."""
    found = over_samples([(1, 4), (4, 4), (0, 4), (1, 1)], 2, pass_at_k)
    assert found == unit_mean([pass_at_k(1, 4, 2), 1.0, 0.0])
    assert over_samples([(1, 1)], 2, pass_at_k) is None
    assert not math.isnan(pass_at_k(0, 2, 2))
