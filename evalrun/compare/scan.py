"""A journal -> arrays, in one lean pass. No manifest, no scores (`scored`).

Only what comparing needs is decoded, and nothing of a record is kept but numbers: a million records take about 10 s of
a processor and 100 MB. Texts that are shown are read again by their offset (`look`).
"""

import math
from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from evalrun.compare.side import sample_hash
from evalrun.store.lines import End, Lag, Served, last_of_each, scan
from evalrun.store.reader import JOURNAL

Column = NDArray[Any]

ANSWERED, TRUNCATED, FAILED = range(3)


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: float = math.nan
    completion_tokens: float = math.nan
    cached_tokens: float = math.nan


class _Completion(msgspec.Struct, tag="completion"):
    finish_reason: str | None = None
    usage: _Usage = _Usage()
    tokens: float = math.nan


class _Failure(msgspec.Struct, tag="failure"):
    phase: str


class _Sample(msgspec.Struct):
    task: str
    id: str


class _Timing(msgspec.Struct, frozen=True):
    ttft_s: float = math.nan
    tpot_s: float = math.nan
    e2e_s: float = math.nan
    stream_s: float = math.nan


class _Attempt(msgspec.Struct):
    failure: _Failure
    sent_s: float


class _Record(msgspec.Struct):
    """As much of a `types.Record` as comparing needs. What the journal leaves out is unknown: NaN."""

    key: str
    session: int
    target: str
    sample: _Sample
    repeat: int
    outcome: _Completion | _Failure
    sent_s: float
    timing: _Timing = _Timing()
    attempts: tuple[_Attempt, ...] = ()


_RECORD = msgspec.json.Decoder(_Record)
_COLUMNS = {  # `Columns.add` takes them in this order
    "key": "Q", "sample": "Q", "repeat": "l", "state": "b", "session": "l", "at": "q", "began": "d", "ended": "d",
    "ttft": "d", "tpot": "d", "e2e": "d", "prompt": "d", "cached": "d", "output": "d", "tokens": "d",
}  # fmt: skip


_FAILED = (math.inf, math.inf, math.inf, math.nan, math.nan, math.nan, math.nan)  # infinitely slow, nothing counted


class Columns:
    """The requests of one task and target while they are read: one growing array a field."""

    def __init__(self) -> None:
        self.of: dict[str, array[Any]] = {name: array(code) for name, code in _COLUMNS.items()}
        self._grow = tuple(column.append for column in self.of.values())  # looked up once, called a million times

    def add(self, record: _Record, at: int) -> None:
        """Take in one record, which is at this offset."""
        key, sample, repeat, state, session, offset, began, ended, *measured = self._grow
        outcome, timing = record.outcome, record.timing
        key(int(record.key, 16))
        sample(sample_hash(record.sample.id))
        repeat(record.repeat)
        session(record.session)
        offset(at)
        if isinstance(outcome, _Failure):
            state(FAILED)
            began(_began(record))
            ended(math.nan)
            for grow, value in zip(measured, _FAILED, strict=True):
                grow(value)
            return
        usage, e2e = outcome.usage, timing.e2e_s
        state(TRUNCATED if outcome.finish_reason == "length" else ANSWERED)
        began(_began(record) if record.attempts else record.sent_s)
        ended(record.sent_s + (timing.stream_s if e2e != e2e else e2e))
        tokens = (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens, outcome.tokens)
        for grow, value in zip(measured, (timing.ttft_s, timing.tpot_s, e2e, *tokens), strict=True):
            grow(value)

    def take(self) -> dict[str, Column]:
        """Return the last record of each key, ordered by sample and repeat, and forget everything."""
        whole = {name: np.asarray(column) for name, column in self.of.items()}
        self.of, self._grow = {}, ()
        n = len(whole["key"])
        _, last = np.unique(whole["key"][::-1], return_index=True)
        kept = n - 1 - last
        kept = kept[np.lexsort((whole["repeat"][kept], whole["sample"][kept]))]
        return {name: whole.pop(name)[kept] for name in list(whole)}


def _began(record: _Record) -> float:
    """Return when the first attempt was sent; NaN where none was."""
    sent = [attempt.sent_s for attempt in record.attempts if attempt.failure.phase != "not_sent"]
    if not (isinstance(record.outcome, _Failure) and record.outcome.phase == "not_sent"):
        sent.append(record.sent_s)
    return min(sent, default=math.nan)


@dataclass(slots=True)
class Journal:
    """What a pass over a journal leaves. damaged: lines that were left out. notes: what a target is, where that must be
    said.

    planned_until: the session that asked the last of what was planned; later ones asked more.
    """

    columns: dict[tuple[str, str], Columns] = field(default_factory=lambda: defaultdict(Columns))
    lags: list[Lag] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    damaged: int = 0
    planned_until: float = math.inf


def read_journal(folder: Path) -> Journal:
    """Read a run's journal once."""
    found = Journal()
    path = folder / JOURNAL
    if not path.exists():
        return found
    columns = found.columns
    for line in scan(path):
        if line.kind == b"record":
            record = line.read(_RECORD)
            columns[record.sample.task, record.target].add(record, line.offset)
        elif line.kind == b"lag":
            event = line.event()
            assert isinstance(event, Lag)  # by its kind
            found.lags.append(event)
        elif line.kind == b"served":
            served = line.event()
            assert isinstance(served, Served)
            found.notes[served.target] = served.note
        elif line.kind == b"end":
            end = line.event()
            assert isinstance(end, End)
            if end.reason == "finished":
                found.planned_until = min(found.planned_until, end.session)
        elif not line.kind:
            found.damaged += 1
    found.lags = last_of_each(found.lags)
    return found
