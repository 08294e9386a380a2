"""Drift between nights."""

import math

import pytest
from scipy import stats

from evalrun.stats.nights import Night, drift, log_quantile_night
from evalrun.stats.verdict import Sides


def test_against_the_nights_before_it_is_a_prediction_interval() -> None:
    """Where steps are no larger than the spread asks, the bound is mean + t s sqrt(1 + 1/n) of textbooks."""
    values = [0.0, 0.1, 0.2, 0.3, 0.4, 0.2]
    found = drift([Night(v, 0.0) for v in values], Night(0.9, 0.0))
    error = stats.tstd(values) * math.sqrt(1 + 1 / 6)
    assert found.difference == pytest.approx(0.7)
    assert found.high == pytest.approx(0.7 + stats.t.ppf(0.975, 5) * error, abs=1e-9)
    step = math.sqrt((4 * 0.01 + 0.04) / 5)  # four steps of 0.1 and one of 0.2
    expected = max(stats.t.sf(0.7 / error, 5), stats.t.sf(0.7 / step, 5))
    assert found.sides.worse == pytest.approx(expected, abs=1e-9)
    assert found.covers_nights


def test_a_wandering_baseline_is_followed() -> None:
    """Nights that climb by 0.1 each: another step is not an alarm, though it is far from their mean."""
    climbing = [Night(0.1 * i + 0.02 * (-1) ** i, 0.01) for i in range(10)]
    assert drift(climbing, Night(1.02, 0.01)).sides.worse > 0.05
    assert drift(climbing, Night(2.5, 0.01)).sides.worse < 0.001


def test_luck_does_not_pass_for_calm() -> None:
    """Nights that agree more closely than their own noise allows do not narrow the interval below that noise."""
    calm = [Night(0.0, 0.1)] * 4
    assert drift(calm, Night(0.1, 0.1)).sides.worse > 0.2
    noisy_tonight = drift(calm, Night(0.5, 1.0)).sides.worse
    assert noisy_tonight > drift(calm, Night(0.5, 0.1)).sides.worse


def test_one_night_does_not_know_the_others() -> None:
    """With a single baseline the test is z with the noise within runs, and says what it does not cover."""
    found = drift([Night(0.0, 0.03)], Night(0.2, 0.04), margin=0.1)
    assert not found.covers_nights
    assert found.sides.worse == pytest.approx(stats.norm.sf(0.1 / 0.05), abs=1e-12)
    assert "not covered" in found.premise
    assert drift([Night(0.0, 0.03)], Night(math.log(1.0), math.inf)).sides == Sides(1.0, 1.0)


def test_error_of_a_log_quantile() -> None:
    """Half the log distance between the values one standard error away; infinite where failures are that near."""
    ordered = [math.exp(i / 100) for i in range(1, 101)]
    night = log_quantile_night(ordered, 0.5)
    assert night == pytest.approx((0.5, 0.05))
    assert log_quantile_night([*ordered[:94], *[math.inf] * 6], 0.94).error == math.inf
