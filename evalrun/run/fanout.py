"""The fan-out: targets one after another, their tasks one after another, the requests of a task by its load pattern.

Targets do not overlap, so that none is measured under the load of another; those of an A/B are all open at once and
asked in step (`job.in_turn`), as fast as the slowest of them lets the others go.
"""

import asyncio
import contextlib
import functools
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from evalrun import retry
from evalrun.data.ladder import LadderSource
from evalrun.errors import Unusable
from evalrun.price import Budget
from evalrun.run.ask import Asker, Tally
from evalrun.run.calibrate import CapReached
from evalrun.run.job import Job, in_turn
from evalrun.run.opening import Lane, Opening
from evalrun.run.plan import Plan
from evalrun.run.spent import already_spent
from evalrun.run.watch import Stop, Watch
from evalrun.store.lines import Lag, Load, LoadReason
from evalrun.store.writer import Writer
from evalrun.suite.read import Target

NOTE_LAG_S = 10.0
SLOW_S = 0.002  # a job that takes longer to write than this stops the loop for too long


@dataclass(slots=True)
class Ending:
    """How the asking ended. stopped: targets that were given up, and why. unsettled: outcomes worth asking again."""

    stopped: dict[str, str] = field(default_factory=dict)
    capped: bool = False
    unsettled: int = 0
    spent_usd: Decimal = Decimal(0)

    @property
    def complete(self) -> bool:
        return not (self.stopped or self.capped or self.unsettled)


class FanOut:
    """Asks everything a plan says that the journal does not already hold."""

    def __init__(self, plan: Plan, writer: Writer, watch: Watch, stop: Stop) -> None:
        self._plan, self._writer, self._watch, self._stop = plan, writer, watch, stop
        self._zero_ns = time.perf_counter_ns()
        self._budget = Budget(plan.suite.limits.max_cost_usd)
        self._opening = Opening(plan, writer, watch, self._budget, zero_ns=self._zero_ns)
        self._lag_noted_s = time.monotonic()
        self.ending = Ending()

    async def ask_all(self) -> Ending:
        """Ask every target. Ends early, with the reason in the result, when there is no point in going on."""
        if self._budget.cap is not None:
            self._budget.spent = already_spent(self._writer.run.path)
        try:
            for group in self._plan.groups:
                if not self._is_over() and any(next(self._missing(target), None) for target in group):
                    await self._ask_group(group)
        except BaseExceptionGroup as failed:
            raise _first_of(failed) from failed
        finally:
            self.ending.spent_usd = self._budget.spent
        return self.ending

    def _is_over(self) -> bool:
        return self.ending.capped or self._stop.signal is not None

    def _jobs(self, target: Target, task: str) -> Iterator[Job]:
        return self._plan.jobs(target, task, places=self._opening.places(target))

    def _missing(self, target: Target) -> Iterator[Job]:
        return (job for task in self._plan.suite.tasks for job in self._jobs(target, task) if not self._settled(job))

    def _settled(self, job: Job) -> bool:
        return self._writer.run.index.is_settled(job.key)

    # ---------------------------------------------------------------- targets

    async def _ask_group(self, group: Sequence[Target]) -> None:
        """Open all targets of a group and ask them side by side. Where one cannot go on, none does."""
        async with contextlib.AsyncExitStack() as stack:
            lanes: list[Lane] = []
            for target in group:
                try:
                    lanes.append(await self._opening.open(target, stack))
                except Unusable as error:
                    self.ending.stopped[target.name] = str(error)
                    return
                except CapReached:
                    self.ending.capped = True
                    return
            self._stop.busy = lambda: any(lane.asker.slots.in_flight for lane in lanes)
            for task in self._plan.suite.tasks:
                try:
                    await self._ask_task(lanes, task)
                finally:  # an interrupted session's latencies are judged too
                    self._note_lag(lanes, task)
                    for lane in lanes:
                        lane.lag.clear()
                if self._is_over() or any(lane.asker.stopped for lane in lanes):
                    break
        for lane in lanes:
            if lane.asker.stopped:
                self.ending.stopped[lane.target.name] = lane.asker.stopped

    # ---------------------------------------------------------------- one task

    async def _ask_task(self, lanes: Sequence[Lane], task: str) -> None:
        seed = f"{self._writer.run.path.name} {task}"
        tally, schedules = Tally(), {}
        for lane in lanes:
            lane.asker.tally, slots = tally, lane.asker.slots
            slots.on_change = functools.partial(self._note_load, lane, task)
            begin = functools.partial(self._note_load, lane, task, slots.why)
            schedules[lane.target.name] = _when_due(self._plan.suite.load.due_s(seed), begin)
        names, total = " | ".join(lane.target.name for lane in lanes), self._plan.totals[task] * len(lanes)
        self._watch.begin(names, task, total=total, tally=tally, budget=self._budget)
        rounds = zip(*(zip(itertools.repeat(lane), self._jobs(lane.target, task)) for lane in lanes), strict=True)
        slow = isinstance(self._plan.suite.tasks[task].data, LadderSource)
        try:
            async with asyncio.TaskGroup() as group:
                async for lane, job in _steadily(in_turn(rounds, seed=seed), slow=slow):
                    if self._settled(job):
                        tally.earlier += 1
                        continue
                    due_ns = await anext(schedules[lane.target.name])
                    asker = lane.asker
                    await asker.slots.acquire()
                    if time.monotonic() - self._lag_noted_s > NOTE_LAG_S:
                        self._note_lag(lanes, task)
                    reserved = await self._reserve(asker, job, lanes)
                    if reserved is None:
                        asker.slots.release()
                        break
                    group.create_task(self._one(asker, job, reserved, due_ns))
        finally:
            self._watch.end()

    async def _reserve(self, asker: Asker, job: Job, lanes: Sequence[Lane]) -> Decimal | None:
        """Set aside what `job` may cost at worst, waiting for others to settle; None when no more is to be asked."""
        reserved = await asker.reserve(job)
        if reserved is None:
            self.ending.capped = True
            return None
        if self._is_over() or any(lane.asker.stopped for lane in lanes):
            self._budget.release(reserved)
            return None
        return reserved

    async def _one(self, asker: Asker, job: Job, reserved: Decimal, due_ns: int | None) -> None:
        try:
            outcome = await asker.ask(job, reserved, due_ns=due_ns)
            if outcome is None or not retry.settled(outcome):
                self.ending.unsettled += 1
            self.ending.capped |= asker.capped
        finally:
            asker.slots.release()

    # ---------------------------------------------------------------- the conditions, journalled

    def _note_load(self, lane: Lane, task: str, why: LoadReason) -> None:
        """Note how many requests of a task may be in flight from now on."""
        at_s = (time.perf_counter_ns() - self._zero_ns) / 1e9
        limit, session = lane.asker.slots.limit, self._writer.session
        self._writer.append(Load(session=session, target=lane.target.name, task=task, at_s=at_s, limit=limit, why=why))

    def _note_lag(self, lanes: Sequence[Lane], task: str) -> None:
        """Note how late this client was so far: again and again, for a killed session's latencies are judged too."""
        for lane in lanes:
            lag = lane.lag
            p50_s, p99_s, max_s = (lag.quantile_s(q) for q in (0.5, 0.99, 1.0))
            if p50_s is not None and p99_s is not None and max_s is not None:
                line = Lag(
                    session=self._writer.session,
                    target=lane.target.name,
                    task=task,
                    count=lag.reads.count + lag.loop.count,
                    p50_s=p50_s,
                    p99_s=p99_s,
                    max_s=max_s,
                    source="reads and loop" if lag.reads.count else "loop",
                )
                self._writer.append(line)
        self._lag_noted_s = time.monotonic()


async def _when_due(due_s: Iterator[float | None], begin: Callable[[], None]) -> AsyncIterator[int | None]:
    """Yield the instant of each request of a task to one target when it is due, as a load pattern says.

    None: as soon as a slot is free. begin: called with the first request, at which the pattern begins.
    """
    zero_ns = time.perf_counter_ns()
    begin()
    for offset_s in itertools.chain(due_s, itertools.repeat(None)):
        due_ns = None if offset_s is None else zero_ns + round(offset_s * 1e9)
        while due_ns is not None and (rest_ns := due_ns - time.perf_counter_ns()) > 0:
            await asyncio.sleep(rest_ns / 1e9)
        yield due_ns


async def _steadily(turns: Iterator[tuple[Lane, Job]], *, slow: bool) -> AsyncIterator[tuple[Lane, Job]]:
    """Yield the turns without starving the requests in flight: what takes long to write is written in a thread.

    slow: expect it to. The mean of the latest turns decides, so that one hiccup does not and short ones between do.
    """
    mean_s = 10 * SLOW_S if slow else 0.0
    for number in itertools.count(1):
        began = time.perf_counter()
        turn = await asyncio.to_thread(next, turns, None) if mean_s > SLOW_S else next(turns, None)
        mean_s = 0.9 * mean_s + 0.1 * (time.perf_counter() - began)
        if turn is None:
            return
        if number % 256 == 0:
            await asyncio.sleep(0)
        yield turn


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first plain exception of a group: tasks that fail together fail for one reason."""
    first = group.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
