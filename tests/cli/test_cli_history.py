"""`evalrun history`: which folder a suite's name means, what is printed, where the picture goes."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evalrun.errors import StoreError
from evalrun.report import render
from evalrun.report.table import table_page
from evalrun.store.manifest import Fingerprints, Machine, Manifest, TaskPrints, write_manifest
from evalrun.table import Cell, Context, Metric, Table

Here = Callable[..., int]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with one run of a suite `sums`."""
    folder = tmp_path / "results" / "sums" / "20261101T030000Z-00000000"
    folder.mkdir(parents=True)
    prints = TaskPrints(data="d", samples=4, prompt="p", sampling="s", scorers="c")
    write_manifest(
        folder,
        Manifest(
            suite_name="sums", suite={}, suite_file="sums.yaml", command={}, targets={}, transport="evalrun",
            fingerprints=Fingerprints(tasks={"add": prints}, targets={}), versions={}, price_date=None,
            machine=Machine(python="3.11", platform="linux", cpu="cpu", cpus=1),
            created=datetime(2026, 11, 1, 3, tzinfo=UTC),
        ),
    )  # fmt: skip
    cell = Cell(task="add", target="sim", metrics=(Metric(name="accuracy", value=0.75, low=0.3, high=0.95, n=4),))
    (folder / "table.json").write_text(
        render([table_page(Table(context=Context(suite="sums"), cells=(cell,)))], "json")
    )
    return tmp_path / "results"


def test_a_name_and_a_file_mean_the_same_suite(here: Here, results: Path, capfdbinary) -> None:
    """`sums` needs no file; a suite file is read for its name."""
    file = results.parent / "other.yaml"
    file.write_text(
        "name: sums\ntargets: [sim]\ntasks: {add: {data: {kind: arithmetic}, prompt: {template: '{{ question }}'},"
        " scorers: [{kind: numeric}]}}\n"
    )
    for suite in ("sums", str(file)):
        assert here("history", suite, "--out", results) == 0
    once, _ = capfdbinary.readouterr()
    half = len(once) // 2
    assert b"75 % [30, 95]" in once[:half]
    assert once[:half] == once[half:]


@pytest.mark.parametrize("suite", ["sum", "../results/sums", "..", ".", ""])
def test_no_such_suite(here: Here, results: Path, suite: str) -> None:
    """A name that has no runs, and a path in its place, are refused with the names there are."""
    with pytest.raises(StoreError, match="there are runs of sums"):
        here("history", suite, "--out", results)


def test_the_picture_is_written_in_both_forms(here: Here, results: Path, capfdbinary) -> None:
    """`--picture trend.png` and `--picture trend` write the same two files, and say so on standard error."""
    for name in ("trend.png", "trend"):
        assert here("history", "sums", "--out", results, "--picture", results / name, "--format", "csv") == 0
        assert b"trend.svg" in capfdbinary.readouterr().err
    assert sorted(path.name for path in results.iterdir()) == ["sums", "trend.png", "trend.svg"]
