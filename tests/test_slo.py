"""Service-level objectives: times as they are typed, and which latencies keep them."""

import math

import numpy as np
import pytest

from evalrun.slo import Slo, kept, read, seconds

NAN = math.nan


@pytest.mark.parametrize(
    ("text", "value"),
    [("2 s", 2.0), ("50ms", 0.05), ("0.5 s", 0.5), (".5 s", 0.5), ("35 ms", 0.035), ("33.3 ms", 0.0333)],
)
def test_times_are_read_exactly(text: str, value: float) -> None:
    """However a time is typed, the same time is the same number: 35 ms is 0.035 s."""
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["2", "s", "2 min", "-1 s", "0 ms", "1e3 s", "2 s 5", "9" * 400 + " s", "²2 s", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    """A `ValueError` in one short sentence that says what would be right."""
    with pytest.raises(ValueError, match="write") as mistake:
        seconds(text)
    assert len(str(mistake.value)) < 150


def test_an_slo_comes_from_a_stored_suite() -> None:
    """What is not stated is left out; equal times are equal; a suite of an earlier version has none."""
    stated = read({"slo": {"ttft": "2 s", "tpot": "50 ms", "e2e": None}})
    assert stated == read({"slo": {"ttft": "2000 ms", "tpot": "0.05 s"}})
    assert (stated.stated, str(stated)) == ({"ttft": 2.0, "tpot": 0.05}, "TTFT 2 s, TPOT 50 ms")
    assert not read({"slo": {"ttft": None}})
    assert str(read({})) == "none"


SLO = Slo(ttft=1.0, tpot=0.05, e2e=9.0)


@pytest.mark.parametrize(
    ("ttft", "tpot", "e2e", "within", "beyond"),
    [
        (1.0, 0.05, 9.0, True, False),  # at the limit is within it
        (1.1, 0.05, 9.0, False, True),
        (1.0, 0.06, 9.0, False, True),
        (1.0, 0.05, 9.1, False, True),
        (0.5, NAN, 0.5, True, False),  # one token, or one burst
        (0.5, NAN, 0.7, False, False),  # tokens that nothing counted, over longer than one may take
        (NAN, NAN, NAN, False, False),  # not streamed
        (NAN, NAN, 9.1, False, True),  # one broken for certain is enough
    ],
)
def test_a_request_is_within_beyond_or_unknown(
    ttft: float, tpot: float, e2e: float, within: bool, beyond: bool
) -> None:
    """Within is shown of every SLO, beyond of one; numbers and arrays are judged alike."""
    assert kept(SLO, ttft=ttft, tpot=tpot, e2e=e2e) == (within, beyond)
    many = kept(SLO, ttft=np.array([ttft]), tpot=np.array([tpot]), e2e=np.array([e2e]))
    assert (many.within.tolist(), many.beyond.tolist()) == ([within], [beyond])


def test_only_what_is_stated_counts() -> None:
    """An unknown latency of which nothing is promised is no obstacle."""
    assert kept(Slo(e2e=9.0), ttft=NAN, tpot=NAN, e2e=8.0) == (True, False)
