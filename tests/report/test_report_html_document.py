"""The file of a report: its policy fits its script, its sections are there, and the same run gives the same bytes."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path

from report_runs import rich_run
from run_folder import write_run

from evalrun.api import open_run
from evalrun.report.html import report
from evalrun.requests import read
from evalrun.table import tabulate


def made(folder: Path) -> str:
    run = read(folder, gaps=True)
    return report([run], [tabulate(run)]).decode()


def test_the_policy_allows_this_style_and_script_only(tmp_path: Path) -> None:
    """Both hashes are those of the file's only style and script that runs; nothing is inline or from elsewhere."""
    text = made(rich_run(tmp_path / "run"))
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in (style, script)]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r'<[^>]+ (?:style=|on[a-su-z]\w*=|src="(?!data:))', text.replace(script, ""))


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    """A report can be kept under version control."""
    folder = rich_run(tmp_path / "run")
    assert made(folder) == made(folder)


def test_parts_add_up(tmp_path: Path) -> None:
    """Of target a's seven requests three are right (q0 twice, q5), one each wrong, unread, truncated, failed."""
    text = made(rich_run(tmp_path / "run"))
    assert (
        "<b>sums, a</b>: right 3 (42.9 %), wrong 1 (14.3 %), no answer found 1 (14.3 %), truncated 1 (14.3 %), "
        "failed 1 (14.3 %)"
    ) in text
    widths = [
        float(each) for each in re.findall(r'<rect class="\w+" x="[\d.]+" y="0" width="([\d.]+)" height="6"', text)
    ]
    assert abs(sum(widths) - 200) < 0.01  # two targets


def test_accuracy_has_its_scorers_and_intervals(tmp_path: Path) -> None:
    """Each target's headline and its other scorer have a row and a whisker."""
    text = made(rich_run(tmp_path / "run"))
    section = text[text.index("Accuracy, with 95 %") : text.index("Latency, cost")]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>', section)
    assert rows == ["accuracy, a", "accuracy, b", "accuracy: exact, a", "accuracy: exact, b"]
    assert section.count('class="whisker"><svg') == len(rows)


def test_data_end_no_element(tmp_path: Path) -> None:
    """A run with markup for a name is text in the JSON that the script reads."""
    text = made(rich_run(tmp_path / "<!--<script>&"))
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert not set("<>&") & set(data)
    assert json.loads(data)["runs"] == ["<!--<script>&"]


def test_a_run_without_requests_has_a_report(tmp_path: Path) -> None:
    """A run that was stopped before its first answer says so; nothing is drawn."""
    text = made(write_run(tmp_path / "run", [], tasks={"sums": {"samples": 3}}, targets={"a": {}}, ended=None))
    assert "<figure" not in text
    assert "<h1>s, run</h1>" in text


def test_runs_beside_are_named_with_the_command(tmp_path: Path) -> None:
    """What asked the same data and prompts is offered; a folder that is not a run is not."""
    for name in ("2026-1", "2026-2"):
        rich_run(tmp_path / "s" / name)
    (tmp_path / "s" / "2026-0").mkdir()
    (tmp_path / "s" / "2026-0" / "manifest.json").write_text("{")
    text = open_run(tmp_path / "s" / "2026-2").report().decode()
    assert f"evalrun compare {tmp_path.name}/s/2026-1 {tmp_path.name}/s/2026-2</code>" in text
    assert "2026-0" not in text.partition("What to compare with")[2]


def test_several_runs_are_compared(tmp_path: Path) -> None:
    """The words of `compare` are in the report of two runs, and both runs have their numbers."""
    folders = [rich_run(tmp_path / "s" / name) for name in ("one", "two")]
    text = open_run(folders[0]).report(folders[1]).decode()
    assert "<h1>s, one against s, two</h1>" in text
    assert "pass: proven better; regressed: proven worse; ~: no claim." in text
    assert text.count("<caption>In short</caption>") == 2
    assert "<h2>two against one</h2>" in text
    assert str(tmp_path) not in text  # a report is sent to others
