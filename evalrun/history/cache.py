"""results/<suite>/history.parquet: one row for each number, with all that is known of its run; and keeping it current.

A cache: deleting it loses nothing, a damaged or older one is regenerated, and where it cannot be written the history is
complete all the same. Two processes may update it at once; the last one's file stays, and the next update fixes it.
A run without numbers has one row without task, target and metric. Dollars are floats here (15 digits). `versions` is
JSON, `marks` are words separated by spaces, an infinite percentile is `inf`. Text that is often repeated is stored
once: a thousand runs are about as large as one of their journals.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from evalrun.compare.tables import StoredNumber
from evalrun.errors import StoreError
from evalrun.history.folder import FolderReading, PastCell, read, stamp
from evalrun.history.values import Aspect
from evalrun.store.disk import replace_file, storing

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "history.parquet"
PARTS: tuple[Aspect, ...] = get_args(Aspect)[:-1]  # what a point has a fingerprint of; versions are apart
RUN = ("run", "stamp", "state", "why", "versions")
CELL = ("task", "target", "alerts", "warning", *(f"{part}_print" for part in PARTS))
NUMBER = ("metric", "of", "unit", "marks")
SCHEMA = "1"  # raised when a column changes its meaning: an older cache is then regenerated
SEPARATOR = "\n"  # between alerts

_NO_CELL = PastCell(task=None, target="", numbers=(), alerts=(), warning="", prints={})
_NO_NUMBER = StoredNumber(name="", value=None)


def update(suite: Path) -> tuple["pa.Table", tuple[str, ...]]:
    """Return the numbers of all runs in results/<suite>, and notes. Writes the cache where something changed.

    The rows of a run are together and in order; the runs are in no order.
    """
    import pyarrow as pa

    found = _folders(suite)
    known = _load(suite / NAME)
    stamps = {} if known is None else _stamps(known)
    fresh = [name for name, (_, mark) in found.items() if stamps.get(name) != mark]
    if known is not None and not fresh and stamps.keys() == found.keys():
        return known, ()
    kept = found.keys() - set(fresh)
    rows = _rows(read(found[name][0], name=name, stamp=found[name][1]) for name in fresh)
    if known is not None and kept:
        rows = pa.concat_tables([_only(known, kept), rows]).unify_dictionaries()
    return rows, _save(rows, suite / NAME)


def _folders(suite: Path) -> dict[str, tuple[Path, str]]:
    """Return each run's name, folder and stamp. A folder without a manifest is not a run."""
    found = {}
    with storing(suite):
        for folder in sorted(suite.iterdir()):
            mark = stamp(folder)
            if mark is not None:
                found[folder.name.encode("utf-8", "backslashreplace").decode()] = (folder, mark)
    return found


def _load(path: Path) -> "pa.Table | None":
    """Read the cache; None where there is none that can be used."""
    import pyarrow as pa
    from pyarrow import parquet

    if not path.is_file():
        return None
    try:
        table = parquet.ParquetFile(path, page_checksum_verification=True).read()
        table.validate(full=True)
    except (OSError, ValueError, KeyError, pa.ArrowException):  # whatever pyarrow makes of damage
        return None
    return table if table.schema.equals(_schema(), check_metadata=True) else None


def _stamps(table: "pa.Table") -> dict[str, str]:
    pairs = table.group_by(["run", "stamp"]).aggregate([])
    return dict(zip(pairs["run"].to_pylist(), pairs["stamp"].to_pylist(), strict=True))


def _only(table: "pa.Table", runs: "set[str]") -> "pa.Table":
    import pyarrow as pa
    from pyarrow import compute

    return table.filter(compute.is_in(table["run"], pa.array(sorted(runs))))


def _save(table: "pa.Table", path: Path) -> tuple[str, ...]:
    """Replace the cache; return a note where that is impossible."""
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, compression="zstd", write_page_checksum=True)
    try:
        replace_file(path, [sink.getvalue().to_pybytes()])
    except StoreError as error:
        return (f"not cached, so the next time is slow again: {error}",)
    return ()


# ---------------------------------------------------------------- rows


def _schema() -> "pa.Schema":
    """Return the columns of the file, in order."""
    import pyarrow as pa

    text = pa.dictionary(pa.int32(), pa.string())
    fields = [
        *((name, text) for name in RUN),
        ("created", pa.timestamp("us", tz="UTC")),
        *((name, text) for name in CELL),
        *((name, text) for name in NUMBER),
        *((name, pa.float64()) for name in ("value", "low", "high")),
        ("n", pa.int64()),
    ]
    return pa.schema(fields, metadata={"evalrun.history": SCHEMA})


def _rows(readings: Iterable[FolderReading]) -> "pa.Table":
    """Return run folders as a table of `_schema`, in the order they come."""
    import pyarrow as pa

    facts: list[tuple[Any, ...]] = []  # one for each cell
    numbers: list[StoredNumber] = []
    rows: list[int] = []  # the cell of each number
    for reading in readings:
        versions = msgspec.json.encode(reading.versions, order="sorted").decode()
        run = (reading.name, reading.stamp, reading.state, reading.why, versions, reading.created)
        for cell in reading.cells or (_NO_CELL,):
            here = cell.numbers or (_NO_NUMBER,)
            rows += [len(facts)] * len(here)
            numbers += here
            prints = (cell.prints.get(part) for part in PARTS)
            facts.append((*run, cell.task, cell.target or None, SEPARATOR.join(cell.alerts), cell.warning, *prints))
    kinds = _schema()
    if not facts:
        return kinds.empty_table()
    found = dict(zip((*RUN, "created", *CELL), zip(*facts, strict=True), strict=True))
    repeated = pa.array(rows, pa.int64())
    arrays = {name: _encoded(values, kinds.field(name).type).take(repeated) for name, values in found.items()}
    for name, values in _numbers(numbers).items():
        arrays[name] = _encoded(values, kinds.field(name).type)
    return pa.table([arrays[name] for name in kinds.names], schema=kinds)


def _encoded(values: Any, kind: "pa.DataType") -> "pa.Array":
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return pa.array(values, pa.string()).dictionary_encode()
    return pa.array(values, kind)


def _numbers(numbers: list[StoredNumber]) -> dict[str, list[Any]]:
    return {
        "metric": [number.name or None for number in numbers],
        "of": [number.of for number in numbers],
        "unit": [number.unit for number in numbers],
        "marks": [" ".join(number.marks) for number in numbers],
        "value": [math.inf if "infinite" in number.marks else number.value for number in numbers],
        "low": [number.low for number in numbers],
        "high": [number.high for number in numbers],
        "n": [number.n for number in numbers],
    }
