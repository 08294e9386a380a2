"""What a suite will take, with what a pilot or a baseline showed. It sends nothing.

Premises of every estimate:

    prompt tokens    a token for every four bytes of text, where nothing was seen: a rough guess, made for English
    worst cost       every byte is a token, every answer as long as it may be, each request billed once (no resends)
    expected cost    as many tokens as the mean over samples of what was seen, nothing from the provider's cache
    time             as many requests in flight as allowed, each as long as the mean of those that were seen
    detectable drop  the two-sided test of `evalrun compare` at 5 %, found 4 times in 5: `stats.power.flips_power`
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from evalrun import price
from evalrun.compare.figures import stored_night
from evalrun.compare.interim import interim
from evalrun.compare.read import load as load_sides
from evalrun.compare.read import read_run
from evalrun.compare.side import SideCell
from evalrun.estimate import UNSEEN, Estimate, detects, noise_of
from evalrun.run.job import Job
from evalrun.run.plan import Plan
from evalrun.run.planning import Selection, make_plan
from evalrun.run.watch import Watch
from evalrun.types import Usage

BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What a task sends to a target. text_bytes: of all prompts. worst_usd: None without prices or `max_tokens`."""

    requests: int
    text_bytes: int
    worst_usd: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of a task at a target before it is asked.

    source: where it is from, in words; empty where nothing was seen.
    tokens_per_byte: of prompts. prompt_tokens, output_tokens, seconds: means of a request. None where unknown.
    noise: the share of samples that flip between two equal runs, and where that is from.
    base_repeats: of the baseline it is compared with; None: a base that is asked as often.
    """

    source: str = ""
    tokens_per_byte: float | None = None
    prompt_tokens: float | None = None
    output_tokens: float | None = None
    seconds: float | None = None
    noise: tuple[float, str] = UNSEEN
    base_repeats: int | None = None


Knowledge = Mapping[tuple[str, str], Seen]
"""By task and target."""


def forecast(plan: Plan, found: Knowledge) -> list[Estimate]:
    """Estimate each task at each target."""
    return [
        estimate(
            (task, target.name),
            volume(plan.jobs(target, task), target.spec.prices),
            samples=plan.prints.tasks[task].samples,
            in_flight=plan.in_flight(target),
            prices=target.spec.prices,
            seen=found.get((task, target.name), Seen()),
        )
        for task in plan.suite.tasks
        for target in plan.targets
    ]


def volume(jobs: Iterable[Job], prices: price.Prices | None) -> Volume:
    """Add up what jobs would send."""
    requests = text_bytes = 0
    worst: Decimal | None = Decimal(0)
    for job in jobs:
        requests += 1
        text_bytes += sum(len(message.content.encode("utf-8", "replace")) for message in job.sample.messages)
        if worst is not None and prices is not None and job.most_tokens is not None:
            worst += job.worst_case(prices)
        else:
            worst = None
    return Volume(requests=requests, text_bytes=text_bytes, worst_usd=worst)


def estimate(
    place: tuple[str, str], volume: Volume, *, samples: int, in_flight: int, prices: price.Prices | None, seen: Seen
) -> Estimate:
    """Estimate one (task, target)."""
    requests, repeats = volume.requests, volume.requests // samples
    prompt, tokens_from = _prompt_tokens(volume, seen)
    output = None if seen.output_tokens is None else round(seen.output_tokens * requests)
    expected = None
    if prices is not None and output is not None:
        expected = price.cost(Usage(prompt_tokens=prompt, completion_tokens=output), prices)
    usd = volume.worst_usd if expected is None else expected
    return Estimate(
        task=place[0],
        target=place[1],
        samples=samples,
        repeats=repeats,
        requests=requests,
        prompt_tokens=prompt,
        tokens_from=tokens_from,
        worst_usd=volume.worst_usd,
        in_flight=in_flight,
        detects=detects(samples, repeats, noise=seen.noise, base_repeats=seen.base_repeats, usd=usd),
        seen_from=seen.source,
        output_tokens=output,
        expected_usd=expected,
        seconds=None if seen.seconds is None else seen.seconds * requests / min(in_flight, requests),
    )


def _prompt_tokens(volume: Volume, seen: Seen) -> tuple[int, str]:
    if seen.tokens_per_byte is not None:
        return round(volume.text_bytes * seen.tokens_per_byte), seen.source
    if seen.prompt_tokens is not None:
        return round(volume.requests * seen.prompt_tokens), seen.source
    return math.ceil(volume.text_bytes / BYTES_PER_TOKEN), f"{BYTES_PER_TOKEN} bytes a token"


# ---------------------------------------------------------------- what is known


def plan_pilot(plan: Plan, selection: Selection, *, size: int, watch: Watch) -> Plan:
    """Plan to ask the first `size` samples of each task, once each."""
    few = [f"tasks.{name}.limit={min(size, prints.samples)}" for name, prints in plan.prints.tasks.items()]
    once = [f"tasks.{name}.repeats=1" for name in plan.suite.tasks]
    chosen = replace(selection, settings=(*selection.settings, *few, *once), limit=None, repeats=None)
    trial = make_plan(chosen, watch=watch)
    return replace(trial, command={**trial.command, "pilot": size})


def from_pilot(folder: Path, trial: Plan, found: Knowledge) -> Knowledge:
    """Add what a pilot showed to what is known; of its few samples nothing is learned about noise."""
    side = read_run(folder)
    added: dict[tuple[str, str], Seen] = {}
    for task in trial.suite.tasks:
        for target in trial.targets:
            place, cell = (task, target.name), side.cells[task, target.name]
            if answers := int(np.count_nonzero(cell.requests.answered)):
                sent = volume(trial.jobs(target, task), None)
                each = sent.text_bytes / sent.requests
                was = found.get(place, Seen())
                added[place] = _showed(was, cell, f"a pilot of {answers} answers", bytes_each=each)
    return {**found, **added}


def from_baseline(plan: Plan, name: str, *, baselines: Path) -> tuple[Knowledge, list[str]]:
    """Learn from a baseline, or from an earlier run, where it asked the same; say where it did not."""
    (side,) = load_sides([name], baselines=baselines)
    found: dict[tuple[str, str], Seen] = {}
    notes = list(side.notes)
    for task, prints in plan.prints.tasks.items():
        for target in plan.targets:
            cell = side.cells.get((task, target.name))
            if cell is None or not cell.attempted:
                notes.append(f"{name} has no answers of {target.name} to {task}: nothing is learned from it")
            elif (cell.conditions.data, cell.conditions.prompt) != (prints.data, prints.prompt):
                notes.append(f"{name} asked {task} with other data or another prompt: nothing is learned from it")
            else:
                found[task, target.name] = known(cell, name)
    return found, notes


def known(cell: SideCell, name: str) -> Seen:
    """Return what a run or a baseline showed."""
    asked = np.add.reduceat((~np.isnan(cell.score)).astype(np.int64), cell.requests.starts)
    right = cell.means(cell.score)
    noise = noise_of(right[asked > 0].tolist(), asked[asked > 0].tolist())
    found = Seen(noise=noise, base_repeats=max(1, round(cell.repeats)))
    return _showed(found, cell, f"{name}, {cell.attempted} requests")


def _showed(before: Seen, cell: SideCell, source: str, *, bytes_each: float | None = None) -> Seen:
    """Add what a cell showed: the means of its last night, as a baseline keeps them.

    bytes_each: of the text of a prompt, where it is known.
    """
    night = cell.nights[-1] if cell.nights else stored_night(interim(cell).planned, run="", at="")
    return replace(
        before,
        source=source,
        tokens_per_byte=night.prompt / bytes_each if night.prompt and bytes_each else None,
        prompt_tokens=night.prompt,
        output_tokens=night.output,
        seconds=night.seconds,
    )
