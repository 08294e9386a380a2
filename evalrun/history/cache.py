"""results/<suite>/history.parquet: brought up to date by reading only the folders that are new or changed.

A cache: deleting it loses nothing, a damaged or older one is made anew, and where it cannot be written the history is
right all the same. Two processes may update it at once; the last one's file stays, and the next update mends it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from evalrun.errors import StoreError
from evalrun.history.columns import columns, schema
from evalrun.history.folder import read, stamp
from evalrun.store.disk import replace_file, storing

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "history.parquet"


def update(suite: Path) -> tuple["pa.Table", tuple[str, ...]]:
    """Return the numbers of all runs in results/<suite>, and what the reader must be told. Writes the cache if it must.

    The rows of a run stand together and in their own order; the runs are in none.
    """
    import pyarrow as pa

    found = _folders(suite)
    known = _load(suite / NAME)
    stamps = {} if known is None else _stamps(known)
    fresh = [name for name, (_, mark) in found.items() if stamps.get(name) != mark]
    if known is not None and not fresh and stamps.keys() == found.keys():
        return known, ()
    kept = found.keys() - set(fresh)
    rows = columns(read(found[name][0], name=name, stamp=found[name][1]) for name in fresh)
    if known is not None and kept:
        rows = pa.concat_tables([_only(known, kept), rows]).unify_dictionaries()
    return rows, _save(rows, suite / NAME)


def _folders(suite: Path) -> dict[str, tuple[Path, str]]:
    """Return each run's name, folder and stamp. A folder without a manifest died at birth and is no run."""
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

    try:
        table = parquet.ParquetFile(path).read()
    except (OSError, pa.ArrowException):  # pyarrow's own read errors are both
        return None
    return table if table.schema.equals(schema(), check_metadata=True) else None


def _stamps(table: "pa.Table") -> dict[str, str]:
    pairs = table.group_by(["run", "stamp"]).aggregate([])
    return dict(zip(pairs["run"].to_pylist(), pairs["stamp"].to_pylist(), strict=True))


def _only(table: "pa.Table", runs: "set[str]") -> "pa.Table":
    import pyarrow as pa
    from pyarrow import compute

    return table.filter(compute.is_in(table["run"], pa.array(sorted(runs))))


def _save(table: "pa.Table", path: Path) -> tuple[str, ...]:
    """Replace the cache; say so where that is impossible."""
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, compression="zstd")
    try:
        replace_file(path, [sink.getvalue().to_pybytes()])
    except StoreError as error:
        return (f"not cached, so that the next time is slow again: {error}",)
    return ()
