"""Ladders drawn with plain characters, for a terminal: TTFT and accuracy against prompt size. No colours."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from evalrun import units
from evalrun.escape import tty
from evalrun.report import lines
from evalrun.report.ladder_curves import accuracy, fitted, latency, roomy, short, sizes, ticks
from evalrun.report.ladder_lines import Labelled
from evalrun.report.text import wrapped

NARROWEST = 40
HEIGHT = 16
MARGIN = 9  # columns for the numbers of the y axis
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SEVERAL = "*"


class Axes(NamedTuple):
    """The frame of a chart: logarithms of sizes, and the scaled values at its bottom and top."""

    left: float
    right: float
    bottom: float
    top: float
    columns: int


class Series(NamedTuple):
    """Points of one sign. A faint one is drawn first and gives way."""

    sign: str
    points: Sequence[tuple[float, float]]
    faint: bool = False


def text_plot(ladders: Sequence[Labelled], *, width: int = 100) -> str:
    """Return the charts that have something to show, ending in a newline; empty where none has."""
    width = max(width, NARROWEST)
    ladders = ladders[: len(LETTERS)]
    charts = (_ttft(ladders, width), _accuracy(ladders, width))
    found = [chart for chart in charts if chart]
    if not found:
        return ""
    legend = ", ".join(f"{LETTERS[k]} {lines.name(label, tty)}" for k, (label, _) in enumerate(ladders))
    ending = wrapped(f"{legend}; {SEVERAL} several at one place", width)
    return "\n\n".join(["\n".join(chart) for chart in found] + ["\n".join(ending)]) + "\n"


def _ttft(ladders: Sequence[Labelled], width: int) -> list[str]:
    series = []
    for letter, (_, ladder) in zip(LETTERS, ladders, strict=False):
        series.append(Series(".", [(x, math.log(y)) for x, y in fitted(ladder, steps=4 * width)], faint=True))
        for which, sign in (("cold", letter), ("warm", letter.lower())):
            series.append(Series(sign, [(dot.tokens, math.log(dot.value)) for dot in latency(ladder, which)]))
    values = [y for one in series for _, y in one.points]
    if not values:
        return []
    low, high = roomy(math.exp(min(values) - 0.1), math.exp(max(values) + 0.1))
    marks = {math.log(tick): units.seconds(tick) for tick in ticks(low, high)}
    title = "TTFT p50 against prompt tokens, both logarithmic: A cold, a warm, . fit"
    return [*wrapped(title, width), *_chart(series, ladders, math.log(low), math.log(high), marks=marks, width=width)]


def _accuracy(ladders: Sequence[Labelled], width: int) -> list[str]:
    series = [
        Series(letter, [(dot.tokens, dot.value) for dot in accuracy(ladder, "")])
        for letter, (_, ladder) in zip(LETTERS, ladders, strict=False)
    ]
    if not any(one.points for one in series):
        return []
    marks = {quarter / 4: units.fraction(quarter / 4) for quarter in range(5)}
    title = "accuracy over all families against prompt tokens"
    return [*wrapped(title, width), *_chart(series, ladders, 0.0, 1.0, marks=marks, width=width)]


def _chart(
    series: Sequence[Series],
    ladders: Sequence[Labelled],
    bottom: float,
    top: float,
    *,
    marks: dict[float, str],
    width: int,
) -> Iterator[str]:
    """Return the lines of a chart: the numbers of y, the field, the sizes below."""
    asked = sizes(ladders)
    places = [math.log(x) for x in (*asked, *(x for one in series for x, _ in one.points))]
    axes = Axes(min(places), max(places), bottom, top, width - MARGIN - 2)
    field = [[" "] * axes.columns for _ in range(HEIGHT)]
    for one in sorted(series, key=lambda one: not one.faint):
        for x, y in one.points:
            row, column = _row(axes, y), _column(axes, math.log(x))
            free = field[row][column] in (" ", ".", one.sign)
            if not one.faint or field[row][column] == " ":
                field[row][column] = one.sign if free else SEVERAL
    numbers = {_row(axes, value): text for value, text in marks.items()}
    for row, cells in enumerate(field):
        yield (f"{numbers.get(row, ''):>{MARGIN}} {'+' if row in numbers else '|'}" + "".join(cells)).rstrip()
    yield " " * (MARGIN + 1) + "+" + "-" * axes.columns
    yield " " * (MARGIN + 2) + _below(axes, asked)


def _below(axes: Axes, asked: Sequence[int]) -> str:
    """Return the sizes below the axis; one that would touch its neighbour is left out."""
    line = ""
    for size in asked:
        text = short(size)
        begin = min(max(0, _column(axes, math.log(size)) - len(text) // 2), axes.columns - len(text))
        if not line or begin > len(line):
            line = line.ljust(begin) + text
    return line


def _row(axes: Axes, value: float) -> int:
    share = (axes.top - value) / (axes.top - axes.bottom)
    return min(HEIGHT - 1, max(0, round(share * (HEIGHT - 1))))


def _column(axes: Axes, place: float) -> int:
    span = axes.right - axes.left
    return round((place - axes.left) / span * (axes.columns - 1)) if span else axes.columns // 2
