"""`evalrun plan`: what a suite would cost, how long it would take, what it could detect. Sends nothing but a pilot."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evalrun.cli.asking import ask, last_words
from evalrun.cli.exits import OK, width, write
from evalrun.cli.planning import Selection, as_typed, make_plan
from evalrun.cli.progress import Quiet, progress
from evalrun.cli.reading import BASELINES
from evalrun.compare.figures import known as known_only
from evalrun.compare.load import load as load_sides
from evalrun.compare.side import Cell
from evalrun.estimate import Estimate
from evalrun.report import render
from evalrun.report.plan import plan_page
from evalrun.run.estimate import UNSEEN, Seen, estimate, load, mean, noise_of, prompt_bytes, seen
from evalrun.run.plan import Plan
from evalrun.store import open_run
from evalrun.suite import Target

PILOTS = "pilots"
"""Where pilots are kept, within the folder of results: they are no runs of the suite."""

Place = tuple[str, str]
"""A task and a target, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a task at a target before it is asked. base_repeats: of the baseline it is compared with."""

    seen: Seen | None = None
    noise: tuple[float, str] = UNSEEN
    base_repeats: int | None = None


def plan_suite(
    suite: Path, selection: Selection, *, pilot: int | None, baseline: str | None, form: str, out: Path
) -> int:
    """Print what a suite would take; ask `pilot` samples of each task first, where that is given."""
    show = progress(quiet=form != "text")
    plan = make_plan(suite, selection, show, sends=pilot is not None)
    found, notes = _from_baseline(plan, baseline) if baseline else ({}, [])
    code = OK
    if pilot is not None:
        trial = _pilot_plan(plan, suite, selection, size=pilot, show=show)
        session = ask(trial, out=out / PILOTS, new=False, show=show)
        again = f"{as_typed('plan', suite, selection)} --pilot {pilot}"
        code = last_words(session, trial, again=again, verdict=OK)
        found = _from_pilot(session.folder, trial, found)
    estimates = [
        _estimate(plan, task, target, known=found.get((task, target.name), Known()))
        for task in plan.suite.tasks
        for target in plan.targets
    ]
    page = plan_page(plan.suite.name, estimates, cap_usd=plan.suite.limits.max_cost_usd, notes=notes)
    write(render([page], form, width=width()), end="")
    return code


def _estimate(plan: Plan, task: str, target: Target, *, known: Known) -> Estimate:
    return estimate(
        (task, target.name),
        load(plan.jobs(target, task), target.spec.prices),
        samples=plan.prints.tasks[task].samples,
        in_flight=plan.in_flight(target),
        prices=target.spec.prices,
        seen=known.seen,
        noise=known.noise,
        base_repeats=known.base_repeats,
    )


# ---------------------------------------------------------------- a pilot


def _pilot_plan(plan: Plan, suite: Path, selection: Selection, *, size: int, show: Quiet) -> Plan:
    """Plan to ask the first `size` samples of each task, once each."""
    few = [f"tasks.{name}.limit={min(size, prints.samples)}" for name, prints in plan.prints.tasks.items()]
    once = [f"tasks.{name}.repeats=1" for name in plan.suite.tasks]
    chosen = {**selection, "settings": (*selection["settings"], *few, *once), "limit": None, "repeats": None}
    trial = make_plan(suite, chosen, show)
    return replace(trial, command={**trial.command, "pilot": size})


def _from_pilot(folder: Path, trial: Plan, found: dict[Place, Known]) -> dict[Place, Known]:
    """Add what a pilot showed to what is known; of its few samples nothing is learned about noise."""
    records = list(open_run(folder).records())
    found = dict(found)
    for task in trial.suite.tasks:
        for target in trial.targets:
            bytes_of = {job.sample.id: prompt_bytes(job) for job in trial.jobs(target, task)}
            mine = [one for one in records if (one.sample.task, one.target) == (task, target.name)]
            if (learned := seen(mine, bytes_of)).requests:
                found[task, target.name] = replace(found.get((task, target.name), Known()), seen=learned)
    return found


# ---------------------------------------------------------------- a baseline


def _from_baseline(plan: Plan, name: str) -> tuple[dict[Place, Known], list[str]]:
    """Learn from a baseline, or from an earlier run, where it asked the same; say where it did not."""
    (side,) = load_sides([name], baselines=BASELINES)
    found: dict[Place, Known] = {}
    notes = list(side.notes)
    for task, prints in plan.prints.tasks.items():
        for target in plan.targets:
            cell = side.cells.get((task, target.name))
            if cell is None or not cell.attempted:
                notes.append(f"{name} has no answers of {target.name} to {task}: nothing is learned from it")
            elif (cell.prints.data, cell.prints.prompt) != (prints.data, prints.prompt):
                notes.append(f"{name} asked {task} with other data or another prompt: nothing is learned from it")
            else:
                found[task, target.name] = _known(cell, name)
    return found, notes


def _known(cell: Cell, name: str) -> Known:
    scored = ~np.isnan(cell.score)
    asked = np.add.reduceat(scored.astype(np.int64), cell.starts)
    right = cell.means(cell.score)
    return Known(
        seen=Seen(
            source=f"{name}, {cell.attempted} requests",
            requests=cell.attempted,
            prompt_tokens=mean(known_only(cell.prompt).tolist()),
            output_tokens=mean(known_only(cell.output).tolist()),
            seconds=_seconds(cell),
        ),
        noise=noise_of(right[asked > 0].tolist(), asked[asked > 0].tolist()),
        base_repeats=max(1, round(cell.attempted / len(cell.starts))),
    )


def _seconds(cell: Cell) -> float | None:
    """Return how long a request took: the mean; the last night's median where a baseline has no more."""
    if cell.e2e is not None:
        return mean(cell.e2e[np.isfinite(cell.e2e)].tolist())
    night = cell.nights[-1].logs.get("e2e_p50") if cell.nights else None
    return None if night is None else math.exp(night[0])
