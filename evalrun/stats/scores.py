"""Did right and wrong change between two runs of the same samples? Tested once, or at any number of interim analyses.

An ordinary p that is read twenty times raises four or more false alarms instead of one. `sequential_sides` may be read
after every answer. It is the capital of a gambler who bets against the hypothesis and can only get rich if that is
wrong: if it holds, the chance that the capital ever reaches 1 / alpha is at most alpha, however often and whenever one
looks (Ville 1939). Not here: the tests and intervals behind `compare_scores` (`paired`), asking for more answers.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from evalrun.stats.interval import Floats
from evalrun.stats.paired import difference_interval, flips, margin_sides, mcnemar, whole
from evalrun.stats.power import mde_flips
from evalrun.stats.resample import sign_flip
from evalrun.stats.verdict import Comparison, Sides

_STAKES = np.concatenate([np.geomspace(0.004, 0.5, 15), [0.65, 0.8, 0.95]])
"""The shares of the most that may be staked. The capital is spread over them, since the best is not known before."""


def compare_scores(
    base: ArrayLike, new: ArrayLike, *, margin: float = 0.0, clusters: ArrayLike | None = None, seed: int = 0
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
    if whole(found):
        p, method = mcnemar(round(found.better), round(found.worse)), "exact McNemar; Tango's interval"
    else:
        signs = sign_flip(differences, clusters=clusters, seed=seed)
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
