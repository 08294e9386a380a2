"""Which rows of a source are asked: all, the first N, or N drawn by a seed. Makes no samples of them.

A row is drawn by what is in it, not by where it is: rows are ranked by a hash of the seed and their content, and the N
smallest ranks are asked. So two runs with one seed ask the same rows, in whatever order the source yields them; a
larger N keeps the rows of a smaller one; and what must be held in memory is N ranks, however long the source is.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple, Protocol

import msgspec

from evalrun.data.places import Places, Row
from evalrun.errors import SuiteError

MOST_AHEAD = 100_000  # rows read beyond a limit, to say how many there are
MOST_DISTINCT = 1_000_000  # rows among which copies are told apart


class Rows(Protocol):
    """The interface of a source.

    A source may have `size(places, asked)` too: the number of its rows where that takes less than reading them, None
    where there are more than `asked` and nobody knows how many. And `drawn`, true where it draws its rows itself: then
    no sample is drawn of them.
    """

    def rows(self, places: Places, /) -> Iterator[Row]: ...


class Drawn(NamedTuple):
    """Rows drawn of a source: their numbers, counted from 1, and how many rows there are."""

    numbers: frozenset[int]
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Which rows are asked. limit: the first so many. sample: so many drawn by `seed`; of both, the fewer are drawn.

    only: of these, the samples with these ids.
    """

    limit: int | None = None
    sample: int | None = None
    seed: int = 0
    only: frozenset[str] | None = None

    @property
    def drawn(self) -> int | None:
        """Return how many rows are drawn; None where none are."""
        if self.sample is None or self.limit is None:
            return self.sample
        return min(self.sample, self.limit)


ALL = Portion()


def draw(rows: Iterable[Row], n: int, *, seed: int) -> Drawn:
    """Draw n rows, each as likely as any other. Copies of a row are drawn independently of each other."""
    return draw_numbered(enumerate(rows, start=1), n, seed=seed)


def draw_numbered(rows: Iterable[tuple[int, Row]], n: int, *, seed: int) -> Drawn:
    """Draw n of some rows that have numbers already."""
    kept: list[tuple[int, int]] = []  # (-rank, number), the largest rank first
    copies: dict[bytes, int] = {}
    seen = 0
    for number, row in rows:
        seen += 1
        key = content(row)
        copy = copies.get(key, 0)
        if copy or len(copies) < MOST_DISTINCT:
            copies[key] = copy + 1
        rank = int.from_bytes(blake2b(b"%d %d " % (seed, copy) + key, digest_size=16).digest(), "big")
        if len(kept) < n:
            heapq.heappush(kept, (-rank, number))
        elif -rank > kept[0][0]:
            heapq.heapreplace(kept, (-rank, number))
    return Drawn(frozenset(place for _, place in kept), seen)


def count(source: Rows, places: Places, *, asked: int) -> int | None:
    """Return how many rows a source has, which gave `asked` of them; None where there are too many to be counted.

    Rows beyond those that are asked may be malformed: they are not asked, and nobody is told.
    """
    quiet = replace(places, skip_bad_rows=True, on_skip=lambda _: None, on_notice=lambda _: None)
    size: Any = getattr(source, "size", None)
    try:
        if size is not None:
            found: int | None = size(quiet, asked)
            return found
        counted = sum(1 for _ in islice(source.rows(quiet), asked + MOST_AHEAD + 1))
    except SuiteError:
        return None
    return counted if counted <= asked + MOST_AHEAD else None


def canonical(value: object) -> bytes:
    """Return canonical JSON of a row or a part of one, the same on every machine. Raises UnicodeEncodeError."""
    return _ENCODE(value)


def _kind(value: object) -> str:
    """Stand in for a value that JSON cannot represent, such as an image: a row may hold it, a prompt may not."""
    return type(value).__name__


_ENCODE = msgspec.json.Encoder(decimal_format="number", order="sorted", enc_hook=_kind).encode


def content(row: Row) -> bytes:
    """Return 16 bytes that stand for what a row holds."""
    try:
        whole = canonical(row)
    except UnicodeEncodeError:  # refused once it is to be asked
        whole = repr(row).encode("utf-8", "backslashreplace")
    return blake2b(whole, digest_size=16).digest()
