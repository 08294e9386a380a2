"""Did right and wrong change between two runs of the same samples? Tested once, or at any number of interim analyses.

An ordinary p that is read twenty times raises four or more false alarms instead of one. `sequential_sides` may be read
after every answer. It is the capital of a gambler who bets against the hypothesis and can only get rich if that is
wrong: if it holds, the chance that the capital ever reaches 1 / alpha is at most alpha, however often and whenever one
looks (Ville 1939). Not here: latencies and money (`quantile`, `resample`), asking for more answers.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from evalrun.stats.distribution import binomial_tail, t_quantile, t_tail
from evalrun.stats.interval import Floats, mean_spread
from evalrun.stats.power import mde_flips
from evalrun.stats.resample import sign_flip
from evalrun.stats.verdict import Comparison, Sides

PRIOR_FLIPS = 0.05
"""The weight of a flip of size 1, in flips, before the sizes that occurred count."""
_STAKES = np.concatenate([np.geomspace(0.004, 0.5, 15), [0.65, 0.8, 0.95]])
"""The shares of the most that may be staked. The capital is spread over them, since the best is not known before."""


def compare_scores(
    base: ArrayLike, new: ArrayLike, *, margin: float = 0.0, clusters: ArrayLike | None = None
) -> Comparison:
    """Compare paired scores in 0..1, one a sample (the mean of its repeats); `sides` are about a fall by `margin`.

    Interval: `difference_interval`. p: exact McNemar where each sample is right or wrong and its own cluster, else
    by flipping signs (`resample.sign_flip`). mde: `power.mde_flips` with the flips that were seen as the noise, which
    is a little too many where there is a true difference. Premise: samples (clusters) drawn independently.
    """
    old, now = np.asarray(base, float), np.asarray(new, float)
    differences, n = now - old, len(now)
    found = flips(differences, clusters=clusters)
    low, high = difference_interval(found)
    sides = margin_sides(found, margin)
    if found.whole:
        p, method = mcnemar(round(found.better), round(found.worse)), "exact McNemar; Tango's interval"
    else:
        signs = sign_flip(differences, clusters=clusters)
        p, method = signs.both, "sign flips; Tango's interval on effective flips"
        if margin == 0:
            sides = sides._replace(worse=signs.fall)
    smallest = mde_flips(max(1, round(found.pairs)), (found.better + found.worse) / found.pairs)
    return Comparison(
        value_base=math.fsum(old.tolist()) / n,
        value_new=math.fsum(now.tolist()) / n,
        difference=math.fsum(differences.tolist()) / n,
        low=low,
        high=high,
        p=p,
        mde=None if smallest is None else smallest * found.size,
        method=method,
        premise="samples (clusters) drawn independently",
        sides=sides,
    )


# ---------------------------------------------------------------- tests and intervals of flips


class Flips(NamedTuple):
    """Paired differences as a count of flips of one size: two moments of the differences are kept.

    With one answer each these are the counts themselves and `size` is 1. With repeats a difference may be 0.25, and
    four of those tell as much as one whole flip in a smaller sample; with clusters the counts shrink to what
    independent pairs would have to be. `units` is the number of clusters, infinite where each sample is its own.
    """

    better: float
    worse: float
    pairs: float
    size: float = 1.0
    units: float = math.inf

    @property
    def difference(self) -> float:
        """The mean difference, new - base."""
        return (self.better - self.worse) / self.pairs * self.size

    @property
    def df(self) -> float:
        """Student's degrees of freedom; infinite, for the normal distribution, where each sample is its own."""
        return max(1.0, self.units - 1)

    @property
    def whole(self) -> bool:
        """Whether these are counts: one answer a sample, each sample its own cluster."""
        return math.isinf(self.units) and self.size == 1 and self.better % 1 == self.worse % 1 == 0


def flips(differences: ArrayLike, *, clusters: ArrayLike | None = None) -> Flips:
    """Return the flips behind paired differences new - base, each in -1..1, one a sample (the mean of its repeats)."""
    apart = np.asarray(differences, float)
    n = len(apart)
    up, down = math.fsum(apart[apart > 0].tolist()), -math.fsum(apart[apart < 0].tolist())
    size = (math.fsum((apart * apart).tolist()) + PRIOR_FLIPS) / (up + down + PRIOR_FLIPS)
    if clusters is None:
        return Flips(up / size, down / size, n, size)
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


def difference_interval(found: Flips, *, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of the mean paired difference: every value that Tango's score test does not reject.

    Premise: samples (or clusters) drawn independently. One answer each: Tango 1998, the best of the intervals that
    Fagerland, Lydersen and Laake 2014 compare, and of those simulated here; repeats and clusters go through `Flips`.
    It is not empty when nothing flipped.
    """
    z, estimate = t_quantile(0.5 + level / 2, found.df), found.difference / found.size
    low = _crossing(found, z, outside=-1.0, inside=estimate)
    high = _crossing(found, -z, outside=1.0, inside=estimate)
    return low * found.size, high * found.size


def margin_sides(found: Flips, margin: float) -> Sides:
    """Return the evidence that scores fell by more, and by less, than `margin` (0.02 is two points).

    Premise: samples (or clusters) drawn independently; an approximation for large samples that holds well in small
    ones. At a margin of 0 and with whole flips `worse` is `mcnemar` looking one way instead. With repeats a few samples
    that change much look like many that change a little, so Student's t must agree. Source: Tango 1998.
    """
    z = tango_score(found, -margin / found.size)
    worse, within = t_tail(-z, found.df), t_tail(z, found.df)
    if not found.whole:
        t, df = _student(found, -margin), found.df if math.isfinite(found.df) else max(1.0, found.pairs - 1)
        return Sides(max(worse, t_tail(-t, df)), max(within, t_tail(t, df)))
    if margin == 0:
        worse = binomial_tail(round(found.worse), round(found.better + found.worse), 0.5)
    return Sides(worse, within)


def _student(found: Flips, difference: float) -> float:
    """Return Student's t of a mean difference, from the two moments that are kept."""
    squares = (found.better + found.worse) * found.size**2
    variance = (squares - found.pairs * found.difference**2) / max(1.0, found.pairs - 1)
    missed = found.difference - difference
    return missed / math.sqrt(variance / found.pairs) if variance > 0 else math.copysign(math.inf, missed)


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


def sequential_sides(differences: ArrayLike, *, margin: float = 0.0) -> Sides:
    """Return always-valid p-values: the mean difference, new - base, fell by more, and by less, than `margin`.

    `differences` are all so far, each in -1..1; their order does not matter. Stop as soon as one p is at alpha or
    below; each keeps alpha over any number of looks. Premise, one of: every difference is of a sample drawn at
    random, and says something about all samples; or looks come only after whole rounds in which every one of the
    same samples is asked once more, and it says something about those samples (by the inequality of the means).
    Answers on one side that are used again in several differences count once: their luck is not covered.
    Source: Waudby-Smith and Ramdas 2024, betting on bounded means, with a fixed mixture of stakes.
    """
    values, counts = np.unique(np.asarray(differences, float), return_counts=True)
    fell, held = _capital(-values, counts, margin), _capital(values, counts, -margin)
    return Sides(worse=min(1.0, math.exp(-fell)), within=min(1.0, math.exp(-held)))


def _capital(values: Floats, counts: ArrayLike, mean: float) -> float:
    """Return the log of the capital won from betting that the mean of values in -1..1 is above `mean`."""
    if mean >= 1 or not len(values):
        return 0.0
    stakes = _STAKES / (1 + mean) if mean > -1 else _STAKES
    won = np.log1p(np.multiply.outer(stakes, values - mean)) @ np.asarray(counts, float)
    return float(np.logaddexp.reduce(won)) - math.log(len(_STAKES))
