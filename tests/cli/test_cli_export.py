"""`evalrun export`, and the requests.parquet that every run carries."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from written_runs import asked, write_run

from evalrun.errors import SuiteError

Here = Callable[..., int]


def test_a_run_carries_its_requests(suite: Callable[..., Path], evalrun: Callable[..., object], tmp_path: Path) -> None:
    """A run ends with a row for each of its requests; scoring it again gives the same bytes."""
    evalrun(suite(3))
    (path,) = tmp_path.glob("results/sums/*/requests.parquet")
    rows = pq.read_table(path).to_pylist()
    assert sorted((row["sample"], row["expected"], row["extracted"], row["score.numeric"]) for row in rows) == [
        ("1", "1", "1", 1.0), ("2", "2", "2", 1.0), ("3", "3", "3", 1.0),
    ]  # fmt: skip
    assert all(row["ttft_s"] > 0 and row["cost_usd"] > 0 and row["failure"] is None for row in rows)
    first = path.read_bytes()
    evalrun("score", path.parent)
    assert path.read_bytes() == first


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_several_runs_go_into_one_file(here: Here, tmp_path: Path, form: str) -> None:
    """The file has the requests of all runs that are named."""
    runs = [write_run(tmp_path / name, asked("rw"), day=day) for day, name in enumerate("ab", start=1)]
    path = tmp_path / "out" / f"all.{form}"
    assert here("export", *runs, "--format", form, "-o", path) == 0
    if form == "parquet":
        assert pq.read_table(path).column("run").to_pylist() == ["a", "a", "b", "b"]
    else:
        assert len(path.read_text().splitlines()) == 4 + (form == "csv")
    if form == "jsonl":
        assert json.loads(path.read_text().splitlines()[-1])["score.numeric"] == 0.0


def test_an_unknown_format_is_refused(here: Here, tmp_path: Path) -> None:
    """Nothing is written, and the formats there are are named."""
    run = write_run(tmp_path / "a", asked("r"))
    with pytest.raises(SuiteError, match="parquet, csv, jsonl"):
        here("export", run, "--format", "xlsx", "-o", tmp_path / "x")
    assert not (tmp_path / "x").exists()
