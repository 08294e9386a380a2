"""What a comparison can see, and what seeing more would take. Not here: what it saw.

Everywhere: `alpha` is the false-alarm rate, `sides` 1 where only a change for the worse is looked for, `power` the
chance of finding what is there.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

from evalrun.stats.distribution import binomial_tail, normal_quantile, normal_tail, t_quantile
from evalrun.stats.paired import Flips, margin_sides, score

_EXACT_FLIPS = 400  # above, the normal approximation is right to a tenth of a point of power


def flips_power(
    pairs: int, noise: float, drop: float, *, alpha: float = 0.05, sides: int = 2, margin: float = 0.0
) -> float:
    """Return the chance that the test of `paired` finds scores fallen by `drop` (by more than `margin`, where given).

    `noise` is the share of samples that flip between two runs of which neither is better, half of them each way; the
    drop adds flips to the worse. Exact, over all outcomes, for the exact McNemar test and for Tango's at a margin;
    where flips are many, by the normal approximation. Premise: one answer a sample on each side.
    Source: Connor 1987; Lachin 1992 for the unconditional power.
    """
    better, worse = min(noise, 1 - drop) / 2, min(noise, 1 - drop) / 2 + drop
    if pairs * (better + worse) > _EXACT_FLIPS:
        return _normal_power(pairs, better, worse, alpha=alpha / sides, margin=margin)
    reach = 7 * math.sqrt(pairs * worse) + 7
    first, last = max(0, int(pairs * worse - reach)), min(pairs, int(pairs * worse + reach))
    rest = better / (1 - worse) if worse < 1 else 0.0
    power = 0.0
    for seen in range(first, last + 1):
        most = _critical(seen, pairs, alpha / sides, margin)
        power += _binomial(seen, pairs, worse) * (1 - binomial_tail(most + 1, pairs - seen, rest))
    return power


def _normal_power(pairs: int, better: float, worse: float, *, alpha: float, margin: float) -> float:
    drop = worse - better
    expected = Flips(better * pairs, worse * pairs, pairs, 1.0, None)
    in_errors = -score(expected, -margin)  # how many standard errors, under the margin, the drop is beyond it
    if in_errors <= 0:
        return alpha
    under_margin = (drop - margin) / in_errors
    spread = math.sqrt(max(1e-12, better + worse - drop * drop) / pairs)  # 0 where every pair flips
    correction = 0.0 if margin else 1 / pairs  # the exact test takes steps of two flips
    return normal_tail((normal_quantile(1 - alpha) * under_margin - (drop - margin - correction)) / spread)


@lru_cache(maxsize=1 << 15)
def _critical(worse: int, pairs: int, alpha: float, margin: float) -> int:
    """Return the largest number of flips to the better at which `worse` flips to the worse are significant, or -1."""
    low, high = -1, min(worse, pairs - worse) + 1
    while high - low > 1:
        middle = (low + high) // 2
        significant = margin_sides(Flips(middle, worse, pairs, 1.0, None), margin).worse <= alpha
        low, high = (middle, high) if significant else (low, middle)
    return low


def _binomial(k: int, n: int, p: float) -> float:
    if p in (0.0, 1.0):
        return float(k == n * p)
    log = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log1p(-p)
    return math.exp(log)


def mde_flips(
    pairs: int, noise: float, *, alpha: float = 0.05, sides: int = 2, power: float = 0.8, margin: float = 0.0
) -> float | None:
    """Return the smallest drop that is found with that power; None where not even a drop to nothing would be.

    Premise and source: `flips_power`.
    """
    low, high = margin, 1.0
    if flips_power(pairs, noise, high, alpha=alpha, sides=sides, margin=margin) < power:
        return None
    for _ in range(24):
        middle = (low + high) / 2
        enough = flips_power(pairs, noise, middle, alpha=alpha, sides=sides, margin=margin) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high


def needed_pairs(
    noise: float, drop: float, *, alpha: float = 0.05, sides: int = 2, power: float = 0.8, margin: float = 0.0
) -> int | None:
    """Return how many samples find a drop of that size with that power; None where `drop` is within the margin.

    Premise and source: `flips_power`.
    """
    if drop <= margin:
        return None
    low, high = 1, 2
    while flips_power(high, noise, drop, alpha=alpha, sides=sides, margin=margin) < power:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        enough = flips_power(middle, noise, drop, alpha=alpha, sides=sides, margin=margin) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high


def mde_mean(
    error: float, units: int, *, alpha: float = 0.05, sides: int = 2, power: float = 0.8, margin: float = 0.0
) -> float:
    """Return the smallest shift of a mean that is found with that power, from the standard error of the difference.

    Premise: the mean of `units` independent differences is close to normal. Source: the usual t approximation;
    Miller 2024 for evals.
    """
    df = max(1, units - 1)
    return margin + (t_quantile(1 - alpha / sides, df) + t_quantile(power, df)) * error


def mde_ratio(
    log_error: float, units: int, *, alpha: float = 0.05, sides: int = 2, power: float = 0.8, margin: float = 0.0
) -> float:
    """Return the smallest rise of a ratio that is found (0.15 is 15 %), from the standard error of its logarithm.

    For means, percentiles and costs alike. Premise: the log ratio is close to normal.
    """
    return math.expm1(mde_mean(log_error, units, alpha=alpha, sides=sides, power=power, margin=math.log1p(margin)))


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


def repeats_error(samples: int, *, between: float, within: float, repeats: int) -> float:
    """Return the standard error of a mean paired difference over samples that are asked `repeats` times on each side.

    between: variance over samples of the true difference. within: variance of one answer, base and new added.
    Source: Miller 2024, section 4. Premise: samples independent, answers of one sample independent.
    """
    return math.sqrt((between + within / repeats) / samples)


def needed_repeats(samples: int, *, between: float, within: float, wanted: float, alpha: float = 0.05,
                   sides: int = 2, power: float = 0.8) -> int | None:  # fmt: skip
    """Return the least number of repeats that finds a mean difference of `wanted`; None where no number would.

    Premise and source: `repeats_error` and `mde_mean`.
    """
    allowed = (wanted / mde_mean(1.0, samples, alpha=alpha, sides=sides, power=power)) ** 2 * samples - between
    return max(1, math.ceil(within / allowed - 1e-9)) if allowed > 0 else None
