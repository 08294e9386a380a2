"""The requests of one size -> the metrics of a rung. Pure functions; unknown is None. No fit across sizes."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Context as Precision
from decimal import Decimal

from evalrun.ladder.cache import State, state
from evalrun.ladder.gather import Request
from evalrun.stats.interval import unit_mean
from evalrun.stats.quantile import NEEDED, quantile
from evalrun.table import Mark, Metric

CURVES: tuple[State, State] = ("cold", "warm")
PERCENTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Premise:
    """What holds for all rungs of a target. reported: it reports cached tokens. reasoned: TTFO differs from TTFT."""

    reported: bool
    reasoned: bool
    families: tuple[str, ...]


def rung_metrics(requests: Sequence[Request], premise: Premise, *, invalid: bool = False) -> tuple[Metric, ...]:
    """Return the metrics of the requests of one size. invalid: this client was too late to measure latency."""
    always = (Mark.INVALID,) if invalid else ()
    return (
        *_sizes(requests),
        *_counts(requests, premise),
        *_latency(requests, premise, always),
        *_cost(requests, premise),
        *_quality(requests, premise.families),
    )


def curve(requests: Iterable[Request], name: str, which: State, *, reported: bool) -> list[float]:
    """Return the ascending latencies of the cold or warm requests, failures among them as infinity.

    A refusal for length is not one of them: it comes at once, and says nothing about speed.
    """
    values = []
    for request in requests:
        if request.refused or state(request, reported=reported) != which:
            continue
        value = math.inf if request.failure else getattr(request, name)
        if name == "ttfo_s" and value is None and request.ttft_s is not None:
            value = math.inf  # it never got past its reasoning
        if value is not None:
            values.append(value)
    return sorted(values) if any(map(math.isfinite, values)) else []


def accuracy(requests: Iterable[Request], of: str = "") -> Metric:
    """Return the mean score with its interval; a question asked several times, or cold and warm, counts once."""
    questions: dict[tuple[str, str], list[float]] = defaultdict(list)
    for request in requests:
        if request.score is not None:
            questions[request.task, request.question].append(request.score)
    means = [math.fsum(scores) / len(scores) for scores in questions.values()]
    found = unit_mean(means)
    if found is None:
        return Metric(name="accuracy", of=of, value=None, n=0)
    return Metric(name="accuracy", of=of, value=found.value, low=found.low, high=found.high, n=len(means))


# ---------------------------------------------------------------- sizes and counts


def _sizes(requests: Sequence[Request]) -> Iterator[Metric]:
    counts = sorted(request.counted for request in requests if request.counted is not None)
    off = [abs(request.counted - request.size) for request in requests if request.counted is not None]
    middle = counts[(len(counts) - 1) // 2] if counts else None
    yield Metric(name="counted_tokens", value=middle, n=len(counts))
    yield Metric(name="size_error", value=max(off, default=None), n=len(counts))


def _counts(requests: Sequence[Request], premise: Premise) -> Iterator[Metric]:
    failed = Counter(request.failure for request in requests if request.failure and not request.not_sent)
    not_sent = sum(request.not_sent for request in requests)
    states = Counter(state(request, reported=premise.reported) for request in requests)
    yield Metric(name="attempted", value=len(requests))
    yield Metric(name="succeeded", value=len(requests) - failed.total() - not_sent)
    yield Metric(name="failed", value=failed.total())
    for kind, n in sorted(failed.items(), key=lambda item: (-item[1], item[0])):
        yield Metric(name="failed", of=kind, value=n)
    yield Metric(name="not_sent", value=not_sent)
    yield Metric(name="context_refused", value=sum(request.refused for request in requests))
    yield Metric(name="truncated", value=sum(request.truncated for request in requests))
    yield Metric(name="cache_leaks", value=states["leaked"] if premise.reported else None)
    yield Metric(name="cache_misses", value=states["missed"] if premise.reported else None)


# ---------------------------------------------------------------- speed


def _latency(requests: Sequence[Request], premise: Premise, always: tuple[Mark, ...]) -> Iterator[Metric]:
    asked = () if premise.reported else (Mark.ASKED,)
    for name in ("ttft_s", "ttfo_s") if premise.reasoned else ("ttft_s",):
        for which in CURVES:
            ordered = curve(requests, name, which, reported=premise.reported)
            yield from (_percentile(name, ordered, q, group=which, marks=(*always, *asked)) for q in PERCENTILES)
    yield _prefill(requests, premise, (*always, *asked))
    chunks = (Mark.CHUNKS,) if any(request.chunks for request in requests) else ()
    speeds = [request.tpot_s for request in requests if request.tpot_s is not None]
    lost = sum(bool(request.failure) and not request.refused for request in requests)
    ordered = sorted(speeds) + [math.inf] * lost if speeds else []
    yield _percentile("tpot_s", ordered, 0.5, marks=(*always, *chunks))


def _prefill(requests: Sequence[Request], premise: Premise, marks: tuple[Mark, ...]) -> Metric:
    """Return the median speed of cold prompts; a failure is as slow as can be."""
    speeds = []
    for request in requests:
        if request.refused or state(request, reported=premise.reported) != "cold":
            continue
        if request.failure:
            speeds.append(0.0)
        elif request.ttft_s and request.counted is not None:
            speeds.append(request.counted / request.ttft_s)
    value = quantile(sorted(speeds), 0.5) if any(speeds) else None
    small = (Mark.SMALL,) if len(speeds) < NEEDED[0.5] else ()
    return Metric(name="prefill_throughput", value=value, n=len(speeds), marks=(*small, *marks) if speeds else ())


def _percentile(name: str, ordered: list[float], q: float, *, group: str = "", marks: tuple[Mark, ...]) -> Metric:
    of = f"p{q * 100:g} {group}".rstrip()
    value = quantile(ordered, q)
    if value is None:
        return Metric(name=name, of=of, value=None, n=0)
    small = (Mark.SMALL,) if len(ordered) < NEEDED[max(q, 1 - q)] else ()
    infinite = (Mark.INFINITE,) if math.isinf(value) else ()
    return Metric(name=name, of=of, value=value, n=len(ordered), marks=(*small, *marks, *infinite))


# ---------------------------------------------------------------- money and quality


def _cost(requests: Sequence[Request], premise: Premise) -> Iterator[Metric]:
    """Return the exact mean cost of the answers, cold and warm apart; unknown where any of them has none."""
    shares = []
    marks = () if premise.reported else (Mark.ASKED,)
    for which in CURVES:
        answers = [r for r in requests if not r.failure and state(r, reported=premise.reported) == which]
        costs = [request.cost_usd for request in answers if request.cost_usd is not None]
        known = bool(costs) and len(costs) == len(answers)
        each = Precision(prec=12).divide(sum(costs, Decimal()), Decimal(len(costs))) if known else None
        yield Metric(name="cost_per_request_usd", of=which, value=each, n=len(costs), marks=marks if known else ())
        if which == "warm":
            shares = sorted((r.cached or 0) / r.counted for r in answers if r.counted) if premise.reported else []
    yield Metric(name="cached_share", of="warm", value=quantile(shares, 0.5), n=len(shares))


def _quality(requests: Sequence[Request], families: tuple[str, ...]) -> Iterator[Metric]:
    yield accuracy(requests)
    for family in families:
        yield accuracy((request for request in requests if request.family == family), family)
