"""How numbers read on a page: rounded, with interval, unit and marks; labels, and the footnotes that explain them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from evalrun import units
from evalrun.explain import DEFINITIONS, MARKS
from evalrun.report.page import Block, Quantity, Text, Verbatim, quantities_in
from evalrun.table import Metric

FOOTNOTED = (
    "accuracy", "accuracy_pessimistic", "accuracy_by", "ttft_s", "ttfo_s", "tpot_s", "icl_s", "e2e_s",
    "output_throughput", "good", "goodput", "correct_goodput", "ttft_exponent", "ttft_base_s", "ttft_linear",
    "ttft_quadratic", "ttft_fit_error", "effective_context", "prefill_throughput", "cost_per_request_usd",
    "cached_share", "refused", "cache_leaks", "cache_misses", "doubtful", "bound_s", "pass_at_k", "pass_hat_k",
    "avg_at_k", "maj_at_k", "in_flight",
)  # fmt: skip
GROUPED = "accuracy_by"
"""The number of which a table shows one for each group of samples, with how many they are."""
QuantityColumn = Mapping[tuple[str, str], Quantity]
"""Numbers by their name and what they are narrowed to."""


def of_metric(metric: Metric, where: tuple[str, ...], *, alerts: tuple[str, ...] = ()) -> Quantity:
    """Return a metric as a number of a page."""
    unit = DEFINITIONS[metric.name].unit
    shown = units.reading(metric.value, metric.low, metric.high, unit=unit)
    shown += f" for {units.count(metric.n)}" if metric.of == "known part" else ""
    shown += f" of {units.count(metric.n)}" if metric.name == GROUPED and metric.value is not None else ""
    return Quantity(
        name=metric.name, of=metric.of, value=metric.value, low=metric.low, high=metric.high, n=metric.n, unit=unit,
        marks=metric.marks, shown=shown + "".join(MARKS[mark][0] for mark in metric.marks), where=where, alerts=alerts,
    )  # fmt: skip


def measured(
    metric: str, value: float | Decimal | None, low: float | None = None, high: float | None = None, *, of: str = "",
    unit: str, n: int | None = None, where: tuple[str, ...],
) -> Quantity:  # fmt: skip
    """Return a number that is no metric of a table."""
    shown = units.reading(value, low, high, unit=unit)
    return Quantity(name=metric, of=of, value=value, low=low, high=high, n=n, unit=unit, shown=shown, where=where)


def keyed(metrics: Iterable[Metric], where: tuple[str, ...], *, alerts: tuple[str, ...] = ()) -> QuantityColumn:
    """Return metrics as numbers of a page."""
    return {(metric.name, metric.of): of_metric(metric, where, alerts=alerts) for metric in metrics}


def label(metric: str, of: str = "") -> Text:
    """Return a number's label: `TTFT p95`, `failed: stall`, `pass@8`."""
    definition = DEFINITIONS[metric]
    if definition.label.endswith(("@k", "^k")):
        k, _, rest = of.partition(" ")
        return (definition.label[:-1], Verbatim(k), (": ", Verbatim(rest)) if rest else "")
    if not of:
        return definition.label
    if metric == GROUPED:
        return ("accuracy, ", Verbatim(of))
    return f"{definition.label} {of}" if definition.unit == "s" else (f"{definition.label}: ", Verbatim(of))


def worth_showing(columns: Sequence[QuantityColumn]) -> list[tuple[str, str]]:
    """Return which numbers of columns side by side are worth a row, in the order of `explain`; else as they came.

    A number that is optional by its definition, or narrowed to a kind, is not where it is unknown in every column, or a
    count of what never happened. A measured zero is news, and so is a count that could have been unknown, or a number
    that is withheld.
    """
    found = []
    for key in dict.fromkeys(key for column in columns for key in column):
        definition = DEFINITIONS[key[0]]
        known = [value for column in columns if key in column and (value := column[key].value) is not None]
        known += [1 for column in columns if key in column and "withheld" in column[key].marks]
        counted = definition.unit == "count" and not definition.absent
        if not (definition.optional or key[1]) or key[0] == GROUPED or (any(known) if counted else known):
            found.append(key)
    order = list(DEFINITIONS)
    return sorted(found, key=lambda key: order.index(key[0]))


def explained(numbers: Sequence[Quantity], blocks: Iterable[Block]) -> Iterator[Text]:
    """Return the marks that numbers have, and the definitions of those in the blocks that need one."""
    marks = {mark for each in numbers for mark in each.marks}
    for mark, (symbol, text) in MARKS.items():
        if mark in marks:
            yield (Verbatim(symbol), " ", text) if symbol else text
    shown = {each.name for each in quantities_in(blocks)}
    yield from (f"{one.label}: {one.brief}" for each, one in DEFINITIONS.items() if each in FOOTNOTED and each in shown)


def p_value(p: float | None) -> str:
    """Return a p-value with two digits."""
    if p is None:
        return units.UNKNOWN
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
