"""What goes wrong on purpose, as it is typed, and which request it hits. Not here: how an answer breaks (`server`).

The dice of a fault depend on the seed, its place in the list and the number of the request in the order of arrival,
so a request that is sent again has another chance.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Literal

from pydantic import Field, model_validator

from evalrun.spec import Spec


class _Fault(Spec):
    """When a fault happens. Of several, the first that hits a request counts."""

    share: float = Field(default=1.0, gt=0, le=1)
    """Share of the chat requests that it hits, of those that no fault before it in the list has hit."""
    burst: int = Field(default=1, ge=1)
    """Number of requests hit in a row."""
    from_s: float = Field(default=0.0, ge=0)
    """Seconds after the start of the server from which on it happens."""
    until_s: float | None = Field(default=None, gt=0)
    """Seconds after the start of the server at which it stops; without it, never. Share 1 makes it an outage."""
    after_chunks: int = Field(default=0, ge=0)
    """Number of chunks of tokens before it happens; 0 is before the first byte of the answer. In a shorter answer it
    happens before the last chunk; an answer that is not streamed has one."""

    @model_validator(mode="after")
    def _lasts(self) -> "_Fault":
        if self.until_s is not None and self.until_s <= self.from_s:
            raise ValueError("until_s must be above from_s")
        return self


class ErrorFault(_Fault):
    """An error object: as a response with a status or, after chunks, as an event that ends the stream."""

    kind: Literal["error"]
    status: int = Field(default=503, ge=400, le=599)
    """HTTP status."""
    retry_after_s: float | None = Field(default=None, ge=0)
    """Seconds in the header Retry-After; without it, no such header."""


class ResetFault(_Fault):
    """A TCP reset in the middle of an answer."""

    kind: Literal["reset"]


class CloseFault(_Fault):
    """A connection that is closed in the middle of an answer."""

    kind: Literal["close"]


class TruncateFault(_Fault):
    """A well-formed response with half an answer: its stream has no finish reason, no usage and no end marker."""

    kind: Literal["truncate"]


class StallFault(_Fault):
    """An answer that pauses."""

    kind: Literal["stall"]
    stall_s: float = Field(gt=0)
    """Seconds of the pause."""


BreakingFault = ErrorFault | ResetFault | CloseFault | TruncateFault
"""A fault after which an answer does not go on."""
Fault = BreakingFault | StallFault


class Freeze(Spec):
    """A time in which nothing is written; everything that was due in it is written at its end."""

    from_s: float = Field(ge=0)
    """Seconds after the start of the server at which it begins."""
    until_s: float = Field(gt=0)
    """Seconds after the start of the server at which it ends."""

    @model_validator(mode="after")
    def _lasts(self) -> "Freeze":
        if self.until_s <= self.from_s:
            raise ValueError("until_s must be above from_s")
        return self


class Faults:
    """The faults of a server, and how many requests their bursts still hit."""

    def __init__(self, faults: Sequence[Fault], *, seed: int) -> None:
        self._faults, self._seed = faults, seed
        self._left = [0] * len(faults)

    def hit(self, number: int, *, at_s: float) -> Fault | None:
        """Return what hits request `number`, which arrived `at_s` seconds after the start."""
        for place, fault in enumerate(self._faults):
            if not fault.from_s <= at_s < (at_s + 1 if fault.until_s is None else fault.until_s):
                continue
            if not self._left[place] and self._dice(place, number) < _begins(fault.share, fault.burst):
                self._left[place] = fault.burst
            if self._left[place]:
                self._left[place] -= 1
                return fault
        return None

    def _dice(self, place: int, number: int) -> float:
        return int.from_bytes(sha256(f"{self._seed} fault {place} {number}".encode()).digest()[:7]) / 2**56


def _begins(share: float, burst: int) -> float:
    """Return the probability p that a burst begins, so that the long-run share p b / (1 - p + p b) is `share`."""
    return share / (burst * (1 - share) + share)
