"""The page of ladders: a summary side by side, then for each its numbers by prompt size, and accuracy by depth.

A ladder comes with a label; several targets, or several runs of one, are several ladders.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from evalrun import units
from evalrun.ladder import Ladder
from evalrun.report import quantity
from evalrun.report.page import Block, BlockRow, Page, Quantity, Text, Verbatim, joined, name
from evalrun.report.table import foundation
from evalrun.table import Metric

Labelled = tuple[str, Ladder]
_Column = Mapping[tuple[str, str], Quantity]
"""Numbers by name and what they are narrowed to."""

COLUMNS = ("suite", "run", "label", "target", "size", "depth")  # a number of the whole ladder has no size

SUMMARY = ("ttft_exponent", "ttft_base_s", "ttft_linear", "ttft_quadratic", "ttft_fit_error", "effective_context")
TOPICS: dict[str, tuple[str, ...]] = {
    "speed": ("attempted", "counted_tokens", "ttft_s", "ttfo_s", "prefill_throughput", "tpot_s"),
    "accuracy": ("accuracy",),
    "cost": ("cost_per_request_usd", "cached_share"),
    "trouble": ("failed", "not_sent", "context_refused", "truncated", "cache_leaks", "cache_misses", "size_error"),
}
"""What is in which table by size, in this order. What is not named here comes at the end of the last one."""


class _Numbers(NamedTuple):
    """A ladder's numbers: of the whole, by size, and by place of the answer (as `Ladder.spots`)."""

    label: str
    ladder: Ladder
    whole: _Column
    rungs: dict[int, _Column]
    spots: list[Quantity]

    def every(self) -> Iterator[Quantity]:
        yield from self.whole.values()
        for rung in self.rungs.values():
            yield from rung.values()
        yield from self.spots


def ladder_page(ladders: Sequence[Labelled]) -> Page:
    """Return the page of ladders, each with its label."""
    found = [_numbers(label, ladder) for label, ladder in ladders]
    numbers = [each for one in found for each in one.every()]
    runs = dict.fromkeys((ladder.suite, ladder.run) for _, ladder in ladders)
    titles = (("suite ", Verbatim(suite), (", run ", Verbatim(run)) if run else "") for suite, run in runs)
    loud = dict.fromkeys(ladder.target.alert for _, ladder in ladders if ladder.target.alert)
    notes = ((name(label), ": ", Verbatim(note)) for label, ladder in ladders for note in ladder.notes)
    return Page(
        title=("ladder of ", joined("; ", titles)),
        alerts=(*map(Verbatim, loud), *notes),
        blocks=(_summary(found), *(block for one in found for block in _blocks(one))),
        notes=(
            *quantity.explained(numbers, shown=(each.name for each in numbers if each.value is not None)),
            *(_foundation(label, ladder) for label, ladder in ladders),
        ),
        columns=COLUMNS,
        quantities=numbers,
        data={"ladders": [{"label": label, **quantity.as_data(ladder)} for label, ladder in ladders]},
    )


def _numbers(label: str, ladder: Ladder) -> _Numbers:
    alerts = tuple(filter(None, (ladder.target.alert, *ladder.notes)))

    def made(metric: Metric, size: str = "", depth: str = "") -> Quantity:
        where = (ladder.suite, ladder.run, label, ladder.target.name, size, depth)
        return quantity.of_metric(metric, where, alerts=alerts)

    def column(metrics: Iterable[Metric], size: str = "") -> _Column:
        return {(metric.name, metric.of): made(metric, size) for metric in metrics}

    return _Numbers(
        label,
        ladder,
        whole=column(ladder.metrics),
        rungs={rung.size: column(rung.metrics, str(rung.size)) for rung in ladder.rungs},
        spots=[
            replace(made(spot.accuracy, str(spot.size), repr(spot.depth)), shown=_share(spot.accuracy))
            for spot in ladder.spots
        ],
    )


def _share(accuracy: Metric) -> str:
    """Return an accuracy for a cell too small for its interval."""
    return units.fraction(None if accuracy.value is None else float(accuracy.value))


# ---------------------------------------------------------------- blocks


def _summary(found: Sequence[_Numbers]) -> Block:
    """Return what each ladder says as a whole. One family alone is the whole."""
    families = {family for one in found for family in one.ladder.families}
    present = dict.fromkeys(key for one in found for key in one.whole if len(families) > 1 or key[1] not in families)
    keys = dict.fromkeys([*((metric, "") for metric in SUMMARY), *present])
    rows = [_row(quantity.label(*key), [one.whole.get(key) for one in found]) for key in keys]
    return Block("ladder", [name(one.label) for one in found], rows)


def _blocks(found: _Numbers) -> Iterator[Block]:
    title = name(found.label)
    topic_of = {metric: topic for topic, metrics in TOPICS.items() for metric in metrics}
    order = list(topic_of)
    one_family = found.ladder.families if len(found.ladder.families) == 1 else ()
    keys = [
        key
        for key in dict.fromkeys(key for rung in found.rungs.values() for key in rung)
        if quantity.worth_showing(*key, (rung.get(key) for rung in found.rungs.values()))
        and not key[1].startswith("p5 ")  # for the bands of the pictures
        and key[1] not in one_family
    ]
    for topic in TOPICS:
        mine = [key for key in keys if topic_of.get(key[0], "trouble") == topic]
        mine.sort(key=lambda key: order.index(key[0]) if key[0] in order else len(order))  # stable
        rows = [_row(units.count(size), [rung.get(key) for key in mine]) for size, rung in found.rungs.items()]
        if mine:
            yield Block((title, f": {topic} by size"), [_head(*key) for key in mine], rows)
    for family in dict.fromkeys(spot.family for spot in found.ladder.spots):
        yield _depths(found, family)


def _depths(found: _Numbers, family: str) -> Block:
    mine = [(s, n) for s, n in zip(found.ladder.spots, found.spots, strict=True) if s.family == family]
    by_place = {(spot.depth, spot.size): accuracy for spot, accuracy in mine}
    sizes = sorted({spot.size for spot, _ in mine})
    rows = [
        BlockRow(units.fraction(depth), [by_place.get((depth, size), units.UNKNOWN) for size in sizes])
        for depth in sorted({spot.depth for spot, _ in mine})
    ]
    counts = sorted({accuracy.n for _, accuracy in mine if accuracy.n})
    samples = " to ".join(dict.fromkeys(map(str, (counts[0], counts[-1])))) if counts else "0"
    title = (name(found.label), ": ", name(family), f" by depth, samples each: {samples}")
    return Block(title, list(map(units.count, sizes)), rows)


def _head(metric: str, of: str) -> Text:
    return name(of) if metric == "accuracy" and of else quantity.label(metric, of)


def _row(label: Text, numbers: Iterable[Quantity | None]) -> BlockRow:
    return BlockRow(label, [units.UNKNOWN if each is None else each for each in numbers])


def _foundation(label: str, ladder: Ladder) -> Text:
    facts = [f"exponent over {', '.join(map(units.count, ladder.upper))}"] if ladder.upper else []
    facts.append(f"effective context with a tolerance of {units.significant(ladder.tolerance * 100)} points")
    return (name(label), ": ", foundation(ladder.target, *facts))
