"""What a history says of folders written by hand: numbers, changes, and runs that have none."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from evalrun.errors import SuiteError
from evalrun.history import Change, History, Wanted, recall, update, wanted
from evalrun.report import render
from evalrun.report.history import history_page
from evalrun.slo import Slo
from evalrun.store.scores import write_scores
from evalrun.table import Mark, Metric

ACCURACY = (Wanted("accuracy"),)


def history(suite: Path, **choice: object) -> History:
    rows, notes = update(suite)
    return recall(rows, suite.name, **({"metrics": ACCURACY, "notes": notes} | choice))  # type: ignore[arg-type]


def test_numbers_come_back_as_they_were_measured(night) -> None:
    """Value, interval, count and marks are those of table.json; dollars are exact; infinite is not unknown."""
    folder = night(0, 0.5, cost=Decimal("0.00123456"))
    asked = (*ACCURACY, Wanted("failed"), Wanted("ttft_s", "p99"), Wanted("cost_usd"), Wanted("e2e_s", "p50"))
    (series,) = history(folder.parent, metrics=asked).series
    assert (series.task, series.target) == ("sums", "sim")
    assert series.points[0].metrics == (
        Metric(name="accuracy", value=0.5, low=0.4, high=0.6, n=40),
        Metric(name="failed", value=1),
        Metric(name="ttft_s", of="p99", value=float("inf"), n=40, marks=(Mark.SMALL, Mark.INFINITE)),
        Metric(name="cost_usd", value=Decimal("0.00123456"), n=40),
        None,
    )
    assert series.points[0].warning == "sim: simulated"


def test_changes_are_between_neighbours(night) -> None:
    """Each point names what differs from the point before it: fingerprints break the series, versions do not."""
    night(0, 0.5)
    night(1, 0.5, evalrun="1.1")
    night(3, 0.6, data="d2", target="t2", evalrun="1.1")
    suite = night(2, 0.5, evalrun="1.1").parent
    (series,) = history(suite).series
    assert [point.run.name[:8] for point in series.points] == ["20261101", "20261102", "20261103", "20261104"]
    assert [point.changes for point in series.points] == [
        (),
        (Change(part="version", of="evalrun", old="1.0", new="1.1"),),
        (),
        (Change(part="data", old="d1", new="d2"), Change(part="target", old="t1", new="t2")),
    ]
    assert [point.breaks() for point in series.points] == [False, False, False, True]


def test_another_slo_is_said_and_breaks_nothing(night) -> None:
    """Goodput changes with it and nothing else does, so that any other series goes on."""
    night(0, 0.5)
    (series,) = history(night(1, 0.5, slo=Slo(ttft=2.0)).parent).series
    assert series.points[1].changes == (Change(part="slo", old="none", new="TTFT 2 s"),)
    assert not series.points[1].breaks()
    assert (series.points[1].breaks("ttft_s"), series.points[1].breaks("goodput")) == (False, True)


def test_another_load_breaks_what_depends_on_it(night) -> None:
    """1, 64, 64 but 8 by the open files, 8: what was used decides, and latency is not joined where accuracy is."""
    for number, limits in enumerate(({"": 1}, {"": 64}, {"": 8}, {"": 8})):
        suite = night(number, 0.5, in_flight=limits).parent
    (series,) = history(suite, metrics=(Wanted("accuracy"), Wanted("ttft_s", "p50"))).series
    loads = [[(change.part, change.old, change.new) for change in point.changes] for point in series.points]
    assert loads == [
        [], [("load", "1 in flight", "64 in flight")], [("load", "64 in flight", "8 in flight")], [],
    ]  # fmt: skip
    assert [point.breaks("ttft_s") for point in series.points] == [False, True, True, False]
    assert not any(point.breaks("accuracy") for point in series.points)
    page = history_page(history(suite, metrics=(Wanted("ttft_s", "p50"),)))
    assert "load 1 in flight -> 64 in flight: do not compare latency and rates" in render([page], "text")


def test_a_limit_that_429s_cut_is_said_and_breaks_nothing(night) -> None:
    """The endpoint's answer to the same load: both nights are 8 in flight."""
    night(0, 0.5, in_flight={"": 8})
    (series,) = history(night(1, 0.5, in_flight={"": 8, "after 429s": 2}).parent).series
    assert series.points[1].changes == (Change(part="429s", old="", new="2 in flight"),)
    assert not series.points[1].breaks("ttft_s")


def test_the_last_runs_know_what_changed_before_them(night) -> None:
    """`last` cuts what is shown; the first point shown is still compared with the one before it."""
    night(0, 0.5)
    suite = night(1, 0.5, data="d2").parent
    shown = history(suite, last=1)
    assert (len(shown.runs), shown.earlier) == (1, 1)
    assert [change.part for change in shown.series[0].points[0].changes] == ["data"]


def test_scored_anew_by_other_scorers_is_a_change(night) -> None:
    """The fingerprint of scorers is that of the scores the numbers are from, not that of the run's suite."""
    night(0, 0.5)
    folder = night(1, 0.9)
    write_scores(folder, (), scorers="another")
    (series,) = history(folder.parent).series
    assert [(change.part, change.new) for change in series.points[1].changes] == [("scorers", "another")]


def test_runs_without_numbers_are_listed(night) -> None:
    """A run that has no table, or a damaged one, or a damaged manifest, is listed and says why; the others stay."""
    night(0, 0.5)
    night(1)
    torn = night(2, 0.5)
    (torn / "table.json").write_text('{"cells": [{"task": "sums"')
    wrong = night(3, 0.5)
    (wrong / "table.json").write_text((wrong / "table.json").read_text().replace("0.25", '"a lot"'))
    lost = night(4, 0.5)
    (lost / "manifest.json").write_text("{}")
    suite = lost.parent
    (suite / "stillborn").mkdir()
    (suite / "notes.txt").write_text("not a run")
    found = history(suite)
    assert [run.state for run in found.runs] == ["ok", "no table", "damaged", "damaged", "damaged"]
    assert [bool(run.why) for run in found.runs] == [False, True, True, True, True]
    assert [len(series.points) for series in found.series] == [1]


def test_a_suite_without_any_table_has_runs_and_no_series(night) -> None:
    """Nothing was measured yet: no error, whatever is asked for."""
    found = history(night(0).parent, task="sums")
    assert (len(found.runs), found.series) == (1, ())


def test_a_folder_name_that_is_no_text(night) -> None:
    """A name of bytes that are not UTF-8 is shown with escapes."""
    folder = night(0, 0.5)
    folder.rename(folder.parent / os.fsdecode(b"run-\xff"))
    assert [run.name for run in history(folder.parent).runs] == ["run-\\udcff"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("accuracy", ("accuracy", "")),
        ("ttft_p95", ("ttft_s", "p95")),
        ("TTFT p95", ("ttft_s", "p95")),
        ("ttft_s p50 cached", ("ttft_s", "p50 cached")),
        ("ttft", ("ttft_s", "p50")),
        ("longest stall", ("max_stall_s", "p95")),
        ("failed: stall", ("failed", "stall")),
        ("cost", ("cost_usd", "")),
    ],
)
def test_metrics_are_meant_as_people_write_them(text: str, meant: tuple[str, str]) -> None:
    """By name or label, with what it is narrowed to; a latency alone is its first percentile."""
    assert wanted(text) == meant


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"task": "sum"}, "task 'sum': not in any run of this suite; there are sums"),
        ({"target": "si"}, "target 'si': not in any run of this suite; there are sim"),
        ({"metrics": (Wanted("ttft_s", "p90"),)}, "there are ttft_s p50, ttft_s p99"),
    ],
)
def test_what_no_run_has_is_named(night, choice: dict[str, object], said: str) -> None:
    """A choice that nothing matches is an error that says what there is."""
    suite = night(0, 0.5).parent
    with pytest.raises(SuiteError, match=said):
        history(suite, **choice)
