"""Expressions and orders over the request table, on values chosen by hand."""

from pathlib import Path

import numpy as np
import pytest
from written_runs import Asked, write_run

from evalrun.errors import SuiteError
from evalrun.requests import Requests, read
from evalrun.requests.chosen import ordered, where

ASKED = (
    Asked("q0", "r", ttft_s=0.5), Asked("q1", "w", ttft_s=2.5, flags=("no_done_marker",)), Asked("q2", "f"),
    Asked("q3", "r", ttft_s=3.0, output=None),
)  # fmt: skip


@pytest.fixture
def requests(tmp_path: Path) -> Requests:
    """Return q0 right after 0.5 s, q1 wrong after 2.5 s, q2 failed, q3 right after 3 s."""
    return read(write_run(tmp_path / "run", ASKED))


def ids(requests: Requests, text: str) -> set[str]:
    """Return the samples of which an expression is true."""
    return {requests.record(row).sample.id for row in np.flatnonzero(where(requests, text)).tolist()}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ttft_s > 2", {"q1", "q3"}),
        ("not ttft_s > 2", {"q0", "q2"}),  # what is unknown satisfies no comparison
        ("ttft_s != 3", {"q0", "q1"}),
        ("0.4 < ttft_s <= 2.5", {"q0", "q1"}),
        ("ttft_s > 2 and score == 1 or state == 'failed'", {"q2", "q3"}),
        ("failure == 'stall'", {"q2"}),
        ("flags == 'no_done_marker'", {"q1"}),
        ("target == 'sim' and not flags == 'no_done_marker'", {"q0", "q2", "q3"}),
        ("target == 'nobody'", set()),
        ("repeat > -1", {"q0", "q1", "q2", "q3"}),
    ],
)
def test_an_expression_chooses_rows(requests: Requests, text: str, wanted: set[str]) -> None:
    """Comparisons, `and`, `or`, `not`, chains."""
    assert ids(requests, text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('x')", "ttft_s.real > 1", "[1][0] > 0", "ttft_s + 1 > 2", "(lambda: 1)() == 1", "1",
        "ttft_s", "ttft_s in (1, 2)", "ttft_s == None", "score == 'x'", "state < 'x'", "'", "((((", "not " * 400,
        "x" * 2_000, "ttft_s > 9" + "9" * 900, "\x00", "",
    ],
)  # fmt: skip
def test_anything_else_is_refused(requests: Requests, text: str) -> None:
    """No call, no attribute, no arithmetic, no depth: an error that begins with the option."""
    with pytest.raises(SuiteError, match=r"^--where"):
        where(requests, text)


def test_an_order_has_unknown_values_last(requests: Requests) -> None:
    """Both ways; texts by the alphabet."""
    rows = np.arange(4)
    names = [requests.record(row).sample.id for row in range(4)]
    up = [names[row] for row in ordered(requests, rows, "ttft_s").tolist()]
    down = [names[row] for row in ordered(requests, rows, "-ttft_s").tolist()]
    assert (up, down) == (["q0", "q1", "q3", "q2"], ["q3", "q1", "q0", "q2"])
    assert names[int(ordered(requests, rows, "-failure")[0])] == "q2"
