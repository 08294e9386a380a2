"""Did right and wrong change between two runs of the same samples? Tests and intervals of paired differences.

Not here: the whole comparison (`scores`), latencies and money (`resample`).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from evalrun.stats.distribution import binomial_tail, normal_quantile, normal_tail, t_quantile, t_tail
from evalrun.stats.interval import mean_spread
from evalrun.stats.verdict import Sides

PRIOR_FLIPS = 0.05
"""The weight of a flip of size 1, in flips, before the sizes that occurred count."""


class Flips(NamedTuple):
    """Paired differences as a count of flips of one size: two moments of the differences are kept.

    With one answer each these are the counts themselves and `size` is 1. With repeats a difference may be 0.25, and
    four of those tell as much as one whole flip in a smaller sample; with clusters the counts shrink to what
    independent pairs would have to be. `units` is the number of clusters, None where each sample is its own.
    """

    better: float
    worse: float
    pairs: float
    size: float
    units: int | None

    @property
    def difference(self) -> float:
        """The mean difference, new - base."""
        return (self.better - self.worse) / self.pairs * self.size


def flips(differences: ArrayLike, *, clusters: ArrayLike | None = None) -> Flips:
    """Return the flips behind paired differences new - base, each in -1..1, one a sample (the mean of its repeats)."""
    apart = np.asarray(differences, float)
    n = len(apart)
    up, down = math.fsum(apart[apart > 0].tolist()), -math.fsum(apart[apart < 0].tolist())
    size = (math.fsum((apart * apart).tolist()) + PRIOR_FLIPS) / (up + down + PRIOR_FLIPS)
    if clusters is None:
        return Flips(up / size, down / size, n, size, None)
    alone, together = mean_spread(apart), mean_spread(apart, clusters=clusters)
    shrink = together.units / n  # where there is nothing to learn it from, a cluster counts as one sample
    if 0 < together.error < math.inf:
        shrink = min(1.0, (alone.error / together.error) ** 2)
    return Flips(up / size * shrink, down / size * shrink, n * shrink, size, together.units)


def mcnemar(better: int, worse: int) -> float:
    """Return the two-sided p of "no change" from the number of samples that flipped each way.

    Exact: given the flips, half go each way. It keeps alpha always, and falls short of it with few flips.
    Premise: samples independent, one answer on each side. Source: McNemar 1947; the binomial form.
    """
    return min(1.0, 2 * binomial_tail(max(better, worse), better + worse, 0.5))


def mcnemar_worse(better: int, worse: int) -> float:
    """Return the one-sided p of "not worse": `mcnemar` looking one way. It keeps alpha always."""
    return binomial_tail(worse, better + worse, 0.5)


def difference_interval(found: Flips, *, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of the mean paired difference: every value that Tango's score test does not reject.

    Premise: samples (or clusters) drawn independently. One answer each: Tango 1998, the best of the intervals that
    Fagerland, Lydersen and Laake 2014 compare, and of those simulated here; repeats and clusters go through `Flips`.
    It is not empty when nothing flipped.
    """
    p = 0.5 + level / 2
    z = normal_quantile(p) if found.units is None else t_quantile(p, max(1, found.units - 1))
    estimate = found.difference / found.size
    low = _crossing(found, z, outside=-1.0, inside=estimate)
    high = _crossing(found, -z, outside=1.0, inside=estimate)
    return low * found.size, high * found.size


def margin_sides(found: Flips, margin: float) -> Sides:
    """Return the evidence that scores fell by more, and by less, than `margin` (0.02 is two points).

    Premise: samples (or clusters) drawn independently; an approximation for large samples that holds well in small
    ones. At a margin of 0 and with whole flips `worse` is the exact McNemar test instead. With repeats a few samples
    that change much look like many that change a little, so Student's t must agree. Source: Tango 1998.
    """
    z = tango_score(found, -margin / found.size)
    worse, within = _tail(-z, found.units), _tail(z, found.units)
    if not whole(found):
        t, freedom = _student(found, -margin), max(1.0, (found.units or found.pairs) - 1)
        return Sides(max(worse, t_tail(-t, freedom)), max(within, t_tail(t, freedom)))
    if margin == 0:
        worse = mcnemar_worse(round(found.better), round(found.worse))
    return Sides(worse, within)


def _student(found: Flips, difference: float) -> float:
    """Return Student's t of a mean difference, from the two moments that are kept."""
    squares = (found.better + found.worse) * found.size**2
    variance = (squares - found.pairs * found.difference**2) / max(1.0, found.pairs - 1)
    missed = found.difference - difference
    return missed / math.sqrt(variance / found.pairs) if variance > 0 else math.copysign(math.inf, missed)


def whole(found: Flips) -> bool:
    """Return whether these are counts: one answer a sample, each sample its own cluster."""
    return found.units is None and found.size == 1 and found.better % 1 == found.worse % 1 == 0


def _tail(z: float, units: int | None) -> float:
    return normal_tail(z) if units is None else t_tail(z, max(1, units - 1))


def tango_score(found: Flips, delta: float) -> float:
    """Return Tango's z of "the difference is `delta`": the variance is the likeliest one under that difference."""
    better, worse, n = found.better, found.worse, found.pairs
    missed = better - worse - n * delta
    b = (2 * n - better + worse) * delta - better - worse
    c = -worse * delta * (1 - delta)
    rest = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)  # the likeliest chance of a flip to the worse
    variance = n * (2 * rest + delta * (1 - delta))
    if variance <= 1e-12 or abs(delta) >= 1:
        return math.copysign(math.inf, missed) if abs(missed) > 1e-12 else 0.0
    return missed / math.sqrt(variance)


def _crossing(found: Flips, z: float, *, outside: float, inside: float) -> float:
    """Return the difference between a rejected and an accepted one at which the score is `z`."""
    for _ in range(60):
        middle = (outside + inside) / 2
        rejected = tango_score(found, middle) > z if z > 0 else tango_score(found, middle) < z
        outside, inside = (middle, inside) if rejected else (outside, middle)
    return inside
