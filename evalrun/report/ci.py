"""A gate for continuous integration: JUnit XML, GitHub's step summary and annotations, numbers for charts.

In JUnit a <failure> is the model's doing: a rule that regressed, an answer that is wrong or was cut off. An <error> is
in the way of a verdict: an inconclusive rule, a request that failed, an answer without a score. Failing samples are
listed whether or not the gate passes: the suite `gate` is the verdict, the other one is reading.
"""

import itertools
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from evalrun.escape import clip, code, markdown, workflow, xml
from evalrun.gate.values import Gate
from evalrun.report.gate import Finding, clipped, rules, samples
from evalrun.report.markdown import folded, render
from evalrun.report.page import Quantity, Text, encoded, name
from evalrun.report.quantity import label
from evalrun.report.table import alerts, table_page
from evalrun.table import Mark, Table

# ---------------------------------------------------------------- JUnit

JUNIT_LIMIT = 8 * 2**20
"""Bytes of cases; what is over is left out, the least bad first, and counted. GitLab refuses large reports."""


def junit(gate: Gate, table: Table | None = None, *, limit: int = JUNIT_LIMIT) -> str:
    """Return the gate as a JUnit document, worst first. Its encoding is UTF-8."""
    found, every = list(rules(gate)), list(samples(gate))
    kept = every[: _fitting((_case(finding, 1) for finding in every), limit)]
    about = [(title, encoded(text, xml)) for title, text in _about(gate, table)]
    if left_out := len(every) + gate.left_out - len(kept):
        about.append(("left out", f"{left_out:,} further failing samples; the run's folder has them all"))
    suite = encoded(clipped(gate.suite), xml)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<testsuites name="evalrun: {suite}" {_counts([*found, *kept])}>')
    lines += _suite(f"{suite}: gate", found, about)
    lines += _suite(f"{suite}: failing samples", kept, ())
    return "\n".join([*lines, "</testsuites>\n"])


def _suite(title: str, found: Sequence[Finding], properties: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f'<testsuite name="{title}" {_counts(found)}>'
    shown = [f'<property name="{key}" value="{text}"/>' for key, text in properties]
    yield from ("<properties>", *shown, "</properties>") if shown else ()
    times: Counter[tuple[Any, ...]] = Counter()
    for finding in found:
        place = (finding.task, finding.target, finding.subject)
        times[place] += 1
        yield from _case(finding, times[place])
    yield "</testsuite>"


def _case(finding: Finding, time: int) -> Iterator[str]:
    """Return a case's lines. A repeated name gets a number: readers keep only the first of equal names."""
    group = encoded((name(finding.task), ", ", name(finding.target)), xml)
    title = encoded(finding.subject, xml) + (f" ({time})" if time > 1 else "")
    opening = f'<testcase classname="{group}" name="{title}"'
    if not finding.blame:
        yield f"{opening}/>"
        return
    yield f"{opening}>"
    yield f'<{finding.blame} type="{finding.word}" message="{encoded(finding.why, xml)}">'
    yield from (encoded(line, xml) for line in finding.details)
    yield f"</{finding.blame}>"
    yield "</testcase>"


def _counts(found: Sequence[Finding]) -> str:
    blamed = Counter(finding.blame for finding in found)
    return f'tests="{len(found)}" failures="{blamed["failure"]}" errors="{blamed["error"]}" skipped="0"'


def _about(gate: Gate, table: Table | None) -> Iterator[tuple[str, Text]]:
    """Return what the reader must know of the gate, by title."""
    yield "run", clipped(gate.run)
    yield "baseline", "none" if gate.baseline is None else clipped(gate.baseline)
    yield from (("warning", alert) for alert in (alerts(table) if table else ()))
    yield from (("note", clipped(note)) for note in gate.notes)


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
    about = [f"- {title}: {encoded(text, markdown)}" for title, text in _about(gate, table)]
    page += _within([*about, ""], limit // 8)
    page += _within([*_rows("verdict", "rule", rules(gate, clip=_CELL)), ""], limit * 3 // 8)
    if table is not None:
        found = table_page(table)
        page += _within(render([found.brief or found], width=0).splitlines(), limit // 8)
        numbers = _within(render([replace(found, brief=None)], width=0).splitlines(), limit // 8)
        page += ["", *folded("All numbers", numbers)]
    if gate.failing:
        shown, every = len(gate.failing), len(gate.failing) + gate.left_out
        count = f"{every:,}" if shown == every else f"{every:,}, the worst {shown:,} of them here"
        failing = ["", f"**Failing samples** ({count})", ""]
        failing += _rows("what", "sample", samples(gate, clip=_CELL))
        page += _within(failing, limit - _size(page))
    return "\n".join(page) + "\n"


def _rows(word: str, subject: str, found: Iterable[Finding]) -> Iterator[str]:
    """Return findings as a table."""
    yield f"| {word} | {subject} | task | target | why |"
    yield "|---|---|---|---|---|"
    for one in found:
        shown = f"**{one.word}**" if one.blame else one.word
        cells = (shown, one.subject, name(one.task), name(one.target), one.why)
        yield "| " + " | ".join(encoded(cell, markdown) for cell in cells) + " |"


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
    found = [
        ("error" if one.word == "regressed" else "warning", encoded(one.sentence(), str))
        for one in (*rules(gate), *samples(gate))
        if one.blame
    ]
    if len(found) + gate.left_out > ANNOTATIONS:
        more = len(found) + gate.left_out - ANNOTATIONS + 1
        found[ANNOTATIONS - 1 :] = [("warning", f"and {more:,} more; the step summary lists the worst of them")]
    return "".join(f"::{level} title=evalrun::{encoded(clipped(text, _MESSAGE), workflow)}\n" for level, text in found)


def quoted(text: str, *, token: str) -> str:
    """Return `text` between `::stop-commands::` and the token that ends it. Make a new random token for every text."""
    if not token.isalnum() or token in text:
        raise ValueError("token: must be letters and digits that are not in the text; make a new one")
    return f"::stop-commands::{token}\n{text.removesuffix(chr(10))}\n::{token}::\n"


# ---------------------------------------------------------------- charts

ChartKind = Literal["smaller", "bigger"]
"""A direction. github-action-benchmark takes one for each file, so there are two files."""

CHARTED: dict[ChartKind, tuple[str, ...]] = {
    "bigger": (
        "accuracy", "accuracy_pessimistic", "output_throughput", "request_throughput", "good", "goodput",
        "correct_goodput",
    ),
    "smaller": (
        "failed", "not_sent", "unscored", "truncated", "ttft_s", "ttfo_s", "tpot_s", "icl_s", "max_stall_s", "e2e_s",
        "completion_tokens", "cost_usd", "cost_per_correct_usd",
    ),
}  # fmt: skip


def charts(table: Table, better: ChartKind) -> str:
    """Return the numbers of one direction. Unknown, infinite and invalid ones are left out: a chart has no mark."""
    found = [
        _entry(each, float(each.value))
        for each in table_page(table).quantities
        if each.name in CHARTED[better]
        and (not each.of or each.unit in ("s", "fraction"))  # kinds of failures come and go
        and each.value is not None and math.isfinite(each.value) and Mark.INVALID not in each.marks
    ]  # fmt: skip
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def _entry(each: Quantity, value: float) -> dict[str, Any]:
    """Return an entry. The action matches runs by its name, which it puts between backticks into a Markdown table."""
    _, _, task, target = each.where
    shown = (name(task or None), ", ", name(target), ", ", label(each.name, clip(each.of, 100)))
    entry: dict[str, Any] = {"name": code(encoded(shown, str)), "unit": each.unit, "value": value}
    if each.low is not None and each.high is not None:
        entry["range"] = f"{each.low:.4g} to {each.high:.4g}"
    if extra := [*([] if each.n is None else [f"n = {each.n}"]), *each.marks]:
        entry["extra"] = ", ".join(extra)
    return entry
