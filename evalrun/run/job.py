"""What is to be asked, in a fixed order: one job for each (target, task, sample, repeat). Nothing is sent here."""

import functools
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar

from evalrun import price
from evalrun.data.dice import Dice
from evalrun.data.ladder import LadderSource
from evalrun.data.places import Places
from evalrun.data.samples import samples
from evalrun.suite.read import Target
from evalrun.suite.spec import Sampling, Task
from evalrun.targets.spec import TargetSpec
from evalrun.types import Sample
from evalrun.wire.dialect import request_body


@dataclass(frozen=True, slots=True)
class Job:
    """One request to be made.

    key: identifies it in the journal and in every resumed session.
    most_tokens: completion tokens that it may be billed for; None where nothing limits them.
    """

    key: str
    task: str
    sample: Sample
    repeat: int
    body: bytes
    most_tokens: int | None

    def tokens(self) -> int:
        """Return the tokens that it counts for a limit per minute: four bytes make one; the answer, its limit."""
        return len(self.body) // 4 + (self.most_tokens or 0)

    def worst_case(self, prices: price.Prices | None, seen: price.Overrun | None = None) -> Decimal:
        """Return the most one attempt can cost; 0 where there are no prices (then there is no cap either).

        seen: what its target billed beyond that before.
        """
        if prices is None or self.most_tokens is None:
            return Decimal(0)
        return price.worst_case(len(self.body), self.most_tokens, prices, seen)


def jobs(name: str, task: Task, target: Target, *, places: Places) -> Iterator[Job]:
    """Yield the jobs of one task for one target: sample by sample, the repeats of a sample in a row."""
    for repeat, sample in repeated(name, task, target=target.name, places=places):
        yield job(sample, task.sampling, target, repeat=repeat)


def job(sample: Sample, sampling: Sampling, target: Target, *, repeat: int = 0) -> Job:
    """Return the job that asks `target` a sample."""
    spec = target.spec
    fields = _fields(sample, sampling, spec, repeat=repeat)
    body = body_of(sample, sampling, spec, repeat=repeat)
    key = job_key(target.name, sample.task, sample.id, repeat=repeat, body=body)
    return Job(key, sample.task, sample, repeat, body, spec.wire.most_tokens(fields))


def body_of(sample: Sample, sampling: Sampling, spec: TargetSpec, *, repeat: int = 0) -> bytes:
    """Return the body of the request that asks a target a sample."""
    return request_body(
        spec.wire,
        sample.messages,
        model=spec.served_model,
        fields=_fields(sample, sampling, spec, repeat=repeat),
        stream=spec.quirks.stream,
        stream_usage=spec.quirks.stream_usage,
    )


def _fields(sample: Sample, sampling: Sampling, spec: TargetSpec, *, repeat: int) -> dict[str, Any]:
    return sampling.fields(spec, repeat=repeat, warm=sample.meta.get("cache") == "warm")


def repeated(name: str, task: Task, *, target: str, places: Places) -> Iterator[tuple[int, Sample]]:
    """Yield each sample of a task with the number of each of its repeats, from 0.

    A ladder's prompts differ in their first line between runs, targets, tasks and repeats, so that none of them is
    served from a cache that another one filled.
    """
    one = functools.partial(samples, name, task.data, task.prompt, portion=task.portion)
    if isinstance(task.data, LadderSource) and places.salt:
        salts = (f"{places.salt} {target} {name} {repeat}" for repeat in range(task.repeats))
        streams = [one(replace(places, salt=salt)) for salt in salts]
        for row in zip(*streams, strict=True):
            yield from enumerate(row)
    else:
        for sample in one(places):
            yield from ((repeat, sample) for repeat in range(task.repeats))


def job_key(target: str, task: str, sample_id: str, *, repeat: int, body: bytes) -> str:
    """Return 16 hex digits that identify a job."""
    digest = hashlib.sha256()
    for part in (target.encode(), task.encode(), sample_id.encode("utf-8", "surrogatepass"), b"%d" % repeat, body):
        digest.update(b"%d:" % len(part) + part)  # length-prefixed: no two tuples run together to the same bytes
    return digest.hexdigest()[:16]


Item = TypeVar("Item")


def in_turn(rounds: Iterable[Sequence[Item]], *, seed: str) -> Iterator[Item]:
    """Yield the items of all rounds, an item being a request to one of the targets that are asked side by side.

        one target       A   A       A   A
        two              A B B A     B A A B           the first of a block is drawn
        with a control   A B C C B A     C A B B A C

    A block is two rounds, the second in the reverse order of the first: what rises or falls steadily along the run (the
    hour, a filling cache) affects all targets alike. The order depends on the seed alone, so that a resumed run goes on
    in it.
    """
    dice = Dice(seed)
    order: list[int] = []
    for number, items in enumerate(rounds):
        order = dice.some(range(len(items)), len(items)) if number % 2 == 0 else order[::-1]
        yield from (items[place] for place in order)
