"""Which samples a report embeds: all, or the telling ones first; what of each; within its room."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from report_runs import asked, completion, key, record, rich_run
from run_folder import write_run

from evalrun.report.html.samples import COLUMNS, ReportSamples, embedded
from evalrun.requests import read
from evalrun.types import Score, Scored


def unpacked(text: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(text)))


def rows(found: ReportSamples) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in unpacked(found.rows)]


def texts(found: ReportSamples) -> list[dict[str, Any]]:
    return [details for part in found.parts for details in unpacked(part)]


def run_of(folder: Path, values: list[float | None], target: str = "a") -> Path:
    """Write a run with a sample for each value: its score, None where there is none."""
    records = [record(n, asked(n), completion(f"answer {n}"), target=target) for n in range(len(values))]
    scores = [
        Scored(key=key(n), scorer="number", score=Score(value=value, answer=str(n))) for n, value in enumerate(values)
    ]
    return write_run(folder, records, scores, labels={"sums": ("number",)})


def test_flips_come_first_then_what_is_not_right(tmp_path: Path) -> None:
    """q1 is wrong for a and right for b: both its rows lead. Then what is not right, then what is."""
    found = embedded([read(rich_run(tmp_path / "run"))])
    listed = [(row["sample"], row["target"], row["flip"]) for row in rows(found)]
    assert listed[:2] == [("q1", "a", 1), ("q1", "b", 1)]
    assert {name for name, _, _ in listed[2:6]} == {"q2", "q3", "q4"}
    assert listed[-4:] == [("q0", "a", 0), ("q0", "a", 0), ("q0", "b", 0), ("q5", "a", 0)] or {
        each[0] for each in listed[-4:]
    } == {"q0", "q5"}
    assert found.left_out == ""
    assert found.texts == len(listed) == 10


def test_a_sample_is_whole(tmp_path: Path) -> None:
    """Each text of a record and of its scores is there, under its own name."""
    found = embedded([read(rich_run(tmp_path / "run"))])
    details = {row["key"]: its for row, its in zip(rows(found), texts(found), strict=True)}
    assert details[key(1)]["others"] == ["It is five."]
    assert details[key(1)]["scores"] == [
        ["number", 1.0, "4", "last number", "equal", False],
        ["exact", 0.0, "4", "last number", "equal", False],
    ]
    assert details[key(4)]["choices"] == ["one", "two"]
    assert details[key(5)]["failure"] == ["stall", "partial", None, "no byte for 60 s", "I thi"]
    assert details[key(5)]["attempts"] == [["rate_limited", 429, "slow down", 0.05, 0.5]] * 2
    assert details[key(7)]["reasoning"] == "I need the clock."
    assert details[key(7)]["calls"] == [["clock", '{"zone": 1}']]
    assert details[key(7)]["usage"] == [50, 20, 10, None]
    assert details[key(3)]["meta"] == {"level": "1"}


def test_of_many_the_same_samples_of_each_run(tmp_path: Path) -> None:
    """Of 2 x 30 requests 10 are shown: both sides of the flip (4), both of what is wrong in both (6), then pairs."""
    old = run_of(tmp_path / "old", [0.0, 1.0, *[1.0] * 27, 0.0])
    new = run_of(tmp_path / "new", [0.0, 0.0, *[1.0] * 27, 0.0])
    found = embedded([read(old), read(new)], most=10)
    shown = [(row["sample"], row["run"]) for row in rows(found)]
    assert shown[:2] == [("q1", 0), ("q1", 1)]
    assert sorted(shown[2:6]) == [("q0", 0), ("q0", 1), ("q29", 0), ("q29", 1)]
    assert sorted(name for name, run in shown[6:] if run == 0) == sorted(name for name, run in shown[6:] if run == 1)
    assert found.left_out.startswith("10 of 60 requests are in this file: samples that flipped, then")
    assert rows(embedded([read(old), read(new)], most=10)) == rows(found)


def test_a_missing_score_is_no_flip(tmp_path: Path) -> None:
    """Nobody knows whether a sample without a score is wrong."""
    old, new = run_of(tmp_path / "old", [None, 1.0]), run_of(tmp_path / "new", [1.0, 1.0])
    assert [row["flip"] for row in rows(embedded([read(old), read(new)]))] == [0, 0, 0, 0]


def test_texts_fill_the_room_and_no_more(tmp_path: Path) -> None:
    """Texts are kept by parts of 50 samples, from the first on, while there is room; the page says where they end."""
    run = read(run_of(tmp_path / "run", [1.0] * 120))
    seen = set()
    for room in range(0, 8_000, 400):
        found = embedded([run], most_bytes=room)
        assert found.texts == min(120, 50 * len(found.parts))
        assert found.texts == 0 or len(found.rows) + sum(map(len, found.parts)) <= room
        said = f"there was room for the texts of the first {found.texts:,}"
        assert found.left_out == ("" if found.texts == 120 else said)
        assert len(rows(found)) == 120
        seen.add(found.texts)
    assert seen == {0, 50, 100, 120}


@pytest.mark.parametrize("length", [4_000, 4_001, 1_000_000])
def test_a_long_text_loses_its_middle(tmp_path: Path, length: int) -> None:
    """Of more than 4,000 characters the first 3,000 and the last 1,000 are kept, and the number of the others."""
    text = "a" * 3_000 + "x" * (length - 4_000) + "b" * 1_000
    run = write_run(tmp_path / "run", [record(1, asked(1), completion(text))])
    (details,) = texts(embedded([read(run)]))
    cut = f"\n[... {length - 4_000:,} characters ...]\n" if length > 4_000 else ""
    assert details["text"] == "a" * 3_000 + cut + "b" * 1_000
