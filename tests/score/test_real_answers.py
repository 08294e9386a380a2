r"""Real data: every reference answer is judged equal to itself, through the whole pool. Skipped where there is none."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from evalrun.score.pool import score_all
from evalrun.score.spec import MathScorer
from evalrun.types import Completion, Sample, Score

DATA = Path(os.environ.get("EVALRUN_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
Row = dict[str, str]


def judged(file: str, expected: Callable[[Row], str], answer: Callable[[Row], str]) -> list[Score]:
    """Score what `answer` makes of each row against what `expected` makes of it."""
    if not (DATA / file).exists():
        pytest.skip(f"no {file} here; EVALRUN_TEST_DATA names its folder")
    rows = [json.loads(line) for line in (DATA / file).read_text(encoding="utf-8").splitlines()]
    items = [
        (str(n), Sample(task=file, id=str(n), messages=(), expected=expected(row)), Completion(text=answer(row)))
        for n, row in enumerate(rows)
    ]
    return [item.score for item in score_all(items, [MathScorer(kind="math")], workers=2, deadline_s=30.0)]


def tail(row: Row) -> str:
    """Return the number at the end of a GSM8K solution."""
    return row["answer"].rpartition("####")[2].strip()


def boxed(row: Row) -> str:
    """Return the answer as a model would."""
    return rf"So it is $\boxed{{{row['answer']}}}$."


@pytest.mark.parametrize(
    ("file", "expected", "answer", "rows"),
    [
        ("gsm8k_test.jsonl", tail, lambda row: rf"\boxed{{{tail(row)}}}", 1319),
        ("gsm8k_test.jsonl", lambda row: row["answer"], lambda row: row["answer"], 1319),
        ("math500.jsonl", lambda row: row["answer"], boxed, 500),
        ("math500.jsonl", lambda row: row["answer"], lambda row: row["solution"], 500),
        ("aime24.jsonl", lambda row: row["answer"], boxed, 30),
        ("aime25.jsonl", lambda row: row["answer"], boxed, 30),
    ],
)
def test_reference_answers_equal_themselves(
    file: str, expected: Callable[[Row], str], answer: Callable[[Row], str], rows: int
) -> None:
    """Every one is right, and none is disputed."""
    scores = judged(file, expected, answer)
    assert [(score.value, score.disputed) for score in scores] == [(1.0, False)] * rows


def test_no_integer_equals_its_neighbour() -> None:
    """The answer to the next AIME problem is wrong: the judge does say no."""
    if not (DATA / "aime25.jsonl").exists():
        pytest.skip("no aime25.jsonl here; EVALRUN_TEST_DATA names its folder")
    answers = [json.loads(line)["answer"] for line in (DATA / "aime25.jsonl").read_text(encoding="utf-8").splitlines()]
    others = [*answers[1:], answers[0]]
    following = iter(others)
    scores = judged("aime25.jsonl", lambda row: row["answer"], lambda _: rf"\boxed{{{next(following)}}}")
    assert [score.value for score in scores] == [
        float(mine == other) for mine, other in zip(answers, others, strict=True)
    ]


@pytest.mark.slow
def test_the_labelled_pairs_cost_no_worker() -> None:
    """None of the 254 pairs crashes, hangs or raises; tests/benchmarks/label_pairs.py lists the disagreements."""
    scores = judged("math_equivalence_pairs.jsonl", lambda row: row["gold"], lambda row: row["answer"])
    assert len(scores) == 254
    assert [score for score in scores if score.error] == []
