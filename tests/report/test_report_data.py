"""CSV and JSON: full precision, unknown kept apart from 0, safe to print and to open; and the same bytes every time."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from run_folder import random_run

from evalrun.report import render
from evalrun.report.table import table_page
from evalrun.table import Table

ROOT = Path(__file__).parents[2]


def rows(page: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(page)))


def test_csv_has_a_row_for_each_number(table: Table) -> None:
    """Unknown is empty, infinity is `inf`, numbers are as exact as they were measured."""
    found = {(row["target"], row["metric"], row["of"]): row for row in rows(render([table_page(table)], "csv"))}
    assert len(found) == sum(len(cell.metrics) for cell in table.cells)
    accuracy = found["rented", "accuracy", ""]
    assert [accuracy[key] for key in ("value", "low", "high", "n")] == ["0.62", "0.4702", "0.7451", "50"]
    assert found["local", "cost_usd", ""]["value"] == ""
    assert found["rented", "cost_usd", ""]["value"] == "0.00123456"
    assert found["local", "ttft_s", "p99"]["value"] == "inf"
    assert found["local", "ttft_s", "p99"]["marks"] == "small infinite"
    assert found["local", "ttft_s", "p50"]["alerts"] == (
        "local is the embedded model; unfinished: 100 of 200 requests were made"
    )


def test_csv_runs_no_formula(hostile: Table) -> None:
    """O04: no text cell begins a formula; a negative number stays a number."""
    for row in rows(render([table_page(hostile)], "csv")):
        assert not any(text.startswith(("=", "+", "@", "\t", "\r")) for text in row.values())
        assert row["value"] == ("-1.5" if row["metric"] == "cost_usd" else row["value"])
        assert row["task"].startswith("'=1|2")


def test_json_has_everything(table: Table) -> None:
    """Unknown and infinite are null, told apart by a mark; dollars are exact text."""
    document = json.loads(render([table_page(table)], "json"))
    assert (document["suite"], document["targets"][0]["alert"]) == ("maths", "local is the embedded model")
    local, rented = ({(m["name"], m["of"]): m for m in cell["metrics"]} for cell in document["cells"])
    assert rented["cost_usd", ""]["value"] == "0.00123456"
    assert (local["cost_usd", ""]["value"], local["cost_usd", ""]["marks"]) == (None, [])
    assert (local["ttft_s", "p99"]["value"], local["ttft_s", "p99"]["marks"]) == (None, ["small", "infinite"])
    assert rented["ttft_s", "p50"] == {
        "name": "ttft_s", "of": "p50", "value": 0.1184, "low": None, "high": None, "n": 100, "marks": [], "unit": "s"
    }  # fmt: skip
    assert document["examples"][1]["expected"] == "4"


@pytest.mark.parametrize("form", ["csv", "json"])
def test_data_is_safe_to_print(hostile: Table, form: str) -> None:
    """O01: no raw control or invisible character, so that `cat` is harmless."""
    page = render([table_page(hostile)], form)
    assert not set(page) & set("\x1b\u202e\u200b\x9b\r\x7f")


SHOW = """
import sys
from hashlib import sha256
from pathlib import Path
from evalrun.report import render
from evalrun.report.table import table_page
from evalrun.table import tabulate
table = tabulate(Path(sys.argv[1]))
for form in ("text", "md", "csv", "json"):
    print(sha256(render([table_page(table)], form).encode()).hexdigest())
"""


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    """R14: in any process, with any hash seed, time zone and locale."""
    folder, pages = random_run(5).write(tmp_path), set()
    for seed, zone, locale in (("1", "UTC", "C"), ("2", "Asia/Tokyo", "de_DE.UTF-8")):
        env = {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale}
        done = subprocess.run(
            [sys.executable, "-c", SHOW, str(folder)], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        )
        pages.add(done.stdout)
    assert len(pages) == 1
    assert len(pages.pop().split()) == 4
