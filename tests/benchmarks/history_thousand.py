"""Print how long the history of many runs takes: from nothing, from the cache, and with one run more.

    python tests/benchmarks/history_thousand.py [RUNS]

Aim, for 1,000 runs: 2 s each, the start of Python included. Each command is a process of its own. The files are
written by the same code as a real run's and are in the page cache. Two tasks, two targets, pooled too: six cells.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from evalrun.report import render  # noqa: E402
from evalrun.report.table import table_page  # noqa: E402
from evalrun.store.disk import replace_file  # noqa: E402
from evalrun.store.lines import encode  # noqa: E402
from evalrun.store.manifest import Fingerprints, Machine, Manifest, TaskPrints, write_manifest  # noqa: E402
from evalrun.store.scores import write_scores  # noqa: E402
from evalrun.table import tabulate  # noqa: E402
from evalrun.types import Completion, Failure, Phase, Record, Sample, Score, Scored, Timing, Usage  # noqa: E402

TASKS, TARGETS, SAMPLES = ("gsm8k", "aime"), ("local", "rented"), 30
SHOW = """
import sys
from evalrun.cli import cli
root, metric, picture = sys.argv[1:]
chosen = (["--metric", metric] if metric else []) + (["--picture", picture] if picture else [])
sys.exit(cli.main(["history", "math", "--out", root, *chosen], standalone_mode=False))
"""
TIMES = 3  # each; the median is printed


def manifest(number: int) -> Manifest:
    """Return the manifest of night `number`: the data change after 400 nights, a version every 100."""
    prints = TaskPrints(data=f"{number // 400}" * 64, samples=SAMPLES, prompt="p", sampling="s", scorers="c")
    return Manifest(
        suite_name="math",
        suite={"name": "math", "tasks": {task: {"scorers": [{"kind": "math"}]} for task in TASKS}},
        suite_file="suites/math.yaml",
        command={"suite": "suites/math.yaml"},
        targets={target: {"kind": "openai", "model": "m", "prices": {"date": "2026-01-01"}} for target in TARGETS},
        fingerprints=Fingerprints(tasks=dict.fromkeys(TASKS, prints), targets=dict.fromkeys(TARGETS, "t")),
        machine=Machine(python="3.11.9", platform="linux", cpu="cpu", cpus=2),
        versions={"msgspec": "0.19", "math-verify": f"0.{number // 100}"},
        transport="evalrun",
        price_date="2026-01-01",
        created=datetime(2024, 1, 1, 3, tzinfo=UTC) + timedelta(days=number),
    )


def outcomes(number: int) -> tuple[list[Record], list[Scored]]:
    """Return the records and scores of a night, drawn with its number as seed."""
    random = Random(number)
    records, scores = [], []
    for task in TASKS:
        for target in TARGETS:
            for sample in range(SAMPLES):
                key = f"{len(records):016x}"
                ttft = random.lognormvariate(-1.5, 0.4)
                usage = Usage(prompt_tokens=80, completion_tokens=100)
                right = Completion(text="42", usage=usage, tokens=100, token_source="usage")
                wrong = Failure(kind="reset", phase=Phase.SENT, message="reset")
                records.append(
                    Record(
                        key=key, session=1, target=target, sample=Sample(task=task, id=str(sample), messages=()),
                        repeat=0, outcome=right if random.random() < 0.99 else wrong, at="", sent_s=sample / 10,
                        cost_usd=Decimal("0.00042"),
                        timing=Timing(connect_s=0.0, reused=True, ttft_s=ttft, e2e_s=ttft + 2, tpot_s=0.02),
                    )
                )  # fmt: skip
                scores.append(Scored(key=key, scorer="math", score=Score(value=float(random.random() < 0.7))))
    return records, scores


def make(root: Path, number: int, *, pages: dict[int, bytes]) -> None:
    """Make the folder of one run. A run's numbers repeat after 50 nights: drawing them would take longest."""
    about = manifest(number)
    folder = root / "math" / f"{about.created:%Y%m%dT%H%M%SZ}-{number:08x}"
    folder.mkdir(parents=True)
    write_manifest(folder, about)
    if number % 50 not in pages:
        records, scores = outcomes(number)
        (folder / "journal.jsonl").write_bytes(b"".join(encode(record) for record in records))
        write_scores(folder, scores, scorers="own", labels=dict.fromkeys(TASKS, ("math",)))
        pages[number % 50] = render([table_page(tabulate(folder))], "json").encode()
        (folder / "journal.jsonl").unlink()
        (folder / "scores.jsonl").unlink()
    replace_file(folder / "table.json", [pages[number % 50]])


def took(root: Path, *, metric: str = "", picture: bool = False, before: Callable[[], object] = int) -> float:
    """Show the history in processes of their own, each time after `before`, and give the median of their seconds."""
    command = [sys.executable, "-c", SHOW, str(root), metric, str(root / "trend") if picture else ""]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = []
    for _ in range(TIMES):
        before()
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, check=True)
        found.append(time.perf_counter() - start)
    return sorted(found)[TIMES // 2]


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, pages = Path(folder), dict[int, bytes]()
        start = time.perf_counter()
        for number in range(runs):
            make(root, number, pages=pages)
        size = len(pages[0]) / 1e3
        print(f"made {runs:,} runs, table.json of {size:.0f} kB each, in {time.perf_counter() - start:.1f} s")
        cache = root / "math" / "history.parquet"
        more = itertools.count(runs)
        figures = {
            "cold_s": took(root, before=lambda: cache.unlink(missing_ok=True)),
            "cached_s": took(root),
            "one_more_s": took(root, before=lambda: make(root, next(more), pages=pages)),
            "picture_of_accuracy_s": took(root, metric="accuracy", picture=True),
            "picture_of_three_metrics_s": took(root, picture=True),
        }
        found = {name: round(value, 2) for name, value in figures.items()}
        print(json.dumps(found | {"parquet_mb": round(cache.stat().st_size / 1e6, 2)}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
