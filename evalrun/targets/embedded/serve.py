"""The embedded default target: a small model behind llama.cpp's own HTTP server, started for one run, gone with it.

What it serves is asked like any other endpoint, over the loopback; nothing here sends a question but the warm-up.
Facts to know when reading its numbers: it runs on the processor, on one core fewer than there are, so its latencies
are this machine's; requests beyond its slots would queue in silence, so there are as many slots as requests in flight.

The machine is judged by Linux's own files. Where one is missing (another system, cgroup v1) the question stays open:
all cores count, nothing lacks.
"""

import contextlib
import importlib.util
import os
import platform
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from evalrun.errors import SuiteError, Unusable
from evalrun.secret import Secret
from evalrun.targets.child import child
from evalrun.targets.embedded.weights import SMOLLM2, fetch
from evalrun.targets.kind import Endpoint, Needs
from evalrun.types import Json

BUILT_IN = "SmolLM2-135M-Instruct"
_QUANTIZATION = "Q4_1"
_KV_BYTES_PER_TOKEN = 2 * 2 * 30 * 3 * 64  # key and value, 16 bits, 30 layers, 3 heads of 64
_ENGINE_BYTES = 250_000_000
# It hangs up some 30 ms after a streamed answer, though it promises keep-alive: a request sent into that gap is lost.
# Asked to close, it says so. On the loopback a connection costs nothing.
_HEADERS = {"Connection": "close"}
_NEEDED = ("avx2", "fma", "f16c", "bmi2")  # instructions without which llama.cpp's build dies of SIGILL
_X86 = ("x86_64", "AMD64")
_LOAD_S, _WARM_UP_S = 600.0, 300.0  # a large GGUF on a slow disk; a machine busy with something else


@contextlib.asynccontextmanager
async def serve_embedded(
    model: str, *, context: int, threads: int | None, needs: Needs, log: Path
) -> AsyncIterator[Endpoint]:
    """Start the model, yield its endpoint, stop it on every way out. model, context, threads: as in `Embedded`."""
    built_in = model == BUILT_IN
    _check_machine(context if built_in else 0, needs.slots)
    path = await _find_weights(model, needs)
    threads = threads or max(1, usable_cores() - 1)  # its threads spin: with every core taken, all starve
    name, key = BUILT_IN if built_in else path.stem, Secret(secrets.token_urlsafe(24))
    size = {"slots": needs.slots, "context": context, "threads": threads}
    async with child(
        "evalrun.targets.embedded.llama",
        {"path": str(path), "model": name, "key": key.reveal(), "log": str(log.absolute()), **size},
        log=log,
        ready_s=_LOAD_S,
        environ={"GOMP_SPINCOUNT": "1000"},
    ) as server:
        weights = {"weights": path.name, "weights_bytes": path.stat().st_size}
        known = {"weights_sha256": SMOLLM2.sha256} if built_in else {}
        loaded = await _warm_up(str(server.facts["address"]), model=name, key=key)
        if (trained := loaded.get("n_ctx_train")) and context > trained:
            needs.notify(f"{name}: context {context} is more than the {trained} tokens it was trained for")
        yield Endpoint(
            base_url=f"{server.facts['address']}/v1",
            model=name,
            key=key,
            headers=_HEADERS,
            note=_note(name, loaded.get("n_params"), threads=threads, built_in=built_in),
            facts={"engine": server.facts["engine"], **weights, **known, **size},
        )
        if server.ended:
            needs.notify(f"{name}: its server {server.ended} during the run; see {log}")


def _check_machine(context: int, slots: int) -> None:
    """Refuse a machine on which the engine cannot run, before anything is fetched. context: 0 for an unknown model."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise SuiteError("embedded model: its engine is not installed; `pip install 'evalrun[local]'`")
    if missing := missing_instructions(platform.machine()):
        raise SuiteError(
            f"embedded model: this processor lacks {', '.join(missing).upper()}, which its engine needs;"
            " name another target, or run it on a machine from 2015 or later"
        )
    need, free = slots * context * _KV_BYTES_PER_TOKEN + _ENGINE_BYTES, free_memory_bytes()
    if context and free is not None and need > free:
        raise SuiteError(
            f"embedded model: {slots} slots of {context} tokens need {need / 1e9:.1f} GB of memory and"
            f" {free / 1e9:.1f} GB are free; lower load.concurrency or the target's context"
        )


async def _find_weights(model: str, needs: Needs) -> Path:
    """Return the path of the weights: the built-in ones from the cache, or a file that begins as GGUF."""
    if model == BUILT_IN:
        return await fetch(SMOLLM2, notify=needs.notify, progress=needs.progress)
    path = (needs.folder / Path(model).expanduser()).absolute()
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        right = f"'{BUILT_IN}', or the path of a GGUF file, relative to {needs.folder}"
        raise SuiteError(f"target.model: {path}: {error.strerror}; would be right: {right}") from error
    if magic != b"GGUF":
        raise SuiteError(f"target.model: {path}: not a GGUF file (it starts with {magic!r}, not b'GGUF')")
    return path


async def _warm_up(address: str, *, model: str, key: Secret) -> dict[str, Json]:
    """Check that the server is healthy and answers; return what it knows about the loaded model."""
    import httpx

    question = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1, "cache_prompt": False}
    headers = {"Authorization": f"Bearer {key.reveal()}"}
    try:  # trust_env=False: no proxy stands before the loopback
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=_WARM_UP_S, trust_env=False) as client:
            (await client.get("/health")).raise_for_status()
            models = (await client.get("/v1/models")).raise_for_status().json()
            (await client.post("/v1/chat/completions", json=question)).raise_for_status()
    except httpx.HTTPError as error:
        raise Unusable(f"embedded model: it started and does not answer: {error or type(error).__name__}") from error
    meta: dict[str, Json] = models["data"][0].get("meta") or {}
    return meta


def _note(model: str, parameters: int | None, *, threads: int, built_in: bool) -> str:
    size = f"{parameters / 1e6:.0f}M parameters" if parameters else "size unknown"
    kind = f", {_QUANTIZATION}" if built_in else ""
    cores = "1 thread" if threads == 1 else f"{threads} threads"
    return f"embedded {model} ({size}{kind}) on this machine's CPU, {cores}; not the endpoint you may have wanted"


# ---------------------------------------------------------------- the machine


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
    """Return the memory that can be had without swapping, None where Linux does not say."""
    for line in _read(meminfo).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
