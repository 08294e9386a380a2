"""Where a change in score comes from, by hand."""

from pathlib import Path

import pytest
from written_runs import asked, write_run

from evalrun.compare.change import parts
from evalrun.compare.read import read_run
from evalrun.compare.side import Matching
from evalrun.compare.values import Part


def parts_of(folder: Path, base: str, new: str) -> dict[str, Part]:
    cells = [read_run(write_run(folder / name, asked(word))) for name, word in (("base", base), ("new", new))]
    old, now = (side.cells["add", "sim"] for side in cells)
    return {part.cause: part for part in parts(Matching(old, now, prices=None))}


def test_each_cause_has_its_share(tmp_path: Path) -> None:
    """Ten requests: lost to a wrong answer, a failure, a cut, no answer, a dispute; two come back."""
    found = parts_of(tmp_path, "rrrrrrrwft", "rwftnduurr")
    shown = {cause: (part.requests, part.change) for cause, part in found.items()}
    assert shown == {
        "capability": (2, pytest.approx(-0.1)),  # q0 stays right, q1 is lost
        "transport": (2, pytest.approx(0.0)),  # q2 is lost to a failure, q8 comes back from one
        "truncation": (2, pytest.approx(0.0)),  # q3, q9
        "no answer": (3, pytest.approx(-0.2)),  # q4 and q6 had been right, q7 not
        "disputed": (1, pytest.approx(-0.1)),  # q5
    }


def test_parts_add_up_and_lie_within_their_bounds(tmp_path: Path) -> None:
    """The parts add up to the change of the mean; each is between what the spoilt answers could have made of it."""
    found = parts_of(tmp_path, "rrrrrrrwft", "rwftnduurr")
    assert sum(part.change for part in found.values()) == pytest.approx(3 / 10 - 7 / 10)
    assert all(part.low <= part.change <= part.high for part in found.values())
    transport = found["transport"]
    # q2: right, then failed: -1 or 0. q8: failed, then right: 0 or +1.
    assert (transport.low, transport.high) == (pytest.approx(-0.1), pytest.approx(0.1))
    assert found["capability"].low == found["capability"].high


def test_a_failure_goes_before_a_cut(tmp_path: Path) -> None:
    """Truncated on one side and failed on the other is transport; both unknown, the bounds are a whole point wide."""
    part = parts_of(tmp_path, "t", "f")["transport"]
    assert (part.requests, part.change, part.low, part.high) == (1, 0.0, -1.0, 1.0)
