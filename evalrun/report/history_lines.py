"""What a person reads of a history, before it is laid out: trends, the runs of each series, what changed. No layout.

A series is one task asked of one target, run after run. Its trend is a line of bars, oldest first.
"""

import math
from collections.abc import Iterator, Sequence

from evalrun import units
from evalrun.explain import DEFINITIONS, MARKS
from evalrun.history import Change, History, Point, Series
from evalrun.report import lines
from evalrun.report.lines import Block, Encode, Row
from evalrun.table import Metric

BARS = "▁▂▃▄▅▆▇█"
TREND = 24  # runs in a line of bars
MOST_CHANGES = 20  # lines on what changed
TREND_NOTE = (
    f"trend: up to {TREND} runs, oldest first; from 0, or across the intervals where there are some; "
    "/ something changed, do not compare across it; ^ infinite; . unknown"
)


# ---------------------------------------------------------------- tables


def blocks(history: History, encode: Encode) -> Iterator[Block]:
    """Return the table of trends, then one for each series with a row for each run."""
    rows = tuple(row for series in history.series for row in _trends(history, series, encode))
    if rows:
        yield Block("trends", ("runs", "first", "latest", "trend"), rows)
    heads = tuple(lines.label(wanted.name, wanted.of, encode) for wanted in history.metrics)
    for series in history.series:
        runs = tuple(_run(point, encode) for point in series.points)
        yield Block(title(series, encode), (*heads, "changed"), runs)


def _trends(history: History, series: Series, encode: Encode) -> Iterator[Row]:
    for place, wanted in enumerate(history.metrics):
        metrics = [point.metrics[place] for point in series.points]
        known = [metric for metric in metrics if metric is not None and metric.value is not None]
        if known:
            label = f"{title(series, encode)}: {lines.label(wanted.name, wanted.of, encode)}"
            values = (units.count(len(known)), shown(known[0]), shown(known[-1]), trend(series.points, place))
            yield Row(wanted.name, title(series, encode), label, values)


def _run(point: Point, encode: Encode) -> Row:
    values = tuple(map(shown, point.metrics))
    return Row("", "", lines.name(point.run.name, encode), (*values, _changed(point)))


def _changed(point: Point) -> str:
    parts = dict.fromkeys("versions" if change.part == "version" else change.part for change in point.changes)
    return ", ".join([*parts, *(["see below"] if point.alerts else [])])


def title(series: Series, encode: Encode) -> str:
    """Return a series its name."""
    task = lines.ALL_TASKS if series.task is None else lines.name(series.task, encode)
    return f"{task}, {lines.name(series.target, encode)}"


def shown(metric: Metric | None) -> str:
    """Return a metric as a person reads it, with its interval and marks."""
    if metric is None:
        return units.UNKNOWN
    return lines.formatted(metric) + "".join(MARKS[mark][0] for mark in metric.marks)


def trend(points: Sequence[Point], place: int) -> str:
    """Return one metric of the last runs as bars.

    A steady value is a steady line: noise fills its interval, not more.
    """
    points = points[-TREND:]
    metrics = [point.metrics[place] for point in points]
    low, high = _span([metric for metric in metrics if metric is not None])
    bars = []
    for number, (point, metric) in enumerate(zip(points, metrics, strict=True)):
        bars.append("/" if point.breaks and number else "")
        if metric is None or metric.value is None:
            bars.append(".")
        elif math.isinf(metric.value):
            bars.append("^")
        else:
            share = (float(metric.value) - low) / (high - low) if high > low else 0.0
            bars.append(BARS[min(len(BARS) - 1, int(share * len(BARS)))])
    return "".join(bars)


def _span(metrics: Sequence[Metric]) -> tuple[float, float]:
    """Return what the lowest and the highest bar stand for."""
    values = [float(m.value) for m in metrics if m.value is not None and math.isfinite(m.value)]
    lows = [metric.low for metric in metrics if metric.low is not None]
    highs = [metric.high for metric in metrics if metric.high is not None]
    return min([*lows, *values] if lows else [0.0, *values]), max([*highs, *values], default=0.0)


# ---------------------------------------------------------------- around the tables


def heading(history: History, encode: Encode) -> str:
    """Return the first line: which suite, how many runs, from when to when."""
    days = list(dict.fromkeys(f"{run.created:%Y-%m-%d}" for run in history.runs if run.created))
    span = f", {' to '.join((days[0], *days[1:][-1:]))}" if days else ""
    earlier = f"; {history.earlier:,} earlier ones not shown" if history.earlier else ""
    runs = "1 run" if len(history.runs) == 1 else f"{len(history.runs):,} runs"
    return f"history of suite {encode(history.suite)}: {runs}{span}{earlier}"


def without_numbers(history: History, encode: Encode) -> Iterator[str]:
    """Return a line for each run that has no table."""
    for run in history.runs:
        if run.state != "ok":
            yield f"{lines.name(run.name, encode)}: {run.state}: {encode(run.why)}"


def changed(history: History, encode: Encode) -> Iterator[str]:
    """Return a line for each run at which something changed or about which something must be said, newest first."""
    found: dict[str, dict[str, list[str]]] = {}
    for series in history.series:
        for point in series.points:
            for said in (*_said(point.changes, encode), *map(encode, point.alerts)):
                found.setdefault(point.run.name, {}).setdefault(said, []).append(title(series, encode))
    names = [run.name for run in reversed(history.runs) if run.name in found]
    for name in names[:MOST_CHANGES]:
        for said, where in found[name].items():
            everywhere = len(where) == len(history.series)
            yield f"{lines.name(name, encode)}: {said}" + ("" if everywhere else f" ({'; '.join(where)})")
    if len(names) > MOST_CHANGES:
        yield f"and at {len(names) - MOST_CHANGES:,} earlier runs"


def _said(changes: Sequence[Change], encode: Encode) -> Iterator[str]:
    parts = [change.part for change in changes if change.breaks]
    if parts:
        yield f"{', '.join(parts)} changed: do not compare with runs before it"
    for change in changes:
        if not change.breaks:
            yield f"{encode(change.of) or change.part} {encode(change.old) or 'none'} -> {encode(change.new) or 'none'}"


def footnotes(history: History, encode: Encode) -> Iterator[str]:
    """Return the marks that occur and what the numbers mean."""
    if any(series.points for series in history.series):
        yield TREND_NOTE
    metrics = (m for series in history.series for point in series.points for m in point.metrics if m)
    marks = {mark for metric in metrics for mark in metric.marks}
    yield from (f"{encode(symbol)} {text}".lstrip() for mark, (symbol, text) in MARKS.items() if mark in marks)
    names = dict.fromkeys(wanted.name for wanted in history.metrics)
    yield from (f"{DEFINITIONS[name].label}: {DEFINITIONS[name].brief}" for name in names if name in lines.FOOTNOTED)
    yield from map(encode, history.notes)
