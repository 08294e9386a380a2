"""`evalrun ab`: two targets asked in step in one run, and compared with each other."""

import shlex
from dataclasses import replace
from pathlib import Path

from evalrun.cli import results
from evalrun.cli.asking import ask, last_words
from evalrun.cli.exits import width, write
from evalrun.cli.planning import Selection, as_typed, make_plan
from evalrun.cli.progress import Quiet, progress
from evalrun.compare.ab import in_step, without_drift
from evalrun.compare.contrast import compare_targets
from evalrun.compare.runs import read_run
from evalrun.compare.values import Contrast
from evalrun.errors import SuiteError
from evalrun.report import render
from evalrun.report.compare import contrast_page
from evalrun.run.plan import Plan
from evalrun.store import replace_file

WRITTEN = ("md", "csv", "json")


def ab_suite(suite: Path, selection: Selection, *, control: str | None, out: Path, new: bool, quiet: bool) -> int:
    """Ask two targets the same samples in turn, print the table and then B against A; resume what is unfinished.

    The first `--target` is A, the base; the second is B. control: a third, whose latencies tell the weather.
    """
    show = progress(quiet=quiet)
    plan = plan_ab(suite, selection, control=control, show=show)
    session = ask(plan, out=out, new=new, show=show)
    verdict = results.finish(session.folder, show=show, deadline_s=session.deadline_s)
    if session.stop.signal is None:
        show_contrast(session.folder, plan)
    return last_words(session, plan, again=again(suite, selection, control), verdict=verdict)


def plan_ab(suite: Path, selection: Selection, *, control: str | None, show: Quiet) -> Plan:
    """Plan a run whose targets are asked side by side: A, B and, where there is one, the control."""
    names = selection["targets"]
    if len(names) != 2:
        raise SuiteError(f"ab: {len(names)} targets are named; give two, --target A --target B, the base first")
    asked = {**selection, "targets": (*names, control) if control else tuple(names)}
    plan = make_plan(suite, asked, show)
    base, other, *third = (target.name for target in plan.targets)
    local = [target.name for target in plan.targets if target.spec.kind == "embedded"]
    if len(local) > 1:
        show.say(f"{' and '.join(local)} run on this machine at once and slow each other down: compare no latencies")
    roles = {"base": base, "new": other, "control": third[0] if third else None}
    return replace(plan, together=True, command={**plan.command, "ab": roles})


def contrast_of(folder: Path, plan: Plan) -> Contrast:
    """Compare B with A, at typical weather where there is a control."""
    base, other, *third = (target.name for target in plan.targets)
    side = in_step(read_run(folder))
    if third:
        side = without_drift(side, third[0])
    return compare_targets(side, base=base, new=other)


def show_contrast(folder: Path, plan: Plan) -> None:
    """Write the comparison into the run's folder and print it."""
    contrast = contrast_of(folder, plan)
    page = contrast_page(contrast)
    for suffix in WRITTEN:
        replace_file(folder / f"ab.{suffix}", [render([page], suffix).encode("utf-8", "backslashreplace")])
    write("\n" + render([page], "text", width=width()), end="")


def again(suite: Path, selection: Selection, control: str | None) -> str:
    """Return the command that resumes this run."""
    return as_typed("ab", suite, selection) + (f" --control {shlex.quote(control)}" if control else "")
