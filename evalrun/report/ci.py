"""A gate for continuous integration: JUnit XML, GitHub's step summary and annotations, numbers for charts.

In JUnit a <failure> is the model's doing: a rule that regressed, an answer that is wrong or was cut off. An <error> is
in the way of a verdict: an inconclusive rule, a request that failed, an answer without a score. Failing samples are
listed whether or not the gate passes: the suite `gate` is the verdict, the other one is reading.
"""

import itertools
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from evalrun import escape
from evalrun.escape import code, markdown, workflow, xml
from evalrun.explain import DEFINITIONS
from evalrun.gate.values import Failing, Gate, Ruling
from evalrun.report import gate as sentences
from evalrun.report.gate import KINDS, clipped
from evalrun.report.markdown import render
from evalrun.report.page import ALL_TASKS, Text, encoded, joined, name
from evalrun.report.quantity import label
from evalrun.report.table import table_page
from evalrun.table import Cell, Mark, Metric, Table

# ---------------------------------------------------------------- JUnit

JUNIT_LIMIT = 8 * 2**20
"""Bytes of cases; what is over is left out, the least bad first, and counted. GitLab refuses large reports."""

_OUTCOME = {"pass": "", "regressed": "failure", "wrong": "failure", "truncated": "failure"}  # else: error


class JunitCase(NamedTuple):
    """One test case, its texts encoded. outcome: failure, error, or empty where it passed."""

    group: str
    name: str
    outcome: str
    kind: str
    message: str
    details: list[str]


def junit(gate: Gate, table: Table | None = None, *, limit: int = JUNIT_LIMIT) -> str:
    """Return the gate as a JUnit document, worst first. Its encoding is UTF-8."""
    rules = [_of_ruling(ruling) for ruling in sentences.rulings(gate)]
    samples = [_of_failing(sample) for sample in sentences.failing(gate)]
    kept = samples[: _fitting((_element(case, 1) for case in samples), limit)]
    about = [(label, encoded(text, xml)) for label, text in sentences.about(gate, table)]
    if left_out := len(samples) - len(kept):
        about.append(("left out", f"{left_out:,} further failing samples; the run's folder has them all"))
    suite = encoded(clipped(gate.suite), xml)
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuites name="evalrun: {suite}" {_counts([*rules, *kept])}>',
            *_suite(f"{suite}: gate", rules, about),
            *_suite(f"{suite}: failing samples", kept, ()),
            "</testsuites>\n",
        )
    )


def _of_ruling(ruling: Ruling) -> JunitCase:
    evidence = sentences.because(ruling.comparison) if ruling.comparison else ()
    return JunitCase(
        group=_group(ruling.task, ruling.target),
        name=encoded(clipped(ruling.rule), xml),
        outcome=_OUTCOME.get(ruling.word, "error"),
        kind=ruling.word,
        message=encoded(sentences.why(ruling), xml),
        details=[encoded(line, xml) for line in (f"value: {sentences.value(ruling)}", *evidence)],
    )


def _of_failing(sample: Failing) -> JunitCase:
    return JunitCase(
        group=_group(sample.task, sample.target),
        name=encoded(clipped(sample.sample_id), xml),
        outcome=_OUTCOME.get(sample.kind, "error"),
        kind=sample.kind,
        message=encoded(clipped(sample.message), xml) or KINDS[sample.kind],
        details=[encoded(line, xml) for line in sentences.said(sample)],
    )


def _group(task: str | None, target: str) -> str:
    return encoded((name(task), ", ", name(target)), xml)


def _suite(title: str, cases: list[JunitCase], properties: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f'<testsuite name="{title}" {_counts(cases)}>'
    shown = [f'<property name="{label}" value="{text}"/>' for label, text in properties]
    yield from ("<properties>", *shown, "</properties>") if shown else ()
    times: Counter[tuple[str, str]] = Counter()
    for case in cases:
        times[case.group, case.name] += 1
        yield from _element(case, times[case.group, case.name])
    yield "</testsuite>"


def _element(case: JunitCase, time: int) -> Iterator[str]:
    """Return a case's lines. A repeated name gets a number: readers keep only the first of equal names."""
    title = case.name if time == 1 else f"{case.name} ({time})"
    opening = f'<testcase classname="{case.group}" name="{title}"'
    if not case.outcome:
        yield f"{opening}/>"
        return
    yield f"{opening}>"
    yield f'<{case.outcome} type="{case.kind}" message="{case.message}">'
    yield from case.details
    yield f"</{case.outcome}>"
    yield "</testcase>"


def _counts(cases: list[JunitCase]) -> str:
    failures = sum(case.outcome == "failure" for case in cases)
    errors = sum(case.outcome == "error" for case in cases)
    return f'tests="{len(cases)}" failures="{failures}" errors="{errors}" skipped="0"'


# ---------------------------------------------------------------- GitHub

SUMMARY_LIMIT = 900 * 1024
"""Bytes of a summary. GitHub refuses a step's summary whole when it is over 1 MiB."""
ANNOTATIONS = 10
"""GitHub shows ten of a step and drops the rest without a word."""

_CELL = 200  # characters of somebody else's text in a cell
_MESSAGE = 1_000


def summary(gate: Gate, table: Table | None = None, *, limit: int = SUMMARY_LIMIT) -> str:
    """Return the gate and its table as Markdown of at most `limit` bytes, cut at whole lines.

    Warnings and rules may take half of it and the table a quarter. The failing samples get what is left, worst first.
    """
    page = [f"## evalrun: {gate.word}", "", f"**suite {encoded(clipped(gate.suite, _CELL), markdown)}**", ""]
    about = [f"- {label}: {encoded(text, markdown)}" for label, text in sentences.about(gate, table)]
    page += _within([*about, ""], limit // 8)
    page += _within([*_rules(gate), ""], limit * 3 // 8)
    if table is not None:
        page += _within(render([table_page(table)], width=0).splitlines(), limit // 4)
    page += _within(list(_samples(gate)), limit - _size(page))
    return "\n".join(page) + "\n"


def _rules(gate: Gate) -> Iterator[str]:
    yield "| verdict | rule | task | target | value | difference | why |"
    yield "|---|---|---|---|---:|---:|---|"
    for ruling in sentences.rulings(gate):
        yield _cells(
            ruling.word if ruling.word == "pass" else f"**{ruling.word}**",
            clipped(ruling.rule, _CELL),
            name(ruling.task),
            name(ruling.target),
            sentences.value(ruling).replace("->", "→"),
            sentences.difference(ruling.comparison),
            sentences.why(ruling),
        )


def _samples(gate: Gate) -> Iterator[str]:
    if not gate.failing:
        return
    yield from ("", f"**Failing samples** ({len(gate.failing):,})", "")
    yield "| what | task | target | sample | answered | expected | message |"
    yield "|---|---|---|---|---|---|---|"
    for sample in sentences.failing(gate):
        texts = (sample.sample_id, sample.answer, sample.expected, sample.message)
        yield _cells(
            KINDS[sample.kind], name(sample.task), name(sample.target), *(clipped(text, _CELL) for text in texts)
        )


def _cells(*texts: Text) -> str:
    return "| " + " | ".join(encoded(text, markdown) for text in texts) + " |"


def _within(lines: list[str], limit: int) -> list[str]:
    """Return the first lines that fit into so many bytes, and a last one saying how many did not."""
    kept = _fitting(([line] for line in lines), limit)
    if kept == len(lines):
        return lines
    kept = _fitting(([line] for line in lines), limit - 100)  # room for the last one
    more = len(lines) - kept
    return [*lines[:kept], "", f"{more:,} more lines are left out here; the run's folder has everything.", ""]


def _fitting(chunks: Iterable[Iterable[str]], limit: int) -> int:
    """Return how many chunks of lines, from the first on, fit into so many bytes."""
    sizes = itertools.accumulate(_size(lines) for lines in chunks)
    return sum(1 for _ in itertools.takewhile(lambda size: size <= limit, sizes))


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def annotations(gate: Gate) -> str:
    """Return at most ten `::error` and `::warning` lines, worst first; nothing for a gate that passed.

    A rule that regressed is an error; what is inconclusive, and samples, are warnings.
    """
    if gate.word == "pass":
        return ""
    found: list[tuple[str, str]] = []
    for ruling in sentences.rulings(gate):
        if ruling.word != "pass":
            level = "error" if ruling.word == "regressed" else "warning"
            where = f"{ruling.task or ALL_TASKS}, {ruling.target}"
            found.append((level, f"{ruling.word}: {ruling.rule} ({where}): {ruling.why}"))
    for sample in sentences.failing(gate):
        what = f"{KINDS[sample.kind]}: {sample.task}, {sample.target}, {sample.sample_id}"
        found.append(("warning", encoded(joined("; ", (what, *sentences.said(sample))), str)))
    if len(found) > ANNOTATIONS:
        more = len(found) - ANNOTATIONS + 1
        found[ANNOTATIONS - 1 :] = [("warning", f"and {more:,} more; the step summary lists the worst of them")]
    return "".join(f"::{level} title=evalrun::{encoded(clipped(text, _MESSAGE), workflow)}\n" for level, text in found)


def quoted(text: str, *, token: str) -> str:
    """Return `text` between `::stop-commands::` and the token that ends it. Make a new random token for every text."""
    if not token.isalnum() or token in text:
        raise ValueError("token: must be letters and digits that are not in the text; make a new one")
    return f"::stop-commands::{token}\n{text.removesuffix(chr(10))}\n::{token}::\n"


# ---------------------------------------------------------------- charts

Better = Literal["smaller", "bigger"]
"""A direction. github-action-benchmark takes one for each file, so there are two files."""

CHARTED: dict[Better, tuple[str, ...]] = {
    "bigger": (
        "accuracy", "accuracy_pessimistic", "output_throughput", "request_throughput", "good", "goodput",
        "correct_goodput",
    ),
    "smaller": (
        "failed", "not_sent", "unscored", "truncated", "ttft_s", "ttfo_s", "tpot_s", "icl_s", "max_stall_s", "e2e_s",
        "completion_tokens", "cost_usd", "cost_per_correct_usd",
    ),
}  # fmt: skip


def charts(table: Table, better: Better) -> str:
    """Return the numbers of one direction. Unknown, infinite and invalid ones are left out: a chart has no mark."""
    found = [
        _entry(cell, metric)
        for cell in table.cells
        for metric in cell.metrics
        if metric.name in CHARTED[better] and _charted(metric)
    ]
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def _charted(metric: Metric) -> bool:
    if metric.value is None or not math.isfinite(metric.value) or Mark.INVALID in metric.marks:
        return False
    return not metric.of or DEFINITIONS[metric.name].unit in ("s", "fraction")  # kinds of failures come and go


def _entry(cell: Cell, metric: Metric) -> dict[str, Any]:
    """Return an entry. The action matches runs by its name, which it puts between backticks into a Markdown table."""
    shown = (name(cell.task), ", ", name(cell.target), ", ", label(metric.name, escape.clip(metric.of, 100)))
    entry: dict[str, Any] = {
        "name": code(encoded(shown, str)),
        "unit": DEFINITIONS[metric.name].unit,
        "value": float(metric.value) if metric.value is not None else None,
    }
    if metric.low is not None and metric.high is not None:
        entry["range"] = f"{metric.low:.4g} to {metric.high:.4g}"
    extra = [f"n = {metric.n}"] if metric.n is not None else []
    if extra := [*extra, *metric.marks]:
        entry["extra"] = ", ".join(extra)
    return entry
