"""A copy of the package to add things to, and the command that runs it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass
class PackageCopy:
    """A copy of `evalrun/` in an empty folder. `touched`: the files that were added or changed."""

    folder: Path
    touched: list[str] = field(default_factory=list)

    def add(self, name: str, text: str) -> None:
        """Write a new file of the package, e.g. `data/toml.py`."""
        path = self.folder / "evalrun" / name
        assert not path.exists()
        path.write_text(text, encoding="utf-8")
        self.touched.append(name)

    def change(self, name: str, *changes: tuple[str, str]) -> None:
        """Replace texts in a file of the package; each must be there exactly once."""
        path = self.folder / "evalrun" / name
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
        self.touched.append(name)

    def evalrun(self, *args: object, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Run `evalrun ARGS` of the copy in its folder, to its end."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        own = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C", "PYTHONPATH": str(self.folder)}
        return subprocess.run(
            [sys.executable, "-m", "evalrun", *map(str, args)],
            cwd=self.folder, env=own | dict(env or {}), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip


@pytest.fixture
def package(tmp_path: Path) -> PackageCopy:
    """Return a copy of the package, with the configs it ships."""
    shutil.copytree(ROOT / "evalrun", tmp_path / "evalrun", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    return PackageCopy(tmp_path)
