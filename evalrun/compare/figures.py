"""A cell's own numbers with their intervals, and those by which nights are compared. No second cell, no verdict.

Every number is defined in `requests`; here is which of them a measure of `rule` names.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from evalrun.compare.side import SideCell, StoredNight
from evalrun.requests import latency, money, quality, rates
from evalrun.requests.rows import Ids
from evalrun.rule import LATENCIES, MEASURES, PERCENTILES, Measure
from evalrun.stats.interval import Floats, Interval, student_mean
from evalrun.stats.nights import Night, log_quantile_night
from evalrun.stats.quantile import quantile_interval
from evalrun.types import Json
from evalrun.units import seconds


def shares(cell: SideCell, name: str) -> Floats:
    """Return accuracy or a rate as a number in 0..1 of each request, NaN where it does not apply.

    accuracy: the score. good: of the requests that were not refused, NaN for all where `not_known_good` says why.
    failed, truncated, unscored: `requests.quality.shares`.
    """
    if name == "accuracy":
        return cell.score
    if name == "good":
        if cell.good is None or not_known_good(cell):
            return np.full(cell.attempted, np.nan)
        return np.where(cell.requests.refused, np.nan, cell.good)
    return quality.shares(cell.requests, name)


def not_known_good(cell: SideCell) -> str:
    """Return why it is not known how many requests kept every SLO; empty where it is."""
    if cell.good is None:
        return "no SLO is stated"
    unknown = int(np.isnan(cell.good).sum())
    return f"of {unknown:,} answers it is unknown whether they kept every SLO" if unknown else ""


def amounts(cell: SideCell, name: str, prices: Json) -> Floats:
    """Return the tokens or the cost of each request, NaN where it failed or the server did not count."""
    if name == "prompt_tokens":
        return cell.requests.prompt_tokens
    return cell.requests.completion_tokens if name == "output_tokens" else money.under(cell.requests, prices)


def unknown(cell: SideCell, name: str, prices: Json) -> int:
    """Return how many answers have no known amount: with one of them a sum over answers is unknown."""
    return int((np.isnan(amounts(cell, name, prices)) & cell.requests.answered).sum())


def at_least(cell: SideCell, measure: Measure) -> str:
    """Return why a cell's tokens or cost are only known to be at least what is counted; empty where they are known."""
    if measure.name in ("cost", "cost_per_correct"):
        rows = cell.requests.at_least
    elif measure.name in ("prompt_tokens", "output_tokens"):
        rows = cell.requests.has("flags", "usage_mismatch")
    else:
        return ""
    n = int(rows.sum())
    return f"at least: the token counts of {n:,} answers do not add up (`evalrun explain usage_mismatch`)" if n else ""


def value(cell: SideCell, measure: Measure, prices: Json) -> Interval | None:
    """Return a cell's own value of a measure over its samples, with its 95 % interval; None where it has none."""
    if measure.name in cell.values:
        return cell.values[measure.name]
    at = estimate(cell, measure, prices) if cell.attempted else None
    return at(0.95) if at else None


def estimate(cell: SideCell, measure: Measure, prices: Json) -> Callable[[float], Interval | None] | None:
    """Return the value and interval of a measure as a function of the interval's level; None where it has no value."""
    if measure.unit == "fraction":
        values = shares(cell, measure.name)
        return lambda level: quality.mean(cell.requests, values, level=level).interval
    if measure.unit == "s" and measure.name != "client_lag":
        return _percentile(cell, measure)
    if measure.name in ("throughput", "goodput", "client_lag"):
        return _alone({"throughput": cell.throughput, "goodput": cell.goodput, "client_lag": cell.lag_s}[measure.name])
    if unknown(cell, measure.name, prices):
        return None  # a part of a sum is not the sum
    each = amounts(cell, measure.name, prices)
    if measure.name == "cost_per_correct":
        spent, right = float(np.nansum(each)), float(np.nansum(cell.score))
        return _alone(spent / right if spent > 0 and right > 0 else None)
    means = cell.means(each)
    clusters = cell.requests.drawn_with(cell.requests.starts[~np.isnan(means)])
    return lambda level: student_mean(known(means), clusters=clusters, level=level)


def _alone(number: float | None) -> Callable[[float], Interval | None] | None:
    return None if number is None else lambda _: Interval(number, None, None)


def _percentile(cell: SideCell, measure: Measure) -> Callable[[float], Interval | None] | None:
    """Return a percentile, failures in the tail; from the last night where only nights are kept."""
    name, _, wanted = measure.name.partition("_")
    if not cell.timed:
        found = cell.nights[-1].logs.get(measure.name) if cell.nights else None
        return _alone(None if found is None else math.exp(found[0]))
    ordered, clusters = ascending(cell, name)
    if not ordered or math.isinf(ordered[0]):
        return None  # no answer has one
    return lambda level: quantile_interval(ordered, PERCENTILES[wanted], clusters=clusters, level=level)


def coverage(cell: SideCell, measure: Measure) -> str:
    """Return over how many answers a latency is and whether it is estimated; empty where it is of all, and measured."""
    name, requests = measure.name.partition("_")[0], cell.requests
    if name not in LATENCIES or not cell.timed or (share := latency.share_timed(requests, f"{name}_s")) is None:
        return ""
    answers = int(requests.answered.sum())
    over = f", over {round(share * answers):,} of {answers:,} answers" if share < 1 else ""
    return over + (", estimated" if name == "tpot" and latency.tpot_is_estimated(requests).any() else "")


def invalid(cell: SideCell, measure: Measure) -> str:
    """Return why this client was too late to measure it (`requests.latency`); empty where it was not."""
    if not cell.timed or not cell.attempted or not measure.timed or measure.name == "client_lag":
        return ""
    if measure.needs_slo:
        wrong = cell.good is not None and rates.goodput_is_invalid(cell.requests)
        return "its client was too late to tell how many requests kept every SLO" if wrong else ""
    if measure.unit != "s":
        return ""
    name, _, wanted = measure.name.partition("_")
    if not latency.is_invalid(cell.requests, f"{name}_s", PERCENTILES[wanted]):
        return ""
    doubt = latency.doubt(cell.requests, f"{name}_s")
    return (
        f"its client read {doubt.share:.0%} of the requests late, by up to {seconds(doubt.bound_s)}:"
        f" {measure.label} may be more than {latency.MOST:.0%} lower"
    )


def known(values: Floats) -> Floats:
    """Leave out what is NaN."""
    return values[~np.isnan(values)]


def ascending(cell: SideCell, name: str) -> tuple[list[float], Ids | None]:
    """Return the values of a latency that are known in ascending order, failures last, and what each was drawn with.

    Nothing of a cell that keeps only its nights.
    """
    values = cell.latency(name)
    if values is None:
        return [], None
    rows = np.flatnonzero(~np.isnan(values))
    clusters = cell.requests.drawn_with(rows, repeats=True)
    if clusters is None:
        return np.sort(values[rows]).tolist(), None
    order = np.argsort(values[rows])
    return values[rows][order].tolist(), clusters[order]


# ---------------------------------------------------------------- nights


OF_A_NIGHT = (
    *(f"{latency_name}_{name}" for name in PERCENTILES for latency_name in LATENCIES),
    "throughput",
    "goodput",
)
"""The measures that nights are compared by, apart from means of tokens."""


def late(cell: SideCell) -> list[Measure]:
    """Return what nights are compared by and this client was too late to measure."""
    return [MEASURES[name] for name in OF_A_NIGHT if invalid(cell, MEASURES[name])]


def stored_night(cell: SideCell, *, run: str, at: str) -> StoredNight:
    """Return what a baseline keeps of a run's cell as one night, without what is INVALID."""
    logs: dict[str, tuple[float, float]] = {}
    for name in OF_A_NIGHT:
        latency_name, _, percentile = name.partition("_")
        night = None
        if rate := {"throughput": cell.throughput, "goodput": cell.goodput}.get(name):
            night = Night(math.log(rate), 0.0)
        elif percentile:
            ordered, clusters = ascending(cell, latency_name)
            night = log_quantile_night(ordered, PERCENTILES[percentile], clusters=clusters) if ordered else None
        if night is not None and math.isfinite(night.value) and not invalid(cell, MEASURES[name]):
            logs[name] = (_short(night.value), _short(night.error, 3))
    requests = cell.requests
    cached = np.where(requests.answered, np.nan_to_num(requests.cached_tokens), np.nan)  # no count: nothing was cached
    amounts = {
        "prompt": requests.prompt_tokens, "cached": cached, "output": requests.completion_tokens,
        "seconds": requests.answer_s,
    }  # fmt: skip
    means = {name: quality.mean_of(requests, each) for name, each in amounts.items()}
    short = {name: None if mean is None else _short(mean) for name, mean in means.items()}
    return StoredNight(run=run, at=at, logs=logs, slo=cell.conditions.slo, **short)


def _short(number: float, digits: int = 6) -> float:
    """Return so many significant digits: all that latencies have. JSON has no infinity: 1e9 stands for it."""
    return float(f"{number:.{digits}g}") if math.isfinite(number) else 1e9


def past(nights: Sequence[StoredNight], measure: Measure, prices: Json, *, error: float = 0.0) -> list[Night]:
    """Return the nights that have a measure.

    error: of one night within its run, for the measures of which nights keep a mean alone.
    """
    found = []
    for night in nights:
        if measure.name in night.logs:
            found.append(Night(*night.logs[measure.name]))
        elif (amount := _amount(night, measure.name, prices)) is not None and amount > 0:
            found.append(Night(math.log(amount), error))
    return found


def _amount(night: StoredNight, name: str, prices: Json) -> float | None:
    if name == "prompt_tokens":
        return night.prompt
    if name == "output_tokens":
        return night.output
    if name != "cost" or prices is None or night.prompt is None or night.output is None:
        return None
    prompt, cached, output = (np.array([count]) for count in (night.prompt, night.cached or 0.0, night.output))
    found = float(money.priced(prompt, cached, output, prices)[0])
    return None if math.isnan(found) else found
