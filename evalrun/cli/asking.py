"""Asking a plan into a results folder: open or resume it, ask, say how it ended. No scores, no tables."""

import asyncio
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from evalrun import slo
from evalrun.cli.exits import CAPPED, INTERRUPTED, NO_VERDICT, TERMINATED, say
from evalrun.cli.progress import Quiet
from evalrun.escape import tty
from evalrun.run.fanout import Ending, FanOut
from evalrun.run.plan import Plan, differences, manifest, refuse_changed
from evalrun.run.stop import Stop
from evalrun.store import Run, create_run, find_unfinished, newest, resume
from evalrun.store.writer import Writer
from evalrun.targets.transport.machine import loop_factory, settle


@dataclass(frozen=True, slots=True)
class Session:
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


def ask(plan: Plan, *, out: Path, new: bool, show: Quiet) -> Session:
    """Ask into the unfinished run that the same command started, else into a new one."""
    with open_writer(plan, out=out, new=new, show=show) as writer:
        show.say(f"results: {writer.run.path}")
        session = ask_into(writer, plan, show=show)
        writer.end("finished" if session.complete else "stopped")
    return session


def ask_into(writer: Writer, plan: Plan, *, show: Quiet) -> Session:
    """Ask what a run's folder lacks of a plan."""
    stop = Stop()

    async def asking() -> Ending:
        with stop.listening():
            return await FanOut(plan, writer, show, stop).ask_all()

    settle()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            return Session(writer.run.path, runner.run(asking()), stop)
        except asyncio.CancelledError:
            if stop.signal is None:
                raise
            return Session(writer.run.path, None, stop)


def asked_not_scored(plan: Plan, out: Path) -> Path | None:
    """Return the folder of a finished run of this very plan that has no tables yet."""
    run = newest(out, plan.suite.name, plan.command)
    if run is None or not run.finished or (run.path / "table.json").exists():
        return None
    return None if changed(plan, run)[0] else run.path


def changed(plan: Plan, run: Run) -> tuple[list[str], bool]:
    """Say what changed since a run was started, and whether it is only how answers are scored."""
    found, only_scorers = differences(plan.prints, run.manifest.fingerprints)
    for target in plan.targets:
        prices = target.spec.model_dump(mode="json")["prices"]
        if prices != run.manifest.targets.get(target.name, {}).get("prices"):
            found.append(f"the prices of target {target.name} changed")
            only_scorers = False
    return found, only_scorers


def open_writer(plan: Plan, *, out: Path, new: bool, show: Quiet) -> Writer:
    """Resume the unfinished run that the same command started, if nothing changed since; else start a new one."""
    os.umask(0o077)  # answers may be anybody's business; the folder is the user's
    unfinished = None if new else find_unfinished(out, plan.suite.name, plan.command)
    if unfinished is None:
        return create_run(out, manifest(plan))
    changes, only_scorers = changed(plan, unfinished)
    if changes:
        raise refuse_changed(changes, unfinished.path, only_scorers=only_scorers, command=str(plan.suite_file))
    writer = resume(unfinished.path)
    for notice in writer.run.notices:
        show.say(notice)
    stated = slo.read(unfinished.manifest.suite)
    if stated != slo.read(plan.suite.model_dump(mode="json")):  # it decides nothing that is asked
        show.say(f"the suite's SLO is another one now; this run keeps the one it began with: {stated}")
    show.say(f"resuming: {writer.run.index.settled} of {sum(plan.totals.values()) * len(plan.targets)} are done")
    index = writer.run.index
    if again := sum(not index.is_settled(key) for key in index.possibly_billed):
        requests = "request was" if again == 1 else "requests were"
        show.say(f"{again} {requests} in flight when it stopped, and may have been billed: sent again")
    return writer


def last_words(session: Session, plan: Plan, *, again: str, verdict: int) -> int:
    """Say what a person must know beyond the table, and give the exit code. again: the command that goes on."""
    ending, stopped_by = session.ending, session.stop.signal
    if stopped_by is not None:
        say(f"interrupted; resume with: {again}")
        return INTERRUPTED if stopped_by is signal.SIGINT else TERMINATED
    assert ending is not None
    for name, why in ending.stopped.items():
        say(f"{tty(name)}: stopped: {tty(why)}")
    if ending.capped:
        cap = plan.suite.limits.max_cost_usd
        say(f"the cap of ${cap:f} is reached: ${ending.spent_usd:.4f} are spent; raise --max-cost to go on: {again}")
        return CAPPED
    if ending.stopped:
        say(f"when that is mended, go on with: {again}")
        return NO_VERDICT
    if ending.unsettled:
        say(f"{ending.unsettled} requests failed for reasons of the moment; ask them again with: {again}")
    return verdict
