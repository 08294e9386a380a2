"""Rounds: more repeats of tasks, asked into a run's own folder, a session each. When to stop is the caller's to say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np

from evalrun.cli.asking import Session, ask_into
from evalrun.cli.progress import Quiet
from evalrun.compare.side import Cell, cost
from evalrun.run.plan import Plan
from evalrun.store.writer import Writer

Rounds = Mapping[str, int]
"""How often each sample of a task is asked."""


def ask_rounds(writer: Writer, plan: Plan, rounds: Rounds, *, show: Quiet, then: str = "stopped") -> Session:
    """Ask what the folder lacks of so many rounds of these tasks: one session of the run, which ends it.

    then: what the journal is told when all of it was asked.
    """
    asked = {name: task for name, task in plan.suite.tasks.items() if name in rounds}
    tasks = {name: task.model_copy(update={"repeats": rounds[name]}) for name, task in asked.items()}
    with writer:
        session = ask_into(writer, replace(plan, suite=plan.suite.model_copy(update={"tasks": tasks})), show=show)
        writer.end(then if session.complete else "stopped")
    return session


def round_usd(cells: Sequence[Cell], rounds: int) -> Decimal | None:
    """Return what a round of some cells cost on average; None where one has no answer with a known cost."""
    each = [cost(cell, cell.prints.prices) for cell in cells]
    if any(np.isnan(costs).all() for costs in each):
        return None
    mean = sum(float(np.nanmean(costs)) * len(costs) for costs in each) / rounds
    return Decimal(f"{mean:.6g}")


def dearest(plan: Plan, places: Iterable[tuple[str, str]]) -> Decimal:
    """Return the most that one request of some tasks and targets may cost.

    So much is set aside before a request is sent, the last of a round too: under a cap that leaves less than this
    beyond what a round is expected to cost, its end could not be asked. Where it leaves no more, fewer are in flight.
    """
    targets = {target.name: target for target in plan.targets}
    jobs = ((job, targets[name].spec.prices) for task, name in places for job in plan.jobs(targets[name], task))
    return max(job.worst_case(prices) for job, prices in jobs)
