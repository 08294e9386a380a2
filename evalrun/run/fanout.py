"""The fan-out: targets one after another, their tasks one after another, a closed loop of requests in each task.

Targets do not overlap, so that none is measured under the load of another.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import msgspec

from evalrun import retry
from evalrun.data.ladder import Ladder
from evalrun.data.places import Places
from evalrun.data.samples import samples
from evalrun.data.scale import Scale
from evalrun.errors import Unusable
from evalrun.price import Purse
from evalrun.run.ask import Asker, Tally
from evalrun.run.calibrate import Calibrating
from evalrun.run.job import Job, jobs
from evalrun.run.opening import asker, near, needs, preflight
from evalrun.run.plan import Asked, Plan
from evalrun.run.spent import already_spent
from evalrun.run.stop import Stop
from evalrun.store.lines import Lag as LagLine
from evalrun.store.lines import Served
from evalrun.store.writer import Writer
from evalrun.target.client import Client
from evalrun.target.open import open_target
from evalrun.target.simulator.answers import Fact, write_answers
from evalrun.target.spec import Simulator
from evalrun.target.transport.lag import Lag
from evalrun.target.transport.machine import affordable_concurrency
from evalrun.types import Json

SLOW_S = 0.002  # a job that takes longer to write than this stops the loop for too long


class Progress(Protocol):
    """Who is told how it goes. Nothing is printed here."""

    def begin(self, target: str, task: str, *, total: int, tally: Tally, purse: Purse) -> None: ...
    def changed(self) -> None: ...
    def end(self) -> None: ...
    def say(self, text: str) -> None: ...
    def fetching(self, done: int, total: int) -> None: ...


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

    def __init__(self, plan: Plan, writer: Writer, progress: Progress, stop: Stop) -> None:
        self._plan, self._writer, self._progress, self._stop = plan, writer, progress, stop
        self._zero_ns = time.perf_counter_ns()
        self._purse = Purse(plan.suite.limits.max_cost_usd)
        self._scales: dict[str, dict[str, Scale]] = {target.name: {} for target in plan.targets}
        for line in writer.run.calibrated():
            self._scales[line.target][line.probe] = msgspec.convert(line.scale, Scale)
        self.ending = Ending()

    async def ask_all(self) -> Ending:
        """Ask every target. Ends early, with the reason in the result, when there is no point in going on."""
        if self._purse.cap is not None:
            self._purse.spent = already_spent(self._writer.run.path)
        try:
            for target in self._plan.targets:
                if next(self._missing(target), None) is None or self._is_over():
                    continue
                try:
                    await self._ask_target(target)
                except Unusable as error:
                    self.ending.stopped[target.name] = str(error)
        except BaseExceptionGroup as group:
            raise _first_of(group) from group
        finally:
            self.ending.spent_usd = self._purse.spent
        return self.ending

    def _is_over(self) -> bool:
        return self.ending.capped or self._stop.signal is not None

    def _jobs(self, target: Asked, task: str) -> Iterator[Job]:
        plan = self._plan
        return jobs(
            task,
            plan.suite.tasks[task],
            target=target.name,
            model=plan.model(target),
            quirks=target.spec.quirks,
            places=self._places(target),
        )

    def _places(self, target: Asked) -> Places:
        """Give where the target's samples come from: prompts of a ladder depend on who counts their tokens."""
        return replace(self._plan.places, scales=self._scales[target.name], salt=self._writer.run.path.name)

    def _missing(self, target: Asked) -> Iterator[Job]:
        return (job for task in self._plan.suite.tasks for job in self._jobs(target, task) if not self._settled(job))

    def _settled(self, job: Job) -> bool:
        return self._writer.run.index.is_settled(job.key)

    # ---------------------------------------------------------------- one target

    async def _ask_target(self, target: Asked) -> None:
        wanted = min(self._plan.suite.load.concurrency, target.spec.rate.concurrency or 2**31)
        concurrency = affordable_concurrency(wanted)
        if concurrency < wanted:
            self._progress.say(f"{target.name}: {concurrency} in flight, not {wanted}: the limit of open files")
        needed = needs(
            self._plan,
            target,
            folder=self._writer.run.path,
            slots=concurrency,
            answers=self._answers_path(target),
            notify=self._progress.say,
            progress=self._progress.fetching,
        )
        self._write_answers(target, with_ladders=False)
        async with open_target(target.spec, target.name, needed) as opened:
            endpoint = opened.endpoint
            self._writer.append(
                Served(session=self._writer.session, target=target.name, note=endpoint.note, facts=endpoint.facts)
            )
            models = await preflight(opened, target)
            if not await self._calibrate(target, opened.client):
                return
            self._write_answers(target, with_ladders=True)
            asking = asker(
                target,
                opened.client,
                self._writer,
                limits=self._plan.suite.limits,
                purse=self._purse,
                slots=concurrency,
                zero_ns=self._zero_ns,
                changed=self._progress.changed,
            )
            self._stop.busy = lambda: asking.slots.in_flight > 0
            for task in self._plan.suite.tasks:
                await self._ask_task(asking, target, task)
                self._note_lag(target.name, task, opened.lag)
                if asking.stopped or self._is_over():
                    break
        if asking.stopped:
            self.ending.stopped[target.name] = asking.stopped + near(endpoint.model, models)

    async def _calibrate(self, target: Asked, client: Client) -> bool:
        """Measure how long the ladders' prompts are for this target; false when the cap does not allow it."""
        calibrating = Calibrating(self._plan, target, client, self._writer, self._purse)
        for name, task in self._plan.suite.tasks.items():
            if isinstance(task.data, Ladder) and task.data.mark not in self._scales[target.name]:
                self._progress.say(f"{target.name} {name}: measuring how long its prompts are")
                scale = await calibrating.scale(name)
                if scale is None:
                    self.ending.capped = True
                    return False
                self._scales[target.name][task.data.mark] = scale
        return True

    def _answers_path(self, target: Asked) -> Path | None:
        return self._writer.run.path / f"{target.name}.answers.jsonl" if isinstance(target.spec, Simulator) else None

    def _write_answers(self, target: Asked, *, with_ladders: bool) -> None:
        """Tell the simulator what the right answers are; it cannot know them. Ladders' prompts exist only later."""
        path = self._answers_path(target)
        if path is None:
            return
        rows = (
            (sample.messages, Fact(sample.expected, _level(sample.meta.get("level"))))
            for name, task in self._plan.suite.tasks.items()
            if isinstance(task.data, Ladder) == with_ladders
            for sample in samples(name, task.data, task.prompt, self._places(target), limit=task.limit)
            if sample.expected is not None
        )
        write_answers(path, rows, append=with_ladders)

    def _note_lag(self, target: str, task: str, lag: Lag) -> None:
        p50_s, p99_s, max_s = (lag.quantile_s(q) for q in (0.5, 0.99, 1.0))
        if p50_s is not None and p99_s is not None and max_s is not None:
            line = LagLine(
                session=self._writer.session,
                target=target,
                task=task,
                count=lag.reads.count + lag.loop.count,
                p50_s=p50_s,
                p99_s=p99_s,
                max_s=max_s,
                source="reads and loop" if lag.reads.count else "loop",
            )
            self._writer.append(line)
        lag.clear()

    # ---------------------------------------------------------------- one task

    async def _ask_task(self, asker: Asker, target: Asked, task: str) -> None:
        asker.tally = Tally()
        self._progress.begin(target.name, task, total=self._plan.totals[task], tally=asker.tally, purse=self._purse)
        try:
            async with asyncio.TaskGroup() as group:
                async for job in _steadily(self._jobs(target, task)):
                    if self._settled(job):
                        asker.tally.earlier += 1
                        continue
                    await asker.slots.acquire()
                    reserved = await self._reserve(asker, job)
                    if reserved is None or asker.stopped or self._is_over():
                        if reserved is not None:
                            self._purse.release(reserved)
                        asker.slots.release()
                        break
                    group.create_task(self._one(asker, job, reserved))
        finally:
            self._progress.end()

    async def _reserve(self, asker: Asker, job: Job) -> Decimal | None:
        """Set aside what `job` may cost at worst, waiting for others to settle; None when the cap is reached."""
        reserved = asker.worst_case(job)
        while not self._purse.reserve(reserved):
            if asker.slots.in_flight == 1:  # only our own slot is taken: nothing will be given back
                self.ending.capped = True
                return None
            await asker.slots.change()
        return reserved

    async def _one(self, asker: Asker, job: Job, reserved: Decimal) -> None:
        try:
            if not retry.settled(await asker.ask(job, reserved)):
                self.ending.unsettled += 1
        finally:
            asker.slots.release()


async def _steadily(jobs: Iterator[Job]) -> AsyncIterator[Job]:
    """Give the jobs without starving the requests in flight: jobs that take long to write are written in a thread."""
    slow = False
    for number in itertools.count(1):
        began = time.perf_counter()
        job = await asyncio.to_thread(next, jobs, None) if slow else next(jobs, None)
        slow = time.perf_counter() - began > SLOW_S
        if job is None:
            return
        if number % 256 == 0:
            await asyncio.sleep(0)
        yield job


def _level(value: Json) -> int:
    return value if isinstance(value, int) and value >= 1 else 1


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give the first plain exception of a group: tasks that fail together fail for one reason."""
    first = group.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
