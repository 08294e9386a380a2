"""A run's folder -> its request table, in one lean pass over each file.

Only what the columns need is decoded, by structs with a few of the fields of `types.Record`; what the journal leaves
out is unknown. No text is kept: a million records take about 10 s of a processor, and 100 bytes each.
"""

import json
from operator import attrgetter
from pathlib import Path
from typing import Any, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from evalrun.requests.growing import BATCH, MOST_KINDS, NO_HASH, Growing, Kinds, digest, group_name
from evalrun.requests.latency import Gaps
from evalrun.requests.rows import BITS, HEADLINE, META, UNKNOWN, Requests, ended
from evalrun.requests.run import Place, RunFacts
from evalrun.requests.scored import aligned, headline, read_scores, states
from evalrun.store.checked import NOT_DECODED
from evalrun.store.disk import storing
from evalrun.store.lines import lines_at, parse, scan
from evalrun.store.manifest import read_manifest
from evalrun.store.reader import JOURNAL
from evalrun.store.scores import read_header
from evalrun.types import PaceBasis

AGAIN = "-again"  # ends the id of a warm sample: the question of the cold sample of that name, asked once more
PRIME = "prime"  # a prompt that is asked only to fill the cache for a warm one
TOKEN_SOURCES = ("", "usage", "chunks")
TPOT_BASES = ("", *get_args(PaceBasis))
GROUP = np.dtype("u2")  # numbers of the values of a field of `meta`
MOST_VALUES = 1000  # of such a field that are told apart


def read(folder: Path, *, gaps: bool = False) -> Requests:
    """Read a run's manifest, journal and scores, each once.

    gaps: collect the gaps between chunks too, which takes half as long again; percentiles of ICL need them.
    """
    facts = RunFacts(folder=folder, manifest=read_manifest(folder))
    journal = _Journal(facts, gaps=gaps)
    journal.read(folder / JOURNAL)
    columns = journal.columns(folder / JOURNAL)
    scores, errors = read_scores(folder, votes=bool((columns["repeat"] > 0).any()))
    tasks, header = journal.tasks, read_header(folder)
    facts.scored_by = header.scorers if header else ""
    facts.scorers = facts.scorers_by(header.labels if header else {}, tasks, otherwise=tuple(scores))
    rows = aligned(scores, columns.pop("key"), columns["failure"] == 0)
    task = columns["place"] % max(1, len(tasks))
    rows[HEADLINE] = headline(rows, [(*facts.scorers[name], "")[0] for name in tasks], task)
    is_ladder = np.array([facts.is_ladder(name) for name in tasks] or [False])
    columns["state"] = states(
        columns, rows, truncated=np.isin(columns["finish"], ended(journal.names["finish"], "truncated")),
        refused=(columns["failure"] == journal.number("failure", "context_length")) & is_ladder[task],
    )  # fmt: skip
    names = journal.names | {"error": errors}
    return Requests(facts, columns, names=names, tasks=tasks, targets=journal.targets, scores=rows, gaps=journal.gaps)


def sample_hash(sample_id: str) -> int:
    """Return 64 bits that stand for a sample within its task."""
    return int.from_bytes(digest(sample_id), "big")


# ---------------------------------------------------------------- as much of a record as is needed


class _Usage(msgspec.Struct, frozen=True, gc=False):
    prompt_tokens: float = UNKNOWN
    completion_tokens: float = UNKNOWN
    cached_tokens: float = UNKNOWN
    reasoning_tokens: float = UNKNOWN
    reported_cost_usd: str = ""


class _Completion(msgspec.Struct, tag="completion", gc=False):
    finish_reason: str = ""
    reasoning: msgspec.Raw = msgspec.Raw()
    reasoning_shapes: tuple[str, ...] = ()
    model: str = ""
    usage: _Usage = _Usage()
    tokens: float = UNKNOWN
    token_source: str = ""
    chunks: int = 0
    flags: tuple[str, ...] = ()


class _Failure(msgspec.Struct, tag="failure", gc=False):
    kind: str
    phase: str
    possibly_billed: bool = False


class _Timing(msgspec.Struct, frozen=True, gc=False):
    ttft_s: float = UNKNOWN
    ttfo_s: float = UNKNOWN
    tpot_s: float = UNKNOWN
    tpot_tokens: float = UNKNOWN
    tpot_basis: str = ""
    e2e_s: float = UNKNOWN
    stream_s: float = UNKNOWN
    max_stall_s: float = UNKNOWN
    first_bound_s: float | None = 0.0
    last_bound_s: float | None = 0.0
    gap_bound_s: float | None = 0.0
    stamp: str = "user"


class _GapTiming(_Timing, frozen=True, gc=False):
    icl_s: tuple[float, ...] = ()


class _Attempt(msgspec.Struct, gc=False):
    failure: _Failure
    sent_s: float


_NO_ANSWER = _Completion()
_USED = ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens")
_TIMED = ("ttft_s", "ttfo_s", "tpot_s", "tpot_tokens", "e2e_s", "stream_s", "max_stall_s")
_BOUNDS = ("first_bound_s", "last_bound_s", "gap_bound_s")
_COLUMNS = (  # `_Journal._row` gives them in this order
    "place", "key", "sample", "repeat", "session", "offset", "failure", "not_sent", "finish", "flags", "warnings",
    "attempts", "possibly_billed", "reasoned", "shapes", "served", "tokens", "token_source", "chunks", "tpot_basis",
    "cost_usd", "reported_cost_usd", "began_s", "sent_s", "took_s", *_USED, *_TIMED, *_BOUNDS,
)  # fmt: skip
_OF_META = ("size", "depth", "family", "cache", "question", "cluster")  # where the suite has ladders or clusters
_DTYPES = {"key": np.dtype("u8")} | {name: of.dtype for name, of in Requests.described().items()}
_used, _timed, _bounds = attrgetter(*_USED), attrgetter(*_TIMED), attrgetter(*_BOUNDS)
_UNBOUND = (UNKNOWN, UNKNOWN, UNKNOWN)  # not stamped by the kernel
_NOT_OF_A_LADDER = (0, UNKNOWN, 0, 0, NO_HASH)


def _decoder(*, meta: bool, gaps: bool) -> msgspec.json.Decoder[Any]:
    """Return a decoder of records, with the `meta` of their samples or without."""
    fields: list[Any] = [("task", str), ("id", str)]
    if meta:
        fields.append(("meta", dict[str, Any], {}))
    sample = msgspec.defstruct("Sample", fields, gc=False)
    timing = _GapTiming if gaps else _Timing
    record = msgspec.defstruct(
        "Record",
        [
            ("key", str), ("session", int), ("target", str), ("sample", sample), ("repeat", int),
            ("outcome", _Completion | _Failure), ("sent_s", float), ("timing", timing, timing()),
            ("took_s", float, UNKNOWN),
            ("cost_usd", str, ""), ("attempts", tuple[_Attempt, ...], ()), ("warnings", tuple[str, ...], ()),
        ],
        gc=False,
    )  # fmt: skip
    return msgspec.json.Decoder(record)


# ---------------------------------------------------------------- the journal


class _Journal:
    """The records of a journal while it is read, and what they are of."""

    def __init__(self, facts: RunFacts, *, gaps: bool) -> None:
        self._facts, manifest = facts, facts.manifest
        self.tasks, self.targets = list(manifest.fingerprints.tasks), list(manifest.targets)
        targets = manifest.targets.items()
        encrypted = {name for name, spec in targets if str(spec.get("base_url")).startswith("https")}
        self.gaps = Gaps(encrypted) if gaps else None
        suite = manifest.suite.get("tasks") or {}
        self._clusters = {name: task["cluster"] for name, task in suite.items() if task.get("cluster")}
        self._ladders = {name for name in suite if facts.is_ladder(name)}
        self._groups = {name: frozenset(facts.groups(name)) for name in suite}
        self._grouped = tuple(dict.fromkeys(field for name in suite for field in facts.groups(name)))
        self._decode = _decoder(meta=bool(self._ladders or self._clusters or self._grouped), gaps=gaps)
        self._has_meta = bool(self._ladders or self._clusters)
        columns = (*_COLUMNS, *_OF_META) if self._has_meta else _COLUMNS
        dtypes = {name: _DTYPES[name] for name in columns} | {META + field: GROUP for field in self._grouped}
        self._rows, self._gapped = Growing(dtypes), list[Any]()
        self._places: dict[Place, int] = {}
        self._kinds = {name: Kinds("") for name in ("failure", "finish", "served", "family", "cache")}
        self._kinds |= {name: Kinds(most=MOST_KINDS) for name in BITS}
        self._kinds |= {"token_source": Kinds(*TOKEN_SOURCES), "tpot_basis": Kinds(*TPOT_BASES)}
        self._kinds |= {META + field: Kinds("", most=MOST_VALUES) for field in self._grouped}

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """Return the texts behind the numbers of each column."""
        return {name: tuple(kinds) for name, kinds in self._kinds.items()}

    def number(self, column: str, text: str) -> int:
        """Return the number of a text that occurs; -1 for one that does not."""
        return self._kinds[column].get(text, -1)

    def read(self, path: Path) -> None:
        """Read all of it: records into rows, all else into the run's facts."""
        facts = self._facts
        facts.missing = not path.exists()
        if facts.missing:
            return
        waiting, decode, asked, line = self._rows.rows, self._decode.decode, facts.asked, None
        try:
            for line in scan(path):
                if line.kind != b"record":
                    facts.take(line)
                    continue
                record = decode(line.raw)
                asked.pop(record.key, None)
                waiting.append(self._row(record, line.offset))
                if self.gaps is not None:
                    self._gapped.append(record)
                if len(waiting) == BATCH:
                    self._flush()
        except NOT_DECODED:
            assert line is not None
            line.read(self._decode)  # says where
            raise
        self._flush()
        with storing(path):
            facts.torn = path.stat().st_size - (line.offset + len(line.raw) if line else 0)

    def _flush(self) -> None:
        self._rows.flush()
        if self.gaps is not None:
            self.gaps.add(self._gapped)
            self._gapped.clear()

    def _row(self, record: Any, offset: int) -> tuple[Any, ...]:
        outcome, sample, timing, attempts = record.outcome, record.sample, record.timing, record.attempts
        sent, cost, failed, kinds = record.sent_s, record.cost_usd, type(outcome) is _Failure, self._kinds
        answer = _NO_ANSWER if failed else outcome
        usage, said = answer.usage, answer.usage.reported_cost_usd
        row = (
            self._places.setdefault((sample.task, record.target), len(self._places)), record.key, digest(sample.id),
            record.repeat, record.session, offset,
            kinds["failure"][outcome.kind] if failed else 0, failed and outcome.phase == "not_sent",
            kinds["finish"][answer.finish_reason], kinds["flags"].bits(answer.flags) if answer.flags else 0,
            kinds["warnings"].bits(record.warnings) if record.warnings else 0, 1 + len(attempts),
            _billed(record) if failed or attempts else 0, len(answer.reasoning) > 0 or usage.reasoning_tokens > 0,
            kinds["shapes"].bits(answer.reasoning_shapes) if answer.reasoning_shapes else 0,
            kinds["served"][answer.model], answer.tokens, kinds["token_source"][answer.token_source], answer.chunks,
            kinds["tpot_basis"][timing.tpot_basis],
            float(cost) if cost else UNKNOWN, float(said) if said else UNKNOWN,
            _began(record) if failed or attempts else sent, sent, record.took_s,
        ) + _used(usage) + _timed(timing) + (_bounds(timing) if timing.stamp == "kernel" else _UNBOUND)  # fmt: skip
        if self._has_meta:
            row += self._of_meta(sample)
        return row + self._in_groups(sample) if self._grouped else row

    def _in_groups(self, sample: Any) -> tuple[int, ...]:
        """Return the number of a sample's value in each field that some task has in `meta`; 0 where its own has not."""
        mine, meta, kinds = self._groups.get(sample.task, ()), sample.meta, self._kinds
        return tuple(
            kinds[META + field][group_name(meta.get(field))] if field in mine else 0 for field in self._grouped
        )

    def _of_meta(self, sample: Any) -> tuple[Any, ...]:
        """Return size, depth, family, cache and question of a ladder's sample, nothing for a prime; and its cluster."""
        meta, drawn = sample.meta, NO_HASH
        size, depth, cache = meta.get("size"), meta.get("depth"), meta.get("cache")
        if (field := self._clusters.get(sample.task)) and meta.get(field) is not None:
            drawn = digest(f"{sample.task}\0{json.dumps(meta[field], sort_keys=True)}")
        if sample.task not in self._ladders or type(size) is not int or size <= 0 or cache == PRIME:
            return (*_NOT_OF_A_LADDER, drawn)
        warm = cache == "warm"
        return (
            size,
            float(depth) if isinstance(depth, int | float) else UNKNOWN,
            self._kinds["family"][str(meta.get("family") or sample.task)],
            self._kinds["cache"]["warm" if warm else "cold"],
            digest(sample.id.removesuffix(AGAIN) if warm else sample.id),
            drawn,
        )

    def columns(self, path: Path) -> dict[str, NDArray[Any]]:
        """Return the rows that are the last of their key, ordered by place, sample and repeat, and forget all."""
        found = self._rows.joined()
        self.tasks = list(dict.fromkeys((*self.tasks, *(task for task, _ in self._places))))
        self.targets = list(dict.fromkeys((*self.targets, *(target for _, target in self._places))))
        index, n = self.targets.index, len(self.tasks)
        numbers = [index(target) * n + self.tasks.index(task) for task, target in self._places]
        found["place"], key = _picked(np.array(numbers, np.int32), found["place"]), found["key"]
        _, last = np.unique(key[::-1], return_index=True)
        kept = len(key) - 1 - last
        if self.gaps is not None and len(kept) < len(key):
            stale = np.setdiff1d(np.arange(len(key)), kept, assume_unique=True)
            self.gaps.add(self._reread(path, found["offset"][stale].tolist()), sign=-1)
        kept = kept[np.lexsort([found[name][kept] for name in ("repeat", "sample", "place")])]
        return {name: _picked(found.pop(name), kept) for name in list(found)}

    def _reread(self, path: Path, offsets: list[int]) -> list[Any]:
        return [parse(raw, offset).read(self._decode) for offset, raw in lines_at(path, offsets)]


def _billed(record: Any) -> int:
    """Return how many attempts gave no answer and may have cost money."""
    lost = sum(attempt.failure.possibly_billed for attempt in record.attempts)
    return int(lost + (type(record.outcome) is _Failure and record.outcome.possibly_billed))


def _began(record: Any) -> float:
    """Return when the first attempt was sent; NaN where none was."""
    sent = [attempt.sent_s for attempt in record.attempts if attempt.failure.phase != "not_sent"]
    if type(record.outcome) is not _Failure or record.outcome.phase != "not_sent":
        sent.append(record.sent_s)
    return min(sent, default=UNKNOWN)


def _picked(values: NDArray[Any], at: NDArray[Any]) -> NDArray[Any]:
    """Return the values at some places, one value where all are the same."""
    if len(at) and 0 in (*values.strides, *at.strides):
        return np.broadcast_to(values[at[0]], len(at))
    return np.asarray(values[at])
