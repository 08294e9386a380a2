"""Distributions and intervals against scipy and statsmodels, and at the edges."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from evalrun.stats import distribution
from evalrun.stats.interval import Interval, mean_spread, student_mean, unit_mean, wilson


@pytest.mark.parametrize("p", [0.025, 0.5, 0.9, 0.95, 0.975, 0.995, 0.9995])
def test_t_quantile_is_scipys(p: float) -> None:
    """On both sides of the seam at 400 degrees of freedom, and between whole numbers."""
    for df in (*range(1, 12), 2.5, 29, 100, 399, 400, 401, 450.5, 1000, 10**6):
        assert distribution.t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-9, abs=1e-12)


def test_tails_are_scipys() -> None:
    """From one degree of freedom and one toss to a million, in the middle and far out."""
    for a, b, x in [(0.5, 0.5, 0.3), (3, 4, 0.2), (1, 30, 0.9), (4e5, 6e5, 0.4005), (1e6, 1e6, 0.499)]:
        assert distribution.beta_cdf(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), abs=1e-9)
    for t in (-40.0, -1.5, 0.0, 0.01, 2.1, 300.0):
        for df in (1, 2.7, 30, 1e6):
            assert distribution.t_tail(t, df) == pytest.approx(stats.t.sf(t, df), abs=1e-9)
    assert distribution.t_tail(1e-8, 1) == pytest.approx(0.5 - 1e-8 / math.pi, abs=1e-15)
    for k, n, p in [(0, 5, 0.1), (5, 5, 0.9), (6, 5, 0.9), (61, 100, 0.5), (250_300, 500_000, 0.5)]:
        assert distribution.binomial_tail(k, n, p) == pytest.approx(stats.binom.sf(k - 1, n, p), abs=1e-9)
    assert distribution.normal_tail(9.0) == pytest.approx(stats.norm.sf(9.0), rel=1e-12)


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 10), (10, 10), (3, 7), (62, 100), (1300, 1319)])
def test_proportions_are_scipys(right: int, n: int) -> None:
    """Wilson's interval equals scipy's and holds its own estimate."""
    found, expected = wilson(right, n), stats.binomtest(right, n).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-10)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high


def test_cluster_errors_are_statsmodels() -> None:
    """The standard error of a mean with clusters is that of a regression on a constant; without, the usual one."""
    rng = np.random.default_rng(1)
    clusters = rng.integers(0, 12, 100)
    values = rng.normal(size=12)[clusters] + rng.normal(size=100)
    fit = sm.OLS(values, np.ones(100)).fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)
    spread = mean_spread(values, clusters=clusters)
    assert spread.error == pytest.approx(fit.bse[0], rel=1e-9)
    assert spread.units == 12
    low, high = fit.conf_int()[0]
    assert student_mean(values, clusters=clusters) == pytest.approx((values.mean(), low, high), rel=1e-9)
    assert mean_spread(values).error == pytest.approx(stats.sem(values), rel=1e-12)
    alone = stats.t.interval(0.95, 99, loc=values.mean(), scale=stats.sem(values))
    assert student_mean(values) == pytest.approx((values.mean(), *alone), rel=1e-9)
    assert student_mean([2.0]) == (2.0, None, None)
    assert student_mean([]) is None


def test_mean_of_right_and_wrong_is_wilsons() -> None:
    """Where every value is 0 or 1 the interval is Wilson's, and one fraction more changes it by little."""
    assert unit_mean([1.0, 0.0, 1.0]) == wilson(2, 3)
    assert unit_mean([1.0]) == wilson(1, 1)
    values = [1.0] * 150 + [0.0] * 50
    near = unit_mean([*values, 0.75])
    assert near is not None
    assert near == pytest.approx(wilson(150.75, 201), abs=0.002)


def test_mean_of_many_fractions_is_students() -> None:
    """Far from 0 and 1 and with many samples the interval is mean +- t s / sqrt(n)."""
    values = (0.5 + 0.2 * np.sin(np.arange(2000))).tolist()
    low, high = stats.t.interval(0.95, 1999, loc=np.mean(values), scale=stats.sem(values))
    assert unit_mean(values) == pytest.approx((np.mean(values), low, high), abs=2e-5)


def test_mean_at_the_edges() -> None:
    """None of nothing; no interval of one fraction; never a width of 0, never outside [0, 1]."""
    assert unit_mean([]) is None
    assert unit_mean([0.5]) == (0.5, None, None)
    assert unit_mean([0.5] * 4) == wilson(2, 4)
    for values in ([1.0, 1.0, 0.9, 1.0], [0.0, 0.01, 0.0], [1.0] * 30):
        found = unit_mean(values)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.high - found.low > 0.01


def test_clusters_of_copies_count_once() -> None:
    """Ten copies of each sample in a cluster tell as much as the samples; one cluster tells nothing about spread."""
    right = [1.0] * 30 + [0.0] * 10
    copies = [value for value in right for _ in range(10)]
    clusters = [i for i in range(40) for _ in range(10)]
    found = unit_mean(copies, clusters=clusters)
    assert found is not None
    assert found == pytest.approx(wilson(30, 40), abs=0.01)
    assert unit_mean([1.0, 0.0, 1.0], clusters=["a", "a", "a"]) == (2 / 3, None, None)


def test_with_repeats_never_narrower_than_tosses() -> None:
    """A spread that came out too small by luck does not count; without `answers`, or with partial credit, it does."""
    right = [2, 2, 2, 2, 3, 2, 2, 1]
    means = [each / 4 for each in right]
    lucky, even, tossed = unit_mean(means), unit_mean(means, answers=[4] * 8), wilson(16, 32)
    assert width(lucky) < width(tossed) <= width(even)
    half = 0.5 * (width(wilson(16, 32)) / 1.959964) * stats.t.ppf(0.975, 7)  # z replaced by t, to first order
    assert width(even) == pytest.approx(2 * half, rel=0.05)
    assert unit_mean([0.5, 0.51, 0.5], answers=[4, 4, 4]) == unit_mean([0.5, 0.51, 0.5])
    alike = [1.0] * 20 + [0.5] * 5 + [0.0] * 15
    assert unit_mean(alike, answers=[4] * 40) == unit_mean(alike)  # answers that repeat each other: the samples count


def width(found: Interval | None) -> float:
    """Return the width of an interval."""
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low
