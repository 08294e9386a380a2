"""The journal being written: whole lines appended, synced in groups, and nothing more after the first fault.

It does not lock the folder, does not decide when to sync (`writer` does) and never reads.

What `append` and `sync` promise, and what a run may rely on:

    append returned    the line is in the kernel: it survives the death of this process, SIGKILL included
    sync returned      the lines appended before it are on the disk: they survive a power failure

A run appends an `Intent` before a request leaves and a `Record` once it is over. So after SIGKILL every request that
was sent has its intent in the journal, and those without a record are at most the requests in flight: they are what
a resumed run sends again, and they are listed as possibly billed. An intent is not synced alone, as that would put a
disk's latency before every request. The price: a power failure takes the last unsynced second, or 32 records, of
intents and records alike; those requests are sent again, and only the intents that reached the disk can be listed.

Faults. A write that fails or comes up short is undone: the file is cut back to its last whole line. A sync that
fails may have dropped the very pages it was to write, and the next one would report success; so the file is cut back
to the last sync that did succeed, and it is never synced again. Either way every later `append` raises.
"""

import os
import threading
from pathlib import Path

from evalrun.errors import StoreError
from evalrun.store.disk import Disk, explain, storing, write_all
from evalrun.store.lines import JournalEvent, encode


class Journal:
    """An open journal. One thread appends; another may call `sync`, which takes milliseconds, meanwhile."""

    def __init__(self, path: Path, *, whole: int, disk: Disk) -> None:
        """Open it, cut off what follows its first `whole` bytes (a torn line) and make it durable."""
        self._path, self._disk = path, disk
        self._lock = threading.Lock()  # held while the file grows or shrinks
        self._syncing = threading.Lock()  # held for milliseconds
        self._size = self._synced = whole
        self._fault = ""  # why nothing can be appended any more
        self._sync_failed = False
        with storing(path):
            self._fd = disk.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                if os.fstat(self._fd).st_size > whole:
                    disk.truncate(self._fd, whole)
                disk.sync(self._fd)  # the last session may have died before it synced
                disk.sync_dir(path.parent)
            except BaseException:
                os.close(self._fd)
                raise

    def append(self, event: JournalEvent) -> None:
        """Append one line with one write."""
        line = encode(event)
        with self._lock:
            if self._fault:
                raise StoreError(self._fault)
            try:
                write_all(self._disk, self._fd, line)
            except OSError as error:
                raise self._stop(explain(self._path, error), cut=self._size) from error
            self._size += len(line)

    def sync(self) -> None:
        """Make every line appended so far durable, and see that nobody else touched the journal."""
        with self._syncing:  # the kernel reports an error once: of two syncs at a time, one would pass for clean
            if self._sync_failed:
                raise StoreError(self._fault)
            size = self._size
            try:
                self._disk.sync(self._fd)
            except OSError as error:
                self._sync_failed = True
                why = f"{explain(self._path, error)} ({self._size - self._synced:,} bytes)"
                with self._lock:
                    raise self._stop(why, cut=self._synced) from error
            self._synced = size
            with self._lock:
                if not self._in_place():
                    raise self._stop(f"{self._path}: moved or deleted while it was written; resume it where it is now")
                if (found := os.fstat(self._fd).st_size) != self._size:
                    raise self._stop(
                        f"{self._path}: changed by another program while it was written ({found:,} bytes, not"
                        f" {self._size:,}); run the same command again to ask what is missing"
                    )

    def close(self) -> None:
        """Sync and close."""
        try:
            self.sync()
        finally:
            os.close(self._fd)
            self._fd = -1  # the number may soon be another file's

    def _in_place(self) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._fd))
        except OSError:
            return False

    def _stop(self, why: str, *, cut: int | None = None) -> StoreError:
        """Let nothing be appended from here on; return the error to raise."""
        self._fault = self._fault or why
        if cut is not None:
            try:
                self._disk.truncate(self._fd, cut)
                self._size = cut
            except OSError:
                pass  # a torn line is cut off by whoever opens the journal next
        return StoreError(why)
