"""The summary of a run: one line for each task and target, what needs attention, what comes next, on one screen."""

from dataclasses import replace

import pytest

from evalrun.errors import SuiteError
from evalrun.report import text
from evalrun.report.summary import columns_named, summary_page
from evalrun.table import Cell, Metric, Table


def lines(table: Table, *, width: int = 80, columns: str = "") -> list[str]:
    chosen = columns_named(table, columns) if columns else ()
    return text.render([summary_page(table, chosen)], width=width).splitlines()


def test_a_line_has_a_target_and_units_are_in_the_heads(table: Table) -> None:
    """Rows are the targets; 0.00123456 dollars and 118.4 ms lose their units; failures are named once with an example.

    By hand: 3 of local's requests stalled, `rented` has none.
    """
    found = lines(table)
    assert [line.split()[:3] for line in found if line.startswith("local")][-1] == ["local", "100", "3"]
    [rented] = [line.split() for line in found if line.startswith("rented")]
    assert rented == ["rented", "100", "0", "62", "%", "[47,", "75]", "118", "1,234", "0.00123"]
    assert [line for line in found if "stall" in line] == ["- failed: stall: 3 (gsm8k, local 3); q7: no byte"]
    assert found[-4:] == [
        "Next", "- evalrun show --wrong results/maths/1", "- evalrun report results/maths/1",
        "- evalrun compare results/maths/1",
    ]  # fmt: skip


@pytest.mark.parametrize(("tasks", "targets", "most"), [(2, 1, 30), (11, 2, 60)])
def test_it_is_one_screen(table: Table, tasks: int, targets: int, most: int) -> None:
    """With alerts, failures and warnings in every cell, and no line over 80 columns."""
    metrics = (*table.cells[0].metrics, *(Metric(name="warnings", of=f"kind {n}", value=n) for n in range(1, 20)))
    names: list[str | None] = [*(f"niah_multikey_{n}" for n in range(tasks)), None]
    cells = tuple(
        Cell(task=task, target=target.name, metrics=metrics, alerts=("INVALID: TTFT p50: late",))
        for task in names
        for target in table.context.targets[:targets]
    )
    found = lines(replace(table, cells=cells))
    assert len(found) <= most
    assert max(map(len, found)) <= 80
    assert max(map(len, lines(replace(table, cells=cells), width=40))) <= 40


def test_columns_of_ones_own(table: Table) -> None:
    """By short name; one that is not there is refused with those that are."""
    head = next(line for line in lines(table, columns="accuracy,ttft_p99") if "p99" in line or "accuracy" in line)
    assert "TPOT" not in head
    with pytest.raises(SuiteError, match=r"'ttft_p98' is not a number of this run; did you mean 'ttft_p99'\?; there"):
        columns_named(table, "n,ttft_p98")


def test_colours_only_repeat_what_is_said(table: Table) -> None:
    """Without its escapes the coloured page is the plain one."""
    page = summary_page(table)
    coloured = text.render([page], width=80, colour=True)
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[33m"):
        assert code in coloured
        coloured = coloured.replace(code, "")
    assert coloured == text.render([page], width=80)
