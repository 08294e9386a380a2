"""The text table: one golden page, and any width without a cut number."""

import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from evalrun.report import render
from evalrun.report.table import table_page
from evalrun.slo import Slo
from evalrun.table import Cell, Metric, Table

GOLDEN = Path(__file__).with_name("golden.txt")


def test_golden(table: Table) -> None:
    """The whole page, as a reader sees it. After a wanted change: write what it is to golden.txt."""
    assert render([table_page(table)], "text") == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 200])
def test_every_width_keeps_every_number(table: Table, width: int) -> None:
    """O12: no line is longer than the terminal, and every value is whole on one line or wrapped at a space."""
    page = render([table_page(table)], "text", width=width)
    assert all(len(line) <= width for line in page.splitlines())
    flat = re.sub(r"\s+", " ", page)
    for shown in ("62 % [47, 75]", "118 ms", "1.20 s~", "inf~", "1,234 tok/s", "$0.00123", "97", "100"):
        assert shown in flat
    assert flat.count("62 % [47, 75]") == 2


def test_the_slo_stands_below_the_numbers_made_by_it(table: Table) -> None:
    """A reader of goodput sees what was promised; without an SLO nothing is said of it."""
    cells = (replace(table.cells[0], metrics=(Metric(name="goodput", value=1.5),)),)
    promised = replace(table, cells=cells, context=replace(table.context, slo=Slo(ttft=2.0, tpot=0.05)))
    page = render([table_page(promised)], "text")
    assert re.search(r"^goodput +1\.50 req/s$", page, re.MULTILINE)
    assert "\nSLO: TTFT 2 s, TPOT 50 ms\n" in page
    assert "SLO" not in render([table_page(table)], "text")


def test_many_targets_continue_below(table: Table) -> None:
    """Ten targets at 80 columns become several blocks, each with all labels; none is lost."""
    cells = tuple(replace(table.cells[1], target=f"target-{n}") for n in range(10))
    page = render([table_page(replace(table, cells=cells))], "text", width=80)
    assert all(len(line) <= 80 for line in page.splitlines())
    assert [f"target-{n}" in page for n in range(10)] == [True] * 10
    assert page.count("TTFT p50") == page.count("accuracy  ") > 1


def test_rows_that_say_nothing_are_left_out(table: Table) -> None:
    """An optional row of zeros is not shown; a failure kind of one target is a known 0 for the other; unknown is -."""
    page = render([table_page(table)], "text")
    assert "retried" not in page
    assert re.search(r"failed: stall +3 +0\n", page)
    assert re.search(r"cost +- +\$0\.00123\n", page)


def test_a_further_scorer_that_finds_nothing_right_is_shown(table: Table) -> None:
    """Its accuracy of 0 is the news; a count of 0 is none."""
    first = table.cells[0]
    none_right = Metric(name="accuracy", of="strict", value=0.0, low=0.0, high=0.5)
    no_failure = Metric(name="failed", of="reset", value=0)
    worse = replace(first, metrics=(*first.metrics, none_right, no_failure))
    shown = render([table_page(replace(table, cells=(worse, *table.cells[1:])))], "text")
    assert "accuracy: strict" in shown
    assert "failed: reset" not in shown


def test_wide_letters_keep_columns_aligned(table: Table) -> None:
    """A Chinese name takes two columns a letter, and the numbers below it still end where it ends."""
    cell = Cell(task="t", target="通义千问通义千问", metrics=(Metric(name="attempted", value=7),))
    lines = render([table_page(replace(table, cells=(cell,), examples=()))], "text").splitlines()
    head = next(line for line in lines if "通义" in line)
    row = next(line for line in lines if line.startswith("attempted"))
    assert len(head) + 8 == len(row)


def test_nothing_hostile_reaches_the_terminal(hostile: Table) -> None:
    """O01, O02, O08: no control or format character, whatever the width."""
    for width in (20, 40, 100):
        page = render([table_page(hostile)], "text", width=width)
        assert not {c for c in page if unicodedata.category(c) in {"Cc", "Cf", "Cs"}} - {"\n"}
