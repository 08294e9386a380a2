"""The fan-out: targets one after another, their tasks one after another, a closed loop of requests in each task.

Targets do not overlap, so that none is measured under the load of another.
"""

import asyncio
import difflib
import functools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from evalrun import retry
from evalrun.data.samples import samples
from evalrun.errors import Unusable
from evalrun.price import Purse
from evalrun.run.ask import Asker, Tally
from evalrun.run.job import Job, jobs
from evalrun.run.plan import Asked, Plan
from evalrun.run.slots import Door, Slots
from evalrun.run.spent import already_spent
from evalrun.run.stop import Stop
from evalrun.store.lines import Lag as LagLine
from evalrun.store.lines import Served
from evalrun.store.writer import Writer
from evalrun.target.client import Sizes
from evalrun.target.open import Needs, Opened, open_target
from evalrun.target.simulator.answers import Fact, write_answers
from evalrun.target.spec import Http, Simulator
from evalrun.target.transport.exchange import Deadlines
from evalrun.target.transport.lag import Lag
from evalrun.target.transport.machine import affordable_concurrency
from evalrun.types import Failure, Json


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
            places=plan.places,
        )

    def _missing(self, target: Asked) -> Iterator[Job]:
        return (job for task in self._plan.suite.tasks for job in self._jobs(target, task) if not self._settled(job))

    def _settled(self, job: Job) -> bool:
        return self._writer.run.index.is_settled(job.key)

    # ---------------------------------------------------------------- one target

    async def _ask_target(self, target: Asked) -> None:
        limits = self._plan.suite.limits
        wanted = min(self._plan.suite.load.concurrency, target.spec.rate.concurrency or 2**31)
        concurrency = affordable_concurrency(wanted)
        if concurrency < wanted:
            self._progress.say(f"{target.name}: {concurrency} in flight, not {wanted}: the limit of open files")
        needs = Needs(
            folder=target.folder,
            logs=self._writer.run.path,
            key=target.key,
            slots=concurrency,
            deadlines=Deadlines(
                connect_s=limits.connect_s,
                first_byte_s=limits.first_byte_s,
                idle_s=limits.idle_s,
                total_s=limits.total_s,
            ),
            sizes=Sizes(answer=limits.max_answer_bytes, event=limits.max_event_bytes),
            answers=self._write_answers(target),
            notify=self._progress.say,
            progress=self._progress.fetching,
        )
        async with open_target(target.spec, target.name, needs) as opened:
            endpoint = opened.endpoint
            self._writer.append(
                Served(session=self._writer.session, target=target.name, note=endpoint.note, facts=endpoint.facts)
            )
            models = await _preflight(opened, target)
            asker = self._asker(target, opened, concurrency)
            self._stop.busy = lambda: asker.slots.in_flight > 0
            for task in self._plan.suite.tasks:
                await self._ask_task(asker, target, task)
                self._note_lag(target.name, task, opened.lag)
                if asker.stopped or self._is_over():
                    break
        if asker.stopped:
            self.ending.stopped[target.name] = asker.stopped + near(endpoint.model, models)

    def _asker(self, target: Asked, opened: Opened, concurrency: int) -> Asker:
        retries = self._plan.suite.limits.retries
        return Asker(
            target=target.name,
            session=self._writer.session,
            zero_ns=self._zero_ns,
            client=opened.client,
            journal=self._writer,
            rules=retry.Rules(
                attempts=retries.attempts,
                unknown=retries.unknown,
                max_wait_s=retries.max_wait_s,
                first_backoff_s=retries.backoff_s[0],
                longest_backoff_s=retries.backoff_s[1],
            ),
            prices=target.spec.prices,
            purse=self._purse,
            slots=Slots(concurrency, time.monotonic),
            door=Door(time.monotonic),
            tally=Tally(),
            changed=self._progress.changed,
            advice=functools.partial(_advice, target=target),
        )

    def _write_answers(self, target: Asked) -> Path | None:
        """Tell the simulator what the right answers are; it cannot know them from the questions."""
        if not isinstance(target.spec, Simulator):
            return None
        path = self._writer.run.path / f"{target.name}.answers.jsonl"
        rows = (
            (sample.messages, Fact(sample.expected, _level(sample.meta.get("level"))))
            for name, task in self._plan.suite.tasks.items()
            for sample in samples(name, task.data, task.prompt, self._plan.places, limit=task.limit)
            if sample.expected is not None
        )
        write_answers(path, rows)
        return path

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
                for number, job in enumerate(self._jobs(target, task)):
                    if self._settled(job):
                        asker.tally.earlier += 1
                        if number % 256 == 0:
                            await asyncio.sleep(0)  # a long stretch of settled jobs must not starve those in flight
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


async def _preflight(opened: Opened, target: Asked) -> list[str]:
    """See that the endpoint is there and takes the key, before anything is spent. Gives the models it lists."""
    found = await opened.client.models()
    if isinstance(found, Failure):
        raise Unusable(f"{found.message}{_advice(found, target)}")
    return found


def _advice(failure: Failure, target: Asked) -> str:
    match failure.kind:
        case "dns" | "connect" | "timeout_connect":
            return f"; is the server running, and is base_url of target {target.name} right?"
        case "tls":
            return "; is its certificate valid? (`ca_file` names your own authority, `verify: false` trusts anybody)"
        case "auth" if failure.status == 407:  # it is the proxy's, and the message says so
            return ""
        case "auth" if isinstance(target.spec, Http) and target.spec.key_env:
            return f"; is the key in {target.spec.key_env} still valid?"
        case "auth":
            return f"; target {target.name} names no key_env: does the server want a key?"
    return ""


def near(model: str, listed: list[str]) -> str:
    """Say which models an endpoint lists, the likeliest first, where it does not list `model`."""
    if not listed or model in listed:
        return ""
    close = difflib.get_close_matches(model, listed, n=3, cutoff=0.4) or listed[:3]
    return f"; it lists {', '.join(close)}" + (
        f" and {len(listed) - len(close)} more" if len(listed) > len(close) else ""
    )


def _level(value: Json) -> int:
    return value if isinstance(value, int) and value >= 1 else 1


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give the first plain exception of a group: tasks that fail together fail for one reason."""
    first = group.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
