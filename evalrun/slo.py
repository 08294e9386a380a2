"""Service-level objectives: the most seconds that a good request may take. Reading them, holding latencies to them.

    slo: {ttft: 2 s, tpot: 50 ms, e2e: 30 s}

What each latency is, and when it is unknown, is docs/metrics.md's. Nothing is counted here (`table`, `compare`).
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from evalrun.escape import clip
from evalrun.types import Json

TIME = r"([0-9]{1,7}(\.[0-9]{1,9})?|\.[0-9]{1,9}) *(ms|s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """The most seconds of each latency; None where nothing is promised of it."""

    ttft: float | None = None
    tpot: float | None = None
    e2e: float | None = None

    def __bool__(self) -> bool:
        """Whether anything is promised."""
        return (self.ttft, self.tpot, self.e2e) != (None, None, None)

    @property
    def stated(self) -> dict[str, float]:
        """Return what is promised, and nothing else; empty where nothing is."""
        return {name: most for name, most in asdict(self).items() if most is not None}

    def __str__(self) -> str:
        """Write it as people do: `TTFT 2 s, TPOT 50 ms`."""
        each = (f"{name.upper()} {_typed(most)}" for name, most in self.stated.items())
        return ", ".join(each) or "none"


def read(suite: Mapping[str, Json]) -> Slo:
    """Return the SLO of a suite as a run's manifest has it; one of an earlier version has none."""
    return Slo(**{name: seconds(text) for name, text in (suite.get("slo") or {}).items() if text is not None})


def seconds(text: str) -> float:
    """Read a time with its unit: `2 s`, `50 ms`. A mistake is a `ValueError` that says what would be right."""
    found = re.fullmatch(TIME, text)
    if found is None:
        raise ValueError(f"{clip(text, 60)!r} is no time with a unit; write e.g. 2 s or 800 ms")
    value = float(Decimal(found[1]) / (1000 if found[3] == "ms" else 1))  # exact: 35 ms is 0.035 s
    if not value:
        raise ValueError(f"{text!r} can be kept by nobody; write a time above 0")
    return value


class Kept(NamedTuple):
    """Whether a request was within every SLO, and whether it was beyond one. Neither: it cannot be said."""

    within: Any
    beyond: Any


def kept(slo: Slo, *, ttft: Any, tpot: Any, e2e: Any) -> Kept:
    """Hold the latencies of a request, or arrays of them, to an SLO. Unknown is NaN. Failures are the caller's.

    An answer that came at once, as one token does, has no TPOT; the time from its first token to its last is then
    known to be short, and no limit of it can have been passed: TPOT is that time divided by 1 or more.
    """
    within: Any = True
    beyond: Any = False
    if slo.ttft is not None:
        within, beyond = within & (ttft <= slo.ttft), beyond | (ttft > slo.ttft)
    if slo.tpot is not None:
        within = within & ((tpot <= slo.tpot) | (e2e - ttft <= slo.tpot))
        beyond = beyond | (tpot > slo.tpot)
    if slo.e2e is not None:
        within, beyond = within & (e2e <= slo.e2e), beyond | (e2e > slo.e2e)
    return Kept(within, beyond)


def _typed(most: float) -> str:
    return f"{most:.9g} s" if most >= 1 else f"{most * 1000:.9g} ms"
