"""Whether a failed request is sent again, and when. Pure decisions: no clock, no socket, no sleeping.

A decision is a function of how far the request got, what the server said and what was already tried,
never of an exception's class. `docs/faults.md` has the rules and why:

- not sent whole, or answered 408, 409, 429 or 5xx: sending again is safe;
- sent whole, and no end came: the outcome is unknown and it may have been billed, so at most `unknown` resends;
- the server asked for a wait: after it, again and again, as long as answers come between;
- the server understood and said no: never again, and where it would say no to everybody, the target stops.
"""

from collections import Counter
from dataclasses import dataclass
from random import Random

from evalrun.types import Completion, Failure, Outcome

STOPS = frozenset({"auth", "quota", "no_model", "not_found", "tls", "redirect"})  # true of every request to this target
OUTAGE = frozenset({"dns", "connect", "timeout_connect"})  # no server: wait for the network, use up no attempt
MOMENTARY = STOPS | OUTAGE | {"rate_limited", "client_resource"}  # says something of the moment, not of the sample
MOST_WAITS = 20  # times that one request waits as asked
FRUITLESS = 8  # waits in a row after which no answer came: the next one would not help either
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
    """Send again after `wait_s`; `everybody` waits when the server asked the whole client to slow down.

    asked: the server named the wait; then the resend costs neither an attempt nor a part of the retry budget.
    """

    wait_s: float
    everybody: bool = False
    asked: bool = False


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


def decide(
    failure: Failure, rules: Rules, *, tried: int, unknown_tried: int, random: Random, waited: int = 0
) -> Decision:
    """Say what to do about `failure`, the `tried`-th attempt of its request (1 = the first).

    tried: without those that were waited out as asked; their number is `waited`.
    unknown_tried: how many of the earlier attempts had an unknown outcome.
    """
    if failure.kind in STOPS:
        return StopTarget(failure.message)
    if failure.kind in OUTAGE:
        return Outage()
    if failure.retry_after_s is not None and failure.retry_after_s > rules.max_wait_s:
        return StopTarget(
            f"{failure.message}; it asks to wait {failure.retry_after_s:.0f} s, over {rules.max_wait_s:.0f} s"
            " (limits.retries.max_wait_s)"
        )
    if failure.kind in FINAL:
        return GiveUp()
    if asks_to_wait(failure):
        wait_s = backoff_s(failure, rules, tried=tried, random=random)
        return Resend(wait_s, everybody=True, asked=True) if waited < MOST_WAITS else GiveUp()
    if tried >= rules.attempts:
        return GiveUp()
    if failure.possibly_billed and unknown_tried >= rules.unknown:
        return GiveUp()
    return Resend(backoff_s(failure, rules, tried=tried, random=random), everybody=failure.kind == "rate_limited")


def asks_to_wait(failure: Failure) -> bool:
    """Say whether a refusal names a wait after which the request may come again, for free."""
    return failure.kind in ("rate_limited", "server") and bool(failure.retry_after_s) and not failure.possibly_billed


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
    """At most one retry in ten requests, plus ten: a storm of failures is not doubled by resending it.

    Rate limits have such a budget of their own, so that each is used up by its own cause alone.
    """

    def __init__(self, share: float = 0.1, spare: int = 10) -> None:
        self._share, self._spare = share, spare
        self.requests = 0
        self.causes: Counter[str] = Counter()

    def take(self, cause: str) -> bool:
        """Take one retry out of the budget because of `cause`; False when none is left."""
        if self.causes.total() + 1 > self._spare + self._share * self.requests:
            return False
        self.causes[cause] += 1
        return True

    def used_by(self) -> str:
        """Return what used it up, as `12 x server, 3 x reset`."""
        return ", ".join(f"{count} x {cause}" for cause, count in self.causes.most_common(4))
