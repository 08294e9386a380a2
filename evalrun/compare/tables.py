"""A table.json, read again: its numbers as they are stored."""

import math
from pathlib import Path

import msgspec

from evalrun.errors import StoreError
from evalrun.slo import Slo
from evalrun.store.disk import storing


class StoredNumber(msgspec.Struct, gc=False):  # many, and never in a cycle
    """One metric. Dollars are text in the file, and an infinite percentile is null with a mark."""

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
    """One task (None: all tasks) of one target."""

    task: str | None
    target: str
    metrics: tuple[StoredNumber, ...]
    alerts: tuple[str, ...] = ()


class StoredTarget(msgspec.Struct):
    """What a reader must know of a target."""

    name: str
    alert: str = ""
    prices_date: str = ""


class StoredTable(msgspec.Struct):
    """A table. fingerprints: the first characters of each, by `TASK PART`."""

    suite: str
    run: str
    cells: tuple[StoredCell, ...]
    targets: tuple[StoredTarget, ...] = ()
    fingerprints: dict[str, str] = {}
    slo: Slo = msgspec.field(default_factory=Slo)


_DECODER = msgspec.json.Decoder(StoredTable)


def read_stored(path: Path) -> StoredTable:
    """Read a table.json. Raises StoreError where it is missing or damaged."""
    with storing(path):
        raw = path.read_bytes()
    try:
        return _DECODER.decode(raw)
    except msgspec.DecodeError as error:
        raise StoreError(f"{path}: damaged, or no table ({error}); regenerate it: evalrun score RUN") from error
