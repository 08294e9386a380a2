"""The samples of one run as a page of a list: filtered, sorted and cut by the request table, texts read last.

Only the texts of the rows that are shown are read, so that a run of a million requests takes no more than one of ten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from evalrun.requests import Requests, read
from evalrun.requests.rows import State
from evalrun.stats.interval import Whole
from evalrun.types import Record, Score

PAGE = 50
FIELDS = ("state", "task", "target", "flag", "sort")
SORTS = ("ttft_s", "e2e_s", "tokens", "cost_usd")


@dataclass(frozen=True, slots=True)
class SampleFilter:
    """Which samples are wanted.

    state: of `State`, in lower case, or `not_right`. sort: a column of `SORTS`, the largest first with `-` before it.
    """

    state: str = ""
    task: str = ""
    target: str = ""
    flag: str = ""
    sort: str = ""
    page: int = 0

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "SampleFilter":
        """Read the query of a URL; what is no number is the first page."""
        page = query.get("page", "")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 0
        return cls(page=number, **{name: query.get(name, "") for name in FIELDS})

    @property
    def given(self) -> dict[str, str]:
        """The fields that say something, but for the page."""
        return {name: value for name in FIELDS if (value := str(getattr(self, name)))}


@dataclass(frozen=True, slots=True)
class FoundSamples:
    """A page of samples. total: how many there are. rows: their numbers in the request table."""

    total: int
    rows: Sequence[tuple[int, Record, Score | None]]


def requests_of(folder: Path, *, size: int) -> Requests:
    """Return a run's requests, read once while its journal has this size."""
    return _read(folder, size)


@lru_cache(maxsize=2)
def _read(folder: Path, size: int) -> Requests:
    del size
    return read(folder, gaps=True)


def find(requests: Requests, wish: SampleFilter) -> FoundSamples:
    """Return the page of samples that is wanted, in the order of the journal unless it is sorted."""
    rows = np.flatnonzero(_mask(requests, wish))
    name = wish.sort.removeprefix("-")
    order = requests.column(name)[rows] if name in SORTS else requests.offset[rows]
    order = np.where(np.isnan(order), np.inf, -order if wish.sort.startswith("-") else order)
    ordered: Whole = rows[np.argsort(order, kind="stable")]
    some = ordered[wish.page * PAGE : (wish.page + 1) * PAGE].tolist()
    return FoundSamples(len(rows), [(row, requests.record(row), requests.score(row)) for row in some])


def _mask(requests: Requests, wish: SampleFilter) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    mask = np.ones(len(requests), bool)
    if wish.state == "not_right":
        mask &= requests.state != State.RIGHT
    elif wish.state:
        mask &= requests.state == (State[wish.state.upper()] if wish.state.upper() in State.__members__ else -1)
    tasks, targets = len(requests.tasks), requests.targets
    if wish.task:
        mask &= requests.place % tasks == (requests.tasks.index(wish.task) if wish.task in requests.tasks else -1)
    if wish.target:
        mask &= requests.place // tasks == (targets.index(wish.target) if wish.target in targets else -1)
    if wish.flag:
        mask &= requests.has("flags", wish.flag)
    return mask
