"""A prompt of a ladder that is over the endpoint's context: where the ladder ends, and nowhere a failure."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from written_runs import asked, write_run

from evalrun.compare.change import parts
from evalrun.compare.contrast import compare
from evalrun.compare.read import load, read_run
from evalrun.compare.side import Matching
from evalrun.gate.judge import judge, rules
from evalrun.history import Wanted, recall, update
from evalrun.ladder import climb
from evalrun.report import ci, render
from evalrun.report.table import table_page
from evalrun.requests import export, quality, read
from evalrun.rule import MEASURES
from evalrun.table import Cell, tabulate

LETTERS = "r" * 10 + "w" * 2 + "t" * 2 + "f" + "l" * 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of 20 requests: 14 answered, 2 of them cut off, one failed, five refused."""
    (tmp_path / "sums").mkdir()
    return write_run(tmp_path / "sums" / "run", asked(LETTERS))


def count(cell: Cell, name: str, of: str = "") -> object:
    metric = cell.get(name, of)
    return None if metric is None else metric.value


def test_a_table_counts_them_apart(folder: Path) -> None:
    """20 attempted = 14 answered + 1 failed + 5 refused. 1 of 15 is unanswered. 12 right or wrong answers and 2 cut
    off: 10 of 14 are right; at worst 10 of 15."""
    (cell,) = tabulate(folder).cells
    names = ("attempted", "succeeded", "failed", "not_sent", "refused", "unanswered", "accuracy_pessimistic")
    assert [count(cell, name) for name in names] == [20, 14, 1, 0, 5, pytest.approx(1 / 15), pytest.approx(10 / 15)]
    assert (count(cell, "failed", "stall"), count(cell, "failed", "context_length")) == (1, None)
    assert [example.kind for example in tabulate(folder).examples if example.topic == "failed"] == ["stall"]


def test_a_history_reads_the_same(folder: Path) -> None:
    """`failed` is 1 and `refused` 5 over time too."""
    (folder / "table.json").write_text(render([table_page(tabulate(folder))], "json"))
    rows, _ = update(folder.parent)
    (series,) = recall(rows, "sums", metrics=[Wanted("failed"), Wanted("refused")]).series
    assert [metric and metric.value for metric in series.points[0].metrics] == [1, 5]


def test_a_gate_does_not_see_them(folder: Path) -> None:
    """1 of 15 failed: within 7 %, not within 6 %. No refused prompt is a failing sample, or an error in JUnit."""
    side = read_run(folder)
    assert judge(rules(["failed <= 7 %", "unanswered <= 7 %"]), side, None).word == "pass"
    gate = judge(rules(["unanswered <= 6 %"]), side, None)
    assert gate.rulings[0].why == "1 of 15 (6.7 %), 6 % is allowed"
    assert [one.kind for one in gate.failing if one.kind == "failed"] == ["failed"]
    assert "maximum context length" not in ci.junit(gate)


def test_a_comparison_takes_a_table_for_its_run(folder: Path, tmp_path: Path) -> None:
    """Every rate of a stored table is the one of its run, those that are 0 too."""
    stored = tmp_path / "table.json"
    stored.write_text(render([table_page(tabulate(folder))], "json"))
    table, run = load([str(stored), str(folder)], baselines=tmp_path)
    rows = {row.measure.name: row for pair in compare(table, run).pairs for row in pair.rows}
    for name in ("accuracy", "failed", "truncated"):
        base, new = rows[name].base, rows[name].new
        assert base is not None
        assert new is not None
        assert base.value == pytest.approx(new.value), name
    assert rows["failed"].measure is MEASURES["failed"]
    assert read_run(folder).cells["add", "sim"].attempted == 20


def test_a_change_is_not_blamed_on_the_transport(tmp_path: Path) -> None:
    """Two refused on both sides are no pair; of the other four, one that was right is refused now: -1/4."""
    cells = [
        read_run(write_run(tmp_path / name, asked(letters))).cells["add", "sim"]
        for name, letters in (("a", "rrwrll"), ("b", "rlwrll"))
    ]
    found = {part.cause: (part.requests, part.change) for part in parts(Matching(cells[0], cells[1], prices=None))}
    assert found == {"capability": (3, 0.0), "refused": (1, -0.25)}


def test_an_export_names_them(folder: Path) -> None:
    """Their state is `refused`, and the kind of failure stays readable."""
    rows = pq.read_table(export.write(read(folder))).to_pylist()
    states = [(row["state"], row["failure"]) for row in rows]
    assert (states.count(("refused", "context_length")), states.count(("failed", "stall"))) == (5, 1)


def test_a_ladder_that_only_was_refused_says_so(tmp_path: Path) -> None:
    """Nothing is known of the model then: no verdict, and not because nothing was asked."""
    requests = read(write_run(tmp_path / "run", asked("lll")))
    assert quality.no_verdicts(requests) == {("add", "sim"): "every prompt was refused as too long"}


def test_elsewhere_a_prompt_that_is_too_long_is_a_failure(tmp_path: Path) -> None:
    """A task that is no ladder has no end to find."""
    (cell,) = tabulate(write_run(tmp_path / "run", asked("rrf", kind="context_length"))).cells
    assert (count(cell, "failed"), count(cell, "failed", "context_length"), count(cell, "refused")) == (1, 1, 0)
    assert climb(read(tmp_path / "run")) == ()
