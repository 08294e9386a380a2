"""The metrics of one cell, in the order of `explain.SECTIONS`. Each is a definition of `requests`, named and marked."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np

from evalrun import units
from evalrun.explain import DEFINITIONS
from evalrun.requests import HEADLINE, Requests, latency, money, quality, rates, served
from evalrun.requests.rows import most_first
from evalrun.stats.interval import Floats
from evalrun.table.cells import Mark, Metric

CUT = "after 429s"
"""What `in_flight` is narrowed to where the limit was cut."""
PERCENTILES = {
    "ttft_s": (0.5, 0.95, 0.99),
    "ttfo_s": (0.5, 0.95, 0.99),
    "tpot_s": (0.5, 0.95),
    "icl_s": (0.5, 0.99),
    "max_stall_s": (0.95,),
    "e2e_s": (0.5, 0.95),
}


def metrics(requests: Requests, *, planned: int | None, scorers: tuple[str, ...]) -> tuple[Metric, ...]:
    """Return the metrics of these requests. scorers: names of the task's, of all tasks together none."""
    chunks = bool(requests.says("token_source", "chunks").any())
    found = (
        *_quality(requests, scorers),
        *_counts(requests, planned),
        *_latency(requests),
        *_throughput(requests, chunks=chunks),
        *_goodput(requests),
        *_tokens(requests, chunks=chunks),
        *_cost(requests),
    )
    if not any(requests.run.is_first(task) for task, _ in requests.places):
        return found
    return tuple(one if one.low is None else replace(one, marks=(*one.marks, Mark.FIRST)) for one in found)


def alerts(requests: Requests, found: Iterable[Metric], *, planned: int | None) -> Iterator[str]:
    """Return loud sentences: what is missing, and what this client was too late to measure."""
    if planned is not None and len(requests) < planned:
        yield f"unfinished: {len(requests):,} of {planned:,} requests were made"
    if len(requests) and not requests.answered.any():
        yield "no request was answered"
    whole = requests.answered & ~requests.truncated
    if whole.any() and requests.has("flags", "reasoning_only")[whole].all():
        n = units.count(int(whole.sum()))
        yield f"all {n} answers are empty, and their reasoning is not; see warning: reasoning_only"
    late = dict.fromkeys(f"{DEFINITIONS[m.name].label} {m.of}".rstrip() for m in found if Mark.INVALID in m.marks)
    if late:
        most = max((m.value or 0 for m in found if m.name == "bound_s"), default=0)
        yield (
            f"INVALID: {', '.join(late)}: this client may be up to {units.seconds(float(most))} off; {latency.REMEDY}"
        )


def of_mean(name: str, mean: quality.Mean, *, of: str = "") -> Metric:
    """Return the metric of a mean over samples."""
    marks = (Mark.CLUSTERED,) if mean.clustered and mean.interval else ()
    if mean.interval is None:
        return Metric(name=name, of=of, value=None, n=0)
    return Metric(name=name, of=of, **mean.interval._asdict(), n=mean.n, marks=marks)


def of_percentile(name: str, of: str, found: latency.Percentile) -> Metric:
    """Return the metric of a percentile."""
    return Metric(name=name, of=of, value=found.value, n=found.n, marks=tuple(map(Mark, found.marks)))


def of_share_timed(requests: Requests, name: str) -> Iterator[Metric]:
    """Return the share of the answers that have a latency, where it is neither none nor all."""
    share = latency.share_timed(requests, name)
    if share and share < 1:
        yield Metric(name="timed", of=DEFINITIONS[name].label, value=share, n=int(requests.answered.sum()))


def of_kinds(name: str, counts: Mapping[str, int]) -> Iterator[Metric]:
    """Return a count for each kind, the most frequent first."""
    return (Metric(name=name, of=of, value=n) for of, n in most_first(counts).items())


# ---------------------------------------------------------------- quality and counts


def _quality(requests: Requests, scorers: tuple[str, ...]) -> Iterator[Metric]:
    for of in (HEADLINE, *scorers[1:]):
        yield of_mean("accuracy", quality.accuracy(requests, of), of=of)
        yield of_mean("accuracy_pessimistic", quality.pessimistic(requests, of), of=of)
        scores = requests.scores(of)
        scored = int((~np.isnan(scores.value)).sum())
        yield Metric(name="scored", of=of, value=scored)
        yield Metric(name="unscored", of=of, value=int(requests.answered.sum()) - scored)
        yield Metric(name="disputed", of=of, value=int(scores.disputed.sum()))
    errors = {kind: len(rows) for kind, rows in quality.unscored(requests).items()}
    yield from of_kinds("scorer_error", errors)
    if scorers:  # of one task
        for field, by_value in quality.groups(requests).items():
            for value, mean in by_value.items():
                yield of_mean("accuracy_by", mean, of=f"{field}: {value}")
    if requests.repeated:
        yield Metric(name="samples", value=len(requests.starts))
        for name, k, mean in quality.at_k(requests):
            yield of_mean(name, mean, of=str(k))


def _counts(requests: Requests, planned: int | None) -> Iterator[Metric]:
    answered = requests.answered
    retried = int((requests.attempts > 1).sum())
    if any(requests.run.portion(task) for task, _ in requests.places):
        yield Metric(name="rows", value=quality.rows(requests))
    yield Metric(name="planned", value=planned)
    yield Metric(name="attempted", value=len(requests))
    yield from failures(requests)
    for name, of in (("unanswered", "failed"), ("truncated_share", "truncated"), ("unscored_share", "unscored")):
        share = quality.mean(requests, quality.shares(requests, of))
        if share.interval and share.interval.value:
            yield of_mean(name, share)
    yield from _in_flight(requests)
    yield Metric(name="retried", value=retried)
    if retried:
        first = answered[~requests.refused] & (requests.attempts[~requests.refused] == 1)
        if len(first):
            yield Metric(name="first_attempt_success", value=float(first.mean()), n=len(first))
    yield Metric(name="possibly_billed", value=money.possibly_billed(requests))
    yield Metric(name="cached_requests", value=int((requests.cached_tokens > 0).sum()))
    yield from of_kinds("reasoning_shape", requests.counts("shapes"))
    yield from of_kinds("warnings", warned(requests))


def warned(requests: Requests) -> dict[str, int]:
    """Return how many records have each warning, the most frequent first."""
    other = sum(each.times for each in served.others(requests))
    return most_first({**requests.counts("flags"), **requests.counts("warnings"), "other_model": other})


def failures(requests: Requests) -> Iterator[Metric]:
    """Return how many were answered, truncated ones included, and how many were not, by what became of them."""
    yield Metric(name="succeeded", value=int(requests.answered.sum()))
    for name, mine in (("failed", ~requests.not_sent), ("not_sent", requests.not_sent)):
        lost = requests.take(requests.unanswered & mine)
        yield Metric(name=name, value=len(lost))
        yield from of_kinds(name, lost.counts("failure"))
    yield Metric(name="refused", value=int(requests.refused.sum()))
    yield Metric(name="truncated", value=int(requests.truncated.sum()))


def _in_flight(requests: Requests) -> Iterator[Metric]:
    """Return the most that could be in flight, by session where it differs, what 429s cut it to; and what was."""
    limits, cut, reached = rates.limits(requests), rates.cut(requests), rates.in_flight(requests)
    if limits:
        yield Metric(name="in_flight", value=max(limits.values()))
    for session, limit in limits.items() if len(set(limits.values())) > 1 else ():
        yield Metric(name="in_flight", of=f"session {session}", value=limit)
    if cut is not None:
        yield Metric(name="in_flight", of=CUT, value=cut)
    if reached:
        yield Metric(name="in_flight_reached", value=reached.most)
        yield Metric(name="in_flight_mean", value=reached.mean)


# ---------------------------------------------------------------- speed


def _latency(requests: Requests) -> Iterator[Metric]:
    mixed = latency.cache_is_mixed(requests)
    names = [name for name in PERCENTILES if name != "ttfo_s" or requests.reasoned.any()]  # else it is TTFT
    for name in names:
        marks = ("mixed_cache",) if name == "ttft_s" and mixed else ()
        for q in PERCENTILES[name]:
            yield of_percentile(name, f"p{q * 100:g}", latency.percentile(requests, name, q, marks=marks))
        if name == "ttft_s" and mixed:
            cached = requests.cached_tokens > 0
            for group, mine in (("cached", cached), ("uncached", requests.answered & ~cached)):
                yield of_percentile(name, f"p50 {group}", latency.percentile(requests.take(mine), name, 0.5))
    for name in names:
        doubt, of = latency.doubt(requests, name), DEFINITIONS[name].label
        yield from of_share_timed(requests, name)
        if doubt.share:
            yield Metric(name="doubtful", of=of, value=doubt.share, n=doubt.n)
            yield Metric(name="bound_s", of=of, value=doubt.bound_s, n=doubt.n)


def _throughput(requests: Requests, *, chunks: bool) -> Iterator[Metric]:
    tokens = rates.output_throughput(requests)
    marks = (Mark.CHUNKS,) if chunks and tokens is not None else ()
    yield Metric(name="output_throughput", value=tokens, marks=marks)
    full = rates.full_concurrency(requests)
    withheld = (Mark.WITHHELD,) if full.known and full.rate is None else ()
    yield Metric(name="output_throughput", of="full concurrency", value=full.rate, marks=withheld or marks)
    yield Metric(name="request_throughput", value=rates.request_throughput(requests))


def _goodput(requests: Requests) -> Iterator[Metric]:
    """Return what kept every SLO, as a share and per second: nothing where none is stated."""
    if not requests.run.slo:
        return
    kept = rates.kept(requests)
    unknown = int(np.isnan(kept).sum())
    marks: tuple[Mark, ...] = (Mark.INVALID,) if rates.goodput_is_invalid(requests) else ()
    if requests.run.slo.tpot is not None and latency.tpot_is_estimated(requests).any():
        marks += (Mark.ESTIMATED,)
    good = of_mean("good", quality.Mean(None, 0) if unknown else quality.mean(requests, kept))
    yield Metric(name="good", value=good.value, low=good.low, high=good.high, n=good.n, marks=(*good.marks, *marks))
    for name, rate in (("goodput", rates.goodput(requests)), ("correct_goodput", rates.correct_goodput(requests))):
        yield Metric(name=name, value=rate, marks=marks if rate is not None else ())
    yield Metric(name="slo_unknown", value=unknown)


# ---------------------------------------------------------------- tokens and money


def _tokens(requests: Requests, *, chunks: bool) -> Iterator[Metric]:
    odd = (Mark.MISMATCH,) if requests.has("flags", "usage_mismatch").any() else ()
    counted = (*((Mark.CHUNKS,) if chunks else ()), *_by_total(requests), *odd)
    yield from _total(requests, "prompt_tokens", requests.prompt_tokens, marks=odd)
    yield from _total(requests, "completion_tokens", requests.tokens, marks=counted)
    yield from of_kinds("token_source", requests.counts("token_source"))
    yield from _total(requests, "cached_tokens", requests.cached_tokens, marks=odd)
    yield from _total(requests, "reasoning_tokens", requests.reasoning_tokens, marks=odd)


def _by_total(requests: Requests) -> tuple[Mark, ...]:
    return (Mark.BY_TOTAL,) if requests.has("flags", "usage_by_total").any() else ()


def _cost(requests: Requests) -> Iterator[Metric]:
    lost = (Mark.AT_LEAST,) if money.possibly_billed(requests) else ()
    marks = ((Mark.AT_LEAST,) if lost or requests.at_least.any() else ()) + _by_total(requests)
    yield from _total(requests, "cost_usd", requests.cost_usd, marks=marks)
    yield from _total(requests, "reported_cost_usd", requests.reported_cost_usd, marks=lost)
    yield Metric(name="cost_disagreements", value=money.disagreements(requests))
    each = money.per_right_answer(requests)
    yield Metric(name="cost_per_correct_usd", value=each, marks=marks if each is not None else ())


def _total(requests: Requests, name: str, amounts: Floats, *, marks: tuple[Mark, ...] = ()) -> Iterator[Metric]:
    """Return a sum over the answers; unknown where any answer lacks its part, and then the known part beside it."""
    total = money.total(requests, amounts)
    known: Decimal | int = total.known if name.endswith("_usd") else int(total.known)
    if total.whole is not None:
        yield Metric(name=name, value=known, n=total.n, marks=marks)
        return
    yield Metric(name=name, value=None, n=total.n)
    if total.n:
        yield Metric(name=name, of="known part", value=known, n=total.n, marks=marks)
