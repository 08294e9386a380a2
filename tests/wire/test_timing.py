"""wire.timing: every latency from a handful of integers, and every reason for there being none."""

import pytest

from evalrun.types import Timing
from evalrun.wire.pace import Pace
from evalrun.wire.timing import Bounds, timing, was_suspended

MS = 1_000_000


def test_four_instants_give_every_latency() -> None:
    """Sent at 100 ms, tokens at 150, 160, 200 ms, closed at 210 ms: the picture of the module, by hand."""
    got = timing(
        100 * MS,
        [150 * MS, 160 * MS, 200 * MS],
        connect_ns=30 * MS,
        first_byte_ns=140 * MS,
        first_answer_ns=160 * MS,
        closed_ns=210 * MS,
        pace=Pace(0.0125, 4.0, "sizes"),
        stamp="kernel",
    )
    assert got == Timing(
        connect_s=0.030,
        reused=False,
        first_byte_s=0.040,
        ttft_s=0.050,
        ttfo_s=0.060,
        e2e_s=0.100,
        stream_s=0.110,
        tpot_s=0.0125,
        tpot_tokens=4.0,
        tpot_basis="sizes",
        max_stall_s=0.040,
        icl_s=(0.010, 0.040),
        stamp="kernel",
    )


def test_bounds_are_of_the_first_the_last_and_the_widest_before_it() -> None:
    """Three pieces with tokens, which may have come 3, 7 and 2 ms before their stamps."""
    bounds = Bounds()
    for width_ms, first in ((3, True), (7, False), (2, False)):
        bounds.add(width_ms * MS, events=1, first=first)
    got = timing(0, [10 * MS, 20 * MS, 30 * MS], connect_ns=None, stamp="kernel", bounds=bounds)
    assert (got.first_bound_s, got.last_bound_s, got.gap_bound_s) == (0.003, 0.002, 0.007)
    exact = timing(0, [10 * MS], connect_ns=None, stamp="kernel", bounds=Bounds())
    assert (exact.first_bound_s, exact.last_bound_s, exact.gap_bound_s) == (0.0, 0.0, 0.0)
    unknown = timing(0, [10 * MS], connect_ns=None, stamp="user", bounds=bounds)
    assert (unknown.first_bound_s, unknown.last_bound_s, unknown.gap_bound_s) == (None, None, None)


def test_what_was_not_observed_is_none() -> None:
    """No token event, a reused connection, a closed loop: None and not 0, but for connecting, which took none."""
    assert timing(100, [], connect_ns=None) == Timing(connect_s=0.0, reused=True)


def test_an_answer_that_began_before_the_request_was_out_has_no_latency() -> None:
    """A negative duration is never printed."""
    got = timing(100, [90, 300], connect_ns=0, first_byte_ns=80)
    assert (got.first_byte_s, got.ttft_s, got.e2e_s) == (None, None, 2e-7)


def test_a_sleep_of_the_machine_shows_between_two_clocks() -> None:
    """N20: the monotonic clock went on for 2 s, the other for 3600 s: it slept. Apart by microseconds: it did not."""
    assert was_suspended((10, 1000), (10 + 2 * 10**9, 1000 + 3600 * 10**9))
    assert not was_suspended((10, 1000), (10 + 2 * 10**9, 1000 + 2 * 10**9 + 5000))


@pytest.mark.parametrize(
    ("widths_ms", "events", "bound_s"),
    [
        ((0, 0, 4), (1, 1, 1), 0.0),  # the last gap is not the longest: the longest is exact
        ((0, 4, 0), (1, 1, 1), 0.004),  # an event in the middle
        ((4,), (3,), 0.004),  # one piece with all events
        ((0, 4), (1, 2), 0.004),  # the last piece has an event before the last one
    ],
)
def test_a_gap_may_be_smaller_by_the_bound_of_the_event_that_ends_it(
    widths_ms: tuple[int, ...], events: tuple[int, ...], bound_s: float
) -> None:
    """Gaps of 20 and 10 ms: `gap_bound_s` is about any gap but the last, and about the longest."""
    bounds = Bounds()
    for number, (width_ms, several) in enumerate(zip(widths_ms, events, strict=True)):
        bounds.add(width_ms * MS, events=several, first=number == 0)
    got = timing(0, [10 * MS, 30 * MS, 40 * MS], connect_ns=None, stamp="kernel", bounds=bounds)
    assert got.gap_bound_s == pytest.approx(bound_s)


def test_the_longest_gap_may_be_the_last() -> None:
    """Gaps of 10 and 20 ms, the last event perhaps 4 ms earlier: the longest was 16 ms at least."""
    bounds = Bounds()
    for number, width_ms in enumerate((0, 0, 4)):
        bounds.add(width_ms * MS, events=1, first=number == 0)
    got = timing(0, [10 * MS, 20 * MS, 40 * MS], connect_ns=None, stamp="kernel", bounds=bounds)
    assert (got.gap_bound_s, got.last_bound_s) == (pytest.approx(0.004), 0.004)
