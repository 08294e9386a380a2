"""Retry decisions follow from phase, status and headers alone (faults H07-H16, N06-N11)."""

from random import Random

import pytest

from evalrun.retry import MOST_WAITS, GiveUp, Outage, Resend, RetryBudget, Rules, StopTarget, decide, settled
from evalrun.types import Completion, Failure, FailureKind, Phase

RULES = Rules(attempts=4, unknown=1, max_wait_s=120)


def failure(kind: FailureKind, phase: Phase = Phase.COMPLETE, **fields: object) -> Failure:
    billed = phase in (Phase.SENT, Phase.PARTIAL)
    return Failure(kind=kind, phase=phase, message="m", possibly_billed=billed, **fields)  # type: ignore[arg-type]


def choose(it: Failure, *, tried: int = 1, unknown_tried: int = 0) -> object:
    return decide(it, RULES, tried=tried, unknown_tried=unknown_tried, random=Random(1))


@pytest.mark.parametrize("kind", ["auth", "quota", "no_model", "not_found", "tls", "redirect"])
def test_what_is_true_of_every_request_stops_the_target(kind: FailureKind) -> None:
    """A bad key does not become 10,000 failures."""
    assert isinstance(choose(failure(kind)), StopTarget)


@pytest.mark.parametrize("kind", ["dns", "connect", "timeout_connect"])
def test_nobody_there_is_an_outage_and_costs_no_attempt(kind: FailureKind) -> None:
    """A network that is down is waited for, whatever was tried before."""
    assert choose(failure(kind, Phase.NOT_SENT), tried=99) == Outage()


@pytest.mark.parametrize(("kind", "status"), [("rate_limited", 429), ("server", 503)])
def test_an_answered_refusal_is_resent_until_the_attempts_are_used_up(kind: FailureKind, status: int) -> None:
    """Three resends of four attempts, then the failure stands."""
    refused = failure(kind, status=status)
    assert [isinstance(choose(refused, tried=n), Resend) for n in (1, 2, 3, 4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("kind", "phase"),
    [("reset", Phase.SENT), ("timeout_first_byte", Phase.SENT), ("truncated", Phase.PARTIAL), ("stall", Phase.PARTIAL)],
)
def test_an_unknown_outcome_is_resent_once(kind: FailureKind, phase: Phase) -> None:
    """A request that was sent whole may have been billed: one resend, then it stands."""
    broken = failure(kind, phase)
    assert isinstance(choose(broken), Resend)
    assert choose(broken, tried=2, unknown_tried=1) == GiveUp()


def test_a_request_that_was_not_sent_whole_is_safe() -> None:
    """The server cannot have run half a request: resends are not counted as unknown."""
    assert isinstance(choose(failure("reset", Phase.SENDING), tried=3, unknown_tried=1), Resend)


@pytest.mark.parametrize(
    "kind", ["bad_request", "context_length", "content_filter", "too_large", "not_sse", "deadline"]
)
def test_a_considered_no_is_final(kind: FailureKind) -> None:
    """Asking again would give the same answer."""
    assert choose(failure(kind, status=400)) == GiveUp()


def test_the_servers_wish_is_a_floor() -> None:
    """Retry-After 7 waits 7 to 8 seconds, and everybody waits."""
    decision = choose(failure("rate_limited", status=429, retry_after_s=7.0))
    assert isinstance(decision, Resend)
    assert 7.0 <= decision.wait_s <= 8.0
    assert decision.everybody


def test_a_wish_beyond_patience_stops_the_target() -> None:
    """No sleep of years."""
    assert isinstance(choose(failure("rate_limited", status=429, retry_after_s=1e9)), StopTarget)


def test_backoff_doubles_up_to_its_ceiling() -> None:
    """Full jitter: the n-th wait lies in [0, 0.5 * 2^(n-1)], never above the longest."""
    rules = Rules(attempts=20, backoff_s=(0.5, 3))
    random = Random(2)
    for tried, ceiling in ((1, 0.5), (2, 1.0), (3, 2.0), (4, 3.0), (12, 3.0)):
        waits = [
            decide(failure("server", status=500), rules, tried=tried, unknown_tried=0, random=random)
            for _ in range(200)
        ]
        assert max(w.wait_s for w in waits if isinstance(w, Resend)) <= ceiling
        assert max(w.wait_s for w in waits if isinstance(w, Resend)) > ceiling * 0.9


def test_a_refusal_that_names_a_wait_costs_no_attempt() -> None:
    """Waited out as asked it may come again, but not for ever; one that may have been billed is counted as ever."""
    asked = failure("server", status=503, retry_after_s=2.0)
    decision = choose(asked, tried=99)
    assert isinstance(decision, Resend)
    assert (decision.everybody, decision.asked) == (True, True)
    assert decide(asked, RULES, tried=1, unknown_tried=0, random=Random(1), waited=MOST_WAITS) == GiveUp()
    billed = failure("server", Phase.PARTIAL, status=503, retry_after_s=2.0)
    assert choose(billed, tried=2, unknown_tried=1) == GiveUp()


def test_the_budget_is_ten_percent_plus_ten() -> None:
    """Of 100 requests 20 may be resent; without any request, ten."""
    budget = RetryBudget()
    assert sum(budget.take("server") for _ in range(50)) == 10
    budget.requests = 100
    assert sum(budget.take("reset") for _ in range(50)) == 10
    assert not budget.take("server")
    assert budget.used_by() == "10 x server, 10 x reset"


def test_what_a_resume_asks_again() -> None:
    """A failure that says something of the moment, not of the sample, is asked again; an answer never is."""
    assert settled(Completion(text="4"))
    assert settled(failure("context_length", status=400))
    assert settled(failure("stall", Phase.PARTIAL))
    assert not settled(failure("auth", status=401))
    assert not settled(failure("connect", Phase.NOT_SENT))
    assert not settled(failure("rate_limited", status=429))
