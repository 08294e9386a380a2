"""JSON of any depth in any place of an answer is a value, a failure or nothing, and never an exception."""

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.types import Completion, Failure, Sample
from evalrun.wire import chat
from evalrun.wire.nested import DEEPEST, loads, too_deep
from evalrun.wire.rejection import rejected
from evalrun.wire.sse import Event

Nest = Callable[[int], str]
NESTS: dict[str, Nest] = {
    "arrays": lambda depth: "[" * depth + "]" * depth,
    "objects": lambda depth: '{"error":' * depth + "1" + "}" * depth,
    "messages": lambda depth: '{"message":' * depth + '"no"' + "}" * depth,
    "both": lambda depth: '[{"a":' * (depth // 2) + '"x"' + "}]" * (depth // 2),
    "unclosed": lambda depth: "[" * depth,
    "texts": lambda depth: '{"text":[' * (depth // 2) + '"x"' + "]}" * (depth // 2),
}
DEPTHS = (2, 62, 200, 900, 960, 975, 985, 995, 5_000)
"""Around the depth at which Python's parsers give up, which depends on the caller's own."""
DELTA = ("content", "refusal", "tool_calls", "function_call", "reasoning_content", "reasoning_details", "thinking")
DELTA += ("thinking_blocks", "thought", "extra_content", "role", "audio")
CHOICE = ("index", "finish_reason", "native_finish_reason", "finish_details", "stop_reason", "error", "usage")
REPLY = ("usage", "error", "object", "id", "model", "system_fingerprint", "x_groq", "choices", "base_resp", "detail")
REPLY += ("errors", "message", "code", "type", "other")
CHUNKS = {
    **{f"delta.{name}": f'{{"choices":[{{"index":0,"delta":{{"content":"a","{name}":HERE}}}}]}}' for name in DELTA},
    **{f"choice.{name}": f'{{"choices":[{{"delta":{{"content":"a"}},"{name}":HERE}}]}}' for name in CHOICE},
    **{f"reply.{name}": f'{{"choices":[{{"delta":{{"content":"a"}}}}],"{name}":HERE}}' for name in REPLY},
    **{f"alone.{name}": f'{{"{name}":HERE}}' for name in REPLY},
    "arguments": '{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":HERE}}]}}]}',
    "the event": "HERE",
}
END = Event("", '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}')


def streamed(data: str, *, name: str = "") -> Completion | Failure:
    decoder = chat.decoder(max_bytes=2**26, end_markers=("</s>",), redact=str)
    for at_ns, event in enumerate([Event(name, data), Event("", data), END, Event("", "[DONE]"), Event("", data)]):
        decoder.feed(event, at_ns)
    assert decoder.first_answer_ns is None or decoder.first_answer_ns >= 0
    return decoder.finish()


@pytest.mark.parametrize("nest", NESTS.values(), ids=NESTS)
@pytest.mark.parametrize("place", CHUNKS)
def test_no_depth_raises_in_a_stream(place: str, nest: Nest) -> None:
    """S25: as a chunk, an error event and an event after [DONE]. The outcome can be written to the journal."""
    for depth in DEPTHS:
        data = CHUNKS[place].replace("HERE", nest(depth))
        for name in ("", "error", "status"):
            outcome = streamed(data, name=name)
            msgspec.json.encode(outcome)
            assert len(outcome.message if isinstance(outcome, Failure) else outcome.text) < 2_000


@pytest.mark.parametrize("nest", NESTS.values(), ids=NESTS)
@pytest.mark.parametrize("place", CHUNKS)
def test_no_depth_raises_in_a_whole_answer(place: str, nest: Nest) -> None:
    """As a reply with 200, as the body of an error, as a list of models."""
    for depth in DEPTHS:
        body = CHUNKS[place].replace("HERE", nest(depth)).replace('"delta"', '"message"').encode()
        outcome = chat.reply(body, headers={"retry-after": nest(depth)})
        msgspec.json.encode(outcome)
        for status in (200, 429):
            failure = rejected(status, {"retry-after": nest(depth), "location": nest(depth)}, body)
            assert len(failure.message) < 2_000
        assert all(isinstance(name, str) for name in chat.models(body))


@pytest.mark.parametrize("nest", NESTS.values(), ids=NESTS)
def test_no_depth_raises_in_text_that_is_json(nest: Nest) -> None:
    """The arguments of a tool call, an error inside a text, and the answer that a scorer reads."""
    from evalrun.score.spec import ADAPTER

    scorers = ADAPTER.validate_python([{"kind": kind} for kind in ("exact", "choice", "numeric", "contains")])
    sample = Sample(task="t", id="1", messages=(), expected="1", choices=("1", "2"))
    for depth in DEPTHS:
        text = nest(depth)
        call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": text}}
        for delta in ({"tool_calls": [call, call]}, {"function_call": call["function"]}, {"content": text}):
            msgspec.json.encode(streamed(json.dumps({"choices": [{"delta": delta}]})))
        streamed(json.dumps({"error": text}))
        for answer in (text, f'{{"answer": {text}}}', f"<answer>{text}</answer>", f"\\boxed{{{text}}}"):
            for scorer in scorers:
                scorer(sample, Completion(text=answer[:20_000], finish_reason="stop"))


def test_the_bound_is_exact() -> None:
    """64 levels are read, 65 are not; brackets in strings are text."""
    assert DEEPEST == 64
    assert loads("[" * 64 + "]" * 64)
    assert loads(b"[" * 64 + b"]" * 64)
    with pytest.raises(ValueError, match="nested more than 64 deep"):
        loads("[" * 65 + "]" * 65)
    assert loads('["' + "[" * 1_000 + '\\"[[["]') == ["[" * 1_000 + '"[[[']
    assert not too_deep("[]" * 1_000)
    assert not too_deep('"' + "[" * 1_000)
    assert not too_deep('"' + "[" * 1_000 + "\\")
    assert too_deep('"\\\\"' + "[" * 65)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('[]{}"\\a', max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\', max_size=4), inner, max_size=3),
    max_leaves=30,
)


@given(JSON, st.integers(0, 70))
def test_depth_is_that_of_a_slow_count(value: object, around: int) -> None:
    def depth(item: object) -> int:
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    for _ in range(around):
        value = [value]
    assert too_deep(json.dumps(value)) == (depth(value) > DEEPEST)
