"""May we stop already? Evidence on a mean paired difference that may be looked at after every answer.

An ordinary p that is looked at twenty times raises four or more false alarms in place of one. The evidence here is the
capital of a gambler who bets against the hypothesis and can only get rich if it is wrong: if it holds, the chance
that the capital ever reaches 1 / alpha is at most alpha, however often and whenever one looks (Ville 1939).
Not here: asking for more answers. Imports numpy.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalrun.stats.verdict import Sides

Floats = NDArray[np.float64]

_STAKES = np.concatenate([np.geomspace(0.004, 0.5, 15), [0.65, 0.8, 0.95]])
"""The shares of the most that may be staked. The capital is spread over them, since the best is not known before."""


def sequential_sides(differences: ArrayLike, *, margin: float = 0.0) -> Sides:
    """Return always-valid p: the mean difference, new - base, fell by more, and by less, than `margin`.

    `differences` are all so far, each in -1..1; their order does not matter. Stop as soon as one p is at alpha or
    below; each keeps alpha over any number of looks. Premise, one of: every difference is of a sample drawn at
    random, and says something about all samples; or looks come only after whole rounds in which every one of the
    same samples is asked once more, and it says something about those samples (by the inequality of the means).
    Answers on one side that are used again in several differences count once: their luck is not covered.
    Source: Waudby-Smith and Ramdas 2024, betting on bounded means, with a fixed mixture of stakes.
    """
    values, counts = _counted(differences)
    fell = _capital(-values, counts, margin)
    held = _capital(values, counts, -margin)
    return Sides(worse=min(1.0, math.exp(-fell)), within=min(1.0, math.exp(-held)))


def sequential_interval(differences: ArrayLike, *, level: float = 0.95) -> tuple[float, float]:
    """Return an interval for the mean difference that holds at all looks together: a confidence sequence.

    Premise and source: `sequential_sides`.
    """
    values, counts = _counted(differences)
    rich = math.log(2 / (1 - level))
    mean = float(np.average(values, weights=counts)) if len(values) else 0.0
    low = _edge(values, counts, mean, rich)
    return low, -_edge(-values, counts, -mean, rich)


def _counted(differences: ArrayLike) -> tuple[Floats, Floats]:
    values, counts = np.unique(np.asarray(differences, float), return_counts=True)
    return values, counts.astype(float)


def _capital(values: Floats, counts: Floats, mean: float) -> float:
    """Return the log of the capital won from betting that the mean of values in -1..1 is above `mean`."""
    if mean >= 1 or not len(values):
        return 0.0
    stakes = _STAKES / (1 + mean) if mean > -1 else _STAKES
    won = np.log1p(np.multiply.outer(stakes, values - mean)) @ counts
    return float(np.logaddexp.reduce(won)) - math.log(len(_STAKES))


def _edge(values: Floats, counts: Floats, mean: float, rich: float) -> float:
    """Return the largest mean against which betting on more has made the gambler `rich`; -1 where none has."""
    rejected, kept = -1.0, mean
    for _ in range(40):
        middle = (rejected + kept) / 2
        poor = _capital(values, counts, middle) < rich
        rejected, kept = (rejected, middle) if poor else (middle, kept)
    return rejected
