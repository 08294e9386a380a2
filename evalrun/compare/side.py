"""Sides of a comparison: a run, a table or a baseline as cells, one for each task and target. Reads no file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from evalrun.requests import Conditions, Requests, RunFacts, latency, rates
from evalrun.requests.quality import by_sample, failed_otherwise
from evalrun.requests.rows import Bools, Ids
from evalrun.stats.interval import Floats, Interval, Whole
from evalrun.store.manifest import Fingerprints, Machine, Manifest
from evalrun.types import Json, Value


class StoredNight(Value, frozen=True):
    """One run of a baseline: the numbers that nights are compared by.

    logs: `ttft_p95` and so on -> the logarithm of the value and its standard error within the run; without percentiles
    that are a failure or INVALID. prompt, cached, output: mean tokens of an answer; seconds: the mean time it took
    (`requests.quality.mean_of`). slo: what its goodput is by.
    """

    run: str
    at: str
    logs: Mapping[str, tuple[float, float]] = {}
    prompt: float | None = None
    cached: float | None = None
    output: float | None = None
    seconds: float | None = None
    slo: Mapping[str, float] = {}


@dataclass(frozen=True, kw_only=True, eq=False)
class SideCell:
    """One task asked of one target.

    requests: all of them; a baseline's have no latencies (`timed` is False), and a table has none.
    conditions: what decides its numbers.
    planned: how many requests the suite asks for.
    good: of each request, 1 where it kept every SLO, 0 where not, NaN unknown; None where no SLO is stated.
    drift: what each latency is divided by (`ab`), by latency.
    bounds: how many error bounds are added to each latency: -1 for as fast as may be, 1 for as slow (`latency.within`).
    nights: the runs that were saved in a baseline, oldest first.
    throughput, goodput: tokens and good requests a second, lag_s: the client's lag; each over the planned requests.
    values: everything that is known of a table's cell.
    """

    task: str
    target: str
    requests: Requests
    conditions: Conditions
    planned: int
    timed: bool = True
    good: Floats | None = None
    drift: Mapping[str, Floats] = field(default_factory=dict)
    bounds: Literal[-1, 0, 1] = 0
    nights: tuple[StoredNight, ...] = ()
    throughput: float | None = None
    goodput: float | None = None
    lag_s: float | None = None
    values: Mapping[str, Interval] = field(default_factory=dict)

    @property
    def attempted(self) -> int:
        return len(self.requests)

    @property
    def score(self) -> Floats:
        """Return the headline score of each request, NaN where there is none."""
        return self.requests.scores().value

    @property
    def samples(self) -> Ids:
        """Return the samples, ascending, each once."""
        return self.requests.sample[self.requests.starts]

    @property
    def repeats(self) -> float:
        """Return how often a sample was asked, on average."""
        return self.attempted / max(1, len(self.requests.starts))

    def means(self, values: Floats) -> Floats:
        """Return the mean of each sample's requests, those that are NaN left out; NaN where all are."""
        return by_sample(self.requests, values)

    def latency(self, name: str) -> Floats | None:
        """Return `ttft`, `tpot` or `e2e` of each request in seconds; None where only `nights` are kept."""
        if not self.timed:
            return None
        found = latency.within(self.requests, f"{name}_s", self.bounds)
        return found / self.drift[name] if name in self.drift else found

    def at_best(self) -> "SideCell":
        """Return the cell with every latency as low as its error bound allows, and what then kept the SLO."""
        good = rates.kept(self.requests, earliest=True) if self.timed and self.good is not None else self.good
        return replace(self, bounds=-1, good=good)

    def at_worst(self) -> "SideCell":
        """Return the cell with every latency as high as its error bound allows."""
        return replace(self, bounds=1)

    def reached(self) -> "SideCell":
        """Return the cell without the requests that failed for a reason that says nothing about the model."""
        return self.only(~failed_otherwise(self.requests))

    def only(self, rows: Bools) -> "SideCell":
        """Return a cell of some of its requests."""
        return replace(
            self,
            requests=self.requests.take(rows),
            good=None if self.good is None else self.good[rows],
            drift={name: each[rows] for name, each in self.drift.items()},
        )


CellPair = tuple[SideCell, SideCell]
"""A cell of each side, the base first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A run, a table or a baseline.

    name: as it was typed. run: which run it is of; folder: where its records are; at: when it was made.
    cells: by (task, target). gates: the suite's own rules. notes: what the reader must know.
    """

    name: str
    kind: Literal["run", "table", "baseline"]
    suite: str
    run: str
    cells: Mapping[tuple[str, str], SideCell]
    at: str = ""
    folder: Path | None = None
    gates: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def facts(suite: str, *, repeats: Mapping[str, int] | None = None, most_failed: float | None = None) -> RunFacts:
    """Return what is known of a run whose folder is elsewhere.

    repeats: how often each task asks a sample. most_failed: the suite's limit, where it is known.
    """
    tasks = {task: {"repeats": n} for task, n in (repeats or {}).items()}
    limits = {} if most_failed is None else {"max_failed_share": most_failed}
    manifest = Manifest(
        suite_name=suite, suite={"tasks": tasks, "limits": limits},
        suite_file="", command={}, targets={}, fingerprints=Fingerprints(tasks={}, targets={}),
        machine=Machine(python="", platform="", cpu="", cpus=0), versions={}, transport="", price_date=None,
        created=datetime.min.replace(tzinfo=UTC),
    )  # fmt: skip
    return RunFacts(folder=Path(), manifest=manifest)


class Matching:
    """Two cells, and which of their requests and samples belong together.

    requests, samples: row numbers on both sides of what both have.
    nights: those of the base, without the new run's own.
    """

    def __init__(
        self, base: SideCell, new: SideCell, *, prices: Json, same_session: bool = False, tonight: str = ""
    ) -> None:
        """Match two cells.

        prices: the one list for both costs. same_session: both were asked in turn, in one run. tonight: the new run,
        which is not an earlier night even if it was saved in the baseline already.
        """
        self.base, self.new, self.prices, self.same_session = base, new, prices, same_session
        self.nights = [night for night in base.nights if night.run != tonight]
        self.requests = _common(_request_ids(base), _request_ids(new))
        self.samples = _common(base.samples, new.samples)

    @property
    def one_run(self) -> bool:
        """Whether both sides are targets of one run."""
        return self.base.requests.run is self.new.requests.run

    def sample_values(self, base: Floats, new: Floats) -> tuple[Floats, Floats, Ids | None]:
        """Return the means, on both sides, of the samples that have one there, from values of each request.

        And what each of these samples was drawn with, as the new run says (`Requests.drawn_with`).
        """
        old, now = self.base.means(base)[self.samples[0]], self.new.means(new)[self.samples[1]]
        both = ~(np.isnan(old) | np.isnan(now))
        rows = self.new.requests.starts[self.samples[1][both]]
        return old[both], now[both], self.new.requests.drawn_with(rows)


def _request_ids(cell: SideCell) -> Ids:
    """Return a number for each request: samples are hashes already, so mixing in the repeat keeps them apart."""
    requests = cell.requests
    mixed: Ids = requests.sample + requests.repeat.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return mixed


def _common(base: Ids, new: Ids) -> tuple[Whole, Whole]:
    """Return the row numbers, on both sides, of what both sides have."""
    if np.array_equal(base, new):
        return np.arange(len(base)), np.arange(len(base))
    _, old, now = np.intersect1d(base, new, assume_unique=True, return_indices=True)
    return old, now
