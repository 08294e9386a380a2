"""Baselines: what is kept, what a second night adds, and what drops the earlier nights."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from written_runs import Asked, asked, write_run

from evalrun.compare import baseline
from evalrun.compare.contrast import compare
from evalrun.compare.figures import value
from evalrun.compare.read import load, read_run
from evalrun.compare.side import SideCell
from evalrun.errors import StoreError, SuiteError
from evalrun.requests import State, quality
from evalrun.rule import MEASURES
from evalrun.store.checked import sealed


def saved(tmp_path: Path, folder: Path, **more: Any) -> tuple[Path, list[str]]:
    (path,), notices = baseline.save(read_run(folder), "main", root=tmp_path / "baselines", **more)
    return path, notices


def stored(tmp_path: Path) -> SideCell:
    (side,) = load(["main"], baselines=tmp_path / "baselines")
    return side.cells["add", "sim"]


def test_a_baseline_knows_every_request(tmp_path: Path) -> None:
    """States, scores and tokens of all requests come back as they were, repeats and unknowns too; latencies do not."""
    requests = [*asked("rwndutf"), Asked("q0", "w", repeat=1, value=0.25), Asked("q1", "r", repeat=1, output=None)]
    folder = write_run(tmp_path / "a", requests)
    saved(tmp_path, folder)
    run, kept = read_run(folder).cells["add", "sim"], stored(tmp_path)
    for name in ("sample", "repeat", "state", "prompt_tokens", "completion_tokens"):
        np.testing.assert_array_equal(run.requests.column(name), kept.requests.column(name))
    np.testing.assert_array_equal(run.score, kept.score)
    assert kept.latency("ttft") is None
    assert (kept.conditions, kept.planned) == (run.conditions, run.planned)


def test_quality_against_a_baseline_is_that_against_its_run(tmp_path: Path) -> None:
    """The comparison of accuracy and of cost is the same, whether the run or its baseline is the base."""
    old, new = write_run(tmp_path / "a", asked("rrrrww")), write_run(tmp_path / "b", asked("rrwwrw"), day=2)
    saved(tmp_path, old)
    by_run, by_baseline = (
        compare(side, read_run(new)).pairs[0] for side in load([str(old), "main"], baselines=tmp_path / "baselines")
    )
    for name in ("accuracy", "failed", "cost", "cost_per_correct"):
        one, other = by_run.row(name), by_baseline.row(name)
        assert one is not None
        assert other is not None
        assert one.comparison == other.comparison
    assert by_baseline.flips[0].base_answer is None  # no text is in a baseline


def test_saving_again_adds_a_night(tmp_path: Path) -> None:
    """Two runs are two nights; the samples are the newer one's; saving one of them again changes nothing."""
    one = write_run(tmp_path / "a", asked("rr", ttft_s=0.1))
    two = write_run(tmp_path / "b", asked("rw", ttft_s=0.2), day=2)
    saved(tmp_path, one)
    path, notices = saved(tmp_path, two)
    cell = stored(tmp_path)
    assert notices == []
    assert [round(math.exp(night.logs["ttft_p50"][0]), 4) for night in cell.nights] == [0.1, 0.2]
    assert cell.score.sum() == 1.0
    before = path.read_bytes()
    saved(tmp_path, two)
    assert path.read_bytes() == before


def test_the_samples_can_be_kept(tmp_path: Path) -> None:
    """With `keep_samples` a run is a night only: the reference stays, so that quality cannot sink step by step."""
    saved(tmp_path, write_run(tmp_path / "a", asked("rr")))
    saved(tmp_path, write_run(tmp_path / "b", asked("rw"), day=2), keep_samples=True)
    cell = stored(tmp_path)
    assert len(cell.nights) == 2
    assert cell.score.sum() == 2.0


def test_other_questions_drop_the_earlier_nights(tmp_path: Path) -> None:
    """Nights of other data are dropped, and that is said; nights are never of two kinds."""
    saved(tmp_path, write_run(tmp_path / "a", asked("rr")))
    _, notices = saved(tmp_path, write_run(tmp_path / "b", asked("rr"), day=2, data="d2"))
    assert notices == ["add, sim: the data changed: its earlier nights are dropped"]
    assert len(stored(tmp_path).nights) == 1


def test_a_late_night_has_no_latency(tmp_path: Path) -> None:
    """A run whose client was late is a night without latencies; a percentile that is a failure is left out too."""
    saved(tmp_path, write_run(tmp_path / "a", asked("rr"), lag_s=0.5))
    assert set(stored(tmp_path).nights[0].logs) == {"throughput"}
    saved(tmp_path, write_run(tmp_path / "b", asked("rrf"), day=2))
    logs = stored(tmp_path).nights[-1].logs
    assert "ttft_p50" in logs
    assert "ttft_p95" not in logs


def test_a_baseline_is_made_for_git(tmp_path: Path) -> None:
    """Equal runs give equal bytes; a line for each sample, under 60 bytes; no path, no text of samples or answers."""
    word = "r" * 100
    path, _ = saved(tmp_path, write_run(tmp_path / "a", asked(word)))
    text = path.read_text()
    assert str(tmp_path) not in text
    assert "it is" not in text
    lines = [line for line in text.splitlines() if ",1,10," in line or ",1,10" in line]
    assert len(lines) == 100
    assert max(map(len, lines)) < 60
    assert len(text) < 7_000
    names = list(json.loads(text))
    assert names == ["crc", *sorted({*names} - {"crc"})]


def test_only_a_folder_name_is_a_name(tmp_path: Path) -> None:
    """A name that would leave the folder is refused before anything is written."""
    side = read_run(write_run(tmp_path / "a", asked("r")))
    with pytest.raises(SuiteError, match="cannot name a folder"):
        baseline.save(side, "../main", root=tmp_path / "baselines")
    assert not (tmp_path / "baselines").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('": ', '" ', "damaged"),
        ('"schema": 5', '"schema": 9', "format 9; this evalrun reads format 5: install"),
        ('"schema": 5', '"schema": 1', "format 1; this evalrun reads format 5: save"),
        ('"r,1,', '"q,1,', "damaged samples"),
        ('"r,1,', '"r,one,', "damaged samples"),
        ('"planned": 2', '"planned": -2', "damaged"),
        ('"planned": 2', f'"planned": {10**30}', "damaged"),
    ],
)
def test_a_damaged_baseline_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Broken JSON, a later schema and an unknown state are errors that name the file, never a smaller baseline; with
    the right checksum for what is wrong, and with the one that was right before."""
    path, _ = saved(tmp_path, write_run(tmp_path / "a", asked("rr")))
    whole = path.read_bytes()
    body = b"{" + whole.partition(b",")[2]
    wrong = body.replace(old.encode(), new.encode(), 1)
    path.write_bytes(whole.replace(body[1:], wrong[1:]))
    with pytest.raises(StoreError, match="damaged"):
        stored(tmp_path)
    path.write_bytes(sealed(wrong))
    with pytest.raises(StoreError, match=message):
        stored(tmp_path)


def test_every_flipped_bit_of_a_baseline_is_noticed(tmp_path: Path) -> None:
    """A wrong number that nobody sees would pass or fail a gate: each of the file's bits, one at a time."""
    path, _ = saved(tmp_path, write_run(tmp_path / "a", asked("rw")))
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 7):  # all bit positions of a byte, in turn
        wrong = bytearray(whole)
        wrong[bit // 8] ^= 1 << bit % 8
        path.write_bytes(wrong)
        with pytest.raises(StoreError, match=r"damaged|format"):
            stored(tmp_path)


def test_git_may_change_line_ends(tmp_path: Path) -> None:
    """A checkout with CRLF is the same baseline."""
    path, _ = saved(tmp_path, write_run(tmp_path / "a", asked("rw")))
    before = stored(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    after = stored(tmp_path)
    assert (after.conditions, after.nights) == (before.conditions, before.nights)
    np.testing.assert_array_equal(after.score, before.score)


def test_a_baseline_keeps_its_suites_limit_of_failures(tmp_path: Path) -> None:
    """One of five failed and the suite allows half: the run carries a verdict, and so does what was saved of it."""
    folder = write_run(tmp_path / "a", asked("rrrrf"), most_failed=0.5)
    saved(tmp_path, folder)
    assert stored(tmp_path).requests.run.most_failed == 0.5
    assert quality.no_verdict(stored(tmp_path).requests) == quality.no_verdict(
        read_run(folder).cells["add", "sim"].requests
    )


def test_a_part_of_a_sum_is_not_the_sum(tmp_path: Path) -> None:
    """Two of four answers were not counted: their cost, and that of a right answer, are unknown, as in the table."""
    whole = read_run(write_run(tmp_path / "a", asked("rrrr"))).cells["add", "sim"]
    part = read_run(
        write_run(tmp_path / "b", [*asked("rr"), Asked("q2", output=None), Asked("q3", output=None)])
    ).cells["add", "sim"]
    for name, of_whole in (("cost", 5e-5), ("cost_per_correct", 5e-5), ("output_tokens", 20.0)):
        found = value(whole, MEASURES[name], whole.conditions.prices)
        assert found is not None
        assert found.value == pytest.approx(of_whole)  # 10 tokens at $1 and 20 at $2 a million
        assert value(part, MEASURES[name], part.conditions.prices) is None


def test_a_baseline_knows_which_costs_are_at_least(tmp_path: Path) -> None:
    """The mark comes back with its request."""
    asked_of = [one._replace(flags=("cache_written",) if one.sample == "q1" else ()) for one in asked("rwt")]
    baseline.save(read_run(write_run(tmp_path / "a", asked_of)), "main", root=tmp_path / "baselines")
    (side,) = load(["main"], baselines=tmp_path / "baselines")
    (cell,) = side.cells.values()
    assert sorted(zip(cell.requests.at_least.tolist(), cell.requests.state.tolist(), strict=True)) == [
        (False, State.RIGHT), (False, State.TRUNCATED), (True, State.WRONG),
    ]  # fmt: skip
