"""Runs the real command in a child process, in an empty folder with an empty home."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evalrun.cli import cli

Command = Callable[..., subprocess.CompletedProcess[str]]

SIM = """\
kind: simulator
seed: 7
ttft_s: {ttft_s}
token_s: 0
tokens_per_chunk: 50
accuracy: [1.0]
prices: {{prompt: 1, completion: 2, date: 2026-01-01}}
"""
SUITE = """\
name: sums
targets: [sim.yaml]
tasks:
  sums:
    data: {{kind: python, call: "rows:rows", args: {{n: {n}}}}}
    prompt: {{template: "What is {{{{ a }}}} + {{{{ b }}}}?", expected: "{{{{ total }}}}"}}
    sampling: {{temperature: 0, max_tokens: 60}}
    scorers: [{{kind: numeric}}]
load: {{concurrency: {concurrency}}}
"""
ROWS = """\
def rows(n):
    for number in range(n):
        yield {"a": number, "b": 1, "total": str(number + 1)}
"""


@pytest.fixture
def here() -> Callable[..., int]:
    """Run `evalrun ARGS` in this process and return its exit code; what it refuses is raised."""

    def run(*args: object) -> int:
        return cli.main([str(arg) for arg in args], standalone_mode=False) or 0

    return run


@pytest.fixture
def suite(tmp_path: Path) -> Callable[..., Path]:
    """Write a suite of `n` sums asked of a simulator that is always right."""

    def write(n: int = 5, *, concurrency: int = 4, ttft_s: float = 0.0) -> Path:
        (tmp_path / "sim.yaml").write_text(SIM.format(ttft_s=ttft_s))
        (tmp_path / "rows.py").write_text(ROWS)
        path = tmp_path / "sums.yaml"
        path.write_text(SUITE.format(n=n, concurrency=concurrency))
        return path

    return write


def environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment without anything of the machine's own."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C", "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def evalrun(tmp_path: Path) -> Command:
    """Run `evalrun ARGS` to its end."""

    def run(*args: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "evalrun", *map(str, args)],
            cwd=tmp_path,
            env=environment(tmp_path) | (env or {}),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start `evalrun ARGS`; whatever is left of it at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*args: object) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "evalrun", *map(str, args)],
            cwd=tmp_path,
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
