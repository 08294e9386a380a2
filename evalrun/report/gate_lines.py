"""What a person reads of a gate, before it is laid out: worst first, evidence in a sentence. Lays out nothing.

Texts that are not ours are clipped here and pass through the sink's encoder.
"""

import math
from collections.abc import Iterator

from evalrun import escape, units
from evalrun.gate.values import Failing, Gate, Ruling
from evalrun.report import lines
from evalrun.report.lines import Encode
from evalrun.stats.verdict import Comparison
from evalrun.table import Table

WORDS = ("regressed", "inconclusive", "pass")
KINDS = {"wrong": "wrong answer", "truncated": "cut off", "failed": "failed request", "unscored": "not scored"}
"""Worst first. The first two are the model's doing, the other two hinder a verdict on it."""

CLIP = 1_000


def rulings(gate: Gate) -> list[Ruling]:
    """Return the rulings, worst first, else as they came; and one for the gate where none carries its word.

    A gate without a baseline may have no ruling at all, and still must not look green.
    """
    found = sorted(gate.rulings, key=lambda ruling: WORDS.index(ruling.word))
    if any(ruling.word == gate.word for ruling in found):
        return found
    why = "; ".join(gate.notes) or "no rule was applied"
    whole = Ruling(rule="gate", metric="", task=None, target="all targets", word=gate.word, why=why)
    return sorted([whole, *found], key=lambda ruling: WORDS.index(ruling.word))


def failing(gate: Gate) -> list[Failing]:
    """Return the failing samples, worst first, else as they came."""
    order = list(KINDS)
    return sorted(gate.failing, key=lambda sample: order.index(sample.kind))


def text(words: str | None, encode: Encode, limit: int = CLIP) -> str:
    """Return somebody else's text, clipped; nothing where there is none."""
    return encode(escape.clip(words or "", limit))


def task(name: str | None, encode: Encode) -> str:
    """Return a task's name."""
    return lines.ALL_TASKS if name is None else lines.name(name, encode)


def why(ruling: Ruling, encode: Encode) -> str:
    """Return why a ruling says what it says, and what would decide it, in one text."""
    parts = (text(ruling.why, encode), text(ruling.decide and f"to decide: {ruling.decide}", encode))
    return "; ".join(filter(None, parts))


def value(ruling: Ruling) -> str:
    """Return the number a ruling looks at: `0.8 -> 0.74`, or `0.74` for an absolute rule."""
    if ruling.comparison is None:
        return _number(ruling.value)
    return f"{_number(ruling.comparison.value_base)} -> {_number(ruling.comparison.value_new)}"


def difference(found: Comparison | None) -> str:
    """Return `-0.06 [-0.11, -0.01]`, in percent where the difference is relative."""
    if found is None:
        return units.UNKNOWN
    low, high = (_signed(end, relative=found.relative) for end in (found.low, found.high))
    return f"{_signed(found.difference, relative=found.relative)} [{low}, {high}]"


def evidence(found: Comparison, encode: Encode) -> Iterator[str]:
    """Return what a comparison rests on, a line each."""
    yield f"difference: {difference(found)}"
    if found.p is not None:
        yield f"p: {found.p:.3g}"
    if found.mde is not None:
        yield f"smallest difference it would have seen: {_signed(found.mde, relative=found.relative)}"
    yield f"method: {text(found.method, encode)}; premise: {text(found.premise, encode)}"


def said(sample: Failing, encode: Encode) -> Iterator[str]:
    """Return what is known of a failing sample, a line each."""
    if sample.answer is not None:
        yield f"answered: {text(sample.answer, encode)}"
    if sample.expected is not None:
        yield f"expected: {text(sample.expected, encode)}"
    if sample.message:
        yield f"message: {text(sample.message, encode)}"


def about(gate: Gate, table: Table | None, encode: Encode) -> Iterator[tuple[str, str]]:
    """Return what the reader must know of the gate, as (label, text)."""
    yield "run", text(gate.run, encode)
    yield "baseline", "none" if gate.baseline is None else text(gate.baseline, encode)
    yield from (("warning", alert) for alert in (lines.alerts(table, encode) if table else ()))
    yield from (("note", text(note, encode)) for note in gate.notes)


def _number(number: float | None) -> str:
    if number is None or math.isnan(number):
        return units.UNKNOWN
    return "inf" if math.isinf(number) else units.significant(number, 4)


def _signed(number: float | None, *, relative: bool) -> str:
    if number is None or math.isnan(number):
        return units.UNKNOWN
    if math.isinf(number):
        return f"{number:+}"
    return f"{number * 100:+.3g} %" if relative else f"{number:+.4g}"
