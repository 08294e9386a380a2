"""Power against enumeration and statsmodels."""

import math

import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from evalrun.stats import power
from evalrun.stats.scores import mcnemar


def test_power_of_mcnemar_is_the_enumeration() -> None:
    """All outcomes of 25 pairs, by their chance, where the two-sided test rejects for the worse."""
    n, noise, drop = 25, 0.2, 0.25
    chances = [noise / 2, noise / 2 + drop, 1 - noise - drop]
    expected = sum(
        stats.multinomial.pmf([better, worse, n - better - worse], n, chances)
        for better in range(n + 1)
        for worse in range(better + 1, n + 1 - better)
        if mcnemar(better, worse) <= 0.05
    )
    assert power.flips_power(n, noise, drop) == pytest.approx(expected, abs=1e-9)


def test_many_flips_go_over_smoothly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the normal approximation takes over it is within half a point of the exact power."""
    approximate = power.flips_power(2000, 0.2, 0.025)
    monkeypatch.setattr(power, "_EXACT_FLIPS", 10**9)
    assert approximate == pytest.approx(power.flips_power(2000, 0.2, 0.025), abs=0.005)


def test_mde_and_needed_invert_power() -> None:
    """The drop that n pairs can see needs n pairs; too few pairs can see nothing; one side sees more than two."""
    drop = power.mde_flips(300, 0.1)
    assert drop is not None
    assert power.flips_power(300, 0.1, drop) == pytest.approx(0.8, abs=1e-3)
    assert power.needed_pairs(0.1, drop) == pytest.approx(300, abs=12)  # the exact power is a saw
    assert power.mde_flips(4, 0.1) is None
    assert power.needed_pairs(0.1, 0.0) is None
    one_sided = power.mde_flips(300, 0.1, sides=1)
    assert one_sided is not None
    assert one_sided < drop


@pytest.mark.parametrize("n", [15, 60, 500])
def test_mde_of_a_mean_is_statsmodels(n: int) -> None:
    """The t approximation is within 1 % of the noncentral t."""
    expected = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8, alternative="two-sided")
    assert power.mde_mean(1 / math.sqrt(n), n) == pytest.approx(expected, rel=0.01)


def test_ratios_and_units() -> None:
    """A ratio's mde is a mean's on the log scale; half the mde needs four times the units."""
    assert power.mde_ratio(0.05, 200) == pytest.approx(math.exp(power.mde_mean(0.05, 200)) - 1)
    assert power.needed_units(100, mde=0.1, wanted=0.05) == 400


def test_variance_of_one_answer() -> None:
    """Without bias from the mean of few answers: half of two is 0.5, samples asked once say nothing."""
    assert power.within_variance([0.5, 1.0], [2, 2]) == pytest.approx(0.25)
    assert power.within_variance([1.0, 0.0], [1, 1]) is None
