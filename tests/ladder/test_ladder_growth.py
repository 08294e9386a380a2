"""The exponent, the fit and their intervals, against curves that are known."""

import math

import numpy as np
import pytest

from evalrun.ladder.growth import ENOUGH, Point, exponent, fit, slope, upper

SIZES = (4096, 8192, 16384, 32768, 65536, 131072)
LINEAR = 1.6e-5


def dense(n: float) -> float:
    """b n + c n^2 that grows by 4^1.73 from 32K to 128K: (1 + 4 r) / (1 + r) = 4^0.73 for r = c 32K / b."""
    r = (4**0.73 - 1) / (4 - 4**0.73)
    return LINEAR * n * (1 + r * n / 32768)


def sparse(n: float) -> float:
    """The same for 4^1.22."""
    r = (4**0.22 - 1) / (4 - 4**0.22)
    return LINEAR * n * (1 + r * n / 32768)


def flat(n: float) -> float:
    return 0.4


LAWS = {"dense": (dense, 1.73), "sparse": (sparse, 1.22), "flat": (flat, 0.0)}


def points(law, *, each: int, sigma: float, seed: int) -> list[Point]:
    rng = np.random.default_rng(seed)
    return [Point(n, n, tuple(law(n) * np.exp(rng.normal(0, sigma, each)))) for n in SIZES]


@pytest.mark.parametrize("law", LAWS)
def test_without_noise_the_exponent_is_the_chord(law: str) -> None:
    """Over 32K, 64K and 128K it is ln(T(128K) / T(32K)) / ln 4, which the laws were made for."""
    curve, truth = LAWS[law]
    found = exponent(upper(points(curve, each=5, sigma=0, seed=0)))
    assert found == pytest.approx((truth, truth, truth), abs=1e-9)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("each", "sigma"), [(5, 0.1), (5, 0.3), (8, 0.2), (20, 0.1), (20, 0.3)])
def test_the_interval_covers_the_truth(law: str, each: int, sigma: float) -> None:
    """In at least 93 of 100 seeded runs with log-normal noise, from 5 to 20 requests a rung."""
    curve, truth = LAWS[law]
    covered = 0
    for seed in range(100):
        found = exponent(upper(points(curve, each=each, sigma=sigma, seed=seed)), seed=seed)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert covered >= 93


def test_the_upper_rungs() -> None:
    """Those from a quarter of the largest size up; the three largest where these are fewer; all where there are two."""
    made = [Point(n, n, (1.0,)) for n in (1024, 2048, 3072, 4096, 8192, 100_000)]
    assert [p.size for p in upper(made[:-1])] == [2048, 3072, 4096, 8192]
    assert [p.size for p in upper(made)] == [4096, 8192, 100_000]
    assert [p.size for p in upper(made[:2])] == [1024, 2048]
    assert upper([]) == []


def test_one_stalled_request_does_not_move_it() -> None:
    """Medians: a request a hundred times too slow, or one that failed, leaves the exponent of five at 2."""
    for odd in (100.0, math.inf):
        made = [Point(n, n, (*[n * n * 1e-9] * 4, n * n * 1e-9 * odd)) for n in (1024, 2048, 4096)]
        found = exponent(made)
        assert found is not None
        assert found.value == pytest.approx(2)


def test_intervals_need_enough_requests() -> None:
    """Below five requests at any rung, or with a bound that failures make infinite, there is only a value."""
    few = [Point(n, n, (n * 1e-3,) * (ENOUGH - (n == 2048))) for n in (1024, 2048, 4096)]
    assert exponent(few) == (pytest.approx(1), None, None)
    failing = [Point(n, n, (1.0, 1.0, 1.0, math.inf, math.inf)) for n in (1024, 2048)]
    assert exponent(failing) == (pytest.approx(0), None, None)
    assert exponent(few[:1]) is None


def test_the_slope_of_two_sizes() -> None:
    """ln(8 / 1) / ln(4 / 1) = 1.5."""
    assert float(slope(np.array([1.0, 4.0]), np.array([1.0, 8.0]))) == pytest.approx(1.5)


def test_the_fit_finds_the_coefficients() -> None:
    """From exact medians exactly; a term the curve has not is 0, never negative."""
    full = fit([Point(n, n, (0.3 + 2e-5 * n + 1e-9 * n * n,) * 5) for n in SIZES])
    assert full is not None
    assert [part.value for part in full.coefficients] == pytest.approx([0.3, 2e-5, 1e-9])
    assert full.error == pytest.approx(0, abs=1e-9)
    concave = fit([Point(n, n, (math.sqrt(n),) * 5) for n in SIZES])
    assert concave is not None
    assert concave.coefficients[2] == (0, 0, 0)
    assert min(part.value for part in concave.coefficients) >= 0


def test_the_fit_minimises_relative_error() -> None:
    """Medians 1, 3, 1, one request each: a constant fits best, min (a - 1)^2 + (a/3 - 1)^2 + (a - 1)^2."""
    made = [Point(1, 1.0, (1.0,)), Point(2, 2.0, (3.0,)), Point(3, 3.0, (1.0,))]
    found = fit(made)
    assert found is not None
    assert found.coefficients[0].value == pytest.approx((1 + 1 / 3 + 1) / (1 + 1 / 9 + 1))
    assert fit(made[:2]) is None


def test_the_fit_recovers_a_noisy_curve() -> None:
    """With 20 requests a rung and 10 % noise the dense curve's quadratic term lies in its interval, as in most runs."""
    inside = 0
    for seed in range(40):
        found = fit(points(dense, each=20, sigma=0.1, seed=seed), seed=seed, rounds=500)
        assert found is not None
        low, high = found.coefficients[2].low, found.coefficients[2].high
        inside += low is not None and high is not None and low <= dense(1e9) / 1e18 <= high
    assert inside >= 36


def test_the_same_seed_gives_the_same_interval() -> None:
    """And another seed hardly another one."""
    made = upper(points(dense, each=8, sigma=0.2, seed=3))
    one, same, other = (exponent(made, seed=seed) for seed in (1, 1, 2))
    assert one == same != other
    assert one == pytest.approx(other, abs=0.05)
