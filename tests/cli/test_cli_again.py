"""The same command again: what was paid for is never asked again, however the last one ended."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalrun.store.checked import sealed
from evalrun.store.reader import StoredRun

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

SLOW = """\
import pathlib, time

def score(sample, answer):
    pathlib.Path(__file__).with_name("scoring").touch()
    time.sleep(100)
"""


def folders(tmp_path: Path) -> list[Path]:
    """Return the run folders, the oldest first."""
    return sorted((tmp_path / "results" / "sums").iterdir())


def records(folder: Path) -> int:
    """Return how many requests are over."""
    journal = folder / "journal.jsonl"
    return journal.read_bytes().count(b'"t":"record"') if journal.exists() else 0


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Wait until something is so; a process that ended before has failed."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def change(folder: Path, how: Callable[[Any], object]) -> None:
    """Change a manifest, as if its run had been another one."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    del manifest["crc"]
    how(manifest)
    path.write_bytes(sealed(json.dumps(manifest).encode()))


def judge_by(folder: Path, scorer: dict[str, str]) -> None:
    """Let a run's own scorer be this one."""
    change(folder, lambda manifest: manifest["suite"]["tasks"]["sums"].update(scorers=[scorer]))


def created(folder: Path, when: str) -> None:
    """Say that a run was started at another time, as a clock that was set would have had it."""
    change(folder, lambda manifest: manifest.update(created=when))


def interrupted(start: Start, path: Path, tmp_path: Path, *, records_: int) -> Path:
    """Kill a run after so many records and return its folder."""
    before = set((tmp_path / "results").glob("sums/*"))
    process = start("run", path, "--new")
    made: set[Path] = set()

    def has() -> bool:
        made.update(set((tmp_path / "results").glob("sums/*")) - before)
        return any(records(folder) >= records_ for folder in made)

    wait_for(has, process)
    process.kill()
    process.communicate()
    return made.pop()


def test_results_that_were_not_shown_are_shown_and_nothing_is_asked(
    suite: Callable[..., Path], evalrun: Command, tmp_path: Path
) -> None:
    """A command that died after its last answer, with the tables of an earlier session or with its own: no request."""
    path = suite(5)
    assert evalrun("run", path).returncode == 0
    (folder,) = folders(tmp_path)
    before = (folder / "journal.jsonl").read_bytes()
    for lost in (
        ("delivered",),
        ("delivered", "scores.jsonl"),
        ("delivered", "scores.jsonl", "table.json", "table.md"),
    ):
        for name in lost:
            (folder / name).unlink()
        again = evalrun("run", path)
        assert again.returncode == 0
        assert "every answer is stored already, but the results were not shown" in again.stderr
        assert "100 % [57, 100]" in again.stdout
        assert folders(tmp_path) == [folder]
        assert (folder / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_a_signal_while_answers_are_scored_has_last_words(
    number: signal.Signals, code: int, suite: Callable[..., Path], evalrun: Command, start: Start, tmp_path: Path
) -> None:
    """It says how to score the rest; the same command asks nothing again, after an earlier session's tables too."""
    path = suite(40, concurrency=2, ttft_s=0.02)
    process = start("run", path)
    wait_for(lambda: any(records(folder) > 2 for folder in (tmp_path / "results").glob("sums/*-*")), process)
    process.send_signal(signal.SIGINT)  # this one leaves tables
    process.communicate(timeout=60)
    (folder,) = folders(tmp_path)
    assert (folder / "table.json").exists()
    (tmp_path / "slow.py").write_text(SLOW)
    judge_by(folder, {"kind": "python", "call": "slow:score"})
    process = start("run", path)
    wait_for((tmp_path / "scoring").exists, process)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert f"score the rest with: evalrun score {folder}" in err
    judge_by(folder, {"kind": "numeric"})
    again = evalrun("run", path)
    assert again.returncode == 0, again.stderr
    assert "every answer is stored already" in again.stderr
    assert folders(tmp_path) == [folder]
    assert records(folder) == 40


def test_an_unfinished_run_is_found_whatever_the_clock_said(
    suite: Callable[..., Path], evalrun: Command, start: Start, tmp_path: Path
) -> None:
    """A finished run that seems newer, of a clock that was set back or of --new, does not hide it."""
    path = suite(40, concurrency=2, ttft_s=0.02)
    unfinished = interrupted(start, path, tmp_path, records_=5)
    assert evalrun("run", path, "--new").returncode == 0
    (finished,) = set(folders(tmp_path)) - {unfinished}
    created(finished, "2099-01-01T00:00:00Z")
    done = evalrun("run", path)
    assert done.returncode == 0
    assert "resuming: " in done.stderr
    assert (records(unfinished), records(finished), len(folders(tmp_path))) == (40, 40, 2)
    assert StoredRun(unfinished).finished
    assert evalrun("run", path).returncode == 0
    assert len(folders(tmp_path)) == 3  # both are finished and shown: another run is meant


def test_a_changed_suite_is_refused_once(
    suite: Callable[..., Path], evalrun: Command, start: Start, tmp_path: Path
) -> None:
    """--new leaves the unfinished run of another prompt behind for good; a damaged old one is no obstacle either."""
    path = suite(40, concurrency=2, ttft_s=0.02)
    unfinished = interrupted(start, path, tmp_path, records_=2)
    created(unfinished, "2020-01-01T00:00:00Z")
    suite(3)
    path.write_text(path.read_text().replace("What is", "How much is"))
    refused = evalrun("run", path)
    assert refused.returncode == 2
    assert "the prompt of task sums changed" in refused.stderr
    assert evalrun("run", path, "--new").returncode == 0
    (unfinished / "manifest.json").write_text('{"created": "2020-01-01T00:00:00Z", "command": null')
    assert evalrun("run", path).returncode == 0
    assert len(folders(tmp_path)) == 3


def test_nohup_is_respected(suite: Callable[..., Path], tmp_path: Path) -> None:
    """SIGHUP does not end a run that was started with it ignored."""
    path = suite(20, concurrency=2, ttft_s=0.05)
    command = ["nohup", sys.executable, "-m", "evalrun", "run", str(path)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: any(records(folder) > 2 for folder in (tmp_path / "results").glob("sums/*-*")), process)
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert records(folders(tmp_path)[0]) == 20


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_are_no_bug(closed: str, suite: Callable[..., Path], tmp_path: Path) -> None:
    """All is asked and scored, exit 0; a wrong command is still exit 2."""
    path = suite(3)
    evalrun = f"{sys.executable} -m evalrun run"
    line = f"{evalrun} {path} {closed}; code=$?; {evalrun} {closed}; exit $((10 * code + $?))"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "bug" not in done.stderr
    (folder,) = folders(tmp_path)
    assert records(folder) == 3
    assert (folder / "table.json").exists()
