"""A gate that misses something is never green: inconclusive, with the reason."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from written_runs import Asked, asked, write_run

from evalrun.compare import baseline
from evalrun.compare.read import load, read_run
from evalrun.compare.side import Side
from evalrun.errors import SuiteError
from evalrun.gate.judge import judge, rules
from evalrun.gate.values import Gate

EASY = ("accuracy no worse than 90 points", "cost within 900 %", "failed no worse than 90 points")
LIMITS = ("accuracy >= 0.01", "failed <= 100 %", "truncated <= 100 %", "client_lag <= 60 s", "ttft_p50 <= 3600 s")


def side(folder: Path, requests: Sequence[Asked], **more: Any) -> Side:
    return read_run(write_run(folder, requests, **more))


def reasons(gate: Gate) -> list[str]:
    """Return the reasons, having made sure that nothing passed."""
    assert gate.word == "inconclusive"
    assert [one.word for one in gate.rulings] == ["inconclusive"] * len(gate.rulings)
    return [one.why for one in gate.rulings]


def test_these_rules_pass_where_nothing_is_missing(tmp_path: Path) -> None:
    """The control: with everything there, the same rules are green."""
    new, base = side(tmp_path / "a", asked("r" * 60), day=2), side(tmp_path / "b", asked("r" * 60))
    assert judge(rules([*EASY, *LIMITS]), new, base).word == "pass"


def test_no_baseline(tmp_path: Path) -> None:
    found = reasons(judge(rules(EASY), side(tmp_path / "a", asked("r" * 60)), None))
    assert all("there is no baseline" in why for why in found)


def test_a_baseline_of_something_else(tmp_path: Path) -> None:
    """A target the baseline does not know, other data, other prompts."""
    base = side(tmp_path / "a", asked("r" * 60))
    other = side(tmp_path / "b", asked("r" * 60, target="other"), day=2)
    assert all("does not have it (it has add of sim)" in why for why in reasons(judge(rules(EASY), other, base)))
    data = side(tmp_path / "c", asked("r" * 60), day=2, data="d2")
    assert all("the data of task add differ" in why for why in reasons(judge(rules(EASY), data, base)))
    prompt = side(tmp_path / "d", asked("r" * 60), day=2, prompt="p2")
    assert all("the prompt of task add differ" in why for why in reasons(judge(rules(EASY), prompt, base)))
    assert judge(rules(EASY), prompt, base, across_prompts=True).word == "pass"


def test_a_task_that_was_dropped(tmp_path: Path) -> None:
    """A baseline's task that the run does not have any more is no pass for the run."""
    new = side(tmp_path / "a", asked("r" * 60))
    cell = new.cells["add", "sim"]
    base = replace(new, name="b", cells={**new.cells, ("words", "sim"): replace(cell, task="words")})
    found = judge(rules(["failed <= 100 %"]), new, base)
    assert found.word == "inconclusive"
    assert [(one.task, one.word) for one in found.rulings] == [("add", "pass"), ("words", "inconclusive")]


def test_an_unfinished_run(tmp_path: Path) -> None:
    """59 of 60 requests were made: not even a limit of 100 % failures passes."""
    new = side(tmp_path / "a", asked("r" * 59), samples=60, day=2)
    found = reasons(judge(rules([*EASY, *LIMITS]), new, side(tmp_path / "b", asked("r" * 60))))
    assert all("unfinished: 59 of 60" in why or "missing" in why for why in found)


def test_missing_samples(tmp_path: Path) -> None:
    """The baseline has a sample that the run does not: the comparison is not of what it says."""
    base = side(tmp_path / "b", asked("r" * 60))
    new = side(tmp_path / "a", [one._replace(sample=f"x{one.sample}") for one in asked("r" * 60)], day=2)
    assert all("60 of the 60 samples of b are missing" in why for why in reasons(judge(rules(EASY), new, base)))


def test_a_run_without_answers(tmp_path: Path) -> None:
    new = side(tmp_path / "a", [], samples=3)
    assert all("has no answers of it" in why for why in reasons(judge(rules(LIMITS), new, None)))


@pytest.mark.parametrize("letter", ["f", "u"])
def test_too_many_without_a_scored_answer(tmp_path: Path, letter: str) -> None:
    """7 of 60 failed or unscored is over `max_failed_share` (10 %), on either side; 6 of 60 is not."""
    fine, bad = side(tmp_path / "a", asked("r" * 60)), side(tmp_path / "b", asked(letter * 7 + "r" * 53), day=2)
    for new, base in ((bad, fine), (fine, bad)):
        assert all(
            "b: 12% of the requests gave no scored answer" in why for why in reasons(judge(rules(EASY), new, base))
        )
    some = side(tmp_path / "c", asked(letter * 6 + "r" * 54), day=2)
    assert judge(rules(EASY), some, fine).word == "pass"


def test_a_broken_limit_is_regressed_even_then(tmp_path: Path) -> None:
    """Half of the requests failed and 1 % may: that is a fact, and the run needs no more samples to be red."""
    new = side(tmp_path / "a", asked("f" * 30 + "r" * 30, kind="content_filter"))
    assert [one.word for one in judge(rules(["failed <= 1 %", "accuracy >= 0.01"]), new, None).rulings] == [
        "regressed", "inconclusive",
    ]  # fmt: skip


def test_failures_that_are_not_the_models(tmp_path: Path) -> None:
    """37 of 98 stalled: no verdict on the model, with a limit or against a baseline, and the reason. One that the model
    is to blame for is counted among the requests that reached it: 2 of 61 are over 3 %, 1 of 60 is not. `unanswered`
    holds all of it against the endpoint."""
    base = side(tmp_path / "base", asked("r" * 98))
    stalled = asked("f" * 37, kind="server")
    requests = [*stalled, *asked("r" * 98)[37:]]
    run = side(tmp_path / "a", requests, day=2, most_failed=0.5)
    for text in ("failed <= 1 %", "failed no worse than 1 points"):
        (said,) = judge(rules([text]), run, base).rulings
        assert said.word == "inconclusive"
        assert "failures that say nothing about the model (37 server): fix the endpoint" in said.why
    (said,) = judge(rules(["unanswered <= 1 %"]), run, base).rulings
    assert (said.word, said.why) == ("regressed", "37 of 98 (37.8 %), 1 % is allowed")
    assert judge(rules(["unanswered no worse than 1 points"]), run, base).word == "regressed"
    for filtered, word in ((1, "inconclusive"), (2, "regressed")):
        some = [*stalled, *asked("r" * 98)[37:]]
        some[40 : 40 + filtered] = [one._replace(became="f", kind="content_filter") for one in some[40 : 40 + filtered]]
        found = side(tmp_path / f"{filtered}", some, day=3, most_failed=0.5)
        assert judge(rules(["failed <= 3 %"]), found, None).word == word


def test_a_baseline_remembers_whose_failure_it_was(tmp_path: Path) -> None:
    """60 of 200 answers filtered in the baseline and in the run are no change. 60 others that stalled in the baseline
    are no excuse: of the 140 that reached the model both times, 60 are filtered now and none was."""
    filtered = asked("f" * 60, kind="content_filter") + asked("r" * 200)[60:]
    stalled = asked("r" * 140) + asked("f" * 200, kind="stall")[140:]
    run = side(tmp_path / "run", filtered, day=2, most_failed=0.5)
    words = {}
    for name, requests in (("filtered", filtered), ("stalled", stalled)):
        baseline.save(side(tmp_path / name, requests, most_failed=0.5), name, root=tmp_path / "baselines")
        (kept,) = load([name], baselines=tmp_path / "baselines")
        words[name] = judge(rules(["failed no worse than 10 points"]), run, kept).word
    assert words == {"filtered": "pass", "stalled": "regressed"}


def test_a_proven_rise_needs_no_exact_clock(tmp_path: Path) -> None:
    """60 % slower, and 24 of about 160 ms may be this client's: still over 15 %. With 60 of 160 ms it may be nothing.
    INVALID never passes, and says what to do."""
    requests = [one._replace(ttft_s=0.08 + number * 0.0004) for number, one in enumerate(asked("r" * 100))]
    base = side(tmp_path / "a", requests)
    slower = [one._replace(ttft_s=1.6 * one.ttft_s) for one in requests if one.ttft_s]
    for lag_s, word in ((0.024, "regressed"), (0.06, "inconclusive")):
        slow = side(tmp_path / f"{lag_s}", slower, day=2, lag_s=lag_s)
        for text in ("ttft_p50 within 15 %", "ttft_p50 <= 110 ms"):
            (said,) = judge(rules([text]), slow, base).rulings
            assert (said.word, "its client read 100% of the requests late" in said.why) == (word, True)
        assert word == "regressed" or said.decide == "lower the concurrency or use an idle machine, and ask again"


def test_invalid_latency(tmp_path: Path) -> None:
    """A late client, on either side, makes latency rules inconclusive and leaves the others alone."""
    fine, late = side(tmp_path / "a", asked("r" * 60)), side(tmp_path / "b", asked("r" * 60), day=2, lag_s=0.5)
    for new, base in ((late, fine), (fine, late)):
        gate = judge(rules(["ttft_p50 within 900 %", "failed no worse than 90 points"]), new, base)
        assert [one.word for one in gate.rulings] == ["inconclusive", "pass"]
        assert "b: its client read 100% of the requests late" in gate.rulings[0].why
    assert all("TTFT p50 is INVALID" in why for why in reasons(judge(rules(["ttft_p50 <= 3600 s"]), late, None)))


def test_unknown_numbers(tmp_path: Path) -> None:
    """No prices, no stream: cost and latency are unknown, and unknown is not within anything."""
    requests = asked("r" * 60, ttft_s=None)
    new, base = side(tmp_path / "a", requests, prices=None, day=2), side(tmp_path / "b", requests, prices=None)
    texts = [
        "cost within 900 %",
        "cost <= 900 USD",
        "ttft_p50 within 900 %",
        "ttft_p50 <= 3600 s",
        "throughput within 90 %",
    ]
    reasons(judge(rules(texts), new, base))


def test_no_rule_is_no_gate(tmp_path: Path) -> None:
    """A gate without rules is a mistake of the command, not a pass; so is a rule that cannot be read."""
    new = side(tmp_path / "a", asked("r"))
    with pytest.raises(SuiteError, match="there are no rules"):
        judge([], new, None)
    with pytest.raises(SuiteError, match="did you mean 'accuracy'"):
        rules(["acuracy >= 0.8"])
