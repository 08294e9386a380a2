"""Quantiles and intervals against scipy, against published tables, and at the edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evalrun.stats.interval import t_quantile, unit_mean, wilson
from evalrun.stats.quantile import NEEDED, histogram_quantile, needed, quantile


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=80), st.sampled_from([0.01, 0.07, 0.5, 0.9, 0.95, 0.99, 1.0]))
def test_quantile_is_numpys_inverted_cdf(values: list[float], q: float) -> None:
    """It is the type 1 quantile, on a histogram as well."""
    ordered = sorted(values)
    share = int(q * 100 + 0.5)  # exact arithmetic: the first value whose share of the data reaches q
    expected = next(v for rank, v in enumerate(ordered, start=1) if rank * 100 >= share * len(ordered))
    assert quantile(ordered, q) == expected
    whole = [int(value) for value in ordered]
    assert histogram_quantile({v: whole.count(v) for v in whole}, q) == quantile(whole, q)


def test_quantile_agrees_with_numpy() -> None:
    """The independent oracle, at ranks that no rounding decides."""
    values = sorted([3.5, 1.25, 9.0, 4.0, 7.75, 2.0, 6.5])
    for q in (0.1, 0.5, 0.6, 0.9, 0.99):
        assert quantile(values, q) == np.quantile(values, q, method="inverted_cdf")


def test_quantile_of_little_and_of_failures() -> None:
    """C02: none of nothing, the value itself of one; a tail of failures is infinite from its own share on."""
    assert quantile([], 0.5) is None
    assert quantile([7.0], 0.99) == 7.0
    values = [float(n) for n in range(1, 96)] + [math.inf] * 5
    assert quantile(values, 0.95) == 95.0
    assert quantile(values, 0.96) == math.inf
    assert histogram_quantile({}, 0.5) is None


def test_sample_sizes_are_the_published_ones() -> None:
    """MLPerf's table: 11, 64, 130, 662 and, for p99.9, 6636."""
    assert {q: needed(q) for q in NEEDED} == NEEDED
    assert needed(0.999) == 6636


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 10), (10, 10), (3, 7), (62, 100), (1300, 1319)])
def test_wilson_is_scipys(right: int, n: int) -> None:
    """The interval equals scipy's and holds its own estimate."""
    expected = stats.binomtest(right, n).proportion_ci(method="wilson")
    found = wilson(right, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("p", [0.5, 0.9, 0.95, 0.975, 0.995, 0.9995])
def test_t_quantile_is_scipys(p: float) -> None:
    """On both sides of the seam at 100 degrees of freedom."""
    for df in (*range(1, 12), 29, 30, 99, 100, 101, 150, 1000, 10**6):
        assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-8, abs=1e-9)


def test_mean_over_samples_is_scipys() -> None:
    """With repeats the unit is the sample: the t interval of the samples' means."""
    means = [0.25, 0.5, 1.0, 0.75, 0.5]
    low, high = stats.t.interval(0.95, 4, loc=0.6, scale=stats.sem(means))
    found = unit_mean(means)
    assert found == pytest.approx((0.6, low, high))


def test_mean_over_samples_at_the_edges() -> None:
    """No samples: nothing. One fraction: no interval. All right, all wrong or all equal: Wilson, never a width of 0."""
    assert unit_mean([]) is None
    assert unit_mean([0.5]) == (0.5, None, None)
    assert unit_mean([1.0]) == wilson(1, 1)
    assert unit_mean([1.0, 0.0, 1.0]) == wilson(2, 3)
    assert unit_mean([0.5] * 4) == wilson(2, 4)
    clipped = unit_mean([1.0, 1.0, 0.9, 1.0])
    assert clipped is not None
    assert clipped.high == 1.0
