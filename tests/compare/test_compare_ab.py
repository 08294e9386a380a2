"""Latencies without drift: what the control shows of the moment is divided out of the others."""

import numpy as np
import pytest

from evalrun.compare.ab import SLICE, in_step, without_drift
from evalrun.compare.contrast import compare_targets
from evalrun.compare.side import Side, SideCell, facts
from evalrun.errors import SuiteError
from evalrun.requests import HEADLINE, Conditions, Requests, State
from evalrun.stats.verdict import Comparison


def cell(target: str, e2e: list[float], *, late_first: bool = False) -> SideCell:
    """Make a cell of one request a sample, asked in order (or the last sample first); an infinite one failed."""
    n, took = len(e2e), np.array(e2e)
    failed = np.isinf(took)
    at = np.arange(n) * 100
    columns = {
        "place": np.zeros(n, np.int32), "sample": np.arange(n, dtype=np.uint64), "failure": failed.astype(np.uint8),
        "state": np.where(failed, State.FAILED, State.RIGHT), "offset": at[::-1].copy() if late_first else at,
        "ttft_s": took, "e2e_s": took,
    }  # fmt: skip
    requests = Requests(
        facts("s"), columns, names={"failure": ("", "stall")}, tasks=["t"], targets=[target],
        scores={HEADLINE: {"value": np.where(failed, np.nan, 1.0)}},
    )  # fmt: skip
    return SideCell(
        task="t",
        target=target,
        requests=requests,
        conditions=Conditions(load=target),
        planned=n,
        throughput=1.0,
    )


def latency(side: Side, target: str, name: str = "e2e") -> list[float]:
    found = side.cells["t", target].latency(name)
    assert found is not None
    return [float(value) for value in found]


def side(*cells: SideCell) -> Side:
    return Side(name="r", kind="run", suite="s", run="r", cells={(one.task, one.target): one for one in cells})


def test_drift_is_the_controls_median_by_slice() -> None:
    """The control takes 1 s in its first slice and 3 s in its second: a median of 1 s, drift 1 and 3. A target of
    10 s and 30 s then takes 10 s throughout; the control itself is left as it was."""
    rough = [1.0] * SLICE + [3.0] * SLICE
    ready = without_drift(side(cell("A", [10 * s for s in rough]), cell("C", rough)), "C")
    assert latency(ready, "A") == pytest.approx([10.0] * 2 * SLICE)
    assert latency(ready, "C") == pytest.approx(rough)
    assert np.isnan(latency(ready, "A", "tpot")).all()  # the control has none


def test_slices_go_by_the_order_of_asking() -> None:
    """Cells are ordered by sample; slices by the journal. Asked the other way round, the slices are the same halves."""
    rough = [1.0] * SLICE + [3.0] * SLICE
    ready = without_drift(side(cell("A", rough), cell("C", rough, late_first=True)), "C")
    assert latency(ready, "A") == pytest.approx([1.0] * 2 * SLICE)


def test_a_failure_of_the_control_is_no_drift_and_one_of_a_target_stays() -> None:
    """An infinite latency of the control is left out of its median; one of a target is still a failure."""
    ready = without_drift(side(cell("A", [2.0, np.inf, 2.0]), cell("C", [np.inf, 1.0, 1.0])), "C")
    assert latency(ready, "A") == pytest.approx([2.0, np.inf, 2.0])


def test_a_request_without_its_counterpart_has_no_latency() -> None:
    """The run stopped before the control was asked the third sample."""
    ready = without_drift(side(cell("A", [2.0, 2.0, 2.0]), cell("C", [1.0, 1.0])), "C")
    assert latency(ready, "A") == pytest.approx([2.0, 2.0, np.nan], nan_ok=True)


def e2e_p50(ready: Side) -> Comparison:
    row = compare_targets(ready, base="A", new="B").pairs[0].row("e2e_p50")
    assert row is not None
    assert row.comparison is not None
    return row.comparison


def test_normalising_lets_a_smaller_difference_be_seen() -> None:
    """B is 20 % slower; the drift of slices swings by a factor of 16, requests by 10 %. With the drift divided out
    the interval holds the 20 %, and the smallest difference that could be seen is not half of what it was."""
    rng = np.random.default_rng(5)
    rough = np.repeat(rng.choice([0.5, 1.0, 2.0, 4.0, 8.0], 10), SLICE)
    a, b, c = (rough * factor * np.exp(rng.normal(0, 0.1, len(rough))) for factor in (1.0, 1.2, 1.0))
    runs = in_step(side(cell("A", a.tolist()), cell("B", b.tolist()), cell("C", c.tolist())))
    raw, found = e2e_p50(runs), e2e_p50(without_drift(runs, "C"))
    assert (found.low or 1) < 0.2 < (found.high or 0)
    assert (found.mde or 1) < (raw.mde or 0) / 2


def test_in_step_no_throughput_is_compared() -> None:
    """The pace is the slowest target's, and there is one load: latencies are compared whatever `rate` says."""
    ready = in_step(side(cell("A", [1.0, 1.0]), cell("B", [1.0, 1.0])))
    assert e2e_p50(ready).difference == 0
    assert all(one.throughput is None for one in ready.cells.values())


def test_a_control_that_was_not_asked_is_refused() -> None:
    """The sentence says what is missing."""
    with pytest.raises(SuiteError, match="the control 'C' was not asked t"):
        without_drift(side(cell("A", [1.0])), "C")
