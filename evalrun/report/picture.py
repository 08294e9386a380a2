"""Ladders and histories as PNG and SVG: the same values give the same bytes, and nobody's text means anything to them.

Computes nothing. Imports matplotlib, and only inside functions: no window, no display, no configuration of the user.
"""

import io
import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from evalrun import escape, units
from evalrun.explain import DEFINITIONS
from evalrun.history import History
from evalrun.ladder import Ladder
from evalrun.report.curves import Curve, Moment, accuracy, changes, over_time, roomy, short, sizes, spaced, ticks, ttft
from evalrun.report.ladder import LabelledLadder
from evalrun.report.page import ALL_TASKS, encoded
from evalrun.report.quantity import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito 2008: told apart with every kind of colour vision. Shapes differ too, for prints in grey."""
SHAPES = ("o", "s", "D", "v", "P", "X", "h")  # an upward triangle says that a value is infinite
HEAT = "cividis"  # rises in lightness, and looks the same with red-green blindness
GREY = "#555555"
FORMS = ("png", "svg")

_DOTS_PER_INCH = 144
_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.0,
    "figure.titlesize": 13.0,
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same letters everywhere
    "font.size": 9.5,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "evalrun",
    "text.parse_math": False,  # a dollar is a dollar
    "text.usetex": False,
}
_CLIP_PATH = re.compile(rb'<clipPath id="(p[0-9a-f]{10})"')


# ---------------------------------------------------------------- ladders

BANDS = 4  # ladders whose bands can still be told apart
LABELLED = 12  # sizes across a heat map for which there is room for numbers


def ladder_pictures(ladders: Sequence[LabelledLadder], *, forms: Sequence[str] = FORMS) -> dict[str, bytes]:
    """Return `ladder-ttft`, `ladder-accuracy` and `ladder-depth` in each form, by file name.

    TTFT and accuracy against prompt size, and a heat map of accuracy over size and depth. Several ladders share the
    axes. A picture that would be empty is left out.
    """
    makers = {"ladder-ttft": _ttft, "ladder-accuracy": _accuracy, "ladder-depth": _depth}
    return _files({name: partial(make, ladders) for name, make in makers.items()}, forms)


def _ttft(ladders: Sequence[LabelledLadder]) -> "Figure | None":
    curves = ttft(ladders)
    if not curves:
        return None
    figure, (axes,) = panelled(1, across=1, each=(9.0, 4.0), head=0.7 + 0.4 * len(ladders))
    banded = len(ladders) <= BANDS
    top = 1.2 * max(end for curve in curves for dot in curve.dots for end in dot[1:4] if math.isfinite(end))
    lines = []
    for curve in curves:
        ended = [dot._replace(high=min(dot.high, top)) for dot in curve.dots]  # failures reach the top
        lines.append((curve, _draw(axes, curve._replace(dots=ended), spread="band" if banded else "")))
    _size_axis(axes, ladders, text="prompt size (tokens, as the server counted them)")
    axes.set_yscale("log")
    low, high = roomy(*axes.get_ylim())
    axes.set_ylim(low, high)
    axes.set_yticks(chosen := ticks(low, high), [units.seconds(tick) for tick in chosen])
    axes.set_yticks([], minor=True)
    axes.set_ylabel("time to first token")
    bands = "bands from p5 to p95; " if banded else ""
    axes.set_title(f"p50 of requests; {bands}dotted: fit a + b n + c n²", color=GREY, size=9)
    _around(figure, "Time to first token against prompt size", lines, ncols=2)
    return figure


def _accuracy(ladders: Sequence[LabelledLadder]) -> "Figure | None":
    named = dict.fromkeys(family for _, ladder in ladders for family in ladder.families)
    scored = [family for family in named if accuracy(ladders, family)]
    if not scored:
        return None
    families = ["", *scored] if len(scored) > 1 else scored  # the empty name is all of them
    figure, panels = panelled(len(families), across=3, each=(3.7, 2.6), head=0.8)
    lines = []
    for axes, family in zip(panels, families, strict=True):
        axes.set_title(words(family) if family else "all families")
        _size_axis(axes, ladders, text="prompt size (tokens)")
        axes.set_ylim(-0.04, 1.04)
        _number_axis(axes, "fraction")
        for curve in accuracy(ladders, family):
            apart = 1.03 ** (curve.place - (len(ladders) - 1) / 2)  # so that whiskers can be told apart
            moved = curve._replace(dots=[dot._replace(at=dot.at * apart) for dot in curve.dots])
            lines.append((curve, _draw(axes, moved, spread="whiskers")))
    _around(figure, "Accuracy against prompt size, with 95 % intervals", lines)
    return figure


def _depth(ladders: Sequence[LabelledLadder]) -> "Figure | None":
    maps = [
        (name, ladder, family)
        for name, ladder in ladders
        for family in dict.fromkeys(spot.family for spot in ladder.spots if spot.accuracy.value is not None)
    ]
    if not maps:
        return None
    figure, panels = panelled(len(maps), across=2, each=(5.2, 3.0), head=1.0)
    for axes, (name, ladder, family) in zip(panels, maps, strict=True):
        axes.set_title(f"{words(name, 24)}: {words(family, 24)}")
        image = _heat(axes, ladder, family)
    bar = figure.colorbar(image, ax=panels, label="accuracy", shrink=0.8, pad=0.02)
    quarters = (0, 0.25, 0.5, 0.75, 1)
    bar.set_ticks(quarters, labels=[units.fraction(share) for share in quarters])
    figure.supxlabel("prompt size (tokens asked for)", size=9.5)
    figure.supylabel("depth of the answer (0 % is the top)", size=9.5)
    _around(figure, "Accuracy by prompt size and by where the answer is", [])
    return figure


def _heat(axes: "Axes", ladder: Ladder, family: str) -> "AxesImage":
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
    if len(across) <= LABELLED and every == 1:
        for row, column in itertools.product(range(len(down)), range(len(across))):
            value = cells[row][column]
            text = "no score" if math.isnan(value) else f"{value * 100:.0f}"
            colour = "white" if value < 0.55 else "#222222"  # NaN is not below
            axes.text(column, row, text, ha="center", va="center", size=8, color=colour)
    return image


# ---------------------------------------------------------------- histories

DRAWN = ("accuracy", "ttft_s", "cost_usd")  # of several metrics; one alone is always drawn
MOST_TASKS = 4  # side by side
MANY = 100  # dots of a line from which on there is no line: between nights it would fill the panel
NEAR = 0.02  # of the axis: labels of changes nearer than this become one
PANEL, LETTER = 2.0, 0.052  # inches: the height of a panel, and of a letter above the panels that says what changed
MOST_SAID = 22  # letters
CAPTION = (
    "whiskers or band: 95 % interval (axes without them begin at 0); solid line: something changed, do not compare "
    "across it;\ndotted: a version or price list; hollow: see the warnings; triangle: infinite"
)


def history_pictures(history: History, name: str = "history", *, forms: Sequence[str] = FORMS) -> dict[str, bytes]:
    """Return `name.png` and `name.svg`, or one of them; nothing where there is no number to draw.

    A panel for each metric and task, a line for each target, time from left to right. Lines break where data, prompt,
    sampling, scorers or target changed.
    """
    return _files({name: partial(_history, history)}, forms)


def _history(history: History) -> "Figure | None":
    from matplotlib.figure import Figure

    targets = list(dict.fromkeys(series.target for series in history.series))
    tasks = list(dict.fromkeys(series.task for series in history.series))
    columns = [[series for series in history.series if series.task == task] for task in tasks[:MOST_TASKS]]
    rows = []
    for place, wanted in enumerate(history.metrics):
        row = [
            [over_time(s.target, targets.index(s.target), s.points, place, name=wanted.name) for s in mine]
            for mine in columns
        ]
        drawn = len(history.metrics) == 1 or wanted.name in DRAWN
        if drawn and any(math.isfinite(dot.value) for curves in row for curve in curves for dot in curve.dots):
            rows.append((wanted, row))
    if not rows:
        return None
    moments = [changes(mine) for mine in columns]
    longest = min(MOST_SAID, max((len(moment.said) for each in moments for moment in each), default=0))
    heights = [0.05 + LETTER * longest, *[PANEL] * len(rows)]
    size = (max(9.0, 4.8 * len(columns)), 1.5 + sum(heights) + 0.2 * len(targets))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(1 + len(rows), len(columns), sharex=True, squeeze=False, height_ratios=heights)
    lines = []
    for (wanted, row), panels in zip(rows, grid[1:], strict=True):
        panels[0].set_ylabel(encoded(label(*wanted), lambda text: words(text, 16)))
        for axes, curves in zip(panels, row, strict=True):
            lines += [(curve, _draw(axes, curve, spread="whiskers")) for curve in curves]
            dots = [dot for curve in curves for dot in curve.dots]
            if all(math.isnan(dot.low) for dot in dots):  # without intervals, noise must not look like news
                axes.set_ylim(0, 1.1 * max((dot.value for dot in dots if math.isfinite(dot.value)), default=0) or 1)
            _number_axis(axes, DEFINITIONS[wanted.name].unit)
            _time_axis(axes)
    for column, mine in enumerate(columns):
        _mark(list(grid[:, column]), moments[column])
        grid[0][column].set_title(ALL_TASKS if mine[0].task is None else words(mine[0].task))
    left_out = f"; {len(tasks) - len(columns)} more tasks not drawn" if len(tasks) > len(columns) else ""
    title = f"Suite {words(history.suite)}: {len(history.runs):,} runs{left_out}"
    _around(figure, title, lines, title=CAPTION, title_fontsize=7.5, alignment="left")
    return figure


def _mark(column: "Sequence[Axes]", moments: Sequence[Moment]) -> None:
    """Draw a line at each change through the panels of a column; above them, say what it was where there is room."""
    above, *panels = column
    above.axis("off")
    above.set_ylim(0, 1)
    left, right = panels[0].get_xlim()
    last = -math.inf
    for at, said, breaks in moments:
        for axes in panels:
            axes.axvline(at, color="#777777", linewidth=0.9, linestyle="-" if breaks else ":", zorder=1)
        if at - last > NEAR * (right - left):
            above.text(at, 0, words(said, MOST_SAID), rotation=90, size=7, color=GREY, ha="center", va="bottom")
            last = at


# ---------------------------------------------------------------- panels


def panelled(count: int, *, across: int, each: tuple[float, float], head: float) -> "tuple[Figure, list[Axes]]":
    """Return a figure with so many panels, row by row. each: inches across and down. head: inches above them."""
    from matplotlib.figure import Figure

    columns = min(across, count)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(max(5.5, each[0] * columns), head + each[1] * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels[count:]:
        axes.set_visible(False)
    return figure, panels[:count]


def _around(figure: "Figure", headline: str, lines: Sequence[tuple[Curve, Any]], **options: Any) -> None:
    """Write the headline of a figure, and the legend of its lines: each name once. options: of the legend."""
    figure.suptitle(headline, x=0.01, ha="left")
    by_name = {(curve.place, words(curve.name) + curve.more): line for curve, line in lines if line is not None}
    if by_name:
        entries = [(line, name) for (_, name), line in sorted(by_name.items(), key=lambda entry: entry[0][0])]
        figure.legend(*zip(*entries, strict=True), loc="outside lower left", **{"ncols": 3, **options})


def _draw(axes: "Axes", curve: Curve, *, spread: str) -> Any:
    """Draw a curve with its spans, hollow and infinite dots; return what the legend shows, None for a fit."""
    colour = COLOURS[curve.place % len(COLOURS)]
    shape = SHAPES[(curve.place + curve.place // len(COLOURS)) % len(SHAPES)]
    finite = [dot._replace(value=math.nan) if math.isinf(dot.value) else dot for dot in curve.dots]
    at, value, low, high, _ = zip(*finite, strict=True)
    if curve.look == "dotted":
        axes.plot(at, value, color=colour, linewidth=1.0, linestyle=(0, (1, 1.5)), zorder=2)
        return None
    many, warm = len(finite) > MANY, curve.look == "dashed"
    if spread == "band" or many:
        axes.fill_between(at, low, high, color=colour, alpha=0.07 if warm else 0.15, linewidth=0)
    elif spread:
        axes.vlines(at, low, high, color=colour, alpha=0.5, linewidth=1.0)
    look: dict[str, Any] = {"color": colour, "marker": shape, "markersize": 2.0 if many else 5.0}
    fill, width = "white" if warm else colour, 0.0 if many else 1.4
    (line,) = axes.plot(
        at, value, **look, linewidth=width, linestyle="--" if warm else "-", markerfacecolor=fill, zorder=3
    )
    hollow = [(dot.at, dot.value) for dot in finite if dot.hollow]
    axes.plot(*zip(*hollow, strict=True), **look, linestyle="", markerfacecolor="white", zorder=4) if hollow else None
    for dot in curve.dots:
        if dot.value == math.inf:
            axes.plot([dot.at], [0.97], marker="^", color=colour, transform=axes.get_xaxis_transform())
    return line


# ---------------------------------------------------------------- axes


def _size_axis(axes: "Axes", ladders: Sequence[LabelledLadder], *, text: str) -> None:
    asked = sizes(ladders)
    axes.set_xscale("log")
    axes.set_xticks(chosen := spaced(asked), [short(size) for size in chosen])
    axes.set_xticks([], minor=True)
    axes.set_xlim(asked[0] / 1.15, asked[-1] * 1.15)
    axes.set_xlabel(text)


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
        return units.reading(round(value, 12), unit=unit) if unit in ("s", "usd") else f"{value:g}"

    axes.yaxis.set_major_formatter(shown)


def _time_axis(axes: "Axes") -> None:
    from matplotlib import dates

    axes.xaxis.axis_date("UTC")
    locator = dates.AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


# ---------------------------------------------------------------- files and letters


def _files(makers: "Mapping[str, Callable[[], Figure | None]]", forms: Sequence[str]) -> dict[str, bytes]:
    """Draw figures, and return each in each form as `name.form`."""
    files = {}
    for name, make in makers.items():
        for form in forms:
            if picture := drawn(make, form):
                files[f"{name}.{form}"] = picture
    return files


def drawn(make: "Callable[[], Figure | None]", form: str = "svg") -> bytes | None:
    """Draw a figure in our own style, whatever the user's settings are; None where it would be empty."""
    import matplotlib as mpl

    file = io.BytesIO()
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        if (figure := make()) is None:
            return None
        meta: dict[str, Any] = {"Software": None} if form == "png" else {"Date": None, "Creator": None}
        figure.savefig(file, format=form, dpi=_DOTS_PER_INCH, metadata=meta)
    return file.getvalue() if form == "png" else _numbered(file.getvalue())


def _numbered(svg: bytes) -> bytes:
    """Name the clip paths of an SVG by their order: matplotlib's names depend on addresses in memory."""
    order = {name: b"clip%d" % number for number, name in enumerate(_CLIP_PATH.findall(svg))}
    return re.sub(rb"\bp[0-9a-f]{10}\b", lambda name: order.get(name[0], name[0]), svg)


def words(text: str, limit: int = 40) -> str:
    """Return somebody else's text for a figure: short, harmless, and of letters that the font has.

    Other letters become visible escapes: a box says nothing, and the fonts of the machine must not change the bytes.
    """
    letters = _letters()
    shown = "".join(c if ord(c) in letters else c.encode("unicode_escape").decode() for c in escape.name(text))
    return shown if len(shown) <= limit else shown[: limit - 2] + ".."


@cache
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
