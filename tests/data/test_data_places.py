"""Paths of a suite: inside its folder or allowed, existing, a file."""

from pathlib import Path

import pytest

from evalrun.data.places import Places
from evalrun.errors import SuiteError


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite's folder with a data file, beside a file it must not read."""
    (tmp_path / "secret.jsonl").write_text("{}")
    folder = tmp_path / "suite"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "questions.jsonl").write_text("{}")
    (folder / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    return folder


def test_a_file_inside_the_folder_is_found(suite: Path) -> None:
    """Relative paths start at the suite's folder, and a detour that ends inside is fine."""
    assert Places(root=suite).file("data/../data/questions.jsonl") == suite / "data" / "questions.jsonl"


@pytest.mark.parametrize("path", ["../secret.jsonl", "link.jsonl", "{parent}/secret.jsonl", "/etc/passwd"])
def test_a_path_that_leaves_the_folder_is_refused(suite: Path, path: str) -> None:
    """Dots, a symbolic link and an absolute path are refused alike, whether the file exists or not (Y09)."""
    with pytest.raises(SuiteError, match=r"outside the suite's folder.*--allow-path"):
        Places(root=suite).file(path.format(parent=suite.parent))


def test_allow_path_opens_a_file_or_a_folder(suite: Path) -> None:
    """What the user allowed is read, by any spelling."""
    secret = suite.parent / "secret.jsonl"
    assert Places(root=suite, allowed=(secret,)).file("link.jsonl") == secret
    assert Places(root=suite, allowed=(suite.parent,)).file(str(secret)) == secret


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("data/question.jsonl", "no such file; did you mean 'questions.jsonl'"),
        ("dat/questions.jsonl", "no such file, and no folder"),
        ("data", "is a folder; name a file"),
    ],
)
def test_a_missing_file_is_refused_with_a_close_name(suite: Path, path: str, said: str) -> None:
    """The message tells what would be right (D02)."""
    with pytest.raises(SuiteError, match=said):
        Places(root=suite).file(path)
