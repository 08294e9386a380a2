"""What is derived from a results folder: scores, tables, explanations. None of it needs the network."""

import itertools
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalrun import explain, slo
from evalrun.cli.exits import NO_VERDICT, OK, say, width, write
from evalrun.errors import StoreError
from evalrun.escape import tty
from evalrun.fingerprint import fingerprint
from evalrun.report import render
from evalrun.report.table import table_page
from evalrun.store import Run, open_run, replace_file, write_scores
from evalrun.table import Cell, Context, Lag, Table, TargetNote, tabulate
from evalrun.types import Completion, Json, Sample, Scored

if TYPE_CHECKING:  # it imports what asks, which printing a table does without
    from evalrun.cli.progress import Quiet

WRITTEN = ("md", "csv", "json")


def finish(folder: Path, *, show: "Quiet", deadline_s: float | None = None, printed: bool = True) -> int:
    """Score a run, write its tables and print the one for people; give the exit code its numbers deserve.

    deadline_s: leave answers unscored after so many seconds (an interrupted run must end soon). printed: False leaves
    standard output to others.
    """
    code = _tables(score(folder, show=show, deadline_s=deadline_s), printed=printed)
    return code if deadline_s is None else OK  # an interrupted run has no verdict, and a code of its own


def score(folder: Path, *, show: "Quiet", deadline_s: float | None = None) -> Run:
    """Score those answers of a run that have no score yet, by its own scorers; give the run."""
    run = open_run(folder)
    try:
        _score(
            run,
            run.manifest.suite["tasks"],
            beside=Path(run.manifest.suite_file).parent,
            show=show,
            deadline_s=deadline_s,
        )
    except KeyboardInterrupt:
        say(f"interrupted while scoring: every answer is stored; go on with: evalrun score {tty(str(folder))}")
        raise
    return run


def rescore(folder: Path, suite: Path | None) -> int:
    """Score a run's answers anew, by its own scorers or by those of a suite file."""
    run = open_run(folder)
    tasks = run.manifest.suite["tasks"]
    if suite is not None:
        from evalrun.suite import read_suite

        scorers = {name: task.scorers for name, task in read_suite(suite, environ=os.environ).suite.tasks.items()}
        if missing := sorted(tasks.keys() - scorers.keys()):
            raise StoreError(f"{suite}: has no task {', '.join(missing)}, which {folder} has answers of")
        tasks = {name: {**tasks[name], "scorers": [s.model_dump(mode="json") for s in scorers[name]]} for name in tasks}
    from evalrun.cli.progress import progress

    beside = (suite or Path(run.manifest.suite_file)).parent
    _score(run, tasks, beside=beside, show=progress(quiet=False), anew=True)
    return _tables(run, tasks)


def print_tables(folders: Sequence[Path], form: str) -> int:
    """Print the tables of stored runs: one below the other, as one CSV, or as one JSON array."""
    write(render([table_page(table_of(open_run(folder))) for folder in folders], form, width=width()), end="")
    return OK


def explain_metric(name: str | None) -> int:
    """Print what a number means, or what all of them mean."""
    if name:
        write(explain.describe(explain.explain(name)))
        return OK
    for section, definitions in explain.SECTIONS.items():
        write(f"{section}\n" + "".join(f"  {one.name:22} {one.brief}\n" for one in definitions))
    return OK


# ---------------------------------------------------------------- scores


def _score(
    run: Run,
    tasks: Mapping[str, Json],
    *,
    beside: Path,
    show: "Quiet",
    deadline_s: float | None = None,
    anew: bool = False,
) -> None:
    """Score every answer that has no score by these scorers yet, and replace scores.jsonl."""
    from evalrun.score.spec import ADAPTER

    print_ = fingerprint({name: task["scorers"] for name, task in tasks.items()})
    known: dict[int, int] = {}
    if not anew and run.scorers() == print_:
        known = {int(one.key, 16): one.answer_crc for one in run.scores()}
    fresh: set[int] = set()
    groups: dict[str, list[str]] = {}
    for name, task in tasks.items():
        groups.setdefault(fingerprint(task["scorers"]), []).append(name)
    until = None if deadline_s is None else time.monotonic() + deadline_s
    new = itertools.chain.from_iterable(
        _group(
            _answers(run, names, known, fresh),
            ADAPTER.validate_json(json.dumps(tasks[names[0]]["scorers"])),
            beside=beside,
            show=show,
            until=until,
        )
        for names in groups.values()
    )
    kept = (one for one in run.scores() if known and int(one.key, 16) not in fresh)
    write_scores(run.path, itertools.chain(new, kept), scorers=print_, labels=_labels(tasks))
    show.end()
    if until is not None and time.monotonic() > until:
        show.say(f"some answers are not scored yet; score them with: evalrun score {run.path}")


def _labels(tasks: Mapping[str, Json]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(s.get("name") or s["kind"] for s in task["scorers"]) for name, task in tasks.items()}


Answer = tuple[str, Sample, Completion]


def _group(
    answers: Iterator[Answer], scorers: Sequence[Any], *, beside: Path, show: "Quiet", until: float | None
) -> Iterator[Scored]:
    """Score the answers of the tasks that share `scorers`."""
    from evalrun.score.pool import score_all

    first = next(answers, None)
    if first is None:
        return
    done = itertools.count(1)
    yield from score_all(
        itertools.chain([first], answers),
        scorers,
        workers=max(1, (os.cpu_count() or 2)),
        beside=beside,
        stop=lambda: until is not None and time.monotonic() > until,
        progress=lambda: show.scoring(next(done)),
    )


def _answers(run: Run, tasks: list[str], known: Mapping[int, int], fresh: set[int]) -> Iterator[Answer]:
    """Return the answers that have no score yet, and note in `fresh` which those are."""
    from evalrun.score.pool import crc

    for record in run.records():
        if record.sample.task in tasks and isinstance(record.outcome, Completion):
            key = int(record.key, 16)
            if known.get(key) != crc(record.outcome):
                fresh.add(key)
                yield record.key, record.sample, record.outcome


# ---------------------------------------------------------------- tables


def _tables(run: Run, tasks: Mapping[str, Json] | None = None, *, printed: bool = True) -> int:
    """Write a run's tables and print the one for people: the ladder where prompts have sizes."""
    from evalrun.cli.ladder import write_ladders

    table = table_of(run, tasks)
    page = table_page(table)
    for form in WRITTEN:
        replace_file(run.path / f"table.{form}", [render([page], form).encode("utf-8", "backslashreplace")])
    if not write_ladders(run, printed=printed) and printed:
        write(render([page], "text", width=width()), end="")
    return _verdict(table, run.manifest.suite)


def table_of(run: Run, tasks: Mapping[str, Json] | None = None) -> Table:
    """Return the table of a run."""
    return tabulate(run.records(), run.scores(), context_of(run, tasks or run.manifest.suite["tasks"]))


def context_of(run: Run, tasks: Mapping[str, Json]) -> Context:
    """Say what a table must know beyond the records."""
    manifest = run.manifest
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


def _notes(run: Run) -> Iterator[str]:
    yield from run.notices
    if not run.finished_once:
        yield "this run is not finished"
    elif not run.finished:
        yield "this run is finished as it was planned; a further round was cut off"
    planned = sum(
        prints.samples * run.manifest.suite["tasks"][task]["repeats"]
        for task, prints in run.manifest.fingerprints.tasks.items()
    )
    more = len(run.index.answered) + len(run.index.failed) - planned * len(run.manifest.targets)
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


def _verdict(table: Table, suite: Json) -> int:
    """Say whether the numbers carry a verdict: a task that mostly failed does not."""
    most = suite["limits"]["max_failed_share"]
    code = OK
    for cell in table.cells:
        if cell.task is None:
            continue
        attempted, scored = _count(cell, "attempted"), _count(cell, "scored")
        if suite["tasks"][cell.task]["data"]["kind"] == "ladder":
            attempted -= _count(cell, "failed", "context_length")  # a ladder finds the limit: that is its result
        if not attempted:
            say(f"{tty(cell.task)} was not asked of {tty(cell.target)}: no verdict")
            code = NO_VERDICT
            continue
        lost = 1 - scored / attempted
        if lost > most:
            share = f"{lost:.0%} of the requests of {tty(cell.task)} to {tty(cell.target)}"
            say(f"{share} gave no scored answer (limits.max_failed_share is {most:.0%}): no verdict")
            code = NO_VERDICT
    return code


def _count(cell: Cell, name: str, of: str = "") -> int:
    metric = cell.get(name, of)
    return int(metric.value or 0) if metric else 0
