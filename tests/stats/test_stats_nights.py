"""Drift between nights."""

import math

import pytest
from scipy import stats

from evalrun.stats.nights import Night, compare_nights, log_quantile_night
from evalrun.stats.verdict import Sides


def worse(before: list[Night], tonight: Night) -> float:
    sides = compare_nights(before, tonight).sides
    assert sides is not None
    return sides.worse


def test_against_the_nights_before_it_is_a_prediction_interval() -> None:
    """Where steps are no larger than the spread asks, the bound is mean + t s sqrt(1 + 1/n) of textbooks."""
    values = [0.0, 0.1, 0.2, 0.3, 0.4, 0.2]
    before, tonight = [Night(v, 0.0) for v in values], Night(0.9, 0.0)
    found = compare_nights(before, tonight)
    error = stats.tstd(values) * math.sqrt(1 + 1 / 6)
    assert (found.value_base, found.value_new) == pytest.approx((math.exp(0.2), math.exp(0.9)))
    assert found.difference == pytest.approx(math.expm1(0.7))
    assert found.high == pytest.approx(math.expm1(0.7 + stats.t.ppf(0.975, 5) * error), rel=1e-9)
    step = math.sqrt((4 * 0.01 + 0.04) / 5)  # four steps of 0.1 and one of 0.2
    expected = max(stats.t.sf(0.7 / error, 5), stats.t.sf(0.7 / step, 5))
    assert worse(before, tonight) == pytest.approx(expected, abs=1e-9)
    assert found.p == pytest.approx(2 * expected, abs=1e-9)
    assert found.mde == pytest.approx(math.expm1((stats.t.ppf(0.975, 5) + stats.t.ppf(0.8, 5)) * error))
    assert "6 nights" in found.method


def test_where_a_fall_is_worse_all_is_mirrored() -> None:
    """A rate of half as much is as bad as a latency of twice as much; a margin of 20 % down is 25 % up."""
    rise = compare_nights([Night(x, 0.1) for x in (0.0, 0.2, 0.1)], Night(0.6, 0.1), margin=0.25)
    fall = compare_nights([Night(-x, 0.1) for x in (0.0, 0.2, 0.1)], Night(-0.6, 0.1), margin=0.2, falls=True)
    assert fall.sides == pytest.approx(rise.sides)
    assert fall.p == rise.p
    for one, other in ((fall.difference, rise.difference), (fall.low, rise.high), (fall.high, rise.low)):
        assert 1 + (one or 0) == pytest.approx(1 / (1 + (other or 0)))
    assert 1 - (fall.mde or 0) == pytest.approx(1 / (1 + (rise.mde or 0)))


def test_a_wandering_baseline_is_followed() -> None:
    """Nights that climb by 0.1 each: another step is not an alarm, though it is far from their mean."""
    climbing = [Night(0.1 * i + 0.02 * (-1) ** i, 0.01) for i in range(10)]
    assert worse(climbing, Night(1.02, 0.01)) > 0.05
    assert worse(climbing, Night(2.5, 0.01)) < 0.001


def test_luck_does_not_pass_for_calm() -> None:
    """Nights that agree more closely than their own noise allows do not narrow the interval below that noise."""
    calm = [Night(0.0, 0.1)] * 4
    assert worse(calm, Night(0.1, 0.1)) > 0.2
    assert worse(calm, Night(0.5, 1.0)) > worse(calm, Night(0.5, 0.1))


def test_one_night_does_not_know_the_others() -> None:
    """With a single baseline the test is z with the noise within runs, and says what it does not cover."""
    found = compare_nights([Night(0.0, 0.03)], Night(0.2, 0.04), margin=math.expm1(0.1))
    assert found.sides is not None
    assert found.sides.worse == pytest.approx(stats.norm.sf(0.1 / 0.05), abs=1e-12)
    assert "not covered" in found.premise
    assert compare_nights([Night(0.0, 0.03)], Night(math.log(1.0), math.inf)).sides == Sides(1.0, 1.0)


def test_error_of_a_log_quantile() -> None:
    """Half the log distance between the values one standard error away; infinite where failures are that near."""
    ordered = [math.exp(i / 100) for i in range(1, 101)]
    night = log_quantile_night(ordered, 0.5)
    assert night == pytest.approx((0.5, 0.05))
    assert log_quantile_night([*ordered[:94], *[math.inf] * 6], 0.94).error == math.inf
