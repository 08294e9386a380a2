"""What is typed wrong, or points at what is no file: exit 2 or 5 with a message, never a traceback and never a wait."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalrun.cli import main
from evalrun.cli.exits import STORE, USAGE

Refuse = Callable[..., str]
NUL = '"a\\0b"'
BYTES = b"\xff\xfe".decode("utf-8", "surrogateescape")  # as argv has a name that is not UTF-8
READING = ("table", "report", "export", "ladder", "score", "compare", "gate", "history")


@pytest.fixture
def refuse(
    suite: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Refuse:
    """Run `evalrun ARGS` beside a suite, expect 2 or 5, and return what it said."""
    suite(3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("evalrun.cli.begin", lambda: None)  # it would take the signals of the tests

    def run(*args: Any) -> str:
        monkeypatch.setattr("sys.argv", ["evalrun", *map(str, args)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capfd.readouterr().err
        assert left.value.code in (USAGE, STORE), said
        return said

    return run


@pytest.mark.parametrize("cost", ["nan", "inf", "1e999", "1e-300", "-1", "0", "abc", "9" * 5000, "1e999999999"])
def test_a_cap_is_an_amount(refuse: Refuse, cost: str) -> None:
    """A cap that cannot be computed with is refused before a request, and so is a price: M04."""
    assert "max_cost_usd" in refuse("check", "sums.yaml", "--max-cost", cost)
    said = refuse("check", "sums.yaml", "-t", priced(f'"{cost}"' if cost != "0" else "-0.1"))
    assert "prices.prompt" in said


def priced(prompt: str) -> Path:
    """Write a target whose prompts cost this much."""
    path = Path("priced.yaml")
    path.write_text(f"kind: simulator\nprices: {{prompt: {prompt}, completion: 1, date: 2026-01-01}}\n")
    return path


@pytest.mark.parametrize("number", ["10000000000", "9" * 30, "9" * 5000])
@pytest.mark.parametrize("option", ["--repeats", "--limit", "--sample", "--seed", "--concurrency"])
def test_a_number_has_a_bound(refuse: Refuse, option: str, number: str) -> None:
    """More repeats or rows than can be counted are a typing error."""
    refuse("check", "sums.yaml", option, number)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 100_000, "x/" * 3000, BYTES, "/dev/zero", "/dev/full", "loop"])
def test_a_name_that_no_file_has(refuse: Refuse, name: str) -> None:
    """Too long, not UTF-8, a device, a ring of links: for the suite, a target, the data and a run."""
    Path("loop").symlink_to("loop")
    refuse("check", name)
    refuse("check", "sums.yaml", "-t", name)
    refuse("check", "sums.yaml", "--task", name)
    refuse("check", "sums.yaml", "--set", f"tasks.sums.data={{kind: jsonl, path: {name}}}", "--allow-path", "/dev")
    refuse("run", "sums.yaml", "--out", "/dev/full" if name == BYTES else name)
    for command in READING:
        refuse(command, name)
    refuse("compare", "sums.yaml", name)
    refuse("gate", name, "--baseline", name)
    refuse("baseline", "save", name, name)


@pytest.mark.parametrize(
    "setting",
    [
        f"tasks.sums.data={{kind: {kind}, path: {path}}}"
        for kind in ("jsonl", "csv", "parquet")
        for path in (NUL, "x" * 300, "fifo", "loop", "/proc/self/mem", ".")
    ]
    + [
        f'tasks.sums.data={{kind: hub, id: "a/{"b" * 300}", split: test}}',
        f"tasks.sums.data={{kind: python, call: {NUL}}}",
        f"tasks.sums.scorers=[{{kind: python, call: {NUL}}}]",
        f"tasks.sums.prompt.few_shot={{data: {{kind: jsonl, path: {NUL}}}, n: 1}}",
        f"targets=[{NUL}]",
        f"targets=[{'x' * 300}.yaml]",
        f"name={NUL}",
        "tasks.sums.repeats=99999999999999999999",
        "limits.max_cost_usd=1e999",
        "load.concurrency=999999999999999999999999999",
        "tasks." + "a." * 5000 + "b=1",
        "a" * 100_000 + "=1",
    ],
)
def test_a_setting_that_no_suite_has(refuse: Refuse, setting: str) -> None:
    """Paths inside a suite, and numbers, are held to the same bounds; a pipe without a writer is not waited for."""
    os.mkfifo("fifo")
    Path("loop").symlink_to("loop")
    refuse("check", "sums.yaml", "--set", setting, "--allow-path", "/proc")


def test_a_pipe_in_the_place_of_a_file(refuse: Refuse, evalrun: Callable[..., Any]) -> None:
    """Of a run, a baseline, a table: refused at once, by whatever reads it."""
    evalrun("run", "sums.yaml", "-q")
    evalrun("baseline", "save", "results/sums", "main")
    (run,) = Path("results/sums").glob("*-*")
    (stored,) = Path("results/baselines/main").glob("*.json")
    for path in (stored, *(run / name for name in ("scores.jsonl", "journal.jsonl", "manifest.json"))):
        whole = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        assert f"{path.name}: not a regular file" in refuse("gate", "results/sums", "--baseline", "main")
        path.unlink()
        path.write_bytes(whole)
    os.mkfifo("table.json")
    assert "not a run, table or baseline" in refuse("compare", "table.json", "table.json")
