"""Scoring the stored answers of a run: scores.jsonl, by the run's own scorers or by those of a suite. Asks nobody."""

import itertools
import json
import os
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evalrun.errors import StoreError
from evalrun.fingerprint import fingerprint
from evalrun.run.watch import Watch
from evalrun.store import Run, open_run, write_scores
from evalrun.types import Completion, Json, Sample, Scored

Answer = tuple[str, Sample, Completion]


def score_run(
    folder: Path,
    *,
    watch: Watch,
    suite: Path | Mapping[str, Any] | None = None,
    again: bool = False,
    deadline_s: float | None = None,
) -> Run:
    """Score the answers of a run that have no score yet by these scorers, and replace its scores. Return the run.

    suite: the scorers are this suite's, not the run's own. again: every answer, not only those without a score.
    deadline_s: stop after so many seconds; what is not scored by then is left without a score, and that is said.
    """
    run = open_run(folder)
    scorers = {name: task["scorers"] for name, task in run.manifest.suite["tasks"].items()}
    if suite is not None:
        scorers = _scorers_of(suite, scorers, folder)
    until = None if deadline_s is None else time.monotonic() + deadline_s
    try:
        _replace(run, scorers, watch=watch, until=until, again=again)
    except KeyboardInterrupt:
        watch.say(f"interrupted while scoring: every answer is stored; score the rest with: evalrun score {folder}")
        raise
    if until is not None and time.monotonic() > until:
        watch.say(f"some answers are not scored yet; score them with: evalrun score {folder}")
    return open_run(folder)


def _scorers_of(suite: Path | Mapping[str, Any], stored: Mapping[str, Json], folder: Path) -> dict[str, Json]:
    """Return the scorers of a suite for the tasks that a run has answers of."""
    from evalrun.suite import read_suite

    tasks = read_suite(suite, environ=os.environ).suite.tasks
    if missing := sorted(stored.keys() - tasks.keys()):
        what = suite if isinstance(suite, Path) else "the suite"
        raise StoreError(f"{what}: has no task {', '.join(missing)}, which {folder} has answers of; add it")
    return {name: [scorer.model_dump(mode="json") for scorer in tasks[name].scorers] for name in stored}


def _replace(run: Run, scorers: Mapping[str, Json], *, watch: Watch, until: float | None, again: bool) -> None:
    """Score what has no score yet, and write these scores and those that are kept."""
    print_ = fingerprint(scorers)
    known: dict[int, int] = {}
    if not again and run.scorers() == print_:
        known = {int(one.key, 16): one.answer_crc for one in run.scores()}
    fresh: set[int] = set()
    groups: dict[str, list[str]] = {}
    for name, chosen in scorers.items():
        groups.setdefault(fingerprint(chosen), []).append(name)
    count = itertools.count(1)
    new = itertools.chain.from_iterable(
        _scored(_answers(run, names, known, fresh), scorers[names[0]], watch=watch, until=until, count=count)
        for names in groups.values()
    )
    kept = (one for one in run.scores() if known and int(one.key, 16) not in fresh)
    labels = {name: tuple(one.get("name") or one["kind"] for one in chosen) for name, chosen in scorers.items()}
    write_scores(run.path, itertools.chain(new, kept), scorers=print_, labels=labels)
    watch.scoring(next(count) - 1, ended=True)


def _answers(run: Run, tasks: Sequence[str], known: Mapping[int, int], fresh: set[int]) -> Iterator[Answer]:
    """Return the answers that have no score yet, and note in `fresh` which those are."""
    for record in run.records():
        if record.sample.task in tasks and isinstance(record.outcome, Completion):
            key = int(record.key, 16)
            if known.get(key) != _crc(record.outcome):
                fresh.add(key)
                yield record.key, record.sample, record.outcome


def _scored(
    answers: Iterator[Answer], specs: Json, *, watch: Watch, until: float | None, count: "itertools.count[int]"
) -> Iterator[Scored]:
    """Score answers by some scorers. Where there are none, nothing is imported and no worker is started."""
    first = next(answers, None)
    if first is None:
        return
    from evalrun.score.spec import ADAPTER
    from evalrun.score.stream import score_all

    scorers = ADAPTER.validate_json(json.dumps(specs))
    judged: dict[str, int] = {}

    def noted() -> Iterator[Answer]:
        for key, sample, completion in itertools.chain([first], answers):
            judged[key] = _crc(completion)
            yield key, sample, completion

    for one in score_all(
        noted(),
        scorers,
        workers=max(1, (os.cpu_count() or 2)),
        stop=lambda: until is not None and time.monotonic() > until,
        progress=lambda: watch.scoring(next(count)),
    ):
        last = one.scorer == scorers[-1].label
        crc = judged.pop(one.key) if last else judged[one.key]
        yield msgspec.structs.replace(one, answer_crc=crc)


def _crc(completion: Completion) -> int:
    return zlib.crc32(completion.text.encode("utf-8", "surrogatepass"))
