"""The runs of a results folder, as the first page lists them. Reads manifests and tables, no journal."""

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from evalrun import units
from evalrun.compare.tables import read_stored
from evalrun.errors import StoreError
from evalrun.explain import DEFINITIONS
from evalrun.history.folder import TABLE
from evalrun.store.manifest import NAME as MANIFEST
from evalrun.store.manifest import Manifest, read_manifest
from evalrun.store.reader import JOURNAL, is_delivered

SHOWN = (("attempted", ""), ("accuracy", ""), ("ttft_s", "p50"), ("cost_usd", ""))


@dataclass(frozen=True, slots=True)
class ListedRun:
    """One run of the list. path: below the results folder. numbers: by name and what they are of, as they are shown."""

    path: str
    suite: str
    created: datetime
    state: str  # running, finished, unfinished or damaged
    targets: tuple[str, ...] = ()
    numbers: Mapping[tuple[str, str], str] = field(default_factory=dict)
    why: str = ""


def listed(root: Path) -> list[ListedRun]:
    """Return the runs of all suites in a results folder, the newest first."""
    found = [_listed(path.parent, root) for path in root.glob(f"*/*/{MANIFEST}")]
    return sorted(found, key=lambda run: (run.created, run.path), reverse=True)


def is_running(folder: Path) -> bool:
    """Whether a process is writing to a run's folder."""
    try:
        fd = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def journal_bytes(folder: Path) -> int:
    """Return the size of a run's journal: it grows while the run does."""
    try:
        return (folder / JOURNAL).stat().st_size
    except OSError:
        return 0


def _listed(folder: Path, root: Path) -> ListedRun:
    path = folder.relative_to(root).as_posix()
    try:
        manifest = read_manifest(folder)
    except StoreError as error:
        return ListedRun(path, folder.parent.name, datetime.min.replace(tzinfo=UTC), "damaged", why=str(error))
    return ListedRun(
        path, manifest.suite_name, manifest.created, _state(folder), tuple(manifest.targets), _numbers(folder, manifest)
    )


def _state(folder: Path) -> str:
    if is_running(folder):
        return "running"
    return "finished" if is_delivered(folder) else "unfinished"


def _numbers(folder: Path, manifest: Manifest) -> dict[tuple[str, str], str]:
    """Return numbers of the run's table, where it has one cell that speaks for all: of one target and all its tasks."""
    try:
        cells = [cell for cell in read_stored(folder / TABLE).cells if cell.target in manifest.targets]
    except StoreError:  # written by nobody yet, or damaged
        return {}
    whole = [cell for cell in cells if cell.task is None] or cells
    found = {}
    for one in whole[0].metrics if len(whole) == 1 else ():
        if (one.name, one.of) in SHOWN:
            unit = DEFINITIONS[one.name].unit
            value = None if isinstance(one.value, str) else one.value  # a number since it was read
            value = int(value) if unit == "count" and value is not None else value
            found[one.name, one.of] = units.reading(value, one.low, one.high, unit=unit)
    return found
