r"""Print how many maths answers a second one core scores: MATH-500 with each answer written in several ways.

    python tests/benchmarks/math_speed.py [FILE] [--second-opinion]

Every expected answer meets itself in a box, itself in other LaTeX, the worked solution, and the next problem's answer:
2,000 answers for the 500 problems, through the whole pool with one worker, as `evalrun score` does it.
"""

import json
import os
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from evalrun.score.pool import score_all
from evalrun.score.spec import MathScorer
from evalrun.types import Completion, Sample

DATA = Path(os.environ.get("EVALRUN_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


def main() -> None:
    """Score the answers once to start the worker, then again with the clock running."""
    files = [arg for arg in sys.argv[1:] if not arg.startswith("--")]
    rows = [json.loads(line) for line in (Path(files[0]) if files else DATA / "math500.jsonl").open(encoding="utf-8")]
    scorer = MathScorer(kind="math", second_opinion="--second-opinion" in sys.argv)
    items = [item for number in range(len(rows)) for item in written(rows, number)]
    list(score_all(items[:4], [scorer], workers=1))
    before = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    scored = list(score_all(items, [scorer], workers=1, deadline_s=30.0))
    took_s = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = sum(one.ru_utime + one.ru_stime for one in used) - sum(one.ru_utime + one.ru_stime for one in before)
    why = Counter(item.score.why.rpartition("; ")[2] for item in scored)
    print(f"{len(items)} answers in {took_s:.2f} s with one worker: {len(items) / took_s:.0f} a second")
    print(f"{cpu_s:.2f} s of processor time, the start of the worker included: {len(items) / cpu_s:.0f} a second")
    for reason, count in why.most_common(8):
        print(f"{count:6} {reason[:80]}")


def written(rows: list[dict[str, str]], number: int) -> list[tuple[str, Sample, Completion]]:
    """Return the four answers to one problem."""
    row, other = rows[number], rows[(number + 1) % len(rows)]
    restyled = row["answer"].replace(r"\frac", r"\dfrac").replace("(", r"\left(").replace(")", r"\right)")
    texts = [
        rf"So it is $\boxed{{{row['answer']}}}$.",
        rf"**Final answer:** ${restyled}$.",
        row["solution"],
        rf"Thus the answer is $\boxed{{{other['answer']}}}$.",
    ]
    sample = Sample(task="math", id=str(number), messages=(), expected=row["answer"])
    return [(f"{number}.{at}", sample, Completion(text=text)) for at, text in enumerate(texts)]


if __name__ == "__main__":
    main()
