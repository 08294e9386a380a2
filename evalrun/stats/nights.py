"""Is tonight's value out of line with the nights before it? For percentiles of latency above all.

Within a run a percentile can be known well, and still differ from night to night: other load, other neighbours.
A test that knows only the noise within runs raises false alarms. Not here: paired requests of one session
(`percentile`).
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from numpy.typing import ArrayLike

from evalrun.stats.distribution import normal_quantile, normal_tail, t_quantile, t_tail
from evalrun.stats.power import mde_mean
from evalrun.stats.quantile import quantile, rank_error
from evalrun.stats.verdict import Sides

LEAST_NIGHTS = 3
"""Below this many earlier nights their own variation cannot be learned."""
_ALIKE = "one night is like another: variation between nights is not covered"
_WANDERING = "nights vary about a mean, or wander, by steps close to normal; no trend"


class Night(NamedTuple):
    """One night's value, as the logarithm of what is compared, and its standard error within the run."""

    value: float
    error: float


class Drift(NamedTuple):
    """Tonight against the nights before. Differences are of logarithms: `math.expm1` gives relative change.

    covers_nights   the variation between nights is in the interval. Where it is not, the two words `regressed` and
                    `pass` may only be said against a margin that somebody chose to cover it; else: inconclusive.
    mde             the rise that would be found with 80 % power, looking for rises only
    """

    difference: float
    low: float
    high: float
    sides: Sides
    mde: float
    covers_nights: bool
    method: str
    premise: str


def log_quantile_night(ordered: Sequence[float], q: float, *, clusters: ArrayLike | None = None) -> Night:
    """Return the logarithm of the `q` quantile of ascending positive values, with its standard error.

    The error is half the way between the values one error below and above. It is infinite where failures reach that
    far down. Premise: independent values (clusters). Source: Woodruff 1952; no density is estimated.
    """
    value = quantile(ordered, q)
    if value is None:
        return Night(math.nan, math.inf)
    middle, (error, _) = len(ordered) * q, rank_error(len(ordered), q, clusters=clusters)
    low, high = (_between(ordered, rank) for rank in (middle - error, middle + error))
    return Night(math.log(value), (high - low) / 2)


def _between(ordered: Sequence[float], rank: float) -> float:
    """Return the logarithm at a rank that is not whole, between its neighbours; the last value ends the scale."""
    rank = min(float(len(ordered)), max(1.0, rank))
    below = math.floor(rank)
    left, right = math.log(ordered[below - 1]), math.log(ordered[math.ceil(rank) - 1])
    return right if right in (left, math.inf) else left + (rank - below) * (right - left)


def drift(before: Sequence[Night], tonight: Night, *, margin: float = 0.0) -> Drift:
    """Compare tonight with the nights before it, oldest first; `margin` is the rise, as a logarithm, that is tolerated.

    With three nights or more, two prediction intervals are taken together, and tonight is out of line only where it is
    out of both: against the mean of the nights, with their spread about it; and against the last night, with the
    steps from night to night. The first keeps alpha where nights are exchangeable, the second where they wander
    slowly. Neither spread is believed when it is below the noise within runs. Premise: nights (or steps) close to
    normal; no trend. Source: the prediction interval of a normal sample; steps after von Neumann 1941.

    With fewer nights: only the noise within runs is known. Premise: the nights themselves do not differ.
    """
    (guesses, df), n = _rises(before, tonight), len(before)
    t = normal_quantile(0.975) if df is None else t_quantile(0.975, df)
    return Drift(
        difference=guesses[0][0],
        low=min(rise - t * error for rise, error in guesses),
        high=max(rise + t * error for rise, error in guesses),
        sides=Sides(
            worse=max(_tail(rise - margin, error, df) for rise, error in guesses),
            within=max(_tail(margin - rise, error, df) for rise, error in guesses),
        ),
        mde=max(mde_mean(error, 10**9 if df is None else df + 1, sides=1, margin=margin) for _, error in guesses),
        covers_nights=df is not None,
        method=f"noise within runs, {n} earlier" if df is None else f"prediction from {n} nights",
        premise=_ALIKE if df is None else _WANDERING,
    )


def _rises(before: Sequence[Night], tonight: Night) -> tuple[list[tuple[float, float]], int | None]:
    """Return the rises over the nights before with their standard errors, and Student's degrees of freedom.

    With too few nights: the rise over their mean, with the noise within runs, and None.
    """
    n, values = len(before), [night.value for night in before]
    mean = math.fsum(values) / n
    if n < LEAST_NIGHTS:
        error = math.sqrt(math.fsum(night.error**2 for night in before) / n**2 + tonight.error**2)
        return [(tonight.value - mean, error)], None
    noise = (math.fsum(night.error for night in before) / n) ** 2
    extra = max(0.0, tonight.error**2 - noise)  # tonight had fewer requests
    about = max(noise, math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    stepping = max(2 * noise, math.fsum((b - a) ** 2 for a, b in pairwise(values)) / (n - 1))
    rises = [
        (tonight.value - mean, math.sqrt(about * (1 + 1 / n) + extra)),
        (tonight.value - values[-1], math.sqrt(stepping + extra)),
    ]
    return rises, n - 1


def _tail(excess: float, error: float, df: int | None) -> float:
    """Return the p of an excess of this size; no evidence at all where the values or the error are unknown."""
    if not math.isfinite(excess) or not math.isfinite(error):
        return 1.0
    if error == 0:
        return 1.0 if excess <= 0 else 0.0
    return normal_tail(excess / error) if df is None else t_tail(excess / error, df)
