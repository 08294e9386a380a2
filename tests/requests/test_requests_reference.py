"""Every number of a table is what a slow and obvious reading of the records says, over random runs."""

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import reference
from run_folder import random_run

from evalrun.ladder import climb
from evalrun.requests import read
from evalrun.table import Cell, tabulate
from evalrun.types import Completion

SEEDS = range(40)


def shown(cell: Cell) -> reference.Numbers:
    return {(metric.name, metric.of): metric.value for metric in cell.metrics if metric.name != "planned"}


def close(one: Any, other: Any, *, rel: float) -> bool:
    if one is None or other is None:
        return one is other
    if isinstance(one, Decimal):
        return math.isclose(one, other, rel_tol=1e-11)
    return one == other or math.isclose(one, other, rel_tol=rel, abs_tol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_table_says_what_the_records_say(tmp_path: Path, seed: int) -> None:
    """Of each task and target, and of all tasks of a target: the same numbers, each with the same value."""
    made = random_run(seed)
    records = reference.last_records(made)
    for cell in tabulate(made.write(tmp_path)).cells:
        mine = [r for r in records if r.target == cell.target and cell.task in (None, r.sample.task)]
        places = {(r.sample.task, r.target) for r in mine}
        further = () if cell.task is None else ("regex",)
        expected = reference.numbers(made, mine, scorers=further, places=places)
        found = shown(cell)
        assert found.keys() == expected.keys(), (cell.task, cell.target)
        for key, value in expected.items():
            rel = 1.1e-3 if key[0] == "icl_s" else 1e-9
            assert close(found[key], value, rel=rel), (cell.task, cell.target, key, found[key], value)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_percentile_is_invalid_where_its_bounds_move_it(tmp_path: Path, seed: int) -> None:
    """The mark is there exactly where subtracting every bound, or adding it to gaps, moves the printed value by 5 %."""
    made = random_run(seed)
    records = reference.last_records(made)
    seen = set()
    for cell in tabulate(made.write(tmp_path)).cells:
        mine = [r for r in records if r.target == cell.target and cell.task in (None, r.sample.task)]
        for metric in cell.metrics:
            if metric.name not in reference.LATENCIES or " " in metric.of:
                continue
            values = reference.values(made, mine, metric.name)
            if values and metric.value is not None and math.isfinite(metric.value):
                q = float(metric.of[1:]) / 100
                value = reference.at(sorted(v for v, _ in values), q)
                earliest = reference.at(sorted(v - off for v, off in values), q)
                moved, most = value - earliest, 0.05 * value
                if metric.name == "icl_s":
                    moved = max(moved, reference.at(sorted(reference.latest_gaps(made, mine)), q) - value)
                    if abs(moved - most) < 0.005 * value:
                        continue  # its histogram cannot tell
                assert ("invalid" in metric.marks) == (moved > most), metric
                seen.add("invalid" in metric.marks)
    assert seen


@pytest.mark.parametrize("seed", SEEDS)
def test_a_ladder_says_what_the_records_say(tmp_path: Path, seed: int) -> None:
    """Of each target and size: cold and warm apart, refusals in no percentile, a question counted once."""
    made = random_run(seed, samples=30)
    told = {(one.key, one.scorer): one.score for one in made.scores}
    records = [r for r in reference.last_records(made) if r.sample.task == "long" and r.sample.meta["cache"] != "prime"]
    for ladder in climb(read(made.write(tmp_path))):
        mine = [r for r in records if r.target == ladder.target.name]
        answers = [r.outcome for r in mine if isinstance(r.outcome, Completion)]
        reported = any(o.usage.cached_tokens is not None for o in answers)
        reasoned = any(o.reasoning or o.usage.reasoning_tokens for o in answers)
        assert [rung.size for rung in ladder.rungs] == sorted({r.sample.meta["size"] for r in mine})
        for rung in ladder.rungs:
            here = [r for r in mine if r.sample.meta["size"] == rung.size]
            expected = reference.rung(made, here, told, reported=reported, reasoned=reasoned)
            found = {(metric.name, metric.of): metric.value for metric in rung.metrics}
            assert expected.keys() <= found.keys()
            for key, value in expected.items():
                assert close(found[key], value, rel=1e-9), (ladder.target.name, rung.size, key, found[key], value)
