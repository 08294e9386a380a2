"""Run folders: made, found, locked, resumed, repaired."""

import hashlib
import json
import os
import shutil
import signal
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from newest_run import newest

from evalrun.errors import StoreError
from evalrun.store.lines import Intent, encode
from evalrun.store.manifest import Manifest
from evalrun.store.reader import StoredRun, run_folder
from evalrun.store.writer import Writer, create_run


def test_a_new_run_has_its_name_and_modes(tmp_path: Path, manifest: Manifest) -> None:
    """The folder is named by second and content, and only its owner can look into it."""
    with create_run(tmp_path / "a" / "results", manifest) as writer:
        folder = writer.run.path
    task = {"data": "d" * 64, "prompt": "p1", "samples": 3, "sampling": "s1", "scorers": "c1"}
    content = json.dumps({"targets": {"sim": "t1"}, "tasks": {"add": task}}, separators=(",", ":"))
    assert folder.parent == tmp_path / "a" / "results" / "math"
    assert folder.name == "20261122T093000Z-" + hashlib.sha256(content.encode()).hexdigest()[:8]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert {path.name for path in folder.iterdir()} == {"manifest.json", "journal.jsonl", "lock"}
    assert StoredRun(folder).manifest == manifest


def test_equal_runs_of_one_second_get_their_own_folders(tmp_path: Path, manifest: Manifest) -> None:
    """Two runs never share a folder, and the latest is the one made last."""
    later = msgspec.structs.replace(manifest, created=manifest.created + timedelta(microseconds=5))
    with create_run(tmp_path, later) as one, create_run(tmp_path, manifest) as two:
        assert two.run.path.name == one.run.path.name + "-2"
    found = newest(tmp_path, "math", manifest.command)
    assert found is not None
    assert found.path == one.run.path


def test_the_newest_run_is_the_one_that_started_last(tmp_path: Path, manifest: Manifest) -> None:
    """Of two runs within one second the later counts, whichever name sorts first; a copy of it is not a newer run."""
    other = msgspec.structs.replace(manifest.fingerprints, targets={"sim": "t2"})
    for suite, prints in (("one", (manifest.fingerprints, other)), ("two", (other, manifest.fingerprints))):
        for number, fingerprints in enumerate(prints):
            made = msgspec.structs.replace(
                manifest,
                suite_name=suite,
                created=manifest.created + timedelta(microseconds=number),
                fingerprints=fingerprints,
            )
            with create_run(tmp_path, made) as writer:
                last = writer.run.path
        shutil.copytree(last, tmp_path / suite / "keep-this")
        found = newest(tmp_path, suite, manifest.command)
        assert found is not None
        assert run_folder(tmp_path / suite) == found.path == last


def test_an_unwritable_root_is_refused(tmp_path: Path, manifest: Manifest) -> None:
    """P12: where a folder cannot be made, that is said at once."""
    (tmp_path / "results").write_text("a file")
    with pytest.raises(StoreError, match="results"):
        create_run(tmp_path / "results", manifest)


def test_the_same_command_finds_its_unfinished_run(tmp_path: Path, manifest: Manifest) -> None:
    """Found: the newest run of the same command, which knows whether it ever finished; a dead one is none."""
    command = {"suite": "suites/math.yaml", "set": ()}  # a tuple is what JSON gives back as a list
    assert newest(tmp_path, "math", command) is None
    with create_run(tmp_path, manifest) as writer:
        writer.end("interrupted")
    (tmp_path / "math" / "20991231T000000Z-00000000").mkdir()
    other = msgspec.structs.replace(manifest, command={"suite": "other"}, created=manifest.created + timedelta(1))
    create_run(tmp_path, other).close()
    found = newest(tmp_path, "math", command)
    assert found is not None
    assert (found.path, found.finished, found.finished_once) == (writer.run.path, False, False)
    with Writer(found.path) as again:
        assert again.session == 2
        again.end("finished")
    assert StoredRun(found.path).finished
    Writer(found.path).close()  # asked more than was planned, and killed
    asked_more = StoredRun(found.path)
    assert (asked_more.finished, asked_more.finished_once) == (False, True)


def test_a_second_process_is_refused_until_the_first_dies(tmp_path: Path, manifest: Manifest) -> None:
    """P16: the refusal names process and host; the kernel unlocks when the holder is gone, even by SIGKILL."""
    create_run(tmp_path, manifest).close()
    run = newest(tmp_path, "math", manifest.command)
    assert run is not None
    ready, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            Writer(run.path)
            os.write(tell, b"x")
            while True:
                os.read(os.pipe()[0], 1)  # for ever
        finally:
            os._exit(1)
    try:
        os.read(ready, 1)
        with pytest.raises(StoreError, match=f"in use by process {pid} on {os.uname().nodename}"):
            Writer(run.path)
        assert len(StoredRun(run.path).index.sessions) == 2  # reading needs no lock
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    with Writer(run.path) as writer:
        assert writer.session == 3


def test_damage_is_repaired_on_resume(tmp_path: Path, manifest: Manifest, record: Any) -> None:
    """P14, P15: a torn tail is cut off; a damaged line is copied to journal.bad, stays where it is, and its sample
    counts as not asked."""
    with create_run(tmp_path, manifest) as writer:
        for number in range(3):
            writer.append(Intent(key=f"{number:016x}", session=1, attempt=1, at=""))
            writer.append(record(number))
    journal = writer.run.path / "journal.jsonl"
    bad = encode(record(1)).replace(b'"42"', b'"43"')
    whole = journal.read_bytes().replace(encode(record(1)), bad)
    journal.write_bytes(whole + encode(record(3))[:-1])
    for session in (2, 3):
        with Writer(writer.run.path) as again:
            assert again.run.index.recorded == {0, 2}
            assert again.run.index.possibly_billed == {1}
            assert [("torn" in n, "1 damaged" in n) for n in again.notices][-1] == (False, True)
            assert len(again.notices) == (2 if session == 2 else 1)
        assert journal.read_bytes().startswith(whole + b'{"crc":"')
        quarantined = (writer.run.path / "journal.bad").read_text().splitlines()
        assert [json.loads(line) for line in quarantined] == [{"offset": whole.index(bad), "text": bad.decode()}]
