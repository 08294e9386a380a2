"""What was selected of a suite -> a plan: its targets, what was overridden, its data. Sends nothing.

Or a stored run -> the plan to ask more of the same.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evalrun.data.places import Places
from evalrun.errors import SuiteError, closest
from evalrun.escape import tty
from evalrun.fingerprint import slug
from evalrun.run.plan import Plan, changed, refuse_small_cap, target_print, task_prints
from evalrun.run.watch import Watch
from evalrun.store.manifest import Fingerprints, TaskPrints
from evalrun.store.reader import StoredRun
from evalrun.suite.check import check_run, require_key
from evalrun.suite.files import suite_path
from evalrun.suite.override import Override, override
from evalrun.suite.read import Loaded, Target, read_suite, read_target, url_target

KEPT = ("settings", "limit", "sample", "seed", "repeats", "skip_bad_rows", "tasks", "model", "only", "of")
"""What a run's manifest remembers of a selection: with suite and targets it makes two selections the same run.

How fast to ask and how much to spend may change on the way.
"""

_OVERRIDES = {
    "limit": ("tasks", "*", "limit"),
    "sample": ("tasks", "*", "sample"),
    "seed": ("tasks", "*", "sample_seed"),
    "repeats": ("tasks", "*", "repeats"),
    "concurrency": ("load", "concurrency"),
    "max_cost": ("limits", "max_cost_usd"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is to be asked.

    suite: a suite's file, the name of a shipped one, or a suite as a mapping.
    targets: names of files in `configs/`, files, or URLs of endpoints; those of the suite where there are none.
    model: asked of the targets, in place of what their files say; a URL needs one. tasks: names of those to ask.
    settings: `PATH=VALUE`, for any field of the suite.
    only: as typed, which samples to ask; of: the run that says so; chosen: their ids, by task (`again.narrowed`).
    limit: the first so many rows of each task. sample: so many drawn from all of them, by `seed`.
    repeats: how often each sample is asked.
    concurrency: requests in flight at once. max_cost: most US dollars to spend.
    allowed: files and folders outside the suite's that its data may be read from.
    allow_inline_secrets: accept what looks like a key in the YAML.
    skip_bad_rows: leave malformed rows out and count them.
    """

    suite: Path | Mapping[str, Any]
    targets: tuple[str, ...] = ()
    model: str | None = None
    tasks: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    of: str | None = None
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limit: int | None = None
    sample: int | None = None
    seed: int | None = None
    repeats: int | None = None
    concurrency: int | None = None
    max_cost: str | None = None
    allowed: tuple[Path, ...] = ()
    allow_inline_secrets: bool = False
    skip_bad_rows: bool = False

    @property
    def overrides(self) -> list[Override]:
        """The fields of the suite that are overridden, in the order in which they are applied: `settings` first."""
        found = [override(text, environ=os.environ) for text in self.settings]
        for name, path in _OVERRIDES.items():
            if (value := getattr(self, name)) is not None:
                found.append(Override(path=path, value=value, flag=f"--{name.replace('_', '-')}"))
        for task, ids in self.chosen.items():
            found.append(Override(path=("tasks", task, "only"), value=list(ids), flag="--only"))
        return found


def make_plan(selection: Selection, *, watch: Watch, sends: bool = True) -> Plan:
    """Read everything that was selected, refuse what is wrong, and survey the data.

    sends: requests will be sent by this plan, so that targets must have their keys.
    """
    inline = selection.allow_inline_secrets
    loaded = read_suite(selection.suite, environ=os.environ, overrides=selection.overrides, allow_inline_secrets=inline)
    loaded = _only(loaded, selection.tasks)
    named = _targets(selection, loaded)
    check_run(loaded, named)
    if selection.seed is not None and not any(task.sample for task in loaded.suite.tasks.values()):
        raise SuiteError("--seed: no task draws a sample; add --sample N")
    if sends:
        named = [replace(one, key=require_key(one, environ=os.environ, suite=loaded.path)) for one in named]
    file = selection.suite if isinstance(selection.suite, Path) else Path(f"{loaded.suite.name} (a mapping)")
    kept = {name: value for name in KEPT if (value := getattr(selection, name))}
    places = Places(root=loaded.root, allowed=selection.allowed, skip_bad_rows=selection.skip_bad_rows)
    telling = replace(places, on_skip=lambda row: watch.say(f"left out: {row}"), on_notice=watch.say)
    for name, task in loaded.suite.tasks.items():
        if task.sampling.notice:
            watch.say(tty(f"tasks.{name}.sampling: {task.sampling.notice}"))
    prints: dict[str, TaskPrints] = {}
    for name, task in loaded.suite.tasks.items():
        watch.reading(name)
        prints[name] = task_prints(name, task, telling)
    plan = Plan(
        suite=loaded.suite,
        suite_file=file,
        command={"suite": file.name, "targets": [target.name for target in named], **kept},
        targets=tuple(named),
        places=places,
        prints=Fingerprints(tasks=prints, targets={target.name: target_print(target) for target in named}),
    )
    refuse_small_cap(plan)
    return plan


def _only(loaded: Loaded, tasks: tuple[str, ...]) -> Loaded:
    """Return a suite of some of its tasks, in its own order; of all where none is named."""
    known = loaded.suite.tasks
    for name in tasks:
        if name not in known:
            hint = closest(name, known) or f"; there are {', '.join(known)}"
            raise SuiteError(tty(f"--task {name}: no such task{hint}"))
    chosen = {name: task for name, task in known.items() if name in tasks or not tasks}
    return replace(loaded, suite=loaded.suite.model_copy(update={"tasks": chosen}))


def _targets(selection: Selection, loaded: Loaded) -> list[Target]:
    names = selection.targets or loaded.suite.targets
    beside = Path() if selection.targets else loaded.root
    several = sum("://" in name for name in names) > 1
    return [
        url_target(name, model=selection.model, apart=several)
        if "://" in name
        else read_target(
            name, suite_root=loaded.root, beside=beside, environ=os.environ, model=selection.model,
            allow_inline_secrets=selection.allow_inline_secrets,
        )
        for name in names
    ]  # fmt: skip


def replan(run: StoredRun, selected: Selection, *, watch: Watch) -> Plan:
    """Plan a stored run again, by its suite file, data and targets as they are now: they must be what they were.

    selected: what its manifest does not hold: max_cost, in place of the suite's; targets, files of those that have
    moved; allowed and allow_inline_secrets. The rest of it is not looked at.
    """
    manifest, folder, asked = run.manifest, tty(str(run.path)), run.manifest.command
    if other := sorted(asked.keys() - {"suite", "targets", *KEPT}):
        raise SuiteError(f"{folder}: asked by `evalrun {other[0]}`, which cannot go on from here; start a new run")
    suite = Path(manifest.suite_file)
    if not suite_path(suite).exists():
        raise SuiteError(f"{folder}: its suite {tty(str(suite))} is not here; run this where the run was started")
    named = {name: file for name, file in manifest.target_files.items() if "://" in file or Path(file).exists()} | {
        slug(Path(file).stem): file for file in selected.targets
    }
    again = replace(
        selected,
        suite=suite,
        targets=tuple(named.get(name, name) for name in asked["targets"]),
        settings=tuple(asked.get("settings", ())),
        tasks=tuple(asked.get("tasks", ())),
        model=asked.get("model"),
        only=tuple(asked.get("only", ())),
        of=asked.get("of"),
        chosen={name: tuple(task["only"]) for name, task in manifest.suite["tasks"].items() if task.get("only")},
        limit=asked.get("limit"),
        sample=asked.get("sample"),
        seed=asked.get("seed"),
        repeats=asked.get("repeats"),
        skip_bad_rows=asked.get("skip_bad_rows", False),
        concurrency=manifest.suite["load"]["concurrency"],
    )
    plan = make_plan(again, watch=watch)
    answers, scores = changed(plan, run.manifest)
    if changes := answers + scores:
        moved = any(change.startswith("target ") for change in changes)
        raise SuiteError(
            f"{folder}: {tty('; '.join(changes))} since it was asked, so more answers would not be comparable; undo the"
            f" change, or start a new run{'; where the file has moved, name it: --target PATH' if moved else ''}"
        )
    return plan
