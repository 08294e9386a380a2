"""The commands as functions: what they print and the exit code they give."""

import json
from pathlib import Path

import pytest
from written_runs import asked, write_run

from evalrun.cli.compare import baseline_save, compare_runs
from evalrun.cli.gate import gate_of, gate_run
from evalrun.cli.held import Held
from evalrun.errors import StoreError, SuiteError


def test_compare_prints_each_against_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three sides are two comparisons, in every form; one side is a mistake."""
    names = [str(write_run(tmp_path / name, asked(word))) for name, word in (("a", "rr"), ("b", "rw"), ("c", "ww"))]
    assert compare_runs(names, form="json", baselines=tmp_path) == 0
    assert [one["new"] for one in json.loads(capsys.readouterr().out)] == names[1:]
    for form, start in (("text", names[1]), ("md", "**"), ("csv", "base,new,task")):
        assert compare_runs(names, form=form, baselines=tmp_path) == 0
        assert capsys.readouterr().out.startswith(start)
    with pytest.raises(SuiteError, match="give two sides"):
        compare_runs(names[:1], baselines=tmp_path)


@pytest.mark.parametrize(("word", "code"), [("r" * 200, 0), ("w" * 12 + "r" * 188, 1), ("w" * 4 + "r" * 196, 3)])
def test_the_gate_leaves_with_its_word(
    tmp_path: Path, word: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pass is 0, regressed 1, inconclusive 3; the baseline is saved and found by its name."""
    baselines = tmp_path / "baselines"
    assert baseline_save(write_run(tmp_path / "a", asked("r" * 200)), "main", out=baselines) == 0
    assert "main/add--sim.json" in capsys.readouterr().out
    new = write_run(tmp_path / "b", asked(word), day=2)
    held = Held(baseline_name="main", texts=["accuracy no worse than 2 points"], baselines=baselines)
    assert gate_run(new, held) == code
    assert capsys.readouterr().out.startswith(
        f"gate {({0: 'pass', 1: 'regressed', 3: 'inconclusive'})[code]}: suite sums"
    )
    assert gate_run(new, held, form="json") == code
    assert json.loads(capsys.readouterr().out)["rulings"][0]["metric"] == "accuracy"


def test_a_missing_baseline_is_never_green(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first night has no baseline: 3, not 0, and not an error. A misspelt name is answered with those there are."""
    folder, shelf = write_run(tmp_path / "a", asked("r" * 200)), tmp_path / "baselines"
    held = Held(baseline_name="mian", texts=["accuracy no worse than 2 points"], baselines=shelf)
    assert gate_run(folder, held) == 3
    assert "no baseline mian in" in capsys.readouterr().err
    assert baseline_save(folder, "main", out=shelf) == 0
    assert gate_run(folder, held) == 3
    assert "it has main" in capsys.readouterr().err


def test_the_suite_has_rules_of_its_own(tmp_path: Path) -> None:
    """Without rules on the command line those of the suite hold; without any there is no gate."""
    own = write_run(tmp_path / "a", asked("r" * 50), gates=["accuracy >= 0.5", "failed <= 1 %"])
    assert [one.rule for one in gate_of(own, Held()).rulings] == ["accuracy >= 0.5", "failed <= 1 %"]
    assert [one.rule for one in gate_of(own, Held(texts=["truncated <= 5 %"])).rulings] == ["truncated <= 5 %"]
    with pytest.raises(SuiteError, match="there are no rules"):
        gate_of(write_run(tmp_path / "b", asked("r")), Held())
    with pytest.raises(StoreError):
        gate_of(tmp_path / "nothing", Held(texts=["accuracy >= 0.5"]))


def test_a_run_without_verdict_is_no_baseline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unfinished or mostly failed: 3, said why, and nothing is written."""
    for name, word, more in (("a", "rr", {"samples": 3}), ("b", "fffr", {})):
        folder = write_run(tmp_path / name, asked(word), **more)
        assert baseline_save(folder, "main", out=tmp_path / "baselines") == 3
        assert "no baseline" in capsys.readouterr().err
    assert not (tmp_path / "baselines").exists()
