"""Ladders as pictures: TTFT and accuracy against prompt size, and a heat map of accuracy over size and depth.

Several ladders share the axes: a colour and a shape for each. Computes nothing; needs matplotlib.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evalrun import units
from evalrun.ladder import Ladder
from evalrun.report.ladder_curves import Dot, accuracy, families, fitted, latency, roomy, short, sizes, ticks
from evalrun.report.ladder_lines import Labelled, shown
from evalrun.report.picture import COLOURS, HEAT, SHAPES, files, style, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

SIZE_LABEL = "prompt size (tokens, as the server counted them)"
COLUMNS = 3  # panels side by side
MOST_BANDS = 4  # ladders whose bands can still be told apart
MOST_LABELLED = 12  # sizes across a heat map for which there is room for numbers


def pictures(ladders: Sequence[Labelled]) -> dict[str, bytes]:
    """Return file names and contents: `ladder-ttft`, `ladder-accuracy`, `ladder-depth`, each as .png and .svg.

    A picture that would be empty is left out. The same ladders give the same bytes with the same matplotlib.
    """
    found: dict[str, bytes] = {}
    with style():
        for name, draw in (("ladder-ttft", _ttft), ("ladder-accuracy", _accuracy), ("ladder-depth", _depth)):
            figure = draw(ladders)
            found |= files(name, figure) if figure else {}
    return found


# ---------------------------------------------------------------- latency


def _ttft(ladders: Sequence[Labelled]) -> "Figure | None":
    every = [dot for _, ladder in ladders for which in ("cold", "warm") for dot in latency(ladder, which)]
    if not every:
        return None
    figure = _figure(9.0, 4.7 + 0.4 * len(ladders))
    axes = figure.add_subplot()
    top = 1.2 * max(end for dot in every for end in (dot.value, dot.high) if math.isfinite(end))
    entries = []
    for place, (label, ladder) in enumerate(ladders):
        colour, shape = _sign(place)
        for which in ("cold", "warm"):
            dots = latency(ladder, which)
            if dots:
                handle = _line(axes, dots, colour, shape, warm=which == "warm")
                if len(ladders) <= MOST_BANDS:
                    _band(axes, dots, colour, alpha=0.07 if which == "warm" else 0.15, top=top)
                entries.append((handle, f"{words(label)}, {which}{_exponent(ladder) if which == 'cold' else ''}"))
        curve = fitted(ladder)
        if curve:
            axes.plot(*zip(*curve, strict=True), color=colour, linewidth=1.0, linestyle=(0, (1, 1.5)), zorder=2)
    axes.set_xscale("log")
    axes.set_yscale("log")
    _size_axis(axes, ladders)
    _time_axis(axes)
    figure.suptitle("Time to first token against prompt size", x=0.01, ha="left")
    bands = "bands from p5 to p95; " if len(ladders) <= MOST_BANDS else ""
    axes.set_title(f"p50 of requests; {bands}dotted: fit a + b n + c n²", color="#555555", size=9)
    figure.legend(*zip(*entries, strict=True), loc="outside lower left")
    return figure


def _band(axes: "Axes", dots: Sequence[Dot], colour: str, *, alpha: float, top: float) -> None:
    """Draw the span of each point; where it has no upper end, because of failures, it reaches the top."""
    lows, highs = [dot.low for dot in dots], [min(dot.high, top) for dot in dots]
    axes.fill_between([dot.tokens for dot in dots], lows, highs, color=colour, alpha=alpha, linewidth=0)


def _line(axes: "Axes", dots: Sequence[Dot], colour: str, shape: str, *, warm: bool) -> object:
    (handle,) = axes.plot(
        [dot.tokens for dot in dots], [dot.value for dot in dots], color=colour, marker=shape, markersize=5.5,
        markerfacecolor="white" if warm else colour, linewidth=1.5, linestyle="--" if warm else "-", zorder=3,
    )  # fmt: skip
    return handle


def _exponent(ladder: Ladder) -> str:
    metric = ladder.get("ttft_exponent")
    return f": exponent {shown(metric)}" if metric and metric.value is not None else ""


# ---------------------------------------------------------------- accuracy


def _accuracy(ladders: Sequence[Labelled]) -> "Figure | None":
    panels = families(ladders)
    if not panels:
        return None
    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = _figure(max(5.5, 3.7 * columns), 0.8 + 2.6 * rows)
    grid = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
    handles = {}
    for axes, family in zip(grid, panels, strict=False):
        axes.set_title(words(family) if family else "all families")
        axes.set_xscale("log")
        _size_axis(axes, ladders, label="prompt size (tokens)")
        axes.set_ylim(-0.04, 1.04)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], [units.fraction(share) for share in (0, 0.25, 0.5, 0.75, 1)])
        if axes.get_subplotspec().is_first_col():
            axes.set_ylabel("accuracy")
        for place, (label, ladder) in enumerate(ladders):
            dots = accuracy(ladder, family)
            if dots:
                handles[place] = (_bars(axes, dots, place, len(ladders)), words(label))
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    figure.suptitle("Accuracy against prompt size, with 95 % intervals", x=0.01, ha="left")
    figure.legend(*zip(*handles.values(), strict=True), loc="outside lower left", ncols=min(columns, len(handles)))
    return figure


def _bars(axes: "Axes", dots: Sequence[Dot], place: int, of: int) -> object:
    """Draw a curve with an interval at each point; several ladders stand a little apart, to be told apart."""
    colour, shape = _sign(place)
    apart = 1.03 ** (place - (of - 1) / 2)
    below, above = [dot.value - dot.low for dot in dots], [dot.high - dot.value for dot in dots]
    return axes.errorbar(
        [dot.tokens * apart for dot in dots], [dot.value for dot in dots], yerr=[below, above], color=colour,
        marker=shape, markersize=5, linewidth=1.4, elinewidth=1.0, capsize=2.5,
    )  # fmt: skip


# ---------------------------------------------------------------- depth


def _depth(ladders: Sequence[Labelled]) -> "Figure | None":
    maps = [
        (label, ladder, family)
        for label, ladder in ladders
        for family in dict.fromkeys(spot.family for spot in ladder.spots if spot.accuracy.value is not None)
    ]
    if not maps:
        return None
    columns = min(2, len(maps))
    rows = math.ceil(len(maps) / columns)
    figure = _figure(max(6.5, 5.2 * columns), 1.0 + 3.0 * rows)
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, (label, ladder, family) in zip(grid, maps, strict=False):
        axes.set_title(f"{words(label, 24)}: {words(family, 24)}")
        image = _map(axes, ladder, family)
    for axes in grid[len(maps) :]:
        axes.set_visible(False)
    bar = figure.colorbar(image, ax=grid, label="accuracy", shrink=0.8, pad=0.02)
    bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=[units.fraction(share) for share in (0, 0.25, 0.5, 0.75, 1)])
    figure.suptitle("Accuracy by prompt size and by where the answer stands", x=0.01, ha="left")
    figure.supxlabel("prompt size (tokens asked for)", size=9.5)
    figure.supylabel("depth of the answer (0 % is the top)", size=9.5)
    return figure


def _map(axes: "Axes", ladder: Ladder, family: str) -> "AxesImage":
    mine = [spot for spot in ladder.spots if spot.family == family]
    across, down = sorted({spot.size for spot in mine}), sorted({spot.depth for spot in mine})
    cells = [[math.nan] * len(across) for _ in down]
    for spot in mine:
        if spot.accuracy.value is not None:
            cells[down.index(spot.depth)][across.index(spot.size)] = float(spot.accuracy.value)
    axes.set_facecolor("#EEEEEE")  # what was not asked, or not answered
    image = axes.imshow(cells, cmap=HEAT, vmin=0, vmax=1, aspect="auto")
    axes.grid(visible=False)
    axes.set_xticks(range(len(across)), [short(size) for size in across])
    every = math.ceil(len(down) / 12)
    axes.set_yticks(range(0, len(down), every), [units.fraction(depth) for depth in down[::every]])
    if len(across) <= MOST_LABELLED and every == 1:
        for row, values in enumerate(cells):
            for column, value in enumerate(values):
                text = "no score" if math.isnan(value) else f"{value * 100:.0f}"
                dark = not math.isnan(value) and value < 0.55
                axes.text(column, row, text, ha="center", va="center", size=8, color="white" if dark else "#222222")
    return image


# ---------------------------------------------------------------- axes


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _sign(place: int) -> tuple[str, str]:
    return COLOURS[place % len(COLOURS)], SHAPES[(place + place // len(COLOURS)) % len(SHAPES)]


def _size_axis(axes: "Axes", ladders: Sequence[Labelled], *, label: str = SIZE_LABEL) -> None:
    """Put ticks at the asked sizes, leaving out those that would touch."""
    chosen: list[int] = []
    asked = sizes(ladders)
    least = (asked[-1] / asked[0]) ** (1 / 9) if len(asked) > 1 else 1
    for size in asked:
        if not chosen or size >= chosen[-1] * least:
            chosen.append(size)
    axes.set_xticks(chosen, [short(size) for size in chosen])
    axes.set_xticks([], minor=True)
    axes.set_xlim(asked[0] / 1.15, asked[-1] * 1.15)
    axes.set_xlabel(label)


def _time_axis(axes: "Axes") -> None:
    """Put round times on a logarithmic axis."""
    low, high = roomy(*axes.get_ylim())
    axes.set_ylim(low, high)
    chosen = ticks(low, high)
    axes.set_yticks(chosen, [units.seconds(tick) for tick in chosen])
    axes.set_yticks([], minor=True)
    axes.set_ylabel("time to first token")
