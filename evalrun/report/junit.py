"""A gate as JUnit XML: a case for each ruling and for each failing sample. Not here: the table, durations.

    <failure>  the model's doing: a rule that regressed; an answer that is wrong or was cut off
    <error>    no verdict on it: an inconclusive rule; a request that failed, an answer that could not be scored

Failing samples are listed whether or not the gate passes: the suite `gate` is the verdict, the other one is reading.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from evalrun.escape import xml as encode
from evalrun.gate.values import Failing, Gate, Ruling
from evalrun.report import gate_lines, lines
from evalrun.report.gate_lines import KINDS
from evalrun.table import Table

LIMIT = 8 * 2**20
"""Bytes of cases; what is over is left out, the least bad first, and counted. GitLab refuses large reports."""

_OUTCOME = {"pass": "", "regressed": "failure", "wrong": "failure", "truncated": "failure"}  # else: error


class Case(NamedTuple):
    """One test case, its texts encoded. outcome: failure, error, or empty where it passed."""

    group: str
    name: str
    outcome: str
    kind: str
    message: str
    details: tuple[str, ...]


def render(gate: Gate, table: Table | None = None, *, limit: int = LIMIT) -> str:
    """Return the gate as a JUnit document, worst first. Its encoding is UTF-8."""
    rules = [_of_ruling(ruling) for ruling in gate_lines.rulings(gate)]
    kept, left_out = _within([_of_failing(sample) for sample in gate_lines.failing(gate)], limit)
    about = [*gate_lines.about(gate, table, encode)]
    if left_out:
        about.append(("left out", f"{left_out:,} further failing samples; the run's folder has them all"))
    name = gate_lines.text(gate.suite, encode)
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuites name="evalrun: {name}" {_counts([*rules, *kept])}>',
            *_suite(f"{name}: gate", rules, about),
            *_suite(f"{name}: failing samples", kept, ()),
            "</testsuites>\n",
        )
    )


def _of_ruling(ruling: Ruling) -> Case:
    details = [f"value: {gate_lines.value(ruling)}"]
    if ruling.comparison is not None:
        details += gate_lines.evidence(ruling.comparison, encode)
    return Case(
        group=_group(ruling.task, ruling.target),
        name=gate_lines.text(ruling.rule, encode),
        outcome=_OUTCOME.get(ruling.word, "error"),
        kind=ruling.word,
        message=gate_lines.why(ruling, encode),
        details=tuple(details),
    )


def _of_failing(sample: Failing) -> Case:
    return Case(
        group=_group(sample.task, sample.target),
        name=gate_lines.text(sample.sample_id, encode),
        outcome=_OUTCOME.get(sample.kind, "error"),
        kind=sample.kind,
        message=gate_lines.text(sample.message, encode) or KINDS[sample.kind],
        details=tuple(gate_lines.said(sample, encode)),
    )


def _group(task: str | None, target: str) -> str:
    return f"{gate_lines.task(task, encode)}, {lines.name(target, encode)}"


def _within(cases: list[Case], limit: int) -> tuple[list[Case], int]:
    """Return the first cases whose elements fit into so many bytes, and how many do not."""
    left = limit
    for number, case in enumerate(cases):
        left -= sum(len(line.encode()) + 1 for line in _element(case, 1))
        if left < 0:
            return cases[:number], len(cases) - number
    return cases, 0


def _suite(name: str, cases: list[Case], properties: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f'<testsuite name="{name}" {_counts(cases)}>'
    shown = [f'<property name="{label}" value="{text}"/>' for label, text in properties]
    yield from ("<properties>", *shown, "</properties>") if shown else ()
    times: Counter[tuple[str, str]] = Counter()
    for case in cases:
        times[case.group, case.name] += 1
        yield from _element(case, times[case.group, case.name])
    yield "</testsuite>"


def _element(case: Case, number: int) -> Iterator[str]:
    """Return a case's lines. A repeated name gets a number: readers keep only the first of equal names."""
    name = case.name if number == 1 else f"{case.name} ({number})"
    opening = f'<testcase classname="{case.group}" name="{name}"'
    if not case.outcome:
        yield f"{opening}/>"
        return
    yield f"{opening}>"
    yield f'<{case.outcome} type="{case.kind}" message="{case.message}">'
    yield from case.details
    yield f"</{case.outcome}>"
    yield "</testcase>"


def _counts(cases: list[Case]) -> str:
    failures = sum(case.outcome == "failure" for case in cases)
    errors = sum(case.outcome == "error" for case in cases)
    return f'tests="{len(cases)}" failures="{failures}" errors="{errors}" skipped="0"'
