"""Is tonight's value out of line with the nights before it? For percentiles of latency above all.

Within a run a percentile can be known well, and still differ from night to night: other load, other neighbours.
A test that knows only the noise within runs raises false alarms. Not here: paired requests of one session
(`quantile`).
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from numpy.typing import ArrayLike

from evalrun.stats.distribution import t_quantile, t_tail
from evalrun.stats.power import mde_mean
from evalrun.stats.quantile import rank, rank_error
from evalrun.stats.verdict import Comparison, Sides

LEAST_NIGHTS = 3
"""Below this many earlier nights their own variation cannot be learned."""
_ALIKE = "one night is like another: variation between nights is not covered"
_WANDERING = "nights vary about a mean, or wander, by steps close to normal; no trend"


class Night(NamedTuple):
    """One night's value, as the logarithm of what is compared, and its standard error within the run."""

    value: float
    error: float


def log_quantile_night(ordered: Sequence[float], q: float, *, clusters: ArrayLike | None = None) -> Night:
    """Return the logarithm of the `q` quantile of ascending values, at least one and above 0, with its standard error.

    The error is half the way between the values one error below and above. It is infinite where failures reach that
    far down. Premise: independent values (clusters). Source: Woodruff 1952; no density is estimated.
    """
    n, (error, _) = len(ordered), rank_error(len(ordered), q, clusters=clusters)
    low, high = (_between(ordered, n * q + away) for away in (-error, error))
    return Night(math.log(ordered[rank(q, n) - 1]), (high - low) / 2)


def _between(ordered: Sequence[float], place: float) -> float:
    """Return the logarithm at a rank that is not whole, between its neighbours; the last value ends the scale."""
    place = min(float(len(ordered)), max(1.0, place))
    below = math.floor(place)
    left, right = math.log(ordered[below - 1]), math.log(ordered[math.ceil(place) - 1])
    return right if right in (left, math.inf) else left + (place - below) * (right - left)


def compare_nights(before: Sequence[Night], tonight: Night, *, margin: float = 0.0, falls: bool = False) -> Comparison:
    """Compare tonight with the nights before it, oldest first; `sides` are about a rise by the relative `margin`.

    falls: a fall is worse than a rise, and `sides` are about a fall.

    With three nights or more, two prediction intervals are taken together, and tonight is out of line only where it is
    out of both: against the mean of the nights, with their spread about it; and against the last night, with the
    steps from night to night. The first keeps alpha where nights are exchangeable, the second where they wander
    slowly. Neither spread is believed when it is below the noise within runs. Premise: nights (or steps) close to
    normal; no trend. Source: the prediction interval of a normal sample; steps after von Neumann 1941.

    With fewer nights only the noise within runs is known: the interval does not cover how much nights differ, and a
    verdict may be given only against a margin that was chosen to cover it.
    """
    (rises, df), n, sign = _rises(before, tonight), len(before), -1 if falls else 1
    t, change = t_quantile(0.975, df), rises[0][0]
    worse = [(sign * rise, error) for rise, error in rises]
    level = _sides(worse, df, 0.0)
    return Comparison(
        value_base=math.exp(tonight.value - change),
        value_new=math.exp(tonight.value),
        difference=_relative(change),
        low=_relative(min(rise - t * error for rise, error in rises)),
        high=_relative(max(rise + t * error for rise, error in rises)),
        p=min(1.0, 2 * min(level)),
        mde=abs(_relative(sign * max(mde_mean(error, df + 1) for _, error in rises))),
        method=f"prediction from {n} nights" if n >= LEAST_NIGHTS else f"noise within runs, {n} earlier",
        premise=_WANDERING if n >= LEAST_NIGHTS else _ALIKE,
        relative=True,
        sides=_sides(worse, df, sign * math.log1p(sign * margin)),
    )


def _rises(before: Sequence[Night], tonight: Night) -> tuple[list[tuple[float, float]], float]:
    """Return the rises over the nights before with their standard errors, and Student's degrees of freedom.

    With too few nights: the rise over their mean, with the noise within runs, as if that were known.
    """
    n, values = len(before), [night.value for night in before]
    mean = math.fsum(values) / n
    if n < LEAST_NIGHTS:
        error = math.sqrt(math.fsum(night.error**2 for night in before) / n**2 + tonight.error**2)
        return [(tonight.value - mean, error)], math.inf
    noise = (math.fsum(night.error for night in before) / n) ** 2
    extra = max(0.0, tonight.error**2 - noise)  # tonight had fewer requests
    about = max(noise, math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    stepping = max(2 * noise, math.fsum((b - a) ** 2 for a, b in pairwise(values)) / (n - 1))
    rises = [
        (tonight.value - mean, math.sqrt(about * (1 + 1 / n) + extra)),
        (tonight.value - values[-1], math.sqrt(stepping + extra)),
    ]
    return rises, n - 1


def _sides(worse: Sequence[tuple[float, float]], df: float, margin: float) -> Sides:
    """Return the evidence that all of these excesses are above, and below, `margin`."""
    return Sides(
        worse=max(_tail(excess - margin, error, df) for excess, error in worse),
        within=max(_tail(margin - excess, error, df) for excess, error in worse),
    )


def _tail(excess: float, error: float, df: float) -> float:
    """Return the p of an excess of this size; no evidence at all where the values or the error are unknown."""
    if not math.isfinite(excess) or not math.isfinite(error):
        return 1.0
    if error == 0:
        return 1.0 if excess <= 0 else 0.0
    return t_tail(excess / error, df)


def _relative(log: float) -> float:
    return math.expm1(min(700.0, log))
