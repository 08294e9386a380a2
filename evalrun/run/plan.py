"""What a run will ask, worked out before anything is sent: data surveyed, fingerprints taken, manifest made."""

import importlib.metadata
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evalrun.data.places import Places
from evalrun.data.samples import samples, survey
from evalrun.errors import SuiteError
from evalrun.fingerprint import fingerprint
from evalrun.run.job import Job, jobs
from evalrun.store.manifest import Fingerprints, Machine, Manifest, TaskPrints
from evalrun.store.reader import StoredRun
from evalrun.suite.read import Target
from evalrun.suite.spec import Suite, Task
from evalrun.targets.kind import carries_key
from evalrun.targets.spec import Http
from evalrun.types import Json

PACKAGES = ("httpx", "httptools", "uvloop", "pydantic", "msgspec", "datasets", "math-verify", "sympy", "xllamacpp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run that can be started. totals: requests per task and target, repeats included.

    together: all targets are asked side by side (an A/B), not one after another.
    """

    suite: Suite
    suite_file: Path
    command: Json
    targets: tuple[Target, ...]
    places: Places
    prints: Fingerprints
    together: bool = False

    @property
    def groups(self) -> tuple[tuple[Target, ...], ...]:
        """Return the targets in the order of asking, those together that are asked side by side."""
        return (self.targets,) if self.together else tuple((target,) for target in self.targets)

    @property
    def totals(self) -> dict[str, int]:
        return {name: self.prints.tasks[name].samples * task.repeats for name, task in self.suite.tasks.items()}

    def jobs(self, target: Target, task: str, *, places: Places | None = None) -> Iterator[Job]:
        """Return the jobs of one task for one target. places: where its samples come from, if not `self.places`."""
        return jobs(task, self.suite.tasks[task], target, places=places or self.places)

    def in_flight(self, target: Target) -> int:
        """Return how many requests to a target may be in flight at once."""
        return min(self.suite.load.concurrency, target.spec.rate.concurrency or self.suite.load.concurrency)


def refuse_small_cap(plan: Plan) -> None:
    """Refuse a cap below the worst case of the first request: not one could be asked."""
    cap = plan.suite.limits.max_cost_usd
    if cap is None:
        return
    name = next(iter(plan.suite.tasks))
    for target in plan.targets:
        worst = next(plan.jobs(target, name)).worst_case(target.spec.prices)
        if worst > cap:
            raise SuiteError(
                f"limits.max_cost_usd: a cap of {cap} USD is below one request: the first of task {name} may cost"
                f" {worst:f} USD at {target.name}; raise --max-cost, or lower max_tokens"
            )


def task_prints(name: str, task: Task, places: Places) -> TaskPrints:
    """Survey a task's data, and fingerprint what decides its numbers."""
    skipped = 0

    def skip(row: str) -> None:
        nonlocal skipped
        skipped += 1
        places.on_skip(row)

    found = survey(samples(name, task.data, task.prompt, replace(places, on_skip=skip), portion=task.portion))
    return TaskPrints(
        skipped=skipped,
        data=found.sha256,
        samples=found.count,
        rows=found.rows,
        prompt=fingerprint([task.prompt.model_dump(mode="json"), found.examples]),
        sampling=fingerprint([task.sampling.model_dump(mode="json"), task.repeats]),
        scorers=fingerprint([scorer.model_dump(mode="json") for scorer in task.scorers]),
    )


def target_print(target: Target) -> str:
    """Fingerprint what decides the answers; prices, rates, keys and words about the target do not."""
    spec = _without_keys(target.spec.model_dump(mode="json", exclude={"about", "prices", "rate"}))
    return fingerprint(spec)


def changed(plan: Plan, stored: Manifest) -> tuple[list[str], list[str]]:
    """Return what changed since a run was started: what decides its answers, and what decides their scores alone."""
    answers: list[str] = []
    scores: list[str] = []
    now, then = plan.prints, stored.fingerprints
    for name in sorted(now.tasks.keys() | then.tasks.keys()):
        new, old = now.tasks.get(name), then.tasks.get(name)
        if new is None or old is None:
            answers.append(f"task {name} was {'removed' if new is None else 'added'}")
            continue
        parts = ("data", "prompt", "sampling")
        answers += [f"the {part} of task {name} changed" for part in parts if getattr(new, part) != getattr(old, part)]
        if new.scorers != old.scorers:
            scores.append(f"the scorers of task {name} changed")
    for target in plan.targets:
        if now.targets[target.name] != then.targets.get(target.name):
            answers.append(f"target {target.name} changed")
        if target.spec.model_dump(mode="json")["prices"] != stored.targets.get(target.name, {}).get("prices"):
            answers.append(f"the prices of target {target.name} changed")
    return answers, scores


def refuse_changed(plan: Plan, run: StoredRun) -> None:
    """Raise SuiteError where an unfinished run cannot be resumed because something changed since."""
    answers, scores = changed(plan, run.manifest)
    what = "; ".join((*answers, *scores))
    if answers:
        raise SuiteError(
            f"{run.path}: unfinished, and {what} since, so its answers would not be comparable; undo the change to"
            " resume it, or start another run by adding --new to the same command"
        )
    if scores:
        raise SuiteError(
            f"{run.path}: unfinished, and {what} since; `evalrun score {run.path} --suite {plan.suite_file}` scores its"
            " answers again without a request; the same command with --new starts another run"
        )


def manifest(plan: Plan) -> Manifest:
    """Return the manifest of a new run."""
    dates = sorted({str(target.spec.prices.date) for target in plan.targets if target.spec.prices})
    transports = sorted({t.spec.transport if isinstance(t.spec, Http) else "evalrun" for t in plan.targets})
    return Manifest(
        suite_name=plan.suite.name,
        suite=plan.suite.model_dump(mode="json", by_alias=True),
        suite_file=str(plan.suite_file),
        command=plan.command,
        targets={target.name: _told(target) for target in plan.targets},
        target_files={target.name: target.where for target in plan.targets},
        fingerprints=plan.prints,
        machine=machine(),
        versions=_versions(),
        transport=", ".join(transports),
        price_date=", ".join(dates) or None,
        created=datetime.now(UTC),
    )


def _told(target: Target) -> Json:
    """Return a target's spec as it is stored: of extra headers the names only, for a value may be a key."""
    spec = _without_keys(target.spec.model_dump(mode="json"))
    spec["quirks"]["headers"] = dict.fromkeys(spec["quirks"]["headers"], "***")
    return spec


def _without_keys(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a dumped spec with `***` for the keys in its headers and its query."""
    for fields in (spec["quirks"]["headers"], spec.get("query", {})):
        fields |= {name: "***" for name in fields if carries_key(name)}
    base_url, mark, query = spec.get("base_url", "").partition("?")
    if mark:
        named = (part.partition("=") for part in query.split("&"))
        kept = ("".join((name, is_, "***" if carries_key(name) else value)) for name, is_, value in named)
        spec["base_url"] = f"{base_url}?{'&'.join(kept)}"
    return spec


def machine() -> Machine:
    """Return where the client runs."""
    return Machine(
        python=platform.python_version(),
        platform=platform.platform(),
        cpu=_cpu(),
        cpus=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )


def _cpu() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
            return next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown")
    except OSError:
        return platform.processor() or "unknown"


def _versions() -> Mapping[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
