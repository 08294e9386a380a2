"""The requests of one size -> the metrics of a rung; whether each prompt was cold or warm; the effective context.

No fit across sizes.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalrun.ladder.values import Rung
from evalrun.requests import Requests, latency, money, quality
from evalrun.stats.interval import Floats, Interval
from evalrun.stats.quantile import NEEDED, quantile
from evalrun.table import Mark, Metric
from evalrun.table.metrics import failures, of_mean, of_percentile, of_share_timed

COLD, WARM, LEAKED, MISSED = range(4)
"""leaked: to be cold, and came from a cache. missed: to be warm, and did not."""
PERCENTILES = (0.05, 0.5, 0.95)
TOLERANCE = 0.1
"""How much accuracy may drop within the effective context, where the suite does not say."""
FEW_TOKENS = 16
FEW_SHARE = 0.02
"""Up to so many cached tokens, or this share of the prompt if that is more, a prompt is cold: the first block of a
chat template is the same for everybody, and servers cache it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Premise:
    """What holds for all rungs of a target. reported: it reports cached tokens. reasoned: TTFO differs from TTFT."""

    reported: bool
    reasoned: bool
    families: tuple[str, ...]


def premise(requests: Requests) -> Premise:
    """Return what holds for all of a target's requests."""
    return Premise(
        reported=bool((~np.isnan(requests.cached_tokens)).any()),
        reasoned=bool(requests.reasoned.any()),
        families=tuple(name for name in requests.names["family"] if requests.says("family", name).any()),
    )


def cached(requests: Requests, *, reported: bool) -> NDArray[np.int8]:
    """Return what each request was: what was asked for and what the server reports must agree.

    Without a report (a failure, an endpoint that reports none) it was what was asked for.
    """
    warm = requests.says("cache", "warm")
    asked = np.where(warm, WARM, COLD).astype(np.int8)
    if not reported:
        return asked
    counted = np.where(np.isnan(requests.prompt_tokens), requests.size, requests.prompt_tokens)
    found = np.nan_to_num(requests.cached_tokens) > np.maximum(FEW_TOKENS, FEW_SHARE * counted)
    seen = np.where(found, np.where(warm, WARM, LEAKED), np.where(warm, MISSED, COLD))
    return np.where(requests.answered, seen, asked).astype(np.int8)


def rung_metrics(requests: Requests, holds: Premise) -> tuple[Metric, ...]:
    """Return the metrics of the requests of one size."""
    states = cached(requests, reported=holds.reported)
    curves = {"cold": requests.take(states == COLD), "warm": requests.take(states == WARM)}
    asked = () if holds.reported else (Mark.ASKED,)
    caught = {"cache_leaks": int((states == LEAKED).sum()), "cache_misses": int((states == MISSED).sum())}
    return (
        *_sizes(requests),
        *_counts(requests),
        *(Metric(name=name, value=n if holds.reported else None) for name, n in caught.items()),
        *_latency(requests, curves, asked, reasoned=holds.reasoned),
        *_cost(curves, asked),
        accuracy(requests),
        *(accuracy(of_family(requests, family), family) for family in holds.families),
    )


def accuracy(requests: Requests, of: str = "") -> Metric:
    """Return the mean score with its interval; a question asked several times, or cold and warm, counts once."""
    place = requests.place.astype(np.uint64)
    units = np.unique(requests.question ^ (place * np.uint64(0x9E3779B97F4A7C15)), return_inverse=True)[1]
    return of_mean("accuracy", quality.mean(requests, requests.scores().value, units=units), of=of)


def of_family(requests: Requests, family: str) -> Requests:
    """Return the requests of one family."""
    return requests.take(requests.says("family", family))


# ---------------------------------------------------------------- sizes and counts


def _sizes(requests: Requests) -> Iterator[Metric]:
    known = ~np.isnan(requests.prompt_tokens)
    counts, off = requests.prompt_tokens[known], np.abs(requests.prompt_tokens - requests.size)[known]
    middle = quantile(np.sort(counts).tolist(), 0.5)
    yield Metric(name="counted_tokens", value=None if middle is None else int(middle), n=len(counts))
    yield Metric(name="size_error", value=int(off.max()) if len(off) else None, n=len(counts))


def _counts(requests: Requests) -> Iterator[Metric]:
    yield Metric(name="attempted", value=len(requests))
    yield from failures(requests)


# ---------------------------------------------------------------- speed


def _latency(
    requests: Requests, curves: Mapping[str, Requests], asked: tuple[Mark, ...], *, reasoned: bool
) -> Iterator[Metric]:
    for name in ("ttft_s", "ttfo_s") if reasoned else ("ttft_s",):
        for group, mine in curves.items():
            for q in PERCENTILES:
                yield of_percentile(name, f"p{q * 100:g} {group}", latency.percentile(mine, name, q, marks=asked))
    yield _prefill(curves["cold"], asked)
    yield of_percentile("tpot_s", "p50", latency.percentile(requests, "tpot_s", 0.5))
    yield from of_share_timed(requests, "tpot_s")


def _prefill(cold: Requests, asked: tuple[Mark, ...]) -> Metric:
    """Return the median speed of cold prompts; a failure is as slow as can be."""
    with np.errstate(divide="ignore", invalid="ignore"):
        speeds: Floats = cold.prompt_tokens / latency.seconds(cold, "ttft_s")
    speeds[cold.unanswered] = 0.0
    known = np.sort(speeds[np.isfinite(speeds)]).tolist()
    if not any(known):
        return Metric(name="prefill_throughput", value=None, n=len(known), marks=asked if known else ())
    late = set(latency.percentile(cold, "ttft_s", 0.5).marks) & {Mark.INVALID, Mark.DOUBTFUL}
    small = (Mark.SMALL,) if len(known) < NEEDED[0.5] else ()
    marks = (*asked, *small, *map(Mark, late))
    return Metric(name="prefill_throughput", value=quantile(known, 0.5), n=len(known), marks=marks)


# ---------------------------------------------------------------- money


def _cost(curves: Mapping[str, Requests], asked: tuple[Mark, ...]) -> Iterator[Metric]:
    """Return the exact mean cost of the answers, cold and warm apart; unknown where any of them has none."""
    for group, mine in curves.items():
        each, n = money.per_answer(mine), money.total(mine, mine.cost_usd).n
        marks = (*asked, Mark.AT_LEAST) if mine.at_least.any() else asked
        yield Metric(name="cost_per_request_usd", of=group, value=each, n=n, marks=marks if each is not None else ())
    warm = curves["warm"].take(curves["warm"].prompt_tokens > 0)
    shares = [] if asked else np.sort(np.nan_to_num(warm.cached_tokens) / warm.prompt_tokens).tolist()
    yield Metric(name="cached_share", of="warm", value=quantile(shares, 0.5), n=len(shares))


# ---------------------------------------------------------------- across sizes


def effective_context(rungs: Sequence[Rung], *, tolerance: float = TOLERANCE, family: str = "") -> Metric:
    """Return the largest size up to which no rung's accuracy lies more than `tolerance` below the smallest rung's.

    low: the largest size up to which that is certain at 95 % (the drop's upper end is within the tolerance too). high:
    the largest size up to which it is possible (no drop's lower end is beyond it). Sizes without a score are skipped.
    The interval of a drop combines those of the two accuracies (Newcombe 1998, method 10), for each rung on its own:
    with many rungs one of them is beyond the tolerance by luck more often than 5 %. Unknown with fewer than two scored
    sizes, and where the smallest rung's accuracy is not above the tolerance: it could not drop that far.
    """
    scored = [(rung.size, accuracy) for rung in rungs if (accuracy := rung.get("accuracy", family)) and accuracy.n]
    if len(scored) < 2 or float(scored[0][1].value or 0) <= tolerance:
        return Metric(name="effective_context", of=family, value=None, n=len(scored))
    (smallest, first), *others = scored
    drops = [(smallest, Interval(0.0, 0.0, 0.0)), *((size, _drop(first, other)) for size, other in others)]
    certain, stays, possible = (
        _reach([(size, getattr(drop, end)) for size, drop in drops], tolerance) for end in ("high", "value", "low")
    )
    return Metric(name="effective_context", of=family, value=stays, low=certain, high=possible, n=len(scored))


def _reach(drops: Sequence[tuple[int, float]], tolerance: float) -> int:
    """Return the last size before the first drop beyond the tolerance."""
    reached = drops[0][0]
    for size, drop in drops:
        if drop > tolerance + 1e-9:
            break
        reached = size
    return reached


def _drop(first: Metric, other: Metric) -> Interval:
    """Return how much accuracy fell from the smallest rung, with its interval; unknown ends are infinite."""
    a, b = float(first.value or 0), float(other.value or 0)
    if first.low is None or first.high is None or other.low is None or other.high is None:
        return Interval(a - b, -math.inf, math.inf)
    reach = math.hypot(a - first.low, other.high - b), math.hypot(first.high - a, b - other.low)
    return Interval(a - b, a - b - reach[0], a - b + reach[1])
