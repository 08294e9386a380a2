"""How slow were the requests: which of them a latency is of, its percentiles with their marks, the gaps between chunks.

    ttft_s, ttfo_s, e2e_s    of every request; a failure counts as infinitely slow
    tpot_s, max_stall_s      of the answers that have one (`share_timed`)
    icl_s                    gaps between token events, of all answers together

A ladder's prompt that was refused as too long is in none of them: a refusal says nothing about speed. All are in
seconds and defined in docs/metrics.md.

Each record bounds how much earlier than recorded its first, its last and any token event may have arrived. Without
kernel stamps the bound is the p99 lateness of the session's event loop. A request is doubtful in a latency if its
bound is over 5 % of the value, a percentile invalid only if it falls by over 5 % when every bound is subtracted. Gaps
may also be larger than recorded: theirs is invalid too if it rises by over 5 % when every bound is added.
"""

import math
from collections.abc import Collection, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalrun.requests.rows import Bools, Requests
from evalrun.stats.interval import Floats
from evalrun.stats.quantile import NEEDED, quantile_of, rank

MOST = 0.05
"""The share of a value that it may be off."""
REMEDY = "lower the concurrency or use an idle machine, and ask again"
_LEAST_S = 1e-9
_OF_EVERY_REQUEST = ("ttft_s", "ttfo_s", "e2e_s")


class Percentile(NamedTuple):
    """A percentile over n values. value: None where there is none, infinite where it is a failure.

    marks: keys of `explain.MARKS`.
    """

    value: float | None
    n: int
    marks: tuple[str, ...] = ()


class Doubt(NamedTuple):
    """share: of the n requests that have the latency, those that are doubtful. bound_s: the largest of all bounds."""

    share: float
    bound_s: float
    n: int


def seconds(requests: Requests, name: str) -> Floats:
    """Return a latency of each request: infinite where it failed and the latency is of every request, else NaN.

    An answer that never got past its reasoning has an infinite TTFO. For icl_s it is the mean gap of each answer.
    """
    if name == "icl_s":
        gaps = np.where(requests.chunks > 1, requests.chunks - 1.0, np.nan)
        return np.asarray((requests.e2e_s - requests.ttft_s) / gaps)
    found = np.array(requests.column(name))
    if name == "ttfo_s":
        found[np.isnan(found) & ~np.isnan(requests.ttft_s)] = np.inf
    found[~requests.answered] = np.inf if name in _OF_EVERY_REQUEST else np.nan
    found[requests.refused] = np.nan
    return found


def percentile(requests: Requests, name: str, q: float, *, marks: Sequence[str] = ()) -> Percentile:
    """Return the q percentile of a latency: the smallest value that at least q of the values do not exceed.

    `stats.quantile` has its definition. Unknown where no value is finite; a TPOT that nobody can know is withheld.
    marks: what else a reader must know of it.
    icl_s is resolved to 0.1 %, over whole tasks and targets, and of requests that were read with their gaps alone.
    """
    if name == "icl_s":
        value, earliest, latest, n = _of_gaps(requests, q)
    else:
        values, bounds = seconds(requests, name), bounds_s(requests, name)
        known = ~np.isnan(values)
        n = int(known.sum()) if np.isfinite(values).any() else 0
        value = earliest = latest = quantile_of(values[known], q) if n else 0.0
        if n and np.any(bounds > 0):
            earliest = quantile_of((values - bounds)[known], q)
    if not n:
        counted = ~np.isnan(requests.ttft_s) & (requests.tokens > 1) & requests.says("token_source", "usage")
        return Percentile(None, 0, ("withheld",) if name == "tpot_s" and counted.any() else ())
    invalid = matters(value, earliest, latest)
    holds = {
        "small": n < NEEDED[max(q, round(1 - q, 9))],
        "invalid": invalid,
        "doubtful": not invalid and doubt(requests, name).share > 0,
        **dict.fromkeys(marks, True),
        "estimated": name == "tpot_s" and bool(tpot_is_estimated(requests).any()),
        "infinite": math.isinf(value),
    }
    return Percentile(value, n, tuple(mark for mark, does in holds.items() if does))


def is_invalid(requests: Requests, name: str, q: float) -> bool:
    """Return whether `percentile` marks it `invalid`, at the cost of one pass where no bound is that large."""
    values = seconds(requests, name)
    known = ~np.isnan(values)
    if not np.isfinite(values).any():
        return False
    value, bounds = quantile_of(values[known], q), bounds_s(requests, name)
    if bounds[known].max() <= MOST * value:
        return False
    return matters(value, quantile_of((values - bounds)[known], q))


def doubt(requests: Requests, name: str) -> Doubt:
    """Return how doubtful a latency is, over the requests that have it."""
    values = seconds(requests, name)
    timed = np.isfinite(values)
    n, bounds = int(timed.sum()), bounds_s(requests, name)[timed]
    return Doubt(float((bounds > MOST * values[timed]).mean()), float(bounds.max()), n) if n else Doubt(0, 0, 0)


def share_timed(requests: Requests, name: str) -> float | None:
    """Return the share of the answers that have a latency; None without answers."""
    answered = requests.answered
    return float((~np.isnan(seconds(requests, name)[answered])).mean()) if answered.any() else None


def tpot_is_estimated(requests: Requests) -> Bools:
    """Whether the tokens in whose time a request's TPOT is were not counted, one an event."""
    return np.asarray((requests.tpot_basis != 0) & ~requests.says("tpot_basis", "events"))


def cache_is_mixed(requests: Requests) -> bool:
    """Whether some answers, but not all, had a prompt from a cache: TTFT is then of two kinds of request."""
    return 0 < int((requests.cached_tokens > 0).sum()) < int(requests.answered.sum())


# ---------------------------------------------------------------- how far off this client may be


def bounds_s(requests: Requests, name: str) -> Floats:
    """Return how much lower a latency of each request may be, in seconds.

    By the bound of the first event (TTFT), of the last (E2E), of both ends shared out over the tokens (TPOT, which may
    begin with the answer), of gaps (the longest stall; ICL, with the last event's shared out over them); of whichever
    event it is for TTFO.
    """

    def bound(event: str) -> Floats:
        return _known(requests, requests.column(f"{event}_bound_s"))

    if name == "ttfo_s":
        later = np.where(requests.ttfo_s == requests.e2e_s, bound("last"), bound("gap"))
        return np.where(requests.ttfo_s == requests.ttft_s, bound("first"), later)
    if name == "icl_s":
        return np.maximum(bound("gap"), bound("last") / np.maximum(requests.chunks - 1, 1))
    if name == "tpot_s":
        begins = np.where(requests.says("tpot_basis", "answer"), bound("gap"), bound("first"))
        return np.asarray(np.nan_to_num(np.maximum(begins, bound("last")) / requests.tpot_tokens))
    return bound({"ttft_s": "first", "e2e_s": "last"}.get(name, "gap"))


def _known(requests: Requests, column: Floats) -> Floats:
    """Return a column of bounds, with the client's lateness of the session where there is none."""
    unknown, late = np.isnan(column), requests.run.lag_of
    if not unknown.any():
        return column
    found = np.where(unknown, 0.0, column)
    for place in requests.places if late else ():
        mine = unknown & (requests.place == requests.place_of(*place))
        for session in np.unique(requests.session[mine]).tolist():
            lag = late.get((session, *place))
            found[mine & (requests.session == session)] = lag.p99_s if lag else 0.0
    return found


def within(requests: Requests, name: str, bounds: int) -> Floats:
    """Return `seconds` as low as the error bounds allow (-1), as high (1), or as they were recorded (0).

    An event can only have come earlier than recorded, so that nothing but TPOT can be higher, by its first event.
    """
    found = seconds(requests, name)
    if bounds < 0:
        return np.maximum(found - bounds_s(requests, name), _LEAST_S)
    return found + bounds_s(requests, name) if bounds and name == "tpot_s" else found


def matters(value: float, earliest: float, latest: float = 0.0) -> bool:
    """Whether a number is invalid: with every bound subtracted, or added, it would be off by more than 5 %."""
    return bool(np.isfinite(value) and max(value - earliest, latest - value) > MOST * value)


def client_lag_s(requests: Requests) -> float | None:
    """Return how late the client's event loop was at p99, in the worst of the sessions that asked these requests.

    None where it was not sampled.
    """
    sessions, places = set(np.unique(requests.session).tolist()), requests.places
    late = requests.run.lag_of.items()
    return max(
        (lag.p99_s for (session, *place), lag in late if tuple(place) in places and session in sessions), default=None
    )


# ---------------------------------------------------------------- gaps between chunks

_STEPS = 1 / math.log1p(0.002)  # gaps are too many to keep: a histogram of steps of 0.2 %, from 1 ns up
_WIDTH = int(math.log(1e15) * _STEPS) + 2  # up to 11 days
_Histogram = NDArray[np.int64]


class Gaps:
    """Histograms of the gaps between token events, by session, task and target.

    recorded: as they were recorded. earliest, latest: those of records with a bound, less it and with it, where it
    applies. unbound: the others; their bound is the client's lateness. encrypted: targets that are asked over TLS.
    """

    def __init__(self, encrypted: Collection[str] = ()) -> None:
        self._encrypted = encrypted
        every = (dict[tuple[int, str, str], _Histogram]() for _ in range(4))
        self.recorded, self.earliest, self.latest, self.unbound = every

    def add(self, records: Sequence[Any], *, sign: int = 1) -> None:
        """Count the gaps of records, or take them out again."""
        groups: dict[tuple[tuple[int, str, str], bool], list[Any]] = {}
        for record in records:
            if (timing := record.timing).icl_s:
                bound = timing.stamp == "kernel" and timing.gap_bound_s is not None
                groups.setdefault(((record.session, record.sample.task, record.target), bound), []).append(timing)
        for (key, bound), timings in groups.items():
            gaps = np.array(list(chain.from_iterable(timing.icl_s for timing in timings)))
            _count(self.recorded, key, gaps, sign)
            if not bound:
                _count(self.unbound, key, gaps, sign)
                continue
            ends = gaps, gaps
            if any(timing.gap_bound_s or timing.last_bound_s for timing in timings):
                plain = key[2] not in self._encrypted
                each = zip(*(_between(timing, plain=plain) for timing in timings), strict=True)
                ends = np.concatenate(next(each)), np.concatenate(next(each))
            for histograms, gaps in zip((self.earliest, self.latest), ends, strict=True):
                _count(histograms, key, gaps, sign)


def _between(timing: Any, *, plain: bool) -> tuple[Floats, Floats]:
    """Return the least and the most that each of a record's gaps may have been.

    The events of one read have one instant. Without TLS the last of them is exact, and so is one that came alone: only
    gaps beside a gap of 0, and the last one, may have been smaller, and only those of 0 larger. plain: there is no TLS,
    with which every gap may be either.
    """
    gaps: Floats = np.array(timing.icl_s)
    smaller = larger = gaps == 0
    if plain and larger.any():
        smaller = larger.copy()
        smaller[1:] |= larger[:-1]
        smaller[:-1] |= larger[1:]
    else:
        smaller = larger = np.ones(len(gaps), bool)
    less = np.where(smaller, timing.gap_bound_s, 0.0)
    less[-1] = timing.last_bound_s
    return gaps - less, gaps + np.where(larger, timing.gap_bound_s, 0.0)


def _count(histograms: dict[Any, _Histogram], key: Any, gaps: Floats, sign: int) -> None:
    counts = histograms.setdefault(key, np.zeros(_WIDTH, np.int64))
    counts += sign * np.bincount(_bucket(gaps), minlength=_WIDTH)


def _bucket(gaps: Floats) -> NDArray[np.int64]:
    """Return the number of each gap's bucket."""
    steps = (np.log1p(np.maximum(gaps, 0.0) * 1e9) * _STEPS).astype(np.int64)
    return np.minimum(steps, _WIDTH - 1)


def _gap_s(number: int) -> float:
    """Return the middle of a bucket, in seconds; the first one holds the gaps of 0."""
    return 0.0 if number == 0 else (math.exp((number + 0.5) / _STEPS) - 1) / 1e9


def _of_gaps(requests: Requests, q: float) -> tuple[float, float, float, int]:
    """Return the q quantile of the gaps, as recorded, with every bound subtracted and added, and how many there are."""
    gaps: Gaps = requests.gaps
    recorded, earliest, latest = np.zeros((3, _WIDTH), np.int64)
    places = requests.places
    for key in (key for key in gaps.recorded if key[1:] in places):
        recorded += gaps.recorded[key]
        earliest += gaps.earliest.get(key, 0)
        latest += gaps.latest.get(key, 0)
        if key in gaps.unbound:
            lag = requests.run.lag_of.get(key)
            earliest += _shifted(gaps.unbound[key], -lag.p99_s if lag else 0.0)
            latest += _shifted(gaps.unbound[key], lag.p99_s if lag else 0.0)
    if not (n := int(recorded.sum())):
        return 0.0, 0.0, 0.0, 0
    value, least, most = (
        _gap_s(int(np.searchsorted(np.cumsum(counts), rank(q, n)))) for counts in (recorded, earliest, latest)
    )
    return value, least, most, n


def _shifted(counts: _Histogram, by_s: float) -> _Histogram:
    """Return a histogram with every gap longer by a time."""
    numbers = np.flatnonzero(counts)
    gaps = np.array([_gap_s(number) for number in numbers.tolist()]) + by_s
    return np.bincount(_bucket(gaps), weights=counts[numbers], minlength=_WIDTH).astype(np.int64)
