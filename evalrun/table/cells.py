"""The values of a table: what is known about a run (Context), its cells, examples of what went wrong. No computing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from evalrun.slo import Slo
from evalrun.store.lines import Lag


class Mark(StrEnum):
    """Why a number may mislead; the texts are `explain.MARKS`."""

    FIRST = "first"
    SMALL = "small"
    INVALID = "invalid"
    DOUBTFUL = "doubtful"
    CLUSTERED = "clustered"
    AT_LEAST = "at_least"
    BY_TOTAL = "by_total"
    MISMATCH = "mismatch"
    CHUNKS = "chunks"
    ESTIMATED = "estimated"
    WITHHELD = "withheld"
    MIXED_CACHE = "mixed_cache"
    ASKED = "asked"
    INFINITE = "infinite"


# ---------------------------------------------------------------- in


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetNote:
    """What the reader must know of a target. alert: printed loudly above the table (an embedded or simulated model)."""

    name: str
    about: str = ""
    model: str = ""
    alert: str = ""
    transport: str = ""
    prices_date: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a table says about its run apart from the numbers.

    scorers: task -> scorer names, the headline first. portions: task -> the part of its rows that was asked, of tasks
    that were not asked whole. fingerprints: what was asked, as label -> hash. slo: what a good
    request keeps.
    """

    suite: str
    about: str = ""
    run: str = ""
    targets: tuple[TargetNote, ...] = ()
    scorers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    portions: Mapping[str, str] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    lags: tuple[Lag, ...] = ()
    slo: Slo = field(default_factory=Slo)
    notes: tuple[str, ...] = ()


# ---------------------------------------------------------------- out


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number: `name` is its definition in `explain`, `of` what it is narrowed to (p95, a failure kind, a scorer).

    value: None is unknown. low, high: its interval. n: observations behind it. Dollars are Decimal and exact.
    """

    name: str
    value: int | float | Decimal | None
    of: str = ""
    low: float | None = None
    high: float | None = None
    n: int | None = None
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One task asked of one target. task: None for all tasks of the target. alerts: loud sentences about it."""

    task: str | None
    target: str
    metrics: tuple[Metric, ...]
    alerts: tuple[str, ...] = ()

    def get(self, name: str, of: str = "") -> Metric | None:
        """Return a metric by name; None where the cell has none."""
        return next((m for m in self.metrics if m.name == name and m.of == of), None)


Topic = Literal["failed", "unscored", "disputed", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One request that failed, could not be scored, is in dispute or has a warning. count: how many of its kind.

    Texts are clipped, not escaped.
    """

    topic: Topic
    kind: str
    target: str
    task: str
    sample_id: str
    count: int = 1
    message: str = ""
    answer: str | None = None
    expected: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A run as numbers."""

    context: Context
    cells: tuple[Cell, ...]
    examples: tuple[Example, ...] = ()
