"""The page of ladders: a summary side by side, then for each its numbers by prompt size, and accuracy by depth.

A ladder comes with a label; several targets, or several runs of one, are several ladders.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from evalrun import units
from evalrun.explain import DEFINITIONS
from evalrun.ladder import Ladder
from evalrun.report import quantity
from evalrun.report.page import Block, BlockRow, Page, Quantity, Text, Verbatim, fields_of, joined, name, sections
from evalrun.report.quantity import QuantityColumn
from evalrun.report.table import foundation
from evalrun.table import Metric

LabelledLadder = tuple[str, Ladder]
"""A ladder and its label."""

COLUMNS = ("suite", "run", "label", "target", "size", "depth")  # a number of the whole ladder has no size

SUMMARY = ("ttft_exponent", "ttft_base_s", "ttft_linear", "ttft_quadratic", "ttft_fit_error", "effective_context")
TOPICS: dict[str, tuple[str, ...]] = {
    "speed": ("attempted", "counted_tokens", "ttft_s", "ttfo_s", "prefill_throughput", "tpot_s", "timed"),
    "accuracy": ("accuracy",),
    "cost": ("cost_per_request_usd", "cached_share"),
    "problems": ("failed", "not_sent", "refused", "truncated", "cache_leaks", "cache_misses", "size_error"),
}
"""What is in which table by size, in this order. What is not named here comes at the end of the last one."""
BRIEF = (
    ("ttft_s", "p50 cold"), ("ttft_s", "p50 warm"), ("prefill_throughput", ""), ("accuracy", ""),
    ("cost_per_request_usd", "cold"), ("cost_per_request_usd", "warm"),
)  # fmt: skip
BRIEF_WHOLE = (("ttft_exponent", ""), ("effective_context", ""))
"""What one screen shows by size, and of a ladder as a whole."""


class _Numbers(NamedTuple):
    """A ladder's numbers: of the whole, by size, and by family, depth of the answer and size."""

    label: str
    ladder: Ladder
    whole: QuantityColumn
    rungs: dict[int, QuantityColumn]
    spots: dict[tuple[str, float, int], Quantity]


def ladder_page(ladders: Sequence[LabelledLadder]) -> Page:
    """Return the page of ladders, each with its label."""
    found = [_numbers(label, ladder) for label, ladder in ladders]
    blocks = [_summary(found), *(block for one in found for block in _blocks(one))]
    numbers: list[Quantity] = []
    for one in found:
        numbers += chain(one.whole.values(), *(rung.values() for rung in one.rungs.values()), one.spots.values())
    runs = dict.fromkeys((ladder.suite, ladder.run) for _, ladder in ladders)
    titles = (("suite ", Verbatim(suite), (", run ", Verbatim(run)) if run else "") for suite, run in runs)
    loud = dict.fromkeys(ladder.target.alert for _, ladder in ladders if ladder.target.alert)
    notes = ((name(label), ": ", Verbatim(note)) for label, ladder in ladders for note in ladder.notes)
    title: Text = ("ladder of ", joined("; ", titles))
    alerts: list[Text] = [*map(Verbatim, loud), *notes]
    return Page(
        title=title,
        alerts=alerts,
        brief=Page(
            title=title,
            alerts=alerts,
            blocks=[_whole(found), *map(_by_size, found)],
            sections=sections(("Needs attention", (said for one in found for said in _problems(one)))),
        ),
        blocks=blocks,
        notes=(*quantity.explained(numbers, blocks), *(_foundation(*one) for one in ladders)),
        columns=COLUMNS,
        quantities=numbers,
        data={"ladders": [{"label": label, **fields_of(ladder)} for label, ladder in ladders]},
    )


def _numbers(label: str, ladder: Ladder) -> _Numbers:
    alerts = tuple(filter(None, (ladder.target.alert, *ladder.notes)))
    place = (ladder.suite, ladder.run, label, ladder.target.name)

    def keyed(metrics: Iterable[Metric], size: str) -> QuantityColumn:
        return quantity.keyed(metrics, (*place, size, ""), alerts=alerts)

    spots = {}
    for spot in ladder.spots:
        where = (*place, str(spot.size), repr(spot.depth))
        share = units.fraction(None if spot.accuracy.value is None else float(spot.accuracy.value))
        found = quantity.of_metric(spot.accuracy, where, alerts=alerts)
        spots[spot.family, spot.depth, spot.size] = replace(found, shown=share)  # there is no room for an interval
    rungs = {rung.size: keyed(rung.metrics, str(rung.size)) for rung in ladder.rungs}
    return _Numbers(label, ladder, keyed(ladder.metrics, ""), rungs, spots)


def _summary(found: Sequence[_Numbers]) -> Block:
    """Return what each ladder says as a whole. One family alone is the whole."""
    families = {family for one in found for family in one.ladder.families}
    present = dict.fromkeys(key for one in found for key in one.whole if len(families) > 1 or key[1] not in families)
    keys = dict.fromkeys([*((metric, "") for metric in SUMMARY), *present])
    rows = [_row(quantity.label(*key), [one.whole.get(key) for one in found]) for key in keys]
    return Block("ladder", [name(one.label) for one in found], rows)


def _whole(found: Sequence[_Numbers]) -> Block:
    rows = [_row(quantity.label(*key), [one.whole.get(key) for one in found]) for key in BRIEF_WHOLE]
    return Block("ladder", [name(one.label) for one in found], rows)


def _by_size(found: _Numbers) -> Block:
    """Return the most important numbers by size, in one table."""
    keys = [key for key in BRIEF if any(key in rung for rung in found.rungs.values())]
    rows = [_row(units.count(size), [rung.get(key) for key in keys]) for size, rung in found.rungs.items()]
    return Block((name(found.label), " by size"), [quantity.label(*key) for key in keys], rows, dense=True)


def _problems(found: _Numbers) -> Iterator[Text]:
    """Return how many requests of a ladder have each problem."""
    for metric in TOPICS["problems"]:
        values = [rung[metric, ""].value for rung in found.rungs.values() if (metric, "") in rung]
        if DEFINITIONS[metric].unit == "count" and (count := sum(int(value or 0) for value in values)):
            yield (name(found.label), ": ", quantity.label(metric), f": {count:,}")


def _blocks(found: _Numbers) -> Iterator[Block]:
    topic_of = {metric: topic for topic, metrics in TOPICS.items() for metric in metrics}
    order = list(topic_of)
    one_family = found.ladder.families if len(found.ladder.families) == 1 else ()
    keys = [
        (metric, of)
        for metric, of in quantity.worth_showing(list(found.rungs.values()))
        if of not in one_family and not of.startswith("p5 ")  # that is for the bands of the pictures
    ]
    for topic in TOPICS:
        mine = [key for key in keys if topic_of.get(key[0], "problems") == topic]
        mine.sort(key=lambda key: order.index(key[0]) if key[0] in order else len(order))
        heads = [name(of) if metric == "accuracy" and of else quantity.label(metric, of) for metric, of in mine]
        rows = [_row(units.count(size), [rung.get(key) for key in mine]) for size, rung in found.rungs.items()]
        if mine:
            yield Block((name(found.label), f": {topic} by size"), heads, rows)
    for family in dict.fromkeys(family for family, _, _ in found.spots):
        yield _depths(found, family)


def _depths(found: _Numbers, family: str) -> Block:
    mine = {(depth, size): accuracy for (of, depth, size), accuracy in found.spots.items() if of == family}
    depths, sizes = (sorted(set(each)) for each in zip(*mine, strict=True))
    rows = [_row(units.fraction(depth), [mine.get((depth, size)) for size in sizes]) for depth in depths]
    counts = sorted({accuracy.n for accuracy in mine.values() if accuracy.n})
    samples = " to ".join(dict.fromkeys(map(str, (counts[0], counts[-1])))) if counts else "0"
    title = (name(found.label), ": ", name(family), f" by depth, samples each: {samples}")
    return Block(title, [units.count(int(size)) for size in sizes], rows)


def _row(label: Text, numbers: Iterable[Quantity | None]) -> BlockRow:
    return BlockRow(label, [units.UNKNOWN if each is None else each for each in numbers])


def _foundation(label: str, ladder: Ladder) -> Text:
    facts = [f"exponent over {', '.join(map(units.count, ladder.upper))}"] if ladder.upper else []
    facts.append(f"effective context with a tolerance of {units.significant(ladder.tolerance * 100)} points")
    return (name(label), ": ", foundation(ladder.target, *facts))
