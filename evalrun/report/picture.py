"""Figures into PNG and SVG: the same figure gives the same bytes, and nobody's text means anything to it.

Imports matplotlib, and only inside functions. No window, no display, no configuration of the user. Draws no data.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from evalrun import escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito 2008: told apart with every kind of colour vision. Shapes differ too, for prints in grey."""
SHAPES = ("o", "s", "D", "v", "P", "X", "h")  # an upward triangle says that a value is infinite
HEAT = "cividis"  # rises in lightness, and looks the same with red-green blindness

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


@contextmanager
def style() -> Iterator[None]:
    """Draw everything inside this: it sets the look and leaves the user's own settings alone."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def files(name: str, figure: "Figure") -> dict[str, bytes]:
    """Return a figure as `name.png` and `name.svg`."""
    png, svg = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return {f"{name}.png": png.getvalue(), f"{name}.svg": svg.getvalue()}


def words(text: str, limit: int = 40) -> str:
    """Return somebody else's text for a figure: short, harmless, and of letters that the font has.

    Other letters become visible escapes: a box says nothing, and the fonts of the machine must not change the bytes.
    """
    shown = re.sub(r"[^ -~]", _escape, escape.name(text))
    return shown if len(shown) <= limit else shown[: limit - 2] + ".."


def _escape(found: "re.Match[str]") -> str:
    code = ord(found[0])
    if code in _letters():
        return found[0]
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@cache
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
