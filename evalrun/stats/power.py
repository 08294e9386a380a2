"""What a comparison can see, and what seeing more would take. Not here: what it saw.

Everywhere: false alarms at `ALPHA`, found with the chance `POWER`; `sides` is 1 where only a change for the worse is
looked for.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

from evalrun.stats.distribution import binomial_tail, normal_quantile, normal_tail, t_quantile

ALPHA = 0.05
POWER = 0.8
_EXACT_FLIPS = 400  # above, the normal approximation is right to a tenth of a point of power


def flips_power(pairs: int, noise: float, drop: float, *, sides: int = 2) -> float:
    """Return the chance that the exact McNemar test finds scores fallen by `drop`.

    `noise` is the share of samples that flip between two runs of which neither is better, half of them each way; the
    drop adds flips to the worse. Exact, over all outcomes; where flips are many, by the normal approximation.
    Premise: one answer a sample on each side. Source: Connor 1987; Lachin 1992 for the unconditional power.
    """
    better, worse = min(noise, 1 - drop) / 2, min(noise, 1 - drop) / 2 + drop
    if pairs * (better + worse) > _EXACT_FLIPS:
        return _normal_power(pairs, better, worse, alpha=ALPHA / sides)
    reach = 7 * math.sqrt(pairs * worse) + 7
    first, last = max(0, int(pairs * worse - reach)), min(pairs, int(pairs * worse + reach))
    rest = better / (1 - worse) if worse < 1 else 0.0
    power = 0.0
    for seen in range(first, last + 1):
        most = _critical(seen, ALPHA / sides)
        power += _binomial(seen, pairs, worse) * (1 - binomial_tail(most + 1, pairs - seen, rest))
    return power


def _normal_power(pairs: int, better: float, worse: float, *, alpha: float) -> float:
    drop = worse - better
    if drop <= 0:
        return alpha
    error = math.sqrt((better + worse) / pairs)  # of a change of 0
    spread = math.sqrt(max(1e-12, better + worse - drop * drop) / pairs)  # 0 where every pair flips
    correction = 1 / pairs  # the exact test takes steps of two flips
    return normal_tail((normal_quantile(1 - alpha) * error - (drop - correction)) / spread)


@lru_cache(maxsize=1 << 15)
def _critical(worse: int, alpha: float) -> int:
    """Return the largest number of flips to the better at which `worse` flips to the worse are significant, or -1."""
    return least(lambda better: binomial_tail(worse, worse + better, 0.5) > alpha, 0, worse + 1) - 1


def _binomial(k: int, n: int, p: float) -> float:
    if p in (0.0, 1.0):
        return float(k == n * p)
    log = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log1p(-p)
    return math.exp(log)


def mde_flips(pairs: int, noise: float, *, sides: int = 2) -> float | None:
    """Return the smallest detectable drop; None where not even a drop to nothing would be found.

    Premise and source: `flips_power`.
    """
    low, high = 0.0, 1.0
    if flips_power(pairs, noise, high, sides=sides) < POWER:
        return None
    for _ in range(24):
        middle = (low + high) / 2
        enough = flips_power(pairs, noise, middle, sides=sides) >= POWER
        low, high = (low, middle) if enough else (middle, high)
    return high


def needed_pairs(noise: float, drop: float, *, sides: int = 2) -> int | None:
    """Return how many samples find a drop of that size; None where `drop` is not above 0.

    Premise and source: `flips_power`.
    """
    if drop <= 0:
        return None

    def enough(pairs: int) -> bool:
        return flips_power(pairs, noise, drop, sides=sides) >= POWER

    high = 2
    while not enough(high):
        high *= 2
    return least(enough, high // 2, high)


def least(enough: Callable[[int], bool], low: int, high: int) -> int:
    """Return the least number from low to high that is enough, as high is, by bisection."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return high


def mde_mean(error: float, units: float) -> float:
    """Return the smallest detectable shift of a mean either way, from the standard error of the difference.

    Premise: the mean of `units` independent differences is close to normal. Source: the usual t approximation;
    Miller 2024 for evals.
    """
    df = max(1.0, units - 1)
    return (t_quantile(1 - ALPHA / 2, df) + t_quantile(POWER, df)) * error


def mde_ratio(log_error: float, units: int) -> float:
    """Return the smallest detectable rise of a ratio (0.15 is 15 %), from the standard error of its logarithm.

    For means, percentiles and costs alike. Premise: the log ratio is close to normal.
    """
    return math.expm1(mde_mean(log_error, units))


def needed_units(units: int, *, mde: float, wanted: float) -> int:
    """Return how many units find a change of `wanted`, where `units` find one of `mde` (for ratios give both as logs).

    Premise: errors fall with the square root of the number of units.
    """
    return math.ceil(units * (mde / wanted) ** 2 - 1e-9)


def within_variance(means: Sequence[float], asked: Sequence[int]) -> float | None:
    """Return the variance of one 0/1 answer about its sample's chance; None where no sample was asked twice.

    `means[i]` is over `asked[i]` answers. Premise: answers of one sample are independent given its chance.
    """
    found = [m * (1 - m) * a / (a - 1) for m, a in zip(means, asked, strict=True) if a > 1]
    return math.fsum(found) / len(found) if found else None
