"""Print how long building a prompt of about 128K tokens takes for every kind of probe, and what 500 of them need.

    python tests/benchmarks/context_build.py [KIBIBYTES]

Aims, for a needle in prose of 600 KiB (13 tokens in 64 bytes, so about 125,000 tokens): 0.3 s for one, and 500 of
them at constant memory.
"""

import resource
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from evalrun.data.context.aggregation import CommonWords, FrequentWords  # noqa: E402
from evalrun.data.context.michelangelo import ListOperations, RecallProbe  # noqa: E402
from evalrun.data.context.probe import Probe  # noqa: E402
from evalrun.data.context.retrieval import KeyValue, Needle, Passkey  # noqa: E402
from evalrun.data.context.tracing import Facts, Graph, Variables  # noqa: E402

PROBES: dict[str, Probe] = {
    "needle": Needle(kind="needle"),
    "needle_noise": Needle(kind="needle", haystack="noise"),
    "needle_needles": Needle(kind="needle", haystack="needles", key="uuids", value="uuids"),
    "variables": Variables(kind="variables"),
    "common_words": CommonWords(kind="common_words"),
    "frequent_words": FrequentWords(kind="frequent_words"),
    "passkey": Passkey(kind="passkey"),
    "key_value": KeyValue(kind="key_value"),
    "graph": Graph(kind="graph"),
    "list_operations": ListOperations(kind="list_operations"),
    "facts": Facts(kind="facts"),
    "recall": RecallProbe(kind="recall"),
}


def units_for(probe: Probe, size: int) -> int:
    """Return the units that make a prompt of about `size` bytes."""
    few, more = probe.min_units, probe.min_units + 100
    small, large = (len(probe.build(0, units=units)["prompt"]) for units in (few, more))
    units = few + (size - small) * (more - few) // (large - small)
    return min(units, probe.max_units or units)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(kib: int) -> None:
    for name, probe in PROBES.items():
        units = units_for(probe, kib * 1024)
        start = time.perf_counter()
        row = probe.build(0, units=units)
        took = time.perf_counter() - start
        print(f"{name:16} {units:7,} units {len(row['prompt']) / 1024:6,.0f} KiB {took:6.3f} s")
    probe = Needle(kind="needle")
    units = units_for(probe, kib * 1024)
    before, start, size = peak_mb(), time.perf_counter(), 0
    for index in range(500):
        size += len(probe.build(index, units=units)["prompt"])
    took = time.perf_counter() - start
    print(f"500 needles: {size / 2**20:,.0f} MiB in {took:.1f} s, {took / 500:.3f} s each", end=", ")
    print(f"peak memory {peak_mb():.0f} MB (before them: {before:.0f} MB)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 600)
