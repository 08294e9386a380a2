"""The pretended model: what it answers, and when, as pure functions of the request. No socket, no clock.

All chance comes from (spec.seed, digest of the messages, the request's seed, choice number), so the same question gets
the same answer and the same latency whatever was asked before it, in any order, on any machine. A token is a word
with the space before it. Only the prefix cache has a memory: of n prompt tokens, c are served from it.

    request read     first chunk           last chunk
         |----ttft------|--gap--|--gap--|--gap--|      gap = token_s * tokens_per_chunk

    ttft = (ttft_s + ttft_per_token_s * (n - c) + ttft_per_token2_s * (n^2 - c^2)) * exp(ttft_sigma * z)
"""

import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from statistics import NormalDist
from typing import Literal, NamedTuple

from evalrun.targets.simulator.answers import Fact, wrong
from evalrun.targets.spec import Prices, Simulator
from evalrun.types import Json

_TOKEN = re.compile(r"\s*\S+")
_FILLER_TEXT = """
first we read the question and note what is given then we write down each step in order
and check that nothing was left out before the result is put into one short line
"""
_FILLER = _FILLER_TEXT.split()
_SPREAD = 0.25


@dataclass(frozen=True, slots=True)
class Question:
    """A request, as far as the model cares.

    mark: the digest of its messages. cached_tokens: the part of the prompt's that the prefix cache served.
    limit: the most tokens of a choice.
    """

    mark: bytes
    prompt_tokens: int
    cached_tokens: int
    fact: Fact | None
    seed: int
    limit: int | None


class Piece(NamedTuple):
    """What one chunk of one choice carries."""

    field: Literal["reasoning_content", "content"]
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One choice: its tokens, why it ended, and whether it is right (None: nothing to be right about)."""

    reasoning: tuple[str, ...]
    answer: tuple[str, ...]
    finish_reason: Literal["stop", "length"]
    right: bool | None

    @property
    def tokens(self) -> int:
        return len(self.reasoning) + len(self.answer)


def first_token_s(spec: Simulator, question: Question) -> float:
    """Draw the time to the first token: log-normal around its median, which grows with what must be prefilled."""
    z = NormalDist().inv_cdf(_dice(spec, question, "latency").random() or 0.5)
    saved_s = _prefill_s(spec, question.cached_tokens)
    return (spec.ttft_s + _prefill_s(spec, question.prompt_tokens) - saved_s) * math.exp(spec.ttft_sigma * z)


def _prefill_s(spec: Simulator, tokens: int) -> float:
    """Return the time that the first so many tokens of a prompt take, none of them cached."""
    return spec.ttft_per_token_s * tokens + spec.ttft_per_token2_s * tokens**2


def gap_s(spec: Simulator) -> float:
    """Return the time from one chunk to the next."""
    return spec.token_s * spec.tokens_per_chunk


def reply(spec: Simulator, question: Question, *, choice: int) -> Reply:
    """Write one choice, cut at the limit of tokens."""
    dice = _dice(spec, question, f"choice {choice}")
    right = None
    if question.fact is not None:
        chance = spec.accuracy[min(max(question.fact.level, 1), len(spec.accuracy)) - 1]
        right = dice.random() < chance
    words = _filler(_length(spec.answer_tokens, dice), dice)
    if question.fact is not None:
        given = question.fact.expected if right else wrong(question.fact.expected, dice)
        words = [*words[:-5], "so", "the", "answer", "is", f"\\boxed{{{given}}}"]
    reasoning, answer = _tokens(" ".join(_filler(spec.reasoning_tokens, dice))), _tokens(" ".join(words))
    limit = len(reasoning) + len(answer) if question.limit is None else question.limit
    whole = len(reasoning) + len(answer) <= limit
    return Reply(
        reasoning=reasoning[:limit],
        answer=answer[: max(0, limit - len(reasoning))],
        finish_reason="stop" if whole else "length",
        right=right and whole,
    )


def pieces(reply: Reply, *, tokens_per_chunk: int) -> Iterator[Piece]:
    """Cut a choice into chunks; one never holds reasoning and answer together."""
    for start in range(0, len(reply.reasoning), tokens_per_chunk):
        yield Piece("reasoning_content", "".join(reply.reasoning[start : start + tokens_per_chunk]))
    for start in range(0, len(reply.answer), tokens_per_chunk):
        yield Piece("content", "".join(reply.answer[start : start + tokens_per_chunk]))


def usage(spec: Simulator, question: Question, replies: Sequence[Reply]) -> dict[str, Json]:
    """Count tokens as an endpoint does: choices added up, reasoning inside completion.

    A silent cache is not mentioned, nor does it change the cost; where there is none, 0 tokens are cached.
    """
    cached = question.cached_tokens if spec.prefix_cache == "reported" else 0
    completion = sum(reply.tokens for reply in replies)
    counted: dict[str, Json] = {
        "prompt_tokens": question.prompt_tokens,
        "completion_tokens": completion,
        "total_tokens": question.prompt_tokens + completion,
    }
    if spec.prefix_cache != "silent":
        counted["prompt_tokens_details"] = {"cached_tokens": cached}
    if spec.reasoning_tokens:
        reasoning = sum(len(reply.reasoning) for reply in replies)
        counted["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    if spec.prices is not None:
        counted["estimated_cost"] = float(_cost_usd(spec.prices, question.prompt_tokens, cached, completion))
    return counted


def _cost_usd(prices: Prices, prompt_tokens: int, cached_tokens: int, completion_tokens: int) -> Decimal:
    """Return the cost in US dollars; without a cached price cached tokens cost what others do."""
    cached_price = prices.prompt if prices.cached is None else prices.cached
    prompt = prices.prompt * (prompt_tokens - cached_tokens) + cached_price * cached_tokens
    return (prompt + prices.completion * completion_tokens) / 1_000_000


def _dice(spec: Simulator, question: Question, purpose: str) -> random.Random:
    """Return the chance that belongs to this question and purpose, and to nothing else.

    Only random() is called on it.
    """
    key = f"{spec.seed} {question.mark.hex()} {question.seed} {purpose}"
    return random.Random(int.from_bytes(sha256(key.encode()).digest()))


def _length(middle: int, dice: random.Random) -> int:
    return max(1, round(middle * (1 + _SPREAD * (2 * dice.random() - 1))))


def _filler(words: int, dice: random.Random) -> list[str]:
    """Return so many words that mean nothing, from a place in a text of them."""
    start = int(dice.random() * len(_FILLER))
    return [_FILLER[(start + i) % len(_FILLER)] for i in range(words)]


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text))
