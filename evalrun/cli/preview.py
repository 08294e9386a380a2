"""The first requests of a plan as text, as `evalrun check --show` prints them. Sends nothing, and knows no key."""

import json
from collections.abc import Iterator
from itertools import islice

from evalrun.escape import clip, tty
from evalrun.run.job import Job
from evalrun.run.plan import Plan

MOST = 20_000  # characters of a text


def requests_of(plan: Plan, n: int) -> Iterator[str]:
    """Yield the lines of the first n requests of each task to each target."""
    for task in plan.suite.tasks:
        for target in plan.targets:
            for job in islice(plan.jobs(target, task), n):
                yield f"\n{tty(task)}, sample {tty(clip(job.sample.id, 100))}, to {tty(target.name)}:"
                yield from _request(job)
    yield ""


def _request(job: Job) -> Iterator[str]:
    sample, body = job.sample, json.loads(job.body)
    for message in sample.messages:
        yield from _indented(message.role, message.content)
    for number, choice in enumerate(sample.choices):
        yield from _indented(f"choice {number + 1}", choice)
    if sample.expected is not None:
        yield from _indented("expected", sample.expected)
    rest = {name: value for name, value in body.items() if name != "messages"}
    yield from _indented("body", json.dumps({**rest, "messages": "as above"}, ensure_ascii=False, indent=1))


def _indented(title: str, text: str) -> Iterator[str]:
    """Yield a text below its title, each of its lines harmless; a single line beside it."""
    lines = [tty(line) for line in clip(text, MOST).split("\n")]
    if len(lines) == 1:
        yield f"  {title}: {lines[0]}"
        return
    yield f"  {title}:"
    yield from (f"    {line}" for line in lines)
