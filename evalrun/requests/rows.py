"""The columns of the request table, and cheap views of some of its rows. Reads single texts again; derives nothing.

A view is a slice, or a list of row numbers, over the same arrays: a column is copied only when a view that is not a
slice is asked for it, and that column alone. A column of one value takes the room of one.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import cached_property
from typing import Any, Generic, TypeVar, overload

import msgspec
import numpy as np
from numpy.typing import NDArray

from evalrun.ends import Finish, finish_of
from evalrun.errors import StoreError
from evalrun.price import AT_LEAST
from evalrun.requests.run import Place, RunFacts
from evalrun.stats.interval import Floats, Whole
from evalrun.store.checked import NOT_DECODED
from evalrun.store.lines import lines_at, parse
from evalrun.store.reader import JOURNAL
from evalrun.store.scores import NAME as SCORES
from evalrun.types import Record, Score, Scored

Ids = NDArray[np.uint64]
Bools = NDArray[np.bool_]
T = TypeVar("T")

HEADLINE = ""
"""Names the first scorer of whatever task a row is of."""
META = "meta."
"""Begins the columns of groups: the values of the fields that a task keeps in `meta`, numbered, 0 for other tasks."""
UNKNOWN = float("nan")
BITS = ("flags", "warnings", "shapes")
"""Columns that hold bits of texts."""


class State(IntEnum):
    """What became of a request, by its outcome and its headline score. Where several hold, the last of them."""

    RIGHT = 0
    WRONG = 1  # every score below 1, where nothing below holds
    NO_ANSWER = 2  # scored 0, because nothing in it could be taken for an answer
    DISPUTED = 3
    UNSCORED = 4
    TRUNCATED = 5
    FAILED = 6
    REFUSED = 7  # a ladder's prompt over the endpoint's context: where the ladder ends, and no failure


class Column(Generic[T]):
    """A column: how it is stored, and what a row of which nothing is known has."""

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


class Columns:
    """Arrays of one length by name, seen through an index."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], *, n: int) -> None:
        """Take n rows; a column without an array is unknown throughout."""
        self._index: slice | Whole = slice(0, n)
        self._arrays = {
            name: arrays[name] if name in arrays else np.broadcast_to(np.asarray(of.unknown, of.dtype), n)
            for name, of in self.described().items()
        }

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

    def __getstate__(self) -> dict[str, Any]:
        """Pickle a column of one value as that value."""
        small = {n: (a[:1].copy() if a.strides == (0,) else a, len(a)) for n, a in self._arrays.items()}
        return vars(self) | {"_arrays": small}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._arrays = {
            n: np.broadcast_to(a[0], k) if len(a) == 1 != k else a for n, (a, k) in state["_arrays"].items()
        }


class Scores(Columns):
    """What one scorer says of each row."""

    value = Column[Floats]("f8", UNKNOWN)  # 0..1, NaN where there is no score
    given = Column[Bools]("?")  # the scorer has judged it, though it may not have been able to
    disputed = Column[Bools]("?")  # two judges disagreed
    answered = Column[Bools]("?")  # an answer was found in it
    error = Column[Whole]("u1")  # (error) why there is no value
    offset = Column[Whole]("i8", -1)  # of its line in scores.jsonl, -1 none
    vote = Column[Ids]("u8")  # hash of `Score.vote`, 0 none; only where a sample was asked more than once


class Requests(Columns):
    """Requests of a run, a row each: the last record of its key. Ordered by target, task, sample and repeat.

    A column with its own name in brackets holds numbers of texts, or bits: `names` has these by column. Unknown is NaN,
    or as the column says. A failure has neither latencies nor tokens here; how it counts is each definition's.
    """

    place = Column[Whole]("i4")  # target number x number of tasks + task number
    sample = Column[Ids]("u8")  # `sample_hash` of its id: equal for repeats, and in every run
    repeat = Column[Whole]("i4")
    session = Column[Whole]("i4")
    offset = Column[Whole]("i8", -1)  # of its record in journal.jsonl
    cluster = Column[Ids]("u8")  # hash of the meta field that its task names as `cluster`, 0 none
    state = Column[Whole]("i1", State.FAILED)

    failure = Column[Whole]("u1")  # (failure) 0 for an answer
    not_sent = Column[Bools]("?")  # failed before a byte of the request left this machine
    finish = Column[Whole]("u1")  # (finish) reason
    flags = Column[Whole]("i8")  # (flags) bits: what was odd about the answer
    warnings = Column[Whole]("i8")  # (warnings) bits: what a reader of its numbers must know
    attempts = Column[Whole]("i4", 1)
    possibly_billed = Column[Whole]("i4")  # attempts that gave no answer and may have cost money
    reasoned = Column[Bools]("?")
    shapes = Column[Whole]("i8")  # (shapes) bits: in which forms its reasoning was sent
    served = Column[Whole]("u1")  # (served) the model that answered, as it calls itself

    prompt_tokens = Column[Floats]("f8", UNKNOWN)  # these four as the server counted them
    cached_tokens = Column[Floats]("f8", UNKNOWN)
    completion_tokens = Column[Floats]("f8", UNKNOWN)
    reasoning_tokens = Column[Floats]("f8", UNKNOWN)
    tokens = Column[Floats]("f8", UNKNOWN)  # of the answer, by its source
    token_source = Column[Whole]("u1")  # (token_source)
    chunks = Column[Whole]("i4")  # token events
    cost_usd = Column[Floats]("f8", UNKNOWN)  # why a float is exact: `money`
    reported_cost_usd = Column[Floats]("f8", UNKNOWN)

    began_s = Column[Floats]("f8", UNKNOWN)  # when the first attempt was sent, on its session's clock
    sent_s = Column[Floats]("f8", UNKNOWN)  # when the last attempt was sent, or was to be
    took_s = Column[Floats]("f8", UNKNOWN)  # from then until it had failed; of an answer see `stream_s`
    ttft_s = Column[Floats]("f8", UNKNOWN)
    ttfo_s = Column[Floats]("f8", UNKNOWN)
    tpot_s = Column[Floats]("f8", UNKNOWN)
    tpot_tokens = Column[Floats]("f8", UNKNOWN)  # the tokens in whose time it is
    tpot_basis = Column[Whole]("u1")  # (tpot_basis) how these are known
    e2e_s = Column[Floats]("f8", UNKNOWN)
    stream_s = Column[Floats]("f8", UNKNOWN)
    max_stall_s = Column[Floats]("f8", UNKNOWN)
    first_bound_s = Column[Floats]("f8", UNKNOWN)  # how much earlier the first, last, any token event may have come;
    last_bound_s = Column[Floats]("f8", UNKNOWN)  # NaN where the kernel did not stamp its arrival
    gap_bound_s = Column[Floats]("f8", UNKNOWN)

    size = Column[Whole]("i4")  # of a ladder's prompt, as asked, in tokens; 0: not of a ladder, or only to fill a cache
    depth = Column[Floats]("f8", UNKNOWN)  # of the answer in the prompt, 0 top, 1 end
    family = Column[Whole]("u1")  # (family)
    cache = Column[Whole]("u1")  # (cache) what was asked for: cold, warm
    question = Column[Ids]("u8")  # hash of a ladder's question, the same for cold and warm

    def __init__(
        self,
        run: RunFacts,
        arrays: Mapping[str, NDArray[Any]],
        *,
        names: Mapping[str, tuple[str, ...]],
        tasks: Sequence[str],
        targets: Sequence[str],
        scores: Mapping[str, Mapping[str, NDArray[Any]]],
        gaps: Any = None,
    ) -> None:
        """Make a table of arrays, ordered as above; `requests.read` is how to get one. scores: by scorer."""
        n = max(map(len, arrays.values()), default=0)
        super().__init__(arrays, n=n)
        self._arrays |= {name: column for name, column in arrays.items() if name.startswith(META)}
        self.run, self.names, self.gaps = run, names, gaps
        self.tasks, self.targets = tuple(tasks), tuple(targets)
        self._scores = {scorer: Scores(columns, n=n) for scorer, columns in scores.items()}

    # ------------------------------------------------------------ choosing rows

    def of(self, task: str | None, target: str) -> "Requests":
        """Return the requests of one task to one target, or of all tasks (None); a slice."""
        if target not in self.targets or (task is not None and task not in self.tasks):
            return self.take(slice(0, 0))
        first = self.place_of(self.tasks[0] if task is None else task, target)
        begin, end = np.searchsorted(self.place, [first, first + (len(self.tasks) if task is None else 1)])
        return self.take(slice(int(begin), int(end)))

    def take(self, rows: Bools | Whole | slice) -> "Requests":
        """Return some rows: a mask, ascending row numbers, or a slice with both ends."""
        here = self._index
        index: slice | Whole
        if isinstance(rows, slice):
            index = slice(here.start + rows.start, here.start + rows.stop) if isinstance(here, slice) else here[rows]
        elif rows.dtype == bool and rows.all():
            return self
        else:
            numbers = np.flatnonzero(rows) if rows.dtype == bool else rows
            index = numbers + here.start if isinstance(here, slice) else here[numbers]
        view = object.__new__(Requests)
        vars(view).update({name: value for name, value in vars(self).items() if name != "starts"}, _index=index)
        return view

    @property
    def planned(self) -> "Requests":
        """The requests that the suite plans: of each sample its first repeats.

        `gate --decide` asks further repeats of a finished run. Latency, rates and cost are compared over the planned
        part alone: a prompt that is repeated may come from the provider's cache, sooner and cheaper than at first.
        """
        repeats = np.array([self.run.repeats(task) for task in self.tasks] or [1])
        return self.take(self.repeat < repeats[self.place % len(repeats)])

    def only(self, *columns: str) -> "Requests":
        """Return these rows with these columns alone, in arrays of their own: small enough to send elsewhere."""
        scores = {of: {name: self.scores(of).column(name) for name in ("value", "offset")} for of in self._scores}
        return Requests(
            self.run, {name: _small(self.column(name)) for name in columns}, names=self.names, tasks=self.tasks,
            targets=self.targets, scores=scores,
        )  # fmt: skip

    # ------------------------------------------------------------ what rows say

    def scores(self, scorer: str = HEADLINE) -> Scores:
        """Return what a scorer says of these rows; of a scorer that nobody knows, nothing."""
        view, known = object.__new__(Scores), self._scores.get(scorer)
        vars(view).update(
            vars(known if known is not None else Scores({}, n=len(self._arrays["place"]))), _index=self._index
        )
        return view

    @property
    def places(self) -> list[Place]:
        """The (task, target) that there are rows of."""
        first = np.flatnonzero(np.diff(self.place, prepend=-1))
        n = len(self.tasks)
        return [(self.tasks[place % n], self.targets[place // n]) for place in self.place[first].tolist()]

    @property
    def scorers(self) -> dict[str, list[int]]:
        """The scorers of the tasks that there are rows of, and the numbers of these tasks."""
        found: dict[str, list[int]] = {}
        for task in dict.fromkeys(task for task, _ in self.places):
            for scorer in self.run.scorers.get(task, ()):
                found.setdefault(scorer, []).append(self.tasks.index(task))
        return found

    def place_of(self, task: str, target: str) -> int:
        """Return the number of a task and target in the column `place`."""
        return self.targets.index(target) * len(self.tasks) + self.tasks.index(task)

    def says(self, column: str, text: str) -> Bools:
        """Whether each row has this text in a column of numbered texts."""
        names = self.names.get(column, ())
        return np.asarray(self.column(column) == (names.index(text) if text in names else -1))

    def counts(self, column: str) -> dict[str, int]:
        """Return how many rows have each text of a column of numbered texts, or of bits; the most frequent first."""
        names, values = self.names.get(column, ()), self.column(column)
        if column in BITS:
            sets, times = np.unique(values, return_counts=True)
            return most_first({name: int(times[(sets >> bit) & 1 == 1].sum()) for bit, name in enumerate(names)})
        return most_first(dict(zip(names[1:], np.bincount(values, minlength=len(names))[1:].tolist(), strict=True)))

    @property
    def answered(self) -> Bools:
        """Whether it gave an answer, truncated or not."""
        return np.asarray(self.failure == 0)

    @property
    def refused(self) -> Bools:
        """Whether it is a ladder's prompt that the endpoint refused as too long: no rate and no percentile has it."""
        return np.asarray(self.state == State.REFUSED)

    @property
    def unanswered(self) -> Bools:
        """Whether it failed or was not sent: neither answered nor refused."""
        return np.asarray(self.state == State.FAILED)

    @property
    def truncated(self) -> Bools:
        """Whether the answer ran into its token limit."""
        return np.isin(self.finish, ended(self.names.get("finish", ()), "truncated"))

    def has(self, column: str, *texts: str) -> Bools:
        """Whether each row has any of these texts in a column of bits."""
        bits = sum(1 << bit for bit, name in enumerate(self.names.get(column, ())) if name in texts)
        return np.asarray((self.column(column) & bits) != 0)

    @property
    def at_least(self) -> Bools:
        """Whether the answer may have cost more than its `cost_usd`, because its counts do not add up."""
        return self.has("flags", *AT_LEAST)

    @property
    def ended_s(self) -> Floats:
        """When the answer ended, on its session's clock: its last token event, or else the end of its stream."""
        return self.sent_s + self.answer_s

    @property
    def answer_s(self) -> Floats:
        """How long an answer took: to its last token event, or else to the end of its stream."""
        return np.where(np.isnan(self.e2e_s), self.stream_s, self.e2e_s)

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

    def drawn_with(self, rows: Whole, *, repeats: bool = False) -> Ids | None:
        """Return what each of some rows was drawn with: its cluster, or its sample where it has none.

        None where each row was drawn on its own: none has a cluster, nor, with `repeats`, a sample several rows.
        """
        named = self.cluster[rows] if self.cluster.any() else self.cluster[:0]
        if named.any():
            return np.where(named == 0, self.sample[rows], named)
        return self.sample[rows] if repeats and self.repeated else None

    # ------------------------------------------------------------ texts, read again

    def record(self, row: int) -> Record:
        """Read the record of one row again."""
        path, offset = self.run.folder / JOURNAL, int(self.offset[row])
        ((_, raw),) = lines_at(path, [offset])
        event = parse(raw, offset).event()
        if not isinstance(event, Record):
            raise StoreError(f"{path}: the record at byte {offset} changed while it was read; try again")
        return event

    def texts(self, column: str, row: int) -> list[str]:
        """Return the texts that one row has in a column of bits."""
        bits = int(self.column(column)[row])
        return [name for bit, name in enumerate(self.names.get(column, ())) if bits >> bit & 1]

    def scored(self, row: int) -> dict[str, Score]:
        """Read again what each scorer of a row's task says of it, the headline first."""
        task = self.tasks[self.place[row] % len(self.tasks)]
        found = ((scorer, self.score(row, scorer)) for scorer in self.run.scorers.get(task, ()))
        return {scorer: score for scorer, score in found if score is not None}

    def score(self, row: int, scorer: str = HEADLINE) -> Score | None:
        """Read the score of one row again; None where it has none."""
        path, offset = self.run.folder / SCORES, int(self.scores(scorer).offset[row])
        if offset < 0:
            return None
        ((_, raw),) = lines_at(path, [offset])
        try:
            return msgspec.json.decode(raw, type=Scored).score
        except NOT_DECODED as error:
            raise StoreError(f"{path}: changed while it was read ({error}); try again") from error


def ended(words: Sequence[str], finish: Finish) -> list[int]:
    """Return the numbers of the finish reasons that mean this end."""
    return [number for number, word in enumerate(words) if word and finish_of(word) == finish]


def most_first(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts above 0, the most frequent first, then by name."""
    return dict(sorted((each for each in counts.items() if each[1]), key=lambda each: (-each[1], each[0])))


def _small(column: NDArray[Any]) -> NDArray[Any]:
    """Return a column of one value in the room of one."""
    alike = len(column) and bool((column == column[0]).all())
    return np.broadcast_to(column[0], len(column)) if alike else np.asarray(column)
