"""A run's folder -> a request table, in one lean pass over each file. Derives nothing but what became of each request.

Only what the columns need is decoded, by structs with a few of the fields of `types.Record`; what the journal leaves
out is unknown. Nothing of a text is kept: a million records take about 10 s of a processor, and 100 bytes each.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from evalrun.errors import StoreError
from evalrun.escape import clip
from evalrun.requests.latency import Gaps
from evalrun.requests.rows import HEADLINE, TOKEN_SOURCES, Bools, Names, Requests, Scores, State
from evalrun.requests.run import Place, RunFacts
from evalrun.store.disk import storing
from evalrun.store.lines import End, Lag, Line, Load, Served, Session, last_of_each, parse, scan
from evalrun.store.manifest import Manifest, read_manifest
from evalrun.store.reader import JOURNAL, notices
from evalrun.store.scores import NAME as SCORES
from evalrun.store.scores import read_header

BATCH = 1024
MOST_KINDS = 50  # of a free text that are told apart; the rest are counted together
OTHERS = "others"
AGAIN = "-again"  # ends the id of a warm sample: the question of the cold sample of that name, asked once more
PRIME = "prime"  # a prompt that is asked only to fill the cache for a warm one
NOT_A_SCORE = "score outside 0..1"

Column = NDArray[Any]
NAN = math.nan
_SOURCES = {name: number for number, name in enumerate(TOKEN_SOURCES)}


def read(folder: Path, *, gaps: bool = False) -> Requests:
    """Read a run's manifest, journal and scores, each once.

    gaps: collect the gaps between chunks too, which takes half as long again; percentiles of ICL need them.
    """
    manifest = read_manifest(folder)
    journal = _Journal(manifest, gaps=gaps)
    journal.read(folder / JOURNAL)
    return journal.table(folder)


def sample_hash(sample_id: str) -> int:
    """Return 64 bits that stand for a sample within its task."""
    return int.from_bytes(_digest(sample_id), "big")


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


# ---------------------------------------------------------------- as much of a record as is needed


class _Usage(msgspec.Struct, frozen=True, gc=False):
    prompt_tokens: float = NAN
    completion_tokens: float = NAN
    cached_tokens: float = NAN
    reasoning_tokens: float = NAN
    reported_cost_usd: str = ""


class _Completion(msgspec.Struct, tag="completion", gc=False):
    finish_reason: str = ""
    reasoning: msgspec.Raw = msgspec.Raw()
    usage: _Usage = _Usage()
    tokens: float = NAN
    token_source: str = ""
    chunks: int = 0
    flags: tuple[str, ...] = ()


class _Failure(msgspec.Struct, tag="failure", gc=False):
    kind: str
    phase: str
    possibly_billed: bool = False


class _Timing(msgspec.Struct, frozen=True, gc=False):
    ttft_s: float = NAN
    ttfo_s: float = NAN
    tpot_s: float = NAN
    e2e_s: float = NAN
    stream_s: float = NAN
    max_stall_s: float = NAN
    first_bound_s: float | None = 0.0
    last_bound_s: float | None = 0.0
    gap_bound_s: float | None = 0.0
    stamp: str = "user"


class _GapTiming(_Timing, frozen=True, gc=False):
    icl_s: tuple[float, ...] = ()


class _Attempt(msgspec.Struct, gc=False):
    failure: _Failure
    sent_s: float


class _Intent(msgspec.Struct, gc=False):
    key: str
    session: int
    target: str = ""
    task: str = ""


_INTENT = msgspec.json.Decoder(_Intent)
_NO_ANSWER = _Completion()
_COLUMNS = (  # `_Journal._row` gives them in this order
    "place", "key", "sample", "repeat", "session", "offset", "failure", "not_sent", "finish", "flags", "warnings",
    "attempts", "possibly_billed", "reasoned", "prompt_tokens", "cached_tokens", "completion_tokens",
    "reasoning_tokens", "tokens", "token_source", "chunks", "cost_usd", "reported_cost_usd", "began_s", "sent_s",
    "ttft_s", "ttfo_s", "tpot_s", "e2e_s", "stream_s", "max_stall_s", "first_bound_s", "last_bound_s", "gap_bound_s",
    "size", "depth", "family", "cache", "question", "cluster",
)  # fmt: skip
_DTYPES = {"key": np.dtype("u8")} | {name: of.dtype for name, of in Requests.described().items()}
_NONE = bytes(8)
_NOT_OF_A_LADDER = (0, NAN, 0, 0, _NONE)


def _decoder(fields: Iterable[str], *, gaps: bool) -> msgspec.json.Decoder[Any]:
    """Return a decoder of records with these fields of `meta`."""
    names = {f"f{number}": name for number, name in enumerate(fields)}
    meta = msgspec.defstruct("Meta", [(field, Any, None) for field in names], rename=names, gc=False)
    sample = msgspec.defstruct("Sample", [("task", str), ("id", str), ("meta", meta | None, None)], gc=False)
    timing = _GapTiming if gaps else _Timing
    record = msgspec.defstruct(
        "Record",
        [
            ("key", str), ("session", int), ("target", str), ("sample", sample), ("repeat", int),
            ("outcome", _Completion | _Failure), ("sent_s", float), ("timing", timing, timing()),
            ("cost_usd", str, ""), ("attempts", tuple[_Attempt, ...], ()), ("warnings", tuple[str, ...], ()),
        ],
        gc=False,
    )  # fmt: skip
    return msgspec.json.Decoder(record)


class _Kinds:
    """Texts told apart by number, `most` of them; the rest are others. first: what stands at 0."""

    def __init__(self, *first: str, most: int = 250) -> None:
        self._most, self.numbers = most, {text: number for number, text in enumerate(first)}

    def number(self, text: str) -> int:
        known = self.numbers.get(text)
        if known is not None:
            return known
        if len(self.numbers) >= self._most:
            return self.numbers.setdefault(OTHERS, len(self.numbers))
        return self.numbers.setdefault(text, len(self.numbers))

    def bits(self, texts: tuple[str, ...]) -> int:
        """Return a bit for each kind, which is what stands before the first colon of a text."""
        found = 0
        for text in texts:
            found |= 1 << self.number(clip(text.partition(":")[0].strip(), 60))
        return found

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(self.numbers)


# ---------------------------------------------------------------- the journal


class _Journal:
    """A journal while it is read."""

    def __init__(self, manifest: Manifest, *, gaps: bool) -> None:
        facts = RunFacts(folder=Path(), manifest=manifest)
        suite = manifest.suite.get("tasks") or {}
        self._manifest = manifest
        self._ladders = {name for name in suite if facts.is_ladder(name)}
        self._clusters = {name: task["cluster"] for name, task in suite.items() if task.get("cluster")}
        self._fields = ["size", "depth", "family", "cache", *self._clusters.values()]
        fields = dict.fromkeys(self._fields if self._ladders else self._clusters.values())
        self._meta = {name: f"f{number}" for number, name in enumerate(fields)}
        self._decode = _decoder(fields, gaps=gaps)
        self._places: dict[Place, int] = {}
        self._columns = {name: _Pieces(_DTYPES[name]) for name in _COLUMNS}
        self._rows: list[tuple[Any, ...]] = []
        self._gaps = Gaps() if gaps else None
        self._gapped: list[Any] = []
        self._failures, self._finishes = _Kinds(""), _Kinds("")
        self._families, self._caches = _Kinds(""), _Kinds("")
        self._flags, self._warnings = _Kinds(most=MOST_KINDS), _Kinds(most=MOST_KINDS)
        self._asked: dict[str, _Intent] = {}  # by key, an intent that has no record yet
        self._billed: Counter[Place] = Counter()
        self._lags: list[Lag] = []
        self._loads: list[Load] = []
        self._served: dict[str, str] = {}
        self._damaged: list[tuple[int, int]] = []
        self._unknown: Counter[str] = Counter()
        self._finished = self._finished_once = False
        self._missing, self._whole, self._torn = False, 0, 0

    def read(self, path: Path) -> None:
        """Read all of it."""
        self._missing = not path.exists()
        if self._missing:
            return
        for line in scan(path):
            self._whole = line.offset + len(line.raw)
            if line.kind == b"record":
                self._take_record(line)
            elif line.kind == b"intent":
                self._take_intent(line.read(_INTENT))
            else:
                self._take_event(line)
        with storing(path):
            self._torn = path.stat().st_size - self._whole
        self._flush()
        for intent in self._asked.values():
            self._billed[intent.task, intent.target] += 1

    def _take_event(self, line: Line) -> None:
        if not line.kind:
            self._damaged.append((line.offset, len(line.raw)))
            return
        event = line.event()
        if isinstance(event, Lag):
            self._lags.append(event)
        elif isinstance(event, Load):
            self._loads.append(event)
        elif isinstance(event, Served):
            self._served[event.target] = event.note
        elif isinstance(event, End | Session):
            self._finished = isinstance(event, End) and event.reason == "finished"
            self._finished_once |= self._finished
        elif event is None:
            self._unknown[line.kind.decode()] += 1

    def _take_intent(self, intent: _Intent) -> None:
        earlier = self._asked.get(intent.key, intent)
        if earlier.session != intent.session:  # its session never learned what became of its request
            self._billed[earlier.task, earlier.target] += 1
        self._asked[intent.key] = intent

    def _take_record(self, line: Line) -> None:
        record = line.read(self._decode)
        self._asked.pop(record.key, None)
        self._rows.append(self._row(record, line.offset))
        if self._gaps is not None:
            self._gapped.append(record)
        if len(self._rows) == BATCH:
            self._flush()

    def _row(self, record: Any, offset: int) -> tuple[Any, ...]:
        outcome, sample, timing, attempts = record.outcome, record.sample, record.timing, record.attempts
        sent, cost, failed = record.sent_s, record.cost_usd, type(outcome) is _Failure
        answer = _NO_ANSWER if failed else outcome
        usage = answer.usage
        known = timing.stamp == "kernel"
        return (
            self._places.setdefault((sample.task, record.target), len(self._places)), record.key, _digest(sample.id),
            record.repeat, record.session, offset,
            self._failures.number(outcome.kind) if failed else 0, failed and outcome.phase == "not_sent",
            self._finishes.number(answer.finish_reason), self._flags.bits(answer.flags) if answer.flags else 0,
            self._warnings.bits(record.warnings) if record.warnings else 0, 1 + len(attempts),
            _billed(record) if failed or attempts else 0, len(answer.reasoning) > 0 or usage.reasoning_tokens > 0,
            usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens, usage.reasoning_tokens, answer.tokens,
            _SOURCES[answer.token_source], answer.chunks,
            float(cost) if cost else NAN, float(usage.reported_cost_usd) if usage.reported_cost_usd else NAN,
            _began(record) if failed or attempts else sent, sent,
            timing.ttft_s, timing.ttfo_s, timing.tpot_s, timing.e2e_s, timing.stream_s, timing.max_stall_s,
            timing.first_bound_s if known else None, timing.last_bound_s if known else None,
            timing.gap_bound_s if known else None,
            *(self._ladder(sample) if sample.task in self._ladders else _NOT_OF_A_LADDER),
            self._cluster(sample) if self._clusters and sample.task in self._clusters else _NONE,
        )  # fmt: skip

    def _ladder(self, sample: Any) -> tuple[Any, ...]:
        """Return size, depth, family, cache and question of a ladder's sample; nothing for a prime."""
        size, depth, family, cache = (getattr(sample.meta, self._meta[name], None) for name in self._fields[:4])
        if type(size) is not int or size <= 0 or cache == PRIME:
            return _NOT_OF_A_LADDER
        return (
            size,
            float(depth) if isinstance(depth, int | float) else NAN,
            self._families.number(str(family or sample.task)),
            self._caches.number("warm" if cache == "warm" else "cold"),
            _digest(sample.id.removesuffix(AGAIN) if cache == "warm" else sample.id),
        )

    def _cluster(self, sample: Any) -> bytes:
        value = getattr(sample.meta, self._meta[self._clusters[sample.task]], None)
        return _NONE if value is None else _digest(json.dumps(value, sort_keys=True))

    def _flush(self) -> None:
        """Turn the rows that wait into arrays."""
        for name, values in zip(_COLUMNS, zip(*self._rows, strict=True), strict=False):
            self._columns[name].add(values)
        self._rows.clear()
        if self._gaps is not None:
            self._gaps.add(self._gapped)
            self._gapped.clear()

    # ------------------------------------------------------------ all of it

    def table(self, folder: Path) -> Requests:
        """Return the table, and forget everything."""
        header = read_header(folder)
        found = {name: pieces.joined() for name, pieces in self._columns.items()}
        tasks = list(dict.fromkeys((*self._manifest.fingerprints.tasks, *(task for task, _ in self._places))))
        targets = list(dict.fromkeys((*self._manifest.targets, *(target for _, target in self._places))))
        numbers = [targets.index(target) * len(tasks) + tasks.index(task) for task, target in self._places]
        found["place"] = np.array(numbers or [0], np.int32)[found["place"]]
        kept, stale = _last_of_each(found)
        if self._gaps is not None and len(stale):
            self._gaps.add(self._reread(folder / JOURNAL, found["offset"][stale]), sign=-1)
        columns = {name: _taken(found.pop(name), kept) for name in list(found)}
        key = columns.pop("key")
        refused = columns["failure"] == self._failures.numbers.get("context_length", -1)
        is_ladder = np.array([task in self._ladders for task in tasks] or [False])
        columns["refused"] = refused & is_ladder[columns["place"] % len(is_ladder)]
        scores, errors = read_scores(folder, votes=bool((columns["repeat"] > 0).any()))
        scorers = self._scorers(header.labels if header else {}, tasks, tuple(scores))
        aligned = _aligned(scores, key, columns["failure"] == 0)
        aligned[HEADLINE] = _headline(aligned, scorers, tasks, columns["place"])
        columns["state"] = _states(columns, aligned[HEADLINE], truncated=self._finishes.numbers.get("length", -1))
        return Requests(
            self._facts(folder, header.scorers if header else "", scorers), columns, names=self._names(errors),
            tasks=tasks, targets=targets, scores=aligned, gaps=self._gaps,
        )  # fmt: skip

    def _scorers(
        self, labels: Mapping[str, tuple[str, ...]], tasks: list[str], found: tuple[str, ...]
    ) -> dict[str, tuple[str, ...]]:
        """Return the scorers of each task: as the scores say, else as the suite does, else in the order of scores."""
        suite = self._manifest.suite.get("tasks") or {}
        own = {
            name: tuple(scorer.get("name") or scorer["kind"] for scorer in task.get("scorers") or ())
            for name, task in suite.items()
        }
        return {task: labels.get(task) or own.get(task) or found for task in tasks}

    def _names(self, errors: tuple[str, ...]) -> Names:
        return Names(
            failures=self._failures.texts, finishes=self._finishes.texts, families=self._families.texts,
            caches=self._caches.texts, errors=errors, flags=self._flags.texts, warnings=self._warnings.texts,
        )  # fmt: skip

    def _facts(self, folder: Path, scored_by: str, scorers: Mapping[str, tuple[str, ...]]) -> RunFacts:
        condition = notices(missing=self._missing, torn=self._torn, damaged=self._damaged, unknown=self._unknown)
        return RunFacts(
            folder=folder, manifest=self._manifest, scorers=scorers, scored_by=scored_by,
            lags=tuple(last_of_each(self._lags)), loads=tuple(self._loads), served=self._served,
            finished=self._finished, finished_once=self._finished_once, billed=dict(self._billed),
            condition=tuple(condition),
        )  # fmt: skip

    def _reread(self, path: Path, offsets: Column) -> list[Any]:
        with storing(path), path.open("rb") as file:
            lines = []
            for offset in offsets.tolist():
                file.seek(offset)
                lines.append(parse(file.readline(), offset).read(self._decode))
        return lines


class _Pieces:
    """A column while it grows: an array for each batch, or one value where all of a batch are alike."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype, self._pieces = dtype, list[tuple[Column, int]]()

    def add(self, values: tuple[Any, ...]) -> None:
        """Take in the values of a batch: numbers, or the 8 bytes of each, or their 16 hexadecimal digits."""
        n, first = len(values), values[0]
        if values.count(first) == n:  # the same NaN counts as alike: a default is one object
            values = values[:1]
        if isinstance(first, str):
            piece = np.frombuffer(bytes.fromhex("".join(values)), ">u8").astype(self._dtype)
        elif isinstance(first, bytes):
            piece = np.frombuffer(b"".join(values), ">u8").astype(self._dtype)
        else:
            piece = np.array(values, self._dtype)
        self._pieces.append((piece, n))

    def joined(self) -> Column:
        """Return the whole column, and forget the pieces."""
        pieces, self._pieces = self._pieces, []
        n = sum(length for _, length in pieces)
        if not n:
            return np.empty(0, self._dtype)
        first = pieces[0][0][0]
        if all(
            len(piece) == 1 and (piece[0] == first or (piece[0] != piece[0] and first != first)) for piece, _ in pieces
        ):
            return np.broadcast_to(first, n)
        whole, at = np.empty(n, self._dtype), 0
        for number, (piece, length) in enumerate(pieces):
            whole[at : at + length] = piece
            at += length
            pieces[number] = (piece[:0], 0)
        return whole


def _billed(record: Any) -> int:
    """Return how many attempts gave no answer and may have cost money."""
    lost = sum(attempt.failure.possibly_billed for attempt in record.attempts)
    return int(lost + (type(record.outcome) is _Failure and record.outcome.possibly_billed))


def _began(record: Any) -> float:
    """Return when the first attempt was sent; NaN where none was."""
    sent = [attempt.sent_s for attempt in record.attempts if attempt.failure.phase != "not_sent"]
    if type(record.outcome) is not _Failure or record.outcome.phase != "not_sent":
        sent.append(record.sent_s)
    return min(sent, default=NAN)


def _last_of_each(columns: Mapping[str, Column]) -> tuple[Column, Column]:
    """Return the rows that are the last of their key, ordered by place, sample and repeat, and the other rows."""
    key = columns["key"]
    _, last = np.unique(key[::-1], return_index=True)
    kept = len(key) - 1 - last
    stale = np.setdiff1d(np.arange(len(key)), kept, assume_unique=True) if len(kept) < len(key) else kept[:0]
    return kept[np.lexsort([columns[name][kept] for name in ("repeat", "sample", "place")])], stale


def _taken(column: Column, rows: Column) -> Column:
    return np.broadcast_to(column[0], len(rows)) if len(column) and column.strides == (0,) else column[rows]


# ---------------------------------------------------------------- the scores


class _Score(msgspec.Struct, gc=False):
    value: float | None = None
    answer: msgspec.Raw = msgspec.Raw()
    means: msgspec.Raw = msgspec.Raw()  # see `types.Score.vote`
    disputed: bool = False
    error: str | None = None


class _Scored(msgspec.Struct, gc=False):
    key: str
    scorer: str
    score: _Score


_SCORED = msgspec.json.Decoder(_Scored)


def read_scores(folder: Path, *, votes: bool = False) -> tuple[dict[str, dict[str, Column]], tuple[str, ...]]:
    """Read a run's scores once: columns by scorer, with keys, and the kinds of errors."""
    path, errors = folder / SCORES, _Kinds("", most=MOST_KINDS)
    names = ("key", *Scores.described())
    dtypes = {"key": np.dtype("u8")} | {name: of.dtype for name, of in Scores.described().items()}
    pieces: dict[str, dict[str, _Pieces]] = {}
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for scored, offset in _scored(path):
        mine = rows.setdefault(scored.scorer, [])
        mine.append(_score_row(scored, offset, errors, votes=votes))
        if len(mine) == BATCH:
            _add(pieces.setdefault(scored.scorer, {name: _Pieces(dtypes[name]) for name in names}), mine)
    for scorer, mine in rows.items():
        _add(pieces.setdefault(scorer, {name: _Pieces(dtypes[name]) for name in names}), mine)
    found = {scorer: {name: piece.joined() for name, piece in columns.items()} for scorer, columns in pieces.items()}
    return found, errors.texts


def _add(pieces: dict[str, _Pieces], rows: list[tuple[Any, ...]]) -> None:
    for name, values in zip(pieces, zip(*rows, strict=True), strict=False):
        pieces[name].add(values)
    rows.clear()


def _scored(path: Path) -> Iterator[tuple[_Scored, int]]:
    if not path.exists():
        return
    with storing(path), path.open("rb", buffering=1 << 20) as file:
        offset = len(next(file, b""))  # the header
        for raw in file:
            try:
                yield _SCORED.decode(raw), offset
            except msgspec.DecodeError as error:
                where = f"{path}: the score at byte {offset} is damaged"
                raise StoreError(f"{where} ({error}); regenerate it: evalrun score {path.parent}") from error
            offset += len(raw)


def _score_row(scored: _Scored, offset: int, errors: _Kinds, *, votes: bool) -> tuple[Any, ...]:
    score, value = scored.score, scored.score.value
    why = "" if value is not None else score.error or "no score"
    if value is not None and not 0 <= value <= 1:  # NaN and infinity too: never clamped, never in a mean
        value, why = None, NOT_A_SCORE
    answered = len(score.answer) > 0 and bytes(score.answer) != b"null"
    error = errors.number(clip(why.partition(":")[0].strip(), 60)) if why else 0
    says = score.means or score.answer
    vote = blake2b(says, digest_size=8).digest() if votes and len(says) > len(b'""') and answered else _NONE
    disputed = score.disputed and value is not None
    return scored.key, NAN if value is None else value, True, disputed, answered, error, offset, vote


def _aligned(scores: Mapping[str, dict[str, Column]], key: Column, answered: Bools) -> dict[str, dict[str, Column]]:
    """Return the scores in the order of the rows. Of several for a key the last counts; a failure has none."""
    found = {}
    for scorer, columns in scores.items():
        keys = columns.pop("key")
        known, last = np.unique(keys[::-1], return_index=True)
        at = np.minimum(np.searchsorted(known, key), len(known) - 1)
        has = (known[at] == key) & answered
        source = len(keys) - 1 - last[at]
        found[scorer] = {
            name: np.where(has, columns[name][source], of.unknown).astype(of.dtype, copy=False)
            for name, of in Scores.described().items()
        }
    return found


def _headline(
    scores: Mapping[str, dict[str, Column]], scorers: Mapping[str, tuple[str, ...]], tasks: list[str], place: Column
) -> dict[str, Column]:
    """Return what the first scorer of each row's task says of it."""
    first = [scorers[task][0] if scorers.get(task) else "" for task in tasks]
    if len(set(first)) == 1 and first[0] in scores:
        return scores[first[0]]
    found = {name: np.array(of.nothing(len(place))) for name, of in Scores.described().items()}
    for number, scorer in enumerate(first):
        mine = place % len(tasks) == number
        for name, column in scores.get(scorer, {}).items():
            found[name][mine] = column[mine]
    return found


def _states(columns: Mapping[str, Column], scores: Mapping[str, Column], *, truncated: int) -> Column:
    """Return the `State` of each row.

    A wrong answer counts as `NO_ANSWER` only where the scorer names an answer for some other request of the task and
    target: many never do.
    """
    value, place = scores["value"], columns["place"]
    unknown = np.isnan(value)
    found = np.where(value == 1, State.RIGHT, State.WRONG).astype(np.int8)
    names = np.unique(place[scores["answered"] & ~unknown])
    found[(value == 0) & ~scores["answered"] & np.isin(place, names)] = State.NO_ANSWER
    found[scores["disputed"]] = State.DISPUTED
    found[unknown] = State.UNSCORED
    found[columns["finish"] == truncated] = State.TRUNCATED
    found[columns["failure"] != 0] = State.FAILED
    return found
