"""The limit on requests in flight, and the backoff that holds all of them."""

import asyncio

from evalrun.retry import Rules
from evalrun.run.slots import COOL_DOWN_S, Backoff, Slots


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_no_more_in_flight_than_the_limit() -> None:
    """The third acquire of a limit of two waits for a release."""

    async def scenario() -> None:
        slots = Slots(2, Clock())
        await slots.acquire()
        await slots.acquire()
        third = asyncio.ensure_future(slots.acquire())
        await asyncio.sleep(0)
        assert not third.done()
        slots.release()
        await third
        assert slots.in_flight == 2

    asyncio.run(scenario())


def test_one_burst_of_429s_cuts_once() -> None:
    """16 -> 8 on the first 429, no further within the cool-down, 4 after it, never below 1."""
    clock = Clock()
    slots = Slots(16, clock)
    slots.cut()
    slots.cut()
    assert slots.limit == 8
    for expected in (4, 2, 1, 1):
        clock.now += COOL_DOWN_S
        slots.cut()
        assert slots.limit == expected
    assert slots.lowest == 1


def test_a_full_round_of_successes_gives_one_slot_back() -> None:
    """After a cut to 2: two successes give 3, three more give 4, and never more than was asked for."""
    slots = Slots(4, Clock())
    slots.cut()
    limits = []
    for _ in range(9):
        slots.succeeded()
        limits.append(slots.limit)
    assert limits == [2, 3, 3, 3, 4, 4, 4, 4, 4]


def test_every_change_of_the_limit_is_told_once_with_its_reason() -> None:
    """2 -> 1, a second cut changes nothing; back at 2, the first reason holds again."""
    clock, told = Clock(), []
    slots = Slots(2, clock, why="open files")
    slots.on_change = lambda why: told.append((slots.limit, why))
    assert slots.why == "open files"
    slots.cut()
    assert slots.why == "refused"
    clock.now += COOL_DOWN_S
    slots.cut()  # 1 already: nothing changed
    slots.succeeded()
    assert told == [(1, "refused"), (2, "recovered")]
    assert slots.why == "open files"


def test_the_backoff_grows_with_each_failed_attempt_of_an_outage() -> None:
    """Requests that fail together count as one attempt; waits go 0.5, 1, 2 s; how long it lasts is returned."""
    clock = Clock()
    backoff = Backoff(clock)
    assert backoff.unreachable() == 0.0
    assert backoff.unreachable() == 0.0  # at the same time
    clock.now += 0.5
    assert backoff.unreachable() == 0.5  # holds 1 s
    clock.now += 0.75
    assert backoff.unreachable() == 1.25  # still held: no new attempt
    clock.now += 0.25
    assert backoff.unreachable() == 1.5
    backoff.reached()
    clock.now += 50
    assert backoff.unreachable() == 0.0


def test_requests_sent_again_keep_to_the_limit() -> None:
    """Four in flight, cut to two: two are out, a third is told to look again after one of them came back."""

    async def scenario() -> None:
        slots = Slots(4, Clock())
        slots.cut()
        for _ in range(2):
            assert await slots.may_send()
            slots.sent()
        third = asyncio.ensure_future(slots.may_send())
        await asyncio.sleep(0)
        assert not third.done()
        slots.came_back()
        assert not await third
        assert await slots.may_send()

    asyncio.run(scenario())


def test_waits_asked_for_grow_where_they_bring_nothing() -> None:
    """1 s asked each time: held 1, 1, then 2, 4 s by the backoff (0.5 s doubled); refusals together are one wait."""
    clock, rules = Clock(), Rules(backoff_s=(0.5, 60.0))
    backoff, held = Backoff(clock), []
    for number in (1, 2, 3, 4):
        assert backoff.asked(1.0, rules) == number
        assert backoff.asked(1.0, rules) == number  # at the same time
        held.append(backoff.rest_s())
        clock.now += backoff.rest_s()
    assert held == [1.0, 1.0, 2.0, 4.0]
    backoff.reached()
    assert backoff.asked(1.0, rules) == 1
