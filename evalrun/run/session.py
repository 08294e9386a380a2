"""One session of a run: open or resume its folder, ask what it lacks of a plan. No scores, no tables."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from evalrun import slo
from evalrun.errors import StoreError
from evalrun.run.fanout import Ending, FanOut
from evalrun.run.plan import Plan, changed, manifest, refuse_changed
from evalrun.run.watch import Stop, Watch
from evalrun.store.reader import StoredRun, is_delivered, started_by
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
    def ends_at_once(self) -> bool:
        """Whether the process was told to end, and not by a person who wants to see a table first."""
        return self.stop.signal not in (None, signal.SIGINT)

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

    Asks nothing where a run of this plan has every answer, but its results were not shown yet. catch: as of `ask_into`.
    """
    run = None if new else _to_go_on_with(plan, out)
    if run is not None and run.finished:
        watch.say(f"every answer is stored already, but the results were not shown: {run.path}")
        return SessionResult(run.path, Ending(), Stop())
    return await ask_into(_open(plan, run, out=out, watch=watch), plan, watch=watch, catch=catch)


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
    """Resume a run that the same selection started, never finished, and that nothing changed since; else start one.

    What was asked of a run after it finished is no part of its selection.
    """
    run = None if new else _to_go_on_with(plan, out)
    return _open(plan, None if run is None or run.finished else run, out=out, watch=watch)


def _to_go_on_with(plan: Plan, out: Path) -> StoredRun | None:
    """Return the newest run of the same selection whose results were never shown, if it was asked by the same plan.

    It may be older than one that was shown: the clock may have been set back, and --new leaves runs behind.
    Raises SuiteError where the newest run of all is unfinished, and something changed since.
    """
    folders = started_by(out, plan.suite.name, plan.command)
    open_ = [folder for folder in folders if not is_delivered(folder)]
    newest = StoredRun(folders[0]) if open_[:1] == folders[:1] and folders else None  # a damaged one is an error
    for folder in open_:
        run = newest if newest is not None and folder == newest.path else _readable(folder)
        asked_more = run is not None and run.finished_once and not run.finished  # after it was finished
        if run is not None and not asked_more and not any(changed(plan, run.manifest)):
            return run
    if newest is not None and not newest.finished_once:
        refuse_changed(plan, newest)
    return None


def _readable(folder: Path) -> StoredRun | None:
    """Open an older run; one that is damaged, or of another format, is none to go on with."""
    try:
        return StoredRun(folder)
    except StoreError:
        return None


def _open(plan: Plan, run: StoredRun | None, *, out: Path, watch: Watch) -> Writer:
    """Open a run to be resumed, and say what of it is done; without one, start a new run."""
    if run is None:
        writer = create_run(out, manifest(plan))
        watch.say(f"results: {writer.run.path}")
        return writer
    writer = Writer(run.path)
    for notice in writer.run.notices:
        watch.say(notice)
    stated = slo.read(run.manifest.suite)
    if stated != slo.read(plan.suite.model_dump(mode="json")):  # it decides nothing that is asked
        watch.say(f"the suite's SLO changed; this run keeps the one it was started with: {stated}")
    index = writer.run.index
    watch.say(f"resuming: {index.settled} of {sum(plan.totals.values()) * len(plan.targets)} are done")
    if again := index.in_doubt:
        requests = "request was" if again == 1 else "requests were"
        watch.say(f"{again} {requests} in flight when it stopped, and may have been billed: sent again")
    watch.say(f"results: {writer.run.path}")
    return writer
