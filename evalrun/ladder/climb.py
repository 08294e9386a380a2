"""All of it: the records and scores of a run -> a Ladder for each target. Order comes from the context."""

import math
from collections.abc import Iterable, Iterator, Sequence

from evalrun.ladder.cache import reports
from evalrun.ladder.effective import TOLERANCE, effective_context
from evalrun.ladder.gather import Request, gather
from evalrun.ladder.rungs import Premise, accuracy, curve, rung_metrics
from evalrun.ladder.values import Ladder, Rung, Spot
from evalrun.stats.interval import Interval
from evalrun.stats.quantile import quantile
from evalrun.table import Context, Metric, TargetNote
from evalrun.table.derive import MOST_LAG_OF_TTFT, MOST_LAG_S
from evalrun.table.tabulate import Verdicts
from evalrun.types import Record, Scored

FINE_TOKENS = 8  # a size this near to the asked one is as good as exact


def climb(
    records: Iterable[Record],
    scores: Iterable[Scored],
    context: Context,
    *,
    tolerance: float = TOLERANCE,
    seed: int = 0,
) -> tuple[Ladder, ...]:
    """Return the ladder of each target that was asked prompts of a size. Both inputs are read once, the scores first.

    tolerance: how much accuracy may drop within the effective context. seed: of the bootstrap.
    """
    verdicts = Verdicts()
    for scored in scores:
        verdicts.add(scored)
    notes = {note.name: note for note in context.targets}
    return tuple(
        _ladder(requests, notes.get(target) or TargetNote(name=target), context, tolerance=tolerance, seed=seed)
        for target, requests in gather(records, verdicts, context).items()
    )


def _ladder(
    requests: Sequence[Request], target: TargetNote, context: Context, *, tolerance: float, seed: int
) -> Ladder:
    by_size: dict[int, list[Request]] = {size: [] for size in sorted({request.size for request in requests})}
    for request in requests:
        by_size[request.size].append(request)
    premise = Premise(
        reported=reports(requests),
        reasoned=any(request.reasoned for request in requests),
        families=tuple(dict.fromkeys(request.family for request in requests)),
    )
    rungs = []
    for size, mine in by_size.items():
        late = _late(mine, target.name, context)
        rungs.append(Rung(size=size, metrics=rung_metrics(mine, premise, invalid=late)))
    growth, upper = _growth(by_size, rungs, premise, seed=seed)
    contexts = [effective_context(rungs, tolerance=tolerance, family=family) for family in ("", *premise.families)]
    return Ladder(
        suite=context.suite,
        run=context.run,
        target=target,
        rungs=tuple(rungs),
        metrics=(*growth, *contexts),
        families=premise.families,
        upper=upper,
        spots=tuple(_spots(requests)),
        tolerance=tolerance,
        notes=tuple(_notes(rungs, premise, growth)),
    )


def _growth(
    by_size: dict[int, list[Request]], rungs: Sequence[Rung], premise: Premise, *, seed: int
) -> tuple[list[Metric], tuple[int, ...]]:
    """Return the exponent and the fit, and the sizes the exponent rests on. Rungs whose median failed are left out."""
    from evalrun.ladder.growth import Point, exponent, fit, upper

    points = []
    for rung in rungs:
        seconds = curve(by_size[rung.size], "ttft_s", "cold", reported=premise.reported)
        if seconds and math.isfinite(seconds[len(seconds) // 2]):  # the upper of the middle two
            points.append(Point(rung.size, _tokens(rung), tuple(seconds)))
    top = upper(points)
    slope, found = exponent(top, seed=seed), fit(points, seed=seed)
    counts = sum(len(point.seconds) for point in top), sum(len(point.seconds) for point in points)
    metrics = [_metric("ttft_exponent", slope, counts[0])]
    for place, name in enumerate(("ttft_base_s", "ttft_linear", "ttft_quadratic")):
        metrics.append(_metric(name, found.coefficients[place] if found else None, counts[1]))
    metrics.append(Metric(name="ttft_fit_error", value=found.error if found else None, n=len(points)))
    return metrics, tuple(point.size for point in top) if slope else ()


def _metric(name: str, found: Interval | None, n: int) -> Metric:
    if found is None:
        return Metric(name=name, value=None, n=n)
    return Metric(name=name, value=found.value, low=found.low, high=found.high, n=n)


def _tokens(rung: Rung) -> float:
    """Return what the server counted, or what was asked where it does not count."""
    counted = rung.get("counted_tokens")
    return float(counted.value) if counted and counted.value is not None else float(rung.size)


def _spots(requests: Iterable[Request]) -> Iterator[Spot]:
    groups: dict[tuple[str, int, float], list[Request]] = {}
    for request in requests:
        if request.depth is not None:
            groups.setdefault((request.family, request.size, round(request.depth, 4)), []).append(request)
    families = list(dict.fromkeys(family for family, _, _ in groups))
    for family, size, depth in sorted(groups, key=lambda key: (families.index(key[0]), *key[1:])):
        yield Spot(family=family, size=size, depth=depth, accuracy=accuracy(groups[family, size, depth], family))


def _late(requests: Sequence[Request], target: str, context: Context) -> bool:
    """Say whether this client was itself too late to measure these requests; the same rule as for cells."""
    asked = {(request.session, request.task) for request in requests}
    worst = max((g.p99_s for g in context.lags if g.target == target and (g.session, g.task) in asked), default=0.0)
    ttft = sorted(request.ttft_s for request in requests if request.ttft_s is not None)
    return worst > min(MOST_LAG_S, MOST_LAG_OF_TTFT * (quantile(ttft, 0.99) or math.inf))


# ---------------------------------------------------------------- what must be said


def _notes(rungs: Sequence[Rung], premise: Premise, growth: Sequence[Metric]) -> Iterator[str]:
    leaks, misses = (sum(_value(rung, name) or 0 for rung in rungs) for name in ("cache_leaks", "cache_misses"))
    if not premise.reported:
        yield "the endpoint reports no cached tokens: cold and warm are what was asked for, not what was seen"
    if leaks:
        yield f"{leaks:,} of the requests meant to be cold came from a cache; no cold number includes them"
    if misses:
        yield f"{misses:,} of the requests meant to be warm did not come from a cache; no warm number includes them"
    if refused := [rung.size for rung in rungs if _value(rung, "context_refused")]:
        fits = max((rung.size for rung in rungs if _value(rung, "succeeded")), default=None)
        answered = "no size was answered" if fits is None else f"the largest size answered is {fits:,} tokens"
        yield f"context limit: {answered}; {min(refused):,} was refused as too long"
    if any(_value(rung, "counted_tokens") is None and _value(rung, "succeeded") for rung in rungs):
        yield "the server did not count prompt tokens everywhere: asked sizes stand in"
    off = max((_value(rung, "size_error") or 0 for rung in rungs), default=0)
    if off > FINE_TOKENS:
        yield f"prompts are up to {off:,} tokens off the size asked for; curves use the counted one"
    yield from _missing(growth)


def _missing(growth: Sequence[Metric]) -> Iterator[str]:
    from evalrun.ladder.growth import ENOUGH

    slope = growth[0]
    if slope.value is None:
        yield "no exponent: it takes cold answers at two sizes or more"
    elif slope.low is None:
        yield f"exponent and fit without intervals: they take {ENOUGH} cold requests at each size, few of them failed"


def _value(rung: Rung, name: str) -> int | None:
    metric = rung.get(name)
    return None if metric is None or metric.value is None else int(metric.value)
