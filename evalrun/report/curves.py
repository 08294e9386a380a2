"""The curves of ladders and histories: as points, for those who draw them, and ladders in plain characters."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from evalrun import units
from evalrun.escape import tty
from evalrun.history import RunPoint, Series
from evalrun.ladder import Ladder, Rung
from evalrun.report.ladder import LabelledLadder
from evalrun.report.page import encoded, name
from evalrun.report.quantity import of_metric
from evalrun.report.text import wrapped
from evalrun.table import Mark, Metric


class Dot(NamedTuple):
    """A value at a place of the x axis, and the span around it; NaN is unknown. hollow: there is a warning about it."""

    at: float
    value: float
    low: float = math.nan
    high: float = math.nan
    hollow: bool = False


class Curve(NamedTuple):
    """The dots of a line, which breaks where a value is NaN.

    name: whose line it is, as somebody else chose it. more: what is said behind the name.
    place: chooses colour, shape and letter.
    """

    name: str
    place: int
    dots: Sequence[Dot]
    look: Literal["solid", "dashed", "dotted"] = "solid"
    more: str = ""


class Moment(NamedTuple):
    """An instant at which something changed, for one target at least; `breaks` where numbers cannot be compared."""

    at: float
    said: str
    breaks: bool


def dot(at: float, metric: Metric | None, *, hollow: bool = False) -> Dot:
    """Return a metric at a place of the x axis."""
    known = (metric.value, metric.low, metric.high) if metric else (None, None, None)
    value, low, high = (math.nan if each is None else float(each) for each in known)
    return Dot(at, value, low, high, hollow)


# ---------------------------------------------------------------- ladders


def ttft(ladders: Sequence[LabelledLadder]) -> list[Curve]:
    """Return TTFT against size: of each ladder cold (solid), warm (dashed) and the fit of cold (dotted)."""
    found = []
    for place, (label, ladder) in enumerate(ladders):
        exponent = ladder.get("ttft_exponent")
        known = exponent is not None and exponent.value is not None
        cold = ", cold" + (f": exponent {of_metric(exponent, ()).shown}" if exponent and known else "")
        found.append(Curve(label, place, latency(ladder, "cold"), more=cold))
        found.append(Curve(label, place, latency(ladder, "warm"), "dashed", more=", warm"))
        found.append(Curve(label, place, fitted(ladder), "dotted"))
    return [curve for curve in found if curve.dots]


def latency(ladder: Ladder, which: str) -> list[Dot]:
    """Return TTFT p50 at each size with the span from p5 to p95, of cold or warm requests.

    Sizes where it failed are left out. Without an end of the span it is the value.
    """
    found = []
    for rung in ladder.rungs:
        low, middle, high = (dot(_tokens(rung), rung.get("ttft_s", f"{p} {which}")).value for p in ("p5", "p50", "p95"))
        if math.isfinite(middle) and middle > 0:  # the axis is logarithmic
            low, high = (middle if math.isnan(end) else end for end in (low, high))
            found.append(Dot(_tokens(rung), middle, low, high))
    return found


def fitted(ladder: Ladder, steps: int = 400) -> list[Dot]:
    """Return the fitted curve from the first to the last of the cold sizes; nothing where there is no fit."""
    dots = latency(ladder, "cold")
    a, b, c = (dot(0, ladder.get(each)).value for each in ("ttft_base_s", "ttft_linear", "ttft_quadratic"))
    if len(dots) < 2 or math.isnan(a + b + c):
        return []
    growth = dots[-1].at / dots[0].at
    sizes = [dots[0].at * growth ** (step / (steps - 1)) for step in range(steps)]
    return [Dot(size, a + b * size + c * size * size) for size in sizes]


def accuracy(ladders: Sequence[LabelledLadder], family: str) -> list[Curve]:
    """Return accuracy against size with its interval; no family is all of them. Sizes without a score are left out."""
    found = []
    for place, (label, ladder) in enumerate(ladders):
        dots = (dot(_tokens(rung), rung.get("accuracy", family)) for rung in ladder.rungs)
        found.append(Curve(label, place, [each for each in dots if not math.isnan(each.value)]))
    return [curve for curve in found if curve.dots]


def _tokens(rung: Rung) -> float:
    """Return a rung's place on the axis of sizes: as the server counted, or as asked where it does not count."""
    counted = dot(0, rung.get("counted_tokens")).value
    return float(rung.size) if math.isnan(counted) else counted


def sizes(ladders: Sequence[LabelledLadder]) -> list[int]:
    """Return all asked sizes, ascending: where the axis of sizes has its ticks."""
    return sorted({rung.size for _, ladder in ladders for rung in ladder.rungs})


def spaced(asked: Sequence[int]) -> list[int]:
    """Return the sizes that get a tick: those that would touch the one before are left out."""
    chosen: list[int] = []
    least = (asked[-1] / asked[0]) ** (1 / 9) if len(asked) > 1 else 1
    for size in asked:
        if not chosen or size >= chosen[-1] * least:
            chosen.append(size)
    return chosen


# ---------------------------------------------------------------- histories


def over_time(whose: str, place: int, points: Sequence[RunPoint], metric: int, *, name: str) -> Curve:
    """Return a metric of a series against time in days since 1970; it breaks where runs cannot be compared.

    metric: its number in the points; name: its own.
    """
    dots: list[Dot] = []
    for point in points:
        found = point.metrics[metric]
        if point.breaks(name) and dots:
            dots.append(Dot(_day(point), math.nan))
        warned = found is not None and bool(point.alerts or Mark.INVALID in found.marks)
        dots.append(dot(_day(point), found, hollow=warned))
    return Curve(whose, place, dots)


def changes(mine: Sequence[Series]) -> list[Moment]:
    """Return the instants at which something changed, over all targets, in order."""
    found: dict[float, dict[str, bool]] = {}
    for point in (point for series in mine for point in series.points if point.changes):
        said = {f"{one.of} {one.new}" if one.of else one.part: one.breaks() for one in point.changes}
        found.setdefault(_day(point), {}).update(said)
    return [Moment(at, ", ".join(said), any(said.values())) for at, said in sorted(found.items())]


def _day(point: RunPoint) -> float:
    return point.run.created.timestamp() / 86_400 if point.run.created else math.nan


# ---------------------------------------------------------------- axes


def ticks(low: float, high: float) -> list[float]:
    """Return the round numbers 1, 2, 5, 10... (only powers of ten over more than three of them) from low to high."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1,) if last - first > 4 else (1, 2, 5)
    found = (step * 10.0**power for power in range(first, last + 1) for step in steps)
    return [tick for tick in found if low <= tick <= high]


def roomy(low: float, high: float) -> tuple[float, float]:
    """Return the ends of a logarithmic axis: a factor of 6.25 at least, so that two ticks are in it."""
    middle = math.sqrt(low * high)
    return min(low, middle / 2.5), max(high, middle * 2.5)


def short(size: int) -> str:
    """Return a size for an axis: 4K is 4,096; what is not a multiple of 1,024 stays a number."""
    return f"{size // 1024}K" if size % 1024 == 0 else f"{size:,}"


# ---------------------------------------------------------------- plain characters

NARROWEST = 40
HEIGHT = 16
MARGIN = 9  # columns for the numbers of the y axis
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SEVERAL = "*"


def text_plot(ladders: Sequence[LabelledLadder], *, width: int = 100) -> str:
    """Return the charts that have something to show, ending in a newline; empty where none has."""
    width = max(width, NARROWEST)
    ladders = ladders[: len(LETTERS)]
    quarters = {quarter / 4: units.fraction(quarter / 4) for quarter in range(5)}
    title = "accuracy over all families against prompt tokens"
    right = _chart(title, accuracy(ladders, ""), sizes(ladders), (0.0, 1.0), quarters, width=width)
    charts = [chart for chart in (_ttft_chart(ladders, width), right) if chart]
    if not charts:
        return ""
    legend = (encoded((f"{letter} ", name(label)), tty) for letter, (label, _) in zip(LETTERS, ladders, strict=False))
    ending = wrapped(f"{', '.join(legend)}; {SEVERAL} several at one place", width)
    return "\n\n".join("\n".join(part) for part in (*charts, ending)) + "\n"


def _ttft_chart(ladders: Sequence[LabelledLadder], width: int) -> list[str]:
    curves = [
        curve._replace(dots=[each._replace(value=math.log(each.value)) for each in curve.dots])
        for curve in ttft(ladders)
    ]
    if not curves:
        return []
    values = [each.value for curve in curves for each in curve.dots]
    low, high = roomy(math.exp(min(values) - 0.1), math.exp(max(values) + 0.1))
    marks = {math.log(tick): units.seconds(tick) for tick in ticks(low, high)}
    title = "TTFT p50 against prompt tokens, both logarithmic: A cold, a warm, . fit"
    return _chart(title, curves, sizes(ladders), (math.log(low), math.log(high)), marks, width=width)


def _chart(
    title: str, curves: Sequence[Curve], asked: Sequence[int], span: tuple[float, float], marks: dict[float, str],
    *, width: int,
) -> list[str]:  # fmt: skip
    """Return the lines of a chart: the numbers of y (`marks`) beside the field, the sizes below; none without curves.

    span: the values at its bottom and top.
    """
    if not curves:
        return []
    bottom, top = span
    places = [math.log(x) for x in (*asked, *(each.at for curve in curves for each in curve.dots))]
    left, right, columns = min(places), max(places), width - MARGIN - 2

    def row_of(value: float) -> int:
        return min(HEIGHT - 1, max(0, round((top - value) / (top - bottom) * (HEIGHT - 1))))

    def column_of(size: float) -> int:
        share = (math.log(size) - left) / (right - left) if right > left else 0.5
        return round(share * (columns - 1))

    field = [[" "] * columns for _ in range(HEIGHT)]
    for curve in sorted(curves, key=lambda curve: curve.look != "dotted"):  # a fit gives way to what was measured
        letter = LETTERS[curve.place]
        sign = {"solid": letter, "dashed": letter.lower(), "dotted": "."}[curve.look]
        for each in curve.dots:
            row, column = row_of(each.value), column_of(each.at)
            free = field[row][column] in (" ", ".", sign)
            field[row][column] = sign if free else SEVERAL
    shown = {row_of(value): text for value, text in marks.items()}
    lines = [
        (f"{shown.get(row, ''):>{MARGIN}} {'+' if row in shown else '|'}" + "".join(cells)).rstrip()
        for row, cells in enumerate(field)
    ]
    below = ""
    for size in asked:
        text = short(size)
        begin = min(max(0, column_of(size) - len(text) // 2), columns - len(text))
        if not below or begin > len(below):  # one that would touch its neighbour is left out
            below = below.ljust(begin) + text
    return [*wrapped(title, width), *lines, " " * (MARGIN + 1) + "+" + "-" * columns, " " * (MARGIN + 2) + below]
