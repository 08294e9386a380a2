"""`evalrun report`, and the report.html that every run carries."""

from collections.abc import Callable
from pathlib import Path

import pytest
from written_runs import asked, write_run

from evalrun.errors import SuiteError

Here = Callable[..., int]


def test_a_run_carries_its_report(suite: Callable[..., Path], evalrun: Callable[..., object], tmp_path: Path) -> None:
    """A run ends with a page of its requests; scoring it again gives the same bytes."""
    evalrun(suite(3))
    (path,) = tmp_path.glob("results/sums/*/report.html")
    first = path.read_bytes()
    assert first.startswith(b"<!doctype html>")
    evalrun("score", path.parent)
    assert path.read_bytes() == first


def test_several_runs_need_a_file(here: Here, tmp_path: Path) -> None:
    """One run's report is written into its folder; several runs have no folder in common."""
    (tmp_path / "sums").mkdir()
    runs = [write_run(tmp_path / "sums" / name, asked("rw"), day=day) for day, name in enumerate("ab", start=1)]
    assert here("report", runs[0]) == 0
    assert (runs[0] / "report.html").exists()
    with pytest.raises(SuiteError, match="several runs have no folder in common"):
        here("report", *runs)
    assert here("report", *runs, "-o", tmp_path / "both.html") == 0
    assert b"<h1>sums, a against sums, b</h1>" in (tmp_path / "both.html").read_bytes()
