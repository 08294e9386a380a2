"""How much lower a gap between token events may be than recorded: events that came in one read share their instant."""

from types import SimpleNamespace

import numpy as np
import pytest

from evalrun.requests.latency import Gaps, _gap_s
from evalrun.types import Timing

TIMING = Timing(
    connect_s=0.0, reused=True, stamp="kernel", gap_bound_s=0.004, last_bound_s=0.002,
    icl_s=(0.005, 0.005, 0.010, 0.0, 0.005),  # the fourth and fifth event came in one read
)  # fmt: skip


def lowered(gaps: Gaps, timing: Timing) -> list[float]:
    """Return the least that the gaps of one record may have been, ascending, in ms."""
    record = SimpleNamespace(timing=timing, session=1, target="sim", sample=SimpleNamespace(task="sums"))
    gaps.add([record])
    counts = gaps.earliest[1, "sums", "sim"]
    return [1000 * _gap_s(int(number)) for number in np.repeat(np.arange(len(counts)), counts)]


def test_only_gaps_beside_a_shared_instant_may_be_off() -> None:
    """The gap to the read and that within it, and the last one, by the bound of the last event; two are exact."""
    assert lowered(Gaps(), TIMING) == pytest.approx([0, 3, 5, 5, 6], rel=2e-3)


def test_with_tls_every_gap_may_be_off() -> None:
    """A read may end within a record of TLS, so that an event which came alone is not exact either."""
    assert lowered(Gaps({"sim"}), TIMING) == pytest.approx([0, 1, 1, 3, 6], rel=2e-3)


def test_without_a_shared_instant_every_gap_may_be_off() -> None:
    """Nothing says where the bound is from: it counts for all but the last."""
    apart = Timing(connect_s=0.0, reused=True, stamp="kernel", gap_bound_s=0.004, icl_s=(0.005, 0.010))
    assert lowered(Gaps(), apart) == pytest.approx([1, 10], rel=2e-3)


def test_exact_reads_leave_gaps_as_they_are() -> None:
    """Several events of one segment share their instant and are exact: the bound is 0."""
    exact = Timing(connect_s=0.0, reused=True, stamp="kernel", gap_bound_s=0.0, icl_s=(0.005, 0.0, 0.010))
    assert lowered(Gaps(), exact) == pytest.approx([0, 5, 10], rel=2e-3)
