"""Writes run folders by hand: what each request became is said in a word or two."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from evalrun.fingerprint import fingerprint
from evalrun.store.lines import End, JournalEvent, Lag, encode
from evalrun.store.manifest import Fingerprints, Machine, Manifest, TaskPrints, write_manifest
from evalrun.store.scores import write_scores
from evalrun.types import (
    Completion,
    Failure,
    FailureKind,
    Outcome,
    PaceBasis,
    Phase,
    Record,
    Sample,
    Score,
    Scored,
    Timing,
    Usage,
)

SCORERS = [{"kind": "numeric"}]
PRICES = {"prompt": "1", "completion": "2", "cached": None, "date": "2026-01-01"}


class Asked(NamedTuple):
    """One request: r right, w wrong, n no answer, d disputed and wrong, u unscored, t truncated and wrong, f failed.

    l refused: then its task is a ladder.
    """

    sample: str
    became: str = "r"
    repeat: int = 0
    ttft_s: float | None = 0.1
    prompt: int | None = 10
    output: int | None = 20
    value: float | None = None
    target: str = "sim"
    cached: int | None = None
    session: int = 1
    text: str | None = None
    kind: FailureKind = "stall"
    flags: tuple[str, ...] = ()
    tpot_basis: PaceBasis = "events"


def asked(word: str, **more: Any) -> list[Asked]:
    """Return a request for each letter of `word`, of the samples q0, q1, ..."""
    return [Asked(f"q{number}", letter, **more) for number, letter in enumerate(word)]


def _record(one: Asked, number: int) -> Record:
    outcome: Outcome = Completion(
        text=f"it is {number}", finish_reason="length" if one.became == "t" else "stop", tokens=one.output,
        token_source="usage", flags=one.flags,
        usage=Usage(prompt_tokens=one.prompt, completion_tokens=one.output, cached_tokens=one.cached),
    )  # fmt: skip
    timing = None
    if one.became == "f":
        outcome = Failure(kind=one.kind, phase=Phase.SENT, message="no byte for 120 s")
    elif one.became == "l":
        outcome = Failure(kind="context_length", phase=Phase.COMPLETE, message="maximum context length is 99 tokens")
    elif one.ttft_s is not None:
        timing = Timing(
            connect_s=0.0, reused=True, ttft_s=one.ttft_s, e2e_s=one.ttft_s + 0.4, tpot_s=0.02, tpot_tokens=20.0,
            tpot_basis=one.tpot_basis,
        )  # fmt: skip
    return Record(
        key=key(one), session=one.session, target=one.target, repeat=one.repeat, outcome=outcome, timing=timing,
        sample=Sample(task="add", id=one.sample, messages=(), expected="4", meta={"text": one.text}), at="",
        sent_s=float(number),
    )  # fmt: skip


def key(one: Asked) -> str:
    return fingerprint([one.sample, one.repeat, one.target])


def _score(one: Asked) -> Score | None:
    match one.became:
        case "f" | "l":
            return None
        case "u":
            return Score(value=None, error="scorer")
        case "n":
            return Score(value=0.0)
        case letter:
            value = float(letter == "r") if one.value is None else one.value
            return Score(value=value, answer="4" if letter == "r" else "5", why="because", disputed=letter == "d")


def write_run(folder: Path, requests: Sequence[Asked], *, day: int = 1, lag_s: float = 0.0001, **more: Any) -> Path:
    """Write the folder of a run; `more` changes what its manifest says. Each session says that nothing is left to ask.

    later_lag_s: of the client, in the sessions after the first. loads: lines of the journal about the load. cluster:
    "text" where the samples of a text are one.
    """
    folder.mkdir()
    scorers = more.get("scorers", SCORERS)
    samples = more.get("samples", len({one.sample for one in requests}))
    repeats = more.get("repeats", 1 + max((one.repeat for one in requests), default=0))
    targets = dict.fromkeys(one.target for one in requests) or {"sim": None}
    prints = TaskPrints(
        data=more.get("data", "d1"), samples=samples, prompt=more.get("prompt", "p1"), sampling="s1",
        scorers=fingerprint(scorers),
    )  # fmt: skip
    task = {"repeats": repeats, "scorers": scorers, "cluster": more.get("cluster")}
    if any(one.became == "l" for one in requests):
        task["data"] = {"kind": "ladder"}
    suite = {
        "tasks": {"add": task},
        "load": {"concurrency": more.get("concurrency", 4)},
        "limits": {"max_failed_share": more.get("most_failed", 0.1)},
        "gates": more.get("gates", []),
        "slo": more.get("slo"),
    }
    manifest = Manifest(
        suite_name="sums", suite=suite, suite_file="sums.yaml", command={},
        targets={t: {"kind": "simulator", "prices": more.get("prices", PRICES)} for t in targets},
        fingerprints=Fingerprints(tasks={"add": prints}, targets=dict.fromkeys(targets, "t1")),
        machine=Machine(python="3.11", platform="linux", cpu="cpu", cpus=2), versions={}, transport="evalrun",
        price_date=None, created=datetime(2026, 11, day, tzinfo=UTC),
    )  # fmt: skip
    write_manifest(folder, manifest)
    records = [_record(one, number) for number, one in enumerate(requests)]
    events: list[JournalEvent] = []
    for session in sorted({1, *(one.session for one in requests)}):
        late = lag_s if session == 1 else more.get("later_lag_s", lag_s)
        events += [load for load in more.get("loads", ()) if load.session == session]
        events += [record for record in records if record.session == session]
        events += [
            Lag(session=session, target=t, task="add", count=9, p50_s=0.0, p99_s=late, max_s=late, source="s")
            for t in targets
        ]
        events.append(End(session=session, reason="finished"))
    (folder / "journal.jsonl").write_bytes(b"".join(encode(event) for event in events))
    scored = [(one, score) for one in requests if (score := _score(one)) is not None]
    write_scores(
        folder, (Scored(key=key(one), scorer="numeric", score=score) for one, score in scored),
        scorers=fingerprint({"add": scorers}),
    )  # fmt: skip
    return folder
