"""A gate for GitHub Actions: the step summary, annotations, and quoting for the job's log. Writes nothing.

The summary is Markdown for $GITHUB_STEP_SUMMARY. Annotations and quoted texts are for standard output, which the
runner searches for workflow commands: all else that a model, a server or a data set wrote goes there quoted.
"""

from collections.abc import Iterable, Iterator

from evalrun.escape import markdown as encode
from evalrun.escape import workflow
from evalrun.gate.values import Gate
from evalrun.report import gate_lines, lines, markdown
from evalrun.report.gate_lines import KINDS
from evalrun.table import Table

LIMIT = 900 * 1024
"""Bytes of a summary. GitHub refuses a step's summary whole when it is over 1 MiB."""
ANNOTATIONS = 10
"""GitHub shows ten of a step and drops the rest without a word."""

_CELL = 200  # characters of somebody else's text in a cell
_MESSAGE = 1_000


def summary(gate: Gate, table: Table | None = None, *, limit: int = LIMIT) -> str:
    """Return the gate and its table as Markdown of at most `limit` bytes, cut at whole lines.

    Warnings and rules may take half of it and the table a quarter. The failing samples get what is left, worst first.
    """
    page = [f"## evalrun: {gate.word}", "", f"**suite {gate_lines.text(gate.suite, encode, _CELL)}**", ""]
    page += _within(_about(gate, table), limit // 8)
    page += _within(_rules(gate), limit * 3 // 8)
    if table is not None:
        page += _within(markdown.render(table).splitlines(), limit // 4)
    page += _within(_samples(gate), limit - _size(page))
    return "\n".join(page) + "\n"


def annotations(gate: Gate) -> str:
    """Return at most ten `::error` and `::warning` lines, worst first; nothing for a gate that passed.

    A rule that regressed is an error; what is inconclusive, and samples, are warnings.
    """
    if gate.word == "pass":
        return ""
    found = [
        (
            "error" if ruling.word == "regressed" else "warning",
            f"{ruling.word}: {ruling.rule} ({ruling.task or lines.ALL_TASKS}, {ruling.target}): {ruling.why}",
        )
        for ruling in gate_lines.rulings(gate)
        if ruling.word != "pass"
    ]
    for sample in gate_lines.failing(gate):
        what = f"{KINDS[sample.kind]}: {sample.task}, {sample.target}, {sample.sample_id}"
        found.append(("warning", "; ".join((what, *gate_lines.said(sample, str)))))
    if len(found) > ANNOTATIONS:
        more = len(found) - ANNOTATIONS + 1
        found[ANNOTATIONS - 1 :] = [("warning", f"and {more:,} more; the step summary lists the worst of them")]
    return "".join(f"::{level} title=evalrun::{gate_lines.text(text, workflow, _MESSAGE)}\n" for level, text in found)


def quoted(text: str, *, token: str) -> str:
    """Return `text` between `::stop-commands::` and the token that ends it. Make a new random token for every text."""
    if not token.isalnum() or token in text:
        raise ValueError("the token must be letters and digits, and unknown to the text")
    return f"::stop-commands::{token}\n{text.removesuffix(chr(10))}\n::{token}::\n"


def _about(gate: Gate, table: Table | None) -> Iterator[str]:
    yield from (f"- {label}: {text}" for label, text in gate_lines.about(gate, table, encode))
    yield ""


def _rules(gate: Gate) -> Iterator[str]:
    yield "| verdict | rule | task | target | value | difference | why |"
    yield "|---|---|---|---|---:|---:|---|"
    for ruling in gate_lines.rulings(gate):
        yield _row(
            ruling.word if ruling.word == "pass" else f"**{ruling.word}**",
            gate_lines.text(ruling.rule, encode, _CELL),
            gate_lines.task(ruling.task, encode),
            lines.name(ruling.target, encode),
            gate_lines.value(ruling).replace("->", "→"),
            gate_lines.difference(ruling.comparison),
            gate_lines.why(ruling, encode),
        )
    yield ""


def _samples(gate: Gate) -> Iterator[str]:
    if not gate.failing:
        return
    yield ""
    yield f"**Failing samples** ({len(gate.failing):,})"
    yield ""
    yield "| what | task | target | sample | answered | expected | message |"
    yield "|---|---|---|---|---|---|---|"
    for sample in gate_lines.failing(gate):
        names = (lines.name(name, encode) for name in (sample.task, sample.target))
        texts = (sample.sample_id, sample.answer, sample.expected, sample.message)
        yield _row(KINDS[sample.kind], *names, *(gate_lines.text(text, encode, _CELL) for text in texts))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _within(rows: Iterable[str], limit: int) -> list[str]:
    """Return the first rows that fit into so many bytes, and a last one saying how many did not."""
    everything = list(rows)
    if _size(everything) <= limit:
        return everything
    kept, left = 0, limit - 100  # room for the last one
    while (left := left - _size([everything[kept]])) >= 0:
        kept += 1
    more = len(everything) - kept
    return [*everything[:kept], "", f"{more:,} more lines are left out here; the run's folder has everything.", ""]


def _size(rows: list[str]) -> int:
    return sum(len(row.encode()) + 1 for row in rows)
