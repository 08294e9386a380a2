"""`evalrun gate`: what the rules say of a run, on the terminal and in the files that continuous integration reads."""

import os
import secrets
from pathlib import Path

from evalrun.cli.exits import NO_VERDICT, OK, REGRESSED, say, width, write
from evalrun.cli.held import Held, Means, sides
from evalrun.cli.results import table_of
from evalrun.gate.judge import judge
from evalrun.gate.values import Gate
from evalrun.report import ci, render
from evalrun.report.gate import gate_page
from evalrun.store import open_run, replace_file

CODES = {"pass": OK, "regressed": REGRESSED, "inconclusive": NO_VERDICT}


def gate_run(
    folder: Path,
    held: Held,
    *,
    means: Means | None = None,
    form: str = "text",
    junit: Path | None = None,
    summary: Path | None = None,
    benchmark: Path | None = None,
    annotations: bool = False,
) -> int:
    """Print what the gate says of a run, write what was asked for; give 0 pass, 1 regressed, 3 inconclusive.

    means: ask more repeats of the run where they may decide it.
    """
    if means is None:
        gate = gate_of(folder, held)
    else:
        from evalrun.cli.gate_decide import decide_gate  # it imports what asks, which judging does without

        found = decide_gate(folder, held, means)
        if isinstance(found, int):
            return found  # it was interrupted
        gate = found
    text = render([gate_page(gate)], form, width=width())
    if form == "text" and os.environ.get("GITHUB_ACTIONS") == "true":  # model text must not command the runner
        text = ci.quoted(text, token=secrets.token_hex(16))
    write(text, end="")
    if means is None and gate.word == "inconclusive" and not gate.stuck:
        say("more repeats of this run may decide it: give --decide --max-cost USD, or --max-repeats N")
    if annotations:
        write(ci.annotations(gate), end="")
    if junit or summary or benchmark:
        table = table_of(open_run(folder))
        if junit:
            _write(junit, ci.junit(gate, table))
        if summary:
            _write(summary, ci.summary(gate, table))
        if benchmark:
            _write(benchmark.with_suffix(".smaller.json"), ci.charts(table, "smaller"))
            _write(benchmark.with_suffix(".bigger.json"), ci.charts(table, "bigger"))
    return CODES[gate.word]


def gate_of(folder: Path, held: Held) -> Gate:
    """Judge a run without asking anything. A missing baseline is said."""
    asked, new, base = sides(folder, held)
    return judge(asked, new, base, across_prompts=held.across_prompts)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, [text.encode("utf-8", "backslashreplace")])
