"""A tally -> the metrics of one cell, in the order of `explain.SECTIONS`. Pure functions; unknown is None."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Context as Precision
from decimal import Decimal
from itertools import chain

from evalrun import units
from evalrun.stats.interval import Interval, unit_mean
from evalrun.stats.quantile import NEEDED, histogram_quantile, quantile
from evalrun.table.cells import Cell, Lag, Mark, Metric
from evalrun.table.tally import HEADLINE, Judged, Tally, gap_s
from evalrun.table.throughput import at_full_concurrency, window_s

PERCENTILES = {
    "ttft_s": (0.5, 0.95, 0.99),
    "ttfo_s": (0.5, 0.95, 0.99),
    "tpot_s": (0.5, 0.95),
    "icl_s": (0.5, 0.99),
    "max_stall_s": (0.95,),
    "e2e_s": (0.5, 0.95),
}
MOST_LAG_S = 0.005  # faults.md L01: later than this, or than this share of TTFT p99, and latency is invalid
MOST_LAG_OF_TTFT = 0.05


def cell(tally: Tally, *, task: str | None, target: str, planned: int | None, lags: Sequence[Lag]) -> Cell:
    """Return the cell of one task x target, or of all tasks of a target (`task` None)."""
    late = _late([lag for lag in lags if lag.target == target and task in (None, lag.task)], _ordered(tally, "ttft_s"))
    metrics = (
        *_quality(tally),
        *_requests(tally, planned),
        *_latency(tally, invalid=late is not None),
        *_throughput(tally),
        *_goodput(tally, invalid=late is not None),
        *_tokens(tally),
        *_cost(tally),
    )
    return Cell(task=task, target=target, metrics=metrics, alerts=tuple(_alerts(tally, planned, late)))


# ---------------------------------------------------------------- quality and counts


def _quality(tally: Tally) -> Iterator[Metric]:
    judged = tally.judged or {HEADLINE: Judged()}
    for of, views in judged.items():
        for name, values in (("accuracy", views.value), ("accuracy_pessimistic", views.pessimistic)):
            means = _sample_means(views.sample, values, repeated=tally.repeated)
            value, low, high = unit_mean(means) or Interval(math.nan, None, None)
            yield Metric(name=name, of=of, value=value if means else None, low=low, high=high, n=len(means))
        for name in ("scored", "unscored", "disputed"):
            yield Metric(name=name, of=of, value=tally.counts[name, of])
    yield from _kinds(tally, "scorer_error")
    if tally.repeated and HEADLINE in tally.judged:
        yield Metric(name="samples", value=len(set(tally.judged[HEADLINE].sample)))


def _sample_means(samples: Iterable[int], values: Iterable[float], *, repeated: bool) -> list[float]:
    """Return one value a sample: the mean of what its repeats have. A sample without any is left out."""
    if not repeated:
        return [value for value in values if not math.isnan(value)]
    repeats: dict[int, list[float]] = defaultdict(list)
    for sample, value in zip(samples, values, strict=True):
        if not math.isnan(value):
            repeats[sample].append(value)
    return [math.fsum(values) / len(values) for values in repeats.values()]


def _requests(tally: Tally, planned: int | None) -> Iterator[Metric]:
    counts = tally.counts
    yield Metric(name="planned", value=planned)
    yield Metric(name="attempted", value=counts["attempted", ""])
    yield Metric(name="succeeded", value=counts["succeeded", ""])
    for name in ("failed", "not_sent"):
        yield Metric(name=name, value=counts[name, ""])
        yield from _kinds(tally, name)
    yield Metric(name="truncated", value=counts["truncated", ""])
    yield Metric(name="retried", value=counts["retried", ""])
    if counts["retried", ""]:
        share = counts["first_attempt_success", ""] / counts["attempted", ""]
        yield Metric(name="first_attempt_success", value=share, n=counts["attempted", ""])
    for name in ("possibly_billed", "cached_requests"):
        yield Metric(name=name, value=counts[name, ""])
    yield from _kinds(tally, "warnings")


def _kinds(tally: Tally, name: str) -> Iterator[Metric]:
    """Return a count for each kind, the most frequent first."""
    kinds = [(-n, of) for (counted, of), n in tally.counts.items() if counted == name and of]
    return (Metric(name=name, of=of, value=-n) for n, of in sorted(kinds))


# ---------------------------------------------------------------- speed


def _latency(tally: Tally, *, invalid: bool) -> Iterator[Metric]:
    counts = tally.counts
    failures = counts["failed", ""] + counts["not_sent", ""]
    mixed = 0 < counts["cached_requests", ""] < counts["succeeded", ""]
    always = (Mark.INVALID,) if invalid else ()
    for name, wanted in PERCENTILES.items():
        if name == "ttfo_s" and not counts["reasoned", ""]:
            continue  # without reasoning it is TTFT
        if name == "icl_s":
            yield from _gaps(tally, wanted, always)
            continue
        marks = always
        if name == "ttft_s" and mixed:
            marks = (*marks, Mark.MIXED_CACHE)
        if name == "tpot_s" and counts["token_source", "chunks"]:
            marks = (*marks, Mark.CHUNKS)
        ordered = _ordered(tally, name)
        yield from (_percentile(name, ordered, q, failures=failures, marks=marks) for q in wanted)
        if name == "ttft_s" and mixed:
            for group in ("cached", "uncached"):
                yield _percentile(name, _ordered(tally, f"ttft_{group}"), 0.5, group=group, marks=always)


def _ordered(tally: Tally, name: str) -> list[float]:
    groups = ("ttft_cached", "ttft_uncached") if name == "ttft_s" else (name,)
    return sorted(chain.from_iterable(tally.latencies[group] for group in groups))


def _percentile(
    name: str, ordered: list[float], q: float, *, failures: int = 0, group: str = "", marks: tuple[Mark, ...]
) -> Metric:
    """Return a percentile in whose tail failures stand as infinity; unknown where no answer has a value."""
    of = f"p{q * 100:g} {group}".rstrip()
    if not ordered:
        return Metric(name=name, of=of, value=None, n=0)
    n = len(ordered) + failures
    value = quantile(ordered + [math.inf] * failures, q)
    return Metric(name=name, of=of, value=value, n=n, marks=_marks(value, n, q, marks))


def _gaps(tally: Tally, wanted: tuple[float, ...], marks: tuple[Mark, ...]) -> Iterator[Metric]:
    n = tally.gaps.total()
    for q in wanted:
        bucket = histogram_quantile(tally.gaps, q)
        value = None if bucket is None else gap_s(bucket)
        yield Metric(name="icl_s", of=f"p{q * 100:g}", value=value, n=n, marks=_marks(value, n, q, marks))


def _marks(value: float | None, n: int, q: float, marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
    if value is None:
        return ()
    small = (Mark.SMALL,) if n < NEEDED[q] else ()
    return (*small, *marks, *((Mark.INFINITE,) if math.isinf(value) else ()))


def _throughput(tally: Tally) -> Iterator[Metric]:
    answered, seconds = tally.counts["succeeded", ""], _window_s(tally)
    counted = seconds is not None and tally.known["completion_tokens"] == answered
    tokens = tally.sums["completion_tokens"]
    full = at_full_concurrency(tally.sessions.values()) if counted else None
    marks = (Mark.CHUNKS,) if counted and tally.counts["token_source", "chunks"] else ()
    yield Metric(name="output_throughput", value=tokens / seconds if seconds and counted else None, marks=marks)
    yield Metric(name="output_throughput", of="full concurrency", value=full, marks=marks)
    yield Metric(name="request_throughput", value=answered / seconds if seconds else None)


def _window_s(tally: Tally) -> float | None:
    """Return the time that rates are over; None where the end of any answer is unknown."""
    timed = sum(len(spans.last) for spans in tally.sessions.values()) == tally.counts["succeeded", ""]
    return window_s(tally.sessions.values()) if timed else None


def _goodput(tally: Tally, *, invalid: bool) -> Iterator[Metric]:
    """Return what kept every SLO, as a share and per second: nothing where none is stated."""
    if not tally.slo:
        return
    good, seconds = tally.good, _window_s(tally)
    unknown = sum(map(math.isnan, good.kept))
    means = [] if unknown else _sample_means(good.sample, good.kept, repeated=tally.repeated)
    marks = (Mark.INVALID,) if invalid and means else ()
    value, low, high = unit_mean(means) or Interval(math.nan, None, None)
    yield Metric(name="good", value=value if means else None, low=low, high=high, n=len(means), marks=marks)
    for name, each in (("goodput", good.kept), ("correct_goodput", good.right)):
        total = math.nan if unknown else math.fsum(each)
        rate = None if seconds is None or math.isnan(total) else total / seconds
        yield Metric(name=name, value=rate, marks=marks if rate is not None else ())
    yield Metric(name="slo_unknown", value=unknown)


# ---------------------------------------------------------------- tokens and money


def _tokens(tally: Tally) -> Iterator[Metric]:
    for name in ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"):
        chunks = name == "completion_tokens" and tally.counts["token_source", "chunks"]
        yield from _total(tally, name, tally.sums[name], marks=(Mark.CHUNKS,) if chunks else ())
        if name == "completion_tokens":
            yield from _kinds(tally, "token_source")


def _cost(tally: Tally) -> Iterator[Metric]:
    marks = (Mark.AT_LEAST,) if tally.counts["possibly_billed", ""] else ()
    yield from _total(tally, "cost_usd", tally.dollars["cost_usd"], marks=marks)
    yield from _total(tally, "reported_cost_usd", tally.dollars["reported_cost_usd"], marks=marks)
    yield Metric(name="cost_disagreements", value=tally.counts["cost_disagreements", ""])
    right = math.fsum(value for value in tally.judged[HEADLINE].value if not math.isnan(value))
    each = None
    if right and _complete(tally, "cost_usd"):
        each = Precision(prec=12).divide(tally.dollars["cost_usd"], Decimal(right))
    yield Metric(name="cost_per_correct_usd", value=each, marks=marks if each is not None else ())


def _complete(tally: Tally, name: str) -> bool:
    return 0 < tally.known[name] == tally.counts["succeeded", ""]


def _total(tally: Tally, name: str, total: int | Decimal, *, marks: tuple[Mark, ...]) -> Iterator[Metric]:
    """Return a sum over the answers; unknown where any answer lacks its part, and then the known part beside it."""
    if _complete(tally, name):
        yield Metric(name=name, value=total, n=tally.known[name], marks=marks)
        return
    yield Metric(name=name, value=None, n=tally.known[name])
    if tally.known[name]:
        yield Metric(name=name, of="known part", value=total, n=tally.known[name], marks=marks)


# ---------------------------------------------------------------- alerts


def _late(lags: Sequence[Lag], ttft: list[float]) -> tuple[float, float] | None:
    """Return (the client's own p99 lag, the most allowed) where it is too much; None where it is fine or not known."""
    worst = max((lag.p99_s for lag in lags), default=0.0)
    allowed = min(MOST_LAG_S, MOST_LAG_OF_TTFT * (quantile(ttft, 0.99) or math.inf))
    return (worst, allowed) if worst > allowed else None


def _alerts(tally: Tally, planned: int | None, late: tuple[float, float] | None) -> Iterator[str]:
    attempted = tally.counts["attempted", ""]
    if planned is not None and attempted < planned:
        yield f"unfinished: {attempted:,} of {planned:,} requests were made"
    if attempted and not tally.counts["succeeded", ""]:
        yield "no request was answered"
    if late:
        yield (
            f"latency INVALID: this client was {units.seconds(late[0])} late at p99, {units.seconds(late[1])} is "
            "allowed; lower the concurrency or use an idle machine, and ask again"
        )
