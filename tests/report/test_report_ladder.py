"""Ladders in every form: the numbers are whole, hostile names do nothing, pictures are the same bytes every time."""

import csv
import io
import json
import re
import subprocess
import sys
import unicodedata
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from subjects import LADDER_HOSTILE as HOSTILE
from subjects import ladder

from evalrun.ladder import Ladder, Rung
from evalrun.report import render
from evalrun.report.curves import accuracy, fitted, latency, short, text_plot, ticks
from evalrun.report.ladder import ladder_page
from evalrun.report.picture import ladder_pictures, words
from evalrun.table import TargetNote

ROOT = Path(__file__).parents[2]


@pytest.fixture
def plain() -> list[tuple[str, Ladder]]:
    return [("mine", ladder("mine", "retrieval"))]


@pytest.fixture
def hostile() -> list[tuple[str, Ladder]]:
    """Somebody else's text in every place that holds one."""
    return [(HOSTILE, ladder(HOSTILE, HOSTILE, notes=(HOSTILE,))), ("b", ladder("b", "$"))]


# ---------------------------------------------------------------- tables


def test_a_person_reads_every_number(plain: list[tuple[str, Ladder]]) -> None:
    """The answers first, then a row for each size, rounded, with marks; columns that say nothing are left out."""
    page = render([ladder_page(plain)], "text", width=120)
    for line in (
        r"TTFT exponent +1\.22 \[1\.10, 1\.33\]",
        r"TTFT per token +100 \[90\.0, 110\] ms per 1,000",
        r"effective context +2,048 \[1,024, 4,096\]",
        r"2,048 +9 +2,051 +205 ms +307 ms +20\.5 ms +inf~",
        r"1,024 +\$0\.00111",
        r"50 % +75 %",
        r"!! mine is a simulator",
        r"mine: .*exponent over 1,024, 2,048, 4,096; effective context with a tolerance of 10\.0 points",
    ):
        assert re.search(line, page), line
    assert re.search(r"truncated +cache leaks +size error\n", page)  # a leak would have been reported: 0 is known
    assert "TTFO" not in page


@pytest.mark.parametrize("width", [20, 40, 80])
def test_no_line_is_wider_than_the_terminal(plain: list[tuple[str, Ladder]], width: int) -> None:
    """And no number is lost."""
    page = render([ladder_page(plain)], "text", width=width)
    assert all(len(line) <= width for line in page.splitlines())
    assert "1.22 [1.10, 1.33]" in re.sub(r"\s+", " ", page)


def test_two_ladders_stand_side_by_side(plain: list[tuple[str, Ladder]]) -> None:
    """The summary has a column for each; the rest a table for each."""
    page = render([ladder_page([*plain, ("other", ladder("other", "retrieval"))])], "md")
    assert "| ladder | mine | other |" in page
    assert "| TTFT exponent | 1.22 [1.10, 1.33] | 1.22 [1.10, 1.33] |" in page
    assert page.count(": speed by size |") == 2


def test_csv_has_a_row_for_each_number(plain: list[tuple[str, Ladder]]) -> None:
    """Full precision; unknown is empty, the whole ladder has no size, a spot has a depth."""
    rows = list(csv.DictReader(io.StringIO(render([ladder_page(plain)], "csv"))))
    found = {(row["size"], row["depth"], row["metric"], row["of"]): row for row in rows}
    (label, ladder), *_ = plain
    assert len(found) == len(rows) == len(ladder.metrics) + sum(len(r.metrics) for r in ladder.rungs) + 1
    assert found["", "", "ttft_exponent", ""]["value"] == "1.2164"
    assert found["1024", "", "cost_per_request_usd", "cold"]["value"] == "0.00110592"
    assert found["1024", "", "ttft_s", "p95 warm"]["value"] == "inf"
    assert found["1024", "0.5", "accuracy", "retrieval"]["value"] == "0.75"
    assert {row["label"] for row in rows} == {label}


def test_json_has_everything(plain: list[tuple[str, Ladder]]) -> None:
    """Infinity is null with a mark, dollars are exact text."""
    (ladder,) = json.loads(render([ladder_page(plain)], "json"))["ladders"]
    assert (ladder["label"], ladder["upper"], ladder["tolerance"]) == ("mine", [1024, 2048, 4096], 0.1)
    metrics = {(m["name"], m["of"]): m for m in ladder["rungs"][0]["metrics"]}
    assert metrics["cost_per_request_usd", "cold"]["value"] == "0.00110592"
    assert (metrics["ttft_s", "p95 warm"]["value"], metrics["ttft_s", "p95 warm"]["marks"]) == (
        None,
        ["small", "infinite"],
    )
    assert ladder["spots"][0]["accuracy"]["value"] == 0.75


@pytest.mark.parametrize("form", ["text", "md", "csv", "json"])
def test_nothing_hostile_comes_through(hostile: list[tuple[str, Ladder]], form: str) -> None:
    """O01 to O08: no control or invisible character, no HTML, no formula."""
    page = render([ladder_page(hostile)], form)
    assert not {c for c in page if unicodedata.category(c) in {"Cc", "Cf", "Cs"}} - {"\n"}
    if form == "md":
        assert not re.search(r"<(?!/?(code|details|summary)>)", page)
    if form == "csv":
        for row in csv.DictReader(io.StringIO(page)):
            assert not any(text.startswith(("=", "@")) for text in row.values())


# ---------------------------------------------------------------- the terminal's plot


def test_the_plot_has_each_point_where_it_belongs(plain: list[tuple[str, Ladder]]) -> None:
    """Cold rises above warm, sizes stand below, and every line fits."""
    for width in (40, 100):
        page = text_plot(plain, width=width)
        ttft, quality, legend = page.split("\n\n")
        assert all(len(line) <= width for line in page.splitlines())
        field = [line[11:] for line in ttft.splitlines() if re.match(r".{10}[|+]", line)]
        cold, warm = ({line.index(sign): row for row, line in enumerate(field) if sign in line} for sign in ("A", "a"))
        assert sorted(cold) == sorted(warm)
        assert len(cold) == 3
        assert [cold[column] for column in sorted(cold)] == sorted(cold.values(), reverse=True)
        assert all(cold[column] < warm[column] for column in cold)
        assert re.search(r"1K +2K +4K", ttft)
        assert "100 %" in quality
        assert legend.startswith("A mine")


def test_the_plot_of_nothing_is_empty() -> None:
    """No answer, no chart."""
    bare = Ladder(suite="s", run="", target=TargetNote(name="t"), rungs=(Rung(size=8, metrics=()),), metrics=())
    assert text_plot([("t", bare)]) == ""
    assert ladder_pictures([("t", bare)]) == {}
    assert "TTFT exponent" in render([ladder_page([("t", bare)])], "text")


# ---------------------------------------------------------------- curves and pictures


def test_the_curves_are_the_ladders(plain: list[tuple[str, Ladder]]) -> None:
    """Points stand at the counted size; the fit is a + b n + c n^2 between the first and the last."""
    ladder = plain[0][1]
    assert latency(ladder, "cold")[0][:4] == pytest.approx((1027, 0.1024, 0.09216, 0.1536))
    (curve,) = accuracy(plain, "")
    assert [dot.at for dot in curve.dots] == [1027, 2051, 4099]
    fit = fitted(ladder)
    assert [(dot.at, dot.value) for dot in (fit[0], fit[-1])] == [
        pytest.approx((1027, 0.1027)), pytest.approx((4099, 0.4099)),
    ]  # fmt: skip


def test_ticks_are_round_and_within() -> None:
    """1, 2 and 5 over a few powers of ten, powers alone over many; sizes in K where they are."""
    assert ticks(0.3, 6) == pytest.approx([0.5, 1, 2, 5])
    assert ticks(1e-3, 1e3) == pytest.approx([1e-3, 1e-2, 0.1, 1, 10, 100, 1000])
    assert [short(size) for size in (1000, 4096, 131_072)] == ["1,000", "4K", "128K"]


def test_words_for_pictures_are_harmless() -> None:
    """Control characters and letters the font lacks are visible escapes; dollars stay dollars; length is bounded."""
    assert words("$x_1$ 通é\x1b") == r"$x_1$ \u901aé\x1b"
    assert len(words("x" * 99)) == 40


def test_pictures_show_hostile_names_as_they_are(hostile: list[tuple[str, Ladder]]) -> None:
    """O01: dollar signs, markup and a leading underscore are drawn and obeyed by nobody; no warning, six files."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ladder_pictures(hostile)
    assert sorted(found) == sorted(
        f"ladder-{name}.{end}" for name in ("ttft", "accuracy", "depth") for end in ("png", "svg")
    )
    for name, content in found.items():
        if name.endswith(".png"):
            assert content.startswith(b"\x89PNG")
        else:
            root = ElementTree.fromstring(content)
            assert root.tag.endswith("svg")
            assert not {node.tag.rpartition("}")[2] for node in root.iter()} & {"script", "b", "a", "foreignObject"}
            assert b"\x1b" not in content


DRAW = """
import sys
from hashlib import sha256
sys.path.insert(0, "tests/report")
from subjects import ladder
from evalrun.report.picture import ladder_pictures
for name, content in ladder_pictures([("mine", ladder("mine", "retrieval")), ("b", ladder("b", "$"))]).items():
    print(name, sha256(content).hexdigest())
"""


def test_the_same_ladders_give_the_same_pictures(tmp_path: Path) -> None:
    """In any process, with any hash seed, time zone and personal settings of the drawing library."""
    (tmp_path / "matplotlibrc").write_text("font.size: 30\naxes.grid: False\n", encoding="utf-8")
    pages = set()
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        env = {"PYTHONHASHSEED": seed, "TZ": zone, "MPLCONFIGDIR": str(tmp_path), "PATH": ""}
        if seed == "1":
            env["MATPLOTLIBRC"] = str(tmp_path / "matplotlibrc")
        done = subprocess.run(
            [sys.executable, "-c", DRAW], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        )
        pages.add(done.stdout)
    assert len(pages) == 1
    assert len(pages.pop().splitlines()) == 6


def test_tables_do_not_need_the_drawing_library(plain: list[tuple[str, Ladder]]) -> None:
    """matplotlib is imported by pictures alone."""
    code = "import sys, evalrun.report.picture, evalrun.report.curves; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
