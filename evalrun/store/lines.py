"""The journal's lines: what each says, how it is written, how a damaged file is read. No writing to disk.

One line is one JSON object that starts with its checksum and its type:

    {"crc":"5e1f0c2a","t":"record","key":"00ab...","session":1,...}
            |          '----------- CRC-32 of these bytes, up to the newline
            '-- 8 hex digits

so `jq 'select(.t == "record") | .outcome.text' journal.jsonl` works, and so does grep. The checksum is of the exact
bytes. A line without its newline is torn; one whose checksum does not fit is damaged. Within a format version types and
fields are only ever added: a reader leaves out the types it does not know.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import msgspec

from evalrun.errors import StoreError
from evalrun.price import Overrun
from evalrun.store.checked import NOT_DECODED, sealed
from evalrun.store.disk import reading
from evalrun.types import Json, Record, Value


class Session(Value, frozen=True):
    """The run was started, for the n-th time (from 1). `started` is UTC."""

    n: int
    started: str
    pid: int
    host: str
    evalrun: str


class Intent(Value, frozen=True):
    """A request is about to be sent: without a record after it, it may have been billed.

    reserved_usd: what was set aside for it, where the run has prices. target, task: whose it is.
    """

    key: str
    session: int
    attempt: int
    at: str
    reserved_usd: Decimal | None = None
    target: str = ""
    task: str = ""


class Served(Value, frozen=True):
    """A target was opened. note: what tables made from it must say. facts: what the server is, where we started it."""

    session: int
    target: str
    note: str = ""
    facts: Mapping[str, Json] = {}


class Measured(Record, frozen=True):
    """The record of a request that measured how long prompts are: it is paid for like any other, and in no table."""


class Calibrated(Value, frozen=True):
    """How long a probe's prompts are for a target, measured with `requests` requests. Later sessions use it again."""

    session: int
    target: str
    probe: str
    scale: Json
    requests: int


class Overran(Value, frozen=True):
    """A target billed more than was set aside for a request. seen: what is set aside for later ones, from here on."""

    session: int
    target: str
    seen: Overrun


LoadReason = Literal["planned", "open files", "refused", "recovered"]


class Load(Value, frozen=True):
    """How many requests of a task were in flight to a target at most, from an instant on until the next such line.

    at_s: since the session's start, on the clock of `Record.sent_s`.
    limit: the most in flight. After a cut, requests that were sent before it may still exceed it for a while.
    why: what set the limit. "planned": the suite, the target or the command line; "open files": this machine allows
    no more sockets; "refused": the server answered 429; "recovered": it no longer does.
    """

    session: int
    target: str
    task: str
    at_s: float
    limit: int
    why: LoadReason


class Lag(Value, frozen=True):
    """How late the client itself was in one session, asking one task of one target. `source`: what was sampled.

    It is noted again and again while the session lasts, which may end by SIGKILL: the last line of a session, task and
    target counts.
    """

    session: int
    target: str
    task: str
    count: int
    p50_s: float
    p99_s: float
    max_s: float
    source: str


class End(Value, frozen=True):
    """The session ended on purpose. `finished` means that nothing is left to ask."""

    session: int
    reason: str


JournalEvent = Session | Served | Measured | Calibrated | Overran | Load | Intent | Record | Lag | End

_DECODERS = {of.__name__.lower().encode(): msgspec.json.Decoder(of) for of in get_args(JournalEvent)}
_ENCODER = msgspec.json.Encoder()
_HEAD = re.compile(rb'\{"crc":"([0-9a-f]{8})","t":"([a-z_]+)",')
_BODY = len(b'{"crc":"00000000",')  # where the checked bytes start
_KIND = _BODY + len(b'"t":"')
T = TypeVar("T")


def to_json(value: Any) -> bytes:
    """Encode a value; half a surrogate pair, which UTF-8 cannot carry, becomes U+FFFD."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return _ENCODER.encode(_joined(msgspec.to_builtins(value)))


def _joined(value: Any) -> Any:
    """Join surrogate pairs and replace the halves that are alone, in every text of a JSON value."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_joined(key): _joined(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_joined(item) for item in value]
    return value


def encode(event: JournalEvent) -> bytes:
    """Write an event as one line, newline included."""
    return sealed(b'{"t":"%b",%b\n' % (type(event).__name__.lower().encode(), to_json(event)[1:]))


class Line(msgspec.Struct, frozen=True):
    """One line of the journal, newline included. kind: its type; empty when it is damaged."""

    offset: int
    raw: bytes
    kind: bytes = b""

    def event(self) -> JournalEvent | None:
        """Decode it; None for a damaged line and for a type this version does not know."""
        decoder = _DECODERS.get(self.kind)
        return None if decoder is None else self.read(decoder)

    def read(self, decoder: msgspec.json.Decoder[T]) -> T:
        """Decode it as something of which its JSON has at least the fields."""
        try:
            return decoder.decode(self.raw)
        except NOT_DECODED as error:  # its checksum fits, so this is what was written
            raise StoreError(
                f"journal.jsonl: the {self.kind.decode()} at byte {self.offset} cannot be read ({error}); "
                "read the folder with the version of evalrun that wrote it"
            ) from error


def scan(path: Path, end: int | None = None) -> Iterator[Line]:
    """Return a journal's lines one by one, damaged ones too; memory is that of the longest line.

    end: stop at this offset. What follows the last newline is not a line and is left out.
    """
    offset = 0
    with reading(path) as file:
        for raw in file:
            if not raw.endswith(b"\n") or (end is not None and offset >= end):
                return
            if raw.startswith(b'{"crc":"%08x","t":"' % zlib.crc32(raw[_BODY:-1])):  # as `parse`: the hot path
                yield Line(offset, raw, raw[_KIND : raw.index(b'"', _KIND)])
            else:
                yield from _rescue(offset, raw)
            offset += len(raw)


def lines_at(path: Path, offsets: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """Yield each offset with the line of a file that begins there. Ascending ones are read from one buffer.

    A file of which nothing is asked may be missing.
    """
    left = iter(offsets)
    if (first := next(left, None)) is None:
        return
    with reading(path) as file:
        for offset in chain((first,), left):
            file.seek(offset)
            yield offset, file.readline()


def parse(raw: bytes, offset: int = 0) -> Line:
    """Check one line."""
    whole = raw.endswith(b"\n") and raw.startswith(b'{"crc":"%08x","t":"' % zlib.crc32(raw[_BODY:-1]))
    return Line(offset, raw, raw[_KIND : raw.index(b'"', _KIND)] if whole else b"")


def _rescue(offset: int, raw: bytes) -> Iterator[Line]:
    """Return the whole line at the end of a damaged one, if the damage swallowed the newline between two."""
    for head in _HEAD.finditer(raw, 1):
        at = head.start()
        if (line := parse(raw[at:], offset + at)).kind:
            yield Line(offset, raw[:at])
            yield line
            return
    yield Line(offset, raw)
