"""`run --only`: the samples of a stored run that are asked again, as a run of their own."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evalrun.again import narrowed
from evalrun.errors import SuiteError
from evalrun.run.planning import Selection, make_plan, replan
from evalrun.run.watch import Watch, ignore
from evalrun.store.reader import StoredRun
from evalrun.store.scores import read_scores

Command = Callable[..., "subprocess.CompletedProcess[str]"]
WATCH = Watch(ignore, ignore)


def wrong_in(folder: Path) -> set[str]:
    """Return the ids of the samples that were scored below 1."""
    ids = {record.key: record.sample.id for record in StoredRun(folder).records()}
    return {ids[one.key] for one in read_scores(folder) if (one.score.value or 0) < 1}


def test_only_the_wrong_samples_are_asked_again(
    suite: Callable[..., Path], evalrun: Command, tmp_path: Path, here: Callable[..., int]
) -> None:
    """In a folder of its own, named in the table; no baseline takes it, and the run it is of stays as it was."""
    path = suite(20)
    sim = tmp_path / "sim.yaml"
    sim.write_text(sim.read_text().replace("[1.0]", "[0.5]"))
    assert evalrun("run", path, "-q").returncode == 0
    [first] = (tmp_path / "results" / "sums").iterdir()
    wrong, before = wrong_in(first), (first / "journal.jsonl").read_bytes()
    assert 0 < len(wrong) < 20
    ran = evalrun("run", path, "-q", "--only", "wrong")
    assert ran.returncode == 0, ran.stderr
    assert f"only {len(wrong)} samples of 20 rows, chosen: wrong in {first.name}" in " ".join(ran.stdout.split())
    [again] = (tmp_path / "results" / "only" / "sums").iterdir()
    run = StoredRun(again)
    assert {record.sample.id for record in run.records()} == wrong
    assert (run.manifest.command["only"], Path(run.manifest.command["of"]).name) == (["wrong"], first.name)
    assert "first" in next(line for line in (again / "table.csv").read_text().splitlines() if ",accuracy,," in line)
    assert list((tmp_path / "results" / "sums").glob("2*")) == [first]
    assert (first / "journal.jsonl").read_bytes() == before
    saved = evalrun("baseline", "save", again, "main")
    assert (saved.returncode, "chosen samples only (--only), which do not stand for the task" in saved.stderr) == (
        3,
        True,
    )
    judged = evalrun("gate", again, "--rule", "accuracy >= 1 %")
    assert judged.returncode == 3
    named = evalrun("run", path, "-q", "--only", "3", "--only", "id:5", "--of", first, "--out", "out")
    assert named.returncode == 0, named.stderr
    [other] = (tmp_path / "out" / "only" / "sums").iterdir()
    assert {record.sample.id for record in StoredRun(other).records()} == {"3", "5"}
    plan = replan(StoredRun(other), Selection(suite=path), watch=WATCH)
    assert plan.totals == {"sums": 2}
    assert plan.command == json.loads(json.dumps(StoredRun(other).manifest.command)) | {
        "only": ("3", "id:5"), "tasks": ("sums",),
    }  # fmt: skip
    for only, said in ((("failed",), "is such; nothing to ask"), (("nosuch",), "neither one of wrong, failed, ")):
        with pytest.raises(SuiteError, match=said):
            narrowed(Selection(suite=path), only, of=str(first), out=tmp_path, watch=WATCH)
    with pytest.raises(SuiteError, match="--of: says of which run, and not what"):
        here("run", path, "--of", first)


def test_ids_in_a_suite_are_all_there(tmp_path: Path) -> None:
    """A task may name samples; an id that no row has is refused before anything is sent."""
    path = tmp_path / "s.yaml"
    path.write_text(
        "name: s\ntargets: [sim]\ntasks:\n  t:\n    data: {kind: inline, rows: [{q: a}, {q: b}, {q: c}]}\n"
        "    prompt: {template: '{{ q }}', expected: x}\n    scorers: [{kind: exact}]\n    only: ['1', '3']\n"
    )
    plan = make_plan(Selection(suite=path), watch=WATCH, sends=False)
    assert (plan.totals, plan.prints.tasks["t"].rows) == ({"t": 2}, 3)
    with pytest.raises(
        SuiteError, match=r"^tasks\.t\.only: no sample has the id '4', '9'; check the ids, or the data$"
    ):
        make_plan(Selection(suite=path, settings=("tasks.t.only=['1', '9', '4']",)), watch=WATCH, sends=False)
