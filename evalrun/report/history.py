"""The page of a history: trends, the runs of each series, what changed, runs without numbers.

A series is one task asked of one target, run after run. Its trend is a line of bars, oldest first.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import chain

from evalrun import units
from evalrun.history import Change, History, PastRun, RunPoint, Series
from evalrun.report import quantity
from evalrun.report.page import Block, BlockRow, Page, Quantity, Text, Verbatim, joined, name, sections

COLUMNS = ("suite", "run", "created", "state", "task", "target", "changes")

BARS = "▁▂▃▄▅▆▇█"
TREND = 24  # runs in a line of bars
MOST_CHANGES = 20  # lines on what changed
BRIEF_CHANGES = 6  # of them in one screen
TREND_NOTE = (
    f"trend: up to {TREND} runs, oldest first; from 0, or across the intervals where there are some; "
    "/ something changed, do not compare across it; ^ infinite; . unknown"
)

_Found = tuple[Series, Sequence[Sequence[Quantity | None]]]
"""A series, and for each of its points a number for each of `History.metrics`."""


def history_page(history: History) -> Page:
    """Return the page of a history."""
    found = [(series, [_numbers(history, series, point) for point in series.points]) for series in history.series]
    numbers = [each for _, points in found for each in chain.from_iterable(points) if each]
    blocks = list(_blocks(history, found))
    lost = [run for run in history.runs if run.state != "ok"]
    without = [  # rows for machines, which must see these runs too
        Quantity(name="", value=None, where=(*_where(history, run), "", "", ""), alerts=(run.why,)) for run in lost
    ]
    return Page(
        title=_title(history),
        alerts=tuple(map(Verbatim, history.alerts)),
        blocks=blocks,
        sections=sections(
            ("Changes and warnings", _changed(history)),
            ("Runs without numbers", ((name(run.name), f": {run.state}: ", Verbatim(run.why)) for run in lost)),
        ),
        notes=(*([TREND_NOTE] if found else []), *quantity.explained(numbers, blocks), *map(Verbatim, history.notes)),
        columns=COLUMNS,
        quantities=[*without, *numbers],
        data=history,
        brief=_brief(history, blocks, lost),
    )


def _brief(history: History, blocks: Sequence[Block], lost: Sequence[PastRun]) -> Page:
    """Return the trends and the latest changes: what fits on one screen."""
    changes = list(_changed(history))
    more = [f"and {len(changes) - BRIEF_CHANGES:,} more; --full has all"] if len(changes) > BRIEF_CHANGES else []
    said = f"{len(lost):,} runs have no numbers; " if lost else ""
    return Page(
        title=_title(history),
        alerts=tuple(map(Verbatim, history.alerts)),
        blocks=blocks[:1],
        sections=sections(("Changes and warnings", [*changes[:BRIEF_CHANGES], *more])),
        notes=(f"{said}--full has the numbers of each run", *map(Verbatim, history.notes)),
    )


def _numbers(history: History, series: Series, point: RunPoint) -> list[Quantity | None]:
    changes = "; ".join(f"{one.of} {one.old} -> {one.new}" if one.of else one.part for one in point.changes)
    where = (*_where(history, point.run), series.task or "", series.target, changes)
    alerts = tuple(filter(None, (point.warning, *point.alerts)))
    return [quantity.of_metric(metric, where, alerts=alerts) if metric else None for metric in point.metrics]


def _where(history: History, run: PastRun) -> tuple[str, str, str, str]:
    created = run.created.isoformat(timespec="seconds") if run.created else ""
    return (history.suite, run.name, created, run.state)


def _blocks(history: History, found: Sequence[_Found]) -> Iterator[Block]:
    """Return the table of trends, then one for each series with a row for each run."""
    rows = [row for series, points in found for row in _trends(history, series, points)]
    if rows:
        yield Block("trends", ("runs", "first", "latest", "trend"), rows)
    heads = [quantity.label(wanted.name, wanted.of) for wanted in history.metrics]
    for series, points in found:
        runs = [
            BlockRow(name(point.run.name), [*(each or units.UNKNOWN for each in numbers), _parts(point)])
            for point, numbers in zip(series.points, points, strict=True)
        ]
        yield Block(_named(series), (*heads, "changed"), runs)


def _trends(history: History, series: Series, points: Sequence[Sequence[Quantity | None]]) -> Iterator[BlockRow]:
    for place, wanted in enumerate(history.metrics):
        known = [each for numbers in points if (each := numbers[place]) and each.value is not None]
        if known:
            bars = trend(series.points, place, name=wanted.name)
            values = (units.count(len(known)), known[0], known[-1], bars)
            shown = (_named(series), ": ", quantity.label(wanted.name, wanted.of))
            yield BlockRow(shown, values, f"{series.task} {series.target}")


def _parts(point: RunPoint) -> str:
    parts = dict.fromkeys("versions" if change.part == "version" else change.part for change in point.changes)
    return ", ".join([*parts, *(["see below"] if point.alerts else [])])


def trend(points: Sequence[RunPoint], place: int, *, name: str) -> str:
    """Return one metric of the last runs as bars. A steady value is a steady line: noise fills its interval.

    place: its number in the points; name: its own.
    """
    points = points[-TREND:]
    metrics = [point.metrics[place] for point in points]
    known = [each for each in metrics if each is not None]
    values = [float(each.value) for each in known if each.value is not None and math.isfinite(each.value)]
    lows = [each.low for each in known if each.low is not None]
    low = min([*lows, *values] if lows else [0.0, *values])
    high = max([*(each.high for each in known if each.high is not None), *values], default=0.0)
    bars = []
    for position, (point, metric) in enumerate(zip(points, metrics, strict=True)):
        bars.append("/" if point.breaks(name) and position else "")
        if metric is None or metric.value is None:
            bars.append(".")
        elif math.isinf(metric.value):
            bars.append("^")
        else:
            share = (float(metric.value) - low) / (high - low) if high > low else 0.0
            bars.append(BARS[min(len(BARS) - 1, int(share * len(BARS)))])
    return "".join(bars)


def _title(history: History) -> Text:
    """Return which suite, how many runs, from when to when."""
    days = list(dict.fromkeys(f"{run.created:%Y-%m-%d}" for run in history.runs if run.created))
    span = f", {' to '.join((days[0], *days[1:][-1:]))}" if days else ""
    earlier = f"; {history.earlier:,} earlier ones not shown" if history.earlier else ""
    runs = "1 run" if len(history.runs) == 1 else f"{len(history.runs):,} runs"
    return ("history of suite ", Verbatim(history.suite), f": {runs}{span}{earlier}")


def _named(series: Series) -> Text:
    return (name(series.task), ", ", name(series.target))


def _changed(history: History) -> Iterator[Text]:
    """Return a line for each run at which something changed or about which something must be said, newest first."""
    found: dict[str, dict[Text, list[Text]]] = {}
    for series in history.series:
        for point in series.points:
            for said in (*_said(point.changes), *map(Verbatim, point.alerts)):
                found.setdefault(point.run.name, {}).setdefault(said, []).append(_named(series))
    names = [run.name for run in reversed(history.runs) if run.name in found]
    for run in names[:MOST_CHANGES]:
        for said, where in found[run].items():
            everywhere = len(where) == len(history.series)
            yield (name(run), ": ", said, () if everywhere else (" (", joined("; ", where), ")"))
    if len(names) > MOST_CHANGES:
        yield f"and at {len(names) - MOST_CHANGES:,} earlier runs"


def _said(changes: Sequence[Change]) -> Iterator[Text]:
    told = ("prices", "slo", "load", "429s", "version")  # with what it was and is; the others are hashes
    parts = [change.part for change in changes if change.part not in told]
    if parts:
        yield f"{', '.join(parts)} changed: do not compare with earlier runs"
    for change in changes:
        if change.part in told:
            what = Verbatim(change.of) if change.of else change.part
            alone = ": do not compare latency and rates with earlier runs" if change.part == "load" else ""
            yield (what, " ", Verbatim(change.old or "none"), " -> ", Verbatim(change.new or "none"), alone)
