"""Tokens to dollars, exactly, and the budget that a run may spend. It knows no provider and rounds nothing.

Prices are US dollars per one million tokens. A price or a count that is unknown makes the cost unknown: never 0,
never a part of the sum.
"""

from decimal import Context, Decimal, Inexact, localcontext
from typing import Protocol

from evalrun.types import Usage

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
    """Return the most that these counts allow an answer to have cost; None when `cost` is unknown."""
    least = cost(usage, prices)
    if least is None:
        return None
    more = (usage.most_completion_tokens or 0) - (usage.completion_tokens or 0)
    written = (usage.written_tokens or 0) * (MOST_FOR_WRITTEN - 1)
    with localcontext(_EXACT):
        return least + (max(more, 0) * prices.completion + written * prices.prompt) / _MILLION


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


def worst_case(body_bytes: int, most_tokens: int, prices: Prices) -> Decimal:
    """Return the most that a request can cost, before it is sent. Premise: the server honours its limits.

    A token stands for at least one byte of text and the body holds all of the text, so the body has at least as
    many bytes as the prompt has tokens; what the chat template adds is TEMPLATE_TOKENS.
    """
    highest = max(prices.prompt, prices.cached or Decimal(0))
    with localcontext(_EXACT):
        return ((body_bytes + TEMPLATE_TOKENS) * highest + most_tokens * prices.completion) / _MILLION


class Budget:
    """What a run may spend, in US dollars: every request reserves its worst case first, so the sum stays below the cap.

        reserve --> sent --> settle (what it cost, or None: unknown, charged in full)
                \\-> not sent --> release

    spent: settled. reserved: out with requests in flight. assumed: the part of spent that no usage confirmed.
    """

    def __init__(self, cap: Decimal | None = None) -> None:
        self.cap = cap
        self.spent = self.reserved = self.assumed = Decimal(0)

    def reserve(self, usd: Decimal) -> bool:
        """Set `usd` aside, or return False when the cap does not allow it."""
        if self.cap is not None and self.spent + self.reserved + usd > self.cap:
            return False
        self.reserved += usd
        return True

    def settle(self, reserved: Decimal, cost_usd: Decimal | None) -> None:
        """Book what a request cost against what it had `reserved`. A server that charged more is booked as it is."""
        self.reserved -= reserved
        if cost_usd is None:
            self.assumed += reserved
        self.spent += reserved if cost_usd is None else cost_usd

    def release(self, reserved: Decimal) -> None:
        """Release what was `reserved` for a request that cost nothing."""
        self.reserved -= reserved
