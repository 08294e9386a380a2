"""The cache never changes what is said: it is brought up to date, made anew, or done without."""

import os
import shutil
from pathlib import Path

import pytest

from evalrun.history import History, Wanted, recall, update
from evalrun.history.cache import NAME


def history(suite: Path) -> History:
    rows, notes = update(suite)
    return recall(rows, suite.name, metrics=(Wanted("accuracy"), Wanted("ttft_s", "p99")), notes=notes)


def accuracies(suite: Path) -> list[float]:
    return [point.metrics[0].value for point in history(suite).series[0].points]


def test_only_new_and_changed_folders_are_read(night) -> None:
    """A file with the inode, size and time it had is not read again; any other one is."""
    first, second = night(0, 0.5), night(1, 0.6)
    suite = first.parent
    assert accuracies(suite) == [0.5, 0.6]
    for folder, keep_time in ((first, True), (second, False)):
        path = folder / "table.json"
        before = path.stat()
        with path.open("r+", encoding="ascii") as file:
            text = file.read()
            file.seek(0)
            file.write(text.replace("0.5,", "0.9,").replace("0.6,", "0.8,"))
        later = before.st_mtime_ns + (0 if keep_time else 1)
        os.utime(path, ns=(before.st_atime_ns, later))
    night(2, 0.7)
    assert accuracies(suite) == [0.5, 0.8, 0.7]


def test_step_by_step_is_as_all_at_once(night) -> None:
    """Runs that appear, are finished, are scored anew and go away leave the history that a fresh start gives."""
    suite = night(3, 0.7).parent
    history(suite)
    night(1, 0.5)
    night(2)
    history(suite)
    night(2, 0.6, data="d2")
    night(0, 0.4, evalrun="0.9")
    history(suite)
    shutil.rmtree(night(1, 0.5))
    grown = history(suite)
    (suite / NAME).unlink()
    assert grown == history(suite)
    assert [run.state for run in grown.runs] == ["ok"] * 3


def test_nothing_new_writes_nothing(night) -> None:
    """The cache file stays the one it is."""
    suite = night(0, 0.5).parent
    history(suite)
    before = (suite / NAME).stat()
    history(suite)
    assert (suite / NAME).stat() == before or (suite / NAME).stat().st_ino == before.st_ino
    assert sorted(path.name for path in suite.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"not a parquet file"])
def test_a_damaged_cache_is_made_anew(night, damage: bytes) -> None:
    """Whatever is in the file, the folders decide."""
    suite = night(0, 0.5).parent
    history(suite)
    (suite / NAME).write_bytes(damage)
    assert accuracies(suite) == [0.5]
    assert (suite / NAME).read_bytes()[:4] == b"PAR1"


def test_a_cache_of_another_kind_is_made_anew(night) -> None:
    """A Parquet file with other columns, of an older evalrun or of somebody else, is not trusted."""
    import pyarrow as pa
    from pyarrow import parquet

    suite = night(0, 0.5).parent
    parquet.write_table(pa.table({"run": ["x"], "stamp": ["y"]}), suite / NAME)
    assert accuracies(suite) == [0.5]


def test_a_cache_that_cannot_be_written_is_done_without(night) -> None:
    """The history is whole, and says why the next time is slow again."""
    suite = night(0, 0.5).parent
    (suite / NAME).mkdir()
    found = history(suite)
    assert found.series[0].points[0].metrics[0].value == 0.5
    assert found.notes[0].startswith("not cached")


def test_duckdb_reads_the_file(night) -> None:
    """The query in the documentation, on the file alone, gives what `evalrun history` gives."""
    duckdb = pytest.importorskip("duckdb")
    for number, accuracy in enumerate((0.5, 0.7, 0.6)):
        suite = night(number, accuracy, data=f"d{number // 2}").parent
    night(3)
    (series,) = history(suite).series
    query = f"""
        select created, target, value, low, high from '{suite / NAME}'
        where metric = 'accuracy' and of = '' and task = 'sums' order by created
    """
    with duckdb.connect() as database:
        found = database.sql(query).to_arrow_table().to_pylist()
        states = database.sql(f"select distinct run, state from '{suite / NAME}' order by run").fetchall()
    expected = [
        {"created": point.run.created, "target": "sim", "value": metric.value, "low": metric.low, "high": metric.high}
        for point in series.points
        for metric in point.metrics[:1]
    ]
    assert found == expected
    assert [state for _, state in states] == ["ok", "ok", "ok", "no table"]
