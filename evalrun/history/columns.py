"""Run folders as columns: one row for each number, with all that is known of its run. Writes no file.

A run without numbers has one row without task, target and metric. Dollars are floats here (15 digits). `versions` is
JSON, `marks` are words with spaces between them, an infinite percentile is `inf`. Text that is often repeated is
stored once: a thousand runs are about as large as one of their journals.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from evalrun.history.changes import PARTS
from evalrun.history.folder import Number, Place, Reading

if TYPE_CHECKING:
    import pyarrow as pa

RUN = ("run", "stamp", "state", "why", "versions")
PLACE = ("task", "target", "alerts", "warning", *(f"{part}_print" for part in PARTS))
NUMBER = ("metric", "of", "unit", "marks")
SCHEMA = "1"  # raised when a column changes its meaning: an older cache is then made anew
SEPARATOR = "\n"  # between alerts

_NOWHERE = Place(task=None, target="", numbers=(), alerts=(), warning="", prints={})
_NOTHING = Number(name="", value=None)


def schema() -> "pa.Schema":
    """Return the columns of the file, in order."""
    import pyarrow as pa

    text = pa.dictionary(pa.int32(), pa.string())
    fields = [
        *((name, text) for name in RUN),
        ("created", pa.timestamp("us", tz="UTC")),
        *((name, text) for name in PLACE),
        *((name, text) for name in NUMBER),
        *((name, pa.float64()) for name in ("value", "low", "high")),
        ("n", pa.int64()),
    ]
    return pa.schema(fields, metadata={"evalrun.history": SCHEMA})


def columns(readings: Iterable[Reading]) -> "pa.Table":
    """Return run folders as a table of `schema`, in the order they come."""
    import pyarrow as pa

    facts: list[tuple[Any, ...]] = []  # one for each place
    numbers: list[Number] = []
    rows: list[int] = []  # the place of each number
    for reading in readings:
        for place in reading.places or (_NOWHERE,):
            here = place.numbers or (_NOTHING,)
            rows += [len(facts)] * len(here)
            numbers += here
            facts.append((*_run(reading), *_place(place)))
    kinds = schema()
    if not facts:
        return kinds.empty_table()
    found = dict(zip((*RUN, "created", *PLACE), zip(*facts, strict=True), strict=True))
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


def _run(reading: Reading) -> tuple[Any, ...]:
    versions = msgspec.json.encode(reading.versions, order="sorted").decode()
    return (reading.name, reading.stamp, reading.state, reading.why, versions, reading.created)


def _place(place: Place) -> tuple[Any, ...]:
    return (
        place.task,
        place.target or None,
        SEPARATOR.join(place.alerts),
        place.warning,
        *(place.prints.get(p) for p in PARTS),
    )


def _numbers(numbers: list[Number]) -> dict[str, list[Any]]:
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
