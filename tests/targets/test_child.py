"""evalrun.targets.child: a server process that starts, says one line, and never outlives its purpose."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from evalrun.errors import SuiteError, Unusable
from evalrun.targets.child import child

ROOT = Path(__file__).parents[2]

SAYS_PID = """
    import os, signal, time
    from evalrun.targets.child import begin
    config, tell = begin()
    print("a native library prints this")
    {then}
    tell({{"pid": os.getpid(), "environ": dict(os.environ), "config": config}})
    while True: time.sleep(60)
"""


def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> str:
    """Put a module where a child finds it; give its name."""
    (tmp_path / "the_child.py").write_text(textwrap.dedent(code))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "the_child"


def gone(pid: int, *, within_s: float = 20) -> bool:
    """Wait until no process has this id (a zombie counts as gone)."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def run(name: str, log: Path, body, *, ready_s: float = 30):
    async def main():
        async with child(name, {"key": "k-123"}, log=log, ready_s=ready_s) as running:
            return await body(running)

    return asyncio.run(main())


async def _facts(running):
    return running.facts


def test_it_gets_its_config_and_nothing_else_of_ours(tmp_path, monkeypatch):
    """The config arrives, no key of our environment does, native prints land in the log, and it ends with the block."""
    name = module(tmp_path, monkeypatch, SAYS_PID.format(then=""))
    monkeypatch.setenv("DEEPINFRA_TOKEN", "secret-of-ours")
    facts = run(name, tmp_path / "log", _facts)
    assert facts["config"] == {"key": "k-123"}
    assert "secret-of-ours" not in facts["environ"].values()
    assert gone(facts["pid"])
    assert (tmp_path / "log").read_text() == "a native library prints this\n"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("then", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"])
def test_it_ends_when_the_block_is_left_by_an_error(tmp_path, monkeypatch, then):
    """An exception in the block ends the child, also one that ignores SIGTERM."""
    name = module(tmp_path, monkeypatch, SAYS_PID.format(then=then))
    pids = []

    async def fail(running):
        pids.append(running.facts["pid"])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(name, tmp_path / "log", fail)
    assert gone(pids[0])


@pytest.mark.parametrize("times", [1, 2])
def test_it_ends_when_the_task_is_cancelled(tmp_path, monkeypatch, times):
    """Cancelling ends the child; cancelling again, while it ignores SIGTERM, kills it."""
    name = module(
        tmp_path, monkeypatch, SAYS_PID.format(then="signal.signal(signal.SIGTERM, signal.SIG_IGN)" * (times - 1))
    )

    async def main() -> int:
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def hold() -> None:
            async with child(name, {}, log=tmp_path / "log", ready_s=30) as running:
                started.set_result(running.facts["pid"])
                await asyncio.sleep(3600)

        task = asyncio.create_task(hold())
        pid = await started
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        return pid

    assert gone(asyncio.run(main()))


def test_it_dies_with_a_parent_that_is_killed(tmp_path, monkeypatch):
    """SIGKILL of the parent, which can clean up nothing, ends the child."""
    name = module(tmp_path, monkeypatch, SAYS_PID.format(then=""))
    (tmp_path / "parent.py").write_text(
        textwrap.dedent(f"""
        import asyncio
        from pathlib import Path
        from evalrun.targets.child import child
        async def main():
            async with child({name!r}, {{}}, log=Path({str(tmp_path / "log")!r}), ready_s=30) as running:
                print(running.facts["pid"], flush=True)
                await asyncio.sleep(3600)
        asyncio.run(main())
        """)
    )
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "parent.py"], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert gone(pid)


def test_a_child_that_dies_is_told_at_once_with_its_last_words(tmp_path, monkeypatch):
    """Death before the word is an error with the way out and the log's last line, long before the deadline."""
    name = module(
        tmp_path, monkeypatch, "import os, sys; print('no such tensor', file=sys.stderr); os.kill(os.getpid(), 4)"
    )
    with pytest.raises(Unusable, match=r"was killed by SIGILL before it was ready; its log is .*: no such tensor"):
        run(name, tmp_path / "log", _facts, ready_s=3600)


def test_a_child_that_says_nothing_is_ended_at_the_deadline(tmp_path, monkeypatch):
    """Silence is an error at the deadline."""
    name = module(tmp_path, monkeypatch, "import time; time.sleep(3600)")
    with pytest.raises(Unusable, match=r"not ready after 0\.3 s; its log is .*: it is empty"):
        run(name, tmp_path / "log", _facts, ready_s=0.3)


def test_what_the_child_finds_wrong_is_the_users_to_change(tmp_path, monkeypatch):
    """`{"wrong": ...}` refuses the run."""
    code = "from evalrun.targets.child import begin; begin()[1]({'wrong': 'model: too large'})"
    with pytest.raises(SuiteError, match="model: too large; its log is"):
        run(module(tmp_path, monkeypatch, code), tmp_path / "log", _facts)


def test_a_child_that_dies_later_is_told(tmp_path, monkeypatch):
    """`ended` says how it ended, once it did."""
    name = module(tmp_path, monkeypatch, SAYS_PID.format(then=""))

    async def body(running):
        before = running.ended
        os.kill(running.facts["pid"], signal.SIGKILL)
        await running.process.wait()
        return before, running.ended

    assert run(name, tmp_path / "log", body) == ("", "was killed by SIGKILL")
