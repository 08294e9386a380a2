"""Quantiles against numpy, against published tables, and at the edges."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evalrun.stats.quantile import NEEDED, quantile, quantile_interval, quantile_of


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=80), st.sampled_from([0.01, 0.07, 0.5, 0.9, 0.95, 0.99, 1.0]))
def test_quantile_is_numpys_inverted_cdf(values: list[float], q: float) -> None:
    """It is the type 1 quantile."""
    ordered = sorted(values)
    share = int(q * 100 + 0.5)  # exact arithmetic: the first value whose share of the data reaches q
    expected = next(v for rank, v in enumerate(ordered, start=1) if rank * 100 >= share * len(ordered))
    assert quantile(ordered, q) == quantile_of(np.array(values), q) == expected


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


def test_sample_sizes_are_the_published_ones() -> None:
    """MLPerf's table: of 11, 64, 130 and 662 values two exceed the quantile with a chance of 99 %, of one less not."""
    for q, n in NEEDED.items():
        assert stats.binom.sf(1, n, 1 - q) >= 0.99 > stats.binom.sf(1, n - 1, 1 - q)


def test_interval_is_of_order_statistics() -> None:
    """p50 of 1..100: half a spread of 5 either way; p99 of 100 has no upper bound."""
    ordered = [float(i) for i in range(1, 101)]
    assert quantile_interval(ordered, 0.5) == (50.0, 40.0, 61.0)
    assert quantile_interval(ordered, 0.99).high is None


def test_interval_with_clusters() -> None:
    """Each value its own cluster: nearly as without. Every value twice in a cluster: as wide as the values once."""
    ordered = [float(i) for i in range(1, 101)]
    assert quantile_interval(ordered, 0.5, clusters=range(100)) == (50.0, 40.0, 61.0)
    twice, pairs = [value for value in ordered for _ in range(2)], [i for i in range(100) for _ in range(2)]
    assert quantile_interval(twice, 0.5, clusters=pairs) == (50.0, 40.0, 61.0)
    assert quantile_interval(ordered, 0.5, clusters=["one"] * 100) == (50.0, None, None)
