"""SIGKILL at any call that changes a file, whatever is being written: P04, P05, R1.

A command runs in a fork of this process that kills itself at its k-th call of the disk, so that no time is waited for.
Afterwards each file is what it was or what it was to become, the same command works, and no answer was asked twice.
"""

import contextlib
import io
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evalrun.cli import main
from evalrun.store.disk import DISK, Disk
from evalrun.store.reader import StoredRun

WRITERS = (
    ("run", "sums.yaml", "-q"),
    ("score", "results/sums"),
    ("report", "results/sums", "-o", "report.html"),
    ("baseline", "save", "results/sums", "main"),
    ("export", "results/sums", "--format", "csv", "-o", "requests.csv"),
    (
        "gate",
        "results/sums",
        "--baseline",
        "main",
        "--junit",
        "junit.xml",
        "--summary",
        "summary.md",
        "--rule",
        "accuracy >= 0.5",
    ),
    ("history", "sums", "--picture", "trend"),
)
CALLS = ("make_dir", "open", "write", "sync", "truncate", "rename", "sync_dir")


def child(command: tuple[str, ...], *, at: int = 0, torn: float = 0.0) -> tuple[int, int]:
    """Run a command in a fork, killed at the `at`-th call; return its exit code, -9 if killed, and how many calls.

    torn: how much of a write reaches the file before it dies.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        calls = [0]
        for name in CALLS:
            setattr(Disk, name, counted(name, getattr(Disk, name), calls, at, torn))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        code = 70
        try:
            sys.argv = ["evalrun", *command]
            main()
        except SystemExit as left:
            code = int(left.code or 0)
        finally:
            os.write(writer, b"%d" % calls[0])
            os._exit(code)
    os.close(writer)
    calls_made = int(os.read(reader, 20) or b"0")
    os.close(reader)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), calls_made


def counted(name: str, call: Callable[..., Any], calls: list[int], at: int, torn: float) -> Callable[..., Any]:
    def die_or_call(disk: Disk, *args: Any) -> Any:
        calls[0] += 1
        if calls[0] == at:
            if name == "write":
                call(disk, args[0], args[1][: int(len(args[1]) * torn)])
            os.kill(os.getpid(), signal.SIGKILL)
        return call(disk, *args)

    return die_or_call


def contents() -> dict[str, bytes]:
    """Return what is in the files that a reader looks at: not drafts, locks or logs."""
    found = (path for path in Path().glob("**/*") if path.is_file() and path.parts[0] not in ("home", "said"))
    return {str(path): path.read_bytes() for path in found if path.name[0] != "." and path.name != "lock"}


def restore(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """Undo what a command wrote."""
    for name in after.keys() - before.keys():
        Path(name).unlink(missing_ok=True)
    for name, data in before.items():
        if after.get(name) != data:
            Path(name).write_bytes(data)


@pytest.fixture
def sums(suite: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    path = suite(6)
    source = '{kind: python, call: "rows:rows", args: {n: 6}}'
    assert source in path.read_text()
    path.write_text(path.read_text().replace(source, "{kind: jsonl, path: rows.jsonl}"))  # this process imports nothing
    rows = (f'{{"a": {number}, "b": 1, "total": "{number + 1}"}}\n' for number in range(6))
    (tmp_path / "rows.jsonl").write_text("".join(rows))
    monkeypatch.chdir(tmp_path)
    yield
    assert DISK  # the class was changed in the forks alone


def killed(seeds: range) -> None:
    """Run each command to its end, then again and again, killed at a seeded call of it."""
    for command in WRITERS:
        before = contents()
        preload(command)
        code, calls = child(command)
        assert code in (0, 3), (command, code, Path("said").read_text())
        after = contents()
        for seed in seeds:
            rng = random.Random(f"{command} {seed}")
            at = rng.randrange(1, calls + 1) if calls else 1
            if command[0] == "run":
                one_run_killed(command, at, rng.random())
                continue
            restore(before, after)
            child(command, at=at, torn=rng.random())
            for name, data in contents().items():
                assert data in (before.get(name), after.get(name)), (command, at, name)
            code, _ = child(command)
            assert code in (0, 3), (command, at, Path("said").read_text())
            assert contents() == after
            assert not list(Path().glob("**/.*.tmp"))


def preload(command: tuple[str, ...]) -> None:
    """Let a command import here what each fork of this process would have to."""
    nowhere = io.TextIOWrapper(io.BytesIO())
    with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        with contextlib.suppress(SystemExit), pytest.MonkeyPatch.context() as patch:
            patch.setattr("evalrun.cli.begin", lambda: None)
            patch.setattr("sys.argv", ["evalrun", *command])
            main()


def one_run_killed(command: tuple[str, ...], at: int, torn: float) -> None:
    """A run of its own, killed; what it had recorded is not asked again, and its end is that of a run that was not."""
    fresh = (*command, "--new")
    child(fresh, at=at, torn=torn)
    newest = max(Path("results/sums").glob("*-*"), key=lambda path: path.stat().st_mtime_ns)
    had = (
        {record.key: record.at for record in StoredRun(newest).records()} if (newest / "journal.jsonl").exists() else {}
    )
    code, _ = child(command)
    assert code == 0, Path("said").read_text()
    child(fresh)  # clears what died before it had a manifest
    assert all((folder / "manifest.json").exists() or not any(folder.iterdir()) for folder in newest.parent.glob("*-*"))
    for folder in Path("results/sums").glob("*-*"):
        if (folder / "journal.jsonl").exists() and folder == newest:
            now = {record.key: record.at for record in StoredRun(folder).records()}
            assert had.items() <= now.items()
            assert len(now) == 6
            assert (folder / "delivered").exists()


def test_killed_at_any_call(sums: None) -> None:
    """Each command that writes, three times."""
    killed(range(3))


@pytest.mark.slow
def test_killed_at_two_hundred_calls(sums: None) -> None:
    """Each command that writes, thirty times: 210 kills."""
    killed(range(100, 130))
