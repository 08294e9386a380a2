"""The request table as data for other programs: Parquet, CSV and JSON lines, with the texts. Derives no number.

    requests --batches--> Arrow record batches --> requests.parquet in the run's folder, or any of FORMATS

One row per request, in the order in which the requests were recorded. Memory is that of one batch: the texts are read
again from the journal as the batches are written. docs/results.md describes the columns.
"""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from evalrun import escape
from evalrun.errors import StoreError, SuiteError
from evalrun.requests.rows import Requests, State
from evalrun.stats.interval import Whole
from evalrun.store.checked import NOT_DECODED
from evalrun.store.disk import replace_file
from evalrun.store.lines import lines_at, parse
from evalrun.store.reader import JOURNAL
from evalrun.store.scores import NAME as SCORES

NAME = "requests.parquet"
VERSION = 1  # of the columns: raised when one changes its meaning or goes
MOST_ROWS = 16_384  # of a batch, which is a row group of the Parquet file
MOST_BYTES = 16 * 2**20  # of a batch's lines in the journal: answers may be long

_TOKENS = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
_SECONDS = (
    "sent_s", "took_s", "ttft_s", "ttfo_s", "tpot_s", "tpot_tokens", "e2e_s", "stream_s", "max_stall_s",
    "first_bound_s", "last_bound_s", "gap_bound_s",
)  # fmt: skip
_FIXED = (
    *((name, pa.string()) for name in ("run", "suite", "task", "target", "sample")),
    ("repeat", pa.int32()), ("session", pa.int32()), ("at", pa.string()), ("key", pa.string()),
    ("expected", pa.string()), ("answer", pa.string()), ("extracted", pa.string()), ("rule", pa.string()),
    ("state", pa.string()), ("failure", pa.string()), ("failure_message", pa.string()), ("finish_reason", pa.string()),
    ("attempts", pa.int32()), ("possibly_billed", pa.int32()), ("model", pa.string()),
    *((name, pa.int64()) for name in (*_TOKENS, "tokens")), ("token_source", pa.string()), ("chunks", pa.int32()),
    *((name, pa.float64()) for name in _SECONDS), ("tpot_basis", pa.string()),
    ("cost_usd", pa.float64()), ("reported_cost_usd", pa.float64()),
    ("cost_at_least", pa.bool_()), ("reasoning_shapes", pa.list_(pa.string())),
    ("flags", pa.list_(pa.string())), ("warnings", pa.list_(pa.string())),
)  # fmt: skip


class _Sample(msgspec.Struct, gc=False):
    id: str
    expected: str | None = None
    meta: dict[str, Any] = {}


class _Completion(msgspec.Struct, tag="completion", gc=False):
    text: str
    model: str = ""


class _Failure(msgspec.Struct, tag="failure", gc=False):
    message: str


class _Record(msgspec.Struct, gc=False):
    key: str
    at: str
    sample: _Sample
    outcome: _Completion | _Failure


class _MetaOfSample(msgspec.Struct, gc=False):
    meta: dict[str, Any] = {}


class _Meta(msgspec.Struct, gc=False):
    sample: _MetaOfSample


class _Extracted(msgspec.Struct, gc=False):
    answer: str | None = None
    rule: str = ""


class _Scored(msgspec.Struct, gc=False):
    score: _Extracted


_RECORD = msgspec.json.Decoder(_Record)
_META = msgspec.json.Decoder(_Meta)
_SCORED = msgspec.json.Decoder(_Scored)


# ---------------------------------------------------------------- columns


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of some runs: the fixed ones, one for each field of `meta` and one for each scorer."""

    schema: pa.Schema
    meta: tuple[str, ...]
    scorers: tuple[str, ...]


def layout(runs: Sequence[Requests]) -> Layout:
    """Return the columns that hold all of these runs.

    A field of `meta` is a number, a Boolean or a text where it is one wherever it is given, and JSON text elsewhere.
    """
    kinds: dict[str, set[type]] = {}
    for requests in runs:
        for meta in _metas(requests):
            for name, value in meta.items():
                kinds.setdefault(name, set()).add(type(value))
    names = (name for requests in runs for of_task in requests.run.scorers.values() for name in of_task)
    scorers = tuple(dict.fromkeys(names))
    fields = [
        *_FIXED,
        *((f"meta.{name}", _meta_type(found)) for name, found in sorted(kinds.items())),
        *((f"score.{name}", pa.float64()) for name in scorers),
    ]
    return Layout(pa.schema(fields, {"evalrun.requests": str(VERSION)}), tuple(sorted(kinds)), scorers)


def _metas(requests: Requests) -> Iterator[dict[str, Any]]:
    for offset, raw in lines_at(requests.run.folder / JOURNAL, map(int, np.sort(requests.offset))):
        if b'"meta":' in raw:
            yield parse(raw, offset).read(_META).sample.meta


def _meta_type(kinds: set[type]) -> pa.DataType:
    known = kinds - {type(None)}
    if known == {bool}:
        return pa.bool_()
    if known == {int}:
        return pa.int64()
    return pa.float64() if known and known <= {int, float} else pa.string()


# ---------------------------------------------------------------- rows


def batches(runs: Sequence[Requests], columns: Layout) -> Iterator[pa.RecordBatch]:
    """Yield the requests of some runs as record batches with these columns."""
    for requests in runs:
        order, begin = np.argsort(requests.offset), 0
        lines = lines_at(requests.run.folder / JOURNAL, map(int, requests.offset[order]))
        while records := _records(lines):
            rows = order[begin : begin + len(records)]
            yield _batch(requests.take(rows), records, columns)
            begin += len(rows)


def _records(lines: Iterator[tuple[int, bytes]]) -> list[_Record]:
    """Return the next records, fewer where they are long."""
    found, size = [], 0
    for offset, raw in lines:
        found.append(parse(raw, offset).read(_RECORD))
        size += len(raw)
        if size > MOST_BYTES or len(found) == MOST_ROWS:
            break
    return found


def _batch(rows: Requests, records: list[_Record], columns: Layout) -> pa.RecordBatch:
    found = _numbers(rows) | _texts(rows, records)
    extracted = _extracted(rows.run.folder / SCORES, rows.scores().offset)
    found["extracted"] = [one.answer for one in extracted]
    found["rule"] = [one.rule or None for one in extracted]
    for name in columns.scorers:
        found[f"score.{name}"] = _floats(rows.scores(name).value)
    for name in columns.meta:
        values = [record.sample.meta.get(name) for record in records]
        field = columns.schema.field(f"meta.{name}")
        found[field.name] = [_as_text(value) for value in values] if field.type == pa.string() else values
    arrays = [
        one if isinstance(one := found[field.name], pa.Array) else pa.array(one, field.type) for field in columns.schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=columns.schema)


def _numbers(rows: Requests) -> dict[str, Any]:
    whole = {name: rows.column(name).astype(np.int32) for name in ("repeat", "session", "attempts", "possibly_billed")}
    counted = {name: _whole(rows.column(name)) for name in (*_TOKENS, "tokens")}
    measured = {name: _floats(rows.column(name)) for name in (*_SECONDS, "cost_usd", "reported_cost_usd")}
    return {**whole, **counted, **measured, "chunks": rows.chunks.astype(np.int32), "cost_at_least": rows.at_least}


def _texts(rows: Requests, records: list[_Record]) -> dict[str, Any]:
    n, names, run = len(rows), rows.names, rows.run
    places = [divmod(place, len(rows.tasks)) for place in rows.place.tolist()]
    answers = [one.outcome if isinstance(one.outcome, _Completion) else None for one in records]
    return {
        "run": [run.folder.absolute().name] * n,
        "suite": [run.manifest.suite_name] * n,
        "task": [rows.tasks[task] for _, task in places],
        "target": [rows.targets[target] for target, _ in places],
        "sample": [record.sample.id for record in records],
        "at": [record.at for record in records],
        "key": [record.key for record in records],
        "expected": [record.sample.expected for record in records],
        "answer": [answer and answer.text for answer in answers],
        "model": [answer and (answer.model or None) for answer in answers],
        "failure_message": [one.outcome.message if isinstance(one.outcome, _Failure) else None for one in records],
        "state": [State(state).name.lower() for state in rows.state.tolist()],
        "failure": _text(rows, "failure"),
        "finish_reason": _text(rows, "finish"),
        "token_source": _text(rows, "token_source"),
        "reasoning_shapes": _named(rows.shapes, names["shapes"]),
        "tpot_basis": _text(rows, "tpot_basis"),
        "flags": _named(rows.flags, names["flags"]),
        "warnings": _named(rows.warnings, names["warnings"]),
    }


def _text(rows: Requests, column: str) -> list[str | None]:
    names = rows.names[column]
    return [names[code] or None for code in rows.column(column).tolist()]


def _named(bits: Whole, names: Sequence[str]) -> list[list[str]]:
    """Return the names of the bits of each row."""
    sets, which = np.unique(bits, return_inverse=True)
    texts = [[name for bit, name in enumerate(names) if one >> bit & 1] for one in sets.tolist()]
    return [texts[place] for place in which.tolist()]


def _floats(values: Any) -> pa.Array:
    return pa.array(np.asarray(values, np.float64), mask=np.isnan(values))


def _whole(values: Any) -> pa.Array:
    unknown = ~np.isfinite(values)
    return pa.array(np.where(unknown, 0, values).astype(np.int64), mask=unknown)


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _extracted(scores: Path, offsets: Whole) -> list[_Extracted]:
    """Return what was taken for the answer by the scores at these offsets; nothing where one is negative."""
    found = [_Extracted()] * len(offsets)
    known = np.flatnonzero(offsets >= 0)
    try:
        for row, (_, raw) in zip(known.tolist(), lines_at(scores, offsets[known].tolist()), strict=True):
            found[row] = _SCORED.decode(raw).score
    except NOT_DECODED as error:
        raise StoreError(f"{scores}: changed while it was read ({error}); try again") from error
    return found


# ---------------------------------------------------------------- formats


def parquet(runs: Sequence[Requests]) -> Iterator[bytes]:
    """Yield the bytes of a Parquet file. The same runs give the same bytes, with the same version of pyarrow."""
    import pyarrow.parquet as pq

    columns, sink = layout(runs), _Sink()
    with pq.ParquetWriter(sink, columns.schema, compression="zstd", store_schema=True) as writer:
        for batch in batches(runs, columns):
            writer.write_batch(batch)
            yield sink.taken()
    yield sink.taken()


def jsonl(runs: Sequence[Requests]) -> Iterator[bytes]:
    """Yield JSON lines: an object a request, unknown is null."""
    columns = layout(runs)
    for batch in batches(runs, columns):
        lines = (json.dumps(_without_infinities(row), ensure_ascii=False) for row in batch.to_pylist())
        yield "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def comma_separated(runs: Sequence[Requests]) -> Iterator[bytes]:
    """Yield CSV after RFC 4180, with `\\n` ends; unknown is empty, lists are joined by spaces.

    Texts are encoded for spreadsheets, which would run some of them as formulas; the other formats hold them as is.
    """
    columns = layout(runs)
    yield _csv_lines([columns.schema.names])
    for batch in batches(runs, columns):
        yield _csv_lines([_cell(value) for value in row.values()] for row in batch.to_pylist())


FORMATS: dict[str, Callable[[Sequence[Requests]], Iterator[bytes]]] = {
    "parquet": parquet,
    "csv": comma_separated,
    "jsonl": jsonl,
}


def encoded(form: str, runs: Iterable[Requests]) -> Iterator[bytes]:
    """Return the bytes of some runs in one of the formats. Raises SuiteError for a format that is not in `FORMATS`."""
    if form not in FORMATS:
        raise SuiteError(f"format: {form!r} is unknown; use {', '.join(FORMATS)}")
    return FORMATS[form](list(runs))


def write(requests: Requests) -> Path:
    """Write `requests.parquet` into the run's folder."""
    path = requests.run.folder / NAME
    replace_file(path, parquet([requests]))
    return path


def arrow(runs: Sequence[Requests]) -> pa.Table:
    """Return some runs as one Arrow table, which is as large as all their texts."""
    columns = layout(runs)
    return pa.Table.from_batches(batches(runs, columns), schema=columns.schema)


def _without_infinities(row: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


def _csv_lines(rows: Iterable[Iterable[Any]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = " ".join(value)
    return escape.csv(value) if isinstance(value, str) else value


class _Sink(io.RawIOBase):
    """A file that only keeps what was written since it was last asked."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._at += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._at

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        found = b"".join(self._parts)
        self._parts.clear()
        return found
