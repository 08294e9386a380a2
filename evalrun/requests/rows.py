"""The columns of the request table, and cheap views of some of its rows. Reads single texts again; derives nothing.

A view is a slice, or a list of row numbers, over the same arrays: a column is copied only when a view that is not a
slice is asked for it, and that column alone. A column that holds one value everywhere takes the room of one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Self, TypeVar, overload

import msgspec
import numpy as np
from numpy.typing import NDArray

from evalrun.errors import StoreError
from evalrun.requests.run import RunFacts
from evalrun.store.disk import storing
from evalrun.store.lines import parse
from evalrun.store.reader import JOURNAL
from evalrun.store.scores import NAME as SCORES
from evalrun.types import Record, Score, Scored

Floats = NDArray[np.float64]
Ids = NDArray[np.uint64]
Whole = NDArray[np.int64]
Bools = NDArray[np.bool_]
T = TypeVar("T")
Index = slice | Whole

HEADLINE = ""
"""Names the first scorer of whatever task a row is of."""
TOKEN_SOURCES = ("", "usage", "tokenizer", "chunks")
CHUNKS = TOKEN_SOURCES.index("chunks")


class State(IntEnum):
    """What became of a request, by its outcome and its headline score. Where several hold, the last of them."""

    RIGHT = 0
    WRONG = 1  # every score below 1, where nothing below holds
    NO_ANSWER = 2  # scored 0, because nothing in it could be taken for an answer
    DISPUTED = 3
    UNSCORED = 4
    TRUNCATED = 5
    FAILED = 6


class Column(Generic[T]):
    """A column: how it is stored, and what stands where nothing is known."""

    def __init__(self, dtype: str, unknown: float = 0) -> None:
        self.dtype, self.unknown = np.dtype(dtype), unknown

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, rows: None, owner: type) -> "Column[T]": ...
    @overload
    def __get__(self, rows: "Columns", owner: type) -> T: ...
    def __get__(self, rows: "Columns | None", owner: type) -> "Column[T] | T":
        return self if rows is None else rows.column(self.name)

    def nothing(self, n: int) -> NDArray[Any]:
        """Return the column of n rows of which nothing is known."""
        return np.broadcast_to(np.asarray(self.unknown, self.dtype), n)


class Columns:
    """Arrays of one length by name, seen through an index."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], index: Index) -> None:
        self._arrays, self._index = arrays, index

    def __len__(self) -> int:
        index = self._index
        return index.stop - index.start if isinstance(index, slice) else len(index)

    def column(self, name: str) -> Any:
        """Return a column of these rows by its name."""
        return self._arrays[name][self._index]

    @classmethod
    def described(cls) -> dict[str, Column[Any]]:
        """Return the columns there are, by name."""
        return {name: each for name, each in vars(cls).items() if isinstance(each, Column)}

    @classmethod
    def filled(cls, arrays: Mapping[str, NDArray[Any]], n: int) -> dict[str, NDArray[Any]]:
        """Return all columns of n rows, unknown where there is no array."""
        return {name: arrays[name] if name in arrays else of.nothing(n) for name, of in cls.described().items()}

    def __getstate__(self) -> dict[str, Any]:
        """Pickle a column of one value as that value."""
        state = dict(vars(self))
        state["_arrays"] = {n: (len(a), a[:1].copy() if a.strides == (0,) else a) for n, a in self._arrays.items()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        arrays = state.pop("_arrays")
        vars(self).update(state)
        self._arrays = {n: np.broadcast_to(a[0], k) if len(a) == 1 != k else a for n, (k, a) in arrays.items()}


class Scores(Columns):
    """What one scorer says of each row.

    value: 0..1, NaN where there is no score. given: the scorer has judged it, though it may not have been able to.
    disputed: two judges disagreed. answered: an answer was found in it. error: why there is no value, a number in
    `Names.errors`, 0 none. offset: of its line in scores.jsonl, -1 none. vote: a hash of the answer that was found,
    equal for equal answers, 0 none; only where a sample was asked more than once.
    """

    value = Column[Floats]("f8", np.nan)
    given = Column[Bools]("?")
    disputed = Column[Bools]("?")
    answered = Column[Bools]("?")
    error = Column[Whole]("u1")
    offset = Column[Whole]("i8", -1)
    vote = Column[Ids]("u8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The texts behind the numbers of coded columns; the first of each is empty, but for `flags` and `warnings`.

    flags, warnings: by the number of their bit. Beyond the most that are told apart, the last is "others".
    """

    failures: tuple[str, ...] = ("",)
    finishes: tuple[str, ...] = ("",)
    families: tuple[str, ...] = ("",)
    caches: tuple[str, ...] = ("",)
    errors: tuple[str, ...] = ("",)
    flags: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Requests(Columns):
    """Requests of a run, a row each: the last record of its key. Ordered by target, task, sample and repeat.

    (failures) means: a number in `names.failures`. Unknown is NaN, or what the column says. A failure has neither
    latencies nor tokens here; how it counts is each definition's.
    """

    place = Column[Whole]("i4")  # target number x number of tasks + task number
    sample = Column[Ids]("u8")  # `sample_hash` of its id: equal for repeats, and in every run
    repeat = Column[Whole]("i4")
    session = Column[Whole]("i4")
    offset = Column[Whole]("i8", -1)  # of its record in journal.jsonl
    question = Column[Ids]("u8")  # of a ladder: the hash of the question, the same for cold and warm
    cluster = Column[Ids]("u8")  # the hash of the meta field that the task names as `cluster`, 0 none
    state = Column[Whole]("i1", State.FAILED)

    failure = Column[Whole]("u1")  # (failures) 0 for an answer
    not_sent = Column[Bools]("?")  # failed before a byte of the request left this machine
    finish = Column[Whole]("u1")  # (finishes)
    flags = Column[Whole]("i8")  # bits (flags): what was odd about the answer
    warnings = Column[Whole]("i8")  # bits (warnings): what a reader of its numbers must know
    attempts = Column[Whole]("i4", 1)
    possibly_billed = Column[Whole]("i4")  # attempts that gave no answer and may have cost money
    reasoned = Column[Bools]("?")
    refused = Column[Bools]("?")  # a ladder's prompt over the endpoint's context: its finding, not a breakdown

    prompt_tokens = Column[Floats]("f8", np.nan)  # these four as the server counted them
    cached_tokens = Column[Floats]("f8", np.nan)
    completion_tokens = Column[Floats]("f8", np.nan)
    reasoning_tokens = Column[Floats]("f8", np.nan)
    tokens = Column[Floats]("f8", np.nan)  # of the answer, by `token_source`
    token_source = Column[Whole]("u1")  # number in TOKEN_SOURCES
    chunks = Column[Whole]("i4")  # token events
    cost_usd = Column[Floats]("f8", np.nan)  # see `money` for why a float is exact
    reported_cost_usd = Column[Floats]("f8", np.nan)

    began_s = Column[Floats]("f8", np.nan)  # the first attempt was sent; on its session's clock, as `sent_s`
    sent_s = Column[Floats]("f8", np.nan)  # the last attempt was sent, or was to be
    ttft_s = Column[Floats]("f8", np.nan)
    ttfo_s = Column[Floats]("f8", np.nan)
    tpot_s = Column[Floats]("f8", np.nan)
    e2e_s = Column[Floats]("f8", np.nan)
    stream_s = Column[Floats]("f8", np.nan)
    max_stall_s = Column[Floats]("f8", np.nan)
    first_bound_s = Column[Floats]("f8", np.nan)  # how much earlier the first, last, any token event may have come;
    last_bound_s = Column[Floats]("f8", np.nan)  # NaN where its arrival was not stamped by the kernel
    gap_bound_s = Column[Floats]("f8", np.nan)

    size = Column[Whole]("i4")  # of a ladder's prompt, as asked, in tokens; 0: not of a ladder, or a prime
    depth = Column[Floats]("f8", np.nan)
    family = Column[Whole]("u1")  # (families)
    cache = Column[Whole]("u1")  # (caches) what was asked for: cold, warm

    def __init__(
        self,
        run: RunFacts,
        arrays: Mapping[str, NDArray[Any]],
        *,
        names: Names,
        tasks: Sequence[str],
        targets: Sequence[str],
        scores: Mapping[str, Mapping[str, NDArray[Any]]],
        gaps: Any = None,
        index: Index | None = None,
    ) -> None:
        """Make a table of arrays; a column without one is unknown throughout. `requests.read` is how to get one."""
        n = max(map(len, arrays.values()), default=0)
        super().__init__(self.filled(arrays, n), slice(0, n) if index is None else index)
        self.run, self.names = run, names
        self.tasks, self.targets = tuple(tasks), tuple(targets)
        self.gaps = gaps
        self._scores = {scorer: Scores.filled(columns, n) for scorer, columns in scores.items()}

    # ------------------------------------------------------------ choosing rows

    def of(self, task: str | None, target: str) -> "Requests":
        """Return the requests of one task to one target, or of all tasks (None); a slice."""
        if target not in self.targets or (task is not None and task not in self.tasks):
            return self.take(slice(0, 0))
        first = self.targets.index(target) * len(self.tasks) + (0 if task is None else self.tasks.index(task))
        begin, end = np.searchsorted(self.place, [first, first + (len(self.tasks) if task is None else 1)])
        return self.take(slice(int(begin), int(end)))

    def take(self, rows: Bools | Whole | slice) -> "Requests":
        """Return some rows: a mask, ascending row numbers, or a slice with both ends."""
        here = self._index
        if isinstance(rows, slice):
            index: Index = (
                slice(here.start + rows.start, here.start + rows.stop) if isinstance(here, slice) else here[rows]
            )
        else:
            if rows.dtype == bool:
                if rows.all():
                    return self
                rows = np.flatnonzero(rows)
            index = rows + here.start if isinstance(here, slice) else here[rows]
        return self._seen(index)

    @property
    def planned(self) -> "Requests":
        """The requests that the suite plans: of each sample its first repeats.

        `gate --decide` asks further repeats of a finished run. Latency, rates and cost are compared over the planned
        part alone: a prompt that is repeated may come from the provider's cache, sooner and cheaper than at first.
        """
        repeats = np.array([self.run.repeats(task) for task in self.tasks] or [1])
        return self.take(self.repeat < repeats[self.place % len(repeats)])

    def _seen(self, index: Index) -> Self:
        view = object.__new__(type(self))
        vars(view).update({name: value for name, value in vars(self).items() if name not in _CACHED})
        view._index = index
        return view

    def only(self, *columns: str) -> "Requests":
        """Return these rows with these columns alone, in arrays of their own: small enough to send elsewhere."""
        scores = {of: {name: self.scores(of).column(name) for name in ("value", "offset")} for of in self._scores}
        return Requests(
            self.run, {name: np.asarray(self.column(name)) for name in columns}, names=self.names, tasks=self.tasks,
            targets=self.targets, scores=scores,
        )  # fmt: skip

    # ------------------------------------------------------------ what rows say

    def scores(self, scorer: str = HEADLINE) -> Scores:
        """Return what a scorer says of these rows; of a scorer that nobody knows, nothing."""
        found = self._scores.get(scorer)
        return Scores(
            Scores.filled({}, len(next(iter(self._arrays.values())))) if found is None else found, self._index
        )

    def task_name(self, place: int) -> str:
        """Return the task of a place."""
        return self.tasks[place % len(self.tasks)]

    def target_name(self, place: int) -> str:
        """Return the target of a place."""
        return self.targets[place // len(self.tasks)]

    @property
    def places(self) -> list[tuple[str, str]]:
        """The (task, target) that there are rows of."""
        first = np.flatnonzero(np.diff(self.place, prepend=-1))
        return [(self.task_name(place), self.target_name(place)) for place in self.place[first].tolist()]

    def is_of(self, task: str, target: str) -> Bools:
        """Whether each row is of this task and target."""
        return np.asarray(self.place == self.targets.index(target) * len(self.tasks) + self.tasks.index(task))

    @property
    def answered(self) -> Bools:
        """Whether it gave an answer, truncated or not."""
        return np.asarray(self.failure == 0)

    @property
    def truncated(self) -> Bools:
        """Whether the answer ran into its token limit."""
        return self._is("length", self.finish, self.names.finishes)

    @property
    def ended_s(self) -> Floats:
        """When the answer ended, on its session's clock: its last token event, or else the end of its stream."""
        return self.sent_s + np.where(np.isnan(self.e2e_s), self.stream_s, self.e2e_s)

    @property
    def warm(self) -> Bools:
        """Whether a ladder's prompt was to come from the cache."""
        return self._is("warm", self.cache, self.names.caches)

    @staticmethod
    def _is(name: str, codes: Whole, names: Sequence[str]) -> Bools:
        return np.asarray(codes == (names.index(name) if name in names else -1))

    @cached_property
    def starts(self) -> Whole:
        """Where each sample's rows begin."""
        first = np.ones(len(self), bool)
        first[1:] = (self.sample[1:] != self.sample[:-1]) | (self.place[1:] != self.place[:-1])
        return np.flatnonzero(first)

    @property
    def samples(self) -> Whole:
        """The number of each row's sample, from 0."""
        return np.repeat(np.arange(len(self.starts)), np.diff(np.append(self.starts, len(self))))

    @property
    def repeated(self) -> bool:
        """Whether a sample has more than one row."""
        return len(self.starts) < len(self)

    # ------------------------------------------------------------ texts, read again

    def record(self, row: int) -> Record:
        """Read the record of one row again."""
        path, offset = self.run.folder / JOURNAL, int(self.offset[row])
        event = parse(_line(path, offset), offset).event()
        if not isinstance(event, Record):
            raise StoreError(f"{path}: the record at byte {offset} changed while it was read; try again")
        return event

    def score(self, row: int, scorer: str = HEADLINE) -> Score | None:
        """Read the score of one row again; None where it has none."""
        path, offset = self.run.folder / SCORES, int(self.scores(scorer).offset[row])
        if offset < 0:
            return None
        try:
            return msgspec.json.decode(_line(path, offset), type=Scored).score
        except msgspec.DecodeError as error:
            raise StoreError(f"{path}: changed while it was read ({error}); try again") from error


_CACHED = {name for name, value in vars(Requests).items() if isinstance(value, cached_property)}


def count_codes(codes: Whole, names: Sequence[str]) -> dict[str, int]:
    """Return how many rows have each code that occurs, the most frequent first, then by name; 0 is none."""
    counts = np.bincount(codes, minlength=len(names))
    found = [(names[code], int(n)) for code, n in enumerate(counts.tolist()) if n and code]
    return dict(sorted(found, key=lambda each: (-each[1], each[0])))


def count_bits(bits: Whole, names: Sequence[str]) -> dict[str, int]:
    """Return how many rows have each bit that occurs, the most frequent first, then by name."""
    sets, times = np.unique(bits, return_counts=True)
    found = [(name, int(times[(sets >> bit) & 1 == 1].sum())) for bit, name in enumerate(names)]
    return dict(sorted((each for each in found if each[1]), key=lambda each: (-each[1], each[0])))


def _line(path: Path, offset: int) -> bytes:
    with storing(path), path.open("rb") as file:
        file.seek(offset)
        return file.readline()
