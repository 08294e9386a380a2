"""Pages: whatever a subject knows is on its page, each number in full and as people read it, in every format."""

import csv
import io
import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from subjects import ESTIMATES, contrast, ladder, nights, regressed

from evalrun.errors import SuiteError
from evalrun.explain import DEFINITIONS, MARKS, SECTIONS
from evalrun.ladder import Ladder, Rung
from evalrun.report import FORMATS, render
from evalrun.report.compare import contrast_page
from evalrun.report.data import COLUMNS
from evalrun.report.gate import gate_page
from evalrun.report.history import history_page
from evalrun.report.ladder import ladder_page
from evalrun.report.page import Page, quantities_in
from evalrun.report.plan import plan_page
from evalrun.report.table import table_page
from evalrun.table import Cell, Mark, Metric, Table, TargetNote
from evalrun.units import reading, shift

SUBJECTS = ("table", "ladder", "compare", "gate", "history", "plan")


@pytest.fixture
def pages(table: Table) -> dict[str, Page]:
    """A page of every subject."""
    made = (
        table_page(table),
        ladder_page([("mine", ladder("mine", "retrieval"))]),
        contrast_page(contrast()),
        gate_page(regressed()),
        history_page(nights()),
        plan_page("sums", ESTIMATES, cap_usd=Decimal("0.5"), notes=("nothing is known yet",)),
    )
    return dict(zip(SUBJECTS, made, strict=True))


def one_cell(table: Table, *metrics: Metric) -> Page:
    """Return the page of a table of one cell."""
    return table_page(replace(table, cells=(Cell(task="t", target="local", metrics=metrics),), examples=()))


def rows(page: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(page)))


# ---------------------------------------------------------------- every page, every format


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_number_that_is_shown_is_there_in_full(pages: dict[str, Page], subject: str) -> None:
    """What the blocks show is among the page's numbers, says what it belongs to, and is a row of the CSV."""
    page = pages[subject]
    known = {id(each) for each in page.quantities}
    assert page.quantities
    assert {id(each) for each in quantities_in(page.blocks)} <= known
    assert {len(each.where) for each in page.quantities} == {len(page.columns)}
    found = rows(render([page], "csv"))
    assert len(found) == len(page.quantities)
    for row, each in zip(found, page.quantities, strict=True):
        assert (row["metric"], row["of"], row["unit"]) == (each.name, each.of, each.unit)
        assert (row["value"] == "") == (each.value is None)
        assert each.value is None or float(row["value"]) == float(each.value)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_subject_has_every_format(pages: dict[str, Page], subject: str, form: str) -> None:
    """Each ends in one newline; two pages are one text that a parser of the format still reads."""
    page = pages[subject]
    assert re.search(r"[^\n]\n\Z", render([page], form).rstrip(" "))
    both = render([page, page], form)
    if form == "csv":
        assert len(rows(both)) == 2 * len(page.quantities)
        assert set(rows(both)[0]) == {*page.columns, *COLUMNS}
    elif form == "json":
        assert json.loads(both) == [json.loads(render([page], form))] * 2
    else:
        assert both == render([page], form) + "\n" + render([page], form)


def test_an_unknown_format_is_an_error(pages: dict[str, Page]) -> None:
    """It is never rendered as another one, and the message has the formats there are."""
    with pytest.raises(SuiteError, match="format: 'xml' is unknown; use text, md, csv, json"):
        render([pages["table"]], "xml")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_data_in_a_log_is_no_command(table: Table, form: str) -> None:
    """O07: a runner obeys `##[name]` anywhere in a line; a parser still gives the text back."""
    text = "##[group]x"
    page = render([table_page(replace(table, context=replace(table.context, suite=text)))], form)
    assert "##[" not in page
    if form == "json":
        assert json.loads(page)["suite"] == text


def test_json_has_no_infinity(table: Table) -> None:
    """An end of an interval that failures reach is null, as an infinite value is."""
    page = one_cell(table, Metric(name="ttft_s", of="p50", value=0.1, low=0.09, high=float("inf")))
    (metric,) = json.loads(render([page], "json"))["cells"][0]["metrics"]
    assert (metric["value"], metric["low"], metric["high"], metric["unit"]) == (0.1, 0.09, None, "s")


# ---------------------------------------------------------------- whatever a cell has


@pytest.mark.parametrize("form", ["text", "md"])
def test_metrics_are_in_the_order_of_their_definitions(table: Table, form: str) -> None:
    """Every number that is defined has a row, in the order of `explain`, however a cell has them."""
    names = [one.name for section in SECTIONS.values() for one in section]
    metrics = [Metric(name=name, value=place + 1) for place, name in enumerate(names)]
    page = one_cell(table, *reversed(metrics))
    assert [each.name for each in quantities_in(page.blocks)] == names
    places = [
        render([page], form).index(DEFINITIONS[name].label.rstrip("k")) for name in ("accuracy", "ttft_s", "lag_s")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("mark", Mark)
def test_a_mark_is_shown_and_explained(table: Table, mark: Mark) -> None:
    """Its symbol stands beside the number and its text below; machines get its name."""
    page = one_cell(table, Metric(name="ttft_s", of="p50", value=0.1, marks=(mark,)))
    symbol, text = MARKS[mark]
    shown = render([page], "text", width=200)
    assert f"100 ms{symbol}\n" in shown
    assert f"\n{symbol} {text}".replace("\n ", "\n") in shown
    assert rows(render([page], "csv"))[0]["marks"] == mark
    assert json.loads(render([page], "json"))["cells"][0]["metrics"][0]["marks"] == [mark]


def test_every_mark_has_its_text() -> None:
    """A mark of a metric is always one that `explain` can explain."""
    assert {mark.value for mark in Mark} <= set(MARKS)


def test_a_measured_zero_is_shown(table: Table) -> None:
    """Of optional numbers only the unknown ones, and counts of what never happened, have no row."""
    page = one_cell(
        table,
        Metric(name="first_attempt_success", value=0.0),
        Metric(name="cached_tokens", value=0),
        Metric(name="reported_cost_usd", value=Decimal(0)),
        Metric(name="reasoning_tokens", value=None),
        Metric(name="retried", value=0),
        Metric(name="failed", of="reset", value=0),
        Metric(name="accuracy", of="strict", value=0.0),
    )
    assert [(each.name, each.shown) for each in quantities_in(page.blocks)] == [
        ("accuracy", "0.0 %"), ("first_attempt_success", "0.0 %"), ("cached_tokens", "0"),
        ("reported_cost_usd", "$0.00"),
    ]  # fmt: skip


def test_a_ladder_that_is_always_wrong_says_so() -> None:
    """Accuracy 0 at every size has its column, and so has a cache that no warm prompt came from."""
    wrong = tuple(
        Rung(
            size=size,
            metrics=(
                Metric(name="accuracy", value=0.0, low=0.0, high=0.2),
                Metric(name="cached_share", of="warm", value=0.0),
            ),
        )
        for size in (512, 1024)
    )
    found = Ladder(suite="s", run="", target=TargetNote(name="t"), rungs=wrong, metrics=())
    page = render([ladder_page([("t", found)])], "md")
    assert "| t: accuracy by size | accuracy |" in page
    assert "| 512 | 0 % [0, 20] |" in page
    assert "| t: cost by size | cached share: warm |" in page


def test_a_ladder_shows_metrics_that_no_table_of_it_names() -> None:
    """They are at the end of the last one."""
    rung = Rung(size=512, metrics=(Metric(name="warnings", of="buffered", value=3), Metric(name="failed", value=0)))
    found = Ladder(suite="s", run="", target=TargetNote(name="t"), rungs=(rung,), metrics=())
    page = render([ladder_page([("t", found)])], "md")
    assert "| t: problems by size | failed | warning: buffered |\n|---|---:|---:|\n| 512 | 0 | 3 |\n" in page


def test_pass_at_k_is_labelled_with_its_k(table: Table) -> None:
    """`pass@8`, and the scorer behind it where there are several."""
    page = one_cell(
        table, Metric(name="pass_at_k", of="8", value=0.5), Metric(name="pass_hat_k", of="2 strict", value=0.25)
    )
    shown = render([page], "text")
    assert re.search(r"^pass@8 +50\.0 %$", shown, re.MULTILINE)
    assert re.search(r"^pass\^2: strict +25\.0 %$", shown, re.MULTILINE)


# ---------------------------------------------------------------- how numbers read


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "text"),
    [
        (0.62, 0.47, 0.75, "fraction", "62 % [47, 75]"),
        (0.005, None, None, "fraction", "0.5 %"),
        (0.118, 0.1104, 0.131, "s", "118 [110, 131] ms"),
        (0.9996, None, None, "s", "1.00 s"),
        (1.2, 0.9, float("inf"), "s", "1.20 [0.900, inf] s"),
        (0.118, 0.11, None, "s", "118 [110, -] ms"),
        (float("inf"), None, None, "s", "inf"),
        (0.0001, 0.00009, 0.00011, "s/token", "100 [90.0, 110] ms per 1,000"),
        (2e-11, None, None, "s/token^2", "0.0200 ms per 1,000^2"),
        (2048, 1024, 4096, "tokens", "2,048 [1,024, 4,096]"),
        (118.25, 110.5, 125.0, "tokens", "118 [110, 125]"),
        (1234.5, None, None, "tok/s", "1,234 tok/s"),
        (1.2164, 1.104, 1.331, "number", "1.22 [1.10, 1.33]"),
        (0.000148, 0.000146, 0.00015, "usd", "$0.000148 [0.000146, 0.000150]"),
        (Decimal("12.345"), None, None, "usd", "$12.34"),
        (0.095, None, None, "pt", "9.5 pt"),
        (None, None, None, "s", "-"),
    ],
)
def test_reading(value: float | Decimal | None, low: float | None, high: float | None, unit: str, text: str) -> None:
    """Three digits or so, the interval in the scale of the value, the unit once."""
    assert reading(value, low, high, unit=unit) == text


def test_shift() -> None:
    """Changes have a sign; a share's are points, others are relative."""
    assert shift(-0.02, -0.051, 0.012, relative=False) == "-2.0 [-5.1, +1.2] pt"
    assert shift(9.2, 1.0, float("inf"), relative=True) == "+920 [+100, +inf] %"


# ---------------------------------------------------------------- docs


def test_the_docs_have_every_column_and_format(pages: dict[str, Page]) -> None:
    """docs/formats.md names the columns of each page's CSV, in order, and every format."""
    text = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    cells = dict(re.findall(r"^\| `?([\w, ]+?)`? \| (.*?) \|", text, re.MULTILINE))
    assert {subject: cells[subject] for subject in SUBJECTS} == {
        subject: ", ".join(page.columns) for subject, page in pages.items()
    }
    assert set(FORMATS) <= set(cells)
    assert set(COLUMNS) <= {name for key in cells for name in key.split(", ")}
