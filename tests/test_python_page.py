"""The blocks of docs/python.md are run, one after another, in one namespace."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "python.md"


def test_its_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block of Python runs as it stands, and what it asserts holds; a traceback names the page's line."""
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    found = list(re.finditer(r"```python\n(.*?)```", text, re.DOTALL))
    namespace: dict[str, object] = {"__name__": "page"}
    for block in found:
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], str(PAGE), "exec"), namespace)  # noqa: S102 - our own page
    assert len(found) > 5
    assert len(list((tmp_path / "results" / "sums").iterdir())) == 3
