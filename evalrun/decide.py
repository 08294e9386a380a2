"""Asking until a rule is decided: an A/B in rounds of both targets, or more repeats of one run against its baseline.

A round of an A/B asks every sample once more of BOTH targets, so that every difference is of two fresh answers and any
number of analyses keeps alpha (`gate.decide.decide_next`). A baseline stays as it is, and its own noise stays in every
difference; so a run is analysed rarely, after rounds that double its repeats, and each interim analysis adjusts its
p-values (`compare.interim`). A round that was interrupted is completed before it is analysed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from evalrun import units
from evalrun.api import Criteria, finish
from evalrun.compare.ab import in_step
from evalrun.compare.interim import interim
from evalrun.compare.read import read_run
from evalrun.compare.side import Matching, Side, SideCell
from evalrun.errors import SuiteError
from evalrun.escape import tty
from evalrun.gate.decide import Outlook, decide_next, paired_differences
from evalrun.gate.judge import judge
from evalrun.gate.values import Gate
from evalrun.requests import money
from evalrun.requests.run import Place
from evalrun.rule import Rule, parse
from evalrun.run.plan import Plan
from evalrun.run.planning import Selection, make_plan, replan
from evalrun.run.scoring import score_run
from evalrun.run.session import SessionResult, ask_rounds, open_writer, set_aside
from evalrun.run.spent import already_spent
from evalrun.run.watch import Watch
from evalrun.store.reader import StoredRun
from evalrun.store.writer import Writer

MOST_ROUNDS = 1000  # where requests cost nothing, no cap would end it
_MOST_NAMED = 3


# ---------------------------------------------------------------- A/B


def plan_ab(selection: Selection, *, control: str | None, watch: Watch) -> Plan:
    """Plan a run whose targets are asked in step: A, B and perhaps a control, whose latencies show drift."""
    names = selection.targets
    if len(names) != 2:
        raise SuiteError(f"ab: {len(names)} targets; name two, the base first: --target A --target B")
    plan = make_plan(replace(selection, targets=(*names, control) if control else names), watch=watch)
    base, other, *third = (target.name for target in plan.targets)
    local = [target.name for target in plan.targets if target.spec.kind == "embedded"]
    if len(local) > 1:
        watch.say(f"{' and '.join(local)} run on this machine at once and slow each other down: compare no latencies")
    roles = {"base": base, "new": other, "control": third[0] if third else None}
    return replace(plan, together=True, command={**plan.command, "ab": roles})


def rule_of_rounds(text: str) -> Rule:
    """Read the rule of an A/B. Raises SuiteError for one that rounds cannot decide."""
    try:
        rule = parse(text)
    except ValueError as error:
        raise SuiteError(f"ab --decide: {error}") from error
    if rule.measure.name != "accuracy" or rule.kind != "no_worse":
        raise SuiteError(
            f"ab --decide: {rule.text!r} cannot be decided in rounds; write 'accuracy no worse than 2 points'"
        )
    return rule


def decide_ab(
    plan: Plan, rule: Rule, *, out: Path, new: bool, watch: Watch
) -> tuple[SessionResult, dict[str, Outlook]]:
    """Ask rounds until `rule` is decided for every task, or the cap is reached. A stopped one goes on where it was.

    Returns the last session, and what is known of each task: nothing where it was stopped.
    """
    plan = replace(plan, command={**plan.command, "decide": rule.text})
    if plan.suite.limits.max_cost_usd is None:
        raise SuiteError("ab --decide: it asks until it knows; say what that may cost: --max-cost USD")
    writer = open_writer(plan, out=out, new=new, watch=watch)
    rounds = {name: task.repeats for name, task in plan.suite.tasks.items()}
    for record in writer.run.records():  # a round that was begun is asked to its end first
        rounds[record.sample.task] = max(rounds[record.sample.task], record.repeat + 1)
    found: dict[str, Outlook] = {}
    while True:
        session = ask_rounds(writer, plan, rounds, watch=watch, then="stopped")
        if session.ending is None or not session.complete:
            return session, found
        score_run(session.folder, watch=watch)
        found = _analyse(read_run(session.folder), plan, rule, rounds=rounds, spent_usd=session.ending.spent_usd)
        further = [task for task, one in found.items() if one.go_on]
        regressed = any(one.word == "regressed" for one in found.values())
        writer = Writer(session.folder)
        if regressed or not further or max(rounds.values()) >= MOST_ROUNDS:
            with writer:
                writer.end("finished")
            return session, found
        for task in further:
            watch.say(f"{task}: {found[task].why}: another round")
        rounds = {task: count + (task in further) for task, count in rounds.items()}


def _analyse(
    side: Side, plan: Plan, rule: Rule, *, rounds: Mapping[str, int], spent_usd: Decimal
) -> dict[str, Outlook]:
    """Say of each task whether the rounds so far decide; those that are open share what the next round takes."""
    targets = [target.name for target in plan.targets]
    ready, cap = in_step(side), plan.suite.limits.max_cost_usd
    assert cap is not None  # `decide_ab` refuses

    def analysed(task: str, usd: Decimal | None) -> Outlook:
        base, new = (ready.cells[task, name] for name in targets[:2])
        return decide_next(
            paired_differences(Matching(base, new, prices=None, same_session=True)),
            margin=rule.amount,
            spent_usd=spent_usd,
            round_usd=usd,
            max_cost_usd=cap,
            rules=len(rounds),
        )

    found = {task: analysed(task, None) for task in rounds}
    still = [task for task, one in found.items() if one.word == "inconclusive"]
    each = [_round_usd([ready.cells[task, name] for name in targets], rounds[task]) for task in still]
    known = [usd for usd in each if usd is not None]
    if still and len(known) == len(each):
        takes = sum(known, set_aside(plan, [(task, name) for task in still for name in targets]))
        found |= {task: analysed(task, takes) for task in still}
    return found


def _round_usd(cells: Sequence[SideCell], rounds: int) -> Decimal | None:
    """Return what a round of some cells cost on average; None where one has no answer with a known cost."""
    each = [money.under(cell.requests, cell.conditions.prices) for cell in cells]
    if any(np.isnan(costs).all() for costs in each):
        return None
    return Decimal(f"{sum(float(np.nanmean(costs)) * len(costs) for costs in each) / rounds:.6g}")


# ---------------------------------------------------------------- a run against its baseline


@dataclass(frozen=True, slots=True)
class NextRound:
    """What is asked next. repeats: of each sample in all, by task and target. usd: its expected cost, None unknown.

    begun: it is the rest of a round that was interrupted.
    """

    repeats: Mapping[Place, int]
    requests: int
    usd: Decimal | None
    begun: bool

    def __str__(self) -> str:
        price = "at an unknown cost" if self.usd is None else f"about {units.usd(self.usd)}"
        each = ", ".join(f"{times} repeats of {task} ({target})" for (task, target), times in self.repeats.items())
        return f"{self.requests:,} more requests, {price}, for {each}"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Why deciding asks no more. goes_on: the same command may go on; enough: the `max_cost` with which it would."""

    why: str = ""
    goes_on: bool = False
    enough: str = ""


def decide_gate(
    folder: Path, criteria: Criteria, selected: Selection, *, max_repeats: int | None, watch: Watch
) -> tuple[Gate, Conclusion, SessionResult | None, Plan | None]:
    """Judge a run, ask more repeats of it where they may decide, judge again, until it is decided or must end.

    selected: as of `run.planning.replan`; its max_cost is what deciding may cost beyond what the run did.
    Returns the gate, why no more is asked, and the last session and its plan, None where nothing was asked.
    """
    if criteria.baseline is None:
        raise SuiteError("gate --decide: more repeats decide what changed since a baseline; name it: --baseline NAME")
    if selected.max_cost is None and max_repeats is None:
        raise SuiteError(
            "gate --decide: it asks until it knows; say what that may cost: --max-cost USD, or, where asking is free,"
            " --max-repeats N"
        )
    asked, new, base = criteria.sides(folder, on_notice=watch.say)
    assert new.folder is not None  # a run has one
    run = StoredRun(new.folder)
    plan: Plan | None = None
    session: SessionResult | None = None
    while True:
        gate = judge(asked, new, base, across_prompts=criteria.across_prompts, deciding=True)
        found = _next(gate, new, run, session=session, most=max_repeats)
        if isinstance(found, NextRound):
            plan = plan or _plan(run, new, selected, watch)
            found = _too_expensive(run, plan, found, selected.max_cost) or found
        if isinstance(found, Conclusion):
            break
        assert plan is not None
        watch.say(f"not decided yet: {found}")
        session = _ask(run, plan, found, watch=watch)
        if session.stop.signal is not None:
            found = Conclusion()
            break
        score_run(run.path, watch=watch)
        new = read_run(run.path, name=new.name)
    if session is None or not session.ends_at_once:
        finish(run.path, watch=watch, session=session)
    return gate, found, session, plan


def _plan(run: StoredRun, new: Side, selected: Selection, watch: Watch) -> Plan:
    """Plan the run again; a cap on money holds beyond what the run cost as it was planned."""
    unpriced = [name for name, spec in run.manifest.targets.items() if spec.get("prices") is None]
    if selected.max_cost is not None and unpriced:
        raise SuiteError(
            f"gate --decide: {tty(', '.join(unpriced))} had no prices in this run, so no cap on money can be kept; give"
            " --max-repeats N instead of --max-cost"
        )
    if any(cell.attempted and not cell.conditions.scorers for cell in new.cells.values()):
        raise SuiteError(
            f"{tty(str(run.path))}: its scores are not from its own scorers, as those of more repeats would be; score"
            f" it again: evalrun score {tty(str(run.path))}"
        )
    plan = replan(run, selected, watch=watch)
    cap = plan.suite.limits.max_cost_usd
    if selected.max_cost is None or cap is None:
        return plan
    limits = plan.suite.limits.model_copy(update={"max_cost_usd": cap + already_spent(run.path, as_planned=True)})
    return replace(plan, suite=plan.suite.model_copy(update={"limits": limits}))


def _ask(run: StoredRun, plan: Plan, wanted: NextRound, *, watch: Watch) -> SessionResult:
    """Ask a round, one target after another; return the last session, or the first that was interrupted."""
    for target in plan.targets:
        rounds = {task: times for (task, of), times in wanted.repeats.items() if of == target.name}
        if rounds:
            alone = replace(plan, targets=(target,))
            session = ask_rounds(Writer(run.path), alone, rounds, watch=watch, then="finished")
            if not session.complete:
                break
    return session


# ---------------------------------------------------------------- what next


def _next(
    gate: Gate, new: Side, run: StoredRun, *, session: SessionResult | None, most: int | None
) -> NextRound | Conclusion:
    """Return what is to be asked next, or why nothing is. session: the one before. most: repeats of a sample.

    All reasons but money are here, and the gate's come before the session's.
    """
    at = {place: interim(cell) for place, cell in new.cells.items()}
    if gate.word != "inconclusive":
        return Conclusion(f"decided after {max(one.repeats for one in at.values()):,} repeats")
    if gate.stuck:
        return Conclusion(f"not decided: {_cannot_pass(gate)}")
    if not run.finished_once:
        return Conclusion("this run was not finished as it was planned: finish it, then more repeats can be asked")
    places = {(one.task, one.target) for one in gate.rulings if one.by_repeats}
    wanted = {place: 2 * one.repeats for place, one in at.items() if place in places}
    if most is not None and max(wanted.values()) > most:
        return Conclusion(f"not decided: the next round would exceed --max-repeats {most}")
    if session is not None and session.ending is not None:
        if stopped := session.ending.stopped:
            why = "; ".join(f"{name}: {why}" for name, why in stopped.items())
            return Conclusion(f"not decided: a round was interrupted: {why}", goes_on=True)
        if session.ending.unsettled and not session.ending.capped:  # where the cap did it, money speaks
            why = f"{session.ending.unsettled} requests of a round failed for temporary reasons"
            return Conclusion(f"not decided: {why}", goes_on=True)
    behind = min(at[place].number for place in wanted)  # after a round that was interrupted the last catch up first
    return _round({place: times for place, times in wanted.items() if at[place].number == behind}, new)


def _cannot_pass(gate: Gate) -> str:
    """Say which rulings stay inconclusive, so that more repeats would be paid for in vain."""
    named = [f"{one.rule} ({one.task}, {one.target})" for one in gate.stuck]
    more = f" and {len(named) - _MOST_NAMED:,} more" if len(named) > _MOST_NAMED else ""
    return (
        f"{', '.join(named[:_MOST_NAMED])}{more}: not decided by more repeats of this run; the gate cannot pass, so"
        " nothing is asked; save the baseline with more repeats, ask more samples, or widen the margin"
    )


def _round(repeats: Mapping[Place, int], new: Side) -> NextRound:
    """Return the next round of some cells; its cost is estimated from what their requests cost so far."""
    cells = [new.cells[place] for place in repeats]
    complete = [interim(cell).complete.attempted for cell in cells]
    left = [2 * whole - cell.attempted for cell, whole in zip(cells, complete, strict=True)]
    each = [_round_usd([cell], cell.attempted) for cell in cells]
    known = [usd * requests for usd, requests in zip(each, left, strict=True) if usd is not None]
    usd = sum(known, Decimal(0)) if len(known) == len(cells) else None
    begun = any(cell.attempted > whole for cell, whole in zip(cells, complete, strict=True))
    return NextRound(repeats, sum(left), usd, begun)


def _too_expensive(run: StoredRun, plan: Plan, wanted: NextRound, given: str | None) -> Conclusion | None:
    """Say why a round could not be completed under the cap, and what would be enough; None where it can."""
    cap = plan.suite.limits.max_cost_usd
    if cap is None:
        return None
    if wanted.usd is None:
        return Conclusion("not decided: what another round costs is unknown, since no answer's cost is known")
    planned, spent = already_spent(run.path, as_planned=True), already_spent(run.path)
    aside = set_aside(plan, wanted.repeats)
    needed = spent + wanted.usd + aside
    if needed <= cap:
        return None
    exceeded = f"the suite's cap of ${cap:f}" if given is None else f"--max-cost {given}"
    enough = units.cap(needed - planned)
    return Conclusion(
        f"not decided: {'the rest of a round that was interrupted' if wanted.begun else 'another round'} would exceed"
        f" {exceeded}, of which {units.usd(spent - planned)} went into deciding: it takes {wanted}, with"
        f" {units.usd(aside)} set aside for the last; --max-cost {enough} would be enough",
        enough=enough,
    )
