"""Requests and tokens a minute, by a clock that is set by hand."""

from evalrun.run.throttle import MARGIN_S, WINDOW_S, Throttle

MINUTE_S = WINDOW_S + MARGIN_S


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_no_minute_has_more_requests_than_the_limit() -> None:
    """Three a minute, sent as soon as they may be: the fourth leaves a minute after the first, and so on."""
    clock = Clock()
    throttle, sent = Throttle(clock, requests=3), []
    for _ in range(7):
        clock.now += max(0.0, throttle.rest_s(10))
        throttle.send(10)
        sent.append(clock.now - 1000)
        clock.now += 1
    assert sent == [0, 1, 2, MINUTE_S, MINUTE_S + 1, MINUTE_S + 2, 2 * MINUTE_S]


def test_tokens_wait_until_enough_are_a_minute_old() -> None:
    """100 a minute: after 60 and 30 (5 s later) 20 more wait for the first, 80 for both."""
    clock = Clock()
    throttle = Throttle(clock, tokens=100)
    throttle.send(60)
    clock.now += 5
    throttle.send(30)
    assert throttle.rest_s(10) == 0.0
    assert throttle.rest_s(20) == MINUTE_S - 5
    assert throttle.rest_s(80) == MINUTE_S


def test_a_request_over_the_limit_alone_goes_alone() -> None:
    """It could never be sent else."""
    clock = Clock()
    throttle = Throttle(clock, tokens=100)
    assert throttle.rest_s(500) == 0.0
    throttle.send(500)
    assert throttle.rest_s(1) == MINUTE_S


def test_an_answer_counts_what_it_took() -> None:
    """90 were set aside and 20 used: 80 more may go; long after, nothing changes."""
    clock = Clock()
    throttle = Throttle(clock, tokens=100)
    spent = throttle.send(90)
    throttle.settle(spent, 20)
    assert throttle.rest_s(80) == 0.0
    clock.now += MINUTE_S
    assert throttle.rest_s(100) == 0.0
    throttle.settle(spent, 90)
    assert throttle.rest_s(100) == 0.0


def test_without_limits_nothing_is_kept() -> None:
    """No wait, and no memory."""
    throttle = Throttle(Clock())
    for _ in range(5):
        throttle.send(10**9)
    assert throttle.rest_s(10**9) == 0.0
