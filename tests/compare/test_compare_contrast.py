"""Two runs compared: the numbers by hand, what is claimed, and what is refused."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from written_runs import PRICES, Asked, asked, write_run

from evalrun.compare import baseline
from evalrun.compare.contrast import compare, compare_targets
from evalrun.compare.read import load, read_run
from evalrun.compare.values import ComparedRow, Contrast, Pair
from evalrun.errors import SuiteError
from evalrun.report import render
from evalrun.report.table import table_page
from evalrun.store.lines import Load, LoadReason
from evalrun.table import tabulate


def contrast(
    folder: Path, base: Sequence[Asked], new: Sequence[Asked], *, of_base: Any = None, of_new: Any = None
) -> Contrast:
    sides = write_run(folder / "base", base, **(of_base or {})), write_run(folder / "new", new, day=2, **(of_new or {}))
    return compare(*(read_run(side) for side in sides))


def pair_of(found: Contrast) -> Pair:
    (pair,) = found.pairs
    return pair


def row(pair: Pair, name: str) -> ComparedRow:
    found = pair.row(name)
    assert found is not None, name
    return found


def test_accuracy_is_paired_by_sample(tmp_path: Path) -> None:
    """10 right become 4 right: -60 points; six flips one way have p = 2 / 2^6. The order of the records is nothing."""
    no_prices = {"prices": None}
    new = asked("wwwwwwrrrr")[::-1]
    pair = pair_of(contrast(tmp_path, asked("r" * 10), new, of_base=no_prices, of_new=no_prices))
    accuracy = row(pair, "accuracy")
    assert accuracy.comparison is not None
    assert accuracy.comparison.difference == pytest.approx(-0.6)
    assert accuracy.comparison.p == pytest.approx(2 / 2**6)
    assert accuracy.p == accuracy.comparison.p  # nothing else may claim: no other row has a pair that differs
    assert accuracy.word == "regressed"
    assert (pair.worse, pair.better) == (6, 0)


def test_a_gain_passes_and_no_change_claims_nothing(tmp_path: Path) -> None:
    """The other way round it is a proven gain; equal runs claim nothing in any row."""
    gain = pair_of(contrast(tmp_path, asked("wwwwwwrrrr"), asked("r" * 10), of_base={}, of_new={}))
    assert row(gain, "accuracy").comparison is not None
    (tmp_path / "same").mkdir()
    same = pair_of(contrast(tmp_path / "same", asked("rwrw"), asked("rwrw")))
    assert {row.word for row in same.rows} == {None}


def test_p_is_corrected_over_all_rows(tmp_path: Path) -> None:
    """With a second row that differs, Holm doubles the smaller p."""
    no_prices = {"prices": None}
    slow = [one._replace(output=20 + number) for number, one in enumerate(asked("wwwwwwrrrr"))]
    pair = pair_of(contrast(tmp_path, asked("r" * 10), slow, of_base=no_prices, of_new=no_prices))
    assert row(pair, "output_tokens").claims
    smallest = min(row(pair, name).comparison.p for name in ("accuracy", "output_tokens"))  # type: ignore[union-attr, type-var]
    assert min(row(pair, name).p or 1.0 for name in ("accuracy", "output_tokens")) == pytest.approx(2 * smallest)  # type: ignore[operator]


def test_flips_show_both_answers(tmp_path: Path) -> None:
    """A sample that was right and is wrong shows what each side took for the answer, and what was expected."""
    (flip,) = pair_of(contrast(tmp_path, asked("rr"), asked("rw"))).flips
    assert (flip.sample, flip.better) == ("q1", False)
    assert (flip.base_answer, flip.new_answer, flip.expected) == ("4", "5", "4")


def test_latencies_of_two_nights_claim_nothing(tmp_path: Path) -> None:
    """Ten times as slow in every pair: the difference is shown, and no word is said of it, since nights differ."""
    slow = asked("r" * 20, ttft_s=1.0)
    ttft = row(pair_of(contrast(tmp_path, asked("r" * 20), slow)), "ttft_p50")
    assert ttft.comparison is not None
    assert ttft.comparison.difference == pytest.approx(9.0)
    assert ttft.word is None
    assert "two nights" in ttft.why


def test_targets_of_one_run_may_claim_latency(tmp_path: Path) -> None:
    """Asked in turn, in one run, the same difference is a claim."""
    quick = [one._replace(ttft_s=0.1 + number / 1000) for number, one in enumerate(asked("r" * 20))]
    slow = [one._replace(ttft_s=10 * (one.ttft_s or 0), target="slow") for one in quick]
    side = read_run(write_run(tmp_path / "a", [*quick, *slow]))
    found = compare_targets(side, base="sim", new="slow")
    assert row(pair_of(found), "ttft_p50").word == "regressed"
    with pytest.raises(SuiteError, match="it has the targets sim, slow"):
        compare_targets(side, base="sim", new="quick")


def test_failures_are_in_the_tail_and_not_in_accuracy(tmp_path: Path) -> None:
    """Two of ten requests fail: the accuracy of the eight pairs is unchanged, E2E p95 is a failure, failed is 20 %."""
    pair = pair_of(contrast(tmp_path, asked("r" * 10), asked("ffrrrrrrrr")))
    accuracy, failed = row(pair, "accuracy"), row(pair, "failed")
    assert accuracy.pairs == 8
    assert accuracy.comparison is not None
    assert accuracy.comparison.difference == 0
    assert failed.comparison is not None
    assert failed.comparison.difference == pytest.approx(0.2)
    e2e = row(pair, "e2e_p95")
    assert e2e.new is not None
    assert e2e.new.value == float("inf")


@pytest.mark.parametrize("part", ["data", "prompt"])
def test_unlike_questions_are_refused(tmp_path: Path, part: str) -> None:
    """Data without a common row, or another prompt: no comparison, and the part is named."""
    other = [Asked("another" if part == "data" else "q0", "r")]
    with pytest.raises(SuiteError, match=f"the {part} of task add differ"):
        contrast(tmp_path, asked("r"), other, of_new={part: "x"})


def test_prompts_are_compared_by_those_who_ask_for_it(tmp_path: Path) -> None:
    """`across_prompts` pairs samples whose prompt changed, and says so; unlike data stay refused."""
    base = read_run(write_run(tmp_path / "a", asked("r" * 20)))
    new = read_run(write_run(tmp_path / "b", asked("w" * 20), prompt="p2", day=2))
    pair = pair_of(compare(base, new, across_prompts=True))
    assert row(pair, "accuracy").word == "regressed"
    assert any("the prompt differs" in note for note in pair.notes)
    other = read_run(write_run(tmp_path / "c", asked("r" * 20), data="d2", prompt="p2", day=3))
    with pytest.raises(SuiteError, match="the data and the prompt of task add differ"):
        compare(base, other, across_prompts=True)


def test_unlike_scorers_leave_the_rest(tmp_path: Path) -> None:
    """Other scorers: quality is not compared and scoring both alike is offered; cost is compared."""
    pair = pair_of(contrast(tmp_path, asked("rr"), asked("ww"), of_new={"scorers": [{"kind": "exact"}]}))
    accuracy = row(pair, "accuracy")
    assert accuracy.comparison is None
    assert "evalrun score" in accuracy.why
    assert pair.flips == ()
    assert row(pair, "cost").comparison is not None


def test_costs_are_under_one_price_list(tmp_path: Path) -> None:
    """The base was charged half; under the new side's prices both cost 50 millionths of a dollar."""
    cheap = PRICES | {"prompt": "0.5", "completion": "1"}
    pair = pair_of(contrast(tmp_path, asked("rr"), asked("rr"), of_base={"prices": cheap}))
    cost = row(pair, "cost")
    assert cost.base is not None
    assert cost.base.value == pytest.approx(5e-5)
    assert cost.comparison is not None
    assert cost.comparison.difference == 0
    assert any("both costs use those of" in note for note in pair.notes)


def test_costs_that_are_at_least_are_not_compared(tmp_path: Path) -> None:
    """One answer's counts do not add up: costs and tokens are shown, with the reason, and nothing is claimed."""
    new = [one._replace(flags=("usage_mismatch",) if one.sample == "q1" else ()) for one in asked("rrr")]
    pair = pair_of(contrast(tmp_path, asked("rrr"), new))
    for name in ("cost", "cost_per_correct", "output_tokens", "prompt_tokens"):
        found = row(pair, name)
        assert found.comparison is None
        assert found.base is not None
        assert found.new is not None
        assert "at least: the token counts of 1 answers do not add up" in found.why
    assert row(pair, "accuracy").comparison is not None


def test_one_unknown_cost_is_no_comparison(tmp_path: Path) -> None:
    """An answer whose tokens nobody counted makes the cost unknown; it does not leave the mean silently."""
    new = [*asked("rr"), Asked("q2", output=None)]
    cost = row(pair_of(contrast(tmp_path, asked("rrr"), new)), "cost")
    assert cost.comparison is None
    assert cost.why == "unknown for 1 answers"


def test_a_late_client_loses_latency_only(tmp_path: Path) -> None:
    """The base's client was late: no latency is compared, accuracy is."""
    pair = pair_of(contrast(tmp_path, asked("rr"), asked("rw"), of_base={"lag_s": 0.5}))
    ttft = row(pair, "ttft_p95")
    assert (ttft.base, ttft.comparison) == (None, None)
    assert "read 100% of the requests late, by up to 500 ms" in ttft.why
    assert row(pair, "accuracy").comparison is not None


def test_unlike_load_loses_latency_only(tmp_path: Path) -> None:
    """Another concurrency: latency has values and no comparison."""
    pair = pair_of(contrast(tmp_path, asked("rr"), asked("rr"), of_new={"concurrency": 32}))
    ttft = row(pair, "ttft_p95")
    assert ttft.comparison is None
    assert ttft.new is not None
    assert "load" in ttft.why


def limit(most: int, *, session: int = 1, why: LoadReason = "planned") -> Load:
    return Load(session=session, target="sim", task="add", at_s=0.0, limit=most, why=why)


CUT = limit(2, why="refused")


@pytest.mark.parametrize(
    ("base", "new", "unlike"),
    [
        pytest.param([limit(1)], [limit(64)], "1 in flight and 64 in flight", id="planned"),
        pytest.param([limit(8)], [limit(8, why="open files")], "", id="few files, and the same"),
        pytest.param([limit(64)], [limit(8, why="open files")], "64 in flight and 8 in flight", id="few files"),
        pytest.param([limit(8)], [limit(8), limit(2, session=2)], "8 in flight and 2, 8 in flight", id="resumed"),
        pytest.param([limit(8)], [limit(8), limit(8, session=2)], "", id="resumed alike"),
        pytest.param([limit(8)], [limit(8), CUT], "", id="cut"),
        pytest.param([limit(8), CUT], [limit(8), limit(4, why="refused"), limit(5, why="recovered")], "", id="cuts"),
        pytest.param([], [limit(4)], "", id="as the suite says"),
        pytest.param([], [limit(5)], "4 in flight and 5 in flight", id="not as the suite says"),
    ],
)
def test_loads_are_compared_by_the_limit_that_held(
    tmp_path: Path, base: list[Load], new: list[Load], unlike: str
) -> None:
    """Nothing that the load decides is compared between unlike ones: not of runs, and not of a baseline or a table and
    a run. Earlier nights of a baseline are dropped then, and only then."""
    requests = [*asked("rrr"), Asked("q3", "r", session=2)]
    runs = {"of_base": {"loads": base}, "of_new": {"loads": new}}
    pairs = [pair_of(contrast(tmp_path, requests, requests, **runs))]
    baseline.save(read_run(tmp_path / "base"), "main", root=tmp_path / "baselines")
    (tmp_path / "table.json").write_text(render([table_page(tabulate(tmp_path / "base"))], "json"))
    kept = load(["main", str(tmp_path / "table.json")], baselines=tmp_path / "baselines")
    others = kept if base else kept[:1]  # a table has no suite to fall back on
    pairs += [pair_of(compare(side, read_run(tmp_path / "new"))) for side in others]
    for pair in pairs:
        for name in ("ttft_p50", "e2e_p95", "throughput"):
            assert (f"the load differs: {unlike}" in row(pair, name).why) == bool(unlike)
        assert "load" not in row(pair, "accuracy").why
    _, notices = baseline.save(read_run(tmp_path / "new"), "main", root=tmp_path / "baselines")
    dropped = [notice for notice in notices if "its earlier nights are dropped" in notice]
    assert dropped == ([f"add, sim: the load ({unlike}) changed: its earlier nights are dropped"] if unlike else [])


def test_a_cut_is_said(tmp_path: Path) -> None:
    """429s made one side slower: a note of the comparison, a notice when it is saved as a night."""
    runs = {"of_base": {"loads": [limit(8)]}, "of_new": {"loads": [limit(8), CUT]}}
    pair = pair_of(contrast(tmp_path, asked("rr"), asked("rw"), **runs))
    assert pair.notes == ("429s cut new to 2 in flight for a while: it was slower by that",)
    for name in ("base", "new"):
        _, notices = baseline.save(read_run(tmp_path / name), "main", root=tmp_path / "baselines")
    assert notices == ["add, sim: 429s cut this night to 2 in flight"]


def test_two_runs_of_one_target_each_meet(tmp_path: Path) -> None:
    """Runs of different targets, one each: the targets are what is compared. With nothing in common: refused."""
    found = contrast(tmp_path, asked("rr"), asked("rw", target="other"))
    assert pair_of(found).targets == ("sim", "other")
    sides = [read_run(tmp_path / name) for name in ("base", "new")]
    two = write_run(tmp_path / "two", [*asked("r", target="a"), *asked("r", target="b")])
    with pytest.raises(SuiteError, match="nothing to compare"):
        compare(sides[0], read_run(two))


def test_an_unfinished_side_is_said(tmp_path: Path) -> None:
    """One of three samples is missing: said, and the pairs are two."""
    pair = pair_of(contrast(tmp_path, asked("rrr"), asked("rr"), of_new={"samples": 3}))
    assert row(pair, "accuracy").pairs == 2
    assert pair.notes == ("new is unfinished: 2 of 3 requests were made",)


def test_trade_offs_name_who_beats_whom(tmp_path: Path) -> None:
    """`slow` is as right and as dear as `sim` and takes longer; `good` is slower still and right more often."""
    requests = [*asked("rw"), *asked("rw", target="slow", ttft_s=1.0), *asked("rr", target="good", ttft_s=2.0)]
    side = read_run(write_run(tmp_path / "a", requests))
    beaten = {one.target: one.beaten_by for one in compare(side, side).tradeoffs}
    assert beaten == {"sim": "", "slow": "sim", "good": ""}
