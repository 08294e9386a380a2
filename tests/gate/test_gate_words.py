"""A gate's words: limits and changes by hand, and what more than one rule costs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from written_runs import Asked, asked, write_run

from evalrun.compare import baseline
from evalrun.compare.read import load, read_run
from evalrun.compare.side import Side
from evalrun.gate import judge as judging
from evalrun.gate.judge import judge, rules
from evalrun.gate.values import Gate, Ruling
from evalrun.report import ci, render
from evalrun.report.gate import gate_page
from evalrun.stats.interval import wilson


def gate(new: Side, *texts: str, base: Side | None = None) -> Gate:
    return judge(rules(texts), new, base)


def ruling(new: Side, text: str, base: Side | None = None) -> Ruling:
    (found,) = gate(new, text, base=base).rulings
    return found


def run(folder: Path, word: str, **more: Any) -> Side:
    return read_run(write_run(folder, asked(word), **more))


@pytest.mark.parametrize(
    ("floor", "word"), [("0.88", "pass"), ("0.8883", "inconclusive"), ("0.95", "inconclusive"), ("0.99", "regressed")]
)
def test_a_floor_uses_the_interval(tmp_path: Path, floor: str, word: str) -> None:
    """95 of 100 right is [0.8882, 0.9785]: above 0.88, below 0.99, and neither of what lies between."""
    found = wilson(95, 100)
    assert (round(found.low or 0, 4), round(found.high or 0, 4)) == (0.8882, 0.9785)
    said = ruling(run(tmp_path / "a", "r" * 95 + "w" * 5), f"accuracy >= {floor}")
    assert (said.word, said.value) == (word, 0.95)
    assert said.why.startswith("95.0 % [88.8, 97.8], the limit is ")


def test_a_latency_limit_uses_the_interval(tmp_path: Path) -> None:
    """100 latencies 1..100 ms: the median is 50 ms, between the 40th and the 61st (Woodruff: 50 -+ 1.96 x 5)."""
    requests = [one._replace(ttft_s=(number + 1) / 1000) for number, one in enumerate(asked("r" * 100))]
    side = read_run(write_run(tmp_path / "a", requests))
    words = {limit: ruling(side, f"ttft_p50 <= {limit} ms").word for limit in (39, 40, 60, 61)}
    assert words == {39: "regressed", 40: "inconclusive", 60: "inconclusive", 61: "pass"}


def test_a_latency_limit_says_of_which_answers(tmp_path: Path) -> None:
    """40 of 100 answers were not streamed; the others came in chunks of several tokens."""
    requests = [one._replace(ttft_s=None, tpot_basis="sizes") for one in asked("r" * 40)]
    requests += [Asked(f"p{number}", tpot_basis="sizes") for number in range(60)]
    side = read_run(write_run(tmp_path / "a", requests))
    assert ", over 60 of 100 answers, the limit is " in ruling(side, "ttft_p50 <= 1 s").why
    assert ", over 60 of 100 answers, estimated, the limit is " in ruling(side, "tpot_p50 <= 1 s").why
    assert "answers" not in ruling(run(tmp_path / "b", "r" * 100), "ttft_p50 <= 1 s").why


def test_rates_are_facts_of_the_run(tmp_path: Path) -> None:
    """5 of 100 cut off: 5 % is allowed, 4.9 % is not, and there is nothing between: it is counted, not inferred."""
    side = run(tmp_path / "a", "t" * 5 + "r" * 95)
    assert ruling(side, "truncated <= 5 %").word == "pass"
    said = ruling(side, "truncated <= 4.9 %")
    assert (said.word, said.why) == ("regressed", "5 of 100 (5.0 %), 4.9 % is allowed")
    assert ruling(side, "client_lag <= 5 ms").word == "pass"
    assert ruling(side, "client_lag <= 0.05 ms").word == "regressed"


def test_no_worse_than(tmp_path: Path) -> None:
    """200 samples. None flips: a fall of 2 points is out of the question. 12 lost: it is proven. 4 lost: neither."""
    base = run(tmp_path / "base", "r" * 200)
    words = {}
    for lost in (0, 4, 12):
        side = run(tmp_path / f"{lost}", "w" * lost + "r" * (200 - lost), day=2)
        words[lost] = ruling(side, "accuracy no worse than 2 points", base).word
    assert words == {0: "pass", 4: "inconclusive", 12: "regressed"}


def test_more_failures_are_worse(tmp_path: Path) -> None:
    """The direction of rates is the other one: 9 % more cut off than 2 points allow; fewer pass."""
    base, worse = run(tmp_path / "a", "r" * 200), run(tmp_path / "b", "t" * 18 + "r" * 182, day=2)
    assert ruling(worse, "truncated no worse than 2 points", base).word == "regressed"
    assert ruling(base, "truncated no worse than 2 points", worse).word == "pass"


def test_cost_within(tmp_path: Path) -> None:
    """Half as many output tokens again is 40 % dearer: 10 prompt at $1 and 20 output at $2 a million, then 30."""
    base = run(tmp_path / "a", "r" * 40)
    dearer = [one._replace(output=29 + number % 3) for number, one in enumerate(asked("r" * 40))]
    side = read_run(write_run(tmp_path / "b", dearer, day=2))
    said = ruling(side, "cost within 10 %", base)
    assert said.word == "regressed"
    assert said.comparison is not None
    assert said.comparison.difference == pytest.approx(0.4, abs=0.01)
    assert ruling(side, "cost within 60 %", base).word == "pass"
    assert ruling(run(tmp_path / "c", "r" * 40, day=2), "cost within 10 %", base).word == "pass"  # not one pair differs
    assert (
        ruling(run(tmp_path / "d", "r" * 9, day=2), "cost within 10 %", run(tmp_path / "e", "r" * 9)).word
        == "inconclusive"
    )


def test_a_cost_that_is_at_least_passes_nothing(tmp_path: Path) -> None:
    """What the counts prove is far below the limit; what was billed may not be."""
    odd = [one._replace(flags=("usage_mismatch",)) for one in asked("r" * 40)]
    side, base = read_run(write_run(tmp_path / "b", odd, day=2)), run(tmp_path / "a", "r" * 40)
    for rule in ("cost <= 900 USD", "cost within 900 %"):
        said = ruling(side, rule, base)
        assert said.word == "inconclusive"
        assert "at least: the token counts of 40 answers do not add up" in said.why
    assert ruling(base, "cost <= 900 USD", side).word == "pass"


def nights(tmp_path: Path, *medians: float) -> Side:
    """Save runs with these median TTFT, in ms, as one baseline."""
    for day, median in enumerate(medians, start=1):
        baseline.save(read_run(night(tmp_path / f"n{day}", median, day=day)), "main", root=tmp_path / "baselines")
    (side,) = load(["main"], baselines=tmp_path / "baselines")
    return side


def night(folder: Path, median: float, *, day: int) -> Path:
    """Write a run of 41 requests within 2 % of a median TTFT."""
    requests = [
        one._replace(ttft_s=median / 1000 * (1 + (number - 20) / 1000)) for number, one in enumerate(asked("r" * 41))
    ]
    return write_run(folder, requests, day=day)


def test_nights_that_differ_excuse_tonight(tmp_path: Path) -> None:
    """Nights of 90 to 110 ms: 118 ms is no regression beyond 5 %, though each night is known to 1 %; 250 ms is."""
    base = nights(tmp_path, 100, 90, 110, 95, 105)
    tonight, slow = (read_run(night(tmp_path / f"t{ms}", ms, day=20)) for ms in (118, 250))
    assert ruling(tonight, "ttft_p50 within 5 %", base).word == "inconclusive"
    assert ruling(slow, "ttft_p50 within 5 %", base).word == "regressed"
    assert ruling(tonight, "ttft_p50 within 100 %", base).word == "pass"


def test_one_night_is_trusted_only_up_to_the_margin(tmp_path: Path) -> None:
    """With one earlier night the margin has to cover the nights: the words are said, and so is that."""
    base = nights(tmp_path, 100)
    said = ruling(read_run(night(tmp_path / "t", 118, day=20)), "ttft_p50 within 5 %", base)
    assert said.word == "regressed"
    assert "1 earlier night: how much nights differ is not known" in said.why


def test_throughput_needs_nights(tmp_path: Path) -> None:
    """It is one number a run: three nights tell how much it varies, two do not."""
    two = nights(tmp_path, 100, 100)
    tonight = read_run(night(tmp_path / "t", 100, day=20))
    assert ruling(tonight, "throughput within 20 %", two).word == "inconclusive"
    (tmp_path / "more").mkdir()
    three = nights(tmp_path / "more", 100, 200, 150)
    assert ruling(tonight, "throughput within 20 %", three).word == "pass"


def test_tonight_is_no_night_before_itself(tmp_path: Path) -> None:
    """A run that was saved before it was judged is not held against itself as a night."""
    base = nights(tmp_path, 100, 100, 100)
    said = ruling(read_run(tmp_path / "n3"), "ttft_p50 within 5 %", base)
    assert said.comparison is not None
    assert "2 earlier" in said.comparison.method


def test_rules_share_their_false_alarms(tmp_path: Path) -> None:
    """p = 0.04 alone regresses; beside three rules that are far from it, it does not: Holm takes 0.16."""
    side = run(tmp_path / "a", "r" * 40 + "w" * 10)  # 80 % [67.0, 88.8]
    alone = gate(side, "accuracy >= 0.891")
    assert alone.word == "regressed"
    several = gate(side, "accuracy >= 0.891", "accuracy >= 0.5", "accuracy >= 0.51", "accuracy >= 0.52")
    assert [one.word for one in several.rulings] == ["inconclusive", "pass", "pass", "pass"]
    assert several.word == "inconclusive"


def test_failing_samples_are_the_worst_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed, then what the baseline had right, then unscored, cut off and wrong; at most as many as wanted."""
    base = run(tmp_path / "base", "rrrrrrw")
    side = run(tmp_path / "new", "rwfutnw", day=2)
    found = judge(rules(["accuracy >= 0.5"]), side, base).failing
    assert [(one.kind, one.sample_id) for one in found[:1]] == [("failed", "q2")]
    assert found[0].message == "stall: no byte for 120 s"
    assert {one.sample_id for one in found[1:4]} == {"q1", "q4", "q5"}  # right before, and now wrong, cut or empty
    assert [(one.kind, one.sample_id) for one in found[4:]] == [("unscored", "q3"), ("wrong", "q6")]
    monkeypatch.setattr(judging, "MOST_FAILING", 2)
    few = judge(rules(["accuracy >= 0.5"]), side, base)
    assert (len(few.failing), few.left_out) == (2, 4)


def test_failing_samples_come_as_they_were_asked(tmp_path: Path) -> None:
    """60 wrong answers, of which 50 are kept: the first 50 that were asked, in that order. All reports count 60."""
    found = gate(run(tmp_path / "new", "w" * 60), "accuracy >= 0.5")
    assert [one.sample_id for one in found.failing] == [f"q{n}" for n in range(50)]
    assert found.left_out == 10
    assert "**Failing samples** (60, the worst 50 of them here)" in ci.summary(found)
    assert "10 further failing samples" in ci.junit(found)
    assert json.loads(render([gate_page(found)], "json"))["left_out"] == 10
    assert "and 52 more" in ci.annotations(found)  # one rule and 60 samples, 9 of which are said


def test_what_would_decide(tmp_path: Path) -> None:
    """44 of 50 are 8 points above 0.80 and reach 11.8 down: 50 x (11.8 / 8)^2 samples would do, and what they cost."""
    said = ruling(run(tmp_path / "a", "r" * 44 + "w" * 6), "accuracy >= 0.80")  # [76.2, 94.4]
    assert said.word == "inconclusive"
    assert said.decide.startswith("about 109 samples, if it stays the same (this run has 50); 59 more requests")
    assert said.decide.endswith("about $0.00295")  # at $0.00005


def test_repeats_are_named_for_a_change(tmp_path: Path) -> None:
    """Ten flips each way of 100 leave 2 points undecided: repeats on both sides, the requests and what they cost."""
    base, new = run(tmp_path / "a", "w" * 10 + "r" * 90), run(tmp_path / "b", "r" * 10 + "w" * 10 + "r" * 80, day=2)
    said = ruling(new, "accuracy no worse than 2 points", base)
    assert said.word == "inconclusive"
    assert "repeats of each sample on both sides, if nothing changed (now 1)" in said.decide


def test_the_repeats_of_the_baseline_count(tmp_path: Path) -> None:
    """16 repeats of the baseline are more than both sides would need: the run alone is asked more, and pays alone."""
    base = run(tmp_path / "a", "w" * 10 + "r" * 90)
    requests = [one for repeat in range(16) for one in asked("w" * 10 + "r" * 90, repeat=repeat)]
    many = read_run(write_run(tmp_path / "b", requests, repeats=16))
    new = run(tmp_path / "c", "r" * 3 + "w" * 7 + "r" * 83 + "w" * 7, day=2)
    both, alone = (ruling(new, "accuracy no worse than 4 points", one) for one in (base, many))
    assert (both.word, alone.word) == ("inconclusive", "inconclusive")
    assert re.search(r"\d+ repeats of each sample on both sides, .* \(now 1\); .* a side", both.decide)
    assert re.search(r"\d+ repeats of each sample of this run, .* \(now 1, the baseline 16\); ", alone.decide)
    assert not alone.decide.endswith("a side")
    assert 1 < int(alone.decide.split()[0]) <= 16


def test_what_reads_planned_requests_wants_another_run(tmp_path: Path) -> None:
    """The share that kept the SLO is of planned requests: repeats that are added to the run would not be read."""
    slo = {"ttft": "0.2 s"}

    def side(name: str, slow: range, day: int) -> Side:
        requests = [Asked(f"q{n}", ttft_s=0.5 if n in slow else 0.1) for n in range(100)]
        return read_run(write_run(tmp_path / name, requests, slo=slo, day=day))

    said = ruling(side("b", range(10, 20), 2), "good no worse than 2 points", side("a", range(10), 1))
    assert said.word == "inconclusive"
    assert re.match(r"a run and a baseline with --repeats \d+, if nothing changed \(now 1\); ", said.decide)
