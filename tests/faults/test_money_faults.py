"""Who pays, and that it never passes the cap: rows M02, M03, M05 and figure R7 of docs/faults.md.

A cap without prices or below one request, and a run that goes on with more money: test_command_faults.py.
"""

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fault_server import CLOSE, DONE, SSE, STOP, Again, FaultServer, Script, answer, event, refuses, says, stream
from running import COST, FINE, WORST, ran

from evalrun.price import Budget
from evalrun.run.spent import already_spent
from evalrun.types import Completion, Failure

HEL = event(says("Hel"))


def test_m02_usage_missing(tmp_path: Path) -> None:
    """M02, S18: an answer without usage has no known cost, never 0; the budget is charged what was set aside."""
    with FaultServer([stream(says("Hello"), STOP, DONE)]) as server:
        run = ran(tmp_path, server.url, budget=Budget(Decimal(1)))
    assert isinstance(run.only.outcome, Completion)
    assert run.only.cost_usd is None
    assert (run.asker.budget.spent, run.asker.budget.assumed) == (WORST, WORST)
    assert run.intents[0].reserved_usd == WORST


def test_m03_resend_that_the_cap_does_not_allow(tmp_path: Path) -> None:
    """M03: a resend is paid for like a first request: without money for it the failure stands."""
    with FaultServer([CLOSE], [FINE]) as server:
        run = ran(tmp_path, server.url, budget=Budget(WORST * Decimal("1.5")))
        assert len(server.requests) == 1
    assert isinstance(run.only.outcome, Failure)
    assert run.asker.budget.spent == WORST


@pytest.mark.parametrize("seed", range(4))
def test_r7_spend_never_passes_the_cap(tmp_path: Path, seed: int) -> None:
    """M03, R7: whatever the server does, what it may have billed stays under the cap."""
    answers: list[tuple[Script, Decimal]] = [
        ([FINE], COST),
        ([stream(says("Hello"), STOP, DONE)], WORST),  # it may have counted as many tokens as it was allowed to
        ([CLOSE], WORST),
        ([SSE, HEL, CLOSE], WORST),
        ([answer(200, b"<html>")], WORST),  # nobody can read what was paid for
        ([refuses(503)], Decimal(0)),
    ]
    drawn = random.Random(seed).choices(answers, k=200)
    cap = WORST * 15
    with FaultServer(*(script for script, _ in drawn)) as server:
        run = ran(tmp_path, server.url, jobs=100, in_flight=8, budget=Budget(cap))
        billed = sum(bill for _, bill in drawn[: len(server.requests)])
    assert billed == run.asker.budget.spent <= cap
    assert billed > WORST * (15 - 8)  # it ended because of the cap: with 8 in flight, nothing was left for another
    assert run.asker.budget.reserved == 0


@pytest.mark.parametrize(("reported", "warned"), [("0.0000201", False), ("0.000021", True), ("0.000019", True)])
def test_m05_server_reports_its_own_cost(tmp_path: Path, reported: str, warned: bool) -> None:
    """M05: both figures are kept; over 1 % apart (20 micro-dollars by the price list) is a warning."""
    tail = {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "cost": float(reported)}}
    with FaultServer([stream(says("Hello"), STOP, tail, DONE)]) as server:
        run = ran(tmp_path, server.url)
    assert isinstance(run.only.outcome, Completion)
    assert run.only.cost_usd == COST
    assert run.only.outcome.usage.reported_cost_usd == Decimal(reported)
    assert [reported in warning for warning in run.only.warnings] == ([True] if warned else [])


def counted(**usage: Any) -> Script:
    return [stream(says("Hello"), STOP, {"choices": [], "usage": usage}, DONE)]


def test_reasoning_beside_the_completion_is_paid_for(tmp_path: Path) -> None:
    """The total is 10 + 5 + 3: 10 x 1 + 8 x 2 = 26 micro-dollars, in the record and in the budget."""
    details = {"reasoning_tokens": 3}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 18, "completion_tokens_details": details}
    with FaultServer(counted(**usage)) as server:
        run = ran(tmp_path, server.url, budget=Budget(Decimal(1)))
    assert (run.only.cost_usd, run.only.most_usd) == (Decimal("0.000026"), None)
    assert run.asker.budget.spent == Decimal("0.000026")


def test_counts_that_do_not_add_up_are_charged_at_their_most(tmp_path: Path) -> None:
    """10 + 5 prove 20 micro-dollars; the total of 22 with 3 tokens of reasoning allows 12 output tokens: 34. A resumed
    run charges the same."""
    details = {"reasoning_tokens": 3}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 22, "completion_tokens_details": details}
    with FaultServer(counted(**usage)) as server:
        run = ran(tmp_path, server.url, budget=Budget(Decimal(1)))
    assert isinstance(run.only.outcome, Completion)
    assert "usage_mismatch" in run.only.outcome.flags
    assert (run.only.cost_usd, run.only.most_usd) == (COST, Decimal("0.000034"))
    (folder,) = (path.parent for path in tmp_path.rglob("journal.jsonl"))
    assert run.asker.budget.spent == already_spent(folder) == Decimal("0.000034")


@pytest.mark.parametrize(
    "usage", [{"prompt_tokens": 2**40, "completion_tokens": 5}, {"prompt_tokens": 10, "completion_tokens": 17}]
)
def test_counts_that_the_request_does_not_allow(tmp_path: Path, usage: dict[str, int]) -> None:
    """A prompt beyond the bytes of the request, an answer beyond max_tokens (16): taken as sent, and flagged."""
    with FaultServer(counted(**usage)) as server:
        run = ran(tmp_path, server.url)
    assert isinstance(run.only.outcome, Completion)
    assert run.only.outcome.flags == ("usage_mismatch",)


# ---------------------------------------------------------------- servers that bill more than they may


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(says(" word"), id="S29-a token an event"),
        pytest.param(says("x"), id="S29-a character an event"),
        pytest.param(says(" word" * 100), id="S29-many tokens an event"),
        pytest.param(says(" word", index=1), id="S29-another choice"),
        pytest.param(says(reasoning_content=" word"), id="S29-reasoning"),
        pytest.param({"choices": [{**says(" word")["choices"][0], "finish_reason": "stop"}]}, id="S29-after its end"),
    ],
)
def test_s29_server_that_ignores_max_tokens_stops_under_a_cap(tmp_path: Path, flood: dict[str, Any]) -> None:
    """S29: cut after a few times max_tokens (16), booked at what came, and nothing more is asked; a resume knows."""
    with FaultServer([SSE, Again(event(flood))]) as server:
        run = ran(tmp_path, server.url, jobs=5, budget=Budget(WORST * 2))
        assert len(server.requests) == 1
    failure = run.only.outcome
    assert isinstance(failure, Failure)
    assert failure.kind == "runaway"
    assert failure.tokens is not None
    assert 64 < failure.tokens < 32_000
    assert run.only.most_usd == WORST + (failure.tokens - 16) * Decimal("0.000002")
    (folder,) = (path.parent for path in tmp_path.rglob("journal.jsonl"))
    assert run.asker.budget.spent == already_spent(folder) == run.only.most_usd
    assert "ignores the limit of 16" in (run.asker.stopped or "")
    assert "nothing more is asked" in (run.asker.stopped or "")


def test_s29_without_a_cap_each_answer_is_cut(tmp_path: Path) -> None:
    """S29: a runaway is the answer's own failure, not sent again; the others are asked."""
    with FaultServer([SSE, Again(event(says(" word")))], [FINE]) as server:
        run = ran(tmp_path, server.url, jobs=3)
        assert len(server.requests) == 3
    assert [record.outcome.kind if isinstance(record.outcome, Failure) else "" for record in run.records] == [
        "runaway", "", "",
    ]  # fmt: skip


def test_servers_own_higher_cost_is_settled(tmp_path: Path) -> None:
    """M05: 20 micro-dollars by the list, $0.5 by the server: the cap is charged $0.5, in a resumed session too."""
    with FaultServer(counted(prompt_tokens=10, completion_tokens=5, cost=0.5)) as server:
        run = ran(tmp_path, server.url, jobs=9, budget=Budget(Decimal(1)))
        assert len(server.requests) == 1  # the next would need $0.5 and more again
    (folder,) = (path.parent for path in tmp_path.rglob("journal.jsonl"))
    assert run.asker.budget.spent == already_spent(folder) == Decimal("0.5")
    assert (run.only.cost_usd, run.only.most_usd) == (COST, Decimal("0.5"))


@pytest.mark.parametrize(
    ("usage", "each"),
    [
        pytest.param({"prompt_tokens": 50_000, "completion_tokens": 5}, "0.05001", id="a hidden prompt"),
        pytest.param({"prompt_tokens": 10, "completion_tokens": 4000}, "0.00801", id="reasoning beyond max_tokens"),
    ],
)
def test_what_a_server_bills_beyond_is_set_aside_from_then_on(tmp_path: Path, usage: Any, each: str) -> None:
    """Of 64 at a time, the first goes alone; then as many are asked as the cap pays for at the new rate."""
    with FaultServer(counted(**usage)) as server:
        run = ran(tmp_path, server.url, jobs=64, in_flight=64, budget=Budget(Decimal("0.2")))
        billed = len(server.requests) * Decimal(each)
    assert Decimal("0.1") < billed == run.asker.budget.spent <= Decimal("0.2")
    assert run.asker.budget.reserved == 0
