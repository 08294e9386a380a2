"""The page of a plan: what each task takes, the sums, and what is unknown."""

import csv
import io
import json
import re
from decimal import Decimal

from subjects import ESTIMATES

from evalrun.report import render
from evalrun.report.plan import plan_page


def test_a_reader_sees_each_target_and_the_sums() -> None:
    """Unknown parts make unknown sums: the second target has no prices and was never asked."""
    page = render([plan_page("sums", ESTIMATES, cap_usd=Decimal("0.5"), notes=("first try",))], "text", width=200)
    flat = re.sub(r" +", " ", page)
    assert page.startswith("plan of suite sums: 20 requests, - at worst, - expected, about -; unknown against the cap")
    for line in (
        "add sim free", "repeats 2 2", "prompt tokens, about 1,200 1,100", "worst cost $0.0123 -",
        "time, about 750 ms -", "detectable drop 40.0 pt -",
        "- add at sim: 25% of samples flip between equal runs (as its repeats differ); to find half of the difference,"
        " 20.0 pt, takes 20 samples ($0.0500)",
        "- add at free: 50% of samples flip between equal runs (nothing is known of it); no drop can be found with so"
        " few samples",
        "first try",
        "expected cost and time of add at free are unknown: ask a few samples (--pilot 5), or name a --baseline",
    ):  # fmt: skip
        assert f"\n{line}\n" in flat, line


def test_known_sums_are_compared_with_the_cap() -> None:
    """$0.0123 is within a cap of $0.02 and beyond one of $0.01; without a cap nothing is said of it."""
    titles = [
        render([plan_page("sums", ESTIMATES[:1], cap_usd=cap, notes=())], "text", width=200).splitlines()[0]
        for cap in (Decimal("0.02"), Decimal("0.01"), None)
    ]
    start = "plan of suite sums: 10 requests, $0.0123 at worst, $0.00188 expected, about 750 ms"
    assert titles == [f"{start}; within the cap of $0.0200", f"{start}; at worst beyond the cap of $0.0100", start]


def test_machines_get_everything() -> None:
    """Dollars are exact text in JSON, and CSV has a row for each number of each target."""
    page = plan_page("sums", ESTIMATES, cap_usd=Decimal("0.5"), notes=())
    data = json.loads(render([page], "json"))
    assert (data["max_cost_usd"], data["requests"], data["worst_usd"], data["seconds"]) == ("0.5", 20, None, None)
    assert data["estimates"][0]["worst_usd"] == "0.0123"
    assert data["estimates"][0]["detects"]["samples"] == 20
    rows = list(csv.DictReader(io.StringIO(render([page], "csv"))))
    values = {(row["target"], row["metric"]): row["value"] for row in rows}
    assert len(values) == len(rows) == 20
    assert (values["sim", "worst_usd"], values["sim", "difference"], values["free", "seconds"]) == ("0.0123", "0.4", "")
