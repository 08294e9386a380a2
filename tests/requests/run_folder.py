"""Writes a run's folder from records and scores, and makes random ones: failures, retries, resumes, ladders."""

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec

from evalrun.fingerprint import fingerprint
from evalrun.store.lines import End, Intent, JournalEvent, Lag, Load, encode
from evalrun.store.manifest import Fingerprints, Machine, Manifest, TaskPrints, write_manifest
from evalrun.store.scores import write_scores
from evalrun.types import (
    Attempt,
    Completion,
    Failure,
    FailureKind,
    Phase,
    Record,
    Sample,
    Score,
    Scored,
    Timing,
    Usage,
)


def write_run(
    folder: Path,
    records: Iterable[Record | JournalEvent],
    scores: Iterable[Scored] = (),
    *,
    tasks: Mapping[str, Mapping[str, Any]] | None = None,
    targets: Mapping[str, Mapping[str, Any]] | None = None,
    lags: Iterable[Lag] = (),
    loads: Iterable[Load] = (),
    suite: Mapping[str, Any] | None = None,
    labels: Mapping[str, tuple[str, ...]] | None = None,
    ended: str | None = "finished",
) -> Path:
    """Write a run. tasks: name -> what the suite says of it, and `samples`; by default those the records are of.

    `records` may hold other events of the journal. ended: what the last session said, None if it was killed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    events = list(records)
    asked = [event for event in events if isinstance(event, Record)]
    found = {record.sample.task: {"samples": _samples(asked, record.sample.task)} for record in asked}
    tasks = dict(found) if tasks is None else tasks
    targets = {record.target: {} for record in asked} if targets is None else targets
    prints = {
        name: TaskPrints(
            data="d",
            samples=task.get("samples", 0),
            rows=task.get("rows", task.get("samples", 0)),
            prompt="p",
            sampling="s",
            scorers="c",
        )
        for name, task in tasks.items()
    }
    manifest = Manifest(
        suite_name="s", suite_file="s.yaml", command={}, transport="evalrun", price_date=None, versions={},
        suite={"limits": {"max_failed_share": 0.1}, **(suite or {}), "tasks": {n: _task(t) for n, t in tasks.items()}},
        targets={name: {"kind": "openai", **spec} for name, spec in targets.items()},
        fingerprints=Fingerprints(tasks=prints, targets=dict.fromkeys(targets, "t")),
        machine=Machine(python="3.11", platform="linux", cpu="cpu", cpus=2), created=datetime(2026, 11, 1, tzinfo=UTC),
    )  # fmt: skip
    write_manifest(folder, manifest)
    lines = [encode(event) for event in (*events, *lags, *loads)]
    if ended is not None:
        lines.append(encode(End(session=max((r.session for r in asked), default=1), reason=ended)))
    (folder / "journal.jsonl").write_bytes(b"".join(lines))
    write_scores(folder, scores, scorers="own", labels=labels)
    return folder


def _task(task: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in task.items() if name not in ("samples", "rows")}
    return {"repeats": 1, "scorers": [], "data": {"kind": "jsonl"}, **known}


def _samples(records: Sequence[Record], task: str) -> int:
    return len({record.sample.id for record in records if record.sample.task == task})


# ---------------------------------------------------------------- random runs


class Made(NamedTuple):
    """A random run: what happened in order, what it was to do, and what the scorers say."""

    events: list[JournalEvent]
    scores: list[Scored]
    tasks: dict[str, dict[str, Any]]
    targets: dict[str, dict[str, Any]]
    lags: list[Lag]
    loads: list[Load]
    slo: dict[str, str]

    def write(self, folder: Path) -> Path:
        return write_run(
            folder, self.events, self.scores, tasks=self.tasks, targets=self.targets, lags=self.lags, loads=self.loads,
            suite={"slo": self.slo}, labels=dict.fromkeys(self.tasks, ("exact", "regex")),
        )  # fmt: skip


FLAGS = ("buffered", "suspended", "usage_mismatch", "no_done_marker", "invalid_utf8")
WARNINGS = ("reported cost differs: $1, the price list gives $2", "cost unknown: 3 cached", "odd")
SESSIONS = (1, 2, 3)


def random_run(seed: int, *, samples: int = 12) -> Made:
    """Return a run with most of what can happen, another one for each seed."""
    rng = random.Random(seed)
    repeats = rng.choice([1, 1, 2, 4])
    tasks: dict[str, dict[str, Any]] = {
        "add": {"samples": samples, "repeats": repeats, "cluster": rng.choice([None, "text"])},
        "long": {"samples": samples, "data": {"kind": "ladder", "tolerance": 0.1}},
    }
    events: list[JournalEvent] = []
    scores: list[Scored] = []
    for target in ("a", "b"):
        for task in tasks:
            for number in range(samples):
                for repeat in range(tasks[task].get("repeats", 1)):
                    _ask(rng, events, scores, task=task, target=target, number=number, repeat=repeat)
    lags = [
        Lag(session=session, target="a", task=task, count=9, p50_s=0.0, p99_s=rng.choice([0.0001, 0.02]), max_s=0.5,
            source="timer")
        for session in SESSIONS for task in tasks
    ]  # fmt: skip
    loads = [
        Load(session=1, target="a", task=task, at_s=0.0, limit=rng.choice([2, 3]), why="planned") for task in tasks
    ]
    slo = rng.choice([{}, {"ttft": "200 ms"}, {"ttft": "300 ms", "tpot": "20 ms", "e2e": "1 s"}])
    return Made(events, scores, tasks, {"a": {"prices": {"prompt": "1", "completion": "2"}}, "b": {}}, lags, loads, slo)


def _ask(
    rng: random.Random,
    events: list[JournalEvent],
    scores: list[Scored],
    *,
    task: str,
    target: str,
    number: int,
    repeat: int,
) -> None:
    """Ask one question: perhaps not at all, perhaps in a session that died, perhaps twice."""
    key = fingerprint([task, target, number, repeat])[:16]
    if rng.random() < 0.05:
        return
    session = rng.choice(SESSIONS)
    intent = Intent(key=key, session=session, attempt=1, at="", target=target, task=task)
    events.append(intent)
    if rng.random() < 0.04:
        return  # its session died
    sample = Sample(task=task, id=f"q{number}", messages=(), expected="4", meta=_meta(rng, task, number))
    if task == "long" and sample.meta["cache"] == "warm":
        sample = msgspec.structs.replace(sample, id=f"q{number}-again")
    if rng.random() < 0.08:  # failed first, and asked again by a resume
        events.append(_record(rng, key, sample, target, repeat, session, failed=True))
        session = min(3, session + 1)
        events.append(msgspec.structs.replace(intent, session=session))
    record = _record(rng, key, sample, target, repeat, session, failed=rng.random() < 0.2)
    events.append(record)
    scores += _scores(rng, record)


def _meta(rng: random.Random, task: str, number: int) -> dict[str, Any]:
    if task != "long":
        return {"text": f"t{number % 4}", "size": "large"}
    return {
        "size": rng.choice([1000, 2000, 4000]), "depth": rng.choice([0, 0.5, None]),
        "family": rng.choice(["retrieval", "state"]), "cache": rng.choice(["cold", "cold", "warm", "prime"]),
    }  # fmt: skip


def _record(
    rng: random.Random, key: str, sample: Sample, target: str, repeat: int, session: int, *, failed: bool
) -> Record:
    sent = round(rng.uniform(0, 5), 3)
    tries = tuple(
        Attempt(failure=_failure(rng), sent_s=max(0.0, sent - 0.5 * (n + 1)), took_s=0.1, wait_s=0.1)
        for n in range(rng.choice([0, 0, 0, 1, 2]))
    )[::-1]
    outcome = _failure(rng) if failed else _completion(rng)
    cost = None if failed or rng.random() < 0.02 else Decimal(rng.randrange(1, 10**6)) / 10**7
    return Record(
        key=key, session=session, target=target, sample=sample, repeat=repeat, outcome=outcome, at="", sent_s=sent,
        timing=None if failed or rng.random() < 0.01 else _timing(rng, outcome), cost_usd=cost, attempts=tries,
        took_s=round(rng.uniform(0.01, 1), 3) if failed and rng.random() < 0.9 else None,
        warnings=tuple(rng.sample(WARNINGS, rng.choice([0, 0, 1, 2]))),
    )  # fmt: skip


def _failure(rng: random.Random) -> Failure:
    kind = rng.choice([*get_args(FailureKind), "context_length", "context_length"])
    return Failure(kind=kind, phase=rng.choice(list(Phase)), message=f"{kind}!", possibly_billed=rng.random() < 0.3)


def _completion(rng: random.Random) -> Completion:
    tokens = rng.choice([None] + [1, 5, 20, 80] * 12)
    cached = rng.choice([None, 0, 0, 100, 900])
    usage = Usage(
        prompt_tokens=rng.choice([None] + [1000, 1010, 2000] * 10), completion_tokens=tokens, cached_tokens=cached,
        reasoning_tokens=rng.choice([None, None, None, 0, 3]),
        reported_cost_usd=rng.choice([None, Decimal(rng.randrange(1, 10**6)) / 10**7]),
    )  # fmt: skip
    return Completion(
        text="4", reasoning=rng.choice(["", "", "", "hm"]), finish_reason=rng.choice(["stop", "stop", "length", None]),
        usage=usage, tokens=tokens, token_source=None if tokens is None else rng.choice(["usage", "usage", "chunks"]),
        chunks=rng.choice([1, 4, 10]), flags=tuple(rng.sample(FLAGS, rng.choice([0, 0, 0, 1, 2]))),
    )  # fmt: skip


def _timing(rng: random.Random, outcome: Completion | Failure) -> Timing:
    if rng.random() < 0.05:  # not streamed
        return Timing(connect_s=0.0, reused=True, stream_s=round(rng.uniform(0.1, 2), 3))
    ttft = round(rng.lognormvariate(-2, 0.7), 6)
    gaps = tuple(round(rng.lognormvariate(-4, 1), 9) for _ in range(rng.choice([0, 1, 3, 9])))
    gaps = gaps[:1] + tuple(gap if rng.random() < 0.8 else 0.0 for gap in gaps[1:])  # 0: both came in one read
    e2e = ttft + sum(gaps)
    return Timing(
        connect_s=0.0, reused=True, ttft_s=ttft, ttfo_s=rng.choice([ttft, ttft, None]), e2e_s=e2e, stream_s=e2e + 0.01,
        tpot_s=sum(gaps) / 7 if len(gaps) > 1 else None, tpot_tokens=7.0 if len(gaps) > 1 else None,
        tpot_basis=rng.choice(["events", "sizes", "answer"]) if len(gaps) > 1 else None,
        max_stall_s=max(gaps, default=None), icl_s=gaps,
        **_stamped(rng),
    )  # fmt: skip


def _stamped(rng: random.Random) -> dict[str, Any]:
    """Return who stamped the events, and how much earlier they may have come."""
    if rng.random() < 0.3:
        return {"stamp": "user", "first_bound_s": None, "last_bound_s": None, "gap_bound_s": None}
    gap = rng.choice([0.0, 0.0, 0.001, 0.03])
    return {
        "stamp": "kernel", "gap_bound_s": gap, "first_bound_s": rng.choice([0.0, gap]),
        "last_bound_s": rng.choice([0.0, gap]),
    }  # fmt: skip


def _scores(rng: random.Random, record: Record) -> list[Scored]:
    if isinstance(record.outcome, Failure):
        return []
    found = []
    for scorer in ("exact", "regex"):
        if rng.random() < 0.05:
            continue  # nobody has judged it yet
        value = rng.choice([1.0, 1.0, 0.0, 0.5, None, 1.5])
        answer = rng.choice(["4", "4", "5", "6", None])
        error = rng.choice(["timeout: 10 s", "crash"]) if value is None else None
        score = Score(value=value, answer=answer, error=error, disputed=value is not None and rng.random() < 0.1)
        found.append(Scored(key=record.key, scorer=scorer, score=score))
    return found
