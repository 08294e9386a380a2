"""A comparison, a gate, a baseline and a history print the numbers of the table, over random runs."""

import math
from pathlib import Path

import msgspec
import pytest
from run_folder import random_run, write_run

from evalrun.compare import baseline
from evalrun.compare.contrast import compare
from evalrun.compare.figures import value
from evalrun.compare.read import load, read_run, read_table
from evalrun.compare.side import SideCell
from evalrun.gate.case import trouble
from evalrun.gate.judge import judge, rules
from evalrun.history import Wanted, recall, update
from evalrun.report import render
from evalrun.report.table import table_page
from evalrun.requests import quality, read
from evalrun.rule import MEASURES
from evalrun.table import Cell, Metric, tabulate
from evalrun.types import Completion, Failure, Phase, Record, Sample, Score, Scored

SEEDS = range(40)
LATENCIES = {f"{name}_{q}": (f"{name}_s", q) for name in ("ttft", "tpot", "e2e") for q in ("p50", "p95")}
SAME = {
    "accuracy": ("accuracy", ""), "throughput": ("output_throughput", ""), "good": ("good", ""),
    "goodput": ("goodput", ""), **LATENCIES,
}  # fmt: skip
"""A measure of comparisons and gates -> the metric of tables that is the same number."""


def metric(cell: Cell, name: str) -> Metric | None:
    return cell.get(*SAME[name])


def rates(cell: Cell) -> dict[str, float | None]:
    """Return the shares that comparisons and gates count, as a table has them; None of nothing."""

    def count(name: str) -> float:
        found = cell.get(name)
        return float(found.value or 0) if found else 0.0

    attempted, answered = count("attempted") - count("refused"), count("succeeded")
    return {
        "failed": count("unanswered") if attempted else None,
        "truncated": count("truncated_share") if answered else None,
        "unscored": count("unscored_share") if answered else None,
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_comparison_prints_the_numbers_of_the_table(tmp_path: Path, seed: int) -> None:
    """Value and interval of accuracy and what is good, values of percentiles and rates; unknown and INVALID alike."""
    folder = random_run(seed).write(tmp_path / "run")
    side = read_run(folder)
    pairs = {(pair.task, pair.targets[1]): pair for pair in compare(side, side).pairs}
    for cell in tabulate(folder).cells:
        if cell.task is None:
            continue
        rows = {row.measure.name: row.new for row in pairs[cell.task, cell.target].rows}
        for name in SAME:
            printed, found = metric(cell, name), rows.get(name)
            if printed is None or printed.value is None or "invalid" in printed.marks:
                assert found is None, (cell.task, cell.target, name)
                continue
            assert found is not None, (cell.task, cell.target, name)
            assert found.value == pytest.approx(printed.value, rel=1e-12), (cell.task, cell.target, name)
            if name in ("accuracy", "good"):
                assert (found.low, found.high) == (printed.low, printed.high), (cell.task, cell.target, name)
        for name, share in rates(cell).items():
            found = rows.get(name)
            if share is None:
                assert found is None, (cell.task, cell.target, name)
            elif found is not None:  # a rate of 0 on both sides is left out
                assert found.value == pytest.approx(share, rel=1e-12, abs=1e-12), (cell.task, cell.target, name)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_gate_judges_the_numbers_of_the_table(tmp_path: Path, seed: int) -> None:
    """Limits are about the values of the table; what carries no verdict there carries none here."""
    folder = random_run(seed).write(tmp_path / "run")
    texts = {
        "accuracy": "accuracy >= 0.5", "ttft_p95": "ttft_p95 <= 1 s", "e2e_p50": "e2e_p50 <= 1 s",
        "tpot_p50": "tpot_p50 <= 1 s", "good": "good >= 0.5", "failed": "failed <= 10 %",
        "truncated": "truncated <= 10 %", "unscored": "unscored <= 10 %",
    }  # fmt: skip
    side, requests = read_run(folder), read(folder)
    rulings = {
        (one.task, one.target, one.metric): one for one in judge(rules(list(texts.values())), side, None).rulings
    }
    for cell in tabulate(folder).cells:
        if cell.task is None:
            continue
        expected = rates(cell)
        for name in set(texts) - set(expected):
            printed = metric(cell, name)
            expected[name] = None
            if printed is not None and printed.value is not None and "invalid" not in printed.marks:
                expected[name] = float(printed.value)
        for name, wanted in expected.items():
            judged = rulings[cell.task, cell.target, name].value
            close = None if wanted is None else pytest.approx(wanted, rel=1e-12, abs=1e-12)
            assert judged == close, (cell.task, cell.target, name)
        why = quality.no_verdict(requests.of(cell.task, cell.target))
        found = trouble(side.cells[cell.task, cell.target], side)
        assert "unfinished" in found or found == (f"run: {why}" if why else "")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_baseline_keeps_the_numbers_of_the_run(tmp_path: Path, seed: int) -> None:
    """What a baseline's samples say is what the run's requests say; its night has the run's percentiles and rates."""
    side = read_run(random_run(seed).write(tmp_path / "run"))
    baseline.save(side, "main", root=tmp_path / "baselines")
    (kept,) = load(["main"], baselines=tmp_path / "baselines")
    for place, cell in side.cells.items():
        for name in ("accuracy", "good", "failed", "truncated", "unscored", "prompt_tokens", "output_tokens", "cost"):
            one, other = (value(each, MEASURES[name], cell.conditions.prices) for each in (cell, kept.cells[place]))
            assert (one is None) == (other is None), (place, name)
            if one is not None and other is not None:
                assert other.value == pytest.approx(one.value, rel=1e-8), (place, name)
        for name, (log, _) in kept.cells[place].nights[0].logs.items():
            found = value(cell, MEASURES[name], None)
            assert found is not None
            assert log == pytest.approx(math.log(found.value), rel=1e-5, abs=1e-6), (place, name)


@pytest.mark.parametrize("seed", SEEDS[:10])
def test_a_history_and_a_stored_table_have_the_numbers_of_the_table(tmp_path: Path, seed: int) -> None:
    """All metrics of all cells come back from the history; a table that is compared has the values of its run."""
    folder = random_run(seed).write(tmp_path / "s" / "run")
    table = tabulate(folder)
    (folder / "table.json").write_text(render([table_page(table)], "json"))
    wanted = list(dict.fromkeys(Wanted(one.name, one.of) for cell in table.cells for one in cell.metrics))
    rows, _ = update(folder.parent)
    found = {(one.task, one.target): one.points[0].metrics for one in recall(rows, "s", metrics=wanted).series}
    for cell in table.cells:
        here = dict(zip(wanted, found[cell.task, cell.target], strict=True))
        for one in cell.metrics:
            again = here[Wanted(one.name, one.of)]
            assert again is not None
            assert (again.value, again.low, again.high) == (one.value, one.low, one.high)
    (tmp_path / "table.json").write_text(render([table_page(table)], "json"))
    for place, stored in read_table(tmp_path / "table.json", name="t").cells.items():
        own: SideCell = read_run(folder).cells[place]
        for name, number in stored.values.items():
            if name in SAME:
                known = value(own, MEASURES[name], None)
                assert known is not None
                assert number.value == pytest.approx(known.value, rel=1e-12), (place, name)


def test_a_ladder_that_reaches_its_context_limit_carries_a_verdict(tmp_path: Path) -> None:
    """10 of 20 prompts were refused as too long: run, gate and baseline agree that this is what a ladder finds."""
    made = random_run(0)
    answered = next(r for r in made.events if isinstance(r, Record) and isinstance(r.outcome, Completion) and r.timing)
    refusal = Failure(kind="context_length", phase=Phase.SENT, message="too long")
    records = [
        msgspec.structs.replace(
            answered, key=f"{n:016x}", target="a", repeat=0, session=1, attempts=(),
            outcome=refusal if n % 2 else answered.outcome, timing=None if n % 2 else answered.timing,
            sample=Sample(task="long", id=f"q{n}", messages=(), meta={"size": 1000 * (1 + n % 2), "cache": "cold"}),
        )
        for n in range(20)
    ]  # fmt: skip
    scores = [Scored(key=f"{n:016x}", scorer="exact", score=Score(value=1.0)) for n in range(0, 20, 2)]
    task = {"samples": 20, "data": {"kind": "ladder"}, "scorers": [{"kind": "exact"}]}
    folder = write_run(tmp_path / "run", records, scores, tasks={"long": task})
    assert quality.no_verdicts(read(folder)) == {}
    side = read_run(folder)
    gate = judge(rules(["accuracy >= 0.6", "ttft_p50 <= 3600 s", "failed <= 1 %"]), side, None)
    assert gate.word == "pass", [ruling.why for ruling in gate.rulings]
    assert trouble(side.cells["long", "a"], side) == ""
    (cell,) = tabulate(folder).cells
    printed = cell.get("ttft_s", "p95")
    assert printed is not None
    assert answered.timing is not None
    assert printed.value == answered.timing.ttft_s
