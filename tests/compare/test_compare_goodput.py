"""What kept the SLO, in comparisons, baselines and gates: the numbers by hand, and when there are none.

A written request takes 0.1 s to its first token and 0.5 s in all, unless its test says so; one is sent each second.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from written_runs import Asked, asked, write_run

from evalrun.compare import baseline
from evalrun.compare.ab import in_step
from evalrun.compare.contrast import compare, compare_targets
from evalrun.compare.figures import value
from evalrun.compare.read import load, read_run
from evalrun.compare.side import Side
from evalrun.compare.values import ComparedRow
from evalrun.gate.judge import judge, rules
from evalrun.gate.values import Ruling
from evalrun.requests import sample_hash
from evalrun.rule import MEASURES
from evalrun.table import tabulate

SLO = {"ttft": "200 ms", "tpot": None, "e2e": None}


def word(pattern: str, **more: Any) -> list[Asked]:
    """Return right answers: `.` in time, `L` too late, `?` without a TTFT; other letters are those of `asked`."""
    took = {"L": 0.3, "?": None}
    return [
        one._replace(became="r", ttft_s=took.get(letter, 0.1)) if letter in ".L?" else one
        for letter, one in zip(pattern, asked(pattern, **more), strict=True)
    ]


def side(folder: Path, requests: Sequence[Asked], *, slo: Any = SLO, **more: Any) -> Side:
    return read_run(write_run(folder, requests, slo=slo, **more))


def rows(base: Side, new: Side) -> dict[str, ComparedRow]:
    (pair,) = compare(base, new).pairs
    return {row.measure.name: row for row in pair.rows}


def ruling(new: Side, text: str, base: Side | None = None) -> Ruling:
    (found,) = judge(rules([text]), new, base).rulings
    return found


def test_good_and_goodput_by_hand(tmp_path: Path) -> None:
    """10 sent over 9 s, the last answered 0.5 s later: 7 good are 70 % and 7 / 9.5 s, then 9 are 90 % and 9 / 9.5 s.

    One moment differs from another, and one number is one number: no word is said.
    """
    found = rows(side(tmp_path / "a", word("LLf.......")), side(tmp_path / "b", word("L........."), day=2))
    good, goodput = found["good"], found["goodput"]
    assert (good.base and good.base.value, good.new and good.new.value) == (0.7, 0.9)
    assert good.comparison is not None
    assert (good.comparison.difference, good.pairs) == (pytest.approx(0.2), 10)
    assert (goodput.base and goodput.base.value, goodput.new and goodput.new.value) == (7 / 9.5, 9 / 9.5)
    assert goodput.comparison is not None
    assert goodput.comparison.difference == pytest.approx(2 / 7)
    assert (good.word, goodput.word) == (None, None)
    assert good.why.startswith("two nights")


def test_tables_and_comparisons_say_the_same(tmp_path: Path) -> None:
    """The table of a run and its side of a comparison have the same numbers, repeats, failures and unknowns too."""
    for number, pattern in enumerate(("LLf.......", "..?f", "ff")):
        folder = write_run(tmp_path / str(number), [*word(pattern), *word(pattern, repeat=1)], slo=SLO)
        (cell,) = tabulate(folder).cells
        own = read_run(folder).cells["add", "sim"]
        for name in ("good", "goodput"):
            metric, found = cell.get(name), value(own, MEASURES[name], None)
            assert metric is not None
            assert metric.value == (found and found.value), (pattern, name)


def test_without_an_slo_there_is_no_such_row(tmp_path: Path) -> None:
    """Also not where a client was late, which every other row of latency says."""
    found = rows(side(tmp_path / "a", asked("rr"), slo=None), side(tmp_path / "b", asked("rr"), slo=None, lag_s=0.5))
    assert "good" not in found
    assert "goodput" not in found


def test_another_slo_is_not_compared(tmp_path: Path) -> None:
    """However it is typed, the same SLO is the same; another one leaves all other rows as they are."""
    base = side(tmp_path / "a", word("L."))
    other = rows(base, side(tmp_path / "b", word(".."), slo={"ttft": "1 s"}, day=2))
    for name in ("good", "goodput"):
        assert other[name].why == "the SLOs differ: TTFT 200 ms and TTFT 1 s"
        assert other[name].comparison is None
        assert other[name].new is not None
    assert other["accuracy"].comparison is not None
    assert rows(base, side(tmp_path / "c", word(".."), slo={"ttft": "0.2 s"}, day=2))["good"].comparison is not None
    none = rows(base, side(tmp_path / "d", word(".."), slo=None, day=2))["good"]
    assert (none.why, none.new) == ("the SLOs differ: TTFT 200 ms and none", None)


def test_what_is_unknown_or_late_is_no_number(tmp_path: Path) -> None:
    """One answer without a TTFT, or a client that was late: no value, and the reason."""
    base = side(tmp_path / "a", word("...."))
    unknown = rows(base, side(tmp_path / "b", word("..?."), day=2))
    assert unknown["good"].why == "of 1 answers it is unknown whether they kept every SLO"
    assert (unknown["good"].new, unknown["goodput"].new) == (None, None)
    late = rows(base, side(tmp_path / "c", word("..LL"), day=2, lag_s=0.2))  # half or all of them
    assert "too late to tell" in late["good"].why
    assert late["good"].new is None


def test_targets_asked_in_turn_may_claim_it(tmp_path: Path) -> None:
    """In one run the hour is the same for both; asked in step, they share the pace: no goodput is their own."""
    requests = [*word("." * 40, target="a"), *word("L" * 40, target="b")]
    both = side(tmp_path / "ab", requests)
    (pair,) = compare_targets(both, base="a", new="b").pairs
    good = pair.row("good")
    assert good is not None
    assert good.word == "regressed"
    (pair,) = compare_targets(in_step(both), base="a", new="b").pairs
    assert pair.row("goodput") is None


# ---------------------------------------------------------------- baselines


def saved(folder: Path, *sides: Side, **more: Any) -> Side:
    for one in sides:
        baseline.save(one, "main", root=folder / "baselines", **more)
    (found,) = load(["main"], baselines=folder / "baselines")
    return found


def test_a_baseline_knows_who_kept_it(tmp_path: Path) -> None:
    """Kept, missed, failed and unknown come back as they were, for two bytes a request; the rest as without an SLO."""
    run = side(tmp_path / "a", word(".Lf?"))
    kept, path = saved(tmp_path, run).cells["add", "sim"], tmp_path / "baselines" / "main" / "add--sim.json"
    assert kept.good is not None
    by_sample = dict(zip(kept.requests.sample.tolist(), kept.good.tolist(), strict=True))
    found = [by_sample[sample_hash(f"q{number}")] for number in range(4)]
    np.testing.assert_array_equal(found, [1, 0, 0, np.nan])
    lines = json.loads(path.read_text())["samples"]
    assert [lines[f"{sample_hash(f'q{n}'):016x}"] for n in range(4)] == [
        "r,1,10,,20,1",
        "r,1,10,,20,0",
        "f,,,,,0",
        "r,1,10,,20,",
    ]


def test_a_baseline_without_an_slo(tmp_path: Path) -> None:
    """A suite without an SLO has none in its baseline, and nothing to compare with one."""
    base = saved(tmp_path, side(tmp_path / "a", word(".."), slo=None))
    (path,) = (tmp_path / "baselines" / "main").glob("*.json")
    assert "slo" not in json.loads(path.read_text())["conditions"]
    assert base.cells["add", "sim"].good is None
    said = ruling(side(tmp_path / "b", word(".."), day=2), "good no worse than 2 points", base)
    assert (said.word, said.why) == ("inconclusive", "the SLOs differ: none and TTFT 200 ms")


def test_goodput_of_nights(tmp_path: Path) -> None:
    """Three nights of one SLO judge the fourth; nights of another SLO do not count among them."""
    nights = [side(tmp_path / f"n{day}", word("." * 40), day=day) for day in (1, 2, 3)]
    base, half = saved(tmp_path, *nights), side(tmp_path / "t", word(".L" * 20), day=9)
    assert ruling(half, "goodput within 20 %", base).word == "regressed"
    assert ruling(side(tmp_path / "u", word("." * 40), day=9), "goodput within 20 %", base).word == "pass"
    assert ruling(side(tmp_path / "v", word("L" * 40), day=9), "goodput within 20 %", base).why == "goodput is 0"
    (tmp_path / "other").mkdir()
    mixed = saved(tmp_path / "other", *nights[:2], side(tmp_path / "w", word("." * 40), slo={"e2e": "1 s"}, day=4))
    said = ruling(side(tmp_path / "x", word("." * 40), slo={"e2e": "1 s"}, day=9), "goodput within 20 %", mixed)
    assert (said.word, said.why.partition(":")[0].partition(";")[0]) == ("inconclusive", "one number a run")


# ---------------------------------------------------------------- gates


def test_a_floor_of_good_uses_its_interval(tmp_path: Path) -> None:
    """95 of 100 is [88.8, 97.8] %, as it is for accuracy."""
    run = side(tmp_path / "a", word("L" * 5 + "." * 95))
    words = {floor: ruling(run, f"good >= {floor} %").word for floor in (88, 95, 99)}
    assert words == {88: "pass", 95: "inconclusive", 99: "regressed"}


def test_good_no_worse_than(tmp_path: Path) -> None:
    """Against a run and against its baseline alike: 12 of 200 that were in time and are not any more, or none."""
    base = side(tmp_path / "a", word("." * 200))
    slow = side(tmp_path / "b", word("L" * 12 + "." * 188), day=2)
    same = side(tmp_path / "c", word("." * 200), day=3)
    for of in (base, saved(tmp_path, base)):
        said = ruling(slow, "good no worse than 2 points", of)
        assert (said.word, "two nights" in said.why) == ("regressed", True)
        assert ruling(same, "good no worse than 2 points", of).word == "pass"


def test_a_gate_of_good_is_never_green_without_it(tmp_path: Path) -> None:
    """No SLO, an unknown answer, a late client: inconclusive, with the reason."""
    base = side(tmp_path / "a", word("." * 60))
    cases = {
        "no SLO is stated": side(tmp_path / "b", word("." * 60), slo=None, day=2),
        "of 1 answers it is unknown": side(tmp_path / "c", word("." * 59 + "?"), day=2),
        "too late to tell": side(tmp_path / "d", word("L" * 30 + "." * 30), lag_s=0.2, day=2),
    }
    for reason, run in cases.items():
        said = ruling(run, "good >= 1 %")
        assert (said.word, reason in said.why) == ("inconclusive", True), said.why
        assert ruling(run, "good no worse than 90 points", base).word == "inconclusive"
        assert ruling(run, "goodput within 90 %", base).word == "inconclusive"
