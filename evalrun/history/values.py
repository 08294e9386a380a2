"""The values of a history: runs, and for each task x target a series of points with what changed. No computing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from evalrun.history.wanted import Wanted
from evalrun.table import Metric

State = Literal["ok", "no table", "damaged"]
Part = Literal["data", "prompt", "sampling", "scorers", "target", "prices", "slo", "load", "version"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run folder. name: the folder's. created: unknown where the manifest is damaged. why: it has no numbers."""

    name: str
    created: datetime | None
    state: State = "ok"
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What differs from the point before it. of: the package whose version it is."""

    part: Part
    old: str
    new: str
    of: str = ""

    @property
    def breaks(self) -> bool:
        """Whether the numbers on its two sides answer different questions. Only data to target do that."""
        return self.part not in ("prices", "slo", "load", "version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One task asked of one target in one run.

    metrics: as many as `History.metrics`, None where the run lacks one. prints: fingerprints, by `Part`. alerts: loud
    sentences about its numbers (unfinished, latency invalid). warning: one about the target (a simulated one).
    """

    run: Run
    metrics: tuple[Metric | None, ...]
    prints: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    alerts: tuple[str, ...] = ()
    warning: str = ""

    @property
    def breaks(self) -> bool:
        """Whether it cannot be compared with the point before it."""
        return any(change.breaks for change in self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One task asked of one target, run after run, oldest first. task: None for all tasks of the target."""

    task: str | None
    target: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All runs of a suite, oldest first. earlier: how many more there are. alerts: targets that are not what they
    seem.
    """

    suite: str
    metrics: tuple[Wanted, ...]
    runs: tuple[Run, ...]
    series: tuple[Series, ...]
    earlier: int = 0
    alerts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
