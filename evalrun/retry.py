"""Whether a failed request is sent again, and when. Pure decisions: no clock, no socket, no sleeping.

A decision is a function of how far the request got, what the server said and what was already tried,
never of an exception's class. `docs/faults.md` has the rules and why:

- not sent whole, or answered 408, 409, 429 or 5xx: sending again is safe;
- sent whole, and no end came: the outcome is unknown and it may have been billed, so at most `unknown` resends;
- the server understood and said no: never again, and where it would say no to everybody, the target stops.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

from evalrun.types import Completion, Failure, Outcome

STOPS = frozenset({"auth", "quota", "no_model", "tls", "redirect"})  # true of every request to this target
OUTAGE = frozenset({"dns", "connect", "timeout_connect"})  # no server: wait for the network, use up no attempt
MOMENTARY = STOPS | OUTAGE | {"rate_limited", "client_resource"}  # says something of the moment, not of the sample
FINAL = frozenset(
    {"bad_request", "context_length", "content_filter", "too_large", "not_sse", "empty", "protocol"}
    | {"deadline", "bad_chunk", "too_big", "runaway", "client_resource"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the suite allows. Waits in seconds. backoff_s: the first and the longest wait."""

    attempts: int = 6
    unknown: int = 1
    max_wait_s: float = 120.0
    backoff_s: tuple[float, float] = (0.5, 60.0)


@dataclass(frozen=True, slots=True)
class Resend:
    """Send again after `wait_s`; `everybody` waits when the server asked the whole client to slow down."""

    wait_s: float
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Keep the failure; other requests go on."""


@dataclass(frozen=True, slots=True)
class Outage:
    """The server cannot be reached: hold this request until it can. It costs the sample no attempt."""


@dataclass(frozen=True, slots=True)
class StopTarget:
    """No request to this target can succeed; `why` is for the person who can fix it."""

    why: str


Decision = Resend | GiveUp | Outage | StopTarget


def decide(failure: Failure, rules: Rules, *, tried: int, unknown_tried: int, random: Random) -> Decision:
    """Say what to do about `failure`, the `tried`-th attempt of its request (1 = the first).

    unknown_tried: how many of the earlier attempts had an unknown outcome.
    """
    if failure.kind in STOPS:
        return StopTarget(failure.message)
    if failure.kind in OUTAGE:
        return Outage()
    if failure.retry_after_s is not None and failure.retry_after_s > rules.max_wait_s:
        return StopTarget(
            f"{failure.message}; it asks to wait {failure.retry_after_s:.0f} s, over {rules.max_wait_s:.0f} s"
        )
    if failure.kind in FINAL or _refused_in_band(failure) or tried >= rules.attempts:
        return GiveUp()
    if failure.possibly_billed and unknown_tried >= rules.unknown:
        return GiveUp()
    return Resend(backoff_s(failure, rules, tried=tried, random=random), everybody=failure.kind == "rate_limited")


def _refused_in_band(failure: Failure) -> bool:
    """Whether an error inside a 200 answer names a status that would be final as an answer's own."""
    return failure.kind == "in_band" and 400 <= (failure.status or 0) < 500 and failure.status not in (408, 409, 429)


def backoff_s(failure: Failure, rules: Rules, *, tried: int, random: Random) -> float:
    """Return the wait before the next attempt: what the server asked plus up to 1 s, else full-jitter back-off."""
    if failure.retry_after_s is not None and failure.retry_after_s > 0:
        return failure.retry_after_s + random.random()
    first_s, longest_s = rules.backoff_s
    ceiling = min(longest_s, first_s * 2 ** (tried - 1))
    return random.uniform(0, ceiling)


def settled(outcome: Outcome) -> bool:
    """Whether a resume leaves this outcome alone; a failure of the moment is asked again."""
    return isinstance(outcome, Completion) or not (outcome.momentary or outcome.kind in MOMENTARY)


class RetryBudget:
    """At most one retry in ten requests, plus ten: a storm of failures is not doubled by resending it."""

    def __init__(self, share: float = 0.1, spare: int = 10) -> None:
        self._share, self._spare = share, spare
        self.requests = 0
        self.retries = 0

    def take(self) -> bool:
        """Take one retry out of the budget; False when none is left."""
        if self.retries + 1 > self._spare + self._share * self.requests:
            return False
        self.retries += 1
        return True


# ---------------------------------------------------------------- what the server asked for

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_EPOCH = 1_000_000_000  # a "wait" above this is an instant, not a duration


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the wait the server asked for, in seconds; None when it asked for none or for nonsense.

    headers: names in lower case. now: used only when the answer has no Date header of its own, since the
    server's clock is the one its dates are written by. The largest of several wishes wins.
    """
    server_now = _http_date(headers.get("date", "")) or now
    wishes = [
        _seconds_or_date(headers.get("retry-after", ""), server_now),
        _scaled(headers.get("retry-after-ms", ""), 0.001),
        *(_reset(value, server_now) for name, value in headers.items() if name.startswith("x-ratelimit-reset")),
    ]
    valid = [wish for wish in wishes if wish is not None and wish > 0]
    return max(valid, default=None)


def _number(text: str) -> float | None:
    """Read a plain decimal number; NaN, infinities, signs and exponents are nonsense here."""
    return float(text) if re.fullmatch(r"\d{1,15}(\.\d{1,9})?", text.strip()) else None


def _scaled(text: str, unit_s: float) -> float | None:
    number = _number(text)
    return None if number is None else number * unit_s


def _seconds_or_date(text: str, now: datetime) -> float | None:
    number = _number(text)
    if number is not None:
        return number
    date = _http_date(text)
    return None if date is None else (date - now).total_seconds()


def _reset(text: str, now: datetime) -> float | None:
    """Read `6m0s`, `88ms`, `1.5`, epoch seconds or epoch milliseconds."""
    number = _number(text)
    if number is not None:
        if number > _EPOCH * 1000:
            number /= 1000
        return number - now.timestamp() if number > _EPOCH else number
    match = _DURATION.fullmatch(text.strip())
    if not match or not any(match.groups()):
        return None
    hours, minutes, seconds, millis = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + millis / 1000


def _http_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
