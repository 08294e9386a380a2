"""Who pays, and that it never passes the cap: rows M02, M03, M05 and figure R7 of docs/faults.md.

A cap without prices or below one request, and a run that goes on with more money: test_command_faults.py.
"""

import random
from decimal import Decimal
from pathlib import Path

import pytest
from fault_server import CLOSE, DONE, SSE, STOP, FaultServer, Script, event, refuses, says, stream
from running import COST, FINE, WORST, ran

from evalrun.price import Budget
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
