"""A server as a child process: both ends of its start, and its end on every way out.

    parent                                 child (python -m module)
      config and key, one line  --stdin-->   begin(): dies with its parent, native prints go to the log
      waits, with a deadline    <--stdout--  tell(...) one line: where it listens, or why it cannot
      SIGTERM, wait, SIGKILL    ---------->

The key is sent on stdin, so that no process list shows it, and the environment is a whitelist: a child that serves
tokens needs none of the keys that may be in ours. It knows no HTTP and no model.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import evalrun
from evalrun.errors import SuiteError, Unusable
from evalrun.types import Json

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONHOME")
_GRACE_S = 3.0  # between SIGTERM and SIGKILL
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


# ---------------------------------------------------------------- the parent's end


@dataclass(frozen=True, slots=True)
class Running:
    """A child that said it is ready: `facts` is what it said."""

    facts: Mapping[str, Json]
    process: asyncio.subprocess.Process

    @property
    def ended(self) -> str:
        """How it ended, empty while it runs."""
        return "" if self.process.returncode is None else _way_out(self.process.returncode)


@contextlib.asynccontextmanager
async def child(
    module: str, config: Mapping[str, Json], *, log: Path, ready_s: float, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Running]:
    """Run `python -m module` with `config`, wait until it is ready, and stop it on every way out.

    ready_s: deadline for being ready. environ: added to the whitelisted environment.
    """
    with open(log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as log_file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", module,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log_file,
            env=_environment() | dict(environ or {}),
            start_new_session=True,  # a Ctrl-C in the terminal is for us: the child is needed until we are done
        )  # fmt: skip
    try:
        yield Running(await _first_word(process, config, module=module, log=log, ready_s=ready_s), process)
    finally:
        await _stop(process)


def _environment() -> dict[str, str]:
    """Return the whitelisted environment, with a path on which the child finds this very package."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    root = str(Path(evalrun.__file__).resolve().parents[1])
    path = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(path), "PYTHONUNBUFFERED": "1"}


async def _first_word(
    process: asyncio.subprocess.Process, config: Mapping[str, Json], *, module: str, log: Path, ready_s: float
) -> Mapping[str, Json]:
    """Send the config, wait for the ready line. Raises SuiteError for what the child says is wrong, else Unusable."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"parent": os.getpid(), **config}).encode() + b"\n")
    process.stdin.close()
    try:
        async with asyncio.timeout(ready_s):
            line = await process.stdout.readline()  # a child that dies closes it: b"", at once
            if not line:
                code = await process.wait()
                raise Unusable(f"{module}: {_way_out(code)} before it was ready; {_tail(log)}")
    except TimeoutError:
        raise Unusable(f"{module}: not ready after {ready_s:g} s; {_tail(log)}") from None
    word: Mapping[str, Json] = json.loads(line)
    if "wrong" in word:
        raise SuiteError(f"{word['wrong']}; its log is {log}")
    return word


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ask, wait, kill. Cancelled while it waits, it kills at once."""
    if process.returncode is not None:
        return
    try:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE_S)
    finally:
        if process.returncode is None:
            _signal(process, signal.SIGKILL)
            await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Signal the child, if it lives. Not by process.terminate(): that polls, and takes the exit code from asyncio."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


def _way_out(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with contextlib.suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


def _tail(log: Path) -> str:
    """Return where the log is and its last line."""
    lines = log.read_text("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it is empty")
    return f"its log is {log}: {last}"


# ---------------------------------------------------------------- the child's end

Tell = Callable[[Mapping[str, Json]], None]


def begin() -> tuple[dict[str, Json], Tell]:
    """End with the parent from now on; return the config, and the function that sends the one line.

    The line has facts, or `{"wrong": text}` where it cannot start as asked. Native code may print: file descriptor 1
    becomes the log, and only `tell` writes to the parent.
    """
    _die_with_parent()
    out = os.dup(1)
    os.dup2(2, 1)
    config: dict[str, Json] = json.loads(sys.stdin.buffer.readline() or b"{}")
    if os.getppid() != config.pop("parent", None):  # it died before prctl could be told: no signal will come
        raise SystemExit(1)

    def tell(word: Mapping[str, Json]) -> None:
        os.write(out, json.dumps(word).encode() + b"\n")

    return config, tell


def _die_with_parent() -> None:
    """Have the kernel send SIGKILL when the parent's thread that started us ends: even SIGKILL of the parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
