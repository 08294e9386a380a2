"""Any mixture of the known oddities in one stream gives the plain stream's record and flags, or the documented failure.

A stream is written from one answer: reasoning, text, tool calls, an end and a usage. Dice choose how each is written,
what comes between, how lines end and where the bytes are cut. What the record has to say is known beforehand.
"""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalrun.explain import WARNINGS
from evalrun.types import Completion, Failure, Outcome, ToolCall, Usage
from evalrun.wire.chat import ChatDecoder
from evalrun.wire.reasoning import FIELDS
from evalrun.wire.sse import Parser

THOUGHT, TEXT = "hm, 2 + 2 … is\n\n4 — so", "The answer is 4. é😀"
CALLS = (("call_a", "weather", '{"city": "Oslo"}'), ("call_b", "weather", '{"city": "Rome"}'))
USAGE = Usage(prompt_tokens=12, completion_tokens=30, cached_tokens=8, reasoning_tokens=20)
TAGS = {"<think>": "</think>", "<thinking>": "</thinking>", "[THINK]": "[/THINK]", "◁think▷": "◁/think▷"}
TAGS |= {"<|channel|>analysis<|message|>": "<|end|><|start|>assistant<|channel|>final<|message|>"}


def pieces(dice: Random, text: str) -> Iterator[str]:
    """Cut a text into one to five pieces."""
    ends = sorted({*(dice.randrange(1, len(text)) for _ in range(dice.randrange(5))), len(text)})
    begin = 0
    for end in ends:
        yield text[begin:end]
        begin = end


def delta(said: Any, *, finish: Any = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": said, "finish_reason": finish, **more}]}


# ---------------------------------------------------------------- one answer, in many forms


def thinking(dice: Random) -> Iterator[dict[str, Any]]:
    """Yield the reasoning in one of its forms."""
    form = dice.choice([*FIELDS, "both", "details", "parts", "google", "tags"])
    if form == "tags":
        begin, end = dice.choice(list(TAGS.items()))
        yield from (delta({"content": piece}) for piece in pieces(dice, begin + THOUGHT + end))
        return
    for piece in pieces(dice, THOUGHT):
        yield delta(
            {
                "both": {"reasoning": piece, "reasoning_content": piece},
                "details": {"content": "", "reasoning_details": [{"type": "reasoning.text", "text": piece}]},
                "parts": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": piece}]}]},
                "google": {"content": piece, "extra_content": {"google": {"thought": True}}},
            }.get(form, {form: piece, "content": None})
        )


def saying(dice: Random) -> Iterator[dict[str, Any]]:
    """Yield the text, as texts or as lists of parts."""
    as_parts = dice.random() < 0.3
    for piece in pieces(dice, TEXT):
        yield delta({"content": [{"type": "text", "text": piece}] if as_parts else piece})


def calling(dice: Random) -> Iterator[dict[str, Any]]:
    """Yield the tool calls in fragments: by index or by id, names and ids once or with every fragment."""
    by_index, again = dice.random() < 0.6, dice.random() < 0.5
    for index, (call_id, name, arguments) in enumerate(CALLS):
        for number, piece in enumerate(pieces(dice, arguments)):
            call: dict[str, Any] = {"function": {"arguments": piece}}
            if by_index:
                call["index"] = index
            if number == 0 or again:
                call["id"], call["function"]["name"] = call_id, name
            yield delta({"tool_calls": [call]})


def counting(dice: Random) -> tuple[dict[str, Any], bool]:
    """Return a usage block that says what USAGE does, and whether the counts must follow its total."""
    outside = dice.random() < 0.4
    block: dict[str, Any] = {"prompt_tokens": 12, "completion_tokens": 10 if outside else 30, "total_tokens": 42}
    block |= dice.choice(
        [{"cached_tokens": 8}, {"prompt_cache_hit_tokens": 8}, {"prompt_tokens_details": {"cached_tokens": 8.0}}]
    )
    if not outside or dice.random() < 0.5:
        block["completion_tokens_details"] = {"reasoning_tokens": 20}
    return block, outside


def between(dice: Random) -> list[dict[str, Any] | str]:
    """Return what may stand between two chunks and says nothing."""
    silent: list[dict[str, Any] | str] = [
        delta({}), delta(None), delta({"role": "assistant"}), delta({"content": None, "tool_calls": None}),
        delta({"content": "", "reasoning_content": ""}), {"choices": []}, {"choices": None, "usage": None}, {},
        {"object": "chat.completion.chunk", "obfuscation": "x7", "citations": [{"url": 1.5}], "choices": []},
        ": ping\n\n", ":\n\n", "data:\n\n", "id: 7\n\n", 'event: ping\ndata: {"type": "ping"}\n\n', "retry: 10\n\n",
        'event: progress\ndata: {"message": "loading the model"}\n\n', "data: still here\n\n", "error\n\n",
        {"type": "status", "message": "queued", "position": 3},
        delta({}, finish=""), delta({}, finish="null"), delta({}, stop_reason=None, logprobs={"content": []}),
    ]  # fmt: skip
    return dice.sample(silent, dice.randrange(3))


def ending(dice: Random, block: dict[str, Any], flags: set[str]) -> list[dict[str, Any] | str]:
    """Return the end: finish reasons, usage and [DONE], one of which may be missing or come late."""
    word = dice.choice(["stop", "STOP", "end_turn", "eos", "tool_calls"])
    finish = delta({}, finish=word, native_finish_reason=dice.choice([None, "FinishReason.STOP", "a vendor's word"]))
    tail: list[dict[str, Any] | str] = [finish] * dice.choice([1, 1, 2])
    counted: dict[str, Any] = dice.choice(
        [{"choices": [], "usage": block}, delta({}, finish=word, usage=block), {"x_groq": {"usage": block}}]
    )
    tail += [counted] * dice.choice([1, 2])
    match dice.randrange(4):
        case 0:
            flags.add("no_done_marker")
            return tail
        case 1 if "finish_reason" not in str(counted):
            flags.add("no_finish_reason")
            return [counted, "data: [DONE]\n\n"]
        case 2:
            flags.add("data_after_done")
            return [finish, "data: [DONE]\n\n", counted]
    return [*tail, dice.choice(["data: [DONE]\n\n", "data:[DONE]\n\n", "data: [DONE] \n\n"])]


# ---------------------------------------------------------------- written, cut and read


def written(dice: Random, events: list[dict[str, Any] | str]) -> bytes:
    """Return the bytes of a stream."""
    name = dice.choice(["", "event: message\n", "event: chunk\n", "id: 1\n"])
    ascii_only = dice.random() < 0.5
    head = {"id": "c", "model": "m"} if dice.random() < 0.7 else {}
    texts = (
        one if isinstance(one, str) else f"{name}data: {json.dumps({**head, **one}, ensure_ascii=ascii_only)}\n\n"
        for one in events
    )
    whole = "".join(texts).replace("\n", dice.choice(["\n", "\r\n", "\r"]))
    return (b"\xef\xbb\xbf" if dice.random() < 0.2 else b"") + whole.encode()


def decoded(dice: Random, data: bytes) -> Outcome:
    """Read a stream whose bytes are cut anywhere; what the decoder no longer asks for is not read."""
    parser, decoder = Parser(), ChatDecoder()
    cuts = sorted(dice.randrange(len(data) + 1) for _ in range(dice.choice([0, 3, 40])))
    for at_ns, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(data)], strict=True)):
        if decoder.done:
            break
        for event in parser.feed(data[begin:end]):
            decoder.feed(event, at_ns * 1_000_000)
    return decoder.finish(invalid_utf8=parser.invalid_utf8)


def stream(dice: Random) -> tuple[list[dict[str, Any] | str], set[str], list[dict[str, Any]]]:
    """Return the events of one answer, the flags it may have, and the chunks that say something."""
    block, outside = counting(dice)
    flags = {"inline_think", "buffered", "foreign_events", *({"usage_by_total"} if outside else ())}
    said = [*thinking(dice), *saying(dice), *calling(dice)]
    if dice.random() < 0.4:  # usage with every chunk, growing
        said = [
            {**one, "usage": {"prompt_tokens": 12, "completion_tokens": min(n, 9)}} for n, one in enumerate(said, 1)
        ]
    events: list[dict[str, Any] | str] = []
    for one in said:
        events += [*between(dice), one]
    return [*events, *between(dice), *ending(dice, block, flags)], flags, said


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**64 - 1))
def test_oddities_change_no_number(seed: int) -> None:
    """The record is the plain stream's, whatever the mixture; flags say what was odd."""
    dice = Random(seed)
    events, flags, _ = stream(dice)
    found = decoded(dice, written(dice, events))
    assert isinstance(found, Completion), found
    assert (found.text, found.reasoning) == (TEXT, THOUGHT)
    assert found.tool_calls == tuple(ToolCall(id=i, name=n, arguments=a) for i, n, a in CALLS)
    assert found.finish_reason in ("stop", "STOP", "end_turn", "eos", "tool_calls", "FinishReason.STOP", None)
    assert set(found.flags) <= flags & WARNINGS.keys()
    late = "data_after_done" in flags and found.usage != USAGE  # it came with a later read
    assert late or (found.usage, found.tokens, found.token_source) == (USAGE, 30, "usage")


BREAKS: list[tuple[Any, str]] = [
    (delta({}, finish="abort"), "in_band"),
    (delta({}, finish="stop", native_finish_reason="network_error"), "in_band"),
    (delta({}, finish="error", error={"code": 502, "message": "upstream"}), "server"),
    (delta({}, finish="content_filter"), "content_filter"),
    (delta({}, finish="content_filter: SAFETY"), "content_filter"),
    ({"error": {"message": "overloaded", "code": 503}}, "server"),
    ("event: error\ndata: overloaded\n\n", "server"),
    ({"error": {"message": "m is gone", "code": "invalid_model"}}, "no_model"),
    ({"code": 1305, "msg": "rate limit reached"}, "rate_limited"),
    ('data: {"choices": [{"delta"\n\n', "bad_chunk"),
    (None, "truncated"),
]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**64 - 1), st.sampled_from(BREAKS))
def test_breaks_among_oddities_are_failures_of_their_kind(seed: int, breaks: tuple[Any, str]) -> None:
    """Broken off, filtered, an error, malformed, or cut after some chunk: the kind, and the text so far."""
    last, kind = breaks
    dice = Random(seed)
    events, _, said = stream(dice)
    kept = events[: events.index(said[dice.randrange(len(said))]) + 1]
    found = decoded(dice, written(dice, kept if last is None else [*kept, last, "data: [DONE]\n\n"]))
    assert isinstance(found, Failure), found
    assert found.kind == kind
    assert found.possibly_billed


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_damaged_streams_never_raise(seed: int, damage: int) -> None:
    """Bytes lost, doubled, swapped or changed: an outcome, in valid UTF-8, with flags that are documented."""
    dice, vandal = Random(seed), Random(damage)
    data = bytearray(written(dice, stream(dice)[0]))
    for _ in range(vandal.randrange(1, 6)):
        at, length = vandal.randrange(len(data)), vandal.randrange(1, 30)
        match vandal.randrange(3):
            case 0:
                del data[at : at + length]
            case 1:
                data[at:at] = data[at : at + length]
            case 2:
                data[at] = vandal.randrange(256)
    found = decoded(dice, bytes(data))
    repr(found).encode()
    if isinstance(found, Completion):
        assert set(found.flags) <= WARNINGS.keys()


@pytest.mark.parametrize("word", ["a\ud800", "x" * 100_000, "\x1b[31m", ":" * 5000])
def test_hostile_finish_reasons(word: str) -> None:
    """They are kept, cut, as valid text."""
    end = f"data: {json.dumps(delta({}, finish=word))}\n\n"
    found = decoded(Random(1), written(Random(3), [delta({"content": "4"}), end, "data: [DONE]\n\n"]))
    assert isinstance(found, Completion)
    assert "unknown_end" in found.flags
    assert len((found.finish_reason or "").encode()) <= 120
