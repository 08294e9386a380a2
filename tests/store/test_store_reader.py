"""Reading results: which records count, old folders, newer folders, and no network library."""

import json
import shutil
import subprocess
import sys
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evalrun.errors import StoreError
from evalrun.store.lines import End, Intent, Lag, Load, Session, scan
from evalrun.store.manifest import Manifest
from evalrun.store.reader import StoredRun, run_folder
from evalrun.store.scores import write_scores
from evalrun.store.writer import Writer, create_run
from evalrun.types import Completion, Failure, Phase, Score, Scored

GOLDEN = Path(__file__).parents[1] / "fixtures" / "run-v3"


def test_of_several_records_the_last_counts(tmp_path: Path, manifest: Manifest, record: Any) -> None:
    """A failure that was asked again is replaced by the newer record, at the newer one's place. Only a failure of the
    moment, which says nothing of the sample, is left for a resume."""
    moment = msgspec.structs.replace(
        record(0), outcome=Failure(kind="quota", phase=Phase.COMPLETE, message="no credit")
    )
    with create_run(tmp_path, manifest) as writer:
        for one in (moment, record(1), record(2, failed=True)):
            writer.append(one)
    with Writer(writer.run.path) as writer:
        index = writer.run.index
        assert [index.is_settled(f"{number:016x}") for number in range(4)] == [False, True, True, False]
        assert index.settled == 2
        writer.append(record(0, session=2, text="new"))
    run = StoredRun(writer.run.path)
    assert [(r.key[-1], r.session) for r in run.records()] == [("1", 1), ("2", 1), ("0", 2)]
    assert [run.index.is_settled(f"{number:016x}") for number in range(4)] == [True, True, True, False]


def test_a_request_without_an_outcome_stays_possibly_billed(tmp_path: Path, manifest: Manifest, record: Any) -> None:
    """An intent without a record of its session is listed, even after a later session asked again; a retry is not."""
    with create_run(tmp_path, manifest) as writer:
        for number, attempt in [(0, 1), (1, 1), (1, 2)]:
            writer.append(Intent(key=f"{number:016x}", session=1, attempt=attempt, at=""))
        writer.append(record(1))
    with Writer(writer.run.path) as writer:
        assert writer.run.index.possibly_billed == {0}
        writer.append(Intent(key=f"{0:016x}", session=2, attempt=1, at=""))
        writer.append(record(0, session=2))
    run = StoredRun(writer.run.path)
    assert run.index.possibly_billed == {0}
    assert run.index.settled == 2


def test_a_run_being_written_is_read_as_it_was(tmp_path: Path, manifest: Manifest, record: Any) -> None:
    """A reader sees the journal as it was when it first looked, so that two walks agree."""
    with create_run(tmp_path, manifest) as writer:
        writer.append(record(0))
        run = StoredRun(writer.run.path)
        assert len(list(run.records())) == 1
        writer.append(record(1))
        assert len(list(run.records())) == 1
        assert not run.finished


def test_scores_are_replaced_whole(tmp_path: Path, manifest: Manifest) -> None:
    """No scores, then these, then others; damage is named with its line."""
    with create_run(tmp_path, manifest) as writer:
        run = writer.run
    assert (run.scorers(), list(run.scores())) == (None, [])
    scored = [Scored(key=f"{n:016x}", scorer="exact", score=Score(value=n % 2, why="\ud800")) for n in range(1500)]
    write_scores(run.path, iter(scored), scorers="abc")
    assert run.scorers() == "abc"
    assert [s.score.value for s in run.scores()] == [n % 2 for n in range(1500)]
    write_scores(run.path, [], scorers="def")
    assert (run.scorers(), list(run.scores())) == ("def", [])
    write_scores(run.path, scored[:2], scorers="abc")
    path = run.path / "scores.jsonl"
    path.write_text(path.read_text().replace('"value":0', '"value":1'))
    with pytest.raises(StoreError, match=r"scores\.jsonl:2: damaged \(its checksum does not fit"):
        list(run.scores())


def test_an_interrupted_replacement_leaves_no_draft(tmp_path: Path, manifest: Manifest) -> None:
    """Where the scores stop coming, the old ones stay and the error is the scorer's own."""
    with create_run(tmp_path, manifest) as writer:
        run = writer.run
    write_scores(run.path, [], scorers="old")

    def broken() -> Any:
        yield Scored(key="0" * 16, scorer="exact", score=Score(value=1.0))
        raise BrokenPipeError("a scorer's own")

    with pytest.raises(BrokenPipeError):
        write_scores(run.path, broken(), scorers="new")
    assert run.scorers() == "old"
    assert not list(run.path.glob(".*"))


def test_golden_folder_of_format_3() -> None:
    """A folder written by evalrun 0.1.0 is read the same for ever."""
    run = StoredRun(GOLDEN)
    assert run.manifest.schema == 3
    assert run.manifest.evalrun == "0.1.0"
    assert run.manifest.suite_name == "math"
    assert run.manifest.fingerprints.tasks["add"].samples == 4
    assert run.manifest.created.isoformat() == "2026-11-22T09:30:00.250000+00:00"
    assert run.manifest.machine.memory_bytes == 8 * 2**30
    first, failed, again = run.records()
    assert isinstance(first.outcome, Completion)
    assert first.outcome.text == "4\u2028\u20ac"
    assert first.outcome.usage.cached_tokens == 3
    assert first.cost_usd == Decimal("0.00000127")
    assert first.timing is not None
    assert (first.timing.ttft_s, first.timing.icl_s, first.timing.tpot_s) == (0.25, (0.5, 0.125), None)
    assert first.attempts[0].failure.kind == "rate_limited"
    assert first.sample.meta == {"level": 1, "big": "1180591620717411303424"}
    assert isinstance(failed.outcome, Failure)
    assert (failed.outcome.kind, failed.outcome.phase, failed.outcome.possibly_billed) == ("reset", "sent", True)
    assert (again.session, again.outcome) == (2, Completion(text="7", finish_reason="stop"))
    events = [line.event() for line in scan(GOLDEN / "journal.jsonl")]
    assert [one.n for one in events if isinstance(one, Session)] == [1, 2]
    assert [(one.count, one.p99_s) for one in events if isinstance(one, Lag)] == [(10, 0.002)]
    loads = [(one.target, one.at_s, one.limit, one.why) for one in events if isinstance(one, Load)]
    assert loads == [("sim", 0.125, 4, "planned")]
    ends = [(one.session, one.reason) for one in events if isinstance(one, End)]
    assert ends == [(1, "interrupted"), (2, "finished")]
    assert run.index.possibly_billed == {3}
    assert [(s.key, s.scorer, s.score.value) for s in run.scores()] == [(first.key, "exact", 1.0)]
    assert run.scorers() == "c1"
    assert run.notices == []
    assert run.finished


def test_another_format_is_refused_with_versions(tmp_path: Path) -> None:
    """P19: a folder that this version would misread says who wrote it and what to do."""
    folder = shutil.copytree(GOLDEN, tmp_path / "run")
    manifest = json.loads((folder / "manifest.json").read_text())
    crc = manifest.pop("crc")
    (folder / "manifest.json").write_text(json.dumps({"schema": 4, "evalrun": "9.1.0", "new": manifest}))
    with pytest.raises(StoreError, match=r"format 4, written by evalrun 9\.1\.0.*reads format 3: install a newer one"):
        StoredRun(folder)
    for changed, why in (
        ({}, "it has no checksum"),
        ({"crc": crc, "suite_name": "other"}, "its checksum does not fit"),
    ):
        (folder / "manifest.json").write_text(json.dumps(changed | manifest | changed, separators=(",", ":")))
        with pytest.raises(StoreError, match=why):
            StoredRun(folder)
    (folder / "manifest.json").write_text(json.dumps({**manifest, "schema": 1}))
    with pytest.raises(StoreError, match=r"format 1, written by evalrun 0\.1\.0.*run the suite again with --new, or"):
        StoredRun(folder)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match=r"manifest\.json: damaged"):
        StoredRun(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(StoreError, match=r"not a results folder .* name one like results/SUITE/UTC-HASH"):
        StoredRun(folder)


def test_the_folder_of_a_suite_is_its_newest_run(tmp_path: Path) -> None:
    """Who types results/SUITE means the newest run in it; a run's folder is itself, and an empty one stays."""
    for name in ("20260101T000000Z-aaaaaaaa", "20260102T000000Z-bbbbbbbb"):
        shutil.copytree(GOLDEN, tmp_path / "math" / name)
    newest = tmp_path / "math" / "20260102T000000Z-bbbbbbbb"
    assert run_folder(tmp_path / "math") == run_folder(newest) == newest
    shutil.copytree(GOLDEN, tmp_path / "math" / "keep-this")
    assert run_folder(tmp_path / "math") == newest
    assert run_folder(tmp_path) == tmp_path


def test_a_record_that_only_a_newer_version_can_read_is_not_skipped(tmp_path: Path) -> None:
    """A line with a right checksum that cannot be decoded would be a silent gap in the numbers: it is an error."""
    folder = shutil.copytree(GOLDEN, tmp_path / "run")
    body = b'"t":"record","key":"00000000000000ff","outcome":{"type":"dream"}}'
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"crc":"%08x",' % zlib.crc32(body) + body + b"\n")
    with pytest.raises(StoreError, match=r"record at byte .* read the folder with the version"):
        list(StoredRun(folder).records())


def test_reading_needs_no_network_library() -> None:
    """Importing the store and reading a run loads no HTTP library, pydantic, datasets or numpy."""
    code = (
        "import sys; from pathlib import Path; from evalrun.store.reader import StoredRun;"
        f"list(StoredRun(Path({str(GOLDEN)!r})).records());"
        "print(sorted({'httpx', 'httptools', 'pydantic', 'datasets', 'numpy', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=GOLDEN.parents[2])
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
