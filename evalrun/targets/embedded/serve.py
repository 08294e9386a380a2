"""The embedded default target: a small model behind llama.cpp's own HTTP server, started for one run, gone with it.

What it serves is asked like any other endpoint, over the loopback; nothing here sends a question but the warm-up.
Facts to know when reading its numbers: it runs on the processor, on one core fewer than there are, so its latencies
are this machine's; requests beyond its slots would queue in silence, so there are as many slots as requests in flight.
"""

import contextlib
import importlib.util
import platform
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from evalrun.errors import SuiteError, Unusable
from evalrun.secret import Secret
from evalrun.targets.child import child
from evalrun.targets.embedded.processor import free_memory_bytes, missing_instructions, usable_cores
from evalrun.targets.embedded.weights import SMOLLM2, Notify, Progress, fetch
from evalrun.targets.endpoint import Endpoint
from evalrun.targets.spec import Embedded
from evalrun.types import Json

BUILT_IN = "SmolLM2-135M-Instruct"
_QUANTIZATION = "Q4_1"
_KV_BYTES_PER_TOKEN = 2 * 2 * 30 * 3 * 64  # key and value, 16 bits, 30 layers, 3 heads of 64
_ENGINE_BYTES = 250_000_000
# It hangs up some 30 ms after a streamed answer, though it promises keep-alive: a request sent into that gap is lost.
# Asked to close, it says so. On the loopback a connection costs nothing.
_HEADERS = {"Connection": "close"}
_LOAD_S, _WARM_UP_S = 600.0, 300.0  # a large GGUF on a slow disk; a machine busy with something else


@contextlib.asynccontextmanager
async def serve_embedded(
    spec: Embedded, *, slots: int, folder: Path, log: Path, notify: Notify, progress: Progress = lambda *_: None
) -> AsyncIterator[Endpoint]:
    """Start the model, give its endpoint, stop it on every way out.

    slots: the most requests that will be in flight. folder: where the config file is; a GGUF's path starts there.
    log: the server's own words. notify: told what takes long. progress: bytes of the weights so far, and in all.
    """
    _check_machine(spec, slots)
    path = await _find_weights(spec.model, folder=folder, notify=notify, progress=progress)
    threads = spec.threads or max(1, usable_cores() - 1)  # its threads spin: with every core taken, all starve
    model, key = path.stem if spec.model != BUILT_IN else BUILT_IN, Secret(secrets.token_urlsafe(24))
    config: dict[str, Json] = {
        "path": str(path), "model": model, "slots": slots, "context": spec.context, "threads": threads,
    }  # fmt: skip
    async with child(
        "evalrun.targets.embedded.llama",
        config | {"key": key.reveal()},
        log=log,
        ready_s=_LOAD_S,
        environ={"GOMP_SPINCOUNT": "1000"},
    ) as server:
        loaded = await _warm_up(str(server.facts["address"]), model=model, key=key)
        if (trained := loaded.get("n_ctx_train")) and spec.context > trained:
            notify(f"{model}: context {spec.context} is more than the {trained} tokens it was trained for")
        yield Endpoint(
            base_url=f"{server.facts['address']}/v1",
            model=model,
            key=key,
            headers=_HEADERS,
            note=_note(spec, model=model, parameters=loaded.get("n_params"), threads=threads),
            facts=_facts(config, engine=server.facts["engine"], built_in=spec.model == BUILT_IN),
        )
        if server.ended:
            notify(f"{model}: its server {server.ended} during the run; see {log}")


def _check_machine(spec: Embedded, slots: int) -> None:
    """Refuse, before anything is fetched, a machine on which the engine cannot run."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise SuiteError("embedded model: its engine is not installed; `pip install 'evalrun[local]'`")
    if missing := missing_instructions(platform.machine()):
        raise SuiteError(
            f"embedded model: this processor lacks {', '.join(missing).upper()}, which its engine needs;"
            " name another target, or run it on a machine from 2015 or later"
        )
    need, free = slots * spec.context * _KV_BYTES_PER_TOKEN + _ENGINE_BYTES, free_memory_bytes()
    if spec.model == BUILT_IN and free is not None and need > free:
        raise SuiteError(
            f"embedded model: {slots} slots of {spec.context} tokens need {need / 1e9:.1f} GB of memory and"
            f" {free / 1e9:.1f} GB are free; lower load.concurrency or the target's context"
        )


async def _find_weights(model: str, *, folder: Path, notify: Notify, progress: Progress) -> Path:
    """Return the path of the weights: the built-in ones from the cache, or a GGUF file told apart from a broken one."""
    if model == BUILT_IN:
        return await fetch(SMOLLM2, notify=notify, progress=progress)
    path = (folder / Path(model).expanduser()).absolute()
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        right = f"'{BUILT_IN}', or the path of a GGUF file, relative to {folder}"
        raise SuiteError(f"target.model: {path}: {error.strerror}; would be right: {right}") from error
    if magic != b"GGUF":
        raise SuiteError(f"target.model: {path}: not a GGUF file (it starts with {magic!r}, not b'GGUF')")
    return path


async def _warm_up(address: str, *, model: str, key: Secret) -> dict[str, Json]:
    """See that the server is healthy and answers; give what it knows about the loaded model."""
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


def _note(spec: Embedded, *, model: str, parameters: int | None, threads: int) -> str:
    """Say what it is, so that nobody takes it for the endpoint they wanted."""
    size = f"{parameters / 1e6:.0f}M parameters" if parameters else "size unknown"
    kind = f", {_QUANTIZATION}" if spec.model == BUILT_IN else ""
    cores = "1 thread" if threads == 1 else f"{threads} threads"
    return f"embedded {model} ({size}{kind}) on this machine's CPU, {cores}; not the endpoint you may have wanted"


def _facts(config: dict[str, Json], *, engine: Json, built_in: bool) -> dict[str, Json]:
    """Return what the manifest keeps."""
    path = Path(config["path"])
    weights = {"weights": path.name, "weights_bytes": path.stat().st_size}
    known = {"weights_sha256": SMOLLM2.sha256} if built_in else {}
    return {"engine": engine, **weights, **known} | {name: config[name] for name in ("slots", "context", "threads")}
