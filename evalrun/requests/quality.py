"""How good the answers are: means over samples, accuracy both ways, what k answers are worth, when to say nothing.

The sample is the unit that was drawn: the repeats of one are averaged first, then the samples. Where the suite names a
`cluster`, intervals take the samples of one for alike.
"""

from typing import NamedTuple

import numpy as np

from evalrun.requests.rows import HEADLINE, Floats, Requests
from evalrun.stats.interval import Interval, unit_mean


class Mean(NamedTuple):
    """A mean over n samples with its 95 % interval; None over none."""

    interval: Interval | None
    n: int


def by_sample(requests: Requests, values: Floats) -> Floats:
    """Return the mean of each sample's requests, those that are NaN left out; NaN where all are."""
    starts = requests.starts
    if len(starts) == len(requests):
        return values
    known = ~np.isnan(values)
    total = np.add.reduceat(np.where(known, values, 0.0), starts)
    with np.errstate(invalid="ignore"):
        found: Floats = total / np.add.reduceat(known.astype(float), starts)
    return found


def mean(requests: Requests, values: Floats, *, level: float = 0.95) -> Mean:
    """Return the mean over samples of numbers in 0..1, one a request; NaN is left out."""
    means = by_sample(requests, values)
    known = ~np.isnan(means)
    clusters = requests.cluster[requests.starts]
    grouped = clusters[known] if clusters.any() else None
    return Mean(unit_mean(means[known], clusters=grouped, level=level), int(known.sum()))


def accuracy(requests: Requests, scorer: str = HEADLINE) -> Mean:
    """Return the mean score of the answered samples. Truncated answers count with the score they got."""
    return mean(requests, requests.scores(scorer).value)


def pessimistic(requests: Requests, scorer: str = HEADLINE) -> Mean:
    """Return accuracy over everything attempted, each failure, truncated and unscored answer as wrong.

    An answer that nobody has judged yet is left out.
    """
    scores = requests.scores(scorer)
    wrong = ~requests.answered | ((requests.truncated | np.isnan(scores.value)) & scores.given)
    return mean(requests, np.where(wrong, 0.0, scores.value))


def lost_share(requests: Requests) -> float | None:
    """Return the share of the requests that gave no scored answer; None of none.

    A ladder's prompt that was refused as too long is not one of them: to find the limit is what it is for.
    """
    counted = ~requests.refused
    return float(np.isnan(requests.scores().value[counted]).mean()) if counted.any() else None


def no_verdict(requests: Requests) -> str:
    """Say why the numbers of a task and target carry no verdict: nothing was asked, or too much was lost.

    Empty where they carry one. `run`, `gate` and `baseline save` say the same.
    """
    lost, most = lost_share(requests), requests.run.most_failed
    if lost is None:
        return "no request was made"
    if lost > most:
        return f"{lost:.0%} of the requests gave no scored answer (limits.max_failed_share is {most:.0%})"
    return ""
