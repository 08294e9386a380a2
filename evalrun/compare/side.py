"""One run, table or baseline, reduced to what comparing needs: about 90 bytes a request. Reads no file."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalrun.stats.interval import Interval
from evalrun.types import Json, Value

Floats = NDArray[np.float64]
Ids = NDArray[np.uint64]
Whole = NDArray[np.int64]


class State(IntEnum):
    """What became of a request. An answer that is several of these is the last of them."""

    RIGHT = 0
    WRONG = 1
    NO_ANSWER = 2  # scored 0, because nothing in it could be taken for an answer
    DISPUTED = 3
    UNSCORED = 4
    TRUNCATED = 5
    FAILED = 6


LETTERS = "rwndutf"
"""A letter for each `State`, as baselines write it."""


class Prints(Value, frozen=True):
    """Fingerprints of what decides a cell's numbers. scorers: as the suite has them, empty where the scores are from
    others; scored_by: of whatever gave the scores. prices: the list itself, None where there is none. slo: the seconds
    of each latency that a good request keeps, empty where none is stated."""

    data: str = ""
    prompt: str = ""
    sampling: str = ""
    scorers: str = ""
    scored_by: str = ""
    target: str = ""
    transport: str = ""
    load: str = ""
    prices: Json = None
    slo: Mapping[str, float] = {}


class Figures(Value, frozen=True):
    """One night of a cell: what nights are compared by.

    logs: `ttft_p95` and so on -> the logarithm of the value and its standard error within the run; a percentile that
    is a failure, or that cannot be believed, is left out. prompt, cached, output: mean tokens of an answer. slo: what
    its goodput is by.
    """

    run: str
    at: str
    logs: Mapping[str, tuple[float, float]] = {}
    prompt: float | None = None
    cached: float | None = None
    output: float | None = None
    slo: Mapping[str, float] = {}


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell:
    """One task asked of one target: parallel arrays with one entry a request, ordered by sample and repeat.

    sample: `sample_hash` of its id. state: a `State`. score: NaN where there is none. prompt, cached, output: tokens as
    the server counted them, NaN where it did not. ttft, tpot, e2e: seconds, NaN unknown, infinite where the request
    failed; None where only `nights` are kept. good: 1 where every SLO was kept, 0 where not, NaN unknown; None where
    none is stated. record_at, score_at: byte offsets in the run's files, -1 none.
    late: why no latency of this cell can be believed. values: all there is of a table's cell.
    """

    task: str
    target: str
    prints: Prints
    planned: int
    sample: Ids
    repeat: Whole
    state: NDArray[np.int8]
    score: Floats
    prompt: Floats
    cached: Floats
    output: Floats
    ttft: Floats | None = None
    tpot: Floats | None = None
    e2e: Floats | None = None
    record_at: Whole | None = None
    score_at: Whole | None = None
    good: Floats | None = None
    nights: tuple[Figures, ...] = ()
    throughput: float | None = None
    goodput: float | None = None
    lag_s: float | None = None
    late: str = ""
    values: Mapping[str, Interval] = field(default_factory=dict)

    @property
    def attempted(self) -> int:
        return len(self.sample)

    @cached_property
    def starts(self) -> Whole:
        """Where each sample's requests begin."""
        first = np.ones(self.attempted, bool)
        first[1:] = self.sample[1:] != self.sample[:-1]
        return np.flatnonzero(first)

    @property
    def samples(self) -> Ids:
        """The samples, ascending, each once."""
        return self.sample[self.starts]

    def means(self, values: Floats) -> Floats:
        """Return the mean of each sample's requests, those that are NaN left out; NaN where all are."""
        if len(self.starts) == self.attempted:
            return values
        known = ~np.isnan(values)
        total = np.add.reduceat(np.where(known, values, 0.0), self.starts)
        with np.errstate(invalid="ignore"):
            found: Floats = total / np.add.reduceat(known.astype(float), self.starts)
        return found

    def latency(self, name: str) -> Floats | None:
        """Return `ttft`, `tpot` or `e2e` of each request."""
        return {"ttft": self.ttft, "tpot": self.tpot, "e2e": self.e2e}[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A run, a table or a baseline. name: as it was typed. run: which run it is of; folder: where its records are.

    cells: by (task, target). most_failed: the share of a task without a scored answer above which its numbers carry
    no verdict. gates: the suite's own rules. notes: what the reader must know.
    """

    name: str
    kind: Literal["run", "table", "baseline"]
    suite: str
    run: str
    cells: Mapping[tuple[str, str], Cell]
    at: str = ""
    folder: Path | None = None
    most_failed: float = 0.1
    gates: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Matching:
    """Two cells, and which of their requests and samples belong together.

    requests, samples: row numbers on both sides of what both have. nights: of the base, without the new run's own.
    repeated: a side has several requests of a sample.
    """

    def __init__(self, base: Cell, new: Cell, *, prices: Json, same_session: bool = False, tonight: str = "") -> None:
        """Match two cells.

        prices: the one list for both costs. same_session: both were asked in turn, in one run. tonight: the new run,
        which is not an earlier night even if it was saved in the baseline already.
        """
        self.base, self.new, self.prices, self.same_session = base, new, prices, same_session
        self.nights = [night for night in base.nights if night.run != tonight]
        self.requests = _common(_request_ids(base), _request_ids(new))
        self.samples = _common(base.samples, new.samples)
        self.repeated = len(base.starts) < base.attempted or len(new.starts) < new.attempted

    def sample_values(self, base: Floats, new: Floats) -> tuple[Floats, Floats]:
        """Return the means of the samples that have one on both sides, of values of each request."""
        old, now = self.base.means(base)[self.samples[0]], self.new.means(new)[self.samples[1]]
        both = ~(np.isnan(old) | np.isnan(now))
        return old[both], now[both]


def _request_ids(cell: Cell) -> Ids:
    """Return a number for each request: samples are hashes already, so mixing in the repeat keeps them apart."""
    mixed: Ids = cell.sample + cell.repeat.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return mixed


def _common(base: Ids, new: Ids) -> tuple[Whole, Whole]:
    """Return the row numbers, on both sides, of what both sides have."""
    if np.array_equal(base, new):
        return np.arange(len(base)), np.arange(len(base))
    _, old, now = np.intersect1d(base, new, assume_unique=True, return_indices=True)
    return old, now


def empty_cell(
    task: str, target: str, *, prints: Prints, planned: int, values: Mapping[str, Interval] | None = None
) -> Cell:
    """Return a cell without a single request."""
    nothing = np.empty(0)
    whole = np.empty(0, np.int64)
    return Cell(
        task=task, target=target, prints=prints, planned=planned, sample=np.empty(0, np.uint64), repeat=whole,
        state=np.empty(0, np.int8), score=nothing, prompt=nothing, cached=nothing, output=nothing, values=values or {},
    )  # fmt: skip


def sample_hash(sample_id: str) -> int:
    """Return 64 bits that stand for a sample within its task."""
    digest = hashlib.blake2b(sample_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def cost(cell: Cell, prices: Json) -> Floats:
    """Return the cost of each request under a price list in US dollars, NaN where it is unknown.

    As `price.cost` has it.

    Here it is a float and not exact: differences of costs are estimates.
    """
    if prices is None:
        return np.full(cell.attempted, np.nan)
    cached = np.where(np.isnan(cell.cached), 0.0, cell.cached)
    at_cached = np.nan if prices.get("cached") is None else float(prices["cached"])
    for_cached = np.where(cached > 0, cached * at_cached, 0.0)
    fresh = np.where(cached > cell.prompt, np.nan, cell.prompt - cached)
    found: Floats = (fresh * float(prices["prompt"]) + for_cached + cell.output * float(prices["completion"])) / 1e6
    return found
