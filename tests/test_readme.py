"""The README's command blocks do what they say: they are run, in a copy of the repository, as they stand."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(?:<!-- (?P<note>[^>]*) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)


def blocks(kind: str) -> list[tuple[str, str]]:
    """Return (note, text) of the README's blocks of one kind; a note says why a block cannot be run as it stands."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [(match["note"] or "", match["text"]) for match in BLOCK.finditer(text) if match["kind"] == kind]


def everyday() -> list[str]:
    """Return the blocks that need neither set-up, key nor data of the user's own."""
    return [text for note, text in blocks("bash") if not note and "evalrun " in text and "pip install" not in text]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with the repository's suites and configs, and no home to lean on."""
    for name in ("suites", "configs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("block", everyday())
def test_everyday_commands_run(block: str, copy: Path) -> None:
    """Every command of a block ends with exit code 0."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {"PATH": path, "HOME": str(copy), "LANG": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], cwd=copy, env=environ, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_example_suite_is_valid(copy: Path) -> None:
    """The README's suite is read, asked of the simulator and scored."""
    ((_, text),) = blocks("yaml")
    (copy / "suites" / "capitals.yaml").write_text(text, encoding="utf-8")
    environ = {"PATH": os.environ["PATH"], "HOME": str(copy)}
    done = subprocess.run(
        [sys.executable, "-m", "evalrun", "suites/capitals.yaml"],
        cwd=copy,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "capitals (scored by contains)" in done.stdout


@pytest.mark.parametrize(("number", "lock"), [(0, "local"), (1, "test")])
def test_both_installs_come_from_the_lock(number: int, lock: str) -> None:
    """Each line installs its lock, and then evalrun with nothing that the lock does not hold."""
    (line,) = blocks("bash")[number][1].strip().splitlines()
    first, second = re.findall(r"pip install -q (.*?) &&", line)
    assert first == f"-r requirements/{lock}.txt"
    assert second == "--no-deps --no-build-isolation -e ."


@pytest.mark.model
def test_line_one_does_the_main_job(tmp_path: Path) -> None:
    """From a clean clone, a new virtual environment, an empty HOME: a table of the real model, accuracy in (0, 1)."""
    line = blocks("bash")[0][1].strip()
    clone = tmp_path / "evalrun"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    keep = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "SSL_", "REQUESTS_"))}
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | keep
    done = subprocess.run(["bash", "-c", line], cwd=clone, env=environ, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    right = re.search(r"all tasks.*? (\d+) % \[", done.stdout, re.DOTALL)
    assert right is not None, done.stdout
    assert 0 < int(right[1]) < 100
    assert "SmolLM2-135M" in done.stdout
