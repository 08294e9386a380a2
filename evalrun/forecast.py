"""What a suite would take, with what a pilot or a baseline showed (`run.estimate`). It sends nothing but a pilot."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evalrun.compare.read import load as load_sides
from evalrun.compare.side import SideCell
from evalrun.estimate import Estimate
from evalrun.requests import Requests, read
from evalrun.run.estimate import UNSEEN, Seen, estimate, noise_of, volume
from evalrun.run.plan import Plan
from evalrun.run.planning import Selection, make_plan
from evalrun.run.watch import Watch
from evalrun.stats.interval import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a task at a target before it is asked. base_repeats: of the baseline it is compared with."""

    seen: Seen | None = None
    noise: tuple[float, str] = UNSEEN
    base_repeats: int | None = None


Knowledge = Mapping[tuple[str, str], Known]
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
            seen=known.seen,
            noise=known.noise,
            base_repeats=known.base_repeats,
        )
        for task in plan.suite.tasks
        for target in plan.targets
        for known in (found.get((task, target.name), Known()),)
    ]


def plan_pilot(plan: Plan, selection: Selection, *, size: int, watch: Watch) -> Plan:
    """Plan to ask the first `size` samples of each task, once each."""
    few = [f"tasks.{name}.limit={min(size, prints.samples)}" for name, prints in plan.prints.tasks.items()]
    once = [f"tasks.{name}.repeats=1" for name in plan.suite.tasks]
    chosen = replace(selection, settings=(*selection.settings, *few, *once), limit=None, repeats=None)
    trial = make_plan(chosen, watch=watch)
    return replace(trial, command={**trial.command, "pilot": size})


def from_pilot(folder: Path, trial: Plan, found: Knowledge) -> Knowledge:
    """Add what a pilot showed to what is known; of its few samples nothing is learned about noise."""
    requests = read(folder)
    added: dict[tuple[str, str], Known] = {}
    for task in trial.suite.tasks:
        for target in trial.targets:
            place, mine = (task, target.name), requests.of(task, target.name)
            if answers := int(np.count_nonzero(mine.answered)):
                sent = volume(trial.jobs(target, task), None)
                learned = _seen(mine, f"a pilot of {answers} answers", bytes_each=sent.text_bytes / sent.requests)
                added[place] = replace(found.get(place, Known()), seen=learned)
    return {**found, **added}


def from_baseline(plan: Plan, name: str, *, baselines: Path) -> tuple[Knowledge, list[str]]:
    """Learn from a baseline, or from an earlier run, where it asked the same; say where it did not."""
    (side,) = load_sides([name], baselines=baselines)
    found: dict[tuple[str, str], Known] = {}
    notes = list(side.notes)
    for task, prints in plan.prints.tasks.items():
        for target in plan.targets:
            cell = side.cells.get((task, target.name))
            if cell is None or not cell.attempted:
                notes.append(f"{name} has no answers of {target.name} to {task}: nothing is learned from it")
            elif (cell.setup.data, cell.setup.prompt) != (prints.data, prints.prompt):
                notes.append(f"{name} asked {task} with other data or another prompt: nothing is learned from it")
            else:
                found[task, target.name] = _known(cell, name)
    return found, notes


def _known(cell: SideCell, name: str) -> Known:
    scored = ~np.isnan(cell.score)
    asked = np.add.reduceat(scored.astype(np.int64), cell.requests.starts)
    right = cell.means(cell.score)
    seen = _seen(cell.requests, f"{name}, {cell.attempted} requests")
    night = cell.nights[-1].logs.get("e2e_p50") if cell.nights else None
    if seen.seconds is None and night is not None:  # a baseline keeps no latency but those of its nights
        seen = replace(seen, seconds=math.exp(night[0]))
    return Known(
        seen=seen,
        noise=noise_of(right[asked > 0].tolist(), asked[asked > 0].tolist()),
        base_repeats=max(1, round(cell.repeats)),
    )


def _seen(requests: Requests, source: str, *, bytes_each: float | None = None) -> Seen:
    """Return what requests showed. bytes_each: of the text of a prompt, where it is known."""
    prompt = _mean(requests.prompt_tokens)
    return Seen(
        source=source,
        tokens_per_byte=prompt / bytes_each if prompt and bytes_each else None,
        prompt_tokens=prompt,
        output_tokens=_mean(requests.completion_tokens),
        seconds=_mean(np.where(np.isnan(requests.e2e_s), requests.stream_s, requests.e2e_s)),
    )


def _mean(values: Floats) -> float | None:
    """Return the mean of what is known; None where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
