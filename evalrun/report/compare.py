"""The page of a comparison: both values of every measure and their change, flips, the parts of a change, trade-offs.

Nothing is computed here.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from evalrun import units
from evalrun.compare.values import ComparedRow, Contrast, Flip, Pair, Part, Tradeoff
from evalrun.report import quantity
from evalrun.report.page import Block, BlockRow, Page, Quantity, Text, Verbatim, joined, name, quantities_in, sections
from evalrun.report.quantity import measured
from evalrun.stats.verdict import Comparison

COLUMNS = ("base", "new", "task", "base_target", "new_target", "verdict", "method", "why")

HEADS = ("verdict", "base", "new", "change", "p", "detectable")
HEADS_OF_TRADEOFFS = ("accuracy", "cost/answer", "E2E p50", "beaten by")
MOST_FLIPS = 5  # shown each way; JSON has more
MOST_NAMED = 3  # in one screen
WORDS = (
    "pass: proven better; regressed: proven worse; ~: no claim. p: p-value of no difference, two-sided, adjusted (Holm)"
    " over all rows that may make a claim; a claim needs 0.05. Intervals are 95 %, each of one row alone and by its own"
    " method: where one seems to contradict p, p decides. detectable: the smallest true change found 4 times in 5."
)


def contrast_page(contrast: Contrast) -> Page:
    """Return the page of a comparison."""
    blocks = [block for pair in contrast.pairs for block in _blocks(contrast, pair)]
    for task in dict.fromkeys(one.task for one in contrast.tradeoffs):
        found = [one for one in contrast.tradeoffs if one.task == task]
        rows = [BlockRow(name(one.target), _tradeoff(contrast, one)) for one in found]
        blocks.append(Block((name(task), ": accuracy, cost, time"), HEADS_OF_TRADEOFFS, rows))
    return Page(
        title=(Verbatim(contrast.new), " against ", Verbatim(contrast.base)),
        blocks=blocks,
        sections=sections(*((_flipped(pair), map(_flip, _shown(pair))) for pair in contrast.pairs)),
        notes=tuple(_notes(contrast)),
        columns=COLUMNS,
        quantities=quantities_in(blocks),
        data=contrast,
        brief=_brief(contrast),
    )


def _brief(contrast: Contrast) -> Page:
    """Return what changed, in one screen: the rows that claim something, and accuracy in any case."""
    rows: list[BlockRow] = []
    still = 0
    for pair in contrast.pairs:
        where = (contrast.base, contrast.new, pair.task, *pair.targets)
        shown = [row for row in pair.rows if row.word or row.measure.name == "accuracy"]
        still += len(pair.rows) - len(shown)
        label = (_title(pair), ", ") if len(contrast.pairs) > 1 else ()
        rows += [BlockRow((label, row.measure.label), _measure(row, where)) for row in shown]
    words = [(_title(pair), ", ", row.measure.label) for pair in contrast.pairs for row in pair.rows
             if row.word == "regressed"]  # fmt: skip
    worse: Text = ("regressed: ", joined("; ", words[:MOST_NAMED]), _more(words)) if words else "nothing regressed"
    title = "" if len(contrast.pairs) != 1 else _title(contrast.pairs[0])
    notes = [(_title(pair), ": ", Verbatim(note)) for pair in contrast.pairs for note in pair.notes]
    return Page(
        title=(Verbatim(contrast.new), " against ", Verbatim(contrast.base), ": ", worse),
        blocks=[Block(title, HEADS, rows, dense=True)] if rows else [],
        sections=sections(*((_flipped(pair), map(_flip, _shown(pair)[:MOST_NAMED])) for pair in contrast.pairs)),
        notes=(
            *map(Verbatim, contrast.notes),
            *notes[:MOST_FLIPS],
            *_unclaimed(contrast),
            f"{still:,} rows that claim no change, methods and premises: --full",
        ),
    )


def _unclaimed(contrast: Contrast) -> Iterator[Text]:
    """Return why rows make no claim, the most frequent reasons first."""
    whys = Counter(row.why for pair in contrast.pairs for row in pair.rows if row.why)
    for why, n in whys.most_common(MOST_NAMED):
        yield (f"~ in {n:,} row{'' if n == 1 else 's'}: ", Verbatim(why))


def _more(words: Sequence[Text]) -> str:
    return f" and {len(words) - MOST_NAMED:,} more" if len(words) > MOST_NAMED else ""


def _blocks(contrast: Contrast, pair: Pair) -> Iterator[Block]:
    """Return the measures of a pair and, where something changed, the parts of the change."""
    where = (contrast.base, contrast.new, pair.task, *pair.targets)
    if pair.rows:
        yield Block(_title(pair), HEADS, [BlockRow(row.measure.label, _measure(row, where)) for row in pair.rows])
    if any(part.change or part.low or part.high for part in pair.parts):
        rows = [BlockRow(part.cause, _part(part, where)) for part in pair.parts if part.requests]
        yield Block((_title(pair), ": where the score changed"), ("requests", "change [least, most]"), rows)


def _measure(row: ComparedRow, where: tuple[str, ...]) -> list[Text]:
    found, metric, unit = row.comparison, row.measure.name, row.measure.unit
    where = (*where, row.word or "", found.method if found else "", row.why)
    values = [
        measured(metric, *(side or (None, None, None)), of=of, unit=unit, where=where)
        for of, side in (("base", row.base), ("new", row.new))
    ]
    proof = evidence(metric, found, row.p, unit=unit, n=row.pairs, where=where) if found else [units.UNKNOWN] * 3
    return [row.word or "~", *values, *proof]


def evidence(
    metric: str, found: Comparison, adjusted: float | None, *, unit: str, n: int | None, where: tuple[str, ...]
) -> tuple[Quantity, Quantity, Quantity]:
    """Return the change, its p-value (the adjusted one where there is one) and the smallest detectable change."""
    unit = "relative" if found.relative else unit
    p_of, p = ("p", found.p) if adjusted is None else ("p_adjusted", adjusted)
    mde = units.reading(found.mde, unit="%" if found.relative else "pt")
    return (
        Quantity(
            name=metric, of="change", value=found.difference, low=found.low, high=found.high, n=n, unit=unit,
            shown=units.shift(found.difference, found.low, found.high, relative=found.relative), where=where,
        ),
        Quantity(name=metric, of=p_of, value=p, unit="p", shown=quantity.p_value(p), where=where),
        Quantity(name=metric, of="detectable", value=found.mde, unit=unit, shown=mde, where=where),
    )  # fmt: skip


def _part(part: Part, where: tuple[str, ...]) -> list[Text]:
    where = (*where, "", "", "")
    shown = units.shift(part.change, part.low, part.high, relative=False)
    change = measured("score", part.change, part.low, part.high, of=part.cause, unit="fraction", where=where)
    requests = measured("requests", part.requests, of=part.cause, unit="count", where=where)
    return [requests, replace(change, n=part.requests, shown=shown)]


def _tradeoff(contrast: Contrast, one: Tradeoff) -> list[Text]:
    where = (contrast.base, contrast.new, one.task, "", one.target, "", "", "")
    values = (("accuracy", one.accuracy, "fraction"), ("cost", one.cost, "usd"), ("e2e_p50", one.e2e_p50, "s"))
    found = [measured(metric, value, of="trade-off", unit=unit, where=where) for metric, value, unit in values]
    return [*found, name(one.beaten_by) if one.beaten_by else "nobody"]


def _title(pair: Pair) -> Text:
    base, new = pair.targets
    return (name(pair.task), ", ", name(new), () if base == new else (" against ", name(base)))


def _shown(pair: Pair) -> list[Flip]:
    ways = ([flip for flip in pair.flips if flip.better is better] for better in (False, True))
    return [flip for way in ways for flip in way[:MOST_FLIPS]]


def _flipped(pair: Pair) -> Text:
    few = len(_shown(pair))
    shown = "" if few == pair.better + pair.worse else f"; {few} are shown"
    return (_title(pair), f": samples that flipped: {pair.worse:,} worse, {pair.better:,} better{shown}")


def _flip(flip: Flip) -> Text:
    base, new = (
        units.UNKNOWN if text is None else ('"', Verbatim(text), '"') for text in (flip.base_answer, flip.new_answer)
    )
    expected = () if flip.expected is None else (', expected "', Verbatim(flip.expected), '"')
    return ("better, " if flip.better else "worse, ", Verbatim(flip.sample), ": ", base, " became ", new, expected)


def _notes(contrast: Contrast) -> Iterator[Text]:
    """Return what the words mean, why rows make no claim, what was tested how, and what else must be known."""
    yield WORDS
    for pair in contrast.pairs:
        for why in dict.fromkeys(row.why for row in pair.rows if row.why):
            labels = ", ".join(row.measure.label for row in pair.rows if row.why == why)
            yield (_title(pair), f": ~ {labels}: ", Verbatim(why))
        yield from ((_title(pair), ": ", Verbatim(note)) for note in pair.notes)
    compared = [row for pair in contrast.pairs for row in pair.rows if row.comparison and row.claims]
    for how in dict.fromkeys((row.comparison.method, row.comparison.premise) for row in compared if row.comparison):
        yield f"{how[0]}; premise: {how[1]}"
    yield from map(Verbatim, contrast.notes)
