"""The page of a plan: what each task will take at each target, and in all. Nothing is estimated here but the sums."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TypeVar

from evalrun import units
from evalrun.estimate import Detects, Estimate
from evalrun.report import quantity
from evalrun.report.page import Block, BlockRow, Page, Quantity, Text, Verbatim, joined, name, quantities_in, sections

COLUMNS = ("suite", "task", "target")

ROWS = {
    "samples": ("samples", "count"),
    "repeats": ("repeats", "count"),
    "requests": ("requests", "count"),
    "prompt_tokens": ("prompt tokens, about", "tokens"),
    "output_tokens": ("output tokens, about", "tokens"),
    "worst_usd": ("worst cost", "usd"),
    "expected_usd": ("expected cost", "usd"),
    "in_flight": ("in flight", "count"),
    "seconds": ("time, about", "s"),
    "difference": ("detectable drop", "pt"),
}
"""Label and unit of each row, by its name in `Estimate` and `Detects`."""

PREMISES = (
    "worst cost: every byte of a prompt is a token, every answer as long as it may be, each request billed once",
    "expected cost: like what was seen, nothing from the provider's cache",
    "time: targets and tasks one after another, as many requests in flight as allowed",
    "detectable drop: the smallest drop of accuracy found 4 times in 5 by the two-sided test at 5 %, of one task alone,"
    " if the samples that drop turn wrong for good",
)

Sum = TypeVar("Sum", float, Decimal)


def plan_page(suite: str, estimates: Sequence[Estimate], *, cap_usd: Decimal | None, notes: Sequence[str]) -> Page:
    """Return the page of a plan. cap_usd: the suite's cap. notes: what the reader must know."""
    requests = sum(one.requests for one in estimates)
    worst = _sum([one.worst_usd for one in estimates])
    expected = _sum([one.expected_usd for one in estimates])
    seconds = _sum([one.seconds for one in estimates])
    total = f"{requests:,} requests, {units.usd(worst)} at worst, {units.usd(expected)} expected, about "
    tasks = dict.fromkeys(one.task for one in estimates)
    blocks = [_block(suite, task, [one for one in estimates if one.task == task]) for task in tasks]
    return Page(
        title=("plan of suite ", Verbatim(suite), f": {total}{units.seconds(seconds)}{_verdict(worst, cap_usd)}"),
        blocks=blocks,
        sections=sections(("Detectable drops", dict.fromkeys(map(_detection, estimates)))),
        notes=(*map(Verbatim, notes), *_sources(estimates), *PREMISES),
        columns=COLUMNS,
        quantities=quantities_in(blocks),
        data={
            "suite": suite,
            "max_cost_usd": cap_usd,
            "requests": requests,
            "worst_usd": worst,
            "expected_usd": expected,
            "seconds": seconds,
            "estimates": estimates,
            "premises": PREMISES,
            "notes": notes,
        },
    )


def _sum(values: Sequence[Sum | None]) -> Sum | None:
    """Return the sum, None where a part of it is unknown."""
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(values) else None


def _verdict(worst: Decimal | None, cap_usd: Decimal | None) -> str:
    if cap_usd is None:
        return ""
    verdict = "unknown against" if worst is None else "within" if worst <= cap_usd else "at worst beyond"
    return f"; {verdict} the cap of {units.usd(cap_usd)}"


def _block(suite: str, task: str, estimates: Sequence[Estimate]) -> Block:
    rows = [
        BlockRow(label, [_number(suite, one, field, unit) for one in estimates])
        for field, (label, unit) in ROWS.items()
    ]
    return Block(name(task), [name(one.target) for one in estimates], rows)


def _number(suite: str, one: Estimate, field: str, unit: str) -> Quantity:
    value = getattr(one.detects if field == "difference" else one, field)
    return quantity.measured(field, value, unit=unit, where=(suite, one.task, one.target))


def _detection(one: Estimate) -> Text:
    """Return what finding half of the difference takes."""
    found = one.detects
    noise = f": {found.noise:.0%} of samples flip between equal runs ("
    start = (name(one.task), " at ", name(one.target), noise, Verbatim(found.why), ")")
    if found.difference is None:
        return (*start, "; no drop can be found with so few samples")
    half = units.reading(found.difference / 2, unit="pt")
    ways = " or ".join(_ways(found)) or "more than repeats can give"
    return (*start, f"; to find half of the difference, {half}, takes {ways}")


def _ways(found: Detects) -> Iterator[str]:
    if found.samples:
        yield f"{found.samples:,} samples ({units.usd(found.samples_usd)})"
    if found.repeats:
        yield f"{found.repeats} repeats of each ({units.usd(found.repeats_usd)})"


def _sources(estimates: Sequence[Estimate]) -> Iterator[Text]:
    yield ("prompt tokens: ", joined("; ", map(Verbatim, dict.fromkeys(one.tokens_from for one in estimates))))
    if unseen := [f"{one.task} at {one.target}" for one in estimates if not one.seen_from]:
        how = " are unknown: ask a few samples (--pilot 5), or name a --baseline"
        yield ("expected cost and time of ", joined(", ", map(Verbatim, unseen)), how)
