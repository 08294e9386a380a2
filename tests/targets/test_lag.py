"""The client's own lag, its stamps, and the turns that keep it low."""

import asyncio
import math
import time

from hypothesis import given
from hypothesis import strategies as st

from evalrun.targets.transport.lag import Histogram, LagMeter
from evalrun.targets.transport.stamped import arrival_ns


def test_a_stamp_is_its_age_on_the_monotonic_clock():
    """Stamped at 1000 on the wall, read at 1300 there and at 500 here: arrived at 200 here."""
    assert arrival_ns(1000, wall_ns=1300, now_ns=500, previous_ns=100) == 200


def test_a_stamp_that_cannot_be_right_is_refused():
    """A wall clock set back or forward while bytes lay waiting, or an arrival before its cause, gives none (C01)."""
    hour = 3600 * 10**9
    assert arrival_ns(1000 + hour, wall_ns=1300, now_ns=500, previous_ns=0) is None
    assert arrival_ns(1000, wall_ns=1300 + hour, now_ns=500 + hour, previous_ns=0) is None
    assert arrival_ns(1000, wall_ns=1300, now_ns=500, previous_ns=201) is None


@given(st.lists(st.integers(0, 10**12), min_size=1), st.floats(0, 1))
def test_a_quantile_is_never_too_low_and_at_most_an_eighth_too_high(values, q):
    """The histogram against the sorted values, for any values and any quantile."""
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    true = sorted(values)[max(math.ceil(q * len(values)) - 1, 0)]
    assert true <= histogram.quantile_ns(q) <= true * 9 / 8
    assert histogram.max_ns == max(values)


def test_odd_durations_are_counted():
    """Negative is 0 and absurd is long; nothing is lost or raised."""
    histogram = Histogram()
    for value in (-5, 0, 2**80):
        histogram.add(value)
    assert histogram.count == 3
    assert histogram.quantile_ns(0.5) == 0


def test_a_held_up_loop_shows_by_how_long_and_how_often():
    """A loop held up for 0.3 s ran late by up to that, and all ticks it swallowed count; an idle client counts none."""

    async def work():
        busy, lag = True, LagMeter()
        assert lag.quantile_s(0.99) is None
        lag.watch(lambda: busy)
        await asyncio.sleep(0.02)
        time.sleep(0.3)
        await asyncio.sleep(0.02)
        seen = lag.quantile_s(1.0), lag.loop.count
        busy = False
        lag.clear()
        time.sleep(0.1)
        await asyncio.sleep(0.05)
        lag.stop()
        return *seen, lag.quantile_s(1.0)

    longest_s, count, idle_s = asyncio.run(work())
    assert longest_s >= 0.28
    assert count >= 28
    assert idle_s is None
