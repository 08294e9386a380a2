"""One run folder -> its facts and its numbers, from table.json and manifest.json. Reads no journal and no record.

A folder that cannot be read is a finding, not an error: one damaged run must not hide the others.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from evalrun.errors import StoreError
from evalrun.fingerprint import fingerprint
from evalrun.history.values import State
from evalrun.slo import Slo
from evalrun.store import Manifest, TaskPrints
from evalrun.store import manifest as manifests
from evalrun.store.disk import storing
from evalrun.store.scores import read_header

TABLE = "table.json"


class Number(msgspec.Struct, gc=False):  # many, and never in a cycle
    """One metric of table.json. Dollars come as text there."""

    name: str
    value: float | str | None  # text only until __post_init__
    of: str = ""
    low: float | None = None
    high: float | None = None
    n: int | None = None
    marks: tuple[str, ...] = ()
    unit: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.value, str):
            self.value = float(self.value)
            if not math.isfinite(self.value):
                raise ValueError(f"{self.name} is {self.value}")


class _Cell(msgspec.Struct, gc=False):
    task: str | None
    target: str
    metrics: tuple[Number, ...]
    alerts: tuple[str, ...] = ()


class _Target(msgspec.Struct):
    name: str
    alert: str = ""
    prices_date: str = ""


class _Table(msgspec.Struct):
    cells: tuple[_Cell, ...]
    targets: tuple[_Target, ...] = ()
    slo: Slo = msgspec.field(default_factory=Slo)


_DECODER = msgspec.json.Decoder(_Table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One task x target of a run. warning: what must be known of the target. prints: by `values.Part`."""

    task: str | None
    target: str
    numbers: Sequence[Number]
    alerts: Sequence[str]
    warning: str
    prints: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A run folder, read. stamp: changes whenever its files do."""

    name: str
    stamp: str
    state: State
    why: str = ""
    created: datetime | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    places: Sequence[Place] = ()


def stamp(folder: Path) -> str | None:
    """Return a text that is another one as soon as the run's files are; None for a folder that is no run."""
    found = [_version(folder / manifests.NAME), _version(folder / TABLE)]
    return None if found[0] is None else " ".join(each or "-" for each in found)


def _version(path: Path) -> str | None:
    """Tell one version of a file from another: a file is replaced whole, so that its inode changes as well."""
    try:
        known = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return f"{known.st_ino}.{known.st_size}.{known.st_mtime_ns}"


def read(folder: Path, *, name: str, stamp: str) -> Reading:
    """Read a run folder."""
    try:
        manifest = manifests.read_manifest(folder)
    except StoreError as error:
        return Reading(name=name, stamp=stamp, state="damaged", why=str(error))
    versions = {**manifest.versions, "evalrun": manifest.evalrun, "python": manifest.machine.python}
    state: State = "ok"
    why, places = "", list[Place]()
    path = folder / TABLE
    try:
        with storing(path):
            table = _DECODER.decode(path.read_bytes())
        places = _places(table, manifest, rescored=_rescored(folder, manifest))
    except msgspec.DecodeError as error:
        state, why = "damaged", f"{path}: damaged ({error}); make it anew: evalrun score {folder}"
    except StoreError as error:
        if path.exists():
            state, why = "damaged", str(error)
        else:
            state, why = "no table", f"it still runs, or it was stopped; `evalrun score {folder}` tabulates what it has"
    return Reading(
        name=name, stamp=stamp, state=state, why=why, created=manifest.created, versions=versions, places=places
    )


def _rescored(folder: Path, manifest: Manifest) -> str | None:
    """Return the fingerprint of the scorers behind the numbers, where they are not those the run was made with."""
    header = read_header(folder)
    own = fingerprint({name: task.get("scorers") for name, task in manifest.suite.get("tasks", {}).items()})
    return None if header is None or header.scorers == own else header.scorers


def _places(table: _Table, manifest: Manifest, *, rescored: str | None) -> list[Place]:
    notes = {note.name: note for note in table.targets}
    known = manifest.fingerprints.tasks
    asked = sorted({cell.task for cell in table.cells if cell.task is not None and cell.task in known})
    prints: dict[str | None, dict[str, str]] = {task: _parts(known[task], rescored) for task in asked}
    if asked:
        prints[None] = {part: fingerprint([prints[task][part] for task in asked]) for part in prints[asked[0]]}
    places = []
    for cell in table.cells:
        note = notes.get(cell.target, _Target(name=cell.target))
        mine = prints.get(cell.task, {}) | {"prices": note.prices_date, "slo": str(table.slo)}
        if load := manifest.suite.get("load"):
            mine["load"] = " ".join(f"{name} {value}" for name, value in load.items() if value is not None)
        if cell.target in manifest.fingerprints.targets:
            mine["target"] = manifest.fingerprints.targets[cell.target]
        places.append(
            Place(
                task=cell.task, target=cell.target, numbers=cell.metrics, alerts=cell.alerts, warning=note.alert,
                prints=mine,
            )
        )  # fmt: skip
    return places


def _parts(task: TaskPrints, rescored: str | None) -> dict[str, str]:
    scorers = rescored or task.scorers
    return {"data": task.data, "prompt": task.prompt, "sampling": task.sampling, "scorers": scorers}
