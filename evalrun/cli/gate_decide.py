"""`evalrun gate --decide`: more repeats of a run, into its own folder, until it is decided against its baseline.

Only the run is asked again: the baseline stays what it is, and its own noise stays in every difference. So the looks
are few, after rounds that double the repeats, and each pays for itself (`gate.looks`). Here is the asking and the
stopping; what a look says is `gate.judge`'s. A round that was cut off is asked to its end before it is looked at.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from evalrun import units
from evalrun.cli import results
from evalrun.cli.asking import Session, last_words
from evalrun.cli.compare import BASELINES
from evalrun.cli.exits import NO_VERDICT
from evalrun.cli.gate import Held, Means, sides
from evalrun.cli.progress import Quiet, progress
from evalrun.cli.replan import replan
from evalrun.cli.rounds import ask_rounds, round_usd
from evalrun.compare.runs import read_run
from evalrun.compare.side import Cell, Side
from evalrun.errors import SuiteError
from evalrun.escape import tty
from evalrun.gate.judge import judge
from evalrun.gate.looks import look, sharpened
from evalrun.gate.values import Gate
from evalrun.rule import parse
from evalrun.run.plan import Plan
from evalrun.run.spent import already_spent
from evalrun.store import Run, open_run, resume

Due = Mapping[tuple[str, str], int]
"""By task and target: how often each sample is to be asked in all."""


def decide_gate(folder: Path, held: Held, means: Means) -> Gate | int:
    """Judge a run, ask more repeats of it where they may decide, judge again; the last note says why it stopped.

    Gives an exit code instead where it was interrupted.
    """
    _refuse(held, means)
    asked, new, base = sides(folder, held)
    assert new.folder is not None  # a run has one
    run, show = open_run(new.folder), progress(quiet=False)
    plan = _plan(run, new, means, show)
    while True:
        gate = judge(asked, new, base, across_prompts=held.across_prompts, deciding=True)
        due, why = _next(gate, new, run, plan=plan, means=means)
        if not due:
            break
        show.say(why)
        session = _ask(run, plan, due, show=show)
        if session.stop.signal is not None:
            results.finish(run.path, show=show, deadline_s=session.deadline_s, printed=False)
            return last_words(session, plan, again=_again(folder, held, means), verdict=NO_VERDICT)
        results.score(run.path, show=show)
        new = read_run(run.path, name=new.name)
        if not session.complete:
            gate = judge(asked, new, base, across_prompts=held.across_prompts, deciding=True)
            why = f"not decided: {_cut_off(session)}; go on with: {_again(folder, held, means)}"
            break
    results.finish(run.path, show=show, printed=False)
    return replace(gate, notes=(*gate.notes, why))


def _refuse(held: Held, means: Means) -> None:
    if held.baseline_name is None:
        raise SuiteError("gate --decide: more repeats decide what changed since a baseline; name it: --baseline NAME")
    if means.max_cost is None and means.max_repeats is None:
        raise SuiteError(
            "gate --decide: it would ask until it knows; say what that may cost: --max-cost USD, or, where asking is"
            " free, --max-repeats N"
        )


def _plan(run: Run, new: Side, means: Means, show: Quiet) -> Plan:
    """Plan the run again; a cap on money holds beyond what the run cost as it was planned."""
    unpriced = [name for name, spec in run.manifest.targets.items() if spec.get("prices") is None]
    if means.max_cost is not None and unpriced:
        raise SuiteError(
            f"gate --decide: {tty(', '.join(unpriced))} had no prices in this run, so that no cap on money can be kept;"
            " give --max-repeats N instead of --max-cost"
        )
    if any(cell.attempted and not cell.prints.scorers for cell in new.cells.values()):
        raise SuiteError(
            f"{tty(str(run.path))}: its scores are not from its own scorers, as those of more repeats would be; make"
            f" them so: evalrun score {tty(str(run.path))}"
        )
    plan = replan(
        run,
        max_cost=means.max_cost,
        targets=means.targets,
        allowed=means.allowed,
        allow_inline_secrets=means.allow_inline_secrets,
        show=show,
    )
    cap = plan.suite.limits.max_cost_usd
    if means.max_cost is None or cap is None:
        return plan
    limits = plan.suite.limits.model_copy(update={"max_cost_usd": cap + already_spent(run.path, as_planned=True)})
    return replace(plan, suite=plan.suite.model_copy(update={"limits": limits}))


# ---------------------------------------------------------------- what next


def _next(gate: Gate, new: Side, run: Run, *, plan: Plan, means: Means) -> tuple[Due, str]:
    """Give what is to be asked next, and what to say of it; nothing, and why, where it ends here."""
    looks = {place: look(cell) for place, cell in new.cells.items()}
    if gate.word != "inconclusive":
        return {}, f"decided after {max(at.repeats for at in looks.values()):,} repeats"
    places = {(one.task or "", one.target) for one in gate.rulings if one.by_repeats}
    if not places:
        return {}, _nothing_helps(gate)
    if not run.finished_once:
        return {}, "this run was not finished as it was planned: finish it, then more repeats can be asked"
    wanted = {place: 2 * looks[place].repeats for place in looks if place in places}
    if means.max_repeats is not None:
        wanted = {place: repeats for place, repeats in wanted.items() if repeats <= means.max_repeats}
    if not wanted:
        return {}, f"not decided: the next round would pass --max-repeats {means.max_repeats}"
    behind = min(looks[place].number for place in wanted)  # after a round that was cut off the last catch up first
    due = {place: repeats for place, repeats in wanted.items() if looks[place].number == behind}
    more, usd = _bill([new.cells[place] for place in due])
    if means.max_cost is not None and (why := _too_dear(run, plan, usd, more=more)):
        return {}, why
    return due, f"not decided yet: {more:,} more requests, {_dollars(usd)}, for {_named(due)}"


def _bill(cells: Sequence[Cell]) -> tuple[int, Decimal | None]:
    """Give how many requests the next round of some cells takes, and what they cost; None where that is unknown."""
    left = [2 * look(cell).now.attempted - cell.attempted for cell in cells]  # of a round that was cut off, the rest
    each = [round_usd([cell], cell.attempted) for cell in cells]
    known = [usd * requests for usd, requests in zip(each, left, strict=True) if usd is not None]
    return sum(left), sum(known, Decimal(0)) if len(known) == len(cells) else None


def _too_dear(run: Run, plan: Plan, usd: Decimal | None, *, more: int) -> str:
    """Say why a round does not fit under the cap; nothing where it does."""
    cap = plan.suite.limits.max_cost_usd
    assert cap is not None  # --max-cost was given
    if usd is None:
        return "not decided: what another round costs is unknown, for no answer's cost is known"
    planned, spent = already_spent(run.path, as_planned=True), already_spent(run.path)
    if spent + usd <= cap:
        return ""
    return (
        f"not decided: another round of {more:,} requests, {_dollars(usd)}, would pass --max-cost {cap - planned:f}, of"
        f" which {units.usd(spent - planned)} is spent"
    )


def _nothing_helps(gate: Gate) -> str:
    """Say why more repeats of this run decide nothing."""
    stuck = [
        f"{one.rule} ({one.task}, {one.target})"
        for one in gate.rulings
        if one.word == "inconclusive" and one.comparison is not None and sharpened(parse(one.rule))
    ]
    if not stuck:
        return "not decided: what is open here is nothing that more repeats of the run decide"
    return (
        f"not decided: more repeats of this run would hardly decide {'; '.join(stuck)}: what is left is the noise of"
        " the baseline and of the samples; save the baseline with more repeats, ask more samples, or widen the margin"
    )


def _named(due: Due) -> str:
    return ", ".join(f"{repeats} repeats of {task} ({target})" for (task, target), repeats in due.items())


def _dollars(usd: Decimal | None) -> str:
    return "at an unknown cost" if usd is None else f"about {units.usd(usd)}"


# ---------------------------------------------------------------- asking


def _ask(run: Run, plan: Plan, due: Due, *, show: Quiet) -> Session:
    """Ask a round, one target after another; gives the last session, or the first that was cut off."""
    for target in plan.targets:
        rounds = {task: repeats for (task, of), repeats in due.items() if of == target.name}
        if rounds:
            alone = replace(plan, targets=(target,))
            session = ask_rounds(resume(run.path), alone, rounds, show=show, then="finished")
            if not session.complete:
                break
    return session


def _cut_off(session: Session) -> str:
    ending = session.ending
    assert ending is not None  # it was not interrupted
    if ending.stopped:
        return "a round was cut off: " + "; ".join(f"{name}: {why}" for name, why in ending.stopped.items())
    if ending.capped:
        spent = units.usd(ending.spent_usd)
        return f"a round was cut off by the cap on money, {spent} being spent in all; raise --max-cost"
    return f"{ending.unsettled} requests of a round failed for reasons of the moment"


def _again(folder: Path, held: Held, means: Means) -> str:
    """Give the command that goes on."""
    words = ["evalrun", "gate", str(folder), "--baseline", str(held.baseline_name)]
    words += [word for text in held.texts for word in ("--rule", text)]
    words += ["--baselines", str(held.baselines)] if held.baselines != BASELINES else []
    words += ["--across-prompts"] if held.across_prompts else []
    words += ["--decide"]
    words += ["--max-cost", means.max_cost] if means.max_cost is not None else []
    words += ["--max-repeats", str(means.max_repeats)] if means.max_repeats is not None else []
    words += [word for name in means.targets for word in ("--target", name)]
    words += [word for path in means.allowed for word in ("--allow-path", str(path))]
    words += ["--allow-inline-secrets"] if means.allow_inline_secrets else []
    return tty(shlex.join(words))
