"""All of it: the requests of a run -> a Ladder for each target, in the order of its suite."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from evalrun.ladder.growth import ENOUGH, Point, exponent, fit, median, upper
from evalrun.ladder.rungs import (
    COLD,
    TOLERANCE,
    Premise,
    accuracy,
    cached,
    effective_context,
    of_family,
    premise,
    rung_metrics,
)
from evalrun.ladder.values import Ladder, Rung, Spot
from evalrun.requests import Requests, latency
from evalrun.stats.interval import Interval
from evalrun.table import Mark, Metric, TargetNote, target_notes

FINE_TOKENS = 8  # a size this near to the asked one is as good as exact


def climb(requests: Requests, *, tolerance: float | None = None, seed: int = 0) -> tuple[Ladder, ...]:
    """Return the ladder of each target that was asked prompts of a size.

    tolerance: how much accuracy may drop within the effective context, by default the suite's. seed: of the bootstrap.
    """
    run = requests.run
    stated = [run.task(task)["data"].get("tolerance", TOLERANCE) for task in requests.tasks if run.is_ladder(task)]
    if not stated:
        return ()
    chosen, notes = min(stated) if tolerance is None else tolerance, {note.name: note for note in target_notes(run)}
    found = []
    for target in requests.targets:
        mine = requests.of(None, target)
        mine = mine.take(mine.size > 0)
        if len(mine):
            found.append(_ladder(mine, notes.get(target) or TargetNote(name=target), tolerance=chosen, seed=seed))
    return tuple(found)


def _ladder(requests: Requests, target: TargetNote, *, tolerance: float, seed: int) -> Ladder:
    holds = premise(requests)
    by_size = {size: requests.take(requests.size == size) for size in np.unique(requests.size).tolist()}
    rungs = [Rung(size=size, metrics=rung_metrics(mine, holds)) for size, mine in by_size.items()]
    growth, top = _growth(by_size, rungs, holds, seed=seed)
    contexts = [effective_context(rungs, tolerance=tolerance, family=family) for family in ("", *holds.families)]
    return Ladder(
        suite=requests.run.manifest.suite_name,
        run=str(requests.run.folder),
        target=target,
        rungs=tuple(rungs),
        metrics=(*growth, *contexts),
        families=holds.families,
        upper=top,
        spots=tuple(_spots(requests, holds.families)),
        tolerance=tolerance,
        notes=tuple(_notes(rungs, holds, growth)),
    )


def _growth(
    by_size: Mapping[int, Requests], rungs: Sequence[Rung], holds: Premise, *, seed: int
) -> tuple[list[Metric], tuple[int, ...]]:
    """Return the exponent and the fit, and the sizes the exponent rests on. Rungs whose median failed are left out.

    They have the marks of the medians behind them.
    """
    points = []
    for rung in rungs:
        mine = by_size[rung.size]
        seconds = latency.seconds(mine, "ttft_s")[cached(mine, reported=holds.reported) == COLD]
        ordered = np.sort(seconds[~np.isnan(seconds)]).tolist()
        if ordered and math.isfinite(median(np.array(ordered))):
            points.append(Point(rung.size, _tokens(rung), tuple(ordered)))
    top = upper(points)
    slope, found = exponent(top, seed=seed), fit(points, seed=seed)
    medians = {rung.size: rung.get("ttft_s", "p50 cold") for rung in rungs}
    metrics = [_metric("ttft_exponent", slope, top, medians)]
    for place, name in enumerate(("ttft_base_s", "ttft_linear", "ttft_quadratic")):
        metrics.append(_metric(name, found.coefficients[place] if found else None, points, medians))
    error = _metric("ttft_fit_error", Interval(found.error, None, None) if found else None, points, medians)
    return [*metrics, replace(error, n=len(points))], tuple(point.size for point in top) if slope else ()


def _metric(name: str, found: Interval | None, points: Sequence[Point], medians: Mapping[int, Metric | None]) -> Metric:
    """Return the metric of a number that rests on the medians of some rungs."""
    n = sum(len(point.seconds) for point in points)
    if found is None:
        return Metric(name=name, value=None, n=n)
    behind = {mark for point in points if (median := medians[point.size]) for mark in median.marks}
    marks = tuple(mark for mark in (Mark.INVALID, Mark.DOUBTFUL, Mark.ASKED) if mark in behind)
    return Metric(name=name, value=found.value, low=found.low, high=found.high, n=n, marks=marks)


def _tokens(rung: Rung) -> float:
    """Return what the server counted, or what was asked where it does not count."""
    counted = rung.get("counted_tokens")
    return float(counted.value) if counted and counted.value is not None else float(rung.size)


def _spots(requests: Requests, families: Sequence[str]) -> Iterator[Spot]:
    for family in families:
        mine = of_family(requests, family)
        depths = mine.depth.round(4)
        placed = sorted({(size, depth) for size, depth in zip(mine.size.tolist(), depths.tolist(), strict=True)})
        for size, depth in placed:
            if not math.isnan(depth):
                here = mine.take((mine.size == size) & (depths == depth))
                yield Spot(family=family, size=size, depth=depth, accuracy=accuracy(here, family))


# ---------------------------------------------------------------- what must be said


def _notes(rungs: Sequence[Rung], holds: Premise, growth: Sequence[Metric]) -> Iterator[str]:
    leaks, misses = (sum(_value(rung, name) or 0 for rung in rungs) for name in ("cache_leaks", "cache_misses"))
    if not holds.reported:
        yield "the endpoint reports no cached tokens: cold and warm are what was asked for, not what was seen"
    if leaks:
        yield f"{leaks:,} of the requests meant to be cold came from a cache; no cold number includes them"
    if misses:
        yield f"{misses:,} of the requests meant to be warm did not come from a cache; no warm number includes them"
    if refused := [rung.size for rung in rungs if _value(rung, "refused")]:
        fits = max((rung.size for rung in rungs if _value(rung, "succeeded")), default=None)
        answered = "no size was answered" if fits is None else f"the largest size answered is {fits:,} tokens"
        yield f"context limit: {answered}; {min(refused):,} was refused as too long"
    if any(_value(rung, "counted_tokens") is None and _value(rung, "succeeded") for rung in rungs):
        yield "the server did not count prompt tokens everywhere: asked sizes stand in"
    off = max((_value(rung, "size_error") or 0 for rung in rungs), default=0)
    if off > FINE_TOKENS:
        yield f"prompts are up to {off:,} tokens off the size asked for; curves use the counted one"
    if any(Mark.INVALID in metric.marks for metric in growth):
        yield f"INVALID: exponent and fit rest on TTFTs for which this client was too late; {latency.REMEDY}"
    yield from _missing(growth)


def _missing(growth: Sequence[Metric]) -> Iterator[str]:
    slope = growth[0]
    if slope.value is None:
        yield "no exponent: it takes cold answers at two sizes or more"
    elif slope.low is None:
        yield f"exponent and fit without intervals: they take {ENOUGH} cold requests at each size, few of them failed"


def _value(rung: Rung, name: str) -> int | None:
    metric = rung.get(name)
    return None if metric is None or metric.value is None else int(metric.value)
