"""The whole comparison of right and wrong between two runs of the same samples. Not here: its parts. Imports numpy."""

import math
from collections.abc import Sequence

from numpy.typing import ArrayLike

from evalrun.stats.paired import difference_interval, flips, margin_sides, mcnemar, whole
from evalrun.stats.power import mde_flips
from evalrun.stats.resample import sign_flip
from evalrun.stats.verdict import Comparison


def compare_scores(
    base: Sequence[float], new: Sequence[float], *, margin: float | None = None,
    clusters: ArrayLike | None = None, seed: int = 0, level: float = 0.95,
) -> Comparison:  # fmt: skip
    """Compare paired scores in 0..1, one a sample (the mean of its repeats); `sides` are about a fall by `margin`.

    Interval: `difference_interval`. p: exact McNemar where each sample is right or wrong and its own cluster, else
    by flipping signs (`resample.sign_flip`). mde: `power.mde_flips` with the flips that were seen as the noise, which
    is a little too many where there is a true difference. Premise: samples (clusters) drawn independently.
    """
    differences = [after - before for before, after in zip(base, new, strict=True)]
    found, n = flips(differences, clusters=clusters), len(differences)
    low, high = difference_interval(found, level=level)
    sides = None if margin is None else margin_sides(found, margin)
    if whole(found):
        p, method = mcnemar(round(found.better), round(found.worse)), "exact McNemar; Tango's interval"
    else:
        signs = sign_flip(differences, clusters=clusters, seed=seed)
        p, method = signs.both, "sign flips; Tango's interval on effective flips"
        if sides is not None and margin == 0:
            sides = sides._replace(worse=signs.fall)
    smallest = mde_flips(max(1, round(found.pairs)), (found.better + found.worse) / found.pairs)
    return Comparison(
        value_base=math.fsum(base) / n,
        value_new=math.fsum(new) / n,
        difference=math.fsum(differences) / n,
        low=low,
        high=high,
        p=p,
        mde=None if smallest is None else smallest * found.size,
        method=method,
        premise="samples (clusters) drawn independently",
        sides=sides,
    )
