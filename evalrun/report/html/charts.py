"""Pictures of runs as SVG, all of one size, each with its caption. Computes no statistics.

The same requests give the same bytes. A picture that would be empty is left out. Many points are drawn as a seeded
sample of them, and the caption says so. A target's numbers that are INVALID are dashed or hollow, with a mark.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evalrun import units
from evalrun.explain import DEFINITIONS, MARKS
from evalrun.report.curves import ticks
from evalrun.report.picture import COLOURS, SHAPES, drawn, panelled, words
from evalrun.requests import Requests
from evalrun.stats.interval import Floats
from evalrun.table import Cell, Mark, Metric, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

FEWEST = 6  # requests that a picture shows better than a table
LATENCIES = ("ttft_s", "tpot_s", "e2e_s")
SIZE = (5.8, 3.2)  # inches
MOST_POINTS = 1_500  # of a picture
MOST_SHAPES = 300  # points that are drawn as shapes; more are drawn as pixels, in fewer bytes
MOST_STEPS = 300  # of a line
MOST_SERIES = 14  # which colours and shapes tell apart
MOST_TICKS = 6
SEED = 7
PIXEL = 1e-9  # what is nearer than this on an axis is one value

_Made = tuple["Figure | None", str]
"""A figure, and what its caption has to add."""


class TargetSeries(NamedTuple):
    """The requests of one target in one run, under its name. number: decides its colour and shape.

    invalid: its latencies that this client measured too late.
    """

    number: int
    title: str
    requests: Requests
    invalid: frozenset[str]

    @property
    def colour(self) -> str:
        """Its colour."""
        return COLOURS[self.number % len(COLOURS)]

    @property
    def shape(self) -> str:
        """Its shape: with its colour unique among `MOST_SERIES`."""
        return SHAPES[(self.number + self.number // len(COLOURS)) % len(SHAPES)]


def pictures(runs: Sequence[Requests], tables: Sequence[Table]) -> Iterator[tuple[str, bytes]]:
    """Yield each picture with its caption; none of few requests, which a table shows as well."""
    if sum(map(len, runs)) < FEWEST:
        return
    every = _series(runs, tables)
    series = every[:MOST_SERIES]
    makers: list[tuple[str, Callable[[], _Made]]] = [
        *((f"{DEFINITIONS[each].label}: share of the requests within a time", partial(_ecdf, series, each))
          for each in LATENCIES),
        ("TTFT over the run", partial(_over_time, series)),
        ("TTFT against prompt tokens", partial(_against_prompt, series)),
        ("Accuracy against cost", partial(_trade, runs, tables, ("cost_usd", ""))),
        ("Accuracy against E2E p50", partial(_trade, runs, tables, ("e2e_s", "p50"))),
    ]  # fmt: skip
    few = f"; the first {len(series)} of {len(every)} targets" if len(series) < len(every) else ""
    for caption, make in makers:
        added = ""

        def figure(make: Callable[[], _Made] = make) -> "Figure | None":
            nonlocal added
            found, added = make()
            return found

        if (picture := drawn(figure)) is not None:
            yield caption + few + added, picture


def _series(runs: Sequence[Requests], tables: Sequence[Table]) -> list[TargetSeries]:
    found: list[TargetSeries] = []
    for run, table in zip(runs, tables, strict=True):
        for target in run.targets:
            title = words(target, 24) + (f" ({words(run.run.folder.name, 24)})" if len(runs) > 1 else "")
            cells = [cell for cell in table.cells if cell.target == target]
            invalid = {one.name for cell in cells for one in cell.metrics if Mark.INVALID in one.marks}
            found.append(TargetSeries(len(found), title, run.of(None, target), frozenset(invalid)))
    return found


# ---------------------------------------------------------------- latencies


def _ecdf(series: Sequence[TargetSeries], metric: str) -> _Made:
    """Draw the share of requests within a time; of TTFT and E2E, requests that failed never get to 1."""
    known = [(one, np.sort(values[np.isfinite(values)])) for one in series if len(values := _values(one, metric))]
    known = [(one, values) for one, values in known if len(values) and values[-1] > 0]
    if not known:
        return None, ""
    figure, (axes,) = panelled(1, across=1, each=SIZE, head=0.0)
    for one, values in known:
        asked = int((one.requests.answered | one.requests.unanswered).sum())
        total = len(values) if metric == "tpot_s" else max(asked, len(values))
        steps = np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_STEPS)).astype(int))
        across, share = values[[0, *steps]], np.array([0, *(steps + 1)]) / total
        bad = metric in one.invalid
        axes.step(
            across, share, where="post", color=one.colour, linestyle="--" if bad else "-",
            label=one.title + (" !" if bad else ""),
        )  # fmt: skip
    axes.set_xscale("log")
    _ticks(axes.xaxis, units.seconds)
    axes.set_xlabel(DEFINITIONS[metric].label)
    axes.set_ylim(0, 1.02)
    axes.set_yticks(quarters := (0, 0.25, 0.5, 0.75, 1), [units.fraction(share) for share in quarters])
    _legend(figure, axes, len(series))
    return figure, _invalid([one for one, _ in known], metric)


def _over_time(series: Sequence[TargetSeries]) -> _Made:
    clocks = [(one, _since_start(one.requests)) for one in series]
    longest = max((np.nanmax(times) for _, times in clocks if np.isfinite(times).any()), default=0.0)
    scale, unit = next((each for each in ((3600, "hours"), (60, "minutes")) if longest > 3 * each[0]), (1, "seconds"))
    figure, added = _points([(one, times / scale) for one, times in clocks])
    if figure is not None:
        figure.axes[0].set_xlabel(f"{unit} since the run began, without pauses")
    return figure, f": does the endpoint drift?{added}"


def _since_start(requests: Requests) -> Floats:
    """Return when each request was sent; each session has a clock of its own, and follows the one before."""
    sent, shift = np.array(requests.sent_s), 0.0
    for session in np.unique(requests.session):
        mine = requests.session == session
        if np.isfinite(sent[mine]).any():
            last = float(np.nanmax(sent[mine]))
            sent[mine] += shift
            shift += last
    return sent


def _against_prompt(series: Sequence[TargetSeries]) -> _Made:
    sizes = np.concatenate([one.requests.prompt_tokens for one in series]) if series else np.array([])
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    if len(sizes) < 2 or sizes.max() < 1.5 * sizes.min():
        return None, ""
    figure, added = _points([(one, np.where(one.requests.prompt_tokens > 0, one.requests.prompt_tokens, np.nan))
                             for one in series])  # fmt: skip
    if figure is not None:
        (axes,) = figure.axes
        axes.set_xscale("log")
        _ticks(axes.xaxis, lambda size: f"{size:,.0f}")
        axes.set_xlabel("prompt tokens, as the server counted them")
    return figure, added


def _points(series: Sequence[tuple[TargetSeries, Floats]]) -> _Made:
    """Draw TTFT against something, on a logarithmic axis."""
    known = [(one, across, _values(one, "ttft_s")) for one, across in series]
    shown = [(one, across, up, np.isfinite(across) & np.isfinite(up) & (up > 0)) for one, across, up in known]
    shown = [each for each in shown if each[3].any()]
    if sum(int(which.sum()) for *_, which in shown) < 2:
        return None, ""
    figure, (axes,) = panelled(1, across=1, each=SIZE, head=0.0)
    added, most = "", MOST_POINTS // len(shown)
    for one, across, up, which in shown:
        rows = np.flatnonzero(which)
        if len(rows) > most:
            rows = np.sort(np.random.default_rng(SEED).choice(rows, most, replace=False))
            added = f"; a random draw of {most:,} requests of each target"
        bad = "ttft_s" in one.invalid
        axes.plot(
            across[rows], up[rows], one.shape, ms=3.2, alpha=0.65, color=one.colour, mew=0.6,
            mfc="white" if bad else one.colour, label=one.title + (" !" if bad else ""),
            rasterized=sum(int(which.sum()) for *_, which in shown) > MOST_SHAPES,
        )  # fmt: skip
    axes.set_yscale("log")
    _ticks(axes.yaxis, units.seconds)
    axes.set_ylabel("TTFT")
    _legend(figure, axes, len(series))
    return figure, added + _invalid([one for one, *_ in shown], "ttft_s")


def _values(one: TargetSeries, metric: str) -> Floats:
    return np.asarray(one.requests.column(metric))


def _invalid(series: Sequence[TargetSeries], metric: str) -> str:
    return f". {' '.join(MARKS['invalid'])}" if any(metric in one.invalid for one in series) else ""


# ---------------------------------------------------------------- trade-offs


class TradePoint(NamedTuple):
    """A target's accuracy and another number of it."""

    title: str
    across: Metric
    up: Metric

    @property
    def at(self) -> tuple[float, float]:
        """Return where it is."""
        return float(self.across.value or 0), float(self.up.value or 0)


def _trade(runs: Sequence[Requests], tables: Sequence[Table], metric: tuple[str, str]) -> _Made:
    """Draw accuracy against another number, a point for each target, and the front of those that none beats."""
    points = list(_weighed(runs, tables, metric))[:MOST_SERIES]
    if len(points) < 2:
        return None, ""
    figure, (axes,) = panelled(1, across=1, each=SIZE, head=0.0)
    for number, point in enumerate(points):
        x, y = point.at
        bad = any(Mark.INVALID in each.marks for each in (point.across, point.up))
        colour = COLOURS[number % len(COLOURS)]
        shape = SHAPES[(number + number // len(COLOURS)) % len(SHAPES)]
        axes.errorbar(
            [x], [y], _around(point.up), _around(point.across), fmt=shape, ms=6, capsize=3, color=colour,
            mfc="white" if bad else colour, label=point.title + (" !" if bad else ""),
        )  # fmt: skip
    front = sorted(point.at for point in points if not any(_beats(other, point) for other in points))
    axes.plot(*zip(*front, strict=True), "--", lw=1, color="#777777", label="Pareto front", zorder=1)
    axes.set_ylabel("accuracy")
    axes.yaxis.set_major_formatter(lambda value, _: units.fraction(value))
    axes.xaxis.set_major_locator(_few_ticks())
    dollars = metric[0] == "cost_usd"
    axes.set_xlabel("cost of the run" if dollars else "E2E p50")
    axes.xaxis.set_major_formatter(lambda value, _: units.reading(value, unit="usd" if dollars else "s"))
    _legend(figure, axes, len(points))
    bad = any(Mark.INVALID in each.marks for point in points for each in (point.across, point.up))
    added = f". {' '.join(MARKS['invalid'])}" if bad else ""
    return figure, f", with 95 % intervals; on the front is whatever no other one beats in both{added}"


def _weighed(runs: Sequence[Requests], tables: Sequence[Table], metric: tuple[str, str]) -> Iterator[TradePoint]:
    for run, table in zip(runs, tables, strict=True):
        for cell in _whole(table):
            up, across = cell.get("accuracy"), cell.get(*metric)
            if up and across and up.value is not None and across.value is not None and math.isfinite(across.value):
                many = f" ({words(run.run.folder.name, 24)})" if len(runs) > 1 else ""
                yield TradePoint(words(cell.target, 24) + many, across, up)


def _whole(table: Table) -> list[Cell]:
    """Return a cell for each target: of all tasks, or of the only one."""
    cells = {cell.target: cell for cell in table.cells if cell.task is not None}
    return list((cells | {cell.target: cell for cell in table.cells if cell.task is None}).values())


def _beats(other: TradePoint, point: TradePoint) -> bool:
    (x, y), (a, b) = point.at, other.at
    return a <= x and b >= y and (a, b) != (x, y)


def _around(metric: Metric) -> list[list[float]] | None:
    """Return the lengths of the whiskers of a value; none where there is no interval."""
    if metric.low is None or metric.high is None or not math.isfinite(metric.high):
        return None
    value = float(metric.value or 0)
    return [[max(0.0, value - metric.low)], [max(0.0, metric.high - value)]]


# ---------------------------------------------------------------- axes


def _ticks(axis: "Axis", reading: Callable[[float], str]) -> None:
    """Label a logarithmic axis with round numbers, evenly spaced ones where it spans less than a factor of five."""
    low, high = axis.get_view_interval()
    chosen = ticks(low, high) if high > 5 * low else list(_few_ticks().tick_values(low, high))
    chosen = [tick for tick in chosen if low <= tick <= high]
    if len(chosen) > MOST_TICKS:
        powers = [tick for tick in chosen if math.isclose(math.log10(tick) % 1, 0, abs_tol=PIXEL)]
        chosen = powers[:: math.ceil(len(powers) / MOST_TICKS)] if len(powers) > 1 else chosen[::2]
    axis.set_ticks(chosen, [reading(tick) for tick in chosen])
    axis.set_ticks([], minor=True)


def _few_ticks() -> "MaxNLocator":
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=5)


def _legend(figure: "Figure", axes: "Axes", count: int) -> None:
    """Name the lines below the picture, where there is more than one."""
    if count > 1:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=2, fontsize=7)
