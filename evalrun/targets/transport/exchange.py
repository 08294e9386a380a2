"""What a transport tells of one request beside its answer: instants, how far it got, how it broke. No I/O here.

Instants are nanoseconds of `time.perf_counter_ns`, the one clock of this project; unknown is None.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import httpx

from evalrun.types import FailureKind, Phase

Stamp = Literal["kernel", "user"]
Piece = tuple[bytes, int, int]
"""Bytes of a body, the instant they arrived, and one before which no event that ends in them did."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and its answer, as `response.extensions["evalrun"]` shows it. It fills up as the answer comes.

    connect_ns: how long DNS, TCP and TLS took; 0 on a reused connection. sent_ns: the last byte of the request
    was handed to the kernel. stamp: `kernel` when every read of it was stamped by the kernel at arrival.
    close_delimited: only the closing of the connection ends this answer, so that a cut looks like an end.
    proxy: the environment variable whose proxy stood in between, if one did.
    """

    asked_ns: int
    phase: Phase = Phase.NOT_SENT
    connect_ns: int = 0
    reused: bool = False
    sent_ns: int | None = None
    first_byte_ns: int | None = None
    closed_ns: int | None = None
    stamp: Stamp = "user"
    close_delimited: bool = False
    proxy: str = ""


class Broken(httpx.TransportError):
    """A request that got no whole answer. Whether to send it again follows from `phase`, not from this class."""

    def __init__(self, kind: FailureKind, exchange: Exchange, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.phase = exchange.phase
        self.exchange = exchange


class TimedStream(Protocol):
    """What `response.stream` of this package's transports can do beyond httpx's `AsyncByteStream`."""

    async def read(self) -> list[Piece]:
        """Return every piece that has come, waiting for one; an empty list is the end."""

    def finish(self, grace_s: float = 1.0) -> None:
        """Want no more of the body: keep the connection if the answer ends within `grace_s`, else drop it."""

    async def aclose(self) -> None:
        """Drop the connection unless the answer came to its end or `finish` was called."""
