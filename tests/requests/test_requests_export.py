"""requests.parquet and its relatives hold what the journal and the scores say, and read without evalrun."""

import csv
import io
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from written_runs import Asked, asked, write_run

from evalrun import requests
from evalrun.requests import export

DOCUMENTED = Path(__file__).parents[2] / "docs" / "results.md"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run of a right, a wrong, a truncated and a failed request, and one that was asked twice."""
    return write_run(tmp_path / "run", [*asked("rwtf"), Asked("q4"), Asked("q4", "w", repeat=1)])


def rows(run: Path) -> list[dict[str, object]]:
    export.write(requests.read(run))
    found: list[dict[str, object]] = pq.read_table(run / export.NAME).to_pylist()
    return found


def test_a_row_is_what_became_of_a_request(run: Path) -> None:
    """Rows are in the journal's order; texts, states, tokens and scores are those of the record and its score."""
    first, _, cut, failed, *_, again = rows(run)
    assert (first["sample"], first["repeat"], first["answer"], first["extracted"]) == ("q0", 0, "it is 0", "4")
    assert (first["state"], first["score.numeric"], first["tokens"], first["ttft_s"]) == ("right", 1.0, 20, 0.1)
    assert (cut["state"], cut["finish_reason"]) == ("truncated", "length")
    assert (failed["state"], failed["failure"], failed["failure_message"]) == ("failed", "stall", "no byte for 120 s")
    assert {failed[name] for name in ("answer", "tokens", "ttft_s", "score.numeric", "finish_reason")} == {None}
    assert (again["sample"], again["repeat"], again["extracted"], again["expected"]) == ("q4", 1, "5", "4")


def test_every_column_is_documented(run: Path) -> None:
    """docs/results.md names each column with its type, in the file's order."""
    page = DOCUMENTED.read_text(encoding="utf-8").partition("## requests.parquet")[2]
    documented = re.findall(r"^\| `([a-z0-9_]+)` \| ([a-z0-9 ]+) \|", page, re.MULTILINE)
    types = {"list<element: string>": "list of strings", "list<item: string>": "list of strings"}
    export.write(requests.read(run))
    schema = pq.read_schema(run / export.NAME)
    fixed = [(field.name, types.get(str(field.type), str(field.type))) for field in schema if "." not in field.name]
    assert fixed == documented
    assert schema.metadata[b"evalrun.requests"] == str(export.VERSION).encode()


def test_it_is_made_again_byte_for_byte(run: Path) -> None:
    """The file is derived: the same run gives the same bytes."""
    first = export.write(requests.read(run)).read_bytes()
    (run / export.NAME).unlink()
    assert export.write(requests.read(run)).read_bytes() == first


def test_all_formats_say_the_same(run: Path) -> None:
    """CSV and JSON lines have the rows and columns of the Parquet file; unknown is empty or null."""
    table = requests.read(run)
    plain = [json.loads(line) for line in b"".join(export.jsonl([table])).splitlines()]
    assert plain == rows(run)
    lines = list(csv.DictReader(io.StringIO(b"".join(export.comma_separated([table])).decode())))
    assert list(lines[0]) == list(plain[0])
    assert [line["ttft_s"] for line in lines] == ["" if row["ttft_s"] is None else "0.1" for row in plain]


def test_several_runs_share_one_file(run: Path, tmp_path: Path) -> None:
    """The column `run` tells them apart."""
    other = write_run(tmp_path / "other", asked("rr"), day=2)
    table = export.arrow([requests.read(run), requests.read(other)])
    assert table.column("run").to_pylist() == ["run"] * 6 + ["other"] * 2


def test_a_run_without_requests_has_the_columns(tmp_path: Path) -> None:
    """Nothing was asked: no row, all columns."""
    run = write_run(tmp_path / "empty", [], samples=3)
    assert rows(run) == []


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_batches_change_nothing(run: Path, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows are written at a time, the rows are the same."""
    whole = rows(run)
    monkeypatch.setattr(export, "MOST_ROWS", batch)
    assert rows(run) == whole


def test_long_answers_make_small_batches(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch ends where its lines are long, after one row at least."""
    whole = rows(run)
    monkeypatch.setattr(export, "MOST_BYTES", 1)
    assert rows(run) == whole
    assert pq.ParquetFile(run / export.NAME).num_row_groups == len(whole)


@pytest.mark.parametrize("library", ["pandas", "polars", "duckdb"])
def test_it_reads_without_evalrun(run: Path, library: str) -> None:
    """Three common readers give the same mean score."""
    module = pytest.importorskip(library)
    export.write(requests.read(run))
    path = str(run / export.NAME)
    if library == "duckdb":
        mean = module.sql(f"""SELECT avg("score.numeric") FROM '{path}' WHERE state <> 'failed'""").fetchall()[0][0]
    else:
        frame = module.read_parquet(path)
        mean = frame["score.numeric"].mean()
    assert mean == pytest.approx(2 / 5)  # right, wrong, truncated and wrong, right, wrong
