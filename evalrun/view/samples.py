"""The samples of one run as a page of a list: filtered, sorted and cut by the request table, texts read last.

Only the texts of the rows that are shown are read, so that a run of a million requests takes no more than one of ten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from evalrun.requests import Requests, read
from evalrun.requests.chosen import named, ordered, recorded
from evalrun.requests.rows import Bools, State
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


@lru_cache(maxsize=2)
def requests_of(folder: Path, *, size: int) -> Requests:
    """Return a run's requests, read once while its journal has this size."""
    del size
    return read(folder, gaps=True)


def find(requests: Requests, wish: SampleFilter) -> FoundSamples:
    """Return the page of samples that is wanted, in the order of the journal unless it is sorted."""
    rows = recorded(requests, _mask(requests, wish))
    if wish.sort.removeprefix("-") in SORTS:
        rows = ordered(requests, rows, wish.sort)
    some = rows[wish.page * PAGE : (wish.page + 1) * PAGE].tolist()
    return FoundSamples(len(rows), [(row, requests.record(row), requests.score(row)) for row in some])


def _mask(requests: Requests, wish: SampleFilter) -> Bools:
    tasks, targets, flags = ([each] if each else [] for each in (wish.task, wish.target, wish.flag))
    mask = named(requests, tasks=tasks, targets=targets, flags=flags)
    if wish.state == "not_right":
        mask &= requests.state != State.RIGHT
    elif wish.state:
        mask &= requests.state == (State[wish.state.upper()] if wish.state.upper() in State.__members__ else -1)
    return mask
