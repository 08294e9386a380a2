"""The usage blocks of one answer -> the tokens that were billed, and what does not add up. No prices here.

    prompt, output, total, cached, written (to a cache), reasoning     each under the names that some provider uses

The rules are docs/metrics.md's ("Tokens"): a total that is larger than prompt + output shows what was billed beside
them, and the counts follow it. What contradicts itself is flagged, never repaired silently.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from evalrun.types import Json, Usage
from evalrun.wire.amount import count, money

_Path = tuple[str, ...]
_PATHS: dict[str, tuple[_Path, ...]] = {
    "prompt": (
        ("prompt_tokens",), ("input_tokens",), ("inputTokens",), ("promptTokens",), ("promptTokenCount",),
        ("prompt_token_count",), ("input_token_count",), ("prompt_eval_count",),
    ),
    "output": (
        ("completion_tokens",), ("output_tokens",), ("outputTokens",), ("completionTokens",), ("candidatesTokenCount",),
        ("candidates_token_count",), ("completion_token_count",), ("generated_token_count",), ("eval_count",),
    ),
    "total": (("total_tokens",), ("totalTokens",), ("totalTokenCount",), ("total_token_count",)),
    "cached": (
        ("prompt_tokens_details", "cached_tokens"), ("input_tokens_details", "cached_tokens"), ("cached_tokens",),
        ("prompt_cache_hit_tokens",), ("cache_read_input_tokens",), ("cacheReadInputTokens",),
        ("prompt_tokens_details", "cache_read_tokens"), ("input_tokens_details", "cache_read_tokens"),
        ("cache_read_tokens",), ("num_cached_tokens",), ("cachedContentTokenCount",), ("cached_content_token_count",),
        ("cached_prompt_tokens",), ("cached_input_tokens",), ("prompt_cached_tokens",),
        ("prompt_tokens_details", "cache_read_input_tokens"),
    ),
    "written": (
        ("cache_creation_input_tokens",), ("cacheWriteInputTokens",), ("cache_write_input_tokens",),
        ("prompt_tokens_details", "cache_creation_input_tokens"), ("prompt_tokens_details", "cache_creation_tokens"),
        ("prompt_tokens_details", "cache_write_tokens"), ("input_tokens_details", "cache_creation_tokens"),
        ("input_tokens_details", "cache_write_tokens"), ("cache_creation_tokens",), ("cache_write_tokens",),
    ),
    "reasoning": (
        ("completion_tokens_details", "reasoning_tokens"), ("output_tokens_details", "reasoning_tokens"),
        ("completion_tokens_details", "thinking_tokens"), ("output_tokens_details", "thinking_tokens"),
        ("reasoning_tokens",), ("thinking_tokens",), ("thoughts_tokens",), ("thoughts_token_count",),
        ("thoughtsTokenCount",), ("reasoningTokens",), ("completion_tokens_details", "thoughts_tokens"),
    ),
}  # fmt: skip
_COSTS: tuple[_Path, ...] = (
    ("estimated_cost",), ("cost",), ("cost", "total_cost"), ("total_cost",),
    ("cost_details", "upstream_inference_cost"),
)  # fmt: skip
"""The first that is not 0: with a key of one's own, OpenRouter's fee is 0 and its provider's price is beside it."""
_APART = ("cache_read_input_tokens", "cache_creation_input_tokens")
"""Fields of Anthropic's API, whose `input_tokens` are those that were neither read from a cache nor written to one."""


class Tokens:
    """What the usage blocks of one answer say, so far: of each count the largest, because streams count up.

    odd: a count that is not one (negative, fractional, a text), that fell, or that two names of it disagree about.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.cost: Decimal | None = None
        self.odd = False
        self._apart = False
        self._last: Json = None

    def add(self, block: Json) -> None:
        """Add a usage block; what is not an object says nothing."""
        if not block or block == self._last:
            return
        if not isinstance(block, dict):
            self.odd = True
            return
        self._last = block
        apart = "prompt_tokens" not in block and any(name in block for name in _APART)
        whole = apart and not self._apart  # a prompt that was counted before may have been counted whole
        self._apart |= apart
        for name in _PATHS:
            found = self._count(block, name)
            if found is not None and whole and name == "prompt":
                self.counts[name] = found
            elif found is not None:
                self.odd |= found < self.counts.get(name, 0)
                self.counts[name] = max(found, self.counts.get(name, 0))
        costs = [cost for path in _COSTS if (cost := money(_at(block, path))) is not None]
        self.cost = next((cost for cost in costs if cost), costs[0] if costs else self.cost)

    def _count(self, block: Mapping[str, Json], name: str) -> int | None:
        """Return one count of a block: the largest of its names, for some gateways fill the others with 0."""
        sent = [value for path in _PATHS[name] if (value := _at(block, path)) is not None]
        counts = [found for value in sent if (found := count(value)) is not None]
        self.odd |= len(counts) < len(sent) or (name != "prompt" and len(set(counts) - {0}) > 1)
        return max(counts, default=None)

    def usage(self) -> tuple[Usage, set[str]]:
        """Return the counts as they were billed, and flags."""
        read = _Reading.of(self.counts, apart=self._apart)
        counted_none = self.counts.get("prompt") == 0 and not self._apart  # an answer has a prompt and an output
        zero = counted_none or (self.counts.get("output") == 0 and not read.output)
        most = read.most
        beyond = read.prompt is not None and (read.cached or 0) > read.prompt
        flags = {
            "usage_by_total": read.by_total,
            "usage_mismatch": self.odd or zero or beyond or read.mismatch,
            "cached_over_prompt": beyond,
            "cache_written": bool(read.written),
        }
        usage = Usage(
            prompt_tokens=read.prompt or None,
            completion_tokens=read.output or None,
            cached_tokens=read.cached,
            written_tokens=read.written,
            reasoning_tokens=read.reasoning,
            total_tokens=read.total if read.mismatch else None,
            most_completion_tokens=most if most is not None and most > (read.output or 0) else None,
            reported_cost_usd=self.cost,
        )
        return usage, {flag for flag, is_so in flags.items() if is_so}


class _Reading(NamedTuple):
    """How the counts fit together. by_total: they follow the total. mismatch: they do not fit."""

    prompt: int | None
    output: int | None
    cached: int | None = None
    written: int | None = None
    reasoning: int | None = None
    total: int | None = None
    by_total: bool = False
    mismatch: bool = False

    @property
    def most(self) -> int | None:
        """Return the most output tokens that these counts allow, where they do not fit."""
        if not self.mismatch:
            return None
        readings = [self.output or 0, (self.total or 0) - (self.prompt or 0)]
        if (self.reasoning or 0) > (self.output or 0):
            readings.append((self.output or 0) + (self.reasoning or 0))
        return max(readings)

    @classmethod
    def of(cls, counts: Mapping[str, int], *, apart: bool) -> "_Reading":
        """Return the reading that fits. apart: the prompt's count is without what a cache had to do with."""
        raw = cls(
            prompt=counts.get("prompt"), output=counts.get("output"), cached=counts.get("cached"),
            written=counts.get("written"), reasoning=counts.get("reasoning"), total=counts.get("total"),
        )  # fmt: skip
        if raw.prompt == 0 and not apart:  # not counted: every answer has a prompt
            raw = raw._replace(prompt=None, output=raw.output or None)
        beside = raw.by_cache if apart else 0
        if raw.prompt is not None:
            raw = raw._replace(prompt=raw.prompt + beside)
        if raw.total is None:
            return raw._replace(mismatch=raw._reasoning_outside)
        if raw.prompt is None or raw.output is None:
            return raw._filled()
        excess = raw.total - raw.prompt - raw.output
        return raw._compared(0 if excess == -beside else excess)  # that total may be without them too

    @property
    def by_cache(self) -> int:
        """Return the tokens of the prompt that were read from a cache or written to one."""
        return (self.cached or 0) + (self.written or 0)

    @property
    def _reasoning_outside(self) -> bool:
        return self.output is not None and (self.reasoning or 0) > self.output

    def _filled(self) -> "_Reading":
        """Return the missing one of prompt and output from the total."""
        assert self.total is not None
        rest = self.total - (self.prompt or 0) - (self.output or 0)
        if self.prompt is None and self.output is None:
            return self
        if rest <= 0:
            return self._replace(mismatch=True)
        if self.output is None:
            return self._replace(output=rest, by_total=True)
        return self._replace(prompt=rest, by_total=True)

    def _compared(self, excess: int) -> "_Reading":
        """Return the counts with what the total has beside prompt and output.

        The reasoning, by its own count (xAI) or without one (Gemini); or what a cache had to do with (Anthropic).
        """
        assert self.prompt is not None
        assert self.output is not None
        if excess == 0:
            return self._replace(mismatch=self._reasoning_outside)
        if excess < 0:
            return self._replace(mismatch=True)
        if excess == self.reasoning:
            return self._replace(output=self.output + excess, by_total=True, mismatch=excess == self.by_cache)
        if excess == self.by_cache:
            return self._replace(prompt=self.prompt + excess, by_total=True, mismatch=self._reasoning_outside)
        if not self.reasoning:
            return self._replace(output=self.output + excess, reasoning=excess, by_total=True)
        return self._replace(mismatch=True)


def _at(block: Json, path: _Path) -> Json:
    for name in path:
        block = block.get(name) if isinstance(block, dict) else None
    return block
