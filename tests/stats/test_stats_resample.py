"""Resampling against scipy, against enumeration, and with failures and clusters."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from evalrun.stats import quantile, resample
from evalrun.stats.quantile import compare_quantiles, swap
from evalrun.stats.resample import compare_ratios, sign_flip
from evalrun.stats.scores import mcnemar

RNG = np.random.default_rng(5)


def test_sign_flip_is_scipys() -> None:
    """Exact up to 16 units; above, random patterns come near."""
    for n, near in ((12, 1e-12), (40, 0.03)):
        d = RNG.normal(0.3, 1, n)
        found = sign_flip(d)
        for alternative, p in (("two-sided", found.both), ("greater", found.rise), ("less", found.fall)):
            expected = stats.permutation_test(
                (d,), np.sum, permutation_type="samples", alternative=alternative, n_resamples=1 << 14, rng=1
            )
            assert p == pytest.approx(expected.pvalue, abs=near)


def test_sign_flip_of_whole_flips_is_mcnemar() -> None:
    """On differences of -1, 0 and 1 the two tests are one; pairs that do not differ change nothing."""
    d = [1.0] * 9 + [-1.0] * 3 + [0.0] * 50
    assert sign_flip(d).both == pytest.approx(mcnemar(9, 3), abs=1e-12)
    assert sign_flip([0.0] * 5).both == 1.0


def test_sign_flip_with_clusters_flips_them_together() -> None:
    """Three clusters have eight patterns; two are as clear as all up."""
    assert sign_flip([1, 2, 3, 1, 1, 1], clusters=["a", "a", "b", "b", "c", "c"]).both == 2 / 8


def test_large_and_small_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the size where formulas take over, here 5,000, the answers are those of resampling the same data."""
    n = 5_001
    for module in (quantile, resample):
        monkeypatch.setattr(module, "LARGE", n - 1)
    base = RNG.lognormal(0, 0.5, n)
    new = base * RNG.lognormal(0.01, 0.4, n)
    for compare in (
        lambda k: compare_ratios((base[:k], np.ones(k)), (new[:k], np.ones(k))),
        lambda k: compare_quantiles(base[:k], new[:k], 0.9, rounds=400),
    ):
        small, large = compare(n - 1), compare(n)
        assert small.method != large.method
        assert small.low is not None
        assert large.low is not None
        width = large.difference - large.low
        assert small.difference - small.low == pytest.approx(width, rel=0.3)  # sections know it to a tenth
        assert small.difference == pytest.approx(large.difference, abs=0.05 * width)


def test_ratio_with_clusters_by_hand() -> None:
    """The standard error is the delta method's; copies of a sample in one cluster tell nothing new."""
    base = RNG.exponential(1, 30_000)
    new = base + RNG.normal(0.1, 1, 30_000)
    found = compare_ratios((base, np.ones(30_000)), (new, np.ones(30_000)), margin=0.1)
    influence = new / new.mean() - base / base.mean()
    half = 1.96 * influence.std() / math.sqrt(30_000)
    assert found.low is not None
    assert math.log1p(found.difference) - math.log1p(found.low) == pytest.approx(half, rel=1e-3)
    assert found.difference == pytest.approx(new.mean() / base.mean() - 1)
    copies, clusters = np.repeat(new[:200], 10), np.repeat(np.arange(200), 10)
    ones = np.ones(2000)
    one = compare_ratios((base[:200], ones[:200]), (new[:200], ones[:200]))
    ten = compare_ratios((np.repeat(base[:200], 10), ones), (copies, ones), clusters=clusters)
    assert (ten.low, ten.high, ten.p) == pytest.approx((one.low, one.high, one.p))


def test_cost_per_right_answer() -> None:
    """A ratio of sums against a ratio of sums; nothing right on one side: no interval, no p."""
    cost, right = RNG.exponential(1, 100), (RNG.random(100) < 0.7).astype(float)
    found = compare_ratios((cost, right), (2 * cost, right))
    assert found.difference == pytest.approx(1.0)
    assert found.p is None  # every sample doubled alike: there is no spread to judge by
    none = compare_ratios((cost, right), (cost, np.zeros(100)))
    assert (none.low, none.high, none.p, none.mde) == (None, None, None, None)


def test_swapping_is_the_enumeration() -> None:
    """Eight pairs have 256 swaps; the random ones come near their p."""
    base, new = RNG.lognormal(0, 1, (2, 8))

    def shift(swapped: tuple[int, ...]) -> float:
        mask = np.array(swapped, bool)
        return math.log(np.quantile(np.where(mask, base, new), 0.75, method="inverted_cdf")
                        / np.quantile(np.where(mask, new, base), 0.75, method="inverted_cdf"))  # fmt: skip

    all_shifts = np.array([shift(pattern) for pattern in itertools.product((0, 1), repeat=8)])
    found = swap(base, new, 0.75, group=np.arange(8), rounds=20_000)
    observed = shift((0,) * 8)
    assert found.both == pytest.approx(np.mean(np.abs(all_shifts) >= abs(observed) - 1e-12), abs=0.015)
    assert found.rise == pytest.approx(np.mean(all_shifts >= observed - 1e-12), abs=0.015)


def test_percentiles_with_failures() -> None:
    """Failures in both tails differ by nothing; failures that only the new side has are a rise without bound."""
    values = RNG.lognormal(0, 0.3, 300)
    broken = np.where(np.arange(300) < 30, math.inf, values)
    same = compare_quantiles(broken, broken, 0.95)
    assert (same.difference, same.p, same.mde) == (0.0, 1.0, None)
    worse = compare_quantiles(values, broken, 0.95, margin=0.15)
    assert worse.difference == math.inf
    assert worse.sides is not None
    assert worse.sides.worse < 0.01
    many = compare_quantiles(np.tile(values, 100), np.tile(broken, 100), 0.95, margin=0.15, rounds=100)
    assert many.sides is not None
    assert many.sides.worse < 0.05


def test_the_same_data_give_the_same_numbers() -> None:
    """Nothing is left to chance."""
    base, new, ones = *RNG.lognormal(0, 1, (2, 150)), np.ones(150)
    assert compare_quantiles(base, new, 0.9) == compare_quantiles(base, new, 0.9)
    assert compare_ratios((base, ones), (new, ones)) == compare_ratios((base, ones), (new, ones))
