"""How much a second: windows of time, tokens and requests per second, what kept its SLO, how many were in flight.

Clocks of different sessions do not mix, so windows are taken per session and added; the pause between does not count.

    session 1   |--- first sent ........ last token event ---|
    session 2                                                      |--- ... ---|

Everything is None where any answer lacks what it takes: never a part of a sum.
"""

import math
from typing import NamedTuple

import numpy as np

from evalrun import slo
from evalrun.requests.latency import MOST, bounds_s
from evalrun.requests.rows import Requests
from evalrun.stats.interval import Floats, Whole

FULL = 0.95
"""The share of the places that must be taken: some are empty between two requests."""
WAVES = 2
"""How many times as long as a request takes full concurrency must last."""


def window_s(requests: Requests) -> float | None:
    """Return the sum over sessions of (last token event - first sent), in seconds.

    A request that failed, or was sent again, opens a window by when it was first sent; only answers close one. None
    where nothing was answered, or the end of an answer is unknown.
    """
    answered, ended, total = requests.answered, requests.ended_s, 0.0
    if np.isnan(ended[answered]).any():
        return None
    for session in np.unique(requests.session[answered]):
        mine = requests.session == session
        total += float(ended[mine & answered].max() - np.nanmin(requests.began_s[mine]))
    return total if total > 0 else None


def per_second(requests: Requests, amounts: Floats) -> float | None:
    """Return the sum of an amount of each request / the window. None where the window or any amount is unknown."""
    seconds, total = window_s(requests), float(amounts.sum())
    return None if seconds is None or math.isnan(total) else total / seconds


def output_throughput(requests: Requests) -> float | None:
    """Return output tokens / the window, tokens per second."""
    return per_second(requests, requests.tokens[requests.answered])


def request_throughput(requests: Requests) -> float | None:
    """Return answers / the window, requests per second."""
    return per_second(requests, requests.answered.astype(float))


# ---------------------------------------------------------------- load


def limits(requests: Requests) -> dict[int, int]:
    """Return how many of the requests could be in flight in each session (`RunFacts.limits`), the most of any task.

    Empty where the journal does not say.
    """
    asked = np.unique(requests.session).tolist()
    found = [requests.run.limits(*place) for place in requests.places]
    return {n: max(known[n] for known in found if n in known) for n in asked if any(n in known for known in found)}


def cut(requests: Requests) -> int | None:
    """Return the lowest limit that 429s cut in the sessions of these requests; None where they did not."""
    asked = np.unique(requests.session).tolist()
    lowest = (requests.run.cut(*place, asked) for place in requests.places)
    return min((limit for limit in lowest if limit is not None), default=None)


class InFlight(NamedTuple):
    """How many requests were really in flight: at most, and on average over the time of all sessions."""

    most: int
    mean: float


def in_flight(requests: Requests) -> InFlight | None:
    """Return how many requests were in flight, by when they began and were over; None where that is known of none.

    A request is in flight from its first attempt until it is over, also while it waits to be sent again.
    """
    requests = _flown(requests)
    over, most, busy, seconds = _over_s(requests), 0, 0.0, 0.0
    for session in np.unique(requests.session):
        mine = requests.session == session
        began, done = requests.began_s[mine], over[mine]
        most = max(most, int(_levels(began, done)[1].max()))
        busy, seconds = busy + float((done - began).sum()), seconds + float(done.max() - began.min())
    return InFlight(most, busy / seconds) if seconds else None


class FullLoad(NamedTuple):
    """Output tokens per second while all places were taken; None where `known` is False because some answer lacks what
    it takes, or where that time is too short.
    """

    rate: float | None
    known: bool


class _Full(NamedTuple):
    """The seconds in which the places were taken, the tokens that came in them, how long each request took."""

    seconds: float
    tokens: float
    took: Floats


def full_concurrency(requests: Requests) -> FullLoad:
    """Return output tokens per second over the time in which as many requests were in flight as were allowed (`FULL`).

    What is in flight is `in_flight`'s: failures and waits for a first token take a place too. The limit is that of each
    session (`RunFacts.limits`), or where the journal has none the most that were in flight; where sessions have
    different ones, those with the limit that was reached for the longest time count. The time must be at least `WAVES`
    times as long as a request takes on average, or it would be mostly prefill or mostly decoding. Premise: an answer's
    tokens come evenly between its first and its last token event, or over its whole time if they came at once.
    """
    answered, ended = requests.answered, requests.ended_s
    if not answered.any() or np.isnan(ended[answered]).any() or np.isnan(requests.tokens[answered]).any():
        return FullLoad(None, known=False)
    flown, reached = _flown(requests), in_flight(requests)
    full: dict[int, list[_Full]] = {}
    for task, target in flown.places:
        here, allowed = flown.of(task, target), requests.run.limits(task, target)
        for session in np.unique(here.session).tolist():
            most = allowed.get(session, reached.most if reached else 1)
            full.setdefault(most, []).append(_while_full(here.take(here.session == session), most))
    longest = max(full.values(), key=lambda parts: sum(part.seconds for part in parts), default=[])
    seconds = sum(part.seconds for part in longest)
    if not seconds or seconds < WAVES * np.concatenate([part.took for part in longest]).mean():
        return FullLoad(None, known=True)
    return FullLoad(sum(part.tokens for part in longest) / seconds, known=True)


def _while_full(requests: Requests, limit: int) -> _Full:
    """Return what came of the requests of one session while (almost) so many of them were in flight."""
    began, over = requests.began_s, _over_s(requests)
    at, flying = _levels(began, over)
    passed = np.concatenate([[0.0], np.cumsum(np.diff(at) * (flying[:-1] >= math.ceil(FULL * limit)))])
    answers = requests.take(requests.answered)
    first, last = answers.sent_s + answers.ttft_s, answers.ended_s
    first = np.where(first < last, first, answers.sent_s)  # at once, or not streamed
    inside = np.interp(last, at, passed) - np.interp(first, at, passed)
    shares = np.divide(inside, last - first, out=np.zeros(len(answers)), where=last > first)
    return _Full(float(passed[-1]), float((answers.tokens * shares).sum()), over - began)


def _flown(requests: Requests) -> Requests:
    """Return the requests that were in flight for a time that is known."""
    return requests.take(_over_s(requests) > requests.began_s)


def _over_s(requests: Requests) -> Floats:
    """Return when each request was over, on its session's clock: its stream had ended, or it had failed."""
    took = np.where(requests.answered, np.fmax(requests.stream_s, requests.e2e_s), requests.took_s)
    return np.asarray(requests.sent_s + took)


def _levels(began: Floats, over: Floats) -> tuple[Floats, Whole]:
    """Return when requests began or were over, in order, and how many were in flight from then on."""
    at, steps = np.concatenate([over, began]), np.repeat([-1, 1], len(began))
    order = np.argsort(at, kind="stable")  # what ends at an instant makes room for what begins then
    return at[order], np.cumsum(steps[order])


# ---------------------------------------------------------------- service-level objectives


def kept(requests: Requests, *, earliest: bool = False) -> Floats:
    """Return 1 for a request that kept every SLO of the suite, 0 for one that did not or has no answer, NaN unknown.

    earliest: with every latency as low as its bound allows.
    """
    off = {name: bounds_s(requests, name) if earliest else 0.0 for name in ("ttft_s", "tpot_s", "e2e_s")}
    ttft, tpot, e2e = (requests.column(name) - bound for name, bound in off.items())
    within, beyond = slo.kept(requests.run.slo, ttft=ttft, tpot=tpot, e2e=e2e)
    found: Floats = np.where(beyond, 0.0, np.where(within, 1.0, np.nan))
    found[~requests.answered] = 0.0
    return found


def goodput(requests: Requests) -> float | None:
    """Return requests that kept every SLO / the window, requests per second."""
    return per_second(requests, kept(requests))


def correct_goodput(requests: Requests) -> float | None:
    """Return the sum of the headline scores of requests that kept every SLO / the window.

    An answer that could not be judged is not right; one that nobody has judged yet leaves the sum unknown.
    """
    good, scores = kept(requests), requests.scores()
    right = np.where(np.isnan(scores.value) & scores.given, 0.0, scores.value)
    return per_second(requests, np.where(good == 0, 0.0, np.where(np.isnan(good), np.nan, right)))


def goodput_is_invalid(requests: Requests) -> bool:
    """Whether this client was too late to say how many requests kept every SLO (`latency`)."""
    if np.isnan(good := kept(requests)).any() or not len(good):
        return False
    share, at_best = float(good.mean()), float(np.nanmean(kept(requests, earliest=True)))
    return abs(at_best - share) > MOST * share
