"""What is sent again, and when: rows N06-N16, H01-H17 and figure R6 of docs/faults.md, with the asker of a run."""

import itertools
from decimal import Decimal
from pathlib import Path

import pytest
from asking import LONG_BODY
from fault_server import (
    CLOSE,
    DONE,
    EARLY,
    HOLD,
    RESET,
    SSE,
    STOP,
    FaultServer,
    Script,
    answer,
    chunked,
    event,
    refuses,
    says,
    stream,
)  # fmt: skip
from running import COST, FINE, WORST, ran

from evalrun import retry
from evalrun.run.slots import Backoff
from evalrun.targets.kind import Deadlines
from evalrun.types import Completion, Failure, FailureKind

HASTY = retry.Rules(attempts=2, unknown=1, backoff_s=(0.001, 0.002))

# ---------------------------------------------------------------- safe to send again


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *(pytest.param(status, "server", id=f"H07-{status}") for status in (408, 409)),
        pytest.param(429, "rate_limited", id="H10-429"),
        *(pytest.param(status, "server", id=f"H15-{status}") for status in (500, 502, 503, 504, 529)),
    ],
)
def test_refused_for_the_moment(tmp_path: Path, status: int, kind: FailureKind) -> None:
    """An answered refusal of the moment is sent again, costs nothing, and is kept beside the answer that came."""
    with FaultServer([refuses(status)], [FINE]) as server:
        run = ran(tmp_path, server.url)
        assert len(server.requests) == 2
    assert isinstance(run.only.outcome, Completion)
    assert [(attempt.failure.kind, attempt.failure.status) for attempt in run.only.attempts] == [(kind, status)]
    assert [intent.attempt for intent in run.intents] == [1, 2]
    assert (run.asker.budget.spent, run.asker.budget.reserved) == (COST, Decimal(0))
    assert run.only.timing is not None
    assert run.only.timing.reused  # the latency is that of the attempt that was answered, on the same connection


def test_n06_request_that_was_not_sent_whole_is_sent_again(tmp_path: Path) -> None:
    """N06: half a request cannot have been run: resending it is free, also where unknown outcomes are not resent."""
    rules = retry.Rules(attempts=6, unknown=0, backoff_s=(0.01, 0.02))
    with FaultServer([EARLY, RESET], [EARLY, RESET], [FINE]) as server:
        run = ran(tmp_path, server.url, body=LONG_BODY, rules=rules)
        assert len(server.requests) == 3
    assert isinstance(run.only.outcome, Completion)
    assert [attempt.failure.kind for attempt in run.only.attempts] == ["reset", "reset"]
    assert run.asker.budget.spent == COST


def test_s12_error_before_the_first_token_is_sent_again(tmp_path: Path) -> None:
    """S12: an overloaded server that says so inside a 200 answer is as one that says 503; nothing was billed."""
    overloaded = stream({"error": {"message": "overloaded", "code": 503}})
    with FaultServer([overloaded], [overloaded], [FINE]) as server:
        run = ran(tmp_path, server.url)
    assert isinstance(run.only.outcome, Completion)
    assert [attempt.failure.possibly_billed for attempt in run.only.attempts] == [False, False]


# ---------------------------------------------------------------- sent, and nobody knows what became of it

HEL = event(says("Hel"))
UNKNOWN = [
    pytest.param([CLOSE], "reset", id="N07-hangs up unanswered"),
    pytest.param([HOLD], "timeout_first_byte", id="N08-never answers"),
    pytest.param([SSE, HEL, HOLD], "stall", id="N09-stalls mid-stream"),
    pytest.param([SSE, HEL, CLOSE], "truncated", id="N13-ends without its marker"),
    pytest.param([stream(says("Hel"), {"error": {"message": "overloaded"}})], "server", id="S12-error mid-stream"),
]
IMPATIENT = Deadlines(first_byte_s=0.2, idle_s=0.2)


@pytest.mark.parametrize(("script", "kind"), UNKNOWN)
@pytest.mark.parametrize("unknown", [0, 1])
def test_unknown_outcome(tmp_path: Path, script: Script, kind: FailureKind, unknown: int) -> None:
    """N07-N13: at most `retries.unknown` resends; each attempt is listed as possibly billed and booked at its worst."""
    rules = retry.Rules(attempts=6, unknown=unknown, backoff_s=(0.01, 0.02))
    with FaultServer(script) as server:
        run = ran(tmp_path, server.url, rules=rules, deadlines=IMPATIENT)
        assert len(server.requests) == len(run.intents) == 1 + unknown
    failures = [*(attempt.failure for attempt in run.only.attempts), run.only.outcome]
    assert [(one.kind, one.possibly_billed) for one in failures if isinstance(one, Failure)] == [(kind, True)] * (
        1 + unknown
    )
    assert run.asker.budget.spent == run.asker.budget.assumed == WORST * (1 + unknown)


# ---------------------------------------------------------------- never again


FINAL = [
    pytest.param([stream(says("a"), '{"'), CLOSE], "bad_chunk", id="S25-malformed chunk"),
    pytest.param([answer(200, b"<html>")], "not_sse", id="N15-captive portal"),
    pytest.param([refuses(400, "maximum context length")], "context_length", id="H02-context length"),
    pytest.param([refuses(403, "moderation")], "content_filter", id="H05-moderation"),
    pytest.param([refuses(413)], "too_large", id="H08-too large"),
    pytest.param([refuses(422)], "bad_request", id="H09-unprocessable"),
    pytest.param([answer(200, {"error": {"message": "bad", "code": 400}})], "bad_request", id="H17-refused in band"),
    pytest.param([answer(204)], "empty", id="H19-empty"),
]


@pytest.mark.parametrize(("script", "kind"), FINAL)
def test_final(tmp_path: Path, script: Script, kind: FailureKind) -> None:
    """What would fail again is not sent again; it stands, it is settled, and the next sample is asked."""
    with FaultServer(script, [FINE]) as server:
        run = ran(tmp_path, server.url, jobs=2)
        assert len(server.requests) == 2
    failed, answered = run.outcomes
    assert isinstance(failed, Failure)
    assert (failed.kind, retry.settled(failed)) == (kind, True)
    assert isinstance(answered, Completion)


STOPS = [
    pytest.param(refuses(401, "Incorrect API key"), "Incorrect API key", id="H03-unauthorized"),
    pytest.param(refuses(402, "top up"), "top up", id="H04-payment required"),
    pytest.param(
        answer(429, {"error": {"message": "no more", "code": "insufficient_quota"}}), "no more", id="H04-quota"
    ),
    pytest.param(refuses(404, "The model `m` does not exist"), "does not exist", id="H06-no such model"),
    pytest.param(refuses(429, retry_after="31536000"), "asks to wait 31536000 s, over 120 s", id="H13-wait of a year"),
    pytest.param(answer("308 Moved", location="https://else.where/v1"), "https://else.where", id="H16-redirect"),
]


@pytest.mark.parametrize(("sends", "why"), STOPS)
def test_stops_the_target(tmp_path: Path, sends: bytes, why: str) -> None:
    """What is true of every request is asked once, not once a sample; a resume asks that sample again."""
    with FaultServer([sends]) as server:
        run = ran(tmp_path, server.url, jobs=5)
        assert len(server.requests) == 1
    assert why in (run.asker.stopped or "")
    assert [retry.settled(outcome) for outcome in run.outcomes] == [False]


def test_h01_same_refusal_of_the_first_three(tmp_path: Path) -> None:
    """H01: three malformed requests out of three: it is the request, not the sample."""
    with FaultServer([refuses(400, "Unrecognized request argument: seed")]) as server:
        run = ran(tmp_path, server.url, jobs=10)
        assert len(server.requests) == 3
    assert "the first 3 requests were refused" in (run.asker.stopped or "")
    assert "drop or change seed" in (run.asker.stopped or "")


def test_h01_refusals_after_an_answer_are_the_samples_own(tmp_path: Path) -> None:
    """H01: once a request was understood, the others are asked, however many are refused."""
    with FaultServer([FINE], [refuses(400)]) as server:
        run = ran(tmp_path, server.url, jobs=10)
        assert len(server.requests) == 10
    assert run.asker.stopped is None
    assert run.asker.tally.failed == 9


# ---------------------------------------------------------------- when (R6)


def test_h10_everybody_waits_as_long_as_the_server_asked(tmp_path: Path) -> None:
    """H10, R6: one refusal with Retry-After 0.4 s: no request reaches the server earlier, and the limit is halved."""
    with FaultServer([refuses(429, retry_after="0.4")], [0.2, FINE], [FINE]) as server:
        run = ran(tmp_path, server.url, jobs=4, in_flight=2)
        refused_at, *others = sorted(request.at_s for request in server.requests)
    # the second of the two in flight was on its way already; the rest starts after the wait
    assert len(others) == 4
    assert sum(at < refused_at + 0.4 for at in others) <= 1
    assert all(isinstance(outcome, Completion) for outcome in run.outcomes)
    assert run.asker.slots.lowest == 1


def test_h10_limit_is_cut_once_an_episode(tmp_path: Path) -> None:
    """H10: eight refusals at once are one episode: eight in flight become four, not none."""
    refused: list[Script] = [[refuses(429)]] * 8
    with FaultServer(*refused, [FINE]) as server:
        run = ran(tmp_path, server.url, jobs=8, in_flight=8)
    assert all(isinstance(outcome, Completion) for outcome in run.outcomes)
    assert run.asker.slots.lowest == 4


def test_a_failure_says_how_long_it_took(tmp_path: Path) -> None:
    """A request that is refused after 0.1 s was in flight for that time; an answer has its latencies instead."""
    with FaultServer([0.1, refuses(400)], [FINE]) as server:
        run = ran(tmp_path, server.url, jobs=2)
    refused, answered = sorted(run.records, key=lambda record: record.sent_s)
    assert refused.took_s is not None
    assert refused.took_s >= 0.1
    assert answered.took_s is None


@pytest.mark.parametrize("wish", ["0", "-5", "NaN", "abc", "1e9"])
def test_h13_nonsense_is_no_wait(tmp_path: Path, wish: str) -> None:
    """H13: what is no wait is answered with the ordinary back-off, here of up to 0.01 s."""
    with FaultServer([refuses(429, retry_after=wish)], [FINE]) as server:
        run = ran(tmp_path, server.url)
    (attempt,) = run.only.attempts
    assert attempt.wait_s <= 0.01


def test_h14_everything_refused(tmp_path: Path) -> None:
    """H14, R6: 429 for ever ends the target with the advice to lower the concurrency; the budget bounds the resends."""
    with FaultServer([refuses(429)]) as server:
        run = ran(tmp_path, server.url, jobs=200, in_flight=4)
        asked = len({intent.key for intent in run.intents})
        assert len(server.requests) <= asked * 1.1 + 10
    assert asked < 200
    assert "down to 2 in flight: lower --concurrency" in (run.asker.stopped or "")


@pytest.mark.slow
def test_h10_refusals_waited_out_as_asked_are_free(tmp_path: Path) -> None:
    """H10: five of six are refused with a wait of 5 ms: no sample and no target is given up, however many."""
    limited: list[Script] = [[refuses(429, retry_after_ms="5")]] * 5
    scripts = [script for _ in range(12) for script in (*limited, [FINE])]
    with FaultServer(*scripts) as server:
        run = ran(tmp_path, server.url, jobs=12, in_flight=3, rules=HASTY)
    assert [isinstance(outcome, Completion) for outcome in run.outcomes] == [True] * 12
    assert run.asker.limited_budget.used_by() == ""


def test_h14_waits_without_end(tmp_path: Path) -> None:
    """H14: where no answer comes between, the target is given up after eight waits, and the message counts them."""
    with FaultServer([refuses(429, retry_after_ms="5")]) as server:
        run = ran(tmp_path, server.url, jobs=30, in_flight=1, rules=HASTY)
        assert len(server.requests) == 1 + retry.FRUITLESS
    assert "after 8 waits in a row" in (run.asker.stopped or "")


def test_h10_allowance_used_up_holds_the_next_request(tmp_path: Path) -> None:
    """H10: an answer says that nothing is left for 0.3 s: nobody asks before, and nobody is refused."""
    spent = chunked(
        event(says("Hello")), event(STOP), event(DONE), x_ratelimit_remaining_requests="0",
        x_ratelimit_reset_requests="300ms",
    )  # fmt: skip
    with FaultServer([spent], [FINE]) as server:
        run = ran(tmp_path, server.url, jobs=2)
        first, second = (request.at_s for request in server.requests)
    assert all(isinstance(outcome, Completion) for outcome in run.outcomes)
    assert second - first >= 0.3


def test_h15_each_cause_has_its_own_budget(tmp_path: Path) -> None:
    """H15, H10: many server errors and one rate limit: the errors use up their budget, the run goes on and says so."""
    scripts: list[Script] = [[refuses(503, "no luck")]] * 40 + [[refuses(429)]]
    with FaultServer(*scripts, [FINE]) as server:
        run = ran(tmp_path, server.url, jobs=40, in_flight=4)
    assert run.asker.stopped is None
    given_up = [outcome.message for outcome in run.outcomes if isinstance(outcome, Failure)]
    assert given_up
    assert any("one request in ten was already (" in message and "x server" in message for message in given_up)
    assert run.asker.limited_budget.used_by() == "1 x rate_limited"


def test_h17_error_in_a_stream_is_what_it_is_with_a_status(tmp_path: Path) -> None:
    """H17: an unknown model inside a 200 stream stops the target as a 400 does."""
    with FaultServer([stream({"error": {"message": "no", "code": "invalid_model"}})]) as server:
        run = ran(tmp_path, server.url, jobs=8)
        assert len(server.requests) == 1
    assert run.asker.stopped is not None


def test_h15_everything_fails(tmp_path: Path) -> None:
    """H15, R6: 503 for ever: every sample is asked, and of 100 requests at most 10 + 10 are sent again."""
    with FaultServer([refuses(503)]) as server:
        run = ran(tmp_path, server.url, jobs=100, in_flight=8)
        assert len(server.requests) == 120
    assert run.asker.stopped is None
    assert [outcome.kind for outcome in run.outcomes if isinstance(outcome, Failure)] == ["server"] * 100
    assert max(len(record.attempts) for record in run.records) <= 5


# ---------------------------------------------------------------- nobody there


def test_n16_network_down_and_back(tmp_path: Path) -> None:
    """N16: while the server cannot be reached nothing is sent, and the one attempt there is stays unused."""
    with FaultServer([FINE]) as gone:
        port = gone.port
    servers: list[FaultServer] = []

    def comes_back() -> None:
        if not servers:  # after the first refused connection
            servers.append(FaultServer([FINE], port=port).__enter__())

    rules = retry.Rules(attempts=1, unknown=0)
    run = ran(tmp_path, gone.url, jobs=5, in_flight=2, rules=rules, changed=comes_back)
    servers[0].die()
    assert [isinstance(outcome, Completion) for outcome in run.outcomes] == [True] * 5
    kinds = {attempt.failure.kind for record in run.records for attempt in record.attempts}
    assert kinds == {"connect"}
    assert run.asker.budget.spent == COST * 5


def test_n16_network_that_stays_away(tmp_path: Path) -> None:
    """N16: an outage of over five minutes, here of three looks at a quick clock, ends the run; a resume asks again."""
    with FaultServer([FINE]) as gone:
        pass
    backoff = Backoff(itertools.count(0, 200).__next__)
    run = ran(tmp_path, gone.url, jobs=3, backoff=backoff)
    assert "nobody answered for 300 s" in (run.asker.stopped or "")
    assert [retry.settled(outcome) for outcome in run.outcomes] == [False]
