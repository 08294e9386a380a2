"""What this machine offers to a model: cores, instructions, free memory. Reads Linux's own files and changes nothing.

Where such a file is missing (another system, cgroup v1) the question stays open: all cores count, nothing lacks.
"""

import os
from pathlib import Path

_NEEDED = ("avx2", "fma", "f16c", "bmi2")  # without them llama.cpp's build dies of SIGILL
_X86 = ("x86_64", "AMD64")


def usable_cores(*, cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Return how many cores this process may keep busy: its affinity mask, cut by the quotas of its cgroups (v2)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for group in _ancestry(cgroups, own):
        quota, _, period = _read(group / "cpu.max").partition(" ")
        if quota.isdigit() and period.strip().isdigit():
            cores = min(cores, int(quota) // int(period))
    return max(1, cores)


def _ancestry(cgroups: Path, own: Path) -> list[Path]:
    """Return this process's cgroup folder and those above it, the root last."""
    for line in _read(own).splitlines():
        if line.startswith("0::/"):
            folder = cgroups / line.removeprefix("0::/")
            return [folder, *(p for p in folder.parents if p.is_relative_to(cgroups))]
    return [cgroups]


def missing_instructions(machine: str, *, cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, ...]:
    """Return the instruction sets the embedded engine needs and this processor lacks."""
    flags = next((line.split() for line in _read(cpuinfo).splitlines() if line.startswith("flags")), None)
    if flags is None or machine not in _X86:
        return ()
    return tuple(name for name in _NEEDED if name not in flags)


def free_memory_bytes(*, meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Return the memory that can be had without swapping, None where nobody says."""
    for line in _read(meminfo).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
