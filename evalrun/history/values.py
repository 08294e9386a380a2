"""The values of a history: runs, and for each task and target a series of points with what changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from evalrun.explain import DEFINITIONS
from evalrun.table import Metric

RunState = Literal["ok", "no table", "damaged"]
Aspect = Literal["data", "prompt", "sampling", "scorers", "target", "prices", "slo", "load", "429s", "version"]
"""What may differ between two runs. 429s: the limit of requests in flight that they cut."""
_TIMED = ("s", "tok/s", "req/s")  # the units of what depends on the load


class Wanted(NamedTuple):
    """A metric by its name and what it is narrowed to, as `table.Metric` has them."""

    name: str
    of: str = ""


HEADLINES = (
    Wanted("accuracy"),
    Wanted("failed"),
    Wanted("ttft_s", "p50"),
    Wanted("tpot_s", "p50"),
    Wanted("cost_usd"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One run folder.

    name: the folder's. created: None where the manifest is damaged. why: why it has no numbers.
    """

    name: str
    created: datetime | None
    state: RunState = "ok"
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What differs from the point before it. of: the package, of a version."""

    part: Aspect
    old: str
    new: str
    of: str = ""

    def breaks(self, metric: str | None = None) -> bool:
        """Return whether the numbers before and after it answer different questions: those of a metric, or any."""
        if self.part == "load" and metric is not None:
            return DEFINITIONS[metric].unit in _TIMED or metric == "good"
        if self.part == "slo":
            return metric in ("good", "goodput", "correct_goodput")
        return self.part not in ("prices", "429s", "version")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPoint:
    """One task asked of one target in one run.

    metrics: as many as `History.metrics`; None where the run lacks one.
    prints: fingerprints, by `Aspect`. versions: of packages.
    alerts: about its numbers (unfinished, latency INVALID). warning: about the target (a simulated one).
    """

    run: PastRun
    metrics: tuple[Metric | None, ...]
    prints: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    alerts: tuple[str, ...] = ()
    warning: str = ""

    def breaks(self, metric: str | None = None) -> bool:
        """Return whether a metric of it, or any, cannot be compared with that of the point before it."""
        return any(change.breaks(metric) for change in self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One task (None: all tasks) asked of one target, run after run, oldest first."""

    task: str | None
    target: str
    points: tuple[RunPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All runs of a suite, oldest first. earlier: how many more there are. alerts: about targets (a simulated one)."""

    suite: str
    metrics: tuple[Wanted, ...]
    runs: tuple[PastRun, ...]
    series: tuple[Series, ...]
    earlier: int = 0
    alerts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
