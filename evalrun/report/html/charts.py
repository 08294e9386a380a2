"""Pictures of runs as SVG, each with its caption and its words for those who cannot see it. Computes no statistics.

The same requests give the same bytes. A picture that would be empty is left out. Many points are drawn as a seeded
sample of them, and the caption says so.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evalrun import units
from evalrun.explain import DEFINITIONS
from evalrun.report.page import ALL_TASKS
from evalrun.report.picture import COLOURS, SHAPES, drawn, panelled, words
from evalrun.requests import Requests
from evalrun.stats.interval import Floats
from evalrun.table import tabulate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LATENCIES = ("ttft_s", "tpot_s", "e2e_s")
MOST_POINTS = 2_000
SEED = 7


class TargetSeries(NamedTuple):
    """The requests of one target in one run, under its name. number: decides its colour and shape."""

    number: int
    title: str
    requests: Requests


def pictures(runs: Sequence[Requests]) -> Iterator[tuple[str, bytes, str]]:
    """Yield each picture with its caption before it and its description after it."""
    series = _series(runs)
    makers: list[tuple[str, Callable[[], Figure | None]]] = [
        ("Distribution of latencies: the share of answers that came within a time", partial(_ecdf, series)),
        ("Time to first token over the run: does the endpoint drift?", partial(_over_time, series)),
        ("Time to first token against prompt tokens, as the server counted them", partial(_against_prompt, series)),
        ("Accuracy against cost, with 95 % intervals", partial(_trade, runs, "cost_usd")),
        ("Accuracy against median time of an answer, with 95 % intervals", partial(_trade, runs, "e2e_s")),
    ]
    for caption, make in makers:
        if (picture := drawn(make)) is not None:
            yield caption, picture, f"{caption}; the numbers are in the tables"


def _series(runs: Sequence[Requests]) -> list[TargetSeries]:
    found: list[TargetSeries] = []
    for run in runs:
        for target in run.targets:
            title = words(target) + (f" ({run.run.folder.name})" if len(runs) > 1 else "")
            found.append(TargetSeries(len(found), title, run.of(None, target)))
    return found


def _ecdf(series: Sequence[TargetSeries]) -> "Figure | None":
    """Draw the share of requests within a time; requests that failed never get to 1."""
    known = [each for each in LATENCIES if any(np.isfinite(_values(one, each)).any() for one in series)]
    if not known:
        return None
    figure, each = panelled(len(known), across=3, each=(3.6, 2.8), head=0.0)
    for axes, metric in zip(each, known, strict=True):
        for one in series:
            values = _values(one, metric)
            finite = np.sort(values[np.isfinite(values)])
            if len(finite):
                total = (
                    len(finite) if metric == "tpot_s" else int((one.requests.answered | one.requests.unanswered).sum())
                )
                share = np.arange(1, len(finite) + 1) / max(total, len(finite))
                steps = np.unique(np.linspace(0, len(finite) - 1, min(len(finite), 500)).astype(int))
                axes.step(finite[steps], share[steps], where="post", color=_colour(one), label=one.title)
        _time_axis(axes, DEFINITIONS[metric].label)
        axes.set_ylim(0, 1.02)
        axes.set_ylabel("share of requests")
    _legend(each[0], series)
    return figure


def _over_time(series: Sequence[TargetSeries]) -> "Figure | None":
    if not any(np.isfinite(_values(one, "ttft_s")).sum() > 1 for one in series):
        return None
    figure, (axes,) = panelled(1, across=1, each=(9.0, 3.2), head=0.0)
    for one in series:
        for_each = _some(one.requests.sent_s, _values(one, "ttft_s"))
        axes.plot(*for_each, SHAPES[one.number % len(SHAPES)], ms=3, alpha=0.6, color=_colour(one), label=one.title)
    axes.set_yscale("log")
    _time_ticks(axes.yaxis)
    axes.set_ylabel("time to first token")
    axes.set_xlabel("seconds since the session began")
    _legend(axes, series)
    return figure


def _against_prompt(series: Sequence[TargetSeries]) -> "Figure | None":
    sizes = np.concatenate([one.requests.prompt_tokens for one in series]) if series else np.array([])
    sizes = sizes[np.isfinite(sizes)]
    if len(sizes) < 2 or sizes.max() < 2 * sizes.min():
        return None
    figure, (axes,) = panelled(1, across=1, each=(9.0, 3.2), head=0.0)
    for one in series:
        for_each = _some(one.requests.prompt_tokens, _values(one, "ttft_s"))
        axes.plot(*for_each, SHAPES[one.number % len(SHAPES)], ms=3, alpha=0.6, color=_colour(one), label=one.title)
    axes.set_xscale("log")
    axes.set_yscale("log")
    _time_ticks(axes.yaxis)
    axes.set_ylabel("time to first token")
    axes.set_xlabel("prompt tokens")
    _legend(axes, series)
    return figure


def _trade(runs: Sequence[Requests], metric: str) -> "Figure | None":
    """Draw accuracy against another number, a point for each target, and the front of those that none beats."""
    points = []
    for run in runs:
        table = tabulate(run)
        for cell in table.cells:
            accuracy, other = cell.get("accuracy"), cell.get(metric, "" if metric == "cost_usd" else "p50")
            if accuracy and other and accuracy.value is not None and other.value is not None:
                many = f" ({run.run.folder.name})" if len(runs) > 1 else ""
                title = f"{words(cell.task or ALL_TASKS, 30)}, {words(cell.target)}{many}"
                points.append((float(other.value), accuracy, title, cell.task))
    if len({task for *_, task in points}) == len(points):  # one target: nothing to weigh
        return None
    figure, (axes,) = panelled(1, across=1, each=(9.0, 3.6), head=0.0)
    for number, (across, accuracy, title, _) in enumerate(points):
        value = float(accuracy.value or 0)
        low, high = (
            accuracy.low if accuracy.low is not None else value,
            accuracy.high if accuracy.high is not None else value,
        )
        axes.errorbar(
            [across], [value], [[value - low], [high - value]], fmt=SHAPES[number % len(SHAPES)], ms=6, capsize=3,
            color=COLOURS[number % len(COLOURS)], label=title,
        )  # fmt: skip
    for task in dict.fromkeys(task for *_, task in points):
        mine = sorted((across, float(accuracy.value or 0)) for across, accuracy, _, of in points if of == task)
        front = [(x, y) for x, y in mine if not any(a <= x and b >= y and (a, b) != (x, y) for a, b in mine)]
        axes.plot(*zip(*front, strict=True), "--", lw=1, color="#777777")
    axes.set_ylabel("accuracy")
    axes.set_xlabel("cost (US dollars)" if metric == "cost_usd" else "median time of an answer")
    if metric == "e2e_s":
        _time_ticks(axes.xaxis)
    axes.legend(fontsize=7, loc="best")
    return figure


def _values(one: TargetSeries, metric: str) -> Floats:
    return np.asarray(one.requests.column(metric))


def _some(across: Floats, up: Floats) -> tuple[Floats, Floats]:
    """Return the points of which both numbers are known, or a seeded sample of many."""
    known = np.flatnonzero(np.isfinite(across) & np.isfinite(up) & (up > 0))
    if len(known) > MOST_POINTS:
        known = np.sort(np.random.default_rng(SEED).choice(known, MOST_POINTS, replace=False))
    return across[known], up[known]


def _colour(one: TargetSeries) -> str:
    return COLOURS[one.number % len(COLOURS)]


def _time_axis(axes: "Axes", title: str) -> None:
    axes.set_xscale("log")
    _time_ticks(axes.xaxis)
    axes.set_xlabel(title)


def _time_ticks(axis: "object") -> None:
    axis.set_major_formatter(lambda value, _: units.seconds(value))  # type: ignore[attr-defined]
    axis.set_minor_formatter(lambda *_: "")  # type: ignore[attr-defined]


def _legend(axes: "Axes", series: Sequence[TargetSeries]) -> None:
    if len(series) > 1:
        axes.legend(fontsize=7, loc="best")
