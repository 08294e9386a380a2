"""A table.json, read again: its numbers as they are stored, and a Side of values alone, for it has no samples."""

import math
from pathlib import Path

import msgspec

from evalrun.compare.side import Cell, Side, facts
from evalrun.errors import StoreError
from evalrun.requests import Names, Requests, Setup
from evalrun.slo import Slo
from evalrun.stats.interval import Interval
from evalrun.store.disk import storing

_NAMES = {"accuracy": "accuracy", "output_throughput": "throughput", "good": "good", "goodput": "goodput"}


class Number(msgspec.Struct, gc=False):  # many, and never in a cycle
    """One metric of a table.json. Dollars are text there, and an infinite percentile is null with a mark."""

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


class StoredCell(msgspec.Struct, gc=False):
    """One task (None: all tasks) and target of a table.json."""

    task: str | None
    target: str
    metrics: tuple[Number, ...]
    alerts: tuple[str, ...] = ()


class StoredTarget(msgspec.Struct):
    """What a table.json notes of a target."""

    name: str
    alert: str = ""
    prices_date: str = ""


class StoredTable(msgspec.Struct):
    """A table.json. fingerprints: the first characters, by `TASK PART`."""

    suite: str
    run: str
    cells: tuple[StoredCell, ...]
    targets: tuple[StoredTarget, ...] = ()
    fingerprints: dict[str, str] = {}
    slo: Slo = msgspec.field(default_factory=Slo)


_DECODER = msgspec.json.Decoder(StoredTable)


def read_stored(path: Path) -> StoredTable:
    """Read a table.json. Raises StoreError where it is damaged."""
    with storing(path):
        raw = path.read_bytes()
    try:
        return _DECODER.decode(raw)
    except msgspec.DecodeError as error:
        raise StoreError(
            f"{path}: not a table of evalrun ({error}); regenerate it: evalrun score {path.parent}"
        ) from error


def read_table(path: Path, *, name: str) -> Side:
    """Read a table.json as a side."""
    table = read_stored(path)
    nothing = Requests(facts(table.suite), {}, names=Names(), tasks=(), targets=(), scores={})
    cells = {}
    for cell in table.cells:
        if cell.task is not None:
            prints = {
                part: table.fingerprints.get(f"{cell.task} {part}", "")
                for part in ("data", "prompt", "sampling", "scorers")
            }
            cells[cell.task, cell.target] = Cell(
                task=cell.task, target=cell.target, requests=nothing, setup=Setup(**prints, slo=table.slo.stated),
                planned=0, timed=False, values=_values(cell),
            )  # fmt: skip
    return Side(name=name, kind="table", suite=table.suite, run=Path(table.run).name, cells=cells)


def _values(cell: StoredCell) -> dict[str, Interval]:
    """Return what a table's cell says, by the names that rules use."""
    found: dict[str, Interval] = {}
    counts = {m.name: float(m.value or 0) for m in cell.metrics if not m.of}
    for metric in cell.metrics:
        latency = metric.name.removesuffix("_s")
        name = _NAMES.get(metric.name, f"{latency}_{metric.of}")
        if metric.name in _NAMES and metric.of:
            continue
        if metric.value is not None and "invalid" not in metric.marks:
            found[name] = Interval(float(metric.value), metric.low, metric.high)
    if attempted := counts.get("attempted"):
        lost = counts.get("failed", 0.0) + counts.get("not_sent", 0.0)
        found["failed"] = Interval(lost / attempted, None, None)
    if answered := counts.get("succeeded"):
        found["truncated"] = Interval(counts.get("truncated", 0.0) / answered, None, None)
    return found
