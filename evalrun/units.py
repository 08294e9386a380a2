"""Numbers for people: durations, counts, fractions, dollars. Formatting only; unknown is `-`, never 0."""

import math
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, ROUND_UP, Context, Decimal
from functools import partial
from typing import Any, Literal

Unit = Literal[
    "fraction", "count", "number", "s", "s/token", "s/token^2", "tok/s", "req/s", "tokens", "usd"
]  # fmt: skip
UNKNOWN = "-"


def seconds(value: float | None) -> str:
    """Return three significant digits: `0.85 ms`, `118 ms`, `1.21 s`, `inf` for a percentile that is a failure."""
    if value is None:
        return UNKNOWN
    if math.isinf(value):
        return "inf"
    in_ms = float(f"{value * 1000:.2e}")  # rounded before the comparison: 0.9996 s is 1.00 s
    return f"{significant(value * 1000)} ms" if in_ms < 1000 else f"{significant(value)} s"


def fraction(value: float | None, decimals: int = 0) -> str:
    """Return a fraction as percent: `62 %`. A value that only rounds to 0 or 100 is shown as `<1 %` or `>99 %`."""
    return UNKNOWN if value is None else f"{_percent(value, decimals)} %"


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """Return `62 % [47, 75]`, with one decimal if the interval is narrower than ten points."""
    if value is None or low is None or high is None:
        return fraction(value)
    decimals = int(high - low < 0.1)
    return f"{_percent(value, decimals)} % [{_percent(low, decimals)}, {_percent(high, decimals)}]"


def count(value: int | None) -> str:
    """Return an integer with commas between thousands."""
    return UNKNOWN if value is None else f"{value:,}"


def usd(value: Decimal | None) -> str:
    """Return dollars with at least two decimals and at least three significant digits: `$12.34`, `$0.00123`."""
    if value is None:
        return UNKNOWN
    places = 2 if not value else max(2, 2 - value.adjusted())
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, Context(prec=60))
    return f"${rounded:,f}"


def cap(value: Decimal) -> str:
    """Return dollars as typed, rounded up to two significant digits, for a cap that is large enough."""
    return f"{value.quantize(Decimal(1).scaleb(value.adjusted() - 1), ROUND_UP, Context(prec=60)):f}"


def significant(value: float, digits: int = 3) -> str:
    """Return `value` with `digits` significant digits and no exponent: 1.20, 12.3, 123, 1,235."""
    if value == 0:
        return "0"
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])  # of the rounded value: 9.996 counts as 10.0
    return f"{value:,.{max(0, digits - 1 - exponent)}f}"


def reading(value: float | Decimal | None, low: float | None = None, high: float | None = None, *, unit: str) -> str:
    """Return a value as people read it: `62 % [47, 75]`, `118 [110, 131] ms`, `$0.00123`, `-` where unknown."""
    if value is None:
        return UNKNOWN
    if math.isinf(value):
        return "inf"
    if unit == "fraction":
        return fraction(float(value), 1) if low is None else interval(float(value), low, high)
    form, after = _form(value, unit)
    return ("$" if unit == "usd" else "") + _with_interval(form, value, low, high) + after


def shift(value: float, low: float | None, high: float | None, *, relative: bool) -> str:
    """Return a change as people read it: `-2.0 [-5.1, +1.2] pt`, `+12 [+3.4, +22] %` where it is relative."""
    return f"{_with_interval(partial(_points, sign='+'), value, low, high)} {'%' if relative else 'pt'}"


def _with_interval(form: Callable[[Any], str], value: Any, low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return form(value)
    ends = (UNKNOWN if end is None else form(end) for end in (low, high))
    return f"{form(value)} [{', '.join(ends)}]"


def _form(value: float | Decimal, unit: str) -> tuple[Callable[[Any], str], str]:
    """Return what writes a value of this unit, and its ends in the same scale; and what follows them."""
    scale, after = {"s/token": (1e3, " per 1,000"), "s/token^2": (1e6, " per 1,000^2")}.get(unit, (1.0, ""))
    if unit in ("s", "s/token", "s/token^2"):
        ms = seconds(float(value) * scale).endswith(" ms")
        scale, after = scale * (1000 if ms else 1), (" ms" if ms else " s") + after
        return lambda end: _significant(end * scale), after
    if unit == "usd":
        return lambda end: usd(end if isinstance(end, Decimal) else Decimal(repr(float(end)))).lstrip("$"), ""
    if unit in ("tok/s", "req/s"):
        return _significant, f" {unit}"
    if unit in ("pt", "%"):
        return _points, f" {unit}"
    if unit == "number":
        return "{:.2f}".format, ""
    return (lambda end: count(round(end))) if isinstance(value, int) else _significant, ""


def _significant(value: float) -> str:
    return "inf" if math.isinf(value) else significant(value)


def _points(value: float, sign: str = "") -> str:
    if math.isinf(value) or math.isnan(value):
        return "?" if math.isnan(value) else f"{value:{sign}}"
    percent = value * 100
    return f"{percent:{sign}.0f}" if abs(percent) >= 100 else f"{percent:{sign}.1f}" if abs(percent) >= 0.05 else "0.0"


def _percent(value: float, decimals: int) -> str:
    text = f"{value * 100:.{decimals}f}"
    step = 10.0**-decimals
    if value > 0 and float(text) == 0:
        return f"<{step:g}"
    if value < 1 and float(text) == 100:
        return f">{100 - step:g}"
    return text
