"""Tokens to dollars, exactly, and the budget that a run may spend. It knows no provider and rounds nothing.

Prices are US dollars per one million tokens. A price or a count that is unknown makes the cost unknown: never 0,
never a part of the sum.
"""

from collections.abc import Callable
from decimal import Context, Decimal, Inexact, localcontext
from typing import TYPE_CHECKING, Protocol

import msgspec

from evalrun.types import Usage, Value

if TYPE_CHECKING:  # what reads a journal needs no event loop
    from asyncio import Event

TEMPLATE_TOKENS = 1024
"""Room for what the server's chat template adds: role markers, a built-in system message, the date."""

MOST_FOR_WRITTEN = 2
"""A token that is written to a cache costs up to so many times the prompt price (Anthropic, kept for an hour)."""
AT_LEAST = frozenset({"usage_mismatch", "cache_written"})
"""Flags of answers that may have cost more than `cost` says."""

_EXACT = Context(prec=200, traps=[Inexact])
_MILLION = Decimal(1_000_000)


class Prices(Protocol):
    """What a target charges per one million tokens. cached: for prompt tokens from the provider's cache."""

    @property
    def prompt(self) -> Decimal: ...
    @property
    def completion(self) -> Decimal: ...
    @property
    def cached(self) -> Decimal | None: ...


def cost(usage: Usage, prices: Prices) -> Decimal | None:
    """Return the cost in US dollars, or None when a count or a price it needs is unknown.

        (prompt - cached) x prompt price + cached x cached price + completion x completion price

    A server that sends no cached count is taken to have cached nothing, which never makes it too low where cached
    tokens are the cheaper ones.
    """
    prompt, completion, cached = usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens or 0
    if prompt is None or completion is None or cached > prompt or (cached and prices.cached is None):
        return None
    with localcontext(_EXACT):
        fresh = (prompt - cached) * prices.prompt
        return (fresh + cached * (prices.cached or 0) + completion * prices.completion) / _MILLION


def most(usage: Usage, prices: Prices) -> Decimal | None:
    """Return the most that an answer may have cost by its counts, or by the server's own figure where that is more.

    None when `cost` is unknown.
    """
    least = cost(usage, prices)
    if least is None:
        return None
    more = (usage.most_completion_tokens or 0) - (usage.completion_tokens or 0)
    written = (usage.written_tokens or 0) * (MOST_FOR_WRITTEN - 1)
    with localcontext(_EXACT):
        counted = least + (max(more, 0) * prices.completion + written * prices.prompt) / _MILLION
    return max(counted, usage.reported_cost_usd or Decimal(0))


def implausible(usage: Usage, *, body_bytes: int, most_tokens: int | None) -> bool:
    """Return whether a count is larger than the request allows: its prompt (see `worst_case`), or its token limit.

    Reasoning is not counted against the limit, which some providers apply to the answer alone.
    """
    answer = (usage.completion_tokens or 0) - (usage.reasoning_tokens or 0)
    return (usage.prompt_tokens or 0) > body_bytes + TEMPLATE_TOKENS or (
        most_tokens is not None and answer > most_tokens
    )


def warnings(usage: Usage, prices: Prices) -> tuple[str, ...]:
    """Say what a reader of the cost must know."""
    found: list[str] = []
    cached, priced = usage.cached_tokens or 0, cost(usage, prices)
    if usage.prompt_tokens is not None and cached > usage.prompt_tokens:
        found.append(f"cost unknown: {cached} cached of {usage.prompt_tokens} prompt tokens cannot be")
    elif cached and prices.cached is None:
        found.append(f"cost unknown: {cached} cached tokens without a cached price; set prices.cached")
    if disagreement(priced, usage.reported_cost_usd):
        found.append(f"reported cost differs: ${usage.reported_cost_usd:f}, the price list gives ${priced:f}")
    return tuple(found)


def disagreement(cost_usd: Decimal | None, reported_usd: Decimal | None) -> bool:
    """Say whether the server's own figure is over 1 % away from ours. Unknown agrees with everything."""
    if cost_usd is None or reported_usd is None:
        return False
    return abs(reported_usd - cost_usd) * 100 > cost_usd


def worst_case(body_bytes: int, most_tokens: int, prices: Prices, seen: "Overrun | None" = None) -> Decimal:
    """Return the most that a request can cost, before it is sent. Premise: the server honours its limits.

    A token stands for at least one byte of text and the body holds all of the text, so the body has at least as
    many bytes as the prompt has tokens; what the chat template adds is TEMPLATE_TOKENS.
    seen: what the target billed beyond that before.
    """
    highest = max(prices.prompt, prices.cached or Decimal(0))
    prompt, completion, percent = body_bytes + TEMPLATE_TOKENS, most_tokens, 100
    if seen is not None:
        prompt = _grown(prompt, seen.prompt_tokens, seen.prompt_percent)
        completion = _grown(completion, seen.completion_tokens, seen.completion_percent)
        percent = seen.cost_percent
    with localcontext(_EXACT):
        return (prompt * highest + completion * prices.completion) / _MILLION * percent / 100


class Overrun(Value, frozen=True):
    """What a target billed beyond the worst case of its requests: the most so far, of each kind.

    *_tokens: tokens beyond those that were allowed. *_percent: of those that were allowed. cost_percent: of the cost
    that the tokens explain (tokens written to a cache, the server's own figure).
    """

    prompt_tokens: int = 0
    prompt_percent: int = 100
    completion_tokens: int = 0
    completion_percent: int = 100
    cost_percent: int = 100

    def after(self, usage: Usage, charged: Decimal, *, body_bytes: int, most_tokens: int, prices: Prices) -> "Overrun":
        """Return what is to be expected after an answer that was charged so much: itself, if it covers that."""
        if charged <= worst_case(body_bytes, most_tokens, prices, self):
            return self
        allowed = body_bytes + TEMPLATE_TOKENS
        prompt = usage.prompt_tokens or 0
        completion = max(usage.completion_tokens or 0, usage.most_completion_tokens or 0)
        grown = Overrun(
            prompt_tokens=max(self.prompt_tokens, prompt - allowed),
            prompt_percent=max(self.prompt_percent, _percent(prompt, allowed)),
            completion_tokens=max(self.completion_tokens, completion - most_tokens),
            completion_percent=max(self.completion_percent, _percent(completion, most_tokens)),
            cost_percent=self.cost_percent,
        )
        explained = worst_case(body_bytes, most_tokens, prices, grown)
        if not 0 < explained < charged:
            return grown
        more = int(grown.cost_percent * charged / explained) + 1
        return msgspec.structs.replace(grown, cost_percent=more)


def _grown(allowed: int, tokens: int, percent: int) -> int:
    return max(allowed + tokens, -(-allowed * percent // 100))


def _percent(part: int, whole: int) -> int:
    return -(-100 * part // whole)


SURE = 2
"""How many times their worst case the requests in flight together may always cost without passing the cap."""
DOUBT = 32
"""How many times, after the first answer of a target; so many answers later it is `SURE`."""


def doubt(answers: int) -> int | None:
    """Return how many times its worst case a request is to fit under the cap, where others are in flight.

    answers: of the target, since it last billed more than was set aside. None: it is to go alone.
    """
    return max(SURE, DOUBT // answers) if answers else None


class Budget:
    """What a run may spend, in US dollars: every request reserves its worst case first, so the sum stays below the cap.

        reserve --> sent --> settle (what it cost, or None: unknown, charged in full)
                \\-> not sent --> release

    A request that costs more than it reserved is booked as it is. So the cap is passed at most by what those that are
    in flight together at the end cost beyond their reservations: `doubt` keeps these few.

    spent: settled. reserved: out with requests in flight. assumed: the part of spent that no usage confirmed.
    """

    def __init__(self, cap: Decimal | None = None) -> None:
        self.cap = cap
        self.spent = self.reserved = self.assumed = Decimal(0)
        self._waiting: list[Event] = []

    def reserve(self, usd: Decimal, *, doubt: int | None = 1) -> bool:
        """Set `usd` aside, or return False when the cap does not allow it, or not beside those that are in flight."""
        if self.cap is not None:
            times = 1 if not self.reserved else doubt
            if times is None or self.spent + times * (self.reserved + usd) > self.cap:
                return False
        self.reserved += usd
        return True

    async def take(self, usd: Callable[[], Decimal], doubt: Callable[[], int | None]) -> Decimal | None:
        """Set aside what a request may cost, as soon as those in flight allow it; None where the cap never will.

        usd, doubt: read again after each settlement.
        """
        from asyncio import Event

        while not self.reserve(wanted := usd(), doubt=doubt()):
            if not self.reserved:
                return None
            self._waiting.append(freed := Event())
            await freed.wait()
        return wanted

    def settle(self, reserved: Decimal, cost_usd: Decimal | None) -> None:
        """Book what a request cost against what it had `reserved`. A server that charged more is booked as it is."""
        self.release(reserved)
        if cost_usd is None:
            self.assumed += reserved
        self.spent += reserved if cost_usd is None else cost_usd

    def release(self, reserved: Decimal) -> None:
        """Release what was `reserved` for a request that cost nothing."""
        self.reserved -= reserved
        for freed in self._waiting:
            freed.set()
        self._waiting.clear()

    def left(self) -> Decimal | None:
        """Return what is neither spent nor reserved; None without a cap."""
        return None if self.cap is None else max(Decimal(0), self.cap - self.spent - self.reserved)
