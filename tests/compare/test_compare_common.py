"""Runs of different data: a sample and the whole, a row that was changed. The rows that both asked are compared."""

from pathlib import Path
from typing import Any

import msgspec
from written_runs import Asked, asked, write_run

from evalrun.compare.contrast import compare
from evalrun.compare.read import read_run
from evalrun.store.lines import encode, parse
from evalrun.types import Record


def rewritten(folder: Path, sample: str, **changed: Any) -> None:
    """Change what a stored run says of one sample's question."""
    lines = []
    for raw in (folder / "journal.jsonl").read_bytes().splitlines(keepends=True):
        event = parse(raw, 0).event()
        if isinstance(event, Record) and event.sample.id == sample:
            raw = encode(msgspec.structs.replace(event, sample=msgspec.structs.replace(event.sample, **changed)))
        lines.append(raw)
    (folder / "journal.jsonl").write_bytes(b"".join(lines))


def test_a_sample_is_compared_with_the_whole_on_its_own_rows(tmp_path: Path) -> None:
    """Of 6 rows 4 are in the other run: there 4 of 4 are right, here 2 of 4, and the 2 others count nowhere."""
    whole = read_run(write_run(tmp_path / "a", asked("rrrrww")))
    part = read_run(write_run(tmp_path / "b", asked("rrww"), data="d2", day=2))
    found = compare(whole, part)
    [pair] = found.pairs
    accuracy = pair.row("accuracy")
    assert accuracy is not None
    assert accuracy.comparison is not None
    assert (accuracy.comparison.value_base, accuracy.comparison.value_new) == (1.0, 0.5)
    assert found.notes[0] == (
        "add of sim: the data differ; compared on the 4 rows that both asked; 2 only in a (q4, q5)"
    )
    assert pair.row("throughput") is None


def test_rows_that_changed_are_left_out_and_named(tmp_path: Path) -> None:
    """One has another expected answer, one is new; the other three are compared."""
    old, new = write_run(tmp_path / "a", asked("rrrr")), write_run(
        tmp_path / "b", [*asked("rrrw"), Asked("q9", "w")], data="d2", day=2
    )  # fmt: skip
    rewritten(new, "q3", expected="5")
    found = compare(read_run(old), read_run(new))
    assert found.notes[0].endswith("compared on the 3 rows that both asked; 1 changed (q3); 1 only in b (q9)")
    accuracy = found.pairs[0].row("accuracy")
    assert accuracy is not None
    assert accuracy.comparison is not None
    assert accuracy.comparison.difference == 0.0
