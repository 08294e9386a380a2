"""Tool calls of the simulator, streamed in every shape that providers use: each fragment, written out by hand."""

import json
from typing import Any, get_args

import httpx
import pytest
from sim_command import serving_here

from evalrun.targets.simulator.spec import ToolStream
from evalrun.targets.simulator.tools import SHAPES, DrawnToolCall, fragments

CALLS = [DrawnToolCall("c0", "f", ('{"a"', ":1}")), DrawnToolCall("c1", "g", ("{}",))]


def head(index: int | None, name: str, id_: str | None, arguments: str = "") -> dict[str, Any]:
    """Return a fragment that begins a call."""
    made = {"index": index, "id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {key: value for key, value in made.items() if value is not None}


def more(index: int, arguments: str) -> dict[str, Any]:
    return {"index": index, "function": {"arguments": arguments}}


WHOLE = [head(0, "f", "c0", '{"a":1}'), head(1, "g", "c1", "{}")]
SERIAL = [head(0, "f", "c0"), more(0, '{"a"'), more(0, ":1}"), head(1, "g", "c1"), more(1, "{}")]
SHAPED: dict[str, list[list[dict[str, Any]]]] = {
    "indexed": [[one] for one in SERIAL],
    "interleaved": [[SERIAL[0]], [SERIAL[3]], [SERIAL[1]], [SERIAL[4]], [SERIAL[2]]],
    "whole": [[one] for one in WHOLE],
    "together": [WHOLE],
    "id_repeated": [
        [head(0, "f", "c0")], [head(0, "f", "c0", '{"a"')], [head(0, "f", "c0", ":1}")],
        [head(1, "g", "c1")], [head(1, "g", "c1", "{}")],
    ],
    "id_missing": [
        [head(0, "f", None)], [more(0, '{"a"')], [more(0, ":1}")], [head(1, "g", None)], [more(1, "{}")],
    ],
    "id_changing": [
        [head(0, "f", "c0")], [head(0, "f", "c0-1", '{"a"')], [head(0, "f", "c0-2", ":1}")],
        [head(1, "g", "c1")], [head(1, "g", "c1-1", "{}")],
    ],
    "index_missing": [[head(None, "f", "c0", '{"a":1}')], [head(None, "g", "c1", "{}")]],
    "index_same": [[head(0, "f", "c0")], [more(0, '{"a"')], [more(0, ":1}")], [head(0, "g", "c1")], [more(0, "{}")]],
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPED)
def test_calls_have_the_fragments_of_their_shape(shape: str) -> None:
    """In order; their tokens add up to a name and two or one pieces of four characters: 3 + 2."""
    made = list(fragments(CALLS, SHAPES[shape]))
    assert [one for one, _ in made] == SHAPED[shape]
    assert sum(tokens for _, tokens in made) == 5


def test_every_option_has_a_shape() -> None:
    """What may be typed is what is there."""
    assert set(get_args(ToolStream)) == set(SHAPES)


FIND = {"type": "object", "properties": {"query": {"const": "cats and dogs"}}, "required": ["query"]}
TOOLS = [
    {"type": "function", "function": {"name": "find", "parameters": FIND}},
    {"type": "function", "function": {"name": "stop_all"}},
    {"type": "function", "function": {"name": "noted", "parameters": {"properties": {"note": {"type": "string"}}}}},
]
ASKED = {"model": "sim", "messages": [{"role": "user", "content": "find, noted: stop"}], "tools": TOOLS}
ARGUMENTS = [("find", '{"query":"cats and dogs"}'), ("stop_all", "{}"), ("noted", '{"note":"note"}')]


def both(shape: str, **fields: object) -> tuple[list[dict], dict, str]:
    """Return the deltas of a streamed answer with three calls, the same answer in one piece, and its reason."""
    with serving_here(tool_stream=shape, **fields) as (url, _):
        text = httpx.post(f"{url}/chat/completions", json=ASKED | {"stream": True}).text
        whole = httpx.post(f"{url}/chat/completions", json=ASKED).json()["choices"][0]
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    choices = [event["choices"][0] for event in events]
    assert choices[-1]["finish_reason"] == whole["finish_reason"]
    return [choice["delta"] for choice in choices], whole["message"], whole["finish_reason"]


@pytest.mark.parametrize("shape", [*SHAPED, "arguments_empty", "leaked"])
@pytest.mark.parametrize("size", [1, 7])
def test_a_stream_of_calls_adds_up(shape: str, size: int) -> None:
    """By call, the fragments add up to what the answer in one piece has, whatever the size of a chunk."""
    deltas, message, reason = both(shape, tokens_per_chunk=size)
    assert reason == "tool_calls"
    expected = list(ARGUMENTS)
    if shape == "arguments_empty":  # only what is required, and nothing at all where that is nothing
        expected = [expected[0], ("stop_all", ""), ("noted", "")]
    assert [(c["function"]["name"], c["function"]["arguments"]) for c in message["tool_calls"]] == expected
    assert "".join(c["function"]["arguments"] for d in deltas for c in d.get("tool_calls", [])) != ""
    found: dict[str, str] = {}
    names: dict[int, str] = {}
    for fragment in (fragment for delta in deltas for fragment in delta.get("tool_calls", [])):
        name = fragment["function"].get("name") or names[fragment["index"]]
        names[fragment.get("index", -1)] = name
        found[name] = found.get(name, "") + fragment["function"]["arguments"]
    assert list(found.items()) == expected


@pytest.mark.parametrize("size", [1, 7])
def test_markers_may_leak_into_the_text(size: int) -> None:
    """`leaked`: an opening marker before the calls and a closing one after them; in one piece both are the text."""
    deltas, message, _ = both("leaked", tokens_per_chunk=size)
    told = ["call" if "tool_calls" in delta else delta.get("content") for delta in deltas]
    told = [one for one in told if one]
    assert (told[0], told[-1]) == ("<tool_call>\n", "\n</tool_call>")
    assert set(told[1:-1]) == {"call"}
    assert message["content"] == "<tool_call>\n\n</tool_call>"


def test_a_call_may_be_nothing_but_text() -> None:
    """`text`: no call in the protocol's sense, JSON between markers, and the reason of an ordinary answer."""
    deltas, message, reason = both("text")
    blocks = [f'<tool_call>\n{{"name":"{name}","arguments":{given}}}\n</tool_call>' for name, given in ARGUMENTS]
    assert message == {"role": "assistant", "content": "\n".join(blocks)}
    assert "".join(delta.get("content", "") for delta in deltas) == message["content"]
    assert reason == "stop"


def test_calls_are_cut_at_the_limit() -> None:
    """Three tokens: a name and two pieces of four characters, then the reason `length`."""
    with serving_here() as (url, _):
        choice = httpx.post(f"{url}/chat/completions", json=ASKED | {"max_tokens": 3}).json()["choices"][0]
    assert choice["finish_reason"] == "length"
    assert [call["function"]["arguments"] for call in choice["message"]["tool_calls"]] == ['{"query"'[:8]]
