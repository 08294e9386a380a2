"""Print how long comparing two large runs takes, and the table of one, and how much memory.

    python tests/benchmarks/compare_million.py [RECORDS] [FOLDER]

Aims, for 1,000,000 records on each side: 20 s and 1 GB in all, on two free cores; the table 15 s and 400 MB. The files
are on the temporary disk and in the page cache. FOLDER keeps them for the next time. Peak memory is that of the whole
process group, sampled.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from evalrun.fingerprint import fingerprint  # noqa: E402
from evalrun.store.lines import Intent, encode  # noqa: E402
from evalrun.store.manifest import Fingerprints, Machine, Manifest, TaskPrints, write_manifest  # noqa: E402
from evalrun.store.scores import write_scores  # noqa: E402
from evalrun.types import Completion, Message, Record, Sample, Score, Scored, Timing, Usage  # noqa: E402

QUESTION = "A shop sells pens at 3 dollars each and buys them at 2. How much does it earn with {0} pens? " * 2
ANSWER = "Each pen earns 3 - 2 = 1 dollar, so {0} pens earn {0} dollars. The answer is \\boxed{{{0}}}. " * 4
SCORERS = [{"kind": "math"}]


def make(folder: Path, count: int, seed: int) -> None:
    """Write a run of `count` records, each with an intent and 40 token gaps; seven in ten answers are right."""
    folder.mkdir(parents=True)
    prints = TaskPrints(data="d", samples=count, prompt="p", sampling="s", scorers=fingerprint(SCORERS))
    manifest = Manifest(
        suite_name="shop", suite={"tasks": {"shop": {"repeats": 1, "scorers": SCORERS}}}, suite_file="shop.yaml",
        command={}, targets={"sim": {"kind": "simulator", "prices": {"prompt": "1", "completion": "2"}}},
        fingerprints=Fingerprints(tasks={"shop": prints}, targets={"sim": "t"}),
        machine=Machine(python="3.11", platform="linux", cpu="cpu", cpus=2), versions={}, transport="evalrun",
        price_date=None, created=datetime(2026, 11, seed, tzinfo=UTC),
    )  # fmt: skip
    write_manifest(folder, manifest)
    rng = random.Random(seed)
    with (folder / "journal.jsonl").open("wb", buffering=1 << 20) as file:
        for number in range(count):
            file.write(lines(number, rng))
    own = fingerprint({"shop": SCORERS})
    write_scores(folder, scores(count, random.Random(seed)), scorers=own)


def lines(number: int, rng: random.Random) -> bytes:
    """Return the two lines of one question."""
    key = f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}"
    ttft, tokens = rng.lognormvariate(-2, 0.5), rng.randint(60, 140)
    sample = Sample(task="shop", id=str(number), messages=(Message(role="user", content=QUESTION.format(number)),))
    usage = Usage(prompt_tokens=50, completion_tokens=tokens)
    gaps = tuple(0.0201 + i / 1e5 for i in range(40))
    record = Record(
        key=key, session=1, target="sim", sample=sample, repeat=0, at="2026-11-22T09:30:00.000Z", sent_s=number / 100,
        outcome=Completion(text=ANSWER.format(number), usage=usage, tokens=tokens, token_source="usage"),
        timing=Timing(connect_s=0.0, reused=True, ttft_s=ttft, e2e_s=ttft + 0.8, tpot_s=0.8 / tokens, icl_s=gaps),
    )  # fmt: skip
    return encode(Intent(key=key, session=1, attempt=1, at="2026-11-22T09:30:00.000Z")) + encode(record)


def scores(count: int, rng: random.Random) -> Iterator[Scored]:
    for number in range(count):
        key = f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}"
        yield Scored(key=key, scorer="math", score=Score(value=float(rng.random() < 0.7), answer="42", rule="boxed"))


def peak_of_group(group: int) -> float:
    """Return the memory, in MB, of all processes of a group: each page counted once (Pss)."""
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getpgid(int(entry.name)) == group:
                    text = (entry / "smaps_rollup").read_text()
                    total += int(text.partition("Pss:")[2].split()[0])
            except (OSError, IndexError, ValueError):
                continue  # it ended meanwhile
    return total / 1024


def watched(*command: str) -> tuple[float, float, str]:
    """Run a command in a process group of its own; return its seconds, its peak memory in MB and what it printed."""
    start, peak = time.perf_counter(), 0.0
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen([sys.executable, *command], stdout=out, start_new_session=True, cwd=ROOT)
        while process.poll() is None:
            peak = max(peak, peak_of_group(process.pid))
            time.sleep(0.1)
        out.seek(0)
        return time.perf_counter() - start, peak, out.read()


def compare(base: Path, new: Path) -> None:
    """Compare two runs, and print what it took."""
    took, peak, printed = watched(__file__, "--compare", str(base), str(new))
    found = json.loads(printed.splitlines()[-1])
    print(
        f"compared in {took:.1f} s ({found['cpu_s']:.1f} s CPU: reading {found['read_s']:.1f} s of {took:.1f} s)",
        end="",
    )
    print(f", peak memory {peak:.0f} MB in all; accuracy change {found['change']:+.4f}, p {found['p']:.3f}")


def tabulate(run: Path) -> None:
    """Print the table of a run, and what it took."""
    before = os.times()
    took, peak, printed = watched("-m", "evalrun", "table", str(run), "--format", "csv")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"table of {len(printed.splitlines())} numbers in {took:.1f} s ({cpu:.1f} s CPU), peak memory {peak:.0f} MB")


def child(base: str, new: str) -> None:
    from evalrun.compare.contrast import compare as contrast
    from evalrun.compare.read import load

    start = time.perf_counter()
    sides = load([base, new], baselines=Path("nowhere"))
    read = time.perf_counter() - start
    row = contrast(*sides).pairs[0].row("accuracy")
    used = os.times()
    cpu = used.user + used.system + used.children_user + used.children_system
    assert row is not None
    assert row.comparison is not None
    print(json.dumps({"read_s": read, "cpu_s": cpu, "change": row.comparison.difference, "p": row.comparison.p}))


def main(count: int, folder: Path) -> None:
    sides = [folder / f"{count}-{name}" for name in ("base", "new")]
    if not all(side.exists() for side in sides):
        start = time.perf_counter()
        with ProcessPoolExecutor(2) as pool:
            list(pool.map(make, sides, (count, count), (1, 2)))
        size = sum(path.stat().st_size for path in sides[0].iterdir())
        print(f"made 2 x {count:,} records, {size / 1e6:,.0f} MB each, in {time.perf_counter() - start:.1f} s")
    compare(*sides)
    tabulate(sides[0])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compare"]:
        child(*sys.argv[2:4])
    else:
        with tempfile.TemporaryDirectory() as temporary:
            kept = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(temporary)
            main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, kept)
