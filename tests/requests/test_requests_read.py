"""The request table holds what the journal says: a row for the last record of each key, in order, text by offset."""

import math
import pickle
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from run_folder import Made, random_run, write_run

from evalrun.requests import Requests, State, read, sample_hash
from evalrun.requests.scan import TOKEN_SOURCES
from evalrun.store.lines import Lag
from evalrun.types import Completion, Failure, Record, Sample, Timing


def last_records(made: Made) -> dict[str, Record]:
    return {event.key: event for event in made.events if isinstance(event, Record)}


def same(found: Any, expected: Any) -> bool:
    """Unknown is NaN in a column."""
    return math.isnan(found) if expected is None else bool(found == pytest.approx(expected, rel=0, abs=0))


@pytest.mark.parametrize("seed", range(10))
def test_columns_are_what_the_records_say(tmp_path: Path, seed: int) -> None:
    """Every row, read again by its offset, is the last record of its key, and its columns are that record's fields."""
    made = random_run(seed)
    requests = read(made.write(tmp_path))
    records = last_records(made)
    assert len(requests) == len(records)
    for row in range(len(requests)):
        record = requests.record(row)
        assert record == records.pop(record.key)
        assert requests.sample[row] == sample_hash(record.sample.id)
        assert (requests.repeat[row], requests.session[row]) == (record.repeat, record.session)
        answer = record.outcome if isinstance(record.outcome, Completion) else Completion(text="")
        timing = record.timing or Timing(connect_s=0, reused=True)
        assert requests.names["failure"][requests.failure[row]] == getattr(record.outcome, "kind", "")
        assert requests.names["finish"][requests.finish[row]] == (answer.finish_reason or "")
        assert {n for bit, n in enumerate(requests.names["flags"]) if requests.flags[row] >> bit & 1} == set(
            answer.flags
        )
        assert requests.attempts[row] == 1 + len(record.attempts)
        for name in ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "reported_cost_usd"):
            expected = getattr(answer.usage, name)
            assert same(requests.column(name)[row], None if expected is None else float(expected))
        for name in ("ttft_s", "ttfo_s", "tpot_s", "e2e_s", "stream_s", "max_stall_s"):
            assert same(requests.column(name)[row], getattr(timing, name))
        assert same(requests.tokens[row], answer.tokens)
        assert TOKEN_SOURCES[requests.token_source[row]] == (answer.token_source or "")
    assert not records


def test_views_are_cheap_and_say_the_same(tmp_path: Path) -> None:
    """A task and target is a slice of the same memory; a mask of a slice of a slice still finds its own rows."""
    requests = read(random_run(1).write(tmp_path))
    cell = requests.of("long", "b")
    assert {(r.sample.task, r.target) for r in map(cell.record, range(len(cell)))} == {("long", "b")}
    assert np.shares_memory(cell.offset, requests.offset)
    both = requests.of(None, "b")
    assert len(both) == len(requests.of("add", "b")) + len(cell)
    picked = both.take(both.answered).take(slice(1, 9)).take(np.array([0, 5, 7]))
    answered = [row for row in range(len(both)) if isinstance(both.record(row).outcome, Completion)]
    assert [picked.record(n).key for n in range(3)] == [both.record(answered[1 + n]).key for n in (0, 5, 7)]
    assert picked.of("add", "a").places == []
    assert len(requests.of("add", "nobody")) == 0


def test_a_failure_has_no_score_and_a_later_line_counts(tmp_path: Path) -> None:
    """Scores are joined by key: the last of a scorer counts, whatever it says of a failure does not."""
    made = random_run(2)
    requests = read(made.write(tmp_path))
    told = {(one.key, one.scorer): one.score for one in made.scores}
    for row in range(len(requests)):
        record = requests.record(row)
        for scorer in ("exact", "regex"):
            score = None if isinstance(record.outcome, Failure) else told.get((record.key, scorer))
            scores = requests.scores(scorer)
            assert scores.given[row] == (score is not None)
            assert requests.score(row, scorer) == score
            valid = score is not None and score.value is not None and 0 <= score.value <= 1
            assert same(scores.value[row], score.value if valid and score else None)
    assert (requests.scores().offset == requests.scores("exact").offset).all()


def test_a_table_is_pickled_small_and_whole(tmp_path: Path) -> None:
    """A column of one value is pickled as that value."""
    requests = read(random_run(3).write(tmp_path))
    again: Requests = pickle.loads(pickle.dumps(requests))
    for name in Requests.described():
        np.testing.assert_array_equal(again.column(name), requests.column(name))
    slim = requests.of("add", "a").only("sample", "repeat", "place")
    assert slim.places == [("add", "a")]
    assert np.isnan(slim.ttft_s).all()
    assert (slim.state == State.FAILED).all()  # unknown


def test_what_never_was_is_empty(tmp_path: Path) -> None:
    """No journal, no records, an unknown scorer: columns of length 0, and a note."""
    folder = write_run(tmp_path, [], tasks={"add": {"samples": 3}}, targets={"a": {}}, ended=None)
    requests = read(folder)
    assert (len(requests), len(requests.of("add", "a")), len(requests.scores("x").value)) == (0, 0, 0)
    assert requests.run.planned("add") == 3
    (folder / "journal.jsonl").unlink()
    assert read(folder).run.condition == ["journal.jsonl is missing: the run has no records"]


def test_meta_of_any_type_is_read(tmp_path: Path) -> None:
    """A size that is a text is of no ladder; a cluster may be any JSON value."""
    made = [
        Record(
            key=f"{n:016x}", session=1, target="a", repeat=0, outcome=Completion(text=""), at="", sent_s=0.0,
            sample=Sample(task=task, id=str(n), messages=(), meta=meta),
        )
        for n, (task, meta) in enumerate([("l", {"size": "1k"}), ("l", {"size": 5}), ("c", {"by": [1]}), ("c", {})])
    ]  # fmt: skip
    tasks = {"l": {"samples": 2, "data": {"kind": "ladder"}}, "c": {"samples": 2, "cluster": "by"}}
    requests = read(write_run(tmp_path, made, tasks=tasks))
    assert sorted(requests.of("l", "a").size.tolist()) == [0, 5]
    assert sorted((requests.of("c", "a").cluster > 0).tolist()) == [False, True]


def test_the_last_word_on_the_clients_lag_counts(tmp_path: Path) -> None:
    """It is noted while a session lasts: of one session, task and target the last line counts, others stay apart."""
    first = Lag(session=1, target="a", task="t", count=5, p50_s=0.1, p99_s=0.2, max_s=0.3, source="loop")
    later, other = msgspec.structs.replace(first, count=9), msgspec.structs.replace(first, session=2)
    requests = read(write_run(tmp_path, [], lags=[first, other, later]))
    assert list(requests.run.lag_of.values()) == [later, other]
