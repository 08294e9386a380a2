"""The labelled replies: 338 in 17 languages and more than 25 forms. docs/labels.md says how they were made.

Each row: language, form, kind (the scorer), should (the answer that a person reads there; null: nobody can tell;
"": there is none), reply; for `choice` its options and, where they are not letters, its labels.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evalrun.score.spec import ADAPTER
from evalrun.types import Completion, Message, Sample, Score

FOLDER = Path(__file__).parent / "replies"
OPTIONS = {"exact": {"answer": "final", "ignore_case": True}}
MOST_ERRORS = 0.01  # of all replies


def rows(file: str = "*") -> list[dict[str, Any]]:
    """Read the labelled replies."""
    return [json.loads(line) for path in sorted(FOLDER.glob(f"{file}.jsonl")) for line in path.read_text().splitlines()]


def judged(row: dict[str, Any], expected: str) -> Score:
    """Score a reply to a question that shows its options."""
    (scorer,) = ADAPTER.validate_json(json.dumps([{"kind": row["kind"], **OPTIONS.get(row["kind"], {})}]))
    options = row.get("options", ())
    shown = zip(row.get("labels") or "ABCDEFGHIJ", options, strict=False)
    question = "\n".join(["Which?", *(f"{label}. {option}" for label, option in shown)])
    sample = Sample(
        task="t", id="1", messages=(Message(role="user", content=question),), expected=expected, choices=tuple(options)
    )
    completion = Completion(text=row["reply"], finish_reason="length" if row.get("truncated") else "stop")
    return scorer(sample, completion)


def outcome(row: dict[str, Any]) -> str:
    """Return what became of a reply: as labelled, or how it differs."""
    should = row["should"]
    if should:
        score = judged(row, should)
        return "read" if score.value == 1 else "misread" if score.answer is not None else "not found"
    score = judged(row, "B" if row["kind"] == "choice" else "987654321")
    if should is None:
        return "unsure" if score.value is None and score.error == "unsure" else "guessed"
    return "none" if score.value == 0 and score.answer is None else "invented"


def test_what_people_read_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    """Prints label against outcome; at most one reply in a hundred differs."""
    every = rows()
    found = [outcome(row) for row in every]
    table = Counter(
        (row["kind"], "an answer" if row["should"] else "unsure" if row["should"] is None else "none", one)
        for row, one in zip(every, found, strict=True)
    )
    wrong = [row for row, one in zip(every, found, strict=True) if one not in ("read", "unsure", "none")]
    with capsys.disabled():
        print()
        for (kind, label, one), count in sorted(table.items()):
            print(f"  {kind:8} {label:10} {one:10} {count:4}")
        for row in wrong:
            print(f"  {row['language']} {row['form']}: should be {row['should']!r}: {row['reply'][-100:]!r}")
    assert len(wrong) <= MOST_ERRORS * len(every)


def test_a_wrong_answer_is_not_right() -> None:
    """The same replies against another expected answer: none of them is right."""
    for row in rows():
        if row["should"]:
            options = row.get("options", ["987654"])
            other = options[("ABCDEFGHIJ".index(row["should"]) + 1) % len(options)] if "options" in row else options[0]
            assert judged(row, other).value == 0, row


def test_the_set_is_as_broad_as_it_is_said_to_be() -> None:
    """Languages, forms and kinds, and no reply twice."""
    every = rows()
    assert len(every) >= 300
    assert len({row["language"] for row in every}) >= 12
    assert len({row["form"] for row in every}) >= 25
    assert {row["kind"] for row in every} == {"math", "numeric", "choice", "exact"}
    assert min(len(rows("held_out")), len(rows("tuned"))) >= 150
    twice = Counter((row["kind"], row["reply"], tuple(row.get("options", ()))) for row in rows("held_out"))
    assert max(twice.values()) == 1
