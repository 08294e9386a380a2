"""docs/faults.md names tests that exist, and has a row for every fault."""

import re
from pathlib import Path

from fault_rows import HEADING, named_rows

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "faults.md").read_text(encoding="utf-8")
RANGE = re.compile(r"\b([NHSM])(\d\d)-\1(\d\d)\b")


def test_every_test_that_is_named_exists() -> None:
    """A renamed test is renamed in the page too."""
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    texts = (path.read_text(encoding="utf-8") for path in HERE.parent.rglob("test_*.py"))
    defined = {name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.M)}
    assert named - defined == set()


def test_every_fault_has_a_row() -> None:
    """20 faults of the network, 20 of HTTP, 30 of streams, 5 of money: each with its test, or the reason why not."""
    first_cells = " ".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| "))
    numbers = set(re.findall(r"\b[NHSM]\d\d\b", first_cells))
    for family, first, last in RANGE.findall(first_cells):
        numbers |= {f"{family}{number:02}" for number in range(int(first), int(last) + 1)}
    wanted = {
        f"{family}{n:02}" for family, most in zip("NHSM", (20, 20, 30, 5), strict=True) for n in range(1, most + 1)
    }
    assert wanted - numbers == set()


def test_the_rows_are_those_that_tests_name() -> None:
    """To update: python tests/faults/fault_rows.py."""
    rows = set(re.findall(r"^\| ([A-Z]\d\d) \|", PAGE.partition(HEADING)[2], re.MULTILINE))
    assert rows == set(named_rows())
