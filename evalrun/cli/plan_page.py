"""Estimates as text and as JSON. Nothing is estimated here but the sums over tasks and targets."""

import json
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import msgspec

from evalrun import units
from evalrun.escape import tty
from evalrun.report.lines import Block, Row
from evalrun.report.text import laid_out, wrapped
from evalrun.run.estimate import Detects, Estimate
from evalrun.run.plan import Plan

PREMISES = (
    "worst cost: every byte of a prompt a token, every answer as long as may be, each request billed once",
    "expected cost: as what was seen, nothing from the provider's cache",
    "time: targets and tasks one after another, requests in flight as many as may be",
    "finds: the smallest fall of accuracy found 4 times in 5 by the two-sided test at 5 %, one task alone, if the"
    " samples that fall turn wrong for good",
)


def as_json(plan: Plan, estimates: Sequence[Estimate], notes: Sequence[str]) -> str:
    """Return everything with full precision; dollars are strings."""
    cap = plan.suite.limits.max_cost_usd
    page = {
        "suite": plan.suite.name,
        "max_cost_usd": None if cap is None else f"{cap:f}",
        "requests": sum(one.requests for one in estimates),
        "worst_usd": _total([one.worst_usd for one in estimates]),
        "expected_usd": _total([one.expected_usd for one in estimates]),
        "seconds": _all([one.seconds for one in estimates]),
        "estimates": msgspec.to_builtins(list(estimates)),
        "premises": PREMISES,
        "notes": list(notes),
    }
    return json.dumps(msgspec.to_builtins(page), indent=1) + "\n"


def as_text(plan: Plan, estimates: Sequence[Estimate], notes: Sequence[str], *, width: int) -> str:
    """Return a block for each task, the sums, and what the numbers rest on."""
    out: list[str] = []
    for task in plan.suite.tasks:
        mine = [one for one in estimates if one.task == task]
        out += laid_out(Block(tty(task), tuple(tty(one.target) for one in mine), tuple(_rows(mine))), width)
        for text in dict.fromkeys(_detection(one) for one in mine):
            out += ["", *wrapped(text, width, rest="  ")]
    out += ["", *wrapped(_sums(plan, estimates), width, rest="  ")]
    for note in (*notes, *_sources(estimates), *PREMISES):
        out += wrapped(tty(note), width, rest="  ")
    return "\n".join(line.rstrip() for line in out).lstrip("\n") + "\n"


def _rows(mine: Sequence[Estimate]) -> Iterator[Row]:
    def row(label: str, value: Callable[[Estimate], str]) -> Row:
        return Row(label, "", label, tuple(value(one) for one in mine))

    yield row("samples x repeats", lambda one: f"{one.samples:,} x {one.repeats}")
    yield row("requests", lambda one: units.count(one.requests))
    yield row("prompt tokens, about", lambda one: units.count(one.prompt_tokens))
    yield row("output tokens, about", lambda one: units.count(one.output_tokens))
    yield row("worst cost", lambda one: units.usd(one.worst_usd))
    yield row("expected cost", lambda one: units.usd(one.expected_usd))
    yield row("in flight", lambda one: units.count(one.in_flight))
    yield row("time, about", lambda one: units.seconds(one.seconds))
    yield row("finds a fall of", lambda one: _points(one.detects.difference))


def _points(share: float | None) -> str:
    return units.UNKNOWN if share is None else f"{share * 100:.1f} pt"


def _detection(one: Estimate) -> str:
    """Say what finding half of the difference takes."""
    found = one.detects
    start = f"{tty(one.task)} at {tty(one.target)}: {found.noise:.0%} of samples flip between equal runs ({found.why})"
    if found.difference is None:
        return f"{start}; so few samples find nothing"
    ways = [text for text in (_more_samples(found), _more_repeats(found)) if text]
    half = _points(found.difference / 2)
    return f"{start}; half of the difference, {half}, takes {' or '.join(ways) or 'more than repeats can give'}"


def _more_samples(found: Detects) -> str:
    return f"{found.samples:,} samples ({units.usd(found.samples_usd)})" if found.samples else ""


def _more_repeats(found: Detects) -> str:
    return f"{found.repeats} repeats of each ({units.usd(found.repeats_usd)})" if found.repeats else ""


def _sums(plan: Plan, estimates: Sequence[Estimate]) -> str:
    cap = plan.suite.limits.max_cost_usd
    worst, expected = (_sum([getattr(one, name) for one in estimates]) for name in ("worst_usd", "expected_usd"))
    took = _all([one.seconds for one in estimates])
    text = (
        f"in all: {sum(one.requests for one in estimates):,} requests, {units.usd(worst)} at worst,"
        f" {units.usd(expected)} expected, about {units.seconds(took)}"
    )
    if cap is None:
        return text
    verdict = "unknown against" if worst is None else "within" if worst <= cap else "at worst beyond"
    return f"{text}; {verdict} the cap of {units.usd(cap)}"


def _sources(estimates: Sequence[Estimate]) -> Iterator[str]:
    yield f"prompt tokens: {'; '.join(dict.fromkeys(one.tokens_from for one in estimates))}"
    if unseen := [f"{one.task} at {one.target}" for one in estimates if not one.seen_from]:
        yield f"expected cost and time of {', '.join(unseen)} are unknown: ask a few (--pilot 5), or name a --baseline"


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if len(known) == len(values) else None


def _total(values: Sequence[Decimal | None]) -> str | None:
    total = _sum(values)
    return None if total is None else f"{total:f}"


def _all(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
