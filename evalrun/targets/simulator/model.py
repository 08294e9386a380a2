"""The pretended model's answer: when it is due, in which bytes, as pure functions of the request. No socket, no clock.

The same question gets the same answer and the same latency whatever was asked before it, in any order, on any machine
(`choice` draws what is said). Only the prefix cache has a memory: of n prompt tokens, c are served from it.

    service begins   first chunk           last chunk
         |----ttft------|--gap--|--gap--|--gap--|      gap = token_s * tokens_per_chunk

    prefill = (ttft_s + ttft_per_token_s * (n - c) + ttft_per_token2_s * (n^2 - c^2)) * exp(ttft_sigma * z)
    ttft    = prefill + token_s * hidden reasoning tokens
"""

import math
from collections.abc import Iterator
from itertools import zip_longest
from statistics import NormalDist

import msgspec

from evalrun import price
from evalrun.targets.simulator.choice import Question, dice_of, draw
from evalrun.targets.simulator.spec import Simulator
from evalrun.types import Json, Usage

_encode = msgspec.json.encode


class DrawnAnswer:
    """What will be answered, drawn in full before its first byte is written. Raises Refused for an impossible schema.

    number: makes the id unique where a question is asked twice. prefill_s, first_s, gap_s: when it is due.
    """

    def __init__(self, spec: Simulator, question: Question, *, number: int, created: int) -> None:
        self.id = f"sim-{question.mark.hex()[:12]}-{number}"
        self.question = question
        self.choices = [draw(spec, question, number=index, answer_id=self.id) for index in range(question.ask.n or 1)]
        self._deltas = [list(one.deltas(spec)) for one in self.choices]
        self.steps = max(1, *map(len, self._deltas))
        hidden = len(self.choices[0].reasoning) if spec.reasoning == "hidden" else 0
        self.prefill_s = _prefill_s(spec, question)
        self.first_s = self.prefill_s + hidden * spec.token_s
        self.gap_s = spec.token_s * spec.tokens_per_chunk
        self.completion_tokens = sum(one.tokens for one in self.choices)
        self._spec = spec
        self._created = created
        form = b'"id":"%b","object":"chat.completion.chunk","created":%d,"model":%b'
        self._common = form % (self.id.encode(), created, _encode(spec.model))

    def opening(self) -> bytes:
        """Return the events before the first token: each choice's role."""
        role = b'"delta":{"role":"assistant","content":""}'
        return b"".join(self._event(index, role) for index in range(len(self.choices)))

    def events(self) -> Iterator[bytes]:
        """Yield the events of chunk 0, 1, ... of all choices; with the last one the finish reasons and the end."""
        for number, deltas in enumerate(zip_longest(*self._deltas), start=1):
            data = b"".join(self._event(index, delta[0]) for index, delta in enumerate(deltas) if delta is not None)
            yield data + self._ending() if number == self.steps else data
        if not any(self._deltas):
            yield self._ending()

    def chunk_tokens(self) -> list[int]:
        """Return how many tokens each chunk carries, over all choices."""
        rows = zip_longest(*self._deltas, fillvalue=(b"", 0))
        return [sum(tokens for _, tokens in row) for row in rows]

    def whole(self) -> bytes:
        """Return the answer that was not asked for as a stream."""
        choices = [
            {
                "index": index,
                "message": one.message(self._spec),
                "logprobs": None if one.logprobs is None else {"content": one.logprobs, "refusal": None},
                "finish_reason": one.finish_reason,
            }
            for index, one in enumerate(self.choices)
        ]
        body = {"id": self.id, "object": "chat.completion", "created": self._created, "model": self._spec.model}
        return _encode({**body, "choices": choices, "usage": self._usage()})

    def _event(self, index: int, fields: bytes, *, end: bytes = b"null") -> bytes:
        """Write one event by hand: encoding an object for each token would cost the most of the server's time."""
        form = b'data: {%b,"choices":[{"index":%d,%b,"finish_reason":%b}]}\n\n'
        return form % (self._common, index, fields, end)

    def _ending(self) -> bytes:
        """Return the finish reason of every choice, the usage in a chunk without choices, and the marker."""
        ends = enumerate(self.choices)
        data = b"".join(
            self._event(index, b'"delta":{}', end=b'"%b"' % one.finish_reason.encode()) for index, one in ends
        )
        if self.question.ask.usage_asked:
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


def _prefill_s(spec: Simulator, question: Question) -> float:
    """Draw the time to the first token: log-normal around its median, which grows with what must be prefilled."""
    z = NormalDist().inv_cdf(dice_of(spec, question, "latency").random() or 0.5)
    n, c = question.prompt_tokens, question.cached_tokens
    work_s = spec.ttft_per_token_s * (n - c) + spec.ttft_per_token2_s * (n**2 - c**2)
    return (spec.ttft_s + work_s) * math.exp(spec.ttft_sigma * z)
