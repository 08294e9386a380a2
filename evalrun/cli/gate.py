"""`evalrun gate`: what the rules say of a run, on the terminal and in the files that continuous integration reads."""

import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalrun.cli.exits import NO_VERDICT, OK, REGRESSED, say, width, write
from evalrun.cli.options import ACROSS, ALLOW, BASELINES, FORMAT, INLINE, NAME_OR_PATH, PATH, RUN, as_typed, options

if TYPE_CHECKING:
    from evalrun.gate.values import Gate

CODES = {"pass": OK, "regressed": REGRESSED, "inconclusive": NO_VERDICT}
DECIDING = ("max_cost", "max_repeats", "targets", "allowed", "allow_inline_secrets")


@click.command()
@RUN
@click.option("--baseline", type=NAME_OR_PATH, metavar="NAME|RUN", help="What the run is compared with.")
@click.option("--rule", "rules", multiple=True, help="Instead of the suite's gates; repeatable. See docs/gates.md.")
@options(BASELINES, ACROSS, FORMAT)
@click.option("--junit", type=PATH, help="Write JUnit XML.")
@click.option("--summary", type=PATH, help="Write Markdown for a step summary.")
@click.option("--benchmark-json", "benchmark", type=PATH, help="Write charts: FILE.smaller.json, FILE.bigger.json.")
@click.option("--annotations", is_flag=True, help="Print GitHub annotations, at most ten.")
@click.option("--decide", is_flag=True, help="Where more repeats may decide it, ask them: 2, 4, 8 of each sample, ...")
@click.option("--max-cost", metavar="USD", help="Most US dollars to spend on deciding, beyond what the run cost.")
@click.option(
    "--max-repeats",
    type=click.IntRange(2),
    metavar="N",
    help="Most repeats; enough where asking is free.",
)
@click.option("-t", "--target", "targets", multiple=True, metavar="FILE", help="Where a target of the run is now.")
@options(ALLOW, INLINE)
def gate(folder: Path, decide: bool, form: str, annotations: bool, **options: Any) -> int:
    """Check a run against rules: pass, regressed or inconclusive.

    Alone or against a baseline. Exit codes: 0 pass, 1 regressed, 3 inconclusive. docs/gates.md has the rules.

    With --decide, an inconclusive change of what the model answers is decided: the run's samples are asked again, into
    its folder, in rounds that double their number. It stops as soon as the rules are decided, or before a round would
    pass --max-cost or --max-repeats. However many rounds there are, no more than 5 % of decisions are false alarms.

    \b
    evalrun gate results/math --rule 'accuracy >= 0.8'
    evalrun gate results/math --baseline main --decide --max-cost 2
    evalrun gate results/math --baseline main --decide --max-repeats 16
    """
    from evalrun.api import open_run

    typed = {name: options.pop(name) for name in DECIDING}
    if not decide and (
        given := [param for param in click.get_current_context().command.params if typed.get(param.name or "")]
    ):
        raise click.UsageError(f"{given[0].opts[-1]} goes with --decide")
    criteria = {name: options.pop(name) for name in ("rules", "baseline", "baselines", "across_prompts")}
    if decide:
        found = _decided(folder, criteria, typed)
        if isinstance(found, int):
            return found  # it was interrupted
    else:
        found = open_run(folder).gate(**criteria, on_notice=say)
    _print(found, form)
    if not decide and found.word == "inconclusive" and not found.stuck:
        say("more repeats of this run may decide it: add --decide --max-cost USD, or --decide --max-repeats N")
    if annotations:
        from evalrun.report import ci

        write(ci.annotations(found), end="")
    _write_files(found, folder, **options)
    return CODES[found.word]


def _decided(folder: Path, criteria: dict[str, Any], typed: dict[str, Any]) -> "Gate | int":
    """Judge a run, with more repeats where they may decide; return an exit code instead where it was interrupted."""
    from evalrun.api import Criteria
    from evalrun.cli.asking import last_words
    from evalrun.cli.progress import watching
    from evalrun.decide import decide_gate
    from evalrun.run.planning import Selection

    most, watch = typed.pop("max_repeats"), watching(quiet=False)
    selected = Selection(suite=folder, **typed)
    found, end, session, plan = decide_gate(folder, Criteria(**criteria), selected, max_repeats=most, watch=watch)
    if session is not None and plan is not None and session.stop.signal is not None:
        return last_words(session, plan, verdict=NO_VERDICT)
    why = end.why
    if end.goes_on:
        why += f"; go on with: {as_typed()}"
    if end.enough:
        why += f": {as_typed(max_cost=end.enough)}"
    return replace(found, notes=(*found.notes, why))


def _print(gate: "Gate", form: str) -> None:
    from evalrun.report import ci, render
    from evalrun.report.gate import gate_page

    text = render([gate_page(gate)], form, width=width())
    if form == "text" and os.environ.get("GITHUB_ACTIONS") == "true":  # model text must not command the runner
        text = ci.quoted(text, token=secrets.token_hex(16))
    write(text, end="")


def _write_files(
    gate: "Gate", folder: Path, *, junit: Path | None, summary: Path | None, benchmark: Path | None
) -> None:
    """Write what continuous integration reads, as far as it was asked for."""
    if not (junit or summary or benchmark):
        return
    from evalrun.api import open_run
    from evalrun.report import ci
    from evalrun.store.disk import replace_file

    table = open_run(folder).table()
    texts: dict[Path, str] = {}
    if junit:
        texts[junit] = ci.junit(gate, table)
    if summary:
        texts[summary] = ci.summary(gate, table)
    if benchmark:
        texts[benchmark.with_suffix(".smaller.json")] = ci.charts(table, "smaller")
        texts[benchmark.with_suffix(".bigger.json")] = ci.charts(table, "bigger")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, [text.encode("utf-8", "backslashreplace")])
