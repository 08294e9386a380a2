"""Runs for the tests of reports: one with everything a sample can have, and one with something hostile everywhere."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
from run_folder import write_run

from evalrun.store.manifest import read_manifest, write_manifest
from evalrun.types import (
    Attempt,
    Completion,
    Failure,
    Message,
    Phase,
    Record,
    Sample,
    Score,
    Scored,
    Timing,
    ToolCall,
    Usage,
)


def key(number: int) -> str:
    return f"{number:016x}"


def timing(ttft_s: float = 0.1, e2e_s: float = 0.5, ttfo_s: float | None = None) -> Timing:
    return Timing(
        connect_s=0.0, reused=True, first_byte_s=ttft_s / 2, ttft_s=ttft_s, ttfo_s=ttfo_s or ttft_s, e2e_s=e2e_s,
        stream_s=e2e_s + 0.01, tpot_s=0.01, tpot_tokens=9.0, tpot_basis="events",
    )  # fmt: skip


def completion(text: str, **other: object) -> Completion:
    return Completion(
        text=text, tokens=10, token_source="usage", finish_reason="stop", model="m-1",
        usage=Usage(prompt_tokens=50, completion_tokens=10, cached_tokens=20), **other,
    )  # fmt: skip


def asked(number: int, **other: object) -> Sample:
    return Sample(**{
        "task": "sums", "id": f"q{number}", "expected": "4", "meta": {"level": number % 2},
        "messages": (Message(role="system", content="Be brief."), Message(role="user", content=f"What is {number}?")),
        **other,
    })  # fmt: skip


def record(number: int, sample: Sample, outcome: Completion | Failure, **other: object) -> Record:
    ended = {"took_s": 0.2} if isinstance(outcome, Failure) else {"timing": timing()}
    return Record(**{
        "key": key(number), "session": 1, "target": "a", "sample": sample, "repeat": 0, "outcome": outcome,
        "at": "2026-11-01T00:00:00Z", "sent_s": number / 10, "cost_usd": Decimal("0.0001"), **ended, **other,
    })  # fmt: skip


def rich_run(folder: Path) -> Path:
    """Write a run of two targets: right and wrong, repeats, scorers that differ, tools, reasoning, choices, failures.

    Of target a: q0 right twice (repeats), q1 wrong, q2 without an answer, q3 failed after two attempts, q4 truncated,
    q5 a right tool call after reasoning. Of target b: q0 right, q1 right (so it flipped), q3 failed at once.
    """
    lost = Failure(kind="stall", phase=Phase.PARTIAL, message="no byte for 60 s", partial="I thi")
    full = Failure(kind="rate_limited", phase=Phase.COMPLETE, status=429, message="slow down")
    tried = tuple(Attempt(failure=full, sent_s=0.1 * n, took_s=0.05, wait_s=0.5) for n in (1, 2))
    call = completion("", reasoning="I need the clock.", tool_calls=(ToolCall(name="clock", arguments='{"zone": 1}'),))
    records = [
        record(1, asked(0), completion("It is 4.", others=("It is five.",))),
        record(2, asked(0), completion("4"), repeat=1),
        record(3, asked(1), completion("It is 5, I think.", flags=("no_done_marker",))),
        record(4, asked(2, choices=("one", "two")), completion("No idea.")),
        record(5, asked(3), lost, attempts=tried),
        record(6, asked(4), msgspec.structs.replace(completion("It is not"), finish_reason="length")),
        record(7, asked(5), call, timing=timing(ttfo_s=0.3), warnings=("cost unknown: 3 cached",)),
        record(8, asked(0), completion("4"), target="b", timing=timing(0.2, 1.5)),
        record(9, asked(1), completion("It is 4, I am sure."), target="b", timing=timing(0.3, 2.5)),
        record(10, asked(3), lost, target="b"),
    ]
    judged = {1: "4", 2: "4", 3: "5", 4: None, 6: None, 7: "4", 8: "4", 9: "4"}
    scores = [
        Scored(key=key(n), scorer=scorer, score=Score(
            value=float(answer == "4" and not (scorer == "exact" and n == 1)), answer=answer, rule="last number",
            why="equal" if answer == "4" else "wanted '4'",
        ))
        for scorer in ("number", "exact") for n, answer in judged.items()
    ]  # fmt: skip
    return write_run(
        folder, records, scores, labels={"sums": ("number", "exact")}, targets={"a": {}, "b": {}},
        tasks={"sums": {"samples": 6, "repeats": 2}},
    )  # fmt: skip


def hostile_run(folder: Path, texts: Sequence[str]) -> Path:
    """Write a run with each text in every place of one sample that a model, a row, a server or a suite can write to.

    Every other request failed. The first texts are the names of tasks, targets and scorers, too.
    """
    records, scores = [], []
    for number, text in enumerate(texts):
        sample = Sample(
            task=texts[number % 3], id=f"{text}{number}", expected=text, choices=(text, text),
            messages=(Message(role="user", content=text),), meta={text: text},
        )  # fmt: skip
        lost = Failure(kind="bad_request", phase=Phase.COMPLETE, status=400, message=text, partial=text)
        said = Completion(
            text=text, reasoning=text, refusal=text, others=(text,), finish_reason=text, model=text, tokens=3,
            token_source="usage", tool_calls=(ToolCall(id=text, name=text, arguments=text),),
        )  # fmt: skip
        attempt = Attempt(failure=lost, sent_s=0.0, took_s=0.1, wait_s=0.1)
        outcome = lost if number % 2 else said
        other = {"warnings": (f"{text}: {text}",), "attempts": (attempt,), "at": text}
        records.append(record(number, sample, outcome, target=texts[3 + number % 2], **other))
        if not number % 2:
            judgement = Score(value=0.5, answer=text, why=text, rule=text, error=None, disputed=number % 4 == 0)
            scores.append(Scored(key=key(number), scorer=texts[5], score=judgement))
    write_run(folder, records, scores, labels=dict.fromkeys(texts[:3], (texts[5],)))
    manifest = read_manifest(folder)
    about = {**manifest.suite, "about": texts[0]}
    targets = {name: {**spec, "about": texts[1]} for name, spec in manifest.targets.items()}
    write_manifest(folder, msgspec.structs.replace(manifest, suite_name=texts[2], suite=about, targets=targets))
    return folder
