"""A history in every form: what a reader sees, and that nobody's text means anything to a sink."""

import csv
import io
import json
import re
import unicodedata
from xml.etree import ElementTree

import pytest
from subjects import nights, point, run

from evalrun.history import Change, History, PastRun, RunPoint, Series, Wanted
from evalrun.report import render
from evalrun.report.history import history_page, trend
from evalrun.report.picture import history_pictures
from evalrun.table import Metric

HOSTILE = '=1|2`@user #1 $x^2$ ![x](http://e)<img src=x>\x1b[31m\u202e\u200b\x9b\r\n,"'
PAGE = """\
history of suite math: 4 runs, 2026-11-01 to 2026-11-04; 2 earlier ones not shown

trends               runs          first         latest  trend
--------------------------------------------------------------
sums, sim: accuracy     3  50 % [40, 60]  80 % [70, 90]   ▂▂/▇
sums, sim: TTFT p99     3         100 ms            inf   ▅█/^

sums, sim
            accuracy  TTFT p99          changed
-----------------------------------------------
run-0  50 % [40, 60]    100 ms
run-1  50 % [40, 60]    200 ms         versions
run-2  80 % [70, 90]       inf  data, see below

Changes and warnings
- run-2: data changed: do not compare with earlier runs
- run-2: unfinished
- run-1: evalrun 1.0 -> 1.1

Runs without numbers
- run-3: no table: it still runs

"""


@pytest.fixture
def history() -> History:
    return nights()


@pytest.fixture
def hostile() -> History:
    """Somebody else's text, at its worst, in every place that holds one."""
    first, second = run(0, HOSTILE), run(1, HOSTILE + "2")
    metric = Metric(name="failed", of=HOSTILE, value=2)
    changes = (
        Change(part="version", of=HOSTILE, old=HOSTILE, new=HOSTILE),
        Change(part="prices", old=HOSTILE, new=HOSTILE),
        Change(part="data", old=HOSTILE, new=HOSTILE),
    )
    points = (
        RunPoint(run=first, metrics=(metric,), alerts=(HOSTILE,), warning=HOSTILE),
        RunPoint(run=second, metrics=(metric,), changes=changes),
    )
    lost = PastRun(name=HOSTILE + "3", created=None, state="damaged", why=HOSTILE)
    return History(
        suite=HOSTILE,
        metrics=(Wanted("failed", HOSTILE),),
        runs=(first, second, lost),
        series=(Series(task=HOSTILE, target=HOSTILE, points=points),),
        alerts=(HOSTILE,),
        notes=(HOSTILE,),
    )


def test_the_page(history: History) -> None:
    """The page as a reader sees it, up to its footnotes: trends, runs, changes, runs without numbers."""
    assert render([history_page(history)], "text").startswith(PAGE)


def test_noise_stays_in_its_bar(history: History) -> None:
    """A trend spans its intervals: 0.5 in 0.4..0.9 is two eighths up. Without intervals it is measured from 0."""
    points = (point(0, 0.5, 0.100), point(1, 0.5, 0.101), point(2, 0.8, None))
    assert trend(points, 0, name="accuracy") == "▂▂▇"
    assert trend(points, 1, name="ttft_s") == "██."  # 1 % slower does not look like twice as slow


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_every_width_keeps_every_number(history: History, width: int) -> None:
    """O12: no line is longer than the terminal and no value is lost."""
    page = render([history_page(history)], "text", width=width)
    assert all(len(line) <= width for line in page.splitlines())
    flat = re.sub(r"\s+", " ", page)
    assert all(shown in flat for shown in ("80 % [70, 90]", "100 ms", "inf", "▂▂/▇", "evalrun 1.0 -> 1.1"))


def test_csv_has_a_row_for_each_number(history: History) -> None:
    """Full precision; infinity is `inf`; a run without numbers is a row of its own."""
    rows = list(csv.DictReader(io.StringIO(render([history_page(history)], "csv"))))
    found = {(row["run"], row["metric"]): row for row in rows}
    assert len(found) == len(rows) == 7
    assert found["run-2", "ttft_s"]["value"] == "inf"
    assert [found["run-2", "accuracy"][key] for key in ("low", "high", "n", "changes", "alerts")] == [
        repr(0.8 - 0.1), "0.9", "40", "data", "unfinished",
    ]  # fmt: skip
    assert found["run-1", "accuracy"]["changes"] == "evalrun 1.0 -> 1.1"
    assert (found["run-3", ""]["state"], found["run-3", ""]["alerts"]) == ("no table", "it still runs")


def test_json_has_everything(history: History) -> None:
    """Runs with their state, series with their points; infinite is null with a mark."""
    document = json.loads(render([history_page(history)], "json"))
    assert [one["state"] for one in document["runs"]] == ["ok", "ok", "ok", "no table"]
    (series,) = document["series"]
    infinite = series["points"][2]["metrics"][1]
    assert (infinite["value"], infinite["marks"]) == (None, ["infinite"])
    assert series["points"][2]["changes"] == [{"part": "data", "old": "a", "new": "b", "of": ""}]


@pytest.mark.parametrize("form", ["text", "md", "csv", "json"])
def test_nothing_hostile_reaches_a_page(hostile: History, form: str) -> None:
    """O01, O03, O04, O06, O08: no control character, no HTML, link or mention, no formula, no further column."""
    page = render([history_page(hostile)], form)
    assert not {c for c in page if unicodedata.category(c) in {"Cc", "Cf", "Cs"}} - {"\n"}
    if form == "md":
        assert not re.search(r"<(?!/?(code|details|summary)>)|@user|!\[|\]\(", page)
        rows = [line for line in page.splitlines() if line.startswith("|")]
        assert {line.count("|") for line in rows} == {6, 4}  # trends: 5 columns; the series: 3
    if form == "csv":
        for row in csv.DictReader(io.StringIO(page)):
            assert not any(text.startswith(("=", "+", "@", "\t", "\r")) for text in row.values())


def test_pictures_are_the_same_bytes(history: History) -> None:
    """The same history gives the same PNG and SVG, named as asked."""
    once, again = history_pictures(history, "trend"), history_pictures(history, "trend")
    assert once == again
    assert once.keys() == {"trend.png", "trend.svg"}
    assert once["trend.png"].startswith(b"\x89PNG\r\n")


def test_pictures_of_hostile_names(hostile: History) -> None:
    """O03: text in an SVG is outlines, not markup; dollars are dollars; nothing is fetched."""
    elements = list(ElementTree.fromstring(history_pictures(hostile)["history.svg"]).iter())
    assert not {element.tag.rpartition("}")[2] for element in elements} & {"a", "img", "image", "script", "text"}
    assert not [value for element in elements for value in element.attrib.values() if "http://e" in value]


def test_a_picture_of_one_run_and_of_none(history: History) -> None:
    """One run is a dot, not an error; where there is no finite number there is no picture."""
    one = History(suite="s", metrics=history.metrics, runs=history.runs[:1], series=(
        Series(task=None, target="sim", points=history.series[0].points[:1]),
    ))  # fmt: skip
    assert len(history_pictures(one)) == 2
    assert history_pictures(History(suite="s", metrics=history.metrics, runs=history.runs, series=())) == {}
