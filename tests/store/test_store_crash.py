"""Death at any instant: SIGKILL at seeded points, and every state a power failure can leave."""

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from newest_run import newest

from evalrun.errors import StoreError
from evalrun.store.disk import Disk
from evalrun.store.lines import Intent, parse
from evalrun.store.manifest import Manifest
from evalrun.store.reader import StoredRun
from evalrun.store.scores import write_scores
from evalrun.store.writer import Writer, create_run
from evalrun.types import Record, Score, Scored

IN_FLIGHT = 4
COMMAND = {"suite": "suites/math.yaml", "set": []}  # of the manifest fixture
KEYS = [f"{n:016x}" for n in range(40)]


class Unsynced(Disk):
    """A disk that does not sync: what is recovered here need not survive anything."""

    def sync(self, fd: int) -> None:
        pass

    def sync_dir(self, path: Path) -> None:
        pass


def ask(writer: Writer, record: Any, acknowledge: Callable[[int], object] = lambda number: None) -> None:
    """Ask what is missing with `IN_FLIGHT` requests in flight, answers out of order, and finish."""
    rng = random.Random(1)
    with writer:
        flying: list[int] = []
        missing = [number for number, key in enumerate(KEYS) if not writer.run.index.is_settled(key)]
        while missing or flying:
            while missing and len(flying) < IN_FLIGHT:
                flying.append(missing.pop(0))
                writer.append(Intent(key=KEYS[flying[-1]], session=writer.session, attempt=1, at=""))
            number = flying.pop(rng.randrange(len(flying)))
            writer.append(record(number, session=writer.session))
            acknowledge(number)
        writer.end("finished")


def finish(folder: Path, record: Any) -> None:
    """Resume, ask the rest, and check that every question has one answer and nothing is damaged."""
    ask(Writer(folder, disk=Unsynced()), record)
    run = StoredRun(folder)
    assert sorted(r.key for r in run.records()) == KEYS
    assert run.finished
    assert run.notices == []


class Dying(Disk):
    """Dies of SIGKILL in its `at`-th call: before it, or with a write half done."""

    def __init__(self, at: int, rng: random.Random) -> None:
        self.left, self.rng = at, rng

    def _call(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def write(self, fd: int, data: bytes) -> int:
        if self.left == 1:
            super().write(fd, data[: self.rng.randrange(len(data))])
        self._call()
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self._call()
        super().sync(fd)

    def rename(self, old: Path, new: Path) -> None:
        self._call()
        super().rename(old, new)

    def sync_dir(self, path: Path) -> None:
        self._call()
        super().sync_dir(path)


def in_child(work: Callable[[int], None], after: int | None) -> list[int]:
    """Run `work` in a fork and give the bytes it wrote to its pipe; kill it once it wrote `after` of them."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            work(writer)
        finally:
            os._exit(0)
    os.close(writer)
    heard: list[int] = []
    while part := os.read(reader, 1):
        heard += part
        if len(heard) == after:
            os.kill(pid, signal.SIGKILL)
    os.close(reader)
    os.waitpid(pid, 0)
    return heard


@pytest.mark.parametrize("inside", [True, False])
def test_sigkill_loses_nothing_acknowledged(tmp_path: Path, manifest: Manifest, record: Any, inside: bool) -> None:
    """R1, P04: killed at 2 x 40 seeded points, in the middle of a call or wherever it was: every acknowledged record
    is read back, and what is asked again is no more than what was in flight."""
    for seed in range(40):
        rng = random.Random(seed)
        root = tmp_path / str(seed)
        disk = Dying(rng.randrange(1, 95), rng) if inside else Disk()
        after = None if inside else rng.randrange(1, len(KEYS))

        def work(pipe: int, root: Path = root, disk: Disk = disk) -> None:
            writer = create_run(root, manifest, disk=disk)
            ask(writer, record, lambda asked: os.write(pipe, bytes([asked])))

        acknowledged = {KEYS[number] for number in in_child(work, after)}
        run = newest(root, "math", COMMAND)
        if run is None:
            assert acknowledged == set()
            continue
        answered = {r.key for r in run.records()}
        assert acknowledged <= answered
        assert len(answered - acknowledged) <= 1
        assert len(run.index.possibly_billed) <= IN_FLIGHT
        assert not {int(key, 16) for key in answered} & run.index.possibly_billed
        finish(run.path, record)


def test_sigkill_while_scores_are_written(tmp_path: Path, manifest: Manifest) -> None:
    """P05: whichever call it dies in, the scores are wholly the old ones or wholly the new ones."""
    folder = create_run(tmp_path, manifest)
    folder.close()
    path = folder.run.path
    old = [Scored(key=key, scorer="exact", score=Score(value=0.0)) for key in KEYS]
    new = [Scored(key=key, scorer="exact", score=Score(value=1.0)) for key in KEYS]
    seen = set()
    for at in range(1, 9):
        write_scores(path, old, scorers="old")
        in_child(lambda pipe, at=at: write_scores(path, new, scorers="new", disk=Dying(at, random.Random(at))), None)  # type: ignore[misc]
        run = StoredRun(path)
        assert list(run.scores()) == {"old": old, "new": new}[run.scorers() or ""]
        seen.add(run.scorers())
    assert seen == {"old", "new"}


# ---------------------------------------------------------------- power failure


class Recording(Disk):
    """Does every call and remembers it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Path, Any]] = []
        self.paths: dict[int, Path] = {}

    def make_dir(self, path: Path) -> None:
        super().make_dir(path)
        self.calls.append(("make_dir", path, None))

    def open(self, path: Path, flags: int) -> int:
        fd = super().open(path, flags)
        self.paths[fd] = path
        self.calls.append(("open", path, flags))
        return fd

    def write(self, fd: int, data: bytes) -> int:
        done = super().write(fd, data)
        self.calls.append(("write", self.paths[fd], data[:done]))
        return done

    def sync(self, fd: int) -> None:
        super().sync(fd)
        self.calls.append(("sync", self.paths[fd], None))

    def truncate(self, fd: int, size: int) -> None:
        super().truncate(fd, size)
        self.calls.append(("truncate", self.paths[fd], size))

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self.calls.append(("rename", old, new))

    def sync_dir(self, path: Path) -> None:
        super().sync_dir(path)
        self.calls.append(("sync_dir", path, None))


class Inode:
    def __init__(self) -> None:
        self.data = self.synced = b""


class Model:
    """A file system that keeps apart what was written and what is on the disk: the strictest that POSIX allows."""

    def __init__(self) -> None:
        self.names: dict[Path, Inode | None] = {}  # None: a folder
        self.durable: dict[Path, Inode | None] = {}

    def do(self, name: str, path: Path, extra: Any) -> None:
        node = self.names.get(path)
        if name == "make_dir":
            self.names[path] = None
        elif name == "open" and (node is None or extra & os.O_TRUNC):
            self.names[path] = Inode()
        elif name == "write" and node is not None:
            node.data += extra
        elif name == "truncate" and node is not None:
            node.data = node.data[:extra]
        elif name == "sync" and node is not None:
            node.synced = node.data
        elif name == "rename":
            self.names[extra] = self.names.pop(path)
        elif name == "sync_dir":
            here = {p: n for p, n in self.names.items() if p.parent == path}
            self.durable = {p: n for p, n in self.durable.items() if p.parent != path} | here

    def build(self, root: Path, names: dict[Path, Inode | None], *, synced: bool) -> None:
        """Make the files as they are found afterwards; what was in a folder that was lost is lost."""
        root.mkdir()
        for path, node in sorted(names.items(), key=lambda item: item[0]):
            target = root / path.relative_to("/fs")
            if node is None and target.parent.is_dir():
                target.mkdir()
            elif node is not None and target.parent.is_dir():
                target.write_bytes(node.synced if synced else node.data)


def keys_in(data: bytes) -> set[str]:
    events = [parse(line).event() for line in data.splitlines(keepends=True)]
    return {event.key for event in events if isinstance(event, Record)}


def recorded(tmp_path: Path, manifest: Manifest, record: Any) -> list[tuple[str, Path, Any]]:
    """Record a run of three sessions, the second torn, with scores written twice; paths are made relative to /fs."""
    disk = Recording()
    root = tmp_path / "made"
    with create_run(root, manifest, disk=disk) as writer:
        for number in range(4):
            writer.append(Intent(key=KEYS[number], session=1, attempt=1, at=""))
            writer.append(record(number, failed=number == 3))
        writer.end("interrupted")
    folder = writer.run.path
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"crc":"torn')
    disk.calls.append(("write", folder / "journal.jsonl", b'{"crc":"torn'))
    with Writer(folder, disk=disk) as writer:
        for number in range(3, 6):
            writer.append(Intent(key=KEYS[number], session=2, attempt=1, at=""))
            writer.append(record(number, session=2))
    for value in (0.0, 1.0):
        scores = [Scored(key=KEYS[0], scorer="exact", score=Score(value=value))]
        write_scores(folder, scores, scorers=str(value), disk=disk)

    def moved(path: Any) -> Any:
        return Path("/fs") / path.relative_to(root) if isinstance(path, Path) and path.is_relative_to(root) else path

    return [(name, moved(path), moved(extra)) for name, path, extra in disk.calls]


def test_every_crash_state_recovers(tmp_path: Path, manifest: Manifest, record: Any) -> None:
    """R2, P20: after every prefix of the storage calls, with the last write torn at 5 points: if the process died,
    what was written is there; if the power failed, what was synced is there; and the run can be finished."""
    calls = recorded(tmp_path, manifest, record)
    states = 0
    for count in range(1, len(calls) + 1):
        name, path, extra = calls[count - 1]
        tears = [len(extra) * part // 5 for part in range(1, 5)] if name == "write" else []
        for tear in [*tears, None]:
            model = Model()
            model.names[Path("/fs/math")] = model.durable[Path("/fs/math")] = None  # made by `Path.mkdir`
            for call in calls[: count - 1]:
                model.do(*call)
            model.do(name, path, extra if tear is None else extra[:tear])
            for kind, names, synced in [
                ("process", model.names, False),
                ("power", model.durable, True),
                ("power, names kept", model.names, True),
            ]:
                states += 1
                root = tmp_path / f"{states}"
                model.build(root, names, synced=synced)
                journals = [n for p, n in model.names.items() if p.name == "journal.jsonl" and n is not None]
                data = b"".join(n.synced if synced else n.data for n in journals)
                if count == len(calls):  # the second `write_scores` has returned
                    assert StoredRun(next(root.glob("math/*"))).scorers() == "1.0", kind
                recover(root, keys_in(data), record, where=f"{kind} after {name} {path.name}, call {count}")
    assert states > 300


def recover(root: Path, expected: set[str], record: Any, *, where: str) -> None:
    """Check that the records that must be there are, and that the run can be finished."""
    try:
        run = newest(root, "math", COMMAND)
        if run is None:
            assert expected == set(), where
            return
        assert {r.key for r in run.records()} == expected, where
        assert run.scorers() in (None, "0.0", "1.0"), where
        list(run.scores())
        finish(run.path, record)
    except StoreError as error:
        raise AssertionError(where) from error
