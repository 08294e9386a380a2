"""Print how long resuming takes to read a large journal, and how much memory (docs/faults.md R12).

    python tests/benchmarks/journal_scan.py [RECORDS]

Aims, for 1,000,000 records: 20 s and 300 MB. The file is on the temporary disk and in the page cache.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from evalrun.store.lines import Intent, encode  # noqa: E402
from evalrun.store.reader import JournalIndex  # noqa: E402
from evalrun.types import Completion, Message, Record, Sample, Timing, Usage  # noqa: E402

QUESTION = "A shop sells pens at 3 dollars each and buys them at 2. How much does it earn with {0} pens? " * 2
ANSWER = "Each pen earns 3 - 2 = 1 dollar, so {0} pens earn {0} dollars. The answer is \\boxed{{{0}}}. " * 4


def lines(number: int) -> bytes:
    """Return the two lines of one question, with 40 token gaps and a key that is spread like a hash."""
    key = f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}"
    sample = Sample(task="shop", id=str(number), messages=(Message(role="user", content=QUESTION.format(number)),))
    gaps = tuple(0.0201 + i / 1e5 for i in range(40))
    record = Record(
        key=key,
        session=1,
        target="sim",
        sample=sample,
        repeat=0,
        outcome=Completion(
            text=ANSWER.format(number), usage=Usage(prompt_tokens=50, completion_tokens=100), tokens=100
        ),
        at="2026-11-22T09:30:00.000Z",
        sent_s=number / 100,
        timing=Timing(connect_s=0.0, reused=True, ttft_s=0.1, e2e_s=0.9, tpot_s=0.02, icl_s=gaps),
    )
    return encode(Intent(key=key, session=1, attempt=1, at="2026-11-22T09:30:00.000Z")) + encode(record)


def scan(path: Path) -> None:
    """Read the journal once, in a process of its own, and print what it took."""
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, cpu_start = time.perf_counter(), time.process_time()
    index = JournalIndex(path)
    took, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {"records": len(index.recorded), "s": took, "cpu_s": cpu}
    print(json.dumps(found | {"peak_mb": peak / 1024, "floor_mb": floor / 1024}))


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.jsonl"
        start = time.perf_counter()
        with path.open("wb", buffering=1 << 20) as file:
            for number in range(count):
                file.write(lines(number))
        print(f"made {count:,} records, {path.stat().st_size / 1e6:,.0f} MB, in {time.perf_counter() - start:.1f} s")
        done = subprocess.run(
            [sys.executable, __file__, "--scan", str(path)], capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout)
        print(f"scanned {found['records']:,} records in {found['s']:.1f} s ({found['cpu_s']:.1f} s CPU)", end=", ")
        print(f"peak memory {found['peak_mb']:.0f} MB (before it: {found['floor_mb']:.0f} MB)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--scan"]:
        scan(Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
