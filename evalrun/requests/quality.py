"""How good the answers are: means over samples, accuracy both ways, what k answers are worth, when to say nothing.

The sample is the unit that was drawn: the repeats of one are averaged first, then the samples. Where the suite names a
`cluster`, intervals take the samples of one for alike.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from evalrun.requests.growing import NO_GROUP, OTHERS
from evalrun.requests.rows import HEADLINE, META, Bools, Requests
from evalrun.stats import repeats
from evalrun.stats.interval import Floats, Interval, Whole, unit_mean


class Mean(NamedTuple):
    """A mean over n samples with its 95 % interval; None over none. clustered: the interval is over clusters."""

    interval: Interval | None
    n: int
    clustered: bool = False


def by_unit(values: Floats, units: Whole) -> Floats:
    """Return the mean of the values of each unit, those that are NaN left out; NaN where all are.

    units: the number of each value's unit, from 0: `Requests.samples`, say.
    """
    known = ~np.isnan(values)
    counts = np.bincount(units, weights=known)
    with np.errstate(invalid="ignore"):
        found: Floats = np.bincount(units, weights=np.where(known, values, 0.0)) / np.where(counts, counts, np.nan)
    return found


def by_sample(requests: Requests, values: Floats) -> Floats:
    """Return the mean of each sample's requests, those that are NaN left out; NaN where all are."""
    return by_unit(values, requests.samples) if requests.repeated else values


def mean_of(requests: Requests, values: Floats) -> float | None:
    """Return the mean over samples of an amount of each request: tokens, dollars, seconds; None where none is known."""
    means = by_sample(requests, values)
    return None if np.isnan(means).all() else float(np.nanmean(means))


def mean(requests: Requests, values: Floats, *, units: Whole | None = None, level: float = 0.95) -> Mean:
    """Return the mean over samples of numbers in 0..1, one a request; NaN is left out.

    A ladder's prompts that were refused are left out too: a refusal is where a ladder ends.
    units: of each request, where they are not its samples.
    """
    values = np.where(requests.refused, np.nan, values)
    if units is None and not requests.repeated:
        return _over(requests, values, requests.starts, level=level)
    units = requests.samples if units is None else units
    first = np.unique(units, return_index=True)[1]
    answers = np.bincount(units[~np.isnan(values)], minlength=len(first))
    return _over(requests, by_unit(values, units), first, answers, level=level)


def _over(
    requests: Requests, means: Floats, first: Whole, answers: Whole | None = None, *, level: float = 0.95
) -> Mean:
    """Return the mean over units. first: a row of each. answers: how many each is the mean of."""
    known = ~np.isnan(means)
    clusters = requests.drawn_with(first[known])
    asked = None if answers is None else answers[known]
    found = unit_mean(means[known], answers=asked, clusters=clusters, level=level)
    return Mean(found, int(known.sum()), clusters is not None)


def accuracy(requests: Requests, scorer: str = HEADLINE) -> Mean:
    """Return the mean score of the answered samples. Truncated answers count with the score they got."""
    return mean(requests, requests.scores(scorer).value)


def rows(requests: Requests) -> int | None:
    """Return how many rows the sources of these requests have; None where nobody knows."""
    prints = requests.run.manifest.fingerprints.tasks
    each = [prints[task].rows if task in prints else None for task, _ in requests.places]
    return None if None in each or not each else sum(n or 0 for n in each)


def pessimistic(requests: Requests, scorer: str = HEADLINE) -> Mean:
    """Return accuracy over everything attempted and not refused, each failure, truncated and unscored answer as wrong.

    An answer that nobody has judged yet is left out.
    """
    scores = requests.scores(scorer)
    wrong = ~requests.answered | ((requests.truncated | np.isnan(scores.value)) & scores.given)
    return mean(requests, np.where(wrong, 0.0, scores.value))


MOST_GROUPS = 100
"""A field with more values than this is not a grouping."""
FEW_GROUPS = 10
"""Nor is one with more than this where most values have a single sample, as an id has."""


def groups(requests: Requests) -> dict[str, dict[str, Mean]]:
    """Return the accuracy of the samples of one task by each field of its `meta` that is a grouping, value by value."""
    found = {}
    for field in _fields(requests):
        if _is_grouping(requests, field):
            codes, names = requests.column(META + field), requests.names[META + field]
            present = sorted((names[code] for code in np.unique(codes)), key=_natural)
            found[field] = {name: accuracy(requests.take(codes == names.index(name))) for name in present}
    return found


def not_groups(requests: Requests) -> Iterator[str]:
    """Say which fields of a task's `meta` have too many values to be groups."""
    for field in _fields(requests):
        if not _is_grouping(requests, field):
            values, samples = len(np.unique(requests.column(META + field))), len(requests.starts)
            more = f"over {values - 1:,}" if OTHERS in requests.names[META + field] else f"{values:,}"
            yield f"{field}: {more} values in {samples:,} samples, too many to be groups"


def _fields(requests: Requests) -> list[str]:
    return [field for task in dict.fromkeys(task for task, _ in requests.places) for field in requests.run.groups(task)]


def _is_grouping(requests: Requests, field: str) -> bool:
    values = len(np.unique(requests.column(META + field)))
    return values <= FEW_GROUPS or (values <= MOST_GROUPS and 2 * values <= len(requests.starts))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Return a key that sorts names as people do: level 2 before level 10, what has no value last."""
    parts = re.split(r"([0-9]{1,15})", name)
    return [
        (int(name == NO_GROUP), 0, ""),
        *((1, int(part), "") if number % 2 else (0, 0, part) for number, part in enumerate(parts)),
    ]


def shares(requests: Requests, name: str) -> Floats:
    """Return 1 for each request that counts for a rate, 0 for one that does not, NaN where the rate is not about it.

    failed, unanswered: of the requests that were not refused. truncated, unscored: of the answers.
    """
    if name in ("failed", "unanswered"):
        return np.where(requests.refused, np.nan, requests.unanswered)
    counted = np.isnan(requests.scores().value) if name == "unscored" else requests.truncated
    return np.where(requests.answered, counted, np.nan)


OF_THE_MODEL = frozenset({"content_filter", "context_length", "empty", "runaway"})
"""The kinds of failures by which a model shows what it is. All others are of the network, the endpoint or this client,
or say that the request was not one for this endpoint."""


def failed_otherwise(requests: Requests) -> Bools:
    """Return which requests failed, or were not sent, for a reason that says nothing about the model."""
    names = requests.names.get("failure", ())
    of_the_model = np.isin(requests.failure, [code for code, name in enumerate(names) if name in OF_THE_MODEL])
    return requests.unanswered & ~(of_the_model & ~requests.not_sent)


def at_k(requests: Requests) -> Iterator[tuple[str, int, Mean]]:
    """Yield avg@k, pass@k, pass^k and maj@k by the headline scorer, for k = 2, 4, 8, ... and all repeats there are.

    By the names in `explain`. Over samples with k scored answers; answers vote as their scorer calls them equal
    (`Score.vote`). avg@k is the mean of all of a sample's answers, which is that over subsets of k; what the others
    are, and by whom, is `stats.repeats`'s.
    """
    sample, scores = requests.samples, requests.scores()
    kinds = np.unique(scores.vote, return_inverse=True)[1].astype(np.int64)
    kinds[scores.vote == 0] = -1
    counts = np.bincount(sample[~np.isnan(scores.value)], minlength=len(requests.starts))
    most = int(np.bincount(sample).max(initial=1))
    for k in sorted({*(2**n for n in range(1, most.bit_length())), most} - {1}):
        found = {
            "avg_at_k": np.where(counts >= k, by_unit(scores.value, sample), np.nan),
            "pass_at_k": repeats.pass_at_k(sample, scores.value, k),
            "pass_hat_k": repeats.pass_hat_k(sample, scores.value, k),
            "maj_at_k": repeats.maj_at_k(sample, scores.value, kinds, k),
        }
        for name, values in found.items():
            if name != "maj_at_k" or scores.answered.any():
                answers = counts if name == "avg_at_k" else None
                yield name, k, _over(requests, values, requests.starts, answers)


# ---------------------------------------------------------------- what has no score

NOT_SCORED = "not scored"


def unscored(requests: Requests) -> dict[str, Whole]:
    """Return the rows of the answers without a score, by `SCORER: WHY`, most of them first."""
    found: dict[str, Whole] = {}
    why = (*requests.names["error"], NOT_SCORED)
    for scorer, tasks in requests.scorers.items():
        scores = requests.scores(scorer)
        never = np.where(requests.answered & np.isin(requests.place % len(requests.tasks), tasks), len(why) - 1, 0)
        codes = np.where(scores.given, scores.error, never)
        found |= {f"{scorer}: {why[code]}": np.flatnonzero(codes == code) for code in np.unique(codes[codes > 0])}
    return dict(sorted(found.items(), key=lambda kind: (-len(kind[1]), kind[0])))


def lost_share(requests: Requests) -> float | None:
    """Return the share of the requests that gave no scored answer, refused ones left out; None without any."""
    counted = ~requests.refused
    return float(np.isnan(requests.scores().value[counted]).mean()) if counted.any() else None


def no_verdict(requests: Requests) -> str:
    """Say why the numbers of a task and target carry no verdict: nothing was asked, or too much was lost.

    Empty where they carry one. `run`, `gate` and `baseline save` say the same.
    """
    lost, most = lost_share(requests), requests.run.most_failed
    if lost is None:
        return "every prompt was refused as too long" if len(requests) else "no request was made"
    if lost > most:
        return f"{lost:.0%} of the requests gave no scored answer (limits.max_failed_share is {most:.0%})"
    return ""


def no_verdicts(requests: Requests) -> dict[tuple[str, str], str]:
    """Return why, for each planned task and target whose numbers carry no verdict."""
    places = ((task, target) for task in requests.run.manifest.fingerprints.tasks for target in requests.targets)
    found = {place: no_verdict(requests.of(*place)) for place in places}
    return {place: why for place, why in found.items() if why}
