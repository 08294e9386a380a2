"""The commands that ask, or look at what would be asked: `run`, `ab`, `plan`, `check`.

Everything is imported when a command runs, so that `evalrun --help` stays instant.
"""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalrun.cli.exits import CAPPED, INTERRUPTED, NO_VERDICT, OK, REGRESSED, TERMINATED, print_pages, say, width, write
from evalrun.cli.options import BASELINES, FORMAT, FULL, NAME_OR_PATH, NEW, OUT, QUIET, SUITE, as_typed, options
from evalrun.escape import tty

if TYPE_CHECKING:
    from evalrun.api import Run
    from evalrun.run.plan import Plan
    from evalrun.run.session import SessionResult
    from evalrun.run.watch import Watch

PILOTS = "pilots"  # they are no runs of the suite, and have a folder of their own within that of all results


@click.command()
@options(*SUITE, OUT, NEW, QUIET)
@click.option(
    "--only",
    multiple=True,
    metavar="WHAT|ID",
    help="Ask again only the samples that are wrong, failed, truncated, unscored or disputed in a run, or an id;"
    " repeatable. The answers are a run of their own.",
)
@click.option("--of", metavar="RUN", help="The run that --only is about; by default the newest of this suite.")
@FULL
def run(out: Path, new: bool, quiet: bool, only: tuple[str, ...], of: str | None, full: bool, **selection: Any) -> int:
    """Ask a suite and print its summary. The same command resumes an unfinished run and asks only what is missing."""
    from evalrun.api import finish
    from evalrun.cli.progress import watching
    from evalrun.run.planning import Selection, make_plan

    watch = watching(quiet=quiet)
    selected = Selection(**selection)
    if only or of:
        from evalrun.again import ONLY, narrowed

        selected, out = narrowed(selected, only, of=of, out=out, watch=watch), out / ONLY
    plan = make_plan(selected, watch=watch)
    session = _ask(plan, out=out, new=new, watch=watch)
    verdict = OK if session.ends_at_once else print_run(finish(session.folder, watch=watch, session=session), full=full)
    return last_words(session, plan, verdict=verdict)


def _ask(plan: "Plan", *, out: Path, new: bool, watch: "Watch") -> "SessionResult":
    """Ask a plan. Signals end it in order."""
    from evalrun.run.session import ask, in_a_loop

    return in_a_loop(ask(plan, out=out, new=new, watch=watch, catch=True))


@click.command()
@options(*SUITE, OUT)
@click.option("--control", metavar="NAME|FILE", help="A third target: a control, whose latencies show drift.")
@click.option("--decide", metavar="RULE", help="Ask rounds until e.g. 'accuracy no worse than 2 points' is decided.")
@options(NEW, QUIET, FULL)
def ab(control: str | None, decide: str | None, out: Path, new: bool, quiet: bool, full: bool, **selection: Any) -> int:
    """Ask two targets in turn and compare them.

    Both get the same samples in blocks of ABBA, so that the hour of the day affects both; the first --target is the
    base. With --decide, exit code 0 says that the other is no worse than the rule allows, 1 that it is, 3 that it is
    not decided.
    """
    from evalrun.api import finish
    from evalrun.cli.progress import watching
    from evalrun.decide import decide_ab, plan_ab, rule_of_rounds
    from evalrun.gate.decide import Outlook
    from evalrun.run.planning import Selection

    watch = watching(quiet=quiet)
    rule = None if decide is None else rule_of_rounds(decide)
    plan = plan_ab(Selection(**selection), control=control, watch=watch)
    found: dict[str, Outlook] = {}
    if rule is None:
        session = _ask(plan, out=out, new=new, watch=watch)
    else:
        session, found = decide_ab(plan, rule, out=out, new=new, watch=watch)
    if session.ends_at_once:
        return last_words(session, plan, verdict=OK)
    done = finish(session.folder, watch=watch, session=session)
    verdict = print_run(done, full=full)
    if session.stop.signal is None:
        _print_contrast(done, full=full)
    for task, one in found.items():
        write(f"{one.word}: {tty(str(decide))} ({tty(task)}): {one.why}")
    if found:
        write("These verdicts are about the samples that were asked; the table treats them as a draw from more.")
        words = {one.word for one in found.values()}
        decided = REGRESSED if "regressed" in words else OK if words == {"pass"} else NO_VERDICT
        verdict = decided if verdict == OK else verdict
    return last_words(session, plan, verdict=verdict)


def _print_contrast(done: "Run", *, full: bool) -> None:
    """Write the comparison of an A/B into its folder, and print it."""
    from evalrun.compare.ab import compare_run
    from evalrun.compare.read import read_run
    from evalrun.report import files
    from evalrun.report.compare import contrast_page
    from evalrun.store.disk import replace_file

    [contrast] = compare_run(read_run(done.folder))
    page = contrast_page(contrast)
    for name, data in files("ab", [page]).items():
        replace_file(done.folder / name, [data])
    write()
    print_pages([page], "text", full=full)


MOST_LINES = 12
"""Lines of a summary below which there is room for a ladder on the same screen."""


def print_run(done: "Run", *, full: bool = False) -> int:
    """Print the summary of a run, and return the exit code that its numbers deserve.

    Where it has a ladder, that is printed too. full: all numbers; beside a ladder, what says how far to trust it.
    """
    from evalrun.report.ladder import ladder_page
    from evalrun.report.table import ATTENTION, table_page
    from evalrun.requests import quality

    ladders = [(one.target.name, one) for one in done.ladders()]
    table = done.table()
    if full and ladders:
        pages = [ladder_page(ladders), table_page(table, only=ATTENTION)]
    else:
        pages = [table_page(table), *([ladder_page(ladders)] if ladders and len(table.cells) < MOST_LINES else [])]
    print_pages(pages, "text", full=full)
    reasons = quality.no_verdicts(done.requests())
    for (task, target), why in reasons.items():
        say(f"{tty(task)}, {tty(target)}: {why}: no verdict")
    return NO_VERDICT if reasons else OK


def last_words(session: "SessionResult", plan: "Plan", *, verdict: int) -> int:
    """Say what a person must know beyond the table, with the command that goes on, and return the exit code."""
    from evalrun.store.writer import deliver

    ending, stopped_by = session.ending, session.stop.signal
    if ending is None or stopped_by is not None:
        say(f"interrupted; resume with: {as_typed()}")
        return INTERRUPTED if stopped_by is signal.SIGINT else TERMINATED
    for name, why in ending.stopped.items():
        say(f"{tty(name)}: stopped: {tty(why)}")
    if ending.capped:
        cap = plan.suite.limits.max_cost_usd
        say(
            f"the cap of ${cap:f} is reached: ${ending.spent_usd:.4f} is spent; raise --max-cost to go on: {as_typed()}"
        )
        return CAPPED
    if ending.stopped:
        say(f"once that is fixed, go on with: {as_typed()}")
        return NO_VERDICT
    if ending.unsettled:
        say(f"{ending.unsettled} requests failed for temporary reasons; ask them again with: {as_typed()}")
    if session.complete:
        deliver(session.folder)
    return verdict


# ---------------------------------------------------------------- before anything is asked


@click.command()
@options(*SUITE, OUT)
@click.option("--pilot", type=click.IntRange(1), metavar="K", help="Ask K samples of each task first.")
@click.option(
    "--baseline", type=NAME_OR_PATH, metavar="NAME|RUN", help="Learn cost and noise from this baseline or run."
)
@BASELINES
@FORMAT
def plan(pilot: int | None, baseline: str | None, baselines: Path, form: str, out: Path, **selection: Any) -> int:
    """Estimate what a suite would cost and could detect.

    Requests, tokens, money, time and the smallest detectable drop. Nothing is sent without --pilot.
    """
    from evalrun.cli.progress import watching
    from evalrun.forecast import Knowledge, forecast, from_baseline, from_pilot, plan_pilot
    from evalrun.report import render
    from evalrun.report.plan import plan_page
    from evalrun.run.planning import Selection, make_plan
    from evalrun.run.session import ask_into, in_a_loop, open_writer

    watch = watching(quiet=form != "text")
    selected = Selection(**selection)
    planned = make_plan(selected, watch=watch, sends=pilot is not None)
    found: Knowledge = {}
    notes: list[str] = []
    if baseline is not None:
        found, notes = from_baseline(planned, baseline, baselines=baselines)
    code = OK
    if pilot is not None:
        trial = plan_pilot(planned, selected, size=pilot, watch=watch)
        writer = open_writer(trial, out=out / PILOTS, new=False, watch=watch)
        session = in_a_loop(ask_into(writer, trial, watch=watch, catch=True))
        code = last_words(session, trial, verdict=OK)
        found = from_pilot(session.folder, trial, found)
    estimates = forecast(planned, found)
    page = plan_page(planned.suite.name, estimates, cap_usd=planned.suite.limits.max_cost_usd, notes=notes)
    write(render([page], form, width=width()), end="")
    return code


@click.command()
@options(*SUITE)
@click.option(
    "--show",
    type=click.IntRange(1),
    is_flag=False,
    flag_value=1,
    metavar="[N]",
    help="Print the first N requests of each task to each target; 1 without N.",
)
def check(show: int | None, **selection: Any) -> int:  # fmt: skip
    """Validate a suite without sending anything; no key is needed."""
    from evalrun.cli.preview import requests_of
    from evalrun.cli.progress import watching
    from evalrun.run.planning import Selection, make_plan

    planned = make_plan(Selection(**selection), watch=watching(quiet=True), sends=False)
    for name, task in planned.suite.tasks.items():
        prints = planned.prints.tasks[name]
        judged = ", ".join(scorer.kind for scorer in task.scorers)
        write(f"{name}: {prints.samples} samples x {task.repeats}, judged by {judged}, data {prints.data[:16]}")
    if show is not None:
        for line in requests_of(planned, show):
            write(line)
    targets = ", ".join(tty(target.name) for target in planned.targets)
    requests = sum(planned.totals.values()) * len(planned.targets)
    write(f"{selection['suite']}: valid; {requests} requests to {targets}")
    return OK
