"""`evalrun gate --decide`: more repeats of a run, into its own folder, until it is decided against its baseline.

Only the run is asked again: the baseline stays what it is, and its own noise stays in every difference. So the looks
are few, after rounds that double the repeats, and each pays for itself (`compare.interim`). Here is the asking and the
stopping; what a look says is `gate.judge`'s. A round that was cut off is asked to its end before it is looked at.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NamedTuple

from evalrun import units
from evalrun.cli import results
from evalrun.cli.asking import Session, last_words
from evalrun.cli.exits import NO_VERDICT
from evalrun.cli.held import Held, Means, sides
from evalrun.cli.progress import Quiet, progress
from evalrun.cli.reading import BASELINES
from evalrun.cli.replan import replan
from evalrun.cli.rounds import ask_rounds, dearest, round_usd
from evalrun.compare.interim import interim, repeats_sharpen
from evalrun.compare.runs import read_run
from evalrun.compare.side import Side
from evalrun.errors import SuiteError
from evalrun.escape import tty
from evalrun.gate.judge import judge
from evalrun.gate.values import Gate, Ruling
from evalrun.rule import parse
from evalrun.run.plan import Plan
from evalrun.run.spent import already_spent
from evalrun.store import Run, open_run, resume

Due = Mapping[tuple[str, str], int]
"""By task and target: how often each sample is to be asked in all."""

Again = Callable[..., str]
"""Gives the command that goes on, with a higher --max-cost where one is given."""

_MOST_NAMED = 3


def decide_gate(folder: Path, held: Held, means: Means) -> Gate | int:
    """Judge a run, ask more repeats of it where they may decide, judge again; the last note says why it stopped.

    Gives an exit code instead where it was interrupted.
    """
    _refuse(held, means)
    asked, new, base = sides(folder, held)
    assert new.folder is not None  # a run has one
    run, show = open_run(new.folder), progress(quiet=False)
    again = partial(_again, folder, held, means)
    plan: Plan | None = None
    session: Session | None = None
    while True:
        gate = judge(asked, new, base, across_prompts=held.across_prompts, deciding=True)
        due, why = _next(gate, new, run, session=session, means=means, again=again)
        if not due:
            break
        plan = plan or _plan(run, new, means, show)
        bill = _bill(new, due)
        if why := _too_dear(run, plan, due, bill=bill, means=means, again=again):
            break
        show.say(f"not decided yet: {bill}, for {_named(due)}")
        session = _ask(run, plan, due, show=show)
        if session.stop.signal is not None:
            results.finish(run.path, show=show, deadline_s=session.deadline_s, printed=False)
            return last_words(session, plan, again=again(), verdict=NO_VERDICT)
        results.score(run.path, show=show)
        new = read_run(run.path, name=new.name)
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


def _next(gate: Gate, new: Side, run: Run, *, session: Session | None, means: Means, again: Again) -> tuple[Due, str]:
    """Return what is to be asked next; nothing, and why, where it ends here. session: the one before, if there was any.

    Everything that is said last, but for what money says, is said here: first the gate speaks, then the session.
    """
    looks = {place: interim(cell) for place, cell in new.cells.items()}
    if gate.word != "inconclusive":
        return {}, f"decided after {max(at.repeats for at in looks.values()):,} repeats"
    if gate.stuck:
        return {}, f"not decided: {_cannot_pass(gate)}"
    if not run.finished_once:
        return {}, "this run was not finished as it was planned: finish it, then more repeats can be asked"
    places = {(one.task, one.target) for one in gate.rulings if one.by_repeats}
    wanted = {place: 2 * at.repeats for place, at in looks.items() if place in places}
    if means.max_repeats is not None and max(wanted.values()) > means.max_repeats:  # what may not be asked stays open
        return {}, f"not decided: the next round would pass --max-repeats {means.max_repeats}"
    if session is not None and (why := _cut_off(session)):
        return {}, f"not decided: {why}; go on with: {again()}"
    behind = min(looks[place].number for place in wanted)  # after a round that was cut off the last catch up first
    return {place: repeats for place, repeats in wanted.items() if looks[place].number == behind}, ""


def _cannot_pass(gate: Gate) -> str:
    """Say which rulings stay inconclusive, so that more repeats would be paid for in vain."""
    rules = {one: parse(one.rule) for one in gate.stuck}
    hardly = [
        one for one, rule in rules.items()
        if one.comparison is not None and rule.needs_baseline and repeats_sharpen(rule.measure)
    ]  # fmt: skip
    never = [one for one in gate.stuck if one not in hardly]
    found = []
    if never:
        found.append(f"{_rulings(never)}: not decided by repeats")
    if hardly:
        found.append(
            f"{_rulings(hardly)}: hardly decided by more repeats of this run, for what is left is the noise of the"
            " baseline and of the samples; save the baseline with more repeats, ask more samples, or widen the margin"
        )
    return f"{'; '.join(found)}; the gate cannot pass, so nothing is asked"


def _rulings(some: Sequence[Ruling]) -> str:
    named = [f"{one.rule} ({one.task}, {one.target})" for one in some[:_MOST_NAMED]]
    return ", ".join(named) + (f" and {len(some) - _MOST_NAMED:,} more" if len(some) > _MOST_NAMED else "")


def _cut_off(session: Session) -> str:
    """Say what kept a session from its end; nothing where all was asked, or where the cap did: money speaks for it."""
    ending = session.ending
    assert ending is not None  # it was not interrupted
    if ending.stopped:
        return "a round was cut off: " + "; ".join(f"{name}: {why}" for name, why in ending.stopped.items())
    if ending.unsettled and not ending.capped:
        return f"{ending.unsettled} requests of a round failed for reasons of the moment"
    return ""


# ---------------------------------------------------------------- money


class Bill(NamedTuple):
    """What is asked next: how many requests, and what they are expected to cost; None where that is unknown.

    begun: the round was cut off, and this is the rest of it.
    """

    requests: int
    usd: Decimal | None
    begun: bool

    def __str__(self) -> str:
        price = "at an unknown cost" if self.usd is None else f"about {units.usd(self.usd)}"
        return f"{self.requests:,} more requests, {price}"


def _bill(new: Side, due: Due) -> Bill:
    """Reckon the next round of some cells at what their requests cost so far."""
    cells = [new.cells[place] for place in due]
    left = [2 * interim(cell).complete.attempted - cell.attempted for cell in cells]
    each = [round_usd([cell], cell.attempted) for cell in cells]
    known = [usd * requests for usd, requests in zip(each, left, strict=True) if usd is not None]
    usd = sum(known, Decimal(0)) if len(known) == len(cells) else None
    return Bill(sum(left), usd, begun=any(cell.attempted > interim(cell).complete.attempted for cell in cells))


def _too_dear(run: Run, plan: Plan, due: Due, *, bill: Bill, means: Means, again: Again) -> str:
    """Say why a round could not be asked to its end under the cap, and what would do; nothing where it can."""
    cap = plan.suite.limits.max_cost_usd
    if cap is None:
        return ""
    if bill.usd is None:
        return "not decided: what another round costs is unknown, for no answer's cost is known"
    planned, spent, aside = already_spent(run.path, as_planned=True), already_spent(run.path), dearest(plan, due)
    needed = spent + bill.usd + aside
    if needed <= cap:
        return ""
    passed = f"the suite's cap of ${cap:f}" if means.max_cost is None else f"--max-cost {means.max_cost}"
    enough = units.cap(needed - planned)
    return (
        f"not decided: {'the rest of a round that was cut off' if bill.begun else 'another round'} would pass {passed},"
        f" of which {units.usd(spent - planned)} went into deciding: it takes {bill}, with {units.usd(aside)} set aside"
        f" for the last; --max-cost {enough} would do: {again(max_cost=enough)}"
    )


def _named(due: Due) -> str:
    return ", ".join(f"{repeats} repeats of {task} ({target})" for (task, target), repeats in due.items())


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


def _again(folder: Path, held: Held, means: Means, *, max_cost: str | None = None) -> str:
    """Return the command that goes on. max_cost: where it takes more than was given."""
    max_cost = max_cost or means.max_cost
    words = ["evalrun", "gate", str(folder), "--baseline", str(held.baseline_name)]
    words += [word for text in held.texts for word in ("--rule", text)]
    words += ["--baselines", str(held.baselines)] if held.baselines != BASELINES else []
    words += ["--across-prompts"] if held.across_prompts else []
    words += ["--decide"]
    words += ["--max-cost", max_cost] if max_cost is not None else []
    words += ["--max-repeats", str(means.max_repeats)] if means.max_repeats is not None else []
    words += [word for name in means.targets for word in ("--target", name)]
    words += [word for path in means.allowed for word in ("--allow-path", str(path))]
    words += ["--allow-inline-secrets"] if means.allow_inline_secrets else []
    return tty(shlex.join(words))
