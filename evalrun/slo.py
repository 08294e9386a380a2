"""Service-level objectives: latency limits of a good request. Parses them and checks latencies; counts nothing.

    slo: {ttft: 2 s, tpot: 50 ms, e2e: 30 s}

Each latency is defined in docs/metrics.md.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from evalrun.errors import StoreError
from evalrun.escape import clip
from evalrun.types import Json

TIME = r"([0-9]{1,7}(\.[0-9]{1,9})?|\.[0-9]{1,9}) *(ms|s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """The limit of each latency in seconds; None where there is no limit."""

    ttft: float | None = None
    tpot: float | None = None
    e2e: float | None = None

    def __bool__(self) -> bool:
        """Return whether there is any limit."""
        return bool(self.stated)

    @property
    def stated(self) -> dict[str, float]:
        """Return the limits that are set, by name."""
        return {name: most for name, most in asdict(self).items() if most is not None}

    def __str__(self) -> str:
        """Return it as text: `TTFT 2 s, TPOT 50 ms`."""
        return in_words(self.stated)


def in_words(stated: Mapping[str, float]) -> str:
    """Return latencies and the most seconds of each as text: `TTFT 2 s, TPOT 50 ms`."""
    texts = {name: f"{most:.9g} s" if most >= 1 else f"{most * 1000:.9g} ms" for name, most in stated.items()}
    return ", ".join(f"{name.upper()} {text}" for name, text in texts.items()) or "none"


def read(suite: Mapping[str, Json]) -> Slo:
    """Return the SLO of a suite as recorded in a run's manifest."""
    try:
        return Slo(**{name: seconds(text) for name, text in (suite.get("slo") or {}).items() if text is not None})
    except (AttributeError, TypeError, ValueError) as error:
        raise StoreError(f"manifest.json: slo: {error}; restore it from a copy of the folder") from error


def seconds(text: str) -> float:
    """Parse a time with its unit: `2 s`, `50 ms`. Raise ValueError with what would be right."""
    found = re.fullmatch(TIME, text)
    if found is None:
        raise ValueError(f"{clip(text, 60)!r} is not a time with a unit; write e.g. 2 s or 800 ms")
    value = float(Decimal(found[1]) / (1000 if found[3] == "ms" else 1))  # exact: 35 ms is 0.035 s
    if not value:
        raise ValueError(f"{text!r} cannot be met; write a time above 0")
    return value


class Kept(NamedTuple):
    """Whether a request was within every limit, and whether it was beyond one. Neither: unknown."""

    within: Any
    beyond: Any


def kept(slo: Slo, *, ttft: Any, tpot: Any, e2e: Any) -> Kept:
    """Check the latencies of a request, or arrays of them, against an SLO. Unknown is NaN; failures are not looked at.

    An answer that came in one burst has no TPOT. It is within the limit if the time from its first to its last token
    is: TPOT is that time divided by 1 or more.
    """
    within: Any = True
    beyond: Any = False
    values = {"ttft": ttft, "tpot": tpot, "e2e": e2e}
    for name, most in slo.stated.items():
        burst = name == "tpot" and (e2e - ttft <= most)
        within, beyond = within & ((values[name] <= most) | burst), beyond | (values[name] > most)
    return Kept(within, beyond)
