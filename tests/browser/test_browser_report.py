"""The report in a real browser, from disk: it says what the table says, can be used, and stays quiet."""

import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from report_runs import key, rich_run

from evalrun import units
from evalrun.api import open_run

pytestmark = pytest.mark.browser
ROWS = "#list tbody tr"
SUITE = {
    "name": "sums",
    "targets": ["sim"],
    "tasks": {
        "sums": {
            "data": {"kind": "arithmetic", "levels": [1, 2, 3], "n_per_level": 20},
            "prompt": {"template": "{{ question }}", "expected": "{{ answer }}"},
            "scorers": [{"kind": "numeric"}],
        }
    },
    "load": {"concurrency": 16},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of the simulator with 60 questions, some of them answered wrong."""
    out = tmp_path_factory.mktemp("out")
    (out / "sums.yaml").write_text(json.dumps(SUITE), encoding="utf-8")  # JSON is YAML
    command = [sys.executable, "-m", "evalrun", "run", str(out / "sums.yaml"), "-q", "--out", str(out)]
    subprocess.run(command, cwd=out, check=True, capture_output=True, timeout=120)
    return next(out.glob("sums/*/report.html")).parent


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """Return the report of a run with everything that a sample can have."""
    path = tmp_path / "report.html"
    path.write_bytes(open_run(rich_run(tmp_path / "s" / "run")).report())
    return path


def cells(tab: Any, caption: str) -> dict[str, list[str]]:
    """Return the cells of a table by the heading of its row."""
    table = tab.page.locator("table", has=tab.page.locator("caption", has_text=re.compile(f"^{caption}$")))
    found = [row.locator("th,td").all_inner_texts() for row in table.locator("tr").all()]
    return {row[0]: row[1:] for row in found}


def listed(tab: Any, column: str) -> list[str]:
    heads = [text.strip("↑↓ ") for text in tab.page.locator("#list thead th").all_inner_texts()]
    return tab.page.locator(f"{ROWS} > *:nth-child({heads.index(column) + 1})").all_inner_texts()


def test_headlines_are_those_of_the_table(tab: Any, folder: Path) -> None:
    """Numbers on the page are the ones in table.json, rounded as everywhere."""
    tab.open(folder / "report.html")
    stored = json.loads((folder / "table.json").read_text(), parse_float=Decimal)
    numbers = {(m["name"], m.get("of", "")): m for m in stored["cells"][0]["metrics"]}
    shown = cells(tab, "In short")
    ((name, values),) = ((name, values) for name, values in shown.items() if name.startswith("sums"))
    by_head = dict(zip(shown[""], values, strict=True))
    assert name == "sums, sim"
    assert by_head["attempted"] == str(numbers["attempted", ""]["value"]) == "60"
    accuracy = numbers["accuracy", ""]
    assert by_head["accuracy"].startswith(f"{float(accuracy['value']) * 100:.0f} % [")
    ttft = float(numbers["ttft_s", "p50"]["value"])
    assert by_head["TTFT p50"].rstrip("~?!").startswith(units.seconds(ttft))
    assert tab.complaints() == []


def test_wrong_samples_are_found_opened_and_linked(tab: Any, folder: Path) -> None:
    """Filter to the wrong ones, open one, follow its link in a page of its own where a filter would hide it."""
    tab.open(folder / "report.html")
    right = float(json.loads((folder / "table.json").read_text())["cells"][0]["metrics"][0]["value"])
    tab.page.select_option("#state", "wrong")
    tab.until("document.querySelector('#count').textContent !== '60 of 60 requests.'")
    results = listed(tab, "result")
    assert set(results) == {"wrong"}
    assert len(results) == min(50, round(60 * (1 - right)))
    name = tab.page.locator(f"{ROWS} a").nth(1).inner_text()
    tab.page.locator(f"{ROWS} a").nth(1).click()
    assert tab.page.locator("#detail h3").first.inner_text() == f"{name}: wrong"
    assert "boxed" in tab.page.locator("#detail").inner_text() or tab.page.locator("#detail pre").count() >= 2
    link = tab.page.evaluate("location.hash")
    assert re.fullmatch(r"#sample=[0-9a-f]{16}", link)
    tab.open(folder / "report.html", link)
    tab.page.wait_for_selector("#detail:not([hidden])")
    assert tab.page.locator("#detail h3").first.inner_text() == f"{name}: wrong"
    assert tab.page.locator("#list a[aria-current]").inner_text() == name
    assert tab.complaints() == []


def test_a_link_finds_what_a_filter_hides(tab: Any, rich: Path) -> None:
    """A link to a right sample opens it while only failures are listed; the id of a sample is a link, too."""
    tab.open(rich)
    tab.page.select_option("#state", "failed")
    tab.rows(2)
    tab.page.evaluate(f"location.hash = '#sample={key(7)}'")
    tab.page.wait_for_selector("#detail h3:has-text('q5: right')")
    assert tab.page.input_value("#state") == ""
    assert tab.page.locator("#list a[aria-current]").inner_text() == "q5"
    tab.page.evaluate("location.hash = '#sample=q4'")
    tab.page.wait_for_selector("#detail h3:has-text('q4: truncated')")
    tab.page.evaluate("location.hash = '#sample=%E0%A4%A'")
    tab.page.wait_for_selector("#detail:has-text('not in this file')")
    assert tab.complaints() == []


def test_keys_go_from_sample_to_sample(tab: Any, rich: Path) -> None:
    """Enter opens, j and the arrows go on, Escape closes and leaves the focus at the sample."""
    tab.open(rich)
    names = [f"{sample}: {result}" for sample, result in zip(listed(tab, "sample"), listed(tab, "result"), strict=True)]
    assert names[:2] == ["q1: wrong, flipped", "q1: right, flipped"]
    tab.page.locator(f"{ROWS} a").first.focus()
    for pressed, at in (("Enter", 0), ("j", 1), ("ArrowDown", 2), ("k", 1), ("ArrowUp", 0), ("j", 1)):
        tab.page.keyboard.press(pressed)
        tab.until(f"document.querySelector('#detail h3')?.textContent === {json.dumps(names[at])}")
        tab.until(f"document.querySelectorAll('#list tbody a')[{at}].hasAttribute('aria-current')")
        tab.until(f"location.hash === document.querySelectorAll('#list tbody a')[{at}].hash")
    tab.page.keyboard.press("Escape")
    assert tab.page.locator("#detail").is_hidden()
    assert tab.page.evaluate("[...document.querySelectorAll('#list tbody a')].indexOf(document.activeElement)") == 1
    assert tab.complaints() == []


def test_a_sample_shows_everything(tab: Any, rich: Path) -> None:
    """Attempts, tool calls, folded reasoning, choices, each scorer's word, and the words that differ elsewhere."""
    tab.open(rich, f"#sample={key(7)}")
    pane = tab.page.locator("#detail")
    pane.locator("summary:text-is('calls clock')").wait_for()
    assert pane.locator("details:has(summary:text-is('reasoning'))").get_attribute("open") is None
    assert "warning: cost unknown: 3 cached" in pane.inner_text()
    tab.open(rich, f"#sample={key(5)}")
    pane.locator("text=failed after 200 ms: stall (partial): no byte for 60 s").wait_for()
    assert pane.locator("text=an attempt failed after 50 ms: rate_limited, HTTP 429: slow down").count() == 2
    tab.open(rich, f"#sample={key(4)}")
    pane.locator("ol li").first.wait_for()
    assert pane.locator("ol li").all_inner_texts() == ["one", "two"]
    tab.open(rich, f"#sample={key(1)}")
    pane.locator(".scores li").first.wait_for()
    assert [text.split(";")[0] for text in pane.locator(".scores li").all_inner_texts()] == ["number: 1", "exact: 0"]
    tab.open(rich, f"#sample={key(9)}")
    pane.locator("summary:has-text('a: wrong, flipped')").click()
    assert pane.locator("del").all_inner_texts()[1:] == ["5,", "think."]
    assert pane.locator("ins").all_inner_texts()[1:] == ["4,", "am", " ", "sure."]
    assert tab.complaints() == []


def test_search_and_order(tab: Any, rich: Path) -> None:
    """The search looks at ids, questions and answers; a head sorts up, then down, and unknown values come last."""
    tab.open(rich)
    tab.page.fill("#search", "WHAT IS 3")
    tab.rows(2)
    assert set(listed(tab, "sample")) == {"q3"}
    tab.page.fill("#search", "")
    tab.rows(10)
    tab.page.click("#list th[data-column=ttft_s] button")
    assert listed(tab, "TTFT")[-4:] == ["200 ms", "300 ms", "-", "-"]
    tab.page.click("#list th[data-column=ttft_s] button")
    assert listed(tab, "TTFT")[:2] == ["300 ms", "200 ms"]
    assert tab.page.locator("#list th[data-column=ttft_s]").get_attribute("aria-sort") == "descending"
    assert listed(tab, "TTFT")[-2:] == ["-", "-"]


def test_dark_print_and_phone(tab: Any, rich: Path, tmp_path: Path) -> None:
    """The button switches colours; paper is light; a phone's page does not scroll sideways."""
    tab.open(rich)
    background = "getComputedStyle(document.body).backgroundColor"
    assert tab.page.evaluate(background) == "rgb(255, 255, 255)"
    tab.page.click("#theme")
    assert tab.page.get_attribute("#theme", "aria-pressed") == "true"
    assert tab.page.evaluate(background) == "rgb(21, 24, 28)"
    assert tab.page.pdf(path=tmp_path / "report.pdf").startswith(b"%PDF-")
    tab.page.emulate_media(media="print")
    assert tab.page.evaluate(background) == "rgb(255, 255, 255)"
    assert tab.page.locator("#filters").is_hidden()
    tab.page.emulate_media(media="screen")
    tab.page.set_viewport_size({"width": 400, "height": 800})
    assert tab.page.evaluate("document.documentElement.scrollWidth") == 400
    assert tab.complaints() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_serious_accessibility_fault(tab: Any, rich: Path, dark: bool) -> None:
    """axe-core finds nothing serious or critical, with a sample open."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    tab.open(rich, f"#sample={key(7)}")
    tab.page.wait_for_selector("#detail:not([hidden])")
    if dark:
        tab.page.click("#theme")
    found = axe.run(tab.page).response["violations"]
    grave = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found
             if each["impact"] in ("serious", "critical")]  # fmt: skip
    assert grave == []


def test_two_runs_are_told_apart(tab: Any, tmp_path: Path) -> None:
    """A report of two runs lists each sample of both, and its links tell them apart."""
    first, second = (rich_run(tmp_path / "s" / name) for name in ("one", "two"))
    path = tmp_path / "report.html"
    path.write_bytes(open_run(first).report(second))
    tab.open(path, f"#sample={key(1)}-1")
    tab.page.wait_for_selector("#detail:not([hidden])")
    assert "two" in tab.page.locator("#detail dl").inner_text()
    tab.page.select_option("#run", "1")
    tab.rows(10)
    assert tab.complaints() == []


def test_complaints_are_seen(tab: Any, rich: Path) -> None:
    """A page whose policy does not fit its script is refused by the browser, and the test would know."""
    rich.write_text(rich.read_text(encoding="utf-8").replace("void start();", "void start(); //"), encoding="utf-8")
    tab.page.goto(rich.as_uri())
    assert any("Content Security Policy" in each for each in tab.complaints())
