"""Scoring the stored answers of a run: scores.jsonl, by the run's own scorers or by those of a suite. Asks nobody."""

import itertools
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evalrun.errors import StoreError
from evalrun.fingerprint import fingerprint
from evalrun.run.watch import Watch
from evalrun.store.reader import StoredRun
from evalrun.store.scores import write_scores
from evalrun.types import Completion, Json, Sample, Scored


def score_run(
    folder: Path,
    *,
    watch: Watch,
    suite: Path | Mapping[str, Any] | None = None,
    again: bool = False,
    deadline_s: float | None = None,
) -> None:
    """Score the answers of a run that have no score yet by these scorers, and replace its scores.

    suite: the scorers are this suite's, not the run's own. again: every answer, not only those without a score.
    deadline_s: stop after so many seconds; what is not scored by then is left without a score, and that is said.
    """
    run = StoredRun(folder)
    scorers = {name: task["scorers"] for name, task in run.manifest.suite["tasks"].items()}
    if suite is not None:
        scorers = _scorers_of(suite, scorers, folder)
    beside = (suite if isinstance(suite, Path) else Path(run.manifest.suite_file)).parent
    until = None if deadline_s is None else time.monotonic() + deadline_s
    try:
        _replace(run, scorers, beside=beside, watch=watch, until=until, again=again)
    except KeyboardInterrupt:
        watch.say(f"interrupted while scoring: every answer is stored; score the rest with: evalrun score {folder}")
        raise
    if until is not None and time.monotonic() > until:
        watch.say(f"some answers are not scored yet; score them with: evalrun score {folder}")


def _scorers_of(suite: Path | Mapping[str, Any], stored: Mapping[str, Json], folder: Path) -> dict[str, Json]:
    """Return the scorers of a suite for the tasks that a run has answers of."""
    from evalrun.suite.read import read_suite

    tasks = read_suite(suite, environ=os.environ).suite.tasks
    if missing := sorted(stored.keys() - tasks.keys()):
        what = suite if isinstance(suite, Path) else "the suite"
        raise StoreError(f"{what}: has no task {', '.join(missing)}, which {folder} has answers of; add it")
    return {name: [scorer.model_dump(mode="json") for scorer in tasks[name].scorers] for name in stored}


def _replace(
    run: StoredRun, scorers: Mapping[str, Json], *, beside: Path, watch: Watch, until: float | None, again: bool
) -> None:
    """Score what has no score yet, and write these scores and those that are kept.

    beside: where the modules of `python` scorers are looked for. until: when to stop, on the monotonic clock.
    """
    from evalrun.score.pool import crc, score_all
    from evalrun.score.spec import ADAPTER

    print_ = fingerprint(scorers)
    known: dict[int, int] = {}
    if not again and run.scorers() == print_:
        known = {int(one.key, 16): one.answer_crc for one in run.scores()}
    fresh: set[int] = set()
    done = itertools.count(1)

    def answers(tasks: Sequence[str]) -> Iterator[tuple[str, Sample, Completion]]:
        for record in run.records():
            if record.sample.task in tasks and isinstance(record.outcome, Completion):
                key = int(record.key, 16)
                if known.get(key) != crc(record.outcome):
                    fresh.add(key)
                    yield record.key, record.sample, record.outcome

    def scored() -> Iterator[Scored]:
        for tasks in _alike(scorers):
            mine = answers(tasks)
            if (first := next(mine, None)) is not None:  # else no worker is started
                yield from score_all(
                    itertools.chain([first], mine),
                    ADAPTER.validate_json(json.dumps(scorers[tasks[0]])),
                    workers=os.cpu_count() or 2,
                    beside=beside,
                    stop=lambda: until is not None and time.monotonic() > until,
                    progress=lambda: watch.scoring(next(done)),
                )

    kept = (one for one in run.scores() if known and int(one.key, 16) not in fresh)
    labels = {name: tuple(one.get("name") or one["kind"] for one in chosen) for name, chosen in scorers.items()}
    write_scores(run.path, itertools.chain(scored(), kept), scorers=print_, labels=labels)
    watch.scoring(next(done) - 1, ended=True)


def _alike(scorers: Mapping[str, Json]) -> list[list[str]]:
    """Return the tasks in groups with equal scorers."""
    groups: dict[str, list[str]] = {}
    for name, chosen in scorers.items():
        groups.setdefault(fingerprint(chosen), []).append(name)
    return list(groups.values())
