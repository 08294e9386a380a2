"""`evalrun gate`: what the rules say of a run, on the terminal and in the files that continuous integration reads."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from evalrun.cli.compare import BASELINES
from evalrun.cli.exits import NO_VERDICT, OK, REGRESSED, width, write
from evalrun.cli.results import table_of
from evalrun.compare.load import exists, load
from evalrun.errors import SuiteError
from evalrun.gate.judge import judge, rules
from evalrun.gate.values import Gate
from evalrun.report import benchmark as charts
from evalrun.report import compare_gate, github
from evalrun.report import junit as junit_xml
from evalrun.store import open_run, replace_file

CODES = {"pass": OK, "regressed": REGRESSED, "inconclusive": NO_VERDICT}


def gate_run(
    folder: Path,
    *,
    baseline_name: str | None = None,
    texts: Sequence[str] = (),
    baselines: Path = BASELINES,
    across_prompts: bool = False,
    form: str = "text",
    junit: Path | None = None,
    summary: Path | None = None,
    benchmark: Path | None = None,
    annotations: bool = False,
) -> int:
    """Print what the gate says of a run, write what was asked for; give 0 pass, 1 regressed, 3 inconclusive."""
    gate = gate_of(folder, baseline_name=baseline_name, texts=texts, baselines=baselines, across_prompts=across_prompts)
    text = compare_gate.as_json(gate) if form == "json" else compare_gate.text(gate, width=width())
    if form == "text" and os.environ.get("GITHUB_ACTIONS") == "true":  # model text must not command the runner
        text = github.quoted(text, token=secrets.token_hex(16))
    write(text, end="")
    if annotations:
        write(github.annotations(gate), end="")
    if junit or summary or benchmark:
        table = table_of(open_run(folder))
        if junit:
            _write(junit, junit_xml.render(gate, table))
        if summary:
            _write(summary, github.summary(gate, table))
        if benchmark:
            _write(benchmark.with_suffix(".smaller.json"), charts.render(table, "smaller"))
            _write(benchmark.with_suffix(".bigger.json"), charts.render(table, "bigger"))
    return CODES[gate.word]


def gate_of(
    folder: Path,
    *,
    baseline_name: str | None = None,
    texts: Sequence[str] = (),
    baselines: Path = BASELINES,
    across_prompts: bool = False,
) -> Gate:
    """Judge a run by `texts`, or by its suite's own `gates:` where none are given. A missing baseline is said."""
    asked = rules(texts)  # before a million records are read
    wanted = [str(folder)]
    if baseline_name is not None and exists(baseline_name, baselines=baselines):
        wanted.append(baseline_name)
    new, *rest = load(wanted, baselines=baselines)
    if new.kind != "run":
        raise SuiteError(f"{folder}: no run; a gate judges the folder of a run, like results/SUITE/UTC-HASH")
    return judge(asked or rules(new.gates), new, rest[0] if rest else None, across_prompts=across_prompts)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, [text.encode("utf-8", "backslashreplace")])
