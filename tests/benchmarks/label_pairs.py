"""Print where the math scorer and the labels of math_equivalence_pairs.jsonl disagree, one pair a line.

    python tests/benchmarks/label_pairs.py [FILE]

Each pair goes through the whole pool, as an answer would in a run. docs/labels.md gives the reasons.
"""

import json
import os
import sys
import time
from pathlib import Path

from evalrun.score.pool import score_all
from evalrun.score.spec import MathScorer
from evalrun.types import Completion, Sample

DATA = Path(os.environ.get("EVALRUN_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


def main() -> None:
    """Score the pairs, print the disagreements, then the counts."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA / "math_equivalence_pairs.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    items = [
        (str(number), Sample(task="pairs", id=str(number), messages=(), expected=row["gold"]), answer(row["answer"]))
        for number, row in enumerate(rows, 1)
    ]
    started = time.perf_counter()
    scored = list(score_all(items, [MathScorer(kind="math")], workers=2, deadline_s=30.0))
    took_s = time.perf_counter() - started
    counts = {"agree": 0, "false positive": 0, "false negative": 0, "error": 0}
    for row, item in zip(rows, scored, strict=True):
        score = item.score
        if score.value is None:
            verdict = "error"
        elif bool(score.value) == row["equivalent"]:
            verdict = "agree"
        else:
            verdict = "false positive" if score.value else "false negative"
        counts[verdict] += 1
        if verdict != "agree" or score.disputed:
            marks = f"{verdict}{', disputed' if score.disputed else ''}"
            print(f"{item.key:>4} {marks:<25} {short(row['gold'])} | {score.rule} {short(score.answer)}")
    disputed = sum(item.score.disputed for item in scored)
    print(f"\n{len(rows)} pairs in {took_s:.1f} s: {counts}, disputed {disputed}")


def answer(text: str) -> Completion:
    """Make a completion of a pair's answer."""
    return Completion(text=text)


def short(text: str | None) -> str:
    """Return the end of a text, on one line."""
    return "-" if text is None else repr(text[-60:])


if __name__ == "__main__":
    main()
