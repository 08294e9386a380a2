"""A table.json, read again: its numbers as they are stored."""

import math
from pathlib import Path
from typing import Annotated

import msgspec

from evalrun.errors import StoreError
from evalrun.slo import Slo
from evalrun.store.checked import DamagedError, check, decoded, is_sealed
from evalrun.store.disk import contents
from evalrun.table.metrics import CUT


class StoredNumber(msgspec.Struct, gc=False):  # many, and never in a cycle
    """One metric. Dollars are text in the file, and an infinite percentile is null with a mark."""

    name: str
    value: float | str | None  # text only until __post_init__
    of: str = ""
    low: float | None = None
    high: float | None = None
    n: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None
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

    @property
    def in_flight(self) -> tuple[int, ...]:
        """Return the limits of requests in flight that held, as `requests.run.Conditions` has them."""
        return tuple(sorted({limit for of, limit in self._limits.items() if of != CUT}))

    @property
    def cut(self) -> int | None:
        """Return the lowest limit after 429s; None where there were none."""
        return self._limits.get(CUT)

    @property
    def _limits(self) -> dict[str, int]:
        return {one.of: int(one.value) for one in self.metrics if one.name == "in_flight" and one.value is not None}


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


def read_stored(path: Path) -> StoredTable:
    """Read a table.json. Raises StoreError where it is missing or damaged."""
    raw = contents(path)
    try:
        if is_sealed(raw):  # one that was printed is not
            check(raw)
        return decoded(raw, StoredTable)
    except DamagedError as error:
        raise StoreError(f"{path}: damaged, or no table ({error}); regenerate it: evalrun score RUN") from error
