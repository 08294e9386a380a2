"""The same command elsewhere: other locales and hash seeds, no home, long names; and data that changed meanwhile."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]
PLACES = (
    {"PYTHONHASHSEED": "1", "LANG": "C", "LC_ALL": "C"},
    {
        "PYTHONHASHSEED": "4242",
        "LC_ALL": "C.UTF-8",
        "PYTHONIOENCODING": "cp1252",
        "PYTHONUTF8": "0",
        "TZ": "Asia/Tokyo",
    },
)


def test_p22_the_same_bytes_everywhere(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """P22: hash seed, locale, time zone and the console's encoding change no byte of a table, a report or a file."""
    path = suite(5)
    path.write_text(path.read_text().replace("What is", "Was ergibt \u00fc\u2014\u4e2d"), encoding="utf-8")
    assert evalrun("run", path, "-q", env=PLACES[0]).returncode == 0
    (folder,) = (tmp_path / "results" / "sums").glob("*-*")
    shown = []
    for number, place in enumerate(PLACES):
        said = [evalrun("table", folder, "--format", form, env=place) for form in ("text", "json")]
        assert evalrun("score", folder, env=place).returncode == 0
        assert evalrun("report", folder, "-o", f"{number}.html", env=place).returncode == 0
        files = [folder / name for name in ("scores.jsonl", "table.md", "table.json")]
        parts = [path.read_bytes() for path in (*files, tmp_path / f"{number}.html")]
        shown.append(([(one.returncode, one.stdout, one.stderr) for one in said], parts))
    assert shown[0] == shown[1]
    assert "\u00b1" in shown[0][0][0][1] or "%" in shown[0][0][0][1]


@pytest.mark.parametrize("home", ["/proc", "/nowhere"])
def test_p21_no_home_and_the_longest_names(
    suite: Callable[..., Path], evalrun: Command, tmp_path: Path, home: str
) -> None:
    """P21: nothing is written into HOME; a suite's file may have a name of 255 bytes; ids are no names of files."""
    path = suite(3)
    long = path.rename(path.with_name("n" * 250 + ".yaml"))
    rows = tmp_path / "rows.py"
    rows.write_text(rows.read_text().replace('"a": number', '"a": "../" * 100 + str(number)'))
    done = evalrun("run", long, "-q", "--set", 'tasks.sums.prompt.id="{{ a }}"', env={"HOME": home})
    assert done.returncode == 0, done.stderr
    assert {each.name for each in (tmp_path / "results").iterdir()} == {"sums"}


def test_d14_data_that_changed_is_not_resumed(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """D14: an unfinished run is refused once its rows are others; undone, it goes on; --new is another run."""
    path, rows = suite(200), tmp_path / "rows.py"
    capped = ("run", path, "-q", "--max-cost", "0.0015")  # one costs 0.00003 at least, and 200 over 0.006
    assert evalrun(*capped).returncode == 4
    before = rows.read_text()
    rows.write_text(before.replace('"b": 1', '"b": 2'))
    refused = evalrun(*capped)
    assert refused.returncode == 2
    assert "unfinished, and the data of task sums changed since" in refused.stderr
    assert evalrun(*capped, "--new").returncode == 4
    assert len(list((tmp_path / "results" / "sums").glob("*-*"))) == 2
