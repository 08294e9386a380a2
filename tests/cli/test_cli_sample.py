"""`--sample` and `--limit`: which rows a command asks, and how its tables say so."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evalrun.errors import SuiteError
from evalrun.store.reader import StoredRun

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def test_two_runs_with_one_seed_ask_the_same_rows(
    suite: Callable[..., Path], evalrun: Command, tmp_path: Path, here: Callable[..., int]
) -> None:
    """They compare, pair by pair; every format says what was asked, and a run of another size says how it differs."""
    path = suite(40)
    folders = []
    for out in ("one", "two"):
        ran = evalrun("run", path, "-q", "--sample", 20, "--seed", 3, "--out", out)
        assert ran.returncode == 0, ran.stderr
        assert "seeded sample of 20 of 40 rows (seed 3)" in ran.stdout
        [folder] = (tmp_path / out / "sums").iterdir()
        folders.append(folder)
    one, two = ({record.sample.id for record in StoredRun(folder).records()} for folder in folders)
    assert one == two
    assert len(one) == 20
    assert StoredRun(folders[0]).manifest.command["seed"] == 3
    assert here("compare", *folders) == 0
    table = json.loads((folders[0] / "table.json").read_text())
    assert "seeded sample of 20 of 40 rows (seed 3)" in json.dumps(table)
    assert "seeded sample of 20 of 40 rows (seed 3)" in (folders[0] / "table.md").read_text()
    assert "rows,,40" in (folders[0] / "table.csv").read_text()


def test_the_first_rows_are_called_so(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """In the title and below the table; the mark is in CSV too. Nobody knows how many more a function yields."""
    ran = evalrun("run", suite(40), "-q", "--limit", 20, "--out", "out")
    assert "sums (scored by numeric; first 20 of more rows)" in ran.stdout
    assert "the interval does not cover the rest" in " ".join(ran.stdout.split())
    [folder] = (tmp_path / "out" / "sums").iterdir()
    [accuracy] = [line for line in (folder / "table.csv").read_text().splitlines() if ",accuracy,," in line]
    assert "first" in accuracy


def test_a_seed_without_a_sample_is_refused(suite: Callable[..., Path], here: Callable[..., int]) -> None:
    """It would change nothing."""
    with pytest.raises(SuiteError, match="--seed: no task draws a sample; add --sample N"):
        here("check", suite(), "--seed", 3)


def test_a_function_that_exits_is_the_users_mistake(
    suite: Callable[..., Path], evalrun: Command, tmp_path: Path
) -> None:
    """Exit 2 with the user's own line, and neither a traceback nor the exit code that the function chose."""
    path = suite()
    (tmp_path / "rows.py").write_text("import sys\n\ndef rows(n):\n    sys.exit(0)\n")
    ran = evalrun("check", path)
    assert ran.returncode == 2
    assert "rows:rows: SystemExit: 0 (" in ran.stderr
    assert "rows.py:4: in rows: sys.exit(0)" in ran.stderr
