"""`compare`, `baseline save` and `gate` on stored runs: what they print and the exit code they return."""

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from written_runs import asked, write_run

from evalrun.api import open_run
from evalrun.errors import StoreError, SuiteError

Here = Callable[..., int]
RULE = ("--rule", "accuracy no worse than 2 points")


def test_compare_prints_each_against_the_first(here: Here, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three sides are two comparisons, in every form; one side is a mistake."""
    names = [str(write_run(tmp_path / name, asked(word))) for name, word in (("a", "rr"), ("b", "rw"), ("c", "ww"))]
    assert here("compare", *names, "--format", "json") == 0
    assert [one["new"] for one in json.loads(capsys.readouterr().out)] == names[1:]
    for form, start in (("text", names[1]), ("md", "**"), ("csv", "base,new,task")):
        assert here("compare", *names, "--format", form) == 0
        assert capsys.readouterr().out.startswith(start)
    with pytest.raises(SuiteError, match="has one target; name two runs, the base first: evalrun compare BASE NEW"):
        here("compare", names[0])


def test_two_targets_of_one_run_are_compared(here: Here, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`compare RUN` pairs them by sample, each with the first; latencies claim nothing, for they were not in step."""
    answers = [
        *asked("rrrr"), *(one._replace(target="b") for one in asked("rrww")),
        *(one._replace(target="c") for one in asked("wwww")),
    ]  # fmt: skip
    run = write_run(tmp_path / "run", answers)
    assert here("compare", run, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["base"], one["new"]) for one in found] == [("sim", "b"), ("sim", "c")]
    rows = {one["measure"]["name"]: one for one in found[0]["pairs"][0]["rows"]}
    assert rows["accuracy"]["comparison"]["difference"] == -0.5
    assert here("compare", run) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "the targets were asked one after the other (`evalrun ab` asks them in step)" in said
    assert "two nights" not in said


def test_what_is_no_side_is_skipped(here: Here, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`compare results/sums/*` finds the history's cache and the baselines' folder too: both are left out, and said."""
    names = [write_run(tmp_path / name, asked(word)) for name, word in (("a", "rr"), ("b", "rw"))]
    (tmp_path / "history.parquet").write_bytes(b"PAR1")
    (tmp_path / "baselines" / "main").mkdir(parents=True)
    (tmp_path / "baselines" / "main" / "add--sim.json").write_text("{}")
    assert here("compare", *names, tmp_path / "baselines", tmp_path / "history.parquet", "--format", "json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["new"] == str(names[1])
    assert "history.parquet is not a run, a table or a baseline: skipped" in err
    assert "baselines is not a run, a table or a baseline: skipped" in err


@pytest.mark.parametrize(("word", "code"), [("r" * 200, 0), ("w" * 12 + "r" * 188, 1), ("w" * 4 + "r" * 196, 3)])
def test_the_gate_ends_with_its_word(
    here: Here, tmp_path: Path, word: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pass is 0, regressed 1, inconclusive 3; the baseline is saved and found by its name."""
    shelf = ("--baselines", tmp_path / "baselines")
    first = write_run(tmp_path / "a", asked("r" * 200))
    assert here("baseline", "save", first, "main", "--out", tmp_path / "baselines") == 0
    assert "main/add--sim.json" in capsys.readouterr().out
    new = write_run(tmp_path / "b", asked(word), day=2)
    assert here("gate", new, "--baseline", "main", *RULE, *shelf) == code
    said = {0: "pass", 1: "regressed", 3: "inconclusive"}[code]
    assert capsys.readouterr().out.startswith(f"gate {said}: suite sums")
    assert here("gate", new, "--baseline", "main", *RULE, *shelf, "--format", "json") == code
    assert json.loads(capsys.readouterr().out)["rulings"][0]["metric"] == "accuracy"


def test_a_missing_baseline_is_never_green(here: Here, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first night has no baseline: 3, not 0, and not an error. A misspelt name is answered with those there are."""
    folder, shelf = write_run(tmp_path / "a", asked("r" * 200)), tmp_path / "baselines"
    words = ("gate", folder, "--baseline", "mian", "--baselines", shelf, *RULE)
    assert here(*words) == 3
    assert "no baseline mian in" in capsys.readouterr().err
    assert here("baseline", "save", folder, "main", "--out", shelf) == 0
    assert here(*words) == 3
    assert "it has main" in capsys.readouterr().err


def test_the_suite_has_rules_of_its_own(tmp_path: Path) -> None:
    """Without rules those of the suite hold; without any there is no gate."""
    own = open_run(write_run(tmp_path / "a", asked("r" * 50), gates=["accuracy >= 0.5", "failed <= 1 %"]))
    assert [one.rule for one in own.gate().rulings] == ["accuracy >= 0.5", "failed <= 1 %"]
    assert [one.rule for one in own.gate(rules=["truncated <= 5 %"]).rulings] == ["truncated <= 5 %"]
    with pytest.raises(SuiteError, match="there are no rules"):
        open_run(write_run(tmp_path / "b", asked("r"))).gate()
    with pytest.raises(StoreError):
        open_run(tmp_path / "nothing")


def test_a_run_without_verdict_is_no_baseline(here: Here, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unfinished or mostly failed: 3, said why, and nothing is written."""
    for name, word, more in (("a", "rr", {"samples": 3}), ("b", "fffr", {})):
        folder = write_run(tmp_path / name, asked(word), **more)
        assert here("baseline", "save", folder, "main", "--out", tmp_path / "baselines") == 3
        assert "no baseline" in capsys.readouterr().err
    assert not (tmp_path / "baselines").exists()


def test_a_late_night_is_refused_or_named(here: Here, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TTFT may be 100 ms lower than its 100 ms. Where the suite's gates compare it: 3, said why and what to do, and
    nothing is written. Where they do not, the night is saved without it, and that is said."""
    shelf = ("--out", tmp_path / "baselines")
    gated = write_run(tmp_path / "a", asked("r" * 60), lag_s=0.1, gates=["ttft_p50 within 15 %"])
    assert here("baseline", "save", gated, "main", *shelf) == 3
    said = capsys.readouterr().err
    assert "TTFT p50 may be more than 5% lower, and the suite's gates compare it; lower the concurrency" in said
    assert not (tmp_path / "baselines").exists()
    free = write_run(tmp_path / "b", asked("r" * 60), lag_s=0.1, gates=["accuracy no worse than 2 points"])
    assert here("baseline", "save", free, "main", *shelf) == 0
    said = capsys.readouterr().err
    assert "TTFT p50, TPOT p50" in said
    assert "INVALID, and stored without; lower the concurrency" in said


def test_one_run_is_wanted(here: Here, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`gate results/sums/*`: one run beside other things is taken; of two it is said what to name instead."""
    runs = tmp_path / "sums"
    runs.mkdir()
    first = write_run(runs / "20261101T030000Z-00000000", asked("r" * 50))
    (runs / "history.parquet").write_bytes(b"PAR1")
    rule = ("--rule", "accuracy >= 0.5")
    assert here("gate", *sorted(runs.iterdir()), *rule) == 0
    assert "history.parquet is not the folder of a run: skipped" in capsys.readouterr().err
    second = write_run(runs / "20261102T030000Z-00000000", asked("w" * 50), day=2)
    with pytest.raises(click.UsageError, match=f"2 runs are named .* that of the suite \\({runs}\\)"):
        here("gate", *sorted(runs.iterdir()), *rule)
    assert here("gate", runs, *rule) == 1
    assert f"the newest run: {second}" in capsys.readouterr().err
    assert here("gate", first, *rule) == 0
