"""The pretended model: what it answers, when, in which bytes, as pure functions of the request. No socket, no clock.

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
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import zip_longest
from statistics import NormalDist
from typing import Literal

import msgspec

from evalrun import price
from evalrun.targets.simulator.answers import Fact, wrong
from evalrun.targets.simulator.spec import Simulator
from evalrun.types import Json, Usage

_TOKEN = re.compile(r"\s*\S+")
_FILLER_TEXT = """
first we read the question and note what is given then we write down each step in order
and check that nothing was left out before the result is put into one short line
"""
_FILLER = _FILLER_TEXT.split()
_SPREAD = 0.25
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Question:
    """A request, as far as the model cares.

    mark: the digest of its messages. cached_tokens: those of the prompt in the prefix cache. limit: of each choice.
    """

    mark: bytes
    prompt_tokens: int
    cached_tokens: int
    fact: Fact | None
    seed: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class DrawnChoice:
    """One choice: its tokens, why it ended, and whether it is right (None: nothing to be right about)."""

    reasoning: tuple[str, ...]
    answer: tuple[str, ...]
    finish_reason: Literal["stop", "length"]
    right: bool | None

    @property
    def tokens(self) -> int:
        return len(self.reasoning) + len(self.answer)

    def deltas(self, size: int) -> list[bytes]:
        """Return its chunks of `size` tokens as JSON; one never has reasoning and answer together."""
        parts = (b"reasoning_content", self.reasoning), (b"content", self.answer)
        return [
            b'{"%b":%b}' % (name, _encode("".join(tokens[start : start + size])))
            for name, tokens in parts
            for start in range(0, len(tokens), size)
        ]


class DrawnAnswer:
    """What will be answered, drawn in full before its first byte is written.

    choices: how many. number: makes the id unique where a question is asked twice. first_s, gap_s: when it is due.
    """

    def __init__(self, spec: Simulator, question: Question, *, choices: int, number: int, created: int) -> None:
        self.id = f"sim-{question.mark.hex()[:12]}-{number}"
        self.question = question
        self.choices = [_choice(spec, question, number=index) for index in range(choices)]
        self._deltas = [one.deltas(spec.tokens_per_chunk) for one in self.choices]
        self.steps = max(map(len, self._deltas))
        self.first_s = _first_token_s(spec, question)
        self.gap_s = spec.token_s * spec.tokens_per_chunk
        self.completion_tokens = sum(one.tokens for one in self.choices)
        self._spec = spec
        self._created = created
        form = b'"id":"%b","object":"chat.completion.chunk","created":%d,"model":%b'
        self._common = form % (self.id.encode(), created, _encode(spec.model))

    def opening(self) -> bytes:
        """Return the events before the first token: each choice's role."""
        return b"".join(self._event(index, b'{"role":"assistant","content":""}') for index in range(len(self.choices)))

    def events(self, *, usage_asked: bool) -> Iterator[bytes]:
        """Yield the events of chunk 0, 1, ... of all choices; with the last one the finish reasons and the end."""
        for number, deltas in enumerate(zip_longest(*self._deltas), start=1):
            data = b"".join(self._event(index, delta) for index, delta in enumerate(deltas) if delta is not None)
            yield data + self._ending(usage_asked) if number == self.steps else data

    def whole(self) -> bytes:
        """Return the answer that was not asked for as a stream."""
        choices = []
        for index, one in enumerate(self.choices):
            message: dict[str, Json] = {"role": "assistant", "content": "".join(one.answer)}
            if one.reasoning:
                message["reasoning_content"] = "".join(one.reasoning)
            choices.append({"index": index, "message": message, "finish_reason": one.finish_reason})
        body = {"id": self.id, "object": "chat.completion", "created": self._created, "model": self._spec.model}
        return _encode({**body, "choices": choices, "usage": self._usage()})

    def _event(self, index: int, delta: bytes, *, finish_reason: str | None = None) -> bytes:
        """Write one event by hand: encoding an object for each token would cost the most of the server's time."""
        form = b'data: {%b,"choices":[{"index":%d,"delta":%b,"finish_reason":%b}]}\n\n'
        return form % (self._common, index, delta, _encode(finish_reason))

    def _ending(self, usage_asked: bool) -> bytes:
        """Return the finish reason of every choice, the usage in a chunk without choices, and the marker."""
        ends = enumerate(self.choices)
        data = b"".join(self._event(index, b"{}", finish_reason=one.finish_reason) for index, one in ends)
        if usage_asked:
            data += b'data: {%b,"choices":[],"usage":%b}\n\n' % (self._common, _encode(self._usage()))
        return data + b"data: [DONE]\n\n"

    def _usage(self) -> dict[str, Json]:
        """Count tokens as an endpoint does: choices added up, reasoning inside completion.

        A silent cache is not mentioned, nor does it change the cost; where there is none, 0 tokens are cached. Without
        a cached price cached tokens cost what others do.
        """
        spec, prompt, completion = self._spec, self.question.prompt_tokens, self.completion_tokens
        cached = self.question.cached_tokens if spec.prefix_cache == "reported" else 0
        counted: dict[str, Json] = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        if spec.prefix_cache != "silent":
            counted["prompt_tokens_details"] = {"cached_tokens": cached}
        if spec.reasoning_tokens:
            reasoning = sum(len(one.reasoning) for one in self.choices)
            counted["completion_tokens_details"] = {"reasoning_tokens": reasoning}
        if spec.prices is not None:
            priced = cached if spec.prices.cached is not None else 0
            known = Usage(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=priced)
            counted["estimated_cost"] = float(price.cost(known, spec.prices) or 0)
        return counted


def _first_token_s(spec: Simulator, question: Question) -> float:
    """Draw the time to the first token: log-normal around its median, which grows with what must be prefilled."""
    z = NormalDist().inv_cdf(_dice(spec, question, "latency").random() or 0.5)
    saved_s = _prefill_s(spec, question.cached_tokens)
    return (spec.ttft_s + _prefill_s(spec, question.prompt_tokens) - saved_s) * math.exp(spec.ttft_sigma * z)


def _prefill_s(spec: Simulator, tokens: int) -> float:
    """Return the time for the first so many tokens of a prompt, none of them cached."""
    return spec.ttft_per_token_s * tokens + spec.ttft_per_token2_s * tokens**2


def _choice(spec: Simulator, question: Question, *, number: int) -> DrawnChoice:
    """Draw one choice, cut at the limit of tokens."""
    dice = _dice(spec, question, f"choice {number}")
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
    return DrawnChoice(
        reasoning=reasoning[:limit],
        answer=answer[: max(0, limit - len(reasoning))],
        finish_reason="stop" if whole else "length",
        right=right and whole,
    )


def _dice(spec: Simulator, question: Question, purpose: str) -> random.Random:
    """Return the random numbers of this question and purpose; only random() is called on them."""
    key = f"{spec.seed} {question.mark.hex()} {question.seed} {purpose}"
    return random.Random(int.from_bytes(sha256(key.encode()).digest()))


def _length(middle: int, dice: random.Random) -> int:
    return max(1, round(middle * (1 + _SPREAD * (2 * dice.random() - 1))))


def _filler(words: int, dice: random.Random) -> list[str]:
    """Return so many words without meaning."""
    start = int(dice.random() * len(_FILLER))
    return [_FILLER[(start + i) % len(_FILLER)] for i in range(words)]


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text))
