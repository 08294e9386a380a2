"""A cell's own numbers with their intervals, and the few that nights are compared by. No second cell, no verdict."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalrun.compare.side import Cell, Figures, Floats, State, cost
from evalrun.rule import LATENCIES, PERCENTILES, Measure
from evalrun.stats.distribution import t_quantile
from evalrun.stats.interval import Interval, unit_mean, wilson
from evalrun.stats.nights import Night, log_quantile_night
from evalrun.stats.quantile import quantile_interval
from evalrun.types import Json


def shares(cell: Cell, name: str) -> Floats:
    """Return accuracy or a rate as a number in 0..1 of each request, NaN where it does not apply.

    failed: of all requests. truncated, unscored: of the answers. accuracy: the score. good: of all requests, NaN for
    every one where `not_known_good` says why.
    """
    if name == "accuracy":
        return cell.score
    if name == "good":
        return np.full(cell.attempted, np.nan) if cell.good is None or not_known_good(cell) else cell.good
    failed: NDArray[np.bool_] = cell.state == State.FAILED
    if name == "failed":
        return failed.astype(np.float64)
    found = np.isnan(cell.score) if name == "unscored" else cell.state == State.TRUNCATED
    return np.where(failed, math.nan, found.astype(np.float64))


def not_known_good(cell: Cell) -> str:
    """Say why it is not known how many requests kept every SLO; empty where it is."""
    if cell.good is None:
        return "no SLO is stated"
    unknown = int(np.isnan(cell.good).sum())
    return f"of {unknown:,} answers it is unknown whether they kept every SLO" if unknown else ""


def amounts(cell: Cell, name: str, prices: Json) -> Floats:
    """Return the tokens or the cost of each request, NaN where it failed or the server did not count."""
    if name == "prompt_tokens":
        return cell.prompt
    return cell.output if name == "output_tokens" else cost(cell, prices)


def value(cell: Cell, measure: Measure, prices: Json) -> Interval | None:
    """Return a cell's own value of a measure with its 95 % interval.

    Over all of its samples; None where it has none.
    """
    if measure.name in cell.values:
        return cell.values[measure.name]
    if not cell.attempted:
        return None
    if measure.unit == "share":
        return share(known(cell.means(shares(cell, measure.name))))
    if measure.unit == "s":
        return latency(cell, measure)
    if measure.name in ("throughput", "goodput"):
        rate = per_second(cell, measure)
        return None if rate is None else Interval(rate, None, None)
    if measure.name == "cost_per_correct":
        spent, right = np.nansum(cost(cell, prices)), np.nansum(cell.score)
        return Interval(float(spent / right), None, None) if spent > 0 and right > 0 else None
    return mean(known(cell.means(amounts(cell, measure.name, prices))))


def per_second(cell: Cell, measure: Measure) -> float | None:
    """Return `throughput` or `goodput`: one number a run."""
    return cell.goodput if measure.name == "goodput" else cell.throughput


def share(values: Floats) -> Interval | None:
    """Return the mean over samples of numbers in 0..1."""
    if len(values) and bool(np.isin(values, (0.0, 1.0)).all()):
        return wilson(float(values.sum()), len(values))  # as `unit_mean` would, without a million Python numbers
    return unit_mean(values.tolist())


def mean(values: Floats, *, level: float = 0.95) -> Interval | None:
    """Return the mean over samples of numbers, with Student's interval: `stats.interval.student_mean`'s."""
    n = len(values)
    if not n:
        return None
    middle = float(values.mean())
    if n == 1:
        return Interval(middle, None, None)
    half = t_quantile(0.5 + level / 2, n - 1) * float(values.std(ddof=1)) / math.sqrt(n)
    return Interval(middle, middle - half, middle + half)


def latency(cell: Cell, measure: Measure) -> Interval | None:
    """Return a percentile with its interval, failures in the tail; from the last night where only nights are kept."""
    if measure.name == "client_lag":
        return None if cell.lag_s is None else Interval(cell.lag_s, None, None)
    name, _, percentile = measure.name.partition("_")
    values = cell.latency(name)
    if values is None:
        found = cell.nights[-1].logs.get(measure.name) if cell.nights else None
        return None if found is None else Interval(math.exp(found[0]), None, None)
    ordered = ascending(values)
    if not ordered or math.isinf(ordered[0]):
        return None  # no answer has one
    return quantile_interval(ordered, PERCENTILES[percentile])


def known(values: Floats) -> Floats:
    """Leave out what is NaN."""
    return values[~np.isnan(values)]


def ascending(values: Floats) -> list[float]:
    """Return the values that are known in ascending order, failures last."""
    ordered: list[float] = np.sort(known(values)).tolist()
    return ordered


# ---------------------------------------------------------------- nights


def figures(cell: Cell, *, run: str, at: str) -> Figures:
    """Return what is kept of a run's cell as one night. Latencies that cannot be believed are left out."""
    logs: dict[str, tuple[float, float]] = {}
    for name in LATENCIES:
        values = cell.latency(name)
        ordered = [] if values is None or cell.late else ascending(values)
        for percentile, q in PERCENTILES.items() if ordered else ():
            night = log_quantile_night(ordered, q)
            if math.isfinite(night.value):
                logs[f"{name}_{percentile}"] = (_short(night.value), _short(night.error, 3))
    for name, rate in (("throughput", cell.throughput), ("goodput", cell.goodput)):
        if rate:
            logs[name] = (_short(math.log(rate)), 0.0)
    cached = np.nan_to_num(cell.cached[cell.state != State.FAILED])  # a server that sends no count has cached nothing
    return Figures(
        run=run, at=at, logs=logs, prompt=_mean(cell.prompt), cached=_mean(cached), output=_mean(cell.output),
        slo=cell.prints.slo,
    )  # fmt: skip


def _short(number: float, digits: int = 6) -> float:
    """Return so many significant digits: all that latencies have. JSON has no infinity: 1e9 stands for it."""
    return float(f"{number:.{digits}g}") if math.isfinite(number) else 1e9


def _mean(values: Floats) -> float | None:
    found = known(values)
    return _short(float(found.mean())) if len(found) else None


def past(nights: Sequence[Figures], measure: Measure, prices: Json, *, error: float = 0.0) -> list[Night]:
    """Return the nights that have a measure, as logarithms that rise when it gets worse.

    error: of one night within its run, for the measures of which nights keep a mean alone.
    """
    found = []
    for night in nights:
        if measure.name in night.logs:
            log, within = night.logs[measure.name]
            found.append(Night(log if measure.worse == "higher" else -log, within))
        elif (amount := _amount(night, measure.name, prices)) is not None and amount > 0:
            found.append(Night(math.log(amount), error))
    return found


def _amount(night: Figures, name: str, prices: Json) -> float | None:
    if name == "prompt_tokens":
        return night.prompt
    if name == "output_tokens":
        return night.output
    if name != "cost" or prices is None or night.prompt is None or night.output is None:
        return None
    cached = night.cached or 0.0
    at_cached = prices.get("cached")
    if cached and at_cached is None:
        return None
    for_cached = cached * float(at_cached) if cached else 0.0
    fresh = (night.prompt - cached) * float(prices["prompt"])
    return (fresh + for_cached + night.output * float(prices["completion"])) / 1e6
