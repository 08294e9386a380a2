"""A table.json -> a Side of values alone: a table knows no samples, so that nothing of it can be paired."""

from pathlib import Path

import msgspec

from evalrun.compare.side import Prints, Side, empty_cell
from evalrun.errors import StoreError
from evalrun.slo import Slo
from evalrun.stats.interval import Interval

_NAMES = {"accuracy": "accuracy", "output_throughput": "throughput", "good": "good", "goodput": "goodput"}


class _Metric(msgspec.Struct):
    name: str
    of: str = ""
    value: float | str | None = None
    low: float | None = None
    high: float | None = None
    marks: tuple[str, ...] = ()


class _Cell(msgspec.Struct):
    task: str | None
    target: str
    metrics: list[_Metric]


class _Table(msgspec.Struct):
    suite: str
    run: str
    cells: list[_Cell]
    fingerprints: dict[str, str] = {}
    slo: Slo = msgspec.field(default_factory=Slo)


def read_table(path: Path, *, name: str) -> Side:
    """Read a table.json: values alone, since a table knows no samples."""
    try:
        table = msgspec.json.decode(path.read_bytes(), type=_Table)
    except msgspec.DecodeError as error:
        raise StoreError(
            f"{path}: no table of evalrun ({error}); give the table.json of a run, or its folder"
        ) from error
    cells = {}
    for cell in table.cells:
        if cell.task is not None:
            prints = {
                part: table.fingerprints.get(f"{cell.task} {part}", "")
                for part in ("data", "prompt", "sampling", "scorers")
            }
            cells[cell.task, cell.target] = empty_cell(
                cell.task, cell.target, prints=Prints(**prints, slo=table.slo.stated), planned=0, values=_values(cell)
            )
    return Side(name=name, kind="table", suite=table.suite, run=Path(table.run).name, cells=cells)


def _values(cell: _Cell) -> dict[str, Interval]:
    """Return what a table's cell says, by the names that rules use."""
    found: dict[str, Interval] = {}
    counts = {m.name: m.value for m in cell.metrics if not m.of and isinstance(m.value, float | int)}
    for metric in cell.metrics:
        latency = metric.name.removesuffix("_s")
        name = _NAMES.get(metric.name, f"{latency}_{metric.of}")
        if metric.name in _NAMES and metric.of:
            continue
        if metric.value is not None and "invalid" not in metric.marks:
            found[name] = Interval(float(metric.value), metric.low, metric.high)
    answered = float(counts.get("succeeded") or 0)
    if attempted := float(counts.get("attempted") or 0):
        lost = float(counts.get("failed") or 0) + float(counts.get("not_sent") or 0)
        found["failed"] = Interval(lost / attempted, None, None)
    if answered:
        found["truncated"] = Interval(float(counts.get("truncated") or 0) / answered, None, None)
    return found
