"""The page of a gate: its word, then every ruling, worst first; and the sentences that `ci` shares with it."""

from collections.abc import Iterator

from evalrun import escape
from evalrun.gate.values import Failing, Gate, Ruling
from evalrun.report import quantity
from evalrun.report.compare import evidence, side_value
from evalrun.report.page import Page, Quantity, Text, Verbatim, joined, name, sections
from evalrun.report.table import alerts
from evalrun.rule import MEASURES
from evalrun.stats.interval import Interval
from evalrun.stats.verdict import Comparison
from evalrun.table import Table

COLUMNS = ("suite", "run", "baseline", "task", "target", "rule", "verdict", "method", "why")

WORDS = ("regressed", "inconclusive", "pass")
KINDS = {"wrong": "wrong answer", "truncated": "cut off", "failed": "failed request", "unscored": "not scored"}
"""Worst first. The first two are the model's doing, the other two are in the way of a verdict on it."""

_CLIP = 1_000
_INTERVALS = (
    "[ ]: 95 %, two-sided. A ruling is one-sided, at 5 %: it may pass although the interval reaches a little past what"
    " is tolerated."
)


def gate_page(gate: Gate) -> Page:
    """Return the page of a gate."""
    found = rulings(gate)
    against = (" against ", Verbatim(gate.baseline)) if gate.baseline else ()
    compared = any(ruling.comparison is not None for ruling in found)
    return Page(
        title=(f"gate {gate.word}: suite ", Verbatim(gate.suite), ", run ", Verbatim(gate.run), against),
        sections=sections(("Rules", map(_ruling, found))),
        notes=(*([_INTERVALS] if compared else []), *map(Verbatim, gate.notes)),
        columns=COLUMNS,
        quantities=[each for ruling in found for each in _numbers(gate, ruling)],
        data=quantity.as_data(gate),
    )


def _numbers(gate: Gate, ruling: Ruling) -> Iterator[Quantity]:
    found = ruling.comparison
    place = (gate.suite, gate.run, gate.baseline or "", ruling.task or "", ruling.target)
    where = (*place, ruling.rule, ruling.word, found.method if found else "", ruling.why)
    unit = _unit(ruling)
    if found is None:
        value = None if ruling.value is None else Interval(ruling.value, None, None)
        yield side_value(ruling.metric, value, "new", unit, where)
        return
    for of, side in (("base", found.value_base), ("new", found.value_new)):
        yield side_value(ruling.metric, Interval(side, None, None), of, unit, where)
    yield from evidence(ruling.metric, found, None, unit=unit, n=None, where=where)


def _unit(ruling: Ruling) -> str:
    return MEASURES[ruling.metric].unit if ruling.metric in MEASURES else ""


def _ruling(ruling: Ruling) -> Text:
    where = (name(ruling.task), ", ", name(ruling.target))
    return (f"{ruling.word}: ", Verbatim(ruling.rule), " (", where, "): ", why(ruling))


# ---------------------------------------------------------------- sentences


def rulings(gate: Gate) -> list[Ruling]:
    """Return the rulings, worst first, else as they came; and one for the gate where none carries its word.

    A gate without a baseline may have no ruling at all, and still must not look green.
    """
    found = sorted(gate.rulings, key=lambda ruling: WORDS.index(ruling.word))
    if any(ruling.word == gate.word for ruling in found):
        return found
    said = "; ".join(gate.notes) or "no rule was applied"
    whole = Ruling(rule="gate", metric="", task=None, target="all targets", word=gate.word, why=said)
    return sorted([whole, *found], key=lambda ruling: WORDS.index(ruling.word))


def failing(gate: Gate) -> list[Failing]:
    """Return the failing samples, worst first, else as they came."""
    order = list(KINDS)
    return sorted(gate.failing, key=lambda sample: order.index(sample.kind))


def clipped(text: str | None, limit: int = _CLIP) -> Text:
    """Return somebody else's text, clipped; nothing where there is none."""
    return Verbatim(escape.clip(text or "", limit))


def why(ruling: Ruling) -> Text:
    """Return why a ruling says what it says, and what would decide it."""
    parts = (ruling.why, f"to decide: {ruling.decide}" if ruling.decide else "")
    return joined("; ", [clipped(part) for part in parts if part])


def value(ruling: Ruling) -> str:
    """Return the number a ruling looks at: `80.0 % -> 74.0 %`, or `74.0 %` for an absolute rule."""
    unit, found = _unit(ruling), ruling.comparison
    if found is None:
        return quantity.reading(ruling.value, unit=unit)
    return f"{quantity.reading(found.value_base, unit=unit)} -> {quantity.reading(found.value_new, unit=unit)}"


def difference(found: Comparison | None) -> str:
    """Return the change between two runs with its interval."""
    return "-" if found is None else quantity.shift(found.difference, found.low, found.high, relative=found.relative)


def because(found: Comparison) -> Iterator[Text]:
    """Return what a comparison rests on, a line each."""
    yield f"difference: {difference(found)}"
    if found.p is not None:
        yield f"p: {quantity.p_value(found.p)}"
    if found.mde is not None:
        yield f"smallest detectable change: {quantity.reading(found.mde, unit='%' if found.relative else 'pt')}"
    yield ("method: ", clipped(found.method), "; premise: ", clipped(found.premise))


def said(sample: Failing) -> Iterator[Text]:
    """Return what is known of a failing sample, a line each."""
    texts = {"answered": sample.answer, "expected": sample.expected, "message": sample.message or None}
    yield from ((f"{label}: ", clipped(text)) for label, text in texts.items() if text is not None)


def about(gate: Gate, table: Table | None) -> Iterator[tuple[str, Text]]:
    """Return what the reader must know of the gate, as (label, text)."""
    yield "run", clipped(gate.run)
    yield "baseline", "none" if gate.baseline is None else clipped(gate.baseline)
    yield from (("warning", alert) for alert in (alerts(table) if table else ()))
    yield from (("note", clipped(note)) for note in gate.notes)
