"""All cells of a run, in the order of its suite, and examples of what went wrong. Metrics are `metrics`' to make."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from evalrun.escape import clip
from evalrun.explain import LOUD, WARNINGS
from evalrun.requests import Requests, RunFacts, quality, read, served
from evalrun.requests.rows import ended
from evalrun.stats.interval import Whole
from evalrun.table.cells import Cell, Context, Example, Table, TargetNote, Topic
from evalrun.table.metrics import alerts, metrics
from evalrun.types import Failure

EXAMPLES = 5  # of each topic for each target
CLIP = 200


def tabulate(run: Path | Requests) -> Table:
    """Return the table of a run: of its folder, or of its requests, read with their gaps."""
    requests = run if isinstance(run, Requests) else read(run, gaps=True)
    facts = requests.run
    cells, examples = list[Cell](), list[Example]()
    for task in requests.tasks:
        for target in requests.targets:
            if (mine := requests.of(task, target)) or facts.planned(task) is not None:
                scorers = facts.scorers.get(task, ())
                cells.append(_cell(mine, task, target, planned=facts.planned(task), scorers=scorers))
    for target in requests.targets:
        mine = requests.of(None, target)
        examples += _examples(mine)
        if len(mine.places) > 1:
            cells.append(_cell(mine, None, target, planned=facts.planned(*requests.tasks), scorers=()))
    return Table(context=_context(requests), cells=tuple(cells), examples=tuple(examples))


def _cell(requests: Requests, task: str | None, target: str, *, planned: int | None, scorers: tuple[str, ...]) -> Cell:
    found = metrics(requests, planned=planned, scorers=scorers)
    return Cell(task=task, target=target, metrics=found, alerts=tuple(alerts(requests, found, planned=planned)))


# ---------------------------------------------------------------- what is known of the run


def _context(requests: Requests) -> Context:
    run = requests.run
    manifest, tasks = run.manifest, run.manifest.fingerprints.tasks
    return Context(
        suite=manifest.suite_name,
        about=manifest.suite.get("about", ""),
        run=str(run.folder),
        targets=target_notes(run),
        scorers=run.scorers,
        portions={task: part for task in tasks if (part := run.portion(task))},
        fingerprints={
            f"{name} {part}": getattr(tasks[name], part)[:12]
            for name in tasks
            for part in ("data", "prompt", "sampling", "scorers")
        },
        lags=tuple(run.lag_of.values()),
        slo=run.slo,
        notes=(*run.notes(len(requests)), *_not_groups(requests)),
    )


def _not_groups(requests: Requests) -> Iterator[str]:
    """Say which fields of `meta` no task is grouped by, because they have too many values."""
    for task in requests.tasks:
        mine = (requests.of(task, target) for target in requests.targets)
        said = dict.fromkeys(each for one in mine for each in quality.not_groups(one))
        yield from (f"{task}: accuracy is not shown by {each}" for each in said)


def target_notes(run: RunFacts) -> tuple[TargetNote, ...]:
    """Say what the reader must know of each target, by what it said of itself when it was opened."""
    found = []
    for name, spec in run.manifest.targets.items():
        served, loud = run.served.get(name, ""), spec["kind"] in ("embedded", "simulator")
        found.append(
            TargetNote(
                name=name,
                about=spec.get("about", ""),
                model=spec.get("model", ""),
                alert=f"{name}: {served or spec['kind']}" if loud else "",
                transport=spec.get("transport", "evalrun"),
                prices_date=str((spec.get("prices") or {}).get("date", "")),
                notes=(served,) if served and not loud else (),
            )
        )
    return tuple(found)


# ---------------------------------------------------------------- what went wrong


def _examples(requests: Requests) -> Iterator[Example]:
    """Return the first request of the most frequent kinds of failures and of scorer errors, of each warning that is
    loud, and the first disputes."""
    for kind, n in list(requests.take(requests.unanswered).counts("failure").items())[:EXAMPLES]:
        row = _first(requests, np.flatnonzero(requests.says("failure", kind) & requests.unanswered))[0]
        outcome = requests.record(row).outcome
        message = outcome.message if isinstance(outcome, Failure) else ""
        yield _example(requests, row, topic="failed", kind=kind, count=n, message=message)
    for kind, rows in list(quality.unscored(requests).items())[:EXAMPLES]:
        row = _first(requests, rows)[0]
        scorer, _, why = kind.partition(": ")
        score = requests.score(row, scorer)
        message = (score.why or score.error if score else None) or why
        yield _example(requests, row, topic="unscored", kind=kind, count=len(rows), message=message)
    yield from _warned(requests)
    disputed = ((scorer, np.flatnonzero(requests.scores(scorer).disputed)) for scorer in requests.scorers)
    found = [(scorer, row) for scorer, rows in disputed for row in _first(requests, rows)]
    yield from (_example(requests, row, topic="disputed", kind=scorer) for scorer, row in found[:EXAMPLES])


def _warned(requests: Requests) -> Iterator[Example]:
    """Return the first request of each loud warning."""
    for other in served.others(requests):
        row = _first(requests, np.flatnonzero(requests.says("served", other.served)))[0]
        message = f"{other.served!r} answered, {other.asked!r} was asked for"
        yield _example(requests, row, topic="warning", kind="other_model", count=other.times, message=message)
    for kind, n in requests.counts("flags").items():
        if kind in LOUD:
            row = _first(requests, np.flatnonzero(requests.has("flags", kind)))[0]
            message = WARNINGS[kind] + (f": {_words(requests)}" if kind == "unknown_end" else "")
            yield _example(requests, row, topic="warning", kind=kind, count=n, message=message)


def _words(requests: Requests) -> str:
    """Return the finish reasons that nobody knows, and how many answers have each."""
    unknown = ended(requests.names["finish"], "unknown")
    counts = requests.take(np.isin(requests.finish, unknown)).counts("finish")
    return ", ".join(f"{word!r} ({n:,})" for word, n in list(counts.items())[:EXAMPLES])


def _first(requests: Requests, rows: Whole) -> list[int]:
    """Return a few of some rows, in the journal's order."""
    found: list[int] = rows[np.argsort(requests.offset[rows])[:EXAMPLES]].tolist()
    return found


def _example(requests: Requests, row: int, *, topic: Topic, kind: str, count: int = 1, message: str = "") -> Example:
    record = requests.record(row)
    score = requests.score(row, kind) if topic == "disputed" else None
    answer, expected = (score.answer, record.sample.expected) if score else (None, None)
    return Example(
        topic=topic,
        kind=kind,
        count=count,
        target=record.target,
        task=record.sample.task,
        sample_id=clip(record.sample.id, CLIP),
        message=clip(score.why if score else message, CLIP),
        answer=None if answer is None else clip(answer, CLIP),
        expected=None if expected is None else clip(expected, CLIP),
    )
