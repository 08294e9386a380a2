"""One session of a run: open or resume its folder, ask what it lacks of a plan. No scores, no tables."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from evalrun import slo
from evalrun.run.fanout import Ending, FanOut
from evalrun.run.plan import Plan, changed, manifest, refuse_changed
from evalrun.run.watch import Stop, Watch
from evalrun.store.reader import newest
from evalrun.store.writer import Writer, create_run
from evalrun.targets.transport.machine import loop_factory, settle


@dataclass(frozen=True, slots=True)
class SessionResult:
    """One session of asking. ending: None when it was interrupted before the requests in flight were over."""

    folder: Path
    ending: Ending | None
    stop: Stop

    @property
    def complete(self) -> bool:
        """Whether all that was planned is asked."""
        return self.ending is not None and self.ending.complete and self.stop.signal is None

    @property
    def deadline_s(self) -> float | None:
        """How long scoring may take: an interrupted run must end soon."""
        return None if self.stop.signal is None else self.stop.left_s()


def ask_rounds(writer: Writer, plan: Plan, rounds: Mapping[str, int], *, watch: Watch, then: str) -> SessionResult:
    """Ask what the folder lacks of some tasks, each sample so many times; signals end it in order.

    then: what the journal is told when all of it was asked.
    """
    tasks = {
        name: task.model_copy(update={"repeats": rounds[name]})
        for name, task in plan.suite.tasks.items()
        if name in rounds
    }
    fewer = replace(plan, suite=plan.suite.model_copy(update={"tasks": tasks}))
    return in_a_loop(ask_into(writer, fewer, watch=watch, catch=True, then=then))


def in_a_loop(asking: Coroutine[Any, Any, SessionResult]) -> SessionResult:
    """Run a session in an event loop of its own."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(asking)


async def ask(plan: Plan, *, out: Path, new: bool, watch: Watch, catch: bool = False) -> SessionResult:
    """Ask a plan into the unfinished run that the same selection started, else into a new one.

    Asks nothing where a run of this plan has every answer and no tables yet. catch: as of `ask_into`.
    """
    run = None if new else newest(out, plan.suite.name, plan.command)
    answered = run is not None and run.finished and not (run.path / "table.json").exists()
    if run is not None and answered and not any(changed(plan, run.manifest)):
        watch.say(f"every answer is stored already, but was not scored to the end: {run.path}")
        return SessionResult(run.path, Ending(), Stop())
    new = run is None or run.finished_once
    return await ask_into(open_writer(plan, out=out, new=new, watch=watch), plan, watch=watch, catch=catch)


async def ask_into(
    writer: Writer, plan: Plan, *, watch: Watch, catch: bool = False, then: str = "finished"
) -> SessionResult:
    """Ask what a run's folder lacks of a plan, and end the session.

    catch: let signals of the process stop it; then no exception is raised, and the session says so.
    then: what the journal is told when all of it was asked.
    """
    settle()
    stop, ending = Stop(), None
    with writer:
        try:
            with stop.listening() if catch else contextlib.nullcontext():
                ending = await FanOut(plan, writer, watch, stop).ask_all()
        except asyncio.CancelledError:
            if stop.signal is None:
                writer.end("stopped")
                raise
        session = SessionResult(writer.run.path, ending, stop)
        writer.end(then if session.complete else "stopped")
    return session


def set_aside(plan: Plan, places: Iterable[tuple[str, str]]) -> Decimal:
    """Return the most that one request of some (task, target) may cost.

    So much is set aside before each request of a round, the last one too: a cap that leaves less than this beyond what
    the round is expected to cost would interrupt it.
    """
    targets = {target.name: target for target in plan.targets}
    jobs = ((job, targets[name].spec.prices) for task, name in places for job in plan.jobs(targets[name], task))
    return max(job.worst_case(prices) for job, prices in jobs)


def open_writer(plan: Plan, *, out: Path, new: bool, watch: Watch) -> Writer:
    """Resume the newest run that the same selection started, if it never finished and nothing changed; else start one.

    What was asked of a run after it finished is no part of its selection.
    """
    unfinished = None if new else newest(out, plan.suite.name, plan.command)
    if unfinished is None or unfinished.finished_once:
        writer = create_run(out, manifest(plan))
        watch.say(f"results: {writer.run.path}")
        return writer
    refuse_changed(plan, unfinished)
    writer = Writer(unfinished.path)
    for notice in writer.run.notices:
        watch.say(notice)
    stated = slo.read(unfinished.manifest.suite)
    if stated != slo.read(plan.suite.model_dump(mode="json")):  # it decides nothing that is asked
        watch.say(f"the suite's SLO changed; this run keeps the one it was started with: {stated}")
    index = writer.run.index
    watch.say(f"resuming: {index.settled} of {sum(plan.totals.values()) * len(plan.targets)} are done")
    if again := index.in_doubt:
        requests = "request was" if again == 1 else "requests were"
        watch.say(f"{again} {requests} in flight when it stopped, and may have been billed: sent again")
    watch.say(f"results: {writer.run.path}")
    return writer
