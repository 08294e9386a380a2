"""Evidence that may be looked at any time."""

import math

import numpy as np
import pytest

from evalrun.stats.scores import _STAKES, sequential_sides


def test_the_capital_is_a_product() -> None:
    """Bet by bet, for each stake, as a gambler would; order does not matter."""
    rng = np.random.default_rng(6)
    d = rng.choice([-1.0, -0.25, 0.0, 1.0], 60, p=[0.5, 0.2, 0.2, 0.1])
    margin = 0.05
    capital = np.mean([math.prod(1 + stake / (1 + margin) * (-x - margin) for x in d) for stake in _STAKES])
    found = sequential_sides(d, margin=margin)
    assert found.worse == pytest.approx(min(1.0, 1 / capital), rel=1e-9)
    assert sequential_sides(np.sort(d), margin=margin) == pytest.approx(found, rel=1e-9)


def test_each_bet_is_fair_at_the_edge() -> None:
    """If the mean is just the margin, the expected capital after one bet is what it was: the source of validity."""
    margin, values, chances = 0.1, np.array([1.0, 0.0, -1.0]), np.array([0.2, 0.5, 0.3])
    assert values @ chances == pytest.approx(-margin)
    for stake in _STAKES:
        assert chances @ (1 + stake / (1 + margin) * (-values - margin)) == pytest.approx(1.0)
        assert chances @ (1 + stake / (1 - margin) * (values + margin)) == pytest.approx(1.0)


def test_nothing_seen_says_nothing() -> None:
    """No data, and data without a flip: no evidence of worse."""
    assert sequential_sides([]) == (1.0, 1.0)
    assert sequential_sides([0.0] * 50).worse == pytest.approx(1.0)


def test_it_decides() -> None:
    """A clear fall is called within a hundred pairs; none at all passes a margin of 5 points in time."""
    rng = np.random.default_rng(7)
    assert sequential_sides(rng.choice([-1.0, 0.0, 1.0], 100, p=[0.35, 0.6, 0.05])).worse < 0.01
    assert sequential_sides(rng.choice([-1.0, 0.0, 1.0], 1500, p=[0.05, 0.9, 0.05]), margin=0.05).within < 0.05
