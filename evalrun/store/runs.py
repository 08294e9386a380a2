"""The folders of results/: making a run's, finding the newest or the unfinished one, resuming it.

    results/<suite>/<UTC>-<hash>/     0700, its files 0600
        manifest.json                 what the run is; written once
        journal.jsonl                 what happened; only ever appended to
        scores.jsonl                  derived; replaced whole
        journal.bad                   copies of damaged journal lines, if there are any
        lock                          locked while a session writes

It does not judge whether a run may be resumed: comparing manifests is the caller's.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from evalrun.errors import StoreError
from evalrun.fingerprint import canonical, fingerprint
from evalrun.store import manifest as manifests
from evalrun.store.disk import DISK, Disk, storing
from evalrun.store.lines import End, parse
from evalrun.store.manifest import Manifest, write_manifest
from evalrun.store.reader import JOURNAL, Run, open_run
from evalrun.store.writer import Writer
from evalrun.types import Json

TAIL = 4096  # an End line is far shorter
_STAMPED = re.compile(r"[0-9]{8}T[0-9]{6}Z-")  # as `create_run` names folders


def create_run(results_root: Path, manifest: Manifest, *, disk: Disk = DISK) -> Writer:
    """Make a run's folder, write its manifest and start its first session; fail here, before anything was spent."""
    suite = results_root / manifest.suite_name
    fresh = [path for path in (suite, *suite.parents) if not path.exists()]
    with storing(suite):
        suite.mkdir(parents=True, exist_ok=True)
    folder = _new_folder(suite, _name(manifest), disk=disk)
    write_manifest(folder, manifest, disk=disk)
    with storing(folder):
        for parent in (suite, *(path.parent for path in fresh)):
            disk.sync_dir(parent)
    return Writer(folder, disk=disk)


def _name(manifest: Manifest) -> str:
    created = manifest.created.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{created}-{fingerprint(manifest.fingerprints)[:8]}"


def _new_folder(suite: Path, name: str, *, disk: Disk) -> Path:
    """Make a folder that nobody else made, for two equal runs may start in the same second."""
    number = 1
    while True:
        folder = suite / (name if number == 1 else f"{name}-{number}")
        try:
            with storing(folder):
                disk.make_dir(folder)
        except StoreError as error:
            if not isinstance(error.__cause__, FileExistsError):
                raise
            number += 1
        else:
            return folder


def resume(path: Path, *, disk: Disk = DISK) -> Writer:
    """Start a further session of a run, with its journal repaired."""
    return Writer(path, disk=disk)


def run_folder(folder: Path) -> Path:
    """Return the newest run of a folder that holds runs, as results/SUITE does; any other folder as it is."""
    runs = [] if (folder / manifests.NAME).exists() else _runs(folder)
    return runs[-1].path if runs else folder


def newest(results_root: Path, suite_name: str, command: Json) -> Run | None:
    """Return the newest run that the same command started."""
    same = (run for run in reversed(_runs(results_root / suite_name)) if canonical(run.command) == canonical(command))
    found = next(same, None)
    return None if found is None else open_run(found.path)


def find_unfinished(results_root: Path, suite_name: str, command: Json) -> Run | None:
    """Return the newest run that the same command started, unless it ever finished: what was asked of it later is no
    part of the command."""
    run = newest(results_root, suite_name, command)
    return None if run is None or _finished(run.path) or run.finished_once else run


class _Head(msgspec.Struct):
    """The fields of a manifest that finding a run needs, of whatever schema; nothing where it is damaged."""

    created: datetime = datetime.min.replace(tzinfo=UTC)
    command: Json = None


@dataclass(frozen=True, slots=True, order=True)
class _Found:
    """A run folder. Ordered by the instant at which it was started; a copy under another name is not the newest."""

    created: datetime
    stamped: bool
    path: Path
    command: Json = field(compare=False)


def _runs(suite: Path) -> list[_Found]:
    """Return a suite's run folders, oldest first. One without a manifest died at birth and is no run."""
    if not suite.is_dir():
        return []
    found = []
    with storing(suite):
        for path in suite.glob(f"*/{manifests.NAME}"):
            head = _head(path)
            found.append(_Found(head.created, bool(_STAMPED.match(path.parent.name)), path.parent, head.command))
    return sorted(found)


def _head(path: Path) -> _Head:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Head)
    except msgspec.DecodeError:
        return _Head()  # whoever opens the folder is told what is wrong with it


def _finished(folder: Path) -> bool:
    """Whether the journal's last line says that nothing is left to ask. Reads no more than its tail."""
    path = folder / JOURNAL
    if not path.exists():
        return False
    with storing(path), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        lines = file.read().splitlines(keepends=True)
    event = parse(lines[-1]).event() if lines else None
    return isinstance(event, End) and event.reason == "finished"
