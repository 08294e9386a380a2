"""The Python API as a program uses it: its examples, its callbacks, what it raises and what importing it costs."""

import asyncio
import doctest
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import evalrun
from evalrun import api

HEAVY = ("httpx", "httptools", "pydantic", "numpy", "pyarrow", "datasets", "matplotlib", "jinja2", "click", "msgspec")


def sums(n: int, *, targets: tuple[str, ...] = ("sim",)) -> dict[str, Any]:
    """Return a suite of `n` sums as a mapping."""
    rows = [{"q": f"{number} + 1", "a": str(number + 1)} for number in range(n)]
    return {
        "name": "sums",
        "targets": list(targets),
        "tasks": {
            "add": {
                "data": {"kind": "inline", "rows": rows},
                "prompt": {"template": "What is {{ q }}?", "expected": "{{ a }}"},
                "sampling": {"max_tokens": 50},
                "scorers": [{"kind": "numeric"}],
            }
        },
    }


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder with a simulator that is always right and at once."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "right.yaml").write_text("kind: simulator\nttft_s: 0\ntoken_s: 0\naccuracy: [1.0]\n")
    return tmp_path


def test_the_examples_of_the_docstrings_run() -> None:
    """In the order of the source, in one namespace: a suite is read, run, looked at, judged."""
    shared: dict[str, Any] = {}
    runner = doctest.DocTestRunner()
    found = [one for one in doctest.DocTestFinder().find(api) if one.examples]
    for one in sorted(found, key=lambda one: one.lineno or 0):
        one.globs = shared | one.globs | shared
        runner.run(one, clear_globs=False)
        shared = one.globs
    assert (runner.failures, len(found) > 5) == (0, True)


def test_importing_costs_nothing() -> None:
    """`import evalrun` imports no library at all; its names are there, and their modules come when they are used."""
    code = (
        "import sys; import evalrun; names = dir(evalrun);"
        f"print([m for m in {HEAVY!r} if m in sys.modules], [m for m in sys.modules if m.startswith('evalrun.')]);"
        "print(evalrun.open_run.__module__, [n for n in evalrun.__all__ if n not in names])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[] []", "evalrun.api []"]


@pytest.mark.slow
def test_a_type_checker_sees_the_names(tmp_path: Path) -> None:
    """Every exported name has a type of its own, the package says that it is typed, and no other name is there."""
    assert (Path(evalrun.__file__).parent / "py.typed").exists()
    lines = [f"reveal_type(evalrun.{name})" for name in evalrun.__all__]
    (tmp_path / "user.py").write_text("\n".join(["import evalrun", *lines, "evalrun.run_suit"]))
    command = [sys.executable, "-m", "mypy", "--config-file=", "user.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.count("Revealed type") == len(evalrun.__all__)
    assert '"Any"' not in done.stdout
    assert 'has no attribute "run_suit"' in done.stdout


def test_every_exported_name_is_there() -> None:
    """`__all__` says nothing that cannot be had, and another name is an AttributeError as everywhere."""
    assert all(getattr(evalrun, name) is not None for name in evalrun.__all__)
    with pytest.raises(AttributeError, match="no attribute 'run_suit'"):
        _ = evalrun.run_suit  # type: ignore[attr-defined]


def test_reading_a_run_needs_no_http_library(folder: Path) -> None:
    """`open_run` and a table import nothing that asks."""
    run = evalrun.run_suite(evalrun.read_suite(sums(2, targets=("right.yaml",))))
    code = (
        f"import sys, evalrun; evalrun.open_run({str(run.folder)!r}).table();"
        "print([m for m in ('httpx', 'httptools', 'pydantic', 'datasets', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_progress_and_notices_are_told(folder: Path) -> None:
    """Reading, then asking from 0 of 6 to 6 of 6 with an end, then scoring; the folder is a notice."""
    seen: list[evalrun.Progress] = []
    said: list[str] = []
    plan = evalrun.read_suite(sums(6, targets=("right.yaml",)), on_progress=seen.append)
    run = evalrun.run_suite(plan, on_progress=seen.append, on_notice=said.append)
    assert list(dict.fromkeys(one.doing for one in seen)) == ["reading", "asking", "scoring"]
    asking = [one for one in seen if one.doing == "asking"]
    assert [one.done for one in asking] == sorted(one.done for one in asking)
    assert (asking[0].done, asking[0].total, asking[0].target, asking[0].task) == (0, 6, "right", "add")
    assert (asking[-1].done, asking[-1].ok, asking[-1].ended) == (6, 6, True)
    assert asking[-1].tokens > 0
    assert seen[-1].ended
    assert f"results: {run.folder}" in said


def test_a_stopped_run_goes_on(folder: Path) -> None:
    """A callback that raises ends the session; the same plan then asks what is missing, each sample once."""
    plan = evalrun.read_suite(sums(12, targets=("right.yaml",)), concurrency=1)

    def stop(at: evalrun.Progress) -> None:
        if at.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evalrun.run_suite(plan, on_progress=stop)
    said: list[str] = []
    run = evalrun.run_suite(plan, on_notice=said.append)
    assert run.finished
    assert any("resuming: 5 of 12 are done" in text for text in said), said
    assert set(Counter(record.sample.id for record in run.records()).values()) == {1}
    assert len(list((folder / "results" / "sums").iterdir())) == 1


def test_in_a_running_loop(folder: Path) -> None:
    """`arun_suite` runs in the loop that is there, also when it is cancelled; `run_suite` says that it cannot."""
    plan = evalrun.read_suite(sums(3, targets=("right.yaml",)))

    async def notebook() -> evalrun.Run:
        with pytest.raises(RuntimeError, match="await arun_suite"):
            evalrun.run_suite(plan)
        return await evalrun.arun_suite(plan)

    run = asyncio.run(notebook())
    assert [record.outcome.kind for record in run.records() if hasattr(record.outcome, "kind")] == []
    assert run.ending is not None
    assert run.ending.complete
    assert run.table().cells[0].get("accuracy").value == 1.0  # type: ignore[union-attr]


def test_a_cancelled_run_is_resumable(folder: Path) -> None:
    """Cancelling the task ends the session on purpose: the journal says so, and nothing is left running."""
    (folder / "slow.yaml").write_text("kind: simulator\nttft_s: 0.05\ntoken_s: 0\n")
    plan = evalrun.read_suite(sums(40, targets=("slow.yaml",)), concurrency=1)

    async def cancelled() -> None:
        begun = asyncio.Event()
        task = asyncio.create_task(evalrun.arun_suite(plan, on_progress=lambda at: begun.set() if at.done else None))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    (run,) = (folder / "results" / "sums").iterdir()
    ends = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines() if '"t":"end"' in line]
    assert [end["reason"] for end in ends] == ["stopped"]
    assert not evalrun.open_run(run).finished


def test_a_target_that_cannot_be_asked_is_no_exception(folder: Path) -> None:
    """Nobody listens: the run is there, not finished, and its ending says why."""
    (folder / "gone.yaml").write_text("kind: http\nbase_url: http://127.0.0.1:9/v1\nmodel: m\n")
    run = evalrun.run_suite(evalrun.read_suite(sums(1, targets=("gone.yaml",))))
    assert run.ending is not None
    assert list(run.ending.stopped) == ["gone"]
    assert not run.finished


def test_what_is_wrong_with_a_mapping_is_said(folder: Path) -> None:
    """An unknown key is named by its path; an override too."""
    suite = sums(1)
    suite["tasks"]["add"]["scorer"] = []
    with pytest.raises(evalrun.SuiteError, match=r"suite: tasks\.add\.scorer: .*did you mean 'scorers'"):
        evalrun.read_suite(suite)
    with pytest.raises(evalrun.SuiteError, match="--limit"):
        evalrun.read_suite(sums(1), limit=0)


def test_scores_by_another_suite(folder: Path) -> None:
    """The stored answers are right as numbers, and never `exact`: the table is of the scorers of the suite given."""
    run = evalrun.run_suite(evalrun.read_suite(sums(4, targets=("right.yaml",))))
    other = sums(4)
    other["tasks"]["add"]["scorers"] = [{"kind": "exact"}]
    run.score(other)
    assert run.table().cells[0].get("accuracy").value == 0.0  # type: ignore[union-attr]
    assert json.loads((run.folder / "table.json").read_text())
    run.score()
    assert evalrun.open_run("results/sums").table().cells[0].get("accuracy").value == 1.0  # type: ignore[union-attr]
