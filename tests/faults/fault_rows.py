"""Which tests name which row of the fault table, by their names (`test_s29_...`) and docstrings (`S29: ...`).

python tests/faults/fault_rows.py        writes the table at the end of docs/faults.md
"""

import ast
import re
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "faults.md"
HEADING = "\n## Rows and tests\n"
_ROW = re.compile(r"\b([NHSDYPCLJMO])([0-9]{2})\b")
_NAMED = re.compile(r"_([nhsdypcljmo][0-9]{2})(?=_)")


def named_rows() -> dict[str, list[str]]:
    """Return the names of the tests of each row, sorted."""
    found = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                said = {letter + number for letter, number in _ROW.findall(ast.get_docstring(node) or "")}
                for row in said | {row.upper() for row in _NAMED.findall(node.name)}:
                    found[row].add(node.name)
    return {row: sorted(names) for row, names in sorted(found.items())}


def table() -> str:
    """Return the section of docs/faults.md."""
    lines = [f"| {row} | {', '.join(f'`{name}`' for name in names)} |" for row, names in named_rows().items()]
    said = "Made from the names and docstrings of the tests by `python tests/faults/fault_rows.py`.\n"
    return "\n".join([HEADING.rstrip("\n"), said, "| row | tests |", "|---|---|", *lines, ""])


def main() -> None:
    """Replace the section."""
    text = PAGE.read_text(encoding="utf-8").partition(HEADING)[0]
    PAGE.write_text(text.rstrip("\n") + "\n" + table(), encoding="utf-8")


if __name__ == "__main__":
    main()
