"""The file system, through the handful of calls that can fail. It knows nothing of runs and records.

Every change to a results folder goes through `Disk`, so that tests can put a fault at each call. `OSError` becomes
`StoreError` here (`storing`), or in `journal`, which has to undo something first.
"""

import contextlib
import errno
import fcntl
import glob
import os
import socket
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from evalrun.errors import StoreError

_sync_data = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync

ADVICE = {
    errno.ENOSPC: "free some space, then run the same command again to resume",
    errno.EDQUOT: "the quota is used up: free some space, then run the same command again to resume",
    errno.EACCES: "choose a results folder that you may write to",
    errno.EPERM: "choose a results folder that you may write to",
    errno.EROFS: "the file system is read-only: choose another results folder",
    errno.EIO: "the disk is failing: what was written since the last sync counts as lost",
}


class Disk:
    """The calls that change a results folder. A short write is the caller's to complete."""

    def make_dir(self, path: Path) -> None:
        path.mkdir(0o700)

    def open(self, path: Path, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def write(self, fd: int, data: bytes) -> int:
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        _sync_data(fd)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def rename(self, old: Path, new: Path) -> None:
        old.replace(new)

    def sync_dir(self, path: Path) -> None:
        """Make the names in a folder durable: a file that was synced can still lose its name."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


DISK = Disk()


def write_all(disk: Disk, fd: int, data: bytes) -> None:
    """Write all of `data`: one call, and more only where the kernel took less."""
    done = disk.write(fd, data)
    while done < len(data):
        more = disk.write(fd, data[done:])
        if more == 0:  # POSIX lets a full device say so
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done += more


def explain(where: Path, error: OSError) -> str:
    """Return what failed and what to do about it."""
    advice = ADVICE.get(error.errno or 0, "fix that, then run the same command again to resume")
    return f"{where}: {error.strerror or error}; {advice}"


def _open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading: a pipe or a device could keep a reader waiting for ever."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise StoreError(f"{path}: not a regular file; put a copy of the file in its place")
        return os.fdopen(fd, "rb", buffering=1 << 20)
    except BaseException:
        os.close(fd)
        raise


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading, errors as `storing`."""
    with storing(path), _open_file(path) as file:
        yield file


def contents(path: Path) -> bytes:
    """Return the bytes of a regular file, errors as `storing`."""
    with reading(path) as file:
        return file.read()


@contextmanager
def storing(where: Path) -> Iterator[None]:
    """Turn the operating system's errors into `StoreError`."""
    try:
        yield
    except OSError as error:
        raise StoreError(explain(where, error)) from error


def replace_file(path: Path, chunks: Iterable[bytes], *, disk: Disk = DISK) -> None:
    """Replace a file atomically: after any crash, `path` is the old file or the new one.

    A crash leaves at most a `.NAME.PID.tmp` beside it, which nothing reads, and which the next writer removes.
    """
    remove_drafts(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with storing(path):
            fd = disk.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            for chunk in chunks:  # outside `storing`: what making a chunk raises is not the file's fault
                with storing(path):
                    write_all(disk, fd, chunk)
            with storing(path):
                disk.sync(fd)
        finally:
            os.close(fd)
        with storing(path):
            disk.rename(draft, path)
            disk.sync_dir(path.parent)
    except BaseException:  # an interrupt too: the draft is of no use
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def remove_drafts(path: Path) -> bool:
    """Remove what dead processes left of a file that they were writing; return whether there was anything."""
    left = [
        draft
        for draft in path.parent.glob(f".{glob.escape(path.name)}.*.tmp")
        if not _is_alive(draft.name.split(".")[-2])
    ]
    for draft in left:
        with contextlib.suppress(OSError):
            draft.unlink()
    return bool(left)


def _is_alive(pid: str) -> bool:
    """Whether a process of this machine has this number; whether one of another machine does is not known."""
    try:
        os.kill(int(pid), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


def lock(folder: Path) -> int:
    """Lock a run folder for this process; return the descriptor that holds the lock, to be closed to unlock.

    flock, not a file with a process id in it: the kernel drops the lock when its holder dies. The text in the file is
    only for the message.
    """
    path = folder / "lock"
    with storing(path):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        except BlockingIOError:
            holder = os.pread(fd, 512, 0).decode(errors="replace").strip() or "another process"
            os.close(fd)
            raise StoreError(f"{folder}: in use by {holder}; wait until it ends, or stop it") from None
        except BaseException:
            os.close(fd)
            raise
    return fd
