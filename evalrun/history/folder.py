"""One run folder -> its facts and its numbers, from table.json and manifest.json. Reads no journal.

A folder that cannot be read is a finding, not an error: one damaged run must not hide the others.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from evalrun.compare.tables import StoredCell, StoredNumber, StoredTable, StoredTarget, read_stored
from evalrun.errors import StoreError
from evalrun.fingerprint import fingerprint
from evalrun.history.values import RunState
from evalrun.requests import RunFacts
from evalrun.requests.run import load_in_words
from evalrun.store import manifest as manifests
from evalrun.store.manifest import Manifest
from evalrun.store.scores import read_header

TABLE = "table.json"
_PARTS = ("data", "prompt", "sampling")


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCell:
    """One task (None: all tasks) and target of a run. warning: about the target. prints: by `values.Aspect`."""

    task: str | None
    target: str
    numbers: Sequence[StoredNumber]
    alerts: Sequence[str]
    warning: str
    prints: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderReading:
    """A run folder, read. stamp: changes whenever its files do."""

    name: str
    stamp: str
    state: RunState
    why: str = ""
    created: datetime | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    cells: Sequence[PastCell] = ()


def stamp(folder: Path) -> str | None:
    """Return a text that changes as soon as the run's files do; None for a folder that is not a run."""
    found = [_version(folder / manifests.NAME), _version(folder / TABLE)]
    return None if found[0] is None else " ".join(each or "-" for each in found)


def _version(path: Path) -> str | None:
    """Tell one version of a file from another: files are replaced whole, so the inode changes too."""
    try:
        known = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return f"{known.st_ino}.{known.st_size}.{known.st_mtime_ns}"


def read(folder: Path, *, name: str, stamp: str) -> FolderReading:
    """Read a run folder."""
    try:
        manifest = manifests.read_manifest(folder)
    except StoreError as error:
        return FolderReading(name=name, stamp=stamp, state="damaged", why=str(error))
    state: RunState = "ok"
    why, cells = "", list[PastCell]()
    try:
        cells = list(_cells(read_stored(folder / TABLE), folder, manifest))
    except StoreError as error:
        state, why = "damaged", str(error)
        if not (folder / TABLE).exists():
            state, why = "no table", f"still running, or stopped; `evalrun score {folder}` makes a table of what it has"
    versions = {**manifest.versions, "evalrun": manifest.evalrun, "python": manifest.machine.python}
    return FolderReading(
        name=name, stamp=stamp, state=state, why=why, created=manifest.created, versions=versions, cells=cells
    )


def _cells(table: StoredTable, folder: Path, manifest: Manifest) -> Iterator[PastCell]:
    notes = {note.name: note for note in table.targets}
    header = read_header(folder)
    run = RunFacts(folder=folder, manifest=manifest, scored_by=header.scorers if header else "")
    for cell in table.cells:
        note = notes.get(cell.target, StoredTarget(name=cell.target))
        prints = _prints(cell, table, run) | {"prices": note.prices_date, "slo": str(table.slo)}
        yield PastCell(
            task=cell.task, target=cell.target, numbers=cell.metrics, alerts=cell.alerts, warning=note.alert,
            prints=prints,
        )  # fmt: skip


def _prints(cell: StoredCell, table: StoredTable, run: RunFacts) -> dict[str, str]:
    """Return the fingerprints of a task, or of all tasks of a target together."""
    known = run.manifest.fingerprints
    named = {each.task for each in table.cells} if cell.task is None else {cell.task}
    tasks = sorted(task for task in known.tasks if task in named)
    if cell.target not in known.targets or not tasks:
        return {}
    each = []
    for task in tasks:
        conditions = run.conditions(task, cell.target)
        scorers = conditions.scorers or conditions.scored_by or known.tasks[task].scorers
        each.append({part: getattr(conditions, part) for part in _PARTS} | {"scorers": scorers})
    found = each[0] if cell.task is not None else {part: fingerprint([one[part] for one in each]) for part in each[0]}
    load = (load_in_words(cell.in_flight or conditions.in_flight), conditions.load)
    found |= {"load": ", ".join(filter(None, load)), "429s": "" if cell.cut is None else f"{cell.cut} in flight"}
    return found | {"target": known.targets[cell.target]}
