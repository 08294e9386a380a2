"""A run's folder, a table and a name become sides: what is counted, what is unknown, what is refused."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from written_runs import Asked, asked, key, write_run

from evalrun.compare import read as reading
from evalrun.compare.figures import invalid
from evalrun.compare.read import load, read_run
from evalrun.compare.side import SideCell
from evalrun.errors import StoreError
from evalrun.report import render
from evalrun.report.table import table_page
from evalrun.requests import State, money
from evalrun.rule import MEASURES
from evalrun.store.lines import Intent, Served, encode
from evalrun.table import tabulate
from evalrun.types import Completion, Record, Sample


def cell_of(folder: Path) -> SideCell:
    (cell,) = read_run(folder).cells.values()
    return cell


def test_every_request_has_one_state(tmp_path: Path) -> None:
    """Right, wrong, no answer, disputed, unscored, truncated, failed, refused: each is told from the others."""
    cell = cell_of(write_run(tmp_path / "a", asked("rwndutfl")))
    assert sorted(cell.requests.state.tolist()) == list(State)
    by_state = {
        State(state): score for state, score in zip(cell.requests.state.tolist(), cell.score.tolist(), strict=True)
    }
    assert by_state[State.RIGHT] == 1.0
    assert by_state[State.WRONG] == by_state[State.NO_ANSWER] == by_state[State.DISPUTED] == 0.0
    assert by_state[State.TRUNCATED] == 0.0
    assert math.isnan(by_state[State.UNSCORED])
    assert math.isnan(by_state[State.FAILED])


def test_a_scorer_that_names_no_answers_finds_wrong_ones(tmp_path: Path) -> None:
    """Where no score of a run names an answer, a score of 0 is a wrong answer and not a missing one."""
    assert cell_of(write_run(tmp_path / "a", asked("nn"))).requests.state.tolist() == [State.WRONG] * 2


def test_a_failure_is_infinitely_slow_and_unknown_is_unknown(tmp_path: Path) -> None:
    """A failed request stands in the tail; an answer that was not streamed has no latency; uncounted tokens are NaN."""
    requests = [Asked("q0", "f"), Asked("q1", ttft_s=None, output=None), Asked("q2", ttft_s=0.3)]
    cell = cell_of(write_run(tmp_path / "a", requests))
    ttft = cell.latency("ttft")
    assert ttft is not None
    assert sorted(map(str, ttft.tolist())) == ["0.3", "inf", "nan"]
    assert np.isnan(cell.requests.completion_tokens).sum() == 2


def test_the_last_record_of_a_key_counts(tmp_path: Path) -> None:
    """A request that failed and was asked again by a later session is one request: the last one; intents are none."""
    folder = write_run(tmp_path / "a", [Asked("q0", "f")])
    again = Record(
        key=key(Asked("q0")), session=2, target="sim", repeat=0, outcome=Completion(text="4"), at="", sent_s=0.0,
        sample=Sample(task="add", id="q0", messages=()),
    )  # fmt: skip
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(encode(Intent(key=again.key, session=2, attempt=1, at="")) + encode(again) + b'{"torn')
    cell = cell_of(folder)
    assert cell.attempted == 1
    assert cell.requests.state.tolist() == [State.UNSCORED]


def test_what_a_target_is_goes_with_its_numbers(tmp_path: Path) -> None:
    """A simulated run says so in what is compared and gated, too."""
    folder = write_run(tmp_path / "a", asked("rr"))
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(encode(Served(session=1, target="sim", note="simulated", facts={})))
    assert read_run(folder).notes == ("sim: simulated",)


def test_damaged_lines_are_counted(tmp_path: Path) -> None:
    """A line whose checksum does not fit is left out, and said."""
    folder = write_run(tmp_path / "a", asked("rr"))
    journal = folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"q0"', b'"q9"', 1))
    side = read_run(folder)
    assert side.cells["add", "sim"].attempted == 1
    assert "1 damaged lines" in side.notes[0]


def test_repeats_of_a_sample_are_averaged(tmp_path: Path) -> None:
    """Means are of the repeats that have a score: 1 of 2, and 1 of 1 where the other one failed."""
    requests = [Asked("q0", "r"), Asked("q0", "w", repeat=1), Asked("q1", "r"), Asked("q1", "f", repeat=1)]
    cell = cell_of(write_run(tmp_path / "a", requests))
    assert cell.planned == 4
    assert sorted(cell.means(cell.score).tolist()) == [0.5, 1.0]


def test_cost_follows_the_price_list(tmp_path: Path) -> None:
    """10 prompt and 20 output tokens at $1 and $2 per million are $0.00005; no list, no cost."""
    cell = cell_of(write_run(tmp_path / "a", asked("r")))
    assert money.under(cell.requests, cell.conditions.prices).tolist() == pytest.approx([5e-5])
    assert np.isnan(money.under(cell.requests, None)).all()


def test_throughput_is_that_of_the_tables(tmp_path: Path) -> None:
    """3 answers of 20 tokens, sent at 0, 1, 2 s, each 0.5 s long: 60 tokens in 2.5 s."""
    cell = cell_of(write_run(tmp_path / "a", asked("rrr")))
    assert cell.throughput == pytest.approx(24.0)


def test_a_late_client_spoils_the_latencies_it_moves(tmp_path: Path) -> None:
    """TTFT is 100 ms and E2E 500 ms: of 6 ms the first may be more than 5 % too high, the second not."""
    ttft, e2e = (MEASURES[f"{name}_p50"] for name in ("ttft", "e2e"))
    assert invalid(cell_of(write_run(tmp_path / "a", asked("r"), lag_s=0.004)), ttft) == ""
    late = cell_of(write_run(tmp_path / "b", asked("r"), lag_s=0.006))
    assert invalid(late, ttft) == (
        "its client read 100% of the requests late, by up to 6.00 ms: TTFT p50 may be more than 5% lower"
    )
    assert invalid(late, e2e) == ""


def test_what_was_never_asked_has_a_cell(tmp_path: Path) -> None:
    """A run that died before its first answer has its task, with nothing in it."""
    folder = write_run(tmp_path / "a", [], samples=3)
    cell = cell_of(folder)
    assert (cell.attempted, cell.planned) == (0, 3)


def test_a_table_file_is_values_alone(tmp_path: Path) -> None:
    """A table.json away from its run gives its values; beside its run it stands for the run."""
    table = render([table_page(tabulate(write_run(tmp_path / "b", asked("r"))))], "json")
    (tmp_path / "table.json").write_text(table)
    (side,) = load([str(tmp_path / "table.json")], baselines=tmp_path)
    assert side.kind == "table"
    assert side.cells["add", "sim"].values["accuracy"].value == 1.0
    run = write_run(tmp_path / "a", asked("r"))
    (run / "table.json").write_text(table)
    assert load([str(run / "table.json")], baselines=tmp_path)[0].kind == "run"


def test_no_such_side(tmp_path: Path) -> None:
    """A name that is nothing is refused with what would be right; so is a file that is no table."""
    with pytest.raises(StoreError, match="nightly: not a run, table or baseline; name a folder like"):
        load(["nightly"], baselines=tmp_path)
    (tmp_path / "x.json").write_text(json.dumps([1]))
    with pytest.raises(StoreError, match="damaged, or no table"):
        load([str(tmp_path / "x.json")], baselines=tmp_path)


def test_large_runs_are_read_by_two_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a size on each side has a process; what they read is the same."""
    names = [str(write_run(tmp_path / name, asked(word))) for name, word in (("a", "rw"), ("b", "ww"))]
    alone = load(names, baselines=tmp_path)
    monkeypatch.setattr(reading, "LARGE_BYTES", 0)
    together = load(names, baselines=tmp_path)
    for one, other in zip(alone, together, strict=True):
        assert one.cells["add", "sim"].score.tolist() == other.cells["add", "sim"].score.tolist()
        assert one.run == other.run
