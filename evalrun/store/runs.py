"""The folders of results/: making a run's, finding the latest or the unfinished one, resuming it.

    results/<suite>/<UTC>-<hash>/     0700, its files 0600
        manifest.json                 what the run is; written once
        journal.jsonl                 what happened; only ever appended to
        scores.jsonl                  derived; replaced whole
        journal.bad                   copies of damaged journal lines, if there are any
        lock                          locked while a session writes

It does not judge whether a run may be resumed: comparing manifests is the caller's.
"""

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


def newest(results_root: Path, suite_name: str, command: Json) -> Run | None:
    """Return the newest run that the same command started."""
    for label, folder in reversed(_labels(results_root / suite_name)):
        if label.created is not None and canonical(label.command) == canonical(command):
            return open_run(folder)
    return None


def find_unfinished(results_root: Path, suite_name: str, command: Json) -> Run | None:
    """Return the newest run that the same command started, unless it finished: what is asked of it later is no part of
    the command."""
    run = newest(results_root, suite_name, command)
    return None if run is None or _finished(run.path) or run.finished_once else run


def latest(results_root: Path, suite_name: str) -> Run | None:
    """Return a suite's newest run, finished or not."""
    labels = _labels(results_root / suite_name)
    return open_run(labels[-1][1]) if labels else None


class _Label(msgspec.Struct):
    """As much of a manifest as finding needs, of whatever schema; nothing where it is damaged."""

    created: datetime | None = None
    command: Json = None


def _labels(suite: Path) -> list[tuple[_Label, Path]]:
    """Return a suite's run folders, oldest first. One without a manifest died at birth and is none."""
    if not suite.is_dir():
        return []
    with storing(suite):
        labels = [(_label(path), path.parent) for path in suite.glob(f"*/{manifests.NAME}")]
    return sorted(labels, key=_age)


def _label(path: Path) -> _Label:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Label)
    except msgspec.DecodeError:
        return _Label()  # whoever opens the folder is told what is wrong with it


def _age(labelled: tuple[_Label, Path]) -> tuple[str, float, str]:
    """Order by name, which tells the second, and then by the exact instant."""
    label, folder = labelled
    return folder.name[:16], label.created.timestamp() if label.created else 0.0, folder.name


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
