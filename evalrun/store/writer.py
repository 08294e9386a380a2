"""Writing a run folder: making it, and appending to its journal as the one process that may, synced in groups.

    results/<suite>/<UTC>-<hash>/     0700, its files 0600
        manifest.json                 what the run is; written once
        journal.jsonl                 what happened; only ever appended to
        scores.jsonl                  derived; replaced whole
        journal.bad                   copies of damaged journal lines, if there are any
        delivered                     there once the results of a finished session were shown
        lock                          locked while a session writes

Nothing here decides what is asked or whether a run may be resumed, and nothing changes what was written.
"""

import contextlib
import itertools
import os
import re
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from evalrun import __version__
from evalrun.errors import StoreError
from evalrun.fingerprint import fingerprint
from evalrun.store.disk import DISK, Disk, lock, remove_drafts, replace_file, storing
from evalrun.store.journal import Journal
from evalrun.store.lines import End, Intent, JournalEvent, Session, scan, to_json
from evalrun.store.manifest import NAME as MANIFEST
from evalrun.store.manifest import Manifest, write_manifest
from evalrun.store.reader import DELIVERED, JOURNAL, StoredRun
from evalrun.types import Record

BAD = "journal.bad"
KEY = re.compile("[0-9a-f]{16}")
GROUP = 32  # records a power failure may cost at most, but for those written while a sync is under way
PERIOD_S = 1.0  # and the longest that a line stays unsynced


class Writer:
    """A run folder that is being written, as one session. Use it as a context manager.

    The session says that it is over with `end`; leaving without that leaves the run unfinished.
    run: the folder as the earlier sessions left it; use a new `StoredRun` to read this session's records.
    notices: what was found damaged, and repaired.
    """

    def __init__(self, folder: Path, *, disk: Disk = DISK) -> None:
        """Lock the folder, repair its journal, start a session."""
        folder = folder.absolute()  # the process may change its working directory
        self.run = StoredRun(folder)
        self._lock = lock(folder)
        try:
            index = self.run.index  # read under the lock
            self.notices = self.run.notices
            _quarantine(folder, index.damaged, disk=disk)
            self._journal = Journal(folder / JOURNAL, whole=index.whole, disk=disk)
            try:
                self.session = n = 1 + max((one.n for one in index.sessions if isinstance(one, Session)), default=0)
                started, host = datetime.now(UTC).isoformat(timespec="milliseconds"), socket.gethostname()
                self._journal.append(Session(n=n, started=started, pid=os.getpid(), host=host, evalrun=__version__))
                self._journal.sync()
            except BaseException:
                self._journal.close()
                raise
        except BaseException:
            os.close(self._lock)
            raise
        self._waiting = threading.Condition()
        self._lines = self._records = 0  # appended since the last sync began
        self._stopping = False
        self._thread = threading.Thread(target=self._sync_groups, name="evalrun-journal-sync", daemon=True)
        self._thread.start()

    def append(self, event: JournalEvent) -> None:
        """Append one event. Once it returns, the event survives the death of this process (see `journal`)."""
        if isinstance(event, Intent | Record) and not KEY.fullmatch(event.key):
            raise ValueError(f"a key has 16 hex digits, not {event.key!r}")
        self._journal.append(event)
        with self._waiting:
            self._lines += 1
            self._records += isinstance(event, Record)
            if self._lines == 1 or self._records == GROUP:
                self._waiting.notify()

    def end(self, reason: str) -> None:
        """Note that the session ended on purpose, `finished` if nothing is left to ask, and make all of it durable."""
        self._journal.sync()  # a journal that lost lines is not finished
        self.append(End(session=self.session, reason=reason))
        self._journal.sync()

    def close(self) -> None:
        """Make all of it durable and unlock the folder. Closing again does nothing."""
        if self._stopping:
            return
        with self._waiting:
            self._stopping = True
            self._waiting.notify()
        self._thread.join()
        try:
            self._journal.close()
        finally:
            os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _sync_groups(self) -> None:
        """Sync within `PERIOD_S` of a line or `GROUP` records, in a thread: it would block an event loop."""
        while True:
            with self._waiting:
                self._waiting.wait_for(lambda: self._lines > 0 or self._stopping)
                self._waiting.wait_for(lambda: self._records >= GROUP or self._stopping, timeout=PERIOD_S)
                if self._stopping:
                    return  # `close` syncs what is left
                self._lines = self._records = 0
            try:
                self._journal.sync()
            except StoreError:
                return  # the journal remembers: the next append raises it, and so does close


def _quarantine(folder: Path, damaged: list[tuple[int, int]], *, disk: Disk) -> None:
    """Copy damaged lines to journal.bad for a person to look at. The journal keeps them: it is never rewritten."""
    if not damaged:
        return
    places = set(damaged)
    lines = (line for line in scan(folder / JOURNAL) if (line.offset, len(line.raw)) in places)
    texts = ({"offset": line.offset, "text": line.raw.decode("utf-8", "backslashreplace")} for line in lines)
    replace_file(folder / BAD, (to_json(text) + b"\n" for text in texts), disk=disk)


# ---------------------------------------------------------------- a run's folder


def create_run(results_root: Path, manifest: Manifest, *, disk: Disk = DISK) -> Writer:
    """Make a run's folder, write its manifest and start its first session; fail here, before anything was spent."""
    suite = results_root / manifest.suite_name
    fresh = [path for path in (suite, *suite.parents) if not path.exists()]
    with storing(suite):
        suite.mkdir(parents=True, exist_ok=True)
        _clear(suite)
    folder = _new_folder(suite, _name(manifest), disk=disk)
    write_manifest(folder, manifest, disk=disk)
    with storing(folder):
        for parent in (suite, *(path.parent for path in fresh)):
            disk.sync_dir(parent)
    return Writer(folder, disk=disk)


def _clear(suite: Path) -> None:
    """Remove the folders of runs that died before they had a manifest."""
    for folder in suite.iterdir():
        path = folder / MANIFEST
        if folder.is_dir() and not path.exists() and remove_drafts(path):
            with contextlib.suppress(OSError):  # there is something else in it
                folder.rmdir()


def deliver(folder: Path) -> None:
    """Note that the results of a finished run were shown, so that the same command starts another run."""
    replace_file(folder / DELIVERED, [b""])


def _name(manifest: Manifest) -> str:
    created = manifest.created.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{created}-{fingerprint(manifest.fingerprints)[:8]}"


def _new_folder(suite: Path, name: str, *, disk: Disk) -> Path:
    """Make a folder that nobody else made, for two equal runs may start in the same second."""
    for number in itertools.count(1):
        folder = suite / (name if number == 1 else f"{name}-{number}")
        with storing(folder), contextlib.suppress(FileExistsError):
            disk.make_dir(folder)
            return folder
    raise AssertionError("unreachable")
