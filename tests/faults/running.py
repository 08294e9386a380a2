"""Asks jobs as a run does, retries and money included, and reads what its journal says. Only the fan-out is missing."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from asking import BODY, PATIENT, SIZES
from fault_server import DONE, STOP, says, stream, usage

from evalrun import retry
from evalrun.price import Budget
from evalrun.run.ask import Asker
from evalrun.run.job import Job
from evalrun.run.slots import Backoff, Slots
from evalrun.store.lines import Intent, scan
from evalrun.store.manifest import Fingerprints, Machine, Manifest, TaskPrints
from evalrun.store.reader import StoredRun
from evalrun.store.writer import create_run
from evalrun.targets.client import Client
from evalrun.targets.kind import Deadlines, Endpoint, PriceSpec
from evalrun.targets.transport.measuring import MeasuringTransport
from evalrun.types import Message, Outcome, Record, Sample

FINE = stream(says("Hello"), STOP, usage(10, 5), DONE)
QUICK = retry.Rules(attempts=6, unknown=1, backoff_s=(0.01, 0.02))
PRICES = PriceSpec(prompt=Decimal(1), completion=Decimal(2), cached=Decimal("0.5"), date=date(2026, 1, 1))
MAX_TOKENS = 16
COST = Decimal(10 * 1 + 5 * 2) / 1_000_000  # of FINE
WORST = Decimal((len(BODY) + 1024) * 1 + MAX_TOKENS * 2) / 1_000_000  # of BODY, see price.worst_case

MANIFEST = Manifest(
    suite_name="faults",
    suite={},
    suite_file="faults.yaml",
    command={},
    targets={"t": {}},
    fingerprints=Fingerprints(
        tasks={"task": TaskPrints(data="d", samples=1, prompt="p", sampling="s", scorers="c")}, targets={"t": "t"}
    ),
    machine=Machine(python="3", platform="linux", cpu="cpu", cpus=2),
    versions={},
    transport="evalrun",
    price_date=None,
    created=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What came of it: the outcomes of the jobs that were asked, and what the journal says."""

    outcomes: list[Outcome]
    records: list[Record]
    intents: list[Intent]
    asker: Asker

    @property
    def only(self) -> Record:
        (record,) = self.records
        return record


def job(number: int, body: bytes) -> Job:
    sample = Sample(task="task", id=str(number), messages=(Message(role="user", content="Hi"),))
    return Job(f"{number:016x}", "task", sample, 0, body, MAX_TOKENS)


def ran(
    folder: Path,
    url: str,
    *,
    jobs: int = 1,
    in_flight: int = 1,
    body: bytes = BODY,
    rules: retry.Rules = QUICK,
    deadlines: Deadlines = PATIENT,
    budget: Budget | None = None,
    backoff: Backoff | None = None,
    changed: Callable[[], None] = lambda: None,
) -> Ran:
    """Ask `jobs` jobs, `in_flight` at a time, until they have their outcomes or the target is stopped."""
    outcomes: list[Outcome] = []

    async def asking() -> Asker:
        transport = MeasuringTransport()
        asker = Asker(
            target="t",
            zero_ns=time.perf_counter_ns(),
            client=Client(Endpoint(base_url=url, model="m"), transport, deadlines=deadlines, sizes=SIZES, headers={}),
            writer=writer,
            rules=rules,
            prices=PRICES,
            budget=budget or Budget(),
            slots=Slots(in_flight, time.monotonic),
            backoff=backoff or Backoff(time.monotonic),
            changed=changed,
            random=random.Random(1),
        )

        async def one(todo: Job) -> None:
            reserved = None if asker.stopped else await asker.reserve(todo)
            if reserved is not None:
                outcomes.append(await asker.ask(todo, reserved))
            asker.slots.release()

        async with asyncio.TaskGroup() as group:
            for number in range(jobs):
                await asker.slots.acquire()
                group.create_task(one(job(number, body)))
        await transport.aclose()
        return asker

    with create_run(folder, MANIFEST) as writer:
        asker = asyncio.run(asking())
    events = (line.event() for line in scan(writer.run.path / "journal.jsonl"))
    intents = [one for one in events if isinstance(one, Intent)]
    return Ran(outcomes=outcomes, records=list(StoredRun(writer.run.path).records()), intents=intents, asker=asker)
