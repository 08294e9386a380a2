"""A comparison on the page: what a reader sees, in every form, whatever the names and answers hold."""

import csv
import io
import json
import re

import pytest
from subjects import contrast

from evalrun.gate.values import Gate, Ruling
from evalrun.report import render
from evalrun.report.compare import contrast_page
from evalrun.report.gate import gate_page

HOSTILE = '=1|2`@user #1 ![x](http://e)<img src=x>\x1b[31m‮​\x9b\r\n,"'


def test_a_reader_sees_both_values_the_change_and_the_word() -> None:
    """Each row has both values with their intervals, the change, p, what could have been seen, and a word or `~`."""
    page = re.sub(r" +", " ", render([contrast_page(contrast())], "text", width=160))
    assert "accuracy regressed 62 % [47, 75] 50 % [36, 64] -12.0 [-22.0, -1.0] pt 0.041 15.0 pt" in page
    assert "TTFT p95 ~ 118 [110, -] ms inf +920 [+100, +inf] % 0.20 -" in page
    assert "cost/answer ~ $0.000148 [0.000146, 0.000150] - - - -" in page
    assert "capability 50 -12.0 [-12.0, -12.0] pt" in page
    assert "samples that flipped: 7 worse, 0 better; 5 are shown" in page
    assert page.count('- worse, sums: "sums" became -, expected "sums"') == 5
    assert "~ TTFT p95: two nights" in page


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Every width keeps the word and the numbers."""
    page = render([contrast_page(contrast())], "text", width=width)
    assert all(len(line) <= width for line in page.splitlines())
    assert "regressed" in page
    assert "62 % [47, 75]" in re.sub(r"\s+", " ", page)


def test_csv_has_every_number_in_full() -> None:
    """One row for each number; unknown is empty and infinity is `inf`; p is the adjusted one where there is one."""
    rows = list(csv.DictReader(io.StringIO(render([contrast_page(contrast())], "csv"))))
    found = {(row["metric"], row["of"]): row for row in rows}
    assert len(found) == len(rows) == 5 + 5 + 2 + 2 + 3  # accuracy, TTFT, cost alone, a part, a trade-off
    change = found["accuracy", "change"]
    assert [change[key] for key in ("value", "low", "high", "n", "unit")] == [
        "-0.12",
        "-0.22",
        "-0.01",
        "50",
        "fraction",
    ]
    assert (change["verdict"], change["method"], change["new_target"]) == ("regressed", "exact McNemar", "sums")
    assert found["accuracy", "p_adjusted"]["value"] == "0.0412"
    assert (found["ttft_p95", "p"]["value"], found["ttft_p95", "new"]["value"]) == ("0.2", "inf")
    assert (found["ttft_p95", "change"]["unit"], found["ttft_p95", "change"]["why"]) == ("relative", "two nights")
    assert (found["cost", "new"]["value"], found["cost", "base"]["value"]) == ("", "0.000148")
    assert [found["score", "capability"][key] for key in ("value", "low", "n")] == ["-0.12", "-0.12", "50"]


def test_json_has_everything() -> None:
    """Rows, parts, flips and trade-offs; what is infinite or unknown is null."""
    page = json.loads(render([contrast_page(contrast())], "json"))
    (pair,) = page["pairs"]
    assert pair["rows"][0]["comparison"]["difference"] == -0.12
    assert (pair["rows"][0]["comparison"]["p"], pair["rows"][0]["p"]) == (0.031, 0.0412)
    assert (pair["rows"][1]["measure"]["name"], pair["rows"][1]["new"]["value"]) == ("ttft_p95", None)
    assert len(pair["flips"]) == 7
    assert page["tradeoffs"][0]["beaten_by"] == "sums"


@pytest.mark.parametrize("form", ["text", "md", "csv", "json"])
def test_nothing_hostile_comes_through(form: str) -> None:
    """No control character in any form; no formula in CSV; no link, image, HTML or mention in Markdown."""
    page = render([contrast_page(contrast(HOSTILE))], form)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e]", page)
    if form == "csv":
        assert not any(cell.startswith("=") for row in csv.reader(io.StringIO(page)) for cell in row)
    if form == "md":
        assert not re.search(r"<(?!/?(code|details|summary)>)|!\[|@user|http://", page)


def test_a_gate_shows_the_worst_first() -> None:
    """The word, then regressed, inconclusive with what would decide it, passed; hostile texts are escaped."""
    rulings = tuple(
        Ruling(
            rule="accuracy >= 0.8",
            metric="accuracy",
            task="sums",
            target=HOSTILE,
            word=word,
            why=HOSTILE,
            decide=HOSTILE,
        )
        for word in ("pass", "inconclusive", "regressed")
    )
    gate = Gate(suite="s", run="r", baseline=HOSTILE, word="regressed", rulings=rulings, notes=(HOSTILE,))
    page = render([gate_page(gate)], "text")
    assert page.startswith("gate regressed: suite s, run r against ")
    words = re.findall(r"^- (pass|inconclusive|regressed): ", page, re.MULTILINE)
    assert words == ["regressed", "inconclusive", "pass"]
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", page)
