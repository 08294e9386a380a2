"""`evalrun ab --decide RULE`: whole further rounds into one run folder, until a bound that may be looked at decides.

A round asks every sample once more of BOTH targets, so that every difference is of two fresh answers and any number of
looks keeps alpha (`stats.scores`). That is why a stored baseline cannot be decided against in this way: its answers
would be used again and again, and their luck would be taken for a difference. `evalrun gate --decide` has another.
"""

import shlex
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from evalrun.cli import results
from evalrun.cli.ab import again, plan_ab, show_contrast
from evalrun.cli.asking import Session, last_words, open_writer
from evalrun.cli.exits import NO_VERDICT, OK, REGRESSED, write
from evalrun.cli.planning import Selection
from evalrun.cli.progress import Quiet, progress
from evalrun.cli.rounds import Rounds, ask_rounds, dearest, round_usd
from evalrun.compare.ab import in_step
from evalrun.compare.runs import read_run
from evalrun.compare.side import Matching, Side
from evalrun.errors import SuiteError
from evalrun.escape import tty
from evalrun.gate.decide import Next, decide_next, paired_differences
from evalrun.rule import Rule, parse
from evalrun.run.plan import Plan
from evalrun.store import Run, resume

MOST_ROUNDS = 1000  # where requests cost nothing, no cap would end it


def decide_suite(
    suite: Path, selection: Selection, *, control: str | None, rule: str, out: Path, new: bool, quiet: bool
) -> int:
    """Ask A and B round after round until `rule` is decided for every task, or the cap is reached; resumable.

    Exit code 0: B is no worse than the rule allows; 1: it is worse; 3: not decided, or no verdict.
    """
    wanted = _rule(rule)
    show = progress(quiet=quiet)
    plan = plan_ab(suite, selection, control=control, show=show)
    if plan.suite.limits.max_cost_usd is None:
        raise SuiteError("ab --decide: it would ask until it knows; say what that may cost: --max-cost USD")
    plan = replace(plan, command={**plan.command, "decide": wanted.text})
    session, found = _rounds(plan, wanted, out=out, new=new, show=show)
    verdict = results.finish(session.folder, show=show, deadline_s=session.deadline_s)
    if session.stop.signal is None:
        show_contrast(session.folder, plan)
        for task, one in found.items():
            write(f"{one.word}: {tty(wanted.text)} ({tty(task)}): {one.why}")
        write("These words are of the very samples that were asked; the table takes them for a draw from more.")
    if session.complete and verdict == OK:
        verdict = _code(found)
    here = f"{again(suite, selection, control)} --decide {shlex.quote(wanted.text)}"
    return last_words(session, plan, again=here, verdict=verdict)


def _rule(text: str) -> Rule:
    try:
        rule = parse(text)
    except ValueError as error:
        raise SuiteError(f"ab --decide: {error}") from error
    if rule.measure.name != "accuracy" or rule.kind != "no_worse":
        raise SuiteError(
            f"ab --decide: {rule.text!r} cannot be decided in rounds; write 'accuracy no worse than 2 points'"
        )
    return rule


def _code(found: Mapping[str, Next]) -> int:
    words = {one.word for one in found.values()}
    return REGRESSED if "regressed" in words else OK if words == {"pass"} else NO_VERDICT


# ---------------------------------------------------------------- rounds


def _rounds(plan: Plan, rule: Rule, *, out: Path, new: bool, show: Quiet) -> tuple[Session, dict[str, Next]]:
    """Ask rounds and look after each. Gives the last session, and what is known of each task."""
    writer = open_writer(plan, out=out, new=new, show=show)
    show.say(f"results: {writer.run.path}")
    rounds = _begun(writer.run, plan)
    found: dict[str, Next] = {}
    while True:
        session = ask_rounds(writer, plan, rounds, show=show)
        if not session.complete:
            return session, found
        results.score(session.folder, show=show)
        assert session.ending is not None
        found = _look(read_run(session.folder), plan, rule, rounds=rounds, spent_usd=session.ending.spent_usd)
        further = [task for task, one in found.items() if one.go_on]
        regressed = any(one.word == "regressed" for one in found.values())
        if regressed or not further or max(rounds.values()) >= MOST_ROUNDS:
            with resume(session.folder) as last:
                last.end("finished")
            return session, found
        for task in further:
            show.say(f"{task}: {found[task].why}: another round")
        rounds = {task: count + (task in further) for task, count in rounds.items()}
        writer = resume(session.folder)


def _begun(run: Run, plan: Plan) -> Rounds:
    """Return the rounds that were begun: a look comes only after whole ones, so they are asked to their ends first."""
    rounds = {name: task.repeats for name, task in plan.suite.tasks.items()}
    for record in run.records():
        rounds[record.sample.task] = max(rounds[record.sample.task], record.repeat + 1)
    return rounds


def _look(side: Side, plan: Plan, rule: Rule, *, rounds: Rounds, spent_usd: Decimal) -> dict[str, Next]:
    """Say of each task whether the rounds so far decide; those that are open share what the next round takes."""
    targets = [target.name for target in plan.targets]
    base, new, *_ = targets
    ready = in_step(side)
    cap = plan.suite.limits.max_cost_usd
    assert cap is not None  # `decide_suite` refuses

    def looked(task: str, usd: Decimal | None) -> Next:
        pair = Matching(ready.cells[task, base], ready.cells[task, new], prices=None, same_session=True)
        return decide_next(
            paired_differences(pair),
            margin=rule.amount,
            spent_usd=spent_usd,
            round_usd=usd,
            max_cost_usd=cap,
            rules=len(rounds),
        )

    found = {task: looked(task, None) for task in rounds}
    still = [task for task, one in found.items() if one.word == "inconclusive"]
    each = [round_usd([ready.cells[task, name] for name in targets], rounds[task]) for task in still]
    if still and None not in each:
        aside = dearest(plan, [(task, name) for task in still for name in targets])
        takes = sum((usd for usd in each if usd is not None), aside)
        found |= {task: looked(task, takes) for task in still}
    return found
