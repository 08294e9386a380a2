"""What a transport tells of one request beside its answer: instants, how far it got, how it broke. No I/O here.

Instants are nanoseconds of `time.perf_counter_ns`, the one clock of this project; unknown is None.
"""

from dataclasses import dataclass
from typing import Literal

import httpx

from evalrun.types import FailureKind, Phase

Stamp = Literal["kernel", "user"]
Piece = tuple[bytes, int, int]
"""Bytes of a body, the instant they arrived, and one before which no event that ends in them did."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and its answer, as `response.extensions["evalrun"]` shows it. It fills up as the answer comes.

    connect_ns: how long DNS, TCP and TLS took; 0 on a reused connection.
    sent_ns: the last byte of the request was handed to the kernel.
    stamp: `kernel` when every read of it was stamped by the kernel at arrival.
    proxy: the environment variable whose proxy was used, if any.
    """

    asked_ns: int
    phase: Phase = Phase.NOT_SENT
    connect_ns: int = 0
    reused: bool = False
    sent_ns: int | None = None
    first_byte_ns: int | None = None
    closed_ns: int | None = None
    stamp: Stamp = "user"
    proxy: str = ""


class Broken(httpx.TransportError):
    """A request that got no whole answer. Whether to send it again follows from `phase`, not from this class."""

    def __init__(self, kind: FailureKind, exchange: Exchange, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.phase = exchange.phase
        self.exchange = exchange
