"""Paired tests of right and wrong against scipy, statsmodels and published examples."""

import math

import numpy as np
import pytest
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar

from evalrun.stats.power import mde_flips
from evalrun.stats.scores import (
    Flips,
    compare_scores,
    difference_interval,
    flips,
    margin_sides,
    mcnemar,
)


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (0, 5), (7, 1), (12, 12), (300, 250), (250_000, 251_000)])
def test_mcnemar_is_exact(better: int, worse: int) -> None:
    """It is the binomial test of the flips, two-sided and one-sided."""
    n = better + worse
    assert mcnemar(better, worse) == pytest.approx(stats.binomtest(better, n).pvalue if n else 1.0, abs=1e-9)
    one_sided = margin_sides(Flips(better, worse, max(1, n)), 0.0).worse
    assert one_sided == pytest.approx(stats.binom.sf(worse - 1, n, 0.5), abs=1e-9)
    if n < 10_000:
        assert mcnemar(better, worse) == pytest.approx(their_mcnemar([[9, better], [worse, 9]]).pvalue, abs=1e-9)


def test_published_example() -> None:
    """Airway responses of 21 children, 1 and 7 flips, in Fagerland, Lydersen and Laake 2013 and 2014."""
    assert mcnemar(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert difference_interval(Flips(1, 7, 21)) == pytest.approx((-0.517, -0.026), abs=5e-4)


def test_interval_is_where_the_score_test_turns() -> None:
    """At the bounds the score, its variance from a numerical likelihood maximum, is the normal quantile."""
    better, worse, n = 12, 5, 60
    for bound, z in zip(difference_interval(Flips(better, worse, n)), (1.959964, -1.959964), strict=True):

        def loss(chance: float, bound: float = bound) -> float:
            other = chance + bound
            rest = 1 - chance - other
            return -(better * math.log(other) + worse * math.log(chance) + (n - better - worse) * math.log(rest))

        least = max(1e-9, -bound + 1e-9)
        chance = optimize.minimize_scalar(loss, bounds=(least, (1 - bound) / 2 - 1e-9), method="bounded",
                                          options={"xatol": 1e-10}).x  # fmt: skip
        score = (better - worse - n * bound) / math.sqrt(n * (2 * chance + bound - bound**2))
        assert score == pytest.approx(z, abs=1e-4)


def test_sides_and_interval_agree() -> None:
    """A margin at the edge of the 90 % interval has p = 0.05 on that side."""
    found = Flips(9, 20, 200)
    low, high = difference_interval(found, level=0.9)
    assert margin_sides(found, -low).within == pytest.approx(0.05, abs=1e-6)
    assert margin_sides(found, -high).worse == pytest.approx(0.05, abs=1e-6)
    assert margin_sides(Flips(0, 0, 30), 0.02).within > 0.05  # nothing flipped, and 30 are too few to know


def test_repeats_weigh_by_size() -> None:
    """Whole flips are themselves. Quarter differences have the moments of fewer, smaller flips."""
    assert flips([1.0, 0.0, -1.0, -1.0]) == Flips(1, 2, 4)
    rng = np.random.default_rng(3)
    d = (rng.binomial(4, 0.6, 3000) - rng.binomial(4, 0.6, 3000)) / 4
    low, high = difference_interval(flips(d.tolist()))
    expected = stats.t.interval(0.95, 2999, loc=d.mean(), scale=stats.sem(d))
    assert (low, high) == pytest.approx(expected, abs=2e-4)


def test_copies_in_a_cluster_tell_nothing_new() -> None:
    """Pairs copied ten times, each set a cluster, give nearly the interval of the pairs."""
    d = [1.0] * 8 + [-1.0] * 3 + [0.0] * 89
    copies, clusters = [x for x in d for _ in range(10)], [i for i in range(100) for _ in range(10)]
    assert difference_interval(flips(copies, clusters=clusters)) == pytest.approx(
        difference_interval(flips(d)), abs=0.004
    )


def test_compare_scores_puts_it_together() -> None:
    """Values, difference, the exact p where samples are right or wrong; sign flips with repeats; a mde."""
    base, new = [1.0] * 8 + [0.0] * 2, [1.0] * 3 + [0.0] * 7
    found = compare_scores(base, new, margin=0.0)
    assert (found.value_base, found.value_new, found.difference) == pytest.approx((0.8, 0.3, -0.5))
    assert found.p == pytest.approx(2 / 32)
    assert found.sides is not None
    assert found.sides.worse == pytest.approx(1 / 32)
    assert found.mde == mde_flips(10, 0.5)
    halves = compare_scores([1.0] * 6, [0.5] * 6, margin=0.0)
    assert halves.p == pytest.approx(2 / 64)
    assert halves.sides is not None
    assert halves.sides.worse == pytest.approx(1 / 64)
    together = compare_scores(base, new, clusters=["a", "b"] * 5)
    assert together.p == 0.5  # two clusters: four patterns, two as clear as this
