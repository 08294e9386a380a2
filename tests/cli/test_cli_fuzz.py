"""Every file that evalrun reads, changed at random: no traceback, and no other number without a word.

The files are those of a real run. Each mutation is drawn from its own seed, so that a failure names the one to repeat.
Where a file has a checksum, what is printed is what was printed before, or says what is damaged.
"""

import contextlib
import csv
import io
import json
import os
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet
import pytest
from fuzzing import mutated

from evalrun.cli import main
from evalrun.cli.exits import BUG
from evalrun.store.checked import sealed

Command = tuple[str, ...]
RUN = "results/sums"
SAYS = re.compile(r"damaged|torn|left out|checksum|format \d|not a results folder|no baseline|missing|unfinished")
SUITE = """\
name: sums
about: what is fuzzed
targets: [sim.yaml]
tasks:
  sums:
    data: &rows {kind: jsonl, path: rows.jsonl}
    prompt: {template: "What is {{ a }} + {{ b }}?", expected: "{{ total }}", id: "{{ a }}", meta: [b]}
    sampling: {temperature: 0.5, max_tokens: 60, body: {top_k: 3}}
    scorers: [{kind: numeric}, {kind: contains}]
    repeats: 2
load: {concurrency: 4}
limits: {max_cost_usd: 0.5}
slo: {ttft: 800 ms}
gates: ["accuracy >= 0.5"]
"""
SIM = """\
kind: simulator
seed: 7
ttft_s: 0
token_s: 0
accuracy: [0.5]
prices: {prompt: 1, completion: 2, date: 2026-01-01}
"""
ROWS = [{"a": str(number), "b": "1", "total": str(number + 1)} for number in range(12)]


class Read(NamedTuple):
    """A file and a command that reads it. checked: it has checksums, of its lines or of all. json: of JSON objects."""

    path: Path
    command: Command
    checked: bool = False
    json: bool = False


def run(*args: str) -> tuple[int, str]:
    """Run a command in this process; return its exit code and what it printed."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(streams[0]):
        patch.setattr("evalrun.cli.begin", lambda: None)
        patch.setattr("sys.argv", ["evalrun", *args])
        with contextlib.redirect_stderr(streams[1]):
            try:
                main()
            except SystemExit as left:
                code = left.code
    out = b"".join(stream.buffer.getvalue() for stream in streams)  # type: ignore[attr-defined]
    assert isinstance(code, int)
    return code, out.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Read, ...]]:
    """Make a run, a baseline, a history and data in three formats, in the working directory."""
    folder, before = tmp_path_factory.mktemp("fuzz"), Path.cwd()
    os.chdir(folder)
    try:
        for name, text in (("sums.yaml", SUITE), ("sim.yaml", SIM)):
            Path(name).write_text(text)
        Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
        with Path("rows.csv").open("w", newline="") as file:
            csv.writer(file).writerows([list(ROWS[0]), *(list(row.values()) for row in ROWS)])
        pa.parquet.write_table(pa.Table.from_pylist(ROWS), "rows.parquet")
        code, said = run("run", "sums.yaml", "-q")
        assert code == 0, said
        assert run("baseline", "save", RUN, "main")[0] == 0
        assert run("history", "sums")[0] == 0
        yield tuple(reads(next(Path(RUN).glob("*-*"))))
    finally:
        os.chdir(before)


def reads(folder: Path) -> Iterator[Read]:
    check: Command = ("check", "sums.yaml")
    yield Read(Path("sums.yaml"), check)
    yield Read(Path("sim.yaml"), check)
    for kind in ("jsonl", "csv", "parquet"):
        path = Path(f"rows.{kind}")
        yield Read(path, (*check, "--set", f"tasks.sums.data={{kind: {kind}, path: {path}}}"))
    table: Command = ("table", str(folder))
    yield Read(folder / "journal.jsonl", table, checked=True)
    yield Read(folder / "scores.jsonl", table, checked=True, json=True)
    yield Read(folder / "manifest.json", table, checked=True)  # its suite is any JSON
    shutil.copy(folder / "table.json", "table.json")
    yield Read(Path("table.json"), ("compare", "table.json", str(folder), "--format", "csv"), checked=True, json=True)
    (baseline,) = Path("results/baselines/main").iterdir()
    compare: Command = ("compare", "main", str(folder), "--format", "csv")
    yield Read(baseline, compare, checked=True, json=True)
    yield Read(folder.parent / "history.parquet", ("history", "sums", "--format", "csv"))
    yield Read(folder / "table.json", ("history", "sums", "--format", "csv"), checked=True, json=True)


def fuzzed(files: tuple[Read, ...], seeds: range) -> None:
    """Change each file by each seed, read it, and put it back."""
    wholes = [read.path.read_bytes() for read in files]
    for read, whole in zip(files, wholes, strict=True):
        expected = run(*read.command)
        assert expected[0] in (0, 3), expected
        for seed in seeds:
            rng = random.Random(f"{read.path.name} {seed}")
            changed = mutated(rng, whole, wholes)
            reseal = read.json and rng.random() < 0.5
            read.path.write_bytes(again_sealed(changed) if reseal else changed)
            code, said = run(*read.command)
            assert code != BUG, (read.path, seed, said)
            kept = set(changed.splitlines(keepends=True)) <= set(whole.splitlines(keepends=True))  # no line has changed
            if read.checked and not reseal and not kept and (code, said) != expected:
                assert SAYS.search(said), (read.path, seed, said)
        read.path.write_bytes(whole)
        again = run(*read.command)
        assert again == expected, (read.path, again)


def again_sealed(text: bytes) -> bytes:
    """Give each JSON object its checksum again: what comes behind the check is read too."""
    if text.startswith(b'{"crc"') and text.count(b"\n{") > 1:
        return b"".join(map(again_sealed, text.splitlines(keepends=True)))
    return sealed(b"{" + text.partition(b",")[2])


def test_no_change_of_a_file_is_a_traceback(files: tuple[Read, ...]) -> None:
    """480 mutations."""
    fuzzed(files, range(40))


@pytest.mark.slow
def test_no_change_of_a_file_is_a_traceback_at_length(files: tuple[Read, ...]) -> None:
    """Tens of thousands of them."""
    fuzzed(files, range(1000, 1000 + int(os.environ.get("EVALRUN_TEST_MUTATIONS", "2000"))))
