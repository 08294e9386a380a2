"""The body of one answer as it comes: unpacked where it was compressed, with its first bytes looked at. No HTTP.

What an answer is, is told by its bytes before its content type: event streams come as JSON, JSON as event streams.
"""

import re
from collections.abc import Sequence
from typing import Literal, Protocol

from evalrun.targets.transport.exchange import Piece
from evalrun.wire.coding import Unpacker, coding_of
from evalrun.wire.nested import loads
from evalrun.wire.sse import BOM

Framing = Literal["events", "lines", "whole"]
_ENOUGH = 8  # bytes that tell a stream of events from anything else
_EVENTS = re.compile(rb"(data|event|id|retry|error)?:")


class PieceStream(Protocol):
    """What a transport gives: the pieces that have come, an empty list at the end."""

    async def read(self) -> list[Piece]: ...


class Body:
    """The pieces of one answer, to be read once. coding: its Content-Encoding. limit: most bytes of it, unpacked.

    `read` and `start` raise Broken, and CodingError where it cannot be unpacked.
    """

    def __init__(self, stream: PieceStream, *, coding: str, limit: int) -> None:
        self._stream = stream
        self._coding, self._limit = coding, limit
        self._unpacker: Unpacker | None = None
        self._held: list[Piece] = []
        self._began = False

    @property
    def packed(self) -> bool:
        """Whether it came compressed."""
        return self._unpacker is not None

    async def read(self) -> list[Piece]:
        """Return every piece that has come, waiting for one; an empty list is the end."""
        if self._held:
            held, self._held = self._held, []
            return held
        batch = await self._stream.read()
        if not self._began and batch:
            self._began = True
            if coding := coding_of(self._coding, batch[0][0]):
                self._unpacker = Unpacker(coding, limit=self._limit)
        if self._unpacker is None:
            return batch
        return [(self._unpacker.feed(data), at_ns, since_ns) for data, at_ns, since_ns in batch]

    async def start(self, *, enough: int = _ENOUGH) -> bytes:
        """Return the first bytes that are not blank: at least `enough`, unless the body ends before. They stay."""
        held: list[Piece] = []
        start = b""
        while len(start) < enough and (batch := await self.read()):
            held += batch
            start = b"".join(data for data, *_ in held).removeprefix(BOM).lstrip()
        self._held = held
        return start

    async def all(self, limit: int | None = None) -> list[Piece]:
        """Return what is left, up to the limit; a body that is longer is cut after the piece that passes it.

        limit: of this part, by default that of the whole.
        """
        most = self._limit if limit is None else min(limit, self._limit)
        pieces: list[Piece] = []
        size = 0
        while size <= most and (batch := await self.read()):
            pieces += batch
            size += sum(len(data) for data, *_ in batch)
        return pieces

    async def framing(self, *, said_events: bool) -> Framing:
        """Return how the body is framed, by its first bytes. said_events: its content type is that of event streams."""
        start = await self.start(enough=1 if said_events else _ENOUGH)
        if start[:1] == b"{":
            return "lines"
        if (said_events and start[:1] not in (b"[", b'"', b"<")) or _EVENTS.match(start):
            return "events"
        return "whole"


class HeldPieces:
    """Pieces that were read already, to be read again: a `PieceStream`."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = list(pieces)

    async def read(self) -> list[Piece]:
        """Return them all, then nothing."""
        pieces, self._pieces = self._pieces, []
        return pieces


def are_lines(body: bytes) -> bool:
    """Say whether a body is JSON objects, one a line, and not one object."""
    first, end, rest = body.lstrip().partition(b"\n")
    if not end or not rest.lstrip().startswith(b"{"):
        return False
    try:
        loads(first)
    except ValueError:
        return False
    return True
