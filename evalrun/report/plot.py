"""Ladders drawn with plain characters, for a terminal: TTFT and accuracy against prompt size. No colours."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from evalrun import units
from evalrun.escape import tty
from evalrun.report.curves import Curve, accuracy, roomy, short, sizes, ticks, ttft
from evalrun.report.ladder import Labelled
from evalrun.report.page import encoded, name
from evalrun.report.text import wrapped

NARROWEST = 40
HEIGHT = 16
MARGIN = 9  # columns for the numbers of the y axis
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SEVERAL = "*"


class Frame(NamedTuple):
    """The field of a chart: the logarithms of sizes at its sides, the scaled values at its bottom and top."""

    left: float
    right: float
    bottom: float
    top: float
    columns: int

    def row(self, value: float) -> int:
        share = (self.top - value) / (self.top - self.bottom)
        return min(HEIGHT - 1, max(0, round(share * (HEIGHT - 1))))

    def column(self, size: float) -> int:
        span = self.right - self.left
        return round((math.log(size) - self.left) / span * (self.columns - 1)) if span else self.columns // 2


def text_plot(ladders: Sequence[Labelled], *, width: int = 100) -> str:
    """Return the charts that have something to show, ending in a newline; empty where none has."""
    width = max(width, NARROWEST)
    ladders = ladders[: len(LETTERS)]
    asked = sizes(ladders)
    charts = []
    if times := [
        curve._replace(dots=[dot._replace(value=math.log(dot.value)) for dot in curve.dots]) for curve in ttft(ladders)
    ]:
        values = [dot.value for curve in times for dot in curve.dots]
        low, high = roomy(math.exp(min(values) - 0.1), math.exp(max(values) + 0.1))
        marks = {math.log(tick): units.seconds(tick) for tick in ticks(low, high)}
        title = "TTFT p50 against prompt tokens, both logarithmic: A cold, a warm, . fit"
        charts.append(
            [*wrapped(title, width), *_chart(times, asked, (math.log(low), math.log(high)), marks, width=width)]
        )
    if shares := accuracy(ladders, ""):
        marks = {quarter / 4: units.fraction(quarter / 4) for quarter in range(5)}
        title = "accuracy over all families against prompt tokens"
        charts.append([*wrapped(title, width), *_chart(shares, asked, (0.0, 1.0), marks, width=width)])
    if not charts:
        return ""
    legend = (encoded((f"{letter} ", name(label)), tty) for letter, (label, _) in zip(LETTERS, ladders, strict=False))
    ending = wrapped(f"{', '.join(legend)}; {SEVERAL} several at one place", width)
    return "\n\n".join("\n".join(part) for part in (*charts, ending)) + "\n"


def _chart(
    curves: Sequence[Curve], asked: Sequence[int], span: tuple[float, float], marks: dict[float, str], *, width: int
) -> list[str]:
    """Return the lines of a chart: the numbers of y (`marks`) beside the field, the sizes below."""
    places = [math.log(x) for x in (*asked, *(dot.at for curve in curves for dot in curve.dots))]
    frame = Frame(min(places), max(places), *span, width - MARGIN - 2)
    field = [[" "] * frame.columns for _ in range(HEIGHT)]
    for curve in sorted(curves, key=lambda curve: curve.look != "dotted"):  # a fit gives way to what was measured
        letter = LETTERS[curve.place]
        sign = {"solid": letter, "dashed": letter.lower(), "dotted": "."}[curve.look]
        for dot in curve.dots:
            row, column = frame.row(dot.value), frame.column(dot.at)
            free = field[row][column] in (" ", ".", sign)
            field[row][column] = sign if free else SEVERAL
    shown = {frame.row(value): text for value, text in marks.items()}
    lines = [
        (f"{shown.get(row, ''):>{MARGIN}} {'+' if row in shown else '|'}" + "".join(cells)).rstrip()
        for row, cells in enumerate(field)
    ]
    return [*lines, " " * (MARGIN + 1) + "+" + "-" * frame.columns, " " * (MARGIN + 2) + _below(frame, asked)]


def _below(frame: Frame, asked: Sequence[int]) -> str:
    """Return the sizes below the axis; one that would touch its neighbour is left out."""
    line = ""
    for size in asked:
        text = short(size)
        begin = min(max(0, frame.column(size) - len(text) // 2), frame.columns - len(text))
        if not line or begin > len(line):
            line = line.ljust(begin) + text
    return line
