"""The table of a stored run, and whether its numbers carry a verdict. Reads the run's folder, writes nothing."""

from collections.abc import Iterator, Mapping

from evalrun import slo
from evalrun.store import StoredRun
from evalrun.table.cells import Cell, Context, Lag, Table, TargetNote
from evalrun.table.tabulate import tabulate
from evalrun.types import Json


def table_of(run: StoredRun) -> Table:
    """Return the table of a run."""
    return tabulate(run.records(), run.scores(), context_of(run))


def context_of(run: StoredRun) -> Context:
    """Say what a table must know beyond the records."""
    manifest = run.manifest
    tasks: Mapping[str, Json] = manifest.suite["tasks"]
    prints = manifest.fingerprints
    served = {one.target: one.note for one in run.served()}
    return Context(
        suite=manifest.suite_name,
        run=str(run.path),
        targets=tuple(_note(name, spec, served.get(name, "")) for name, spec in manifest.targets.items()),
        scorers=_labels(tasks) | run.score_labels(),
        planned={
            (name, target): prints.tasks[name].samples * task["repeats"]
            for name, task in tasks.items()
            for target in manifest.targets
        },
        fingerprints={
            f"{name} {part}": getattr(prints.tasks[name], part)[:12]
            for name in tasks
            for part in ("data", "prompt", "sampling", "scorers")
        },
        lags=tuple(
            Lag(
                session=lag.session, target=lag.target, task=lag.task,
                n=lag.count, p50_s=lag.p50_s, p99_s=lag.p99_s, max_s=lag.max_s,
            )
            for lag in run.lags()
        ),
        billed=run.index.billed,
        slo=slo.read(manifest.suite),
        notes=tuple(_notes(run)),
    )  # fmt: skip


def _labels(tasks: Mapping[str, Json]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(s.get("name") or s["kind"] for s in task["scorers"]) for name, task in tasks.items()}


def _notes(run: StoredRun) -> Iterator[str]:
    yield from run.notices
    if not run.finished_once:
        yield "this run is not finished"
    elif not run.finished:
        yield "this run is finished as it was planned; a further round was cut off"
    planned = sum(
        prints.samples * run.manifest.suite["tasks"][task]["repeats"]
        for task, prints in run.manifest.fingerprints.tasks.items()
    )
    more = len(run.index.recorded) - planned * len(run.manifest.targets)
    if more > 0:
        yield (
            f"{more:,} requests more than were planned: repeats that were asked to decide what changed; all numbers"
            " here are of all requests"
        )
    for task, prints in run.manifest.fingerprints.tasks.items():
        if prints.skipped:
            rows = "row was" if prints.skipped == 1 else "rows were"
            yield f"{task}: {prints.skipped:,} malformed {rows} left out, as --skip-bad-rows allows"
    if "ab" in run.manifest.command:
        yield "the targets were asked in step: tokens and requests per second are those of the slowest"


def _note(name: str, spec: Json, served: str) -> TargetNote:
    """Say what the reader must know of a target; `served` is what it said of itself when it was opened."""
    loud = spec["kind"] in ("embedded", "simulator")
    return TargetNote(
        name=name,
        model=spec.get("model", ""),
        alert=f"{name}: {served or spec['kind']}" if loud else "",
        transport=spec.get("transport", "evalrun"),
        prices_date=str((spec.get("prices") or {}).get("date", "")),
        notes=(served,) if served and not loud else (),
    )


def no_verdict(table: Table, suite: Json) -> Iterator[str]:
    """Say why the numbers carry no verdict, a sentence each: tasks that were not asked, or mostly failed."""
    most = suite["limits"]["max_failed_share"]
    for cell in table.cells:
        if cell.task is None:
            continue
        attempted, scored = _count(cell, "attempted"), _count(cell, "scored")
        if suite["tasks"][cell.task]["data"]["kind"] == "ladder":
            attempted -= _count(cell, "failed", "context_length")  # a ladder finds the limit: that is its result
        if not attempted:
            yield f"{cell.task} was not asked of {cell.target}: no verdict"
        elif (lost := 1 - scored / attempted) > most:
            yield (
                f"{lost:.0%} of the requests of {cell.task} to {cell.target} gave no scored answer"
                f" (limits.max_failed_share is {most:.0%}): no verdict"
            )


def _count(cell: Cell, name: str, of: str = "") -> int:
    metric = cell.get(name, of)
    return int(metric.value or 0) if metric else 0
