"""Disk faults at every storage call: nothing acknowledged is lost, and the run stops."""

import errno
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from newest_run import newest

from evalrun.errors import StoreError
from evalrun.store.disk import Disk, replace_file
from evalrun.store.journal import Journal
from evalrun.store.lines import Intent, encode
from evalrun.store.manifest import Manifest
from evalrun.store.reader import StoredRun
from evalrun.store.writer import Writer, create_run

COMMAND = {"suite": "suites/math.yaml", "set": []}  # of the manifest fixture
KEYS = range(8)


class Faulty(Disk):
    """Fails from its `at`-th call on, for ever or once; a write first takes half of its bytes if `short`."""

    def __init__(self, at: int, error: int, *, short: bool = False, once: bool = False) -> None:
        self.left, self.error, self.short, self.once = at, error, short, once
        self.failed = ""
        self.synced = 0  # how many records were acknowledged when the last sync succeeded
        self.acked: list[str] = []

    def _call(self, name: str) -> None:
        self.left -= 1
        if self.left == 0 or (self.left < 0 and not self.once):
            self.failed = self.failed or name
            raise OSError(self.error, os.strerror(self.error))

    def make_dir(self, path: Path) -> None:
        self._call("make_dir")
        super().make_dir(path)

    def open(self, path: Path, flags: int) -> int:
        self._call("open")
        return super().open(path, flags)

    def write(self, fd: int, data: bytes) -> int:
        if self.short and self.left == 1:
            self.short = False  # takes half now and fails at the rest
            return super().write(fd, data[: len(data) // 2])
        self._call("write")
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        acked = len(self.acked)
        self._call("sync")
        super().sync(fd)
        self.synced = acked

    def truncate(self, fd: int, size: int) -> None:
        self._call("truncate")
        super().truncate(fd, size)

    def rename(self, old: Path, new: Path) -> None:
        self._call("rename")
        super().rename(old, new)

    def sync_dir(self, path: Path) -> None:
        self._call("sync_dir")
        super().sync_dir(path)


def ask(writer: Writer, record: Any, disk: Faulty | None = None) -> None:
    """Ask what is missing, and finish."""
    with writer:
        for number in KEYS:
            answer = record(number, session=writer.session)
            if writer.run.index.is_settled(answer.key):
                continue
            writer.append(Intent(key=answer.key, session=writer.session, attempt=1, at=""))
            writer.append(answer)
            if disk is not None:
                disk.acked.append(answer.key)
        writer.end("finished")


@pytest.mark.parametrize(
    ("error", "short", "once"),
    [
        (errno.ENOSPC, False, False),
        (errno.ENOSPC, True, False),
        (errno.ENOSPC, True, True),
        (errno.EDQUOT, False, True),
        (errno.EIO, False, True),
        (errno.EIO, False, False),
    ],
)
def test_a_fault_at_every_call(
    tmp_path: Path, manifest: Manifest, record: Any, error: int, short: bool, once: bool
) -> None:
    """R3: whichever call fails, StoreError; every acknowledged record is there; resuming asks exactly the rest."""
    failures = []
    for at in range(1, 200):
        root = tmp_path / str(at)
        disk = Faulty(at, error, short=short, once=once)
        try:
            ask(create_run(root, manifest, disk=disk), record, disk)
        except StoreError:
            assert disk.failed
            failures.append(disk.failed)
        else:
            assert not disk.failed
            break
        run = newest(root, "math", COMMAND)
        if run is None:
            assert disk.acked == []
            continue
        sure = disk.acked[: disk.synced] if disk.failed == "sync" else disk.acked
        assert {r.key for r in run.records()} >= set(sure)
        ask(Writer(run.path), record)
        whole = StoredRun(run.path)
        assert sorted(r.key for r in whole.records()) == [f"{n:016x}" for n in KEYS]
        assert whole.finished
        assert whole.notices == []
    assert {"make_dir", "open", "write", "sync", "rename", "sync_dir"} <= set(failures)


def test_a_failed_sync_is_never_clean(tmp_path: Path, record: Any) -> None:
    """P13: after a failed sync the journal ends where the last good one left it, and nothing is written again."""
    disk = Faulty(10**9, errno.EIO, once=True)
    journal = Journal(tmp_path / "journal.jsonl", whole=0, disk=disk)
    journal.append(record(1))
    journal.sync()
    journal.append(record(2))
    disk.left = 1
    for step in (journal.sync, lambda: journal.append(record(3)), journal.sync, journal.close):
        with pytest.raises(StoreError, match="counts as lost"):
            step()
    assert (tmp_path / "journal.jsonl").read_bytes() == encode(record(1))


def test_a_short_write_is_completed(tmp_path: Path, record: Any) -> None:
    """P11: where the kernel takes half of a line and then the rest, the line is whole."""

    class Halving(Disk):
        def write(self, fd: int, data: bytes) -> int:
            return super().write(fd, data[: len(data) // 2 + 1])

    journal = Journal(tmp_path / "journal.jsonl", whole=0, disk=Halving())
    journal.append(record(1))
    journal.append(record(2))
    journal.close()
    assert (tmp_path / "journal.jsonl").read_bytes() == encode(record(1)) + encode(record(2))


def test_a_short_write_is_rolled_back(tmp_path: Path, record: Any) -> None:
    """P11: where the rest of a line does not fit, what was written of it is cut off; the lines before it are synced."""
    disk = Faulty(10**9, errno.ENOSPC, short=True, once=True)
    journal = Journal(tmp_path / "journal.jsonl", whole=0, disk=disk)
    journal.append(record(1))
    disk.left = 1
    for _ in range(2):
        with pytest.raises(StoreError, match="free some space"):
            journal.append(record(2))
    assert (tmp_path / "journal.jsonl").read_bytes() == encode(record(1))
    journal.close()


@pytest.mark.parametrize("move", [True, False])
def test_a_folder_that_is_moved_or_deleted_ends_the_run(
    tmp_path: Path, manifest: Manifest, record: Any, move: bool
) -> None:
    """P17: a write to a file without a name succeeds, so the name is looked at with every sync."""
    writer = create_run(tmp_path, manifest)
    writer.append(record(1))
    if move:
        writer.run.path.rename(tmp_path / "moved")
    else:
        shutil.rmtree(writer.run.path)
    with pytest.raises(StoreError, match="moved or deleted"):
        writer.end("finished")
    with pytest.raises(StoreError, match="moved or deleted"):
        writer.append(record(2))
    with pytest.raises(StoreError, match="moved or deleted"):
        writer.close()
    if move:
        assert [r.key for r in StoredRun(tmp_path / "moved").records()] == [record(1).key]


@pytest.mark.parametrize("size", [0, 100, 10_000])
def test_a_journal_that_others_change_is_never_finished(
    tmp_path: Path, manifest: Manifest, record: Any, size: int
) -> None:
    """Cut or grown from outside while it is written: the run stops, and resuming it asks what is missing."""
    writer = create_run(tmp_path, manifest)
    for number in range(3):
        writer.append(record(number))
    journal = writer.run.path / "journal.jsonl"
    with journal.open("r+b") as file:
        file.truncate(size)
    with pytest.raises(StoreError, match="changed by another program while it was written"):
        writer.end("finished")
    with pytest.raises(StoreError, match="changed by another program"):
        writer.close()
    assert not StoredRun(writer.run.path).finished


def test_drafts_of_dead_processes_are_removed(tmp_path: Path) -> None:
    """Whoever writes a file next removes what a killed writer of it left; a living one keeps its draft."""
    dead = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True).stdout.strip()
    names = {".table.json.1.tmp", f".table.json.{dead}.tmp", f".other.json.{dead}.tmp", ".table.json.x.tmp"}
    for name in names:
        (tmp_path / name).touch()
    replace_file(tmp_path / "table.json", [b"{}"])
    assert {path.name for path in tmp_path.iterdir()} == {"table.json", ".table.json.1.tmp", f".other.json.{dead}.tmp"}


class Slow(Disk):
    """A disk whose syncs wait for a permission, and then may fail."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()
        self.armed = False
        self.fail = False

    def sync(self, fd: int) -> None:
        if self.armed:
            self.asked.set()
            assert self.go.wait(60)
            if self.fail:
                raise OSError(errno.EIO, "Input/output error")
        super().sync(fd)


@pytest.mark.parametrize("fail", [False, True])
def test_lines_are_synced_in_the_background(tmp_path: Path, manifest: Manifest, record: Any, fail: bool) -> None:
    """A line is synced without being asked for; appending goes on meanwhile; a failure comes with a later append."""
    disk = Slow()
    writer = create_run(tmp_path, manifest, disk=disk)
    disk.armed, disk.fail = True, fail
    writer.append(record(1))
    assert disk.asked.wait(60)
    writer.append(record(2))  # while the sync is under way
    disk.go.set()
    if fail:
        threads = [t for t in threading.enumerate() if t.name == "evalrun-journal-sync"]
        for thread in threads:
            thread.join(60)
        with pytest.raises(StoreError, match="counts as lost"):
            writer.append(record(3))
        with pytest.raises(StoreError, match="counts as lost"):
            writer.close()
    else:
        writer.close()
    expected = [] if fail else [record(1).key, record(2).key]
    assert [r.key for r in StoredRun(writer.run.path).records()] == expected
