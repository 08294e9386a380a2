"""How much a second: windows of time, tokens and requests per second, what kept its SLO, how many were in flight.

Clocks of different sessions do not mix, so windows are taken per session and added; the pause between does not count.

    session 1   |--- first sent ........ last token event ---|
    session 2                                                      |--- ... ---|

Everything is None where any answer lacks what it takes: never a part of a sum.
"""

import math

import numpy as np

from evalrun import slo
from evalrun.requests.latency import MOST, bounds_s
from evalrun.requests.rows import Requests
from evalrun.stats.interval import Floats, Whole


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


def full_concurrency(requests: Requests) -> float | None:
    """Return output tokens per second while as many answers were in flight as were planned.

    In a session it lasts from the first token event of the answer that filled the last place to the last moment when
    every place was filled: without the ramp-up, the first wait for a token included, and without the last few answers.
    A session that was never full adds nothing. Full is the highest of `limits`, or where the journal has none the
    most that were in flight. Premise: an answer's tokens come evenly between its first and its last token event.
    """
    answers = requests.take(requests.answered)
    ended = answers.ended_s
    if not len(answers) or np.isnan(ended).any() or np.isnan(answers.tokens).any():
        return None
    first = np.where(np.isnan(answers.ttft_s), ended, answers.sent_s + answers.ttft_s)
    spans = np.column_stack([answers.sent_s, first, ended, answers.tokens])
    sessions = [spans[answers.session == session] for session in np.unique(answers.session)]
    flights = [_in_flight(mine) for mine in sessions]
    full = max(limits(requests).values(), default=0) or max(int(flying.max()) for _, flying, _ in flights)
    tokens = seconds = 0.0
    for mine, (order, flying, done) in zip(sessions, flights, strict=True):
        at = np.flatnonzero(flying >= full)
        if len(at):
            begin, end = mine[order[at[0]], 1], np.sort(mine[:, 2])[done[at[-1]]]  # the next to end
            if end > begin:
                seconds += float(end - begin)
                tokens += float(_tokens_within(mine, begin, end).sum())
    return tokens / seconds if seconds else None


def _in_flight(spans: Floats) -> tuple[Whole, Whole, Whole]:
    """Return the order of answers by when they were sent, how many were in flight then, how many had ended."""
    order = np.argsort(spans[:, 0], kind="stable")
    begun = np.arange(len(spans))
    done = np.minimum(np.searchsorted(np.sort(spans[:, 2]), spans[order, 0], side="right"), begun)
    return order, begun + 1 - done, done


def _tokens_within(spans: Floats, begin: float, end: float) -> Floats:
    _, first, last, tokens = spans.T
    at_once = last <= first
    share = np.clip(np.minimum(last, end) - np.maximum(first, begin), 0, None) / np.where(at_once, 1.0, last - first)
    found: Floats = tokens * np.where(at_once, (begin <= last) & (last <= end), share)
    return found


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
