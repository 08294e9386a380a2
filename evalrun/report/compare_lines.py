"""What a person reads of a comparison, before it is laid out: blocks, flips, notes. Nothing is computed.

`Encode` is the sink's encoder (`escape.tty`, `escape.markdown`); texts that are not ours go through it here.
"""

import math
from collections.abc import Iterator

from evalrun import units
from evalrun.compare.values import Contrast, Flip, Pair, Part, Tradeoff
from evalrun.compare.values import Row as Compared
from evalrun.report.lines import Block, Encode, Row, name
from evalrun.rule import Measure
from evalrun.stats.interval import Interval

HEADS = ("verdict", "base", "new", "change", "p", "could see")
MOST_FLIPS = 5  # shown each way; JSON has more
WORDS = (
    "pass: proven better; regressed: proven worse; ~: no claim. p is of no difference, two-sided, corrected (Holm) over"
    " all rows that may claim something; a claim takes 0.05. Intervals are 95 %, of one row alone and by a method of"
    " their own: where one seems to contradict p, p counts. could see: the smallest true change found 4 times in 5."
)


def title(contrast: Contrast, encode: Encode) -> str:
    """Return the first line: what is held against what."""
    return f"{encode(contrast.new)} against {encode(contrast.base)}"


def blocks(contrast: Contrast, encode: Encode) -> Iterator[Block]:
    """Return the tables.

    For each pair its rows and, where something changed, the parts of the change; then the front.
    """
    for pair in contrast.pairs:
        where = _where(pair, encode)
        if pair.rows:
            yield Block(where, HEADS, tuple(_row(row) for row in pair.rows))
        if any(part.change or part.low or part.high for part in pair.parts):
            rows = tuple(_part(part) for part in pair.parts if part.requests)
            yield Block(f"{where}: where the score changed", ("requests", "change", "at worst", "at best"), rows)
    for task in dict.fromkeys(one.task for one in contrast.tradeoffs):
        found = [one for one in contrast.tradeoffs if one.task == task]
        heads = ("accuracy", "cost/answer", "E2E p50", "beaten by")
        rows = tuple(_tradeoff(one, encode) for one in found)
        yield Block(f"{name(task, encode)}: accuracy, cost, time", heads, rows)


def flips(pair: Pair, encode: Encode) -> Iterator[str]:
    """Return a line for each flipped sample that is shown."""
    for flip in _shown(pair):
        yield f"{'better' if flip.better else 'worse'}, {encode(flip.sample)}: {_answers(flip, encode)}"


def _shown(pair: Pair) -> list[Flip]:
    ways = ([flip for flip in pair.flips if flip.better is better] for better in (False, True))
    return [flip for way in ways for flip in way[:MOST_FLIPS]]


def flipped(pair: Pair, encode: Encode) -> str:
    """Return the headline of the flips; empty where none flipped."""
    if not pair.better + pair.worse:
        return ""
    few = len(_shown(pair))
    shown = "" if few == pair.better + pair.worse else f"; {few} are shown"
    return f"{_where(pair, encode)}: samples that flipped: {pair.worse:,} to worse, {pair.better:,} to better{shown}"


def notes(contrast: Contrast, encode: Encode) -> Iterator[str]:
    """Return what the words mean, why rows make no claim, what was tested how, and what else must be known."""
    yield WORDS
    for pair in contrast.pairs:
        where = _where(pair, encode)
        for why in dict.fromkeys(row.why for row in pair.rows if row.why):
            labels = ", ".join(row.measure.label for row in pair.rows if row.why == why)
            yield f"{where}: ~ {labels}: {encode(why)}"
        yield from (f"{where}: {encode(note)}" for note in pair.notes)
    compared = [row for pair in contrast.pairs for row in pair.rows if row.comparison and row.claims]
    for how in dict.fromkeys((row.comparison.method, row.comparison.premise) for row in compared if row.comparison):
        yield f"{how[0]}; premise: {how[1]}"
    yield from map(encode, contrast.notes)


def _where(pair: Pair, encode: Encode) -> str:
    base, new = (name(target, encode) for target in pair.targets)
    return f"{name(pair.task, encode)}, {new if base == new else f'{new} against {base}'}"


def _row(row: Compared) -> Row:
    found = row.comparison
    change = p = seen = units.UNKNOWN
    if found is not None:
        change = shift(found.difference, found.low, found.high, relative=found.relative)
        p = p_value(row.p if row.p is not None else found.p)
        seen = units.UNKNOWN if found.mde is None else shift(found.mde, None, None, relative=found.relative, sign="")
    values = (row.word or "~", valued(row.base, row.measure), valued(row.new, row.measure), change, p, seen)
    return Row(row.measure.name, "", row.measure.label, values)


def valued(found: Interval | None, measure: Measure) -> str:
    """Return a value with its interval, rounded for people: `62 % [47, 75]`, `118 [110, 131] ms`."""
    if found is None:
        return units.UNKNOWN
    value, low, high = found
    if measure.unit == "share":
        return units.interval(value, low, high) if low is not None else units.fraction(value, 1)
    scale, unit = (1.0, measure.unit) if measure.unit != "s" or value >= 1 else (1000.0, "ms")
    if math.isinf(value):
        return "inf"
    text = units.significant(value * scale)
    if low is not None and high is not None:
        text += f" [{units.significant(low * scale)}, {units.significant(high * scale)}]"
    return f"${text}" if unit == "usd" else text if unit == "tokens" else f"{text} {unit}"


def shift(value: float, low: float | None, high: float | None, *, relative: bool, sign: str = "+") -> str:
    """Return a change with its interval: `-2.0 [-5.1, +1.2] pt`, `+12 [+3.4, +22] %`."""
    unit = "%" if relative else "pt"
    shown = _signed(value, sign)
    if low is not None and high is not None:
        shown += f" [{_signed(low, sign)}, {_signed(high, sign)}]"
    return f"{shown} {unit}"


def _signed(value: float, sign: str) -> str:
    if math.isinf(value) or math.isnan(value):
        return "?" if math.isnan(value) else f"{value:{sign}}"
    percent = value * 100
    return f"{percent:{sign}.0f}" if abs(percent) >= 100 else f"{percent:{sign}.1f}" if abs(percent) >= 0.05 else "0.0"


def p_value(p: float | None) -> str:
    """Return a p with two digits."""
    if p is None:
        return units.UNKNOWN
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _part(part: Part) -> Row:
    changes = (shift(change, None, None, relative=False) for change in (part.change, part.low, part.high))
    return Row(part.cause, "", part.cause, (units.count(part.requests), *changes))


def _tradeoff(one: Tradeoff, encode: Encode) -> Row:
    cost = units.UNKNOWN if one.cost is None else f"${units.significant(one.cost)}"
    accuracy, time = units.fraction(one.accuracy, 1), units.seconds(one.e2e_p50)
    beaten = name(one.beaten_by, encode) if one.beaten_by else "nobody"
    return Row(one.target, "", name(one.target, encode), (accuracy, cost, time, beaten))


def _answers(flip: Flip, encode: Encode) -> str:
    base, new = (units.UNKNOWN if text is None else f'"{encode(text)}"' for text in (flip.base_answer, flip.new_answer))
    expected = "" if flip.expected is None else f', expected "{encode(flip.expected)}"'
    return f"{base} became {new}{expected}"
