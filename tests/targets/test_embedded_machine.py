"""evalrun.targets.embedded.serve: cores, instructions and memory, read from files like Linux's."""

import os
from pathlib import Path

import pytest

from evalrun.targets.embedded.serve import free_memory_bytes, missing_instructions, usable_cores

AFFINITY = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("inner", "outer", "cores"),
    [
        ("max 100000", "max 100000", AFFINITY),
        ("150000 100000", "max 100000", 1),
        ("max 100000", "100000 100000", 1),
        ("50000 100000", "max 100000", 1),  # half a core is still one thread
        ("6400000 100000", "max 100000", AFFINITY),  # a quota over what there is changes nothing
    ],
)
def test_cores_are_cut_by_the_quota_of_every_cgroup_above(tmp_path: Path, inner: str, outer: str, cores: int) -> None:
    """The tightest quota from the process's own cgroup to the root holds, never below one core."""
    own = tmp_path / "own"
    own.write_text("1:cpu:/ignored\n0::/a/b\n")
    (tmp_path / "cg/a/b").mkdir(parents=True)
    (tmp_path / "cg/a/b/cpu.max").write_text(inner + "\n")
    (tmp_path / "cg/a/cpu.max").write_text(outer + "\n")
    assert usable_cores(cgroups=tmp_path / "cg", own=own) == cores


def test_unknown_is_not_a_limit(tmp_path: Path) -> None:
    """Where the files are missing, nothing lacks and every core counts."""
    nowhere = tmp_path / "nowhere"
    assert usable_cores(cgroups=nowhere, own=nowhere) == AFFINITY
    assert missing_instructions("x86_64", cpuinfo=nowhere) == ()
    assert free_memory_bytes(meminfo=nowhere) is None


def test_missing_instructions_are_named(tmp_path: Path) -> None:
    """Whole words count (`avx2`, not the `avx2` in `avx2x`), and only on x86."""
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nflags\t\t: fpu avx avx2x fma f16c\n")
    assert missing_instructions("x86_64", cpuinfo=cpuinfo) == ("avx2", "bmi2")
    assert missing_instructions("aarch64", cpuinfo=cpuinfo) == ()


def test_free_memory_is_read_in_bytes(tmp_path: Path) -> None:
    """Linux says kB and means KiB."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 4000 kB\nMemAvailable:    1000 kB\n")
    assert free_memory_bytes(meminfo=meminfo) == 1_024_000
