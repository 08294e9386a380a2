"""What the pretended model says: one choice, drawn in full, and the deltas it is sent in. No times, no socket.

All chance comes from (spec.seed, digest of the messages, the request's seed, choice number). A token is a word with the
space before it; of JSON, four characters.
"""

import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Literal

import msgspec

from evalrun.targets.simulator.answers import Fact, text_of, wrong
from evalrun.targets.simulator.plausible import SchemaError, plausible, strict_problem
from evalrun.targets.simulator.refused import refused
from evalrun.targets.simulator.request import MOST_TOKENS, ChatRequest, FunctionTool
from evalrun.targets.simulator.spec import Simulator, ToolStream
from evalrun.targets.simulator.tools import (
    CLOSES,
    OPENS,
    SHAPES,
    TOKEN_CHARACTERS,
    DrawnToolCall,
    StreamShape,
    called,
    fragments,
)  # fmt: skip
from evalrun.types import Json

_TOKEN = re.compile(r"\s*\S+")
_FILLER_TEXT = """
first we read the question and note what is given then we write down each step in order
and check that nothing was left out before the result is put into one short line
"""
_MIXED_TEXT = "naïve Größe σκέψη ответ 問題 答え हिन्दी حساب 질문 🧮 e\u0301tape 𝑥² ∑ — “so”"
_FILLER = {
    "latin": _FILLER_TEXT.split(),
    "mixed": _MIXED_TEXT.split(),
}
_SPREAD = 0.25
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Question:
    """A request, as far as the model cares.

    mark: the digest of its messages. cached_tokens: those of the prompt in the prefix cache.
    """

    mark: bytes
    prompt_tokens: int
    cached_tokens: int
    fact: Fact | None
    ask: ChatRequest


@dataclass(frozen=True, slots=True)
class DrawnChoice:
    """One choice: its tokens, its calls, why it ended, and whether it is right (None: nothing to be right about).

    reasoning: not part of the answer's text. logprobs: an entry for each token of the answer, if they were asked for.
    """

    reasoning: tuple[str, ...]
    answer: tuple[str, ...]
    calls: tuple[DrawnToolCall, ...]
    finish_reason: Literal["stop", "length", "tool_calls"]
    right: bool | None
    logprobs: list[Json] | None = None

    @property
    def tokens(self) -> int:
        """How many it has, of all kinds."""
        return len(self.reasoning) + len(self.answer) + sum(1 + len(call.pieces) for call in self.calls)

    def message(self, spec: Simulator) -> dict[str, Json]:
        """Return it as the message of an answer in one piece."""
        thought, text = "".join(self.reasoning), "".join(self.answer)
        if thought and spec.reasoning == "think":
            text = f"<think>{thought}</think>\n\n{text}"
        message: dict[str, Json] = {"role": "assistant", "content": text if text or not self.calls else None}
        if thought and spec.reasoning in ("reasoning_content", "reasoning"):
            message[spec.reasoning] = thought
        if self.calls:
            shape = StreamShape(order="together", numbers="missing", id=SHAPES[spec.tool_stream].id)
            message["tool_calls"] = next(fragments(self.calls, shape))[0]
        return message

    def deltas(self, spec: Simulator) -> Iterator[tuple[bytes, int]]:
        """Yield its chunks as the JSON of a choice's fields, and how many tokens each carries.

        None has reasoning and answer together.
        """
        size, thoughts = spec.tokens_per_chunk, self.reasoning
        text_size = 1 if self.calls else size  # markers around calls
        if thoughts and spec.reasoning == "think":
            thoughts = (f"<think>{thoughts[0]}", *thoughts[1:])
            thoughts = (*thoughts[:-1], f"{thoughts[-1]}</think>\n\n")
        if spec.reasoning != "hidden":
            name = b"content" if spec.reasoning == "think" else spec.reasoning.encode()
            for text, tokens in _pieces(thoughts, size, spec.split):
                yield b'"delta":{"%b":%b}' % (name, _encode(text)), tokens
        texts: Iterator[tuple[bytes, int]]
        if self.logprobs is None:
            texts = (
                (b'"delta":{"content":%b}' % _encode(t), n) for t, n in _pieces(self.answer, text_size, spec.split)
            )
        else:
            texts = self._with_logprobs(self.logprobs, text_size, spec.split)
        if not self.calls:
            yield from texts
            return
        yield from islice(texts, 1)  # an opening marker, if there is one
        grouped = [call._replace(pieces=tuple(t for t, _ in _pieces(call.pieces, size, "no"))) for call in self.calls]
        for calls, tokens in fragments(grouped, SHAPES[spec.tool_stream]):
            yield b'"delta":{"tool_calls":%b}' % _encode(calls), tokens
        yield from texts

    def _with_logprobs(self, logprobs: list[Json], size: int, split: str) -> Iterator[tuple[bytes, int]]:
        done = 0
        for text, tokens in _pieces(self.answer, size, split):
            told = _encode({"content": logprobs[done : done + tokens], "refusal": None})
            done += tokens
            yield b'"delta":{"content":%b},"logprobs":%b' % (_encode(text), told), tokens


def _pieces(tokens: Sequence[str], size: int, split: str) -> Iterator[tuple[str, int]]:
    """Yield the text of each `size` tokens, and their number; split `token`: each but the last without its last letter,
    which the next one begins with."""
    kept = ""
    for start in range(0, len(tokens), size):
        some = tokens[start : start + size]
        text = kept + "".join(some)
        kept = text[-1] if split == "token" and start + size < len(tokens) and len(text) > 1 else ""
        yield text[: len(text) - len(kept)], len(some)


# ---------------------------------------------------------------- drawing


def draw(spec: Simulator, question: Question, *, number: int, answer_id: str) -> DrawnChoice:
    """Draw one choice, cut at the limit of tokens and at a stop text. Raises Refused for a schema it cannot satisfy."""
    dice, ask, fact = dice_of(spec, question, f"choice {number}"), question.ask, question.fact
    right, given = None, None
    if fact is not None:
        right = dice.random() < spec.accuracy[min(max(fact.level, 1), len(spec.accuracy)) - 1]
    words = _filler(_length(spec, ask, dice), dice, spec.script)
    if fact is not None:
        given = fact.expected if right else wrong(fact.expected, dice)
        words = [*words[:-5], "so", "the", "answer", "is", f"\\boxed{{{given}}}"]
    reasoning = _tokens(" ".join(_filler(spec.reasoning_tokens, dice, spec.script)))
    functions = called(ask)
    if functions:
        calls = [_call(spec, question, function, dice, given=given) for function in functions]
        answer, calls = _written(calls, spec.tool_stream, f"{answer_id} {number}")
    else:
        calls, answer = [], _tokens(" ".join(words)) if (text := _json(question, dice, given)) is None else _cut(text)
    return _limited(question, reasoning, answer, calls, right=None if functions else right, dice=dice)


def _limited(
    question: Question, reasoning: tuple[str, ...], answer: tuple[str, ...], calls: Sequence[DrawnToolCall],
    *, right: bool | None, dice: random.Random,
) -> DrawnChoice:  # fmt: skip
    """Return the choice within its limit of tokens, and up to the first stop text."""
    ask = question.ask
    left = ask.limit if ask.limit is not None else len(reasoning) + len(answer) + sum(1 + len(c.pieces) for c in calls)
    whole = not ask.ignore_eos or ask.limit is None
    kept: list[list[str]] = []
    for tokens in (reasoning, answer):
        whole = whole and len(tokens) <= left
        kept.append(list(tokens[:left]))
        left -= len(kept[-1])
    made = []
    for call in calls:
        whole = whole and 1 + len(call.pieces) <= left
        if left > 0:
            made.append(call._replace(pieces=call.pieces[: left - 1]))
            left -= 1 + len(made[-1].pieces)
    said = _until_stop(kept[1], ask.stops)
    stopped = said is not kept[1]
    ended: Literal["stop", "length", "tool_calls"] = "tool_calls" if made else "stop"
    return DrawnChoice(
        reasoning=tuple(kept[0]),
        answer=tuple(said),
        calls=tuple(made),
        finish_reason="stop" if stopped else ended if whole else "length",
        right=None if right is None else right and whole and not stopped,
        logprobs=[_logprob(token, ask.top_logprobs or 0, dice) for token in said] if ask.logprobs else None,
    )


def _until_stop(tokens: list[str], stops: Sequence[str]) -> list[str]:
    """Return the tokens before the first stop text, the last one cut; the same list where there is none."""
    text = "".join(tokens) if stops else ""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    if not places:
        return tokens
    left, kept = min(places), []
    for token in tokens:
        if left <= 0:
            break
        kept.append(token[:left])
        left -= len(token)
    return kept


def _json(question: Question, dice: random.Random, given: str | None) -> str | None:
    """Return the answer as JSON, where that was asked for. Raises Refused."""
    form = question.ask.response_format
    if form is None or form.type == "text":
        return None
    text = text_of(question.ask.messages[-1])
    if form.json_schema is None:
        value: Json = {"answer": given or "unknown"}
    else:
        wanted = form.json_schema
        value = _valid(
            wanted.schema, dice, text=text, answer=given, strict=wanted.strict, lean=False,
            what=f"response_format '{wanted.name}'", param="response_format", code="invalid_json_schema",
        )  # fmt: skip
    return _encode(value).decode()


def _call(
    spec: Simulator, question: Question, function: FunctionTool, dice: random.Random, *, given: str | None
) -> DrawnToolCall:
    """Return a call with arguments valid against its schema. Raises Refused."""
    names = [tool.function.name for tool in question.ask.tools or ()]
    arguments = _valid(
        {"type": "object", **(function.parameters or {})}, dice, text=text_of(question.ask.messages[-1]), answer=given,
        strict=function.strict, lean=spec.tool_stream == "arguments_empty", what=f"function '{function.name}'",
        param=f"tools[{names.index(function.name)}].function.parameters", code="invalid_function_parameters",
    )  # fmt: skip
    text = "" if spec.tool_stream == "arguments_empty" and not arguments else _encode(arguments).decode()
    return DrawnToolCall("", function.name, _cut(text))


def _valid(
    schema: Json, dice: random.Random, *, text: str, answer: str | None, strict: bool | None, lean: bool, what: str,
    param: str, code: str,
) -> Json:  # fmt: skip
    """Return a value valid against a schema. Raises Refused, as the API words it."""
    try:
        problem = strict_problem(schema) if strict else None
        if problem is None:
            return plausible(schema, dice, text=text, answer=answer, lean=lean)
    except SchemaError as error:
        problem = str(error)
    raise refused(400, f"Invalid schema for {what}: {problem}.", param=param, code=code)


def _written(calls: Sequence[DrawnToolCall], how: ToolStream, mark: str) -> tuple[tuple[str, ...], list[DrawnToolCall]]:
    """Return the text around the calls, and the calls with their ids; or all of it as text."""
    if how == "text":
        told = (f'{OPENS}{{"name":"{c.name}","arguments":{"".join(c.pieces)}}}{CLOSES}' for c in calls)
        return _cut("\n".join(told)), []
    ids = (sha256(f"{mark} {place}".encode()).hexdigest()[:24] for place in range(len(calls)))
    made = [call._replace(id=f"call_{name}") for call, name in zip(calls, ids, strict=True)]
    return (OPENS, CLOSES) if how == "leaked" else (), made


def _logprob(token: str, others: int, dice: random.Random) -> Json:
    """Return a token's entry: it is the likeliest, and each of the others has half of what is left."""
    share = 0.5 + 0.5 * dice.random()
    entry = _named(token, share)
    tops = [dict(entry)]
    for word in [word for word in (f" {word}" for word in dict.fromkeys(_FILLER["latin"])) if word != token][
        : others - 1
    ]:
        share = (1 - share) / 2 if len(tops) == 1 else share / 2
        tops.append(_named(word, share))
    return {**entry, "top_logprobs": tops[:others]}


def _named(token: str, share: float) -> dict[str, Json]:
    return {"token": token, "logprob": math.log(share), "bytes": list(token.encode())}


def dice_of(spec: Simulator, question: Question, purpose: str) -> random.Random:
    """Return the random numbers of this question and purpose; only random() is called on them."""
    key = f"{spec.seed} {question.mark.hex()} {question.ask.seed or 0} {purpose}"
    return random.Random(int.from_bytes(sha256(key.encode()).digest()))


def _length(spec: Simulator, ask: ChatRequest, dice: random.Random) -> int:
    """Draw how many words an answer has, unless the request says it."""
    drawn = max(1, round(spec.answer_tokens * (1 + _SPREAD * (2 * dice.random() - 1))))
    if ask.ignore_eos and ask.limit is not None:
        return max(1, min(ask.limit, MOST_TOKENS) - spec.reasoning_tokens)
    return max(drawn, (ask.min_tokens or 0) - spec.reasoning_tokens)


def _filler(words: int, dice: random.Random, script: Literal["latin", "mixed"]) -> list[str]:
    """Return so many words without meaning."""
    of, start = _FILLER[script], int(dice.random() * len(_FILLER[script]))
    return [of[(start + i) % len(of)] for i in range(words)]


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text))


def _cut(text: str) -> tuple[str, ...]:
    return tuple(text[start : start + TOKEN_CHARACTERS] for start in range(0, len(text), TOKEN_CHARACTERS))
