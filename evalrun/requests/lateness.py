"""How far off a latency may be because of this client itself, and whether that matters.

Each record says how much earlier than recorded its first, its last and any token event may have arrived: a read that
held several events hides when they came. Where the kernel did not stamp the bytes that is unknown, and how late the
client's event loop served its reads in that session, at p99, stands in.

    ttft        the bound of the first event
    ttfo        of the first event where the two are one, else of any event
    tpot        the larger of both ends' bounds, shared out over the tokens
    stall, icl  of any event
    e2e         of the last event

A request is doubtful in a metric if its bound is over 5 % of its value. A percentile is invalid only if it moves by
more than 5 % when every bound is subtracted. Source: docs/metrics.md.
"""

import numpy as np

from evalrun.requests.rows import Floats, Requests

MOST = 0.05
"""The share of a value that its bound may be."""


def bounds(requests: Requests, name: str) -> Floats:
    """Return how much lower a latency of each request may be, in seconds."""
    first, last, gap = (
        _known(requests, column) for column in (requests.first_bound_s, requests.last_bound_s, requests.gap_bound_s)
    )
    if name == "ttfo_s":
        return np.where(requests.ttfo_s == requests.ttft_s, first, gap)
    if name == "tpot_s":
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = np.maximum(first, last) * requests.tpot_s / (requests.e2e_s - requests.ttft_s)
        return found
    return {"ttft_s": first, "e2e_s": last, "max_stall_s": gap, "icl_s": gap}[name]


def _known(requests: Requests, column: Floats) -> Floats:
    """Return a column of bounds, with the client's lateness of the session where there is none."""
    unknown = np.isnan(column)
    if not unknown.any():
        return column
    late = {(lag.session, lag.task, lag.target): lag.p99_s for lag in requests.run.lags}
    found = np.where(unknown, 0.0, column)
    if not late:
        return found
    for place in requests.places:
        mine = unknown & requests.is_of(*place)
        for session in np.unique(requests.session[mine]).tolist():
            found[mine & (requests.session == session)] = late.get((session, *place), 0.0)
    return found


def matters(value: float, earliest: float) -> bool:
    """Whether a number is invalid: with every bound subtracted it would be lower by more than 5 %."""
    return bool(np.isfinite(value) and value - earliest > MOST * value)


def client_lag_s(requests: Requests) -> float | None:
    """Return how late the client's event loop was at p99, in the worst of the sessions that asked these requests.

    None where it was not sampled.
    """
    sessions, places = set(np.unique(requests.session).tolist()), requests.places
    mine = (lag for lag in requests.run.lags if (lag.task, lag.target) in places and lag.session in sessions)
    return max((lag.p99_s for lag in mine), default=None)
