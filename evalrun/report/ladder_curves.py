"""The curves of a ladder as points, for whoever draws them: the terminal's plot and the pictures. Draws nothing.

x is the counted size everywhere, or the asked one where the server does not count.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from evalrun.ladder import Ladder, Rung
from evalrun.report.ladder_lines import Labelled


class Dot(NamedTuple):
    """A value at a size, and the span around it; unknown or infinite ends are the value itself, or infinity."""

    tokens: float
    value: float
    low: float
    high: float


def latency(ladder: Ladder, which: str, name: str = "ttft_s") -> list[Dot]:
    """Return p50 at each size with the span from p5 to p95, of cold or warm requests.

    Sizes where it failed left out.
    """
    found = []
    for rung in ladder.rungs:
        low, middle, high = (rung.get(name, f"{p} {which}") for p in ("p5", "p50", "p95"))
        if middle and middle.value and math.isfinite(middle.value) and low and high:
            value = float(middle.value)
            found.append(Dot(tokens(rung), value, float(low.value or value), float(high.value or value)))
    return found


def accuracy(ladder: Ladder, family: str) -> list[Dot]:
    """Return accuracy at each size with its interval; sizes without a score are left out."""
    found = []
    for rung in ladder.rungs:
        metric = rung.get("accuracy", family)
        if metric and metric.value is not None:
            value = float(metric.value)
            low, high = (value if end is None else end for end in (metric.low, metric.high))
            found.append(Dot(tokens(rung), value, low, high))
    return found


def fitted(ladder: Ladder, steps: int = 64) -> list[tuple[float, float]]:
    """Return the fitted curve from the first to the last of the cold sizes; nothing where there is no fit."""
    dots = latency(ladder, "cold")
    parts = [m.value for name in ("ttft_base_s", "ttft_linear", "ttft_quadratic") if (m := ladder.get(name))]
    if len(dots) < 2 or len(parts) < 3 or None in parts:
        return []
    a, b, c = (float(part or 0) for part in parts)
    growth = dots[-1].tokens / dots[0].tokens
    sizes = [dots[0].tokens * growth ** (step / (steps - 1)) for step in range(steps)]
    return [(size, a + b * size + c * size * size) for size in sizes]


def tokens(rung: Rung) -> float:
    """Return a rung's place on the axis of sizes."""
    counted = rung.get("counted_tokens")
    return float(counted.value) if counted and counted.value is not None else float(rung.size)


def sizes(ladders: Sequence[Labelled]) -> list[int]:
    """Return all asked sizes, ascending: where the axis of sizes has its ticks."""
    return sorted({rung.size for _, ladder in ladders for rung in ladder.rungs})


def families(ladders: Sequence[Labelled]) -> list[str]:
    """Return all task families that have a score, in order; the empty name is all of them, where there are several."""
    named = dict.fromkeys(family for _, ladder in ladders for family in ladder.families)
    scored = [family for family in named if any(accuracy(ladder, family) for _, ladder in ladders)]
    return ["", *scored] if len(scored) > 1 else scored


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
