"""The reports of a gate: JUnit XML for parsers, a summary that fits, few annotations, numbers for charts."""

import csv
import io
import json
import re
from dataclasses import replace
from decimal import Decimal
from xml.parsers import expat

import pytest
from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite
from subjects import regressed

from evalrun.explain import DEFINITIONS
from evalrun.gate.values import Gate
from evalrun.report import ci, render
from evalrun.report.gate import gate_page
from evalrun.table import Mark, Metric, Table


@pytest.fixture
def gate() -> Gate:
    return regressed()


def parse(page: str) -> tuple[JUnitXml, list[TestSuite]]:
    """Parse with expat, and with junitparser; give the document and its suites."""
    expat.ParserCreate().Parse(page.encode(), True)
    document = JUnitXml.fromstring(page.encode())
    assert isinstance(document, JUnitXml)
    return document, list(document)


def outcomes(suite: TestSuite) -> list[tuple[str, str]]:
    """Return (name, outcome) of every case."""
    word = {Failure: "failure", Error: "error"}
    return [(case.name or "", word[type(case.result[0])] if case.result else "") for case in suite]


# ---------------------------------------------------------------- JUnit


def test_junit_keeps_failures_apart_from_errors(gate: Gate, table: Table) -> None:
    """Regressed, wrong and cut off are failures; inconclusive, failed and unscored are errors; worst first."""
    document, (rules, samples) = parse(ci.junit(gate, table))
    assert (document.tests, document.failures, document.errors) == (8, 4, 3)
    assert (rules.name, rules.tests, rules.failures, rules.errors) == ("maths: gate", 3, 1, 1)
    assert outcomes(rules) == [
        ("accuracy no worse than 2 points", "failure"),
        ("ttft_p95 within 15 %", "error"),
        ("accuracy >= 0.5", ""),
    ]
    assert outcomes(samples) == [
        ("q1", "failure"), ("q1 (2)", "failure"), ("q2", "failure"), ("q3", "error"), ("q4", "error")
    ]  # fmt: skip
    properties = [(one.name, one.value) for one in rules.properties()]
    assert properties[:3] == [
        ("run", "results/maths/1"), ("baseline", "nightly"), ("warning", "local is the embedded model")
    ]  # fmt: skip


def test_junit_gives_the_evidence(gate: Gate) -> None:
    """A case says why, what decides it, and what the comparison rests on; unknown ends are `-`, infinite ones `inf`."""
    _, (rules, samples) = parse(ci.junit(gate))
    regressed, inconclusive, _ = (case for case in rules if isinstance(case, TestCase))
    assert regressed.classname == "words, local"
    assert regressed.result[0].message == "6 points worse"
    assert (regressed.result[0].text or "").strip().splitlines() == [
        "value: 80.0 % to 74.0 %",
        "difference: -6.0 [-11.0, -1.0] pt",
        "p: 0.012",
        "smallest detectable change: 5.0 pt",
        "method: McNemar, exact; premise: the same questions",
    ]
    assert inconclusive.result[0].message == "too few nights; to decide: 40 more repeats, $1.20"
    assert "value: 1.00 s to 1.20 s\ndifference: +20.0 [-, +inf] %" in (inconclusive.result[0].text or "")
    assert next(iter(samples)).result[0].text.split("\n")[1:3] == ["answered: 41", "expected: 42"]


@pytest.mark.parametrize("word", ["inconclusive", "regressed"])
def test_a_gate_without_rulings_is_never_green(gate: Gate, word: str) -> None:
    """A missing baseline leaves no ruling; every report still says the gate's word and why."""
    bare = replace(gate, word=word, baseline=None, rulings=(), failing=(), notes=("there is no baseline",))
    document, (rules, _) = parse(ci.junit(bare))
    assert document.failures + document.errors == 1
    assert next(iter(rules)).result[0].message == "there is no baseline"
    assert f"**{word}**" in ci.summary(bare)
    assert "there is no baseline" in ci.annotations(bare)
    assert f"- {word}: gate (all tasks, all targets): there is no baseline" in render([gate_page(bare)], "text")
    (row,) = csv.DictReader(io.StringIO(render([gate_page(bare)], "csv")))
    assert (row["verdict"], row["why"], row["value"]) == (word, "there is no baseline", "")


def test_junit_is_bounded(gate: Gate) -> None:
    """O10: an answer of 100 MB is clipped with its length, and more samples than fit are counted."""
    long = replace(gate.failing[3], answer="x" * 10**8)
    many = replace(gate, failing=(long, *(replace(long, answer="y" * 500, sample_id=str(n)) for n in range(2_000))))
    page = ci.junit(many, limit=200_000)
    document, (rules, samples) = parse(page)
    assert len(page.encode()) < 205_000
    assert "... (+99,999,000 bytes)" in page
    left_out = next(one.value for one in rules.properties() if one.name == "left out")
    assert left_out == f"{2_001 - samples.tests:,} further failing samples; the run's folder has them all"
    assert document.tests == 3 + samples.tests > 100


def test_csv_has_the_evidence_of_each_rule(gate: Gate) -> None:
    """Both values, the change, its p and the smallest detectable change, or the one value of a limit; in full."""
    rows = list(csv.DictReader(io.StringIO(render([gate_page(gate)], "csv"))))
    found = {(row["rule"], row["of"]): row for row in rows}
    assert len(found) == len(rows) == 5 + 5 + 1
    change = found["accuracy no worse than 2 points", "change"]
    assert [change[key] for key in ("value", "low", "high", "unit", "verdict")] == [
        "-0.06", "-0.11", "-0.01", "fraction", "regressed",
    ]  # fmt: skip
    assert found["accuracy >= 0.5", "new"]["value"] == "0.74"
    assert found["ttft_p95 within 15 %", "p"]["value"] == ""


# ---------------------------------------------------------------- GitHub


def test_summary_is_worst_first(gate: Gate, table: Table) -> None:
    """Verdict, rules from regressed to pass, the table, samples from wrong to unscored."""
    page = ci.summary(gate, table)
    order = ["## evalrun: regressed", "| **regressed** | accuracy no worse", "| **inconclusive** | ", "| pass | "]
    order += [
        "| gsm8k (scored by math) |",
        "| **wrong answer** |",
        "| **cut off** |",
        "| **failed request** |",
        "| **not scored** |",
    ]
    places = [page.index(text) for text in order]
    assert places == sorted(places)
    assert "| **regressed** | accuracy no worse than 2 points | words | local | 6 points worse |\n" in page
    assert "| **wrong answer** | q1 | words | local | answered: 41; expected: 42 |\n" in page


def test_summary_fits_and_keeps_the_worst(gate: Gate, table: Table) -> None:
    """O11: of 20,000 samples and 20,000 rules the worst stay, whole lines only, table included, at most 900 KiB."""
    sample, rule = gate.failing[0], gate.rulings[0]
    big = replace(
        gate,
        rulings=(*(replace(rule, rule=f"rule {n}") for n in range(20_000)), *gate.rulings),
        failing=(*(replace(sample, sample_id=f"s{n}") for n in range(20_000)), *gate.failing),
    )
    page = ci.summary(big, table)
    assert 890 * 1024 < len(page.encode()) <= 900 * 1024
    for text in ("**regressed** | accuracy no worse", "6 points worse", "too few nights", "| q1 |", "| gsm8k (scored"):
        assert text in page
    left_out = [int(n.replace(",", "")) for n in re.findall(r"^([\d,]+) more lines are left out", page, re.MULTILINE)]
    lines = page.splitlines()
    assert sum(line.startswith("| pass | rule") for line in lines) + left_out[0] - 2 == 20_000  # a pass, an empty line
    assert sum(line.startswith("| **failed request") for line in lines) + left_out[1] - 1 == 20_001  # and one unscored
    assert all(line.endswith("|") for line in lines if line.startswith("|"))


def test_annotations_are_ten(gate: Gate) -> None:
    """O11: ten at most, worst first, and the last says how many more there are; none for a pass."""
    few = ci.annotations(gate).splitlines()
    assert few[0] == (
        "::error title=evalrun::regressed: accuracy no worse than 2 points (words, local): 6 points worse"
    )
    assert few[1] == (
        "::warning title=evalrun::inconclusive: ttft_p95 within 15 %25 (words, local): too few nights;"
        " to decide: 40 more repeats, $1.20"
    )
    assert few[2] == "::warning title=evalrun::wrong answer: q1 (words, local): answered: 41; expected: 42"
    assert len(few) == 7
    many = ci.annotations(replace(gate, failing=gate.failing * 5)).splitlines()
    assert (len(many), many[:3]) == (10, few[:3])
    assert many[-1] == "::warning title=evalrun::and 18 more; the step summary lists the worst of them"
    assert ci.annotations(replace(gate, word="pass", rulings=gate.rulings[:1])) == ""


def test_quoted_needs_a_new_token() -> None:
    """A text that knows the token could end its own quotation: refused."""
    assert ci.quoted("a\n", token="f00") == "::stop-commands::f00\na\n::f00::\n"
    for text, token in (("::f00::", "f00"), ("x", ""), ("x", "a b")):
        with pytest.raises(ValueError, match="token"):
            ci.quoted(text, token=token)


# ---------------------------------------------------------------- github-action-benchmark


def test_benchmark_has_one_direction_a_file(table: Table) -> None:
    """Accuracy and rates in one file, latencies, failures and cost in the other; full precision; unknown left out."""
    bigger, smaller = (json.loads(ci.charts(table, better)) for better in ("bigger", "smaller"))
    assert bigger[0] == {
        "name": "gsm8k, local, accuracy", "unit": "fraction", "value": 0.62, "range": "0.4702 to 0.7451",
        "extra": "n = 50",
    }  # fmt: skip
    numbers = {entry["name"]: entry["value"] for entry in smaller}
    assert numbers["gsm8k, rented, TTFT p50"] == 0.1184
    assert numbers["gsm8k, rented, cost"] == float(Decimal("0.00123456"))
    assert numbers["gsm8k, local, failed"] == 3
    assert not {"gsm8k, local, cost", "gsm8k, local, TTFT p99", "gsm8k, local, failed: stall"} & set(numbers)
    assert len(numbers) == len(smaller)


def test_benchmark_withholds_what_may_be_wrong(table: Table) -> None:
    """A latency that the client's own lag spoilt is no point on a chart."""
    spoilt = Metric(name="ttft_s", of="p50", value=0.1, marks=(Mark.INVALID,))
    cells = (replace(table.cells[0], metrics=(spoilt,)),)
    assert json.loads(ci.charts(replace(table, cells=cells), "smaller")) == []


def test_benchmark_names_exist() -> None:
    """Every charted number is defined."""
    assert {name for names in ci.CHARTED.values() for name in names} <= set(DEFINITIONS)
