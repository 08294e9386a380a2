"""A history as a picture: a panel for each metric and task, a line for each target, time from left to right.

Lines break where data, prompt, sampling, scorers or target changed. Computes nothing; needs matplotlib.
"""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from evalrun import units
from evalrun.explain import DEFINITIONS
from evalrun.history import Change, History, Point, Series
from evalrun.report import lines
from evalrun.report.picture import COLOURS, SHAPES, files, style, words
from evalrun.table import Mark

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DRAWN = ("accuracy", "ttft_s", "cost_usd")  # of several metrics; one alone is always drawn
MOST_TASKS = 4  # side by side
MANY = 200  # points of a line from which on only the dots are drawn: lines between nights would fill the panel
NEAR = 0.02  # of the axis: labels of changes nearer than this become one
PANEL, LETTER = 2.0, 0.052  # inches: the height of a panel, and of a letter above the panels that says what changed
MOST_SAID = 22  # letters
CAPTION = (
    "whiskers or band: 95 % interval (axes without them begin at 0); solid line: something changed, do not compare "
    "across it;\ndotted: a version or price list; hollow: see the warnings; triangle: infinite"
)


class Moment(NamedTuple):
    """An instant at which something changed, for at least one target."""

    at: float
    said: str
    breaks: bool


def pictures(history: History, name: str = "history") -> dict[str, bytes]:
    """Return `name.png` and `name.svg`; nothing where there is no number to draw."""
    with style():
        figure = _figure(history)
        return files(name, figure) if figure else {}


def _figure(history: History) -> "Figure | None":
    from matplotlib.figure import Figure

    alone = len(history.metrics) == 1
    places = [place for place, wanted in enumerate(history.metrics) if alone or wanted.name in DRAWN]
    rows = [place for place in places if any(_known(history.series, place))]
    tasks = list(dict.fromkeys(series.task for series in history.series))
    if not rows:
        return None
    targets = list(dict.fromkeys(series.target for series in history.series))
    columns = tasks[:MOST_TASKS]
    moments = {task: _moments([series for series in history.series if series.task == task]) for task in columns}
    longest = max((len(moment.said) for each in moments.values() for moment in each), default=0)
    heights = [0.05 + LETTER * longest, *[PANEL] * len(rows)]
    size = (max(9.0, 4.8 * len(columns)), 1.5 + sum(heights) + 0.2 * len(targets))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(1 + len(rows), len(columns), sharex=True, squeeze=False, height_ratios=heights)
    handles: dict[str, Any] = {}  # by target
    for column, task in enumerate(columns):
        mine = [series for series in history.series if series.task == task]
        for axes, place in zip(grid[1:, column], rows, strict=True):
            _panel(axes, history, mine, place, targets, handles=handles)
            if column == 0:
                axes.set_ylabel(lines.label(*history.metrics[place], lambda text: words(text, 16)))
        _mark(list(grid[:, column]), moments[task])
        grid[0][column].set_title(lines.ALL_TASKS if task is None else words(task))
    left_out = f"; {len(tasks) - len(columns)} more tasks not drawn" if len(tasks) > len(columns) else ""
    figure.suptitle(f"Suite {words(history.suite)}: {len(history.runs):,} runs{left_out}", x=0.01, ha="left")
    legend = [(handles[target], words(target)) for target in targets if target in handles]
    figure.legend(
        *zip(*legend, strict=True), loc="outside lower left", ncols=min(4, len(legend)), title=CAPTION,
        title_fontsize=7.5, alignment="left",
    )  # fmt: skip
    return figure


def _known(series: Sequence[Series], place: int) -> Iterator[bool]:
    for point in (point for one in series for point in one.points):
        metric = point.metrics[place]
        yield metric is not None and metric.value is not None and math.isfinite(metric.value)


# ---------------------------------------------------------------- lines


def _panel(
    axes: "Axes",
    history: History,
    mine: Sequence[Series],
    place: int,
    targets: Sequence[str],
    *,
    handles: dict[str, Any],
) -> None:
    for series in mine:
        number = targets.index(series.target)
        colour, shape = COLOURS[number % len(COLOURS)], SHAPES[number % len(SHAPES)]
        handles[series.target] = _line(axes, series.points, place, colour=colour, shape=shape)
    wanted = history.metrics[place]
    metrics = [metric for one in mine for point in one.points if (metric := point.metrics[place])]
    if not any(metric.low is not None for metric in metrics):
        finite = [float(m.value) for m in metrics if m.value is not None and math.isfinite(m.value)]
        axes.set_ylim(0, 1.1 * max(finite, default=0) or 1)
    _number_axis(axes, DEFINITIONS[wanted.name].unit)
    _time_axis(axes)


def _line(axes: "Axes", points: Sequence[Point], place: int, *, colour: str, shape: str) -> Any:
    """Draw one metric of one series: whiskers, the line with its gaps, and the points."""
    size, thick = (5.0, 1.2) if len(points) <= MANY / 4 else (3.0, 0.8) if len(points) <= MANY else (2.0, 0.0)
    x: list[float] = []
    y: list[float] = []
    hollow = []
    for point in points:
        metric, at = point.metrics[place], _at(point)
        value = math.nan if metric is None or metric.value is None else float(metric.value)
        if point.breaks and x:
            x.append(at)
            y.append(math.nan)
        if math.isinf(value):
            axes.plot([at], [0.97], marker="^", color=colour, markersize=6, transform=axes.get_xaxis_transform())
            value = math.nan
        x.append(at)
        y.append(value)
        if metric and (point.alerts or Mark.INVALID in metric.marks):
            hollow.append((at, value))
    spans = [(_at(p), m.low, m.high) for p in points if (m := p.metrics[place]) and None not in (m.low, m.high)]
    if spans and thick:
        axes.vlines(*zip(*spans, strict=True), color=colour, alpha=0.4, linewidth=thick)
    elif spans:
        days, lows, highs = zip(*spans, strict=True)
        axes.fill_between(days, lows, highs, color=colour, alpha=0.2, linewidth=0)
    (handle,) = axes.plot(x, y, color=colour, marker=shape, markersize=size, linewidth=thick, zorder=3)
    if hollow:
        axes.plot(
            *zip(*hollow, strict=True), linestyle="", marker=shape, markersize=size, markerfacecolor="white",
            markeredgecolor=colour, zorder=4,
        )  # fmt: skip
    return handle


# ---------------------------------------------------------------- changes


def _moments(mine: Sequence[Series]) -> list[Moment]:
    """Return the instants of changes, over all targets, in order."""
    found: dict[float, dict[str, bool]] = {}
    for series in mine:
        for point in series.points:
            for change in point.changes:
                found.setdefault(_at(point), {})[_said(change)] = change.breaks
    return [Moment(at, _short(", ".join(said)), any(said.values())) for at, said in sorted(found.items())]


def _short(said: str) -> str:
    return said if len(said) <= MOST_SAID else said[: MOST_SAID - 2] + ".."


def _said(change: Change) -> str:
    return words(f"{change.of} {change.new}", 24) if change.of else change.part


def _mark(column: "Sequence[Axes]", moments: Sequence[Moment]) -> None:
    """Draw a line at each change through the panels of a column; above them, say what it was where there is room."""
    above, *panels = column
    above.axis("off")
    above.set_ylim(0, 1)
    left, right = panels[0].get_xlim()
    last = -math.inf
    for moment in moments:
        for axes in panels:
            axes.axvline(moment.at, color="#777777", linewidth=0.9, linestyle="-" if moment.breaks else ":", zorder=1)
        if moment.at - last > NEAR * (right - left):
            above.text(moment.at, 0, moment.said, rotation=90, size=7, color="#555555", ha="center", va="bottom")
            last = moment.at


# ---------------------------------------------------------------- axes


def _at(point: Point) -> float:
    """Return the place of a point on the axis of time: days since 1970, as matplotlib counts them."""
    return point.run.created.timestamp() / 86_400 if point.run.created else math.nan


def _number_axis(axes: "Axes", unit: str) -> None:
    """Write the numbers of an axis as tables write them, with as many digits as its steps need."""
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=unit in ("count", "tokens")))
    low, high = axes.get_ylim()
    if unit == "fraction":
        axes.set_ylim(max(low, -0.02), min(high, 1.02))

    def shown(value: float, place: float) -> str:
        del place
        if unit == "fraction":
            return units.fraction(value, 1 if high - low < 0.05 else 0)
        if unit == "s":
            return units.seconds(round(value, 12))
        if unit == "usd":
            return f"${value:.9f}".rstrip("0").rstrip(".")
        return f"{value:g}"

    axes.yaxis.set_major_formatter(shown)


def _time_axis(axes: "Axes") -> None:
    from matplotlib import dates

    axes.xaxis.axis_date("UTC")
    locator = dates.AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
