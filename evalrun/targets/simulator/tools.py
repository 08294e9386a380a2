"""Tool calls of the simulator: which functions are called, and the shapes in which providers stream a call.

Which:  tool_choice `none`      none
        a named function        that one
        `required`              those that `auto` would call, else the first
        `auto`                  if the last message is the user's, every function of whose name a word is in it:
                                "What is the weather?" calls `get_weather`. Words count from three letters, without
                                get and its like. Else none
        `allowed_tools`         by its mode, of the tools it lists
        With `parallel_tool_calls: false` only the first of them.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from typing import Any, Literal, NamedTuple

from evalrun.targets.simulator.answers import text_of
from evalrun.targets.simulator.refused import refused
from evalrun.targets.simulator.request import ChatRequest, FunctionTool

_WORD = re.compile(r"[A-Z]?[a-z]{2,}|[A-Z]{3,}")
_COMMON = {"get", "set", "the", "and", "for", "has", "are", "with", "from", "tool", "call", "function"}
OPENS, CLOSES = "<tool_call>\n", "\n</tool_call>"
"""The markers of a call written as text, as Hermes and Qwen models write them."""

TOKEN_CHARACTERS = 4
"""Of the JSON of a call's arguments, each token has so many; the last may have fewer."""


class DrawnToolCall(NamedTuple):
    """A call. pieces: its arguments, in tokens or in the pieces that are streamed."""

    id: str
    name: str
    pieces: tuple[str, ...]


class StreamShape(NamedTuple):
    """How calls are streamed. order: of the fragments of several calls. numbers: what
    they have as index. id: when they have one."""

    order: Literal["serial", "alternating", "whole", "together"] = "serial"
    numbers: Literal["own", "zero", "missing"] = "own"
    id: Literal["once", "repeated", "missing", "changing"] = "once"


SHAPES: dict[str, StreamShape] = {
    "indexed": StreamShape(),  # OpenAI, vLLM, SGLang
    "interleaved": StreamShape(order="alternating"),
    "whole": StreamShape(order="whole"),  # Groq, Mistral
    "together": StreamShape(order="together"),
    "id_repeated": StreamShape(id="repeated"),
    "id_missing": StreamShape(id="missing"),
    "id_changing": StreamShape(id="changing"),
    "index_missing": StreamShape(order="whole", numbers="missing"),  # Gemini's OpenAI endpoint
    "index_same": StreamShape(numbers="zero"),
    "arguments_empty": StreamShape(),
    "leaked": StreamShape(),
    "text": StreamShape(),
}


def called(ask: ChatRequest) -> list[FunctionTool]:
    """Return the functions that are called. Raises Refused where one is named that is not offered."""
    offered = [tool.function for tool in ask.tools or ()]
    choice = ask.tool_choice if ask.tool_choice is not None else "auto"
    if not offered or choice == "none":
        return []
    if not isinstance(choice, str):
        if choice.allowed_tools is None:
            return _named(offered, [choice.function.name if choice.function else ""])
        names = [tool.function.name if tool.function else "" for tool in choice.allowed_tools.tools]
        offered, choice = _named(offered, names), choice.allowed_tools.mode
    last = ask.messages[-1]
    text = text_of(last).lower() if last.get("role") == "user" else ""
    said = set(re.findall(r"[a-z]+", text))
    meant = [function for function in offered if said & _words(function.name)]
    if choice == "required" and not meant:
        meant = offered[:1]
    return meant[:1] if ask.parallel_tool_calls is False else meant


def _words(name: str) -> set[str]:
    """Return the words of a function's name, singular and plural."""
    words = {word.lower() for word in _WORD.findall(name) if len(word) > 2} - _COMMON
    return words | {f"{word}s" for word in words}


def _named(offered: Sequence[FunctionTool], names: Sequence[str]) -> list[FunctionTool]:
    for name in names:
        if all(function.name != name for function in offered):
            raise refused(
                400, f"Tool choice '{name}' not found in 'tools' parameter.", param="tool_choice", code="invalid_value"
            )
    return [function for function in offered if function.name in names]


def fragments(calls: Sequence[DrawnToolCall], shape: StreamShape) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Yield the `tool_calls` of one delta after another, and how many tokens each carries; a name is one token."""
    if shape.order in ("whole", "together"):
        whole = [_fragment(call, number, "".join(call.pieces), shape) for number, call in enumerate(calls)]
        tokens = [1 + _tokens("".join(call.pieces)) for call in calls]
        yield from (
            [(whole, sum(tokens))] if shape.order == "together" else zip([[one] for one in whole], tokens, strict=True)
        )
        return
    rows = [[(number, place) for place in range(len(call.pieces) + 1)] for number, call in enumerate(calls)]
    turns = chain.from_iterable(zip_longest(*rows) if shape.order == "alternating" else rows)
    for number, place in filter(None, turns):
        piece = calls[number].pieces[place - 1] if place else ""
        yield [_fragment(calls[number], number, piece, shape, place=place)], _tokens(piece) if place else 1


def _tokens(arguments: str) -> int:
    return -(-len(arguments) // TOKEN_CHARACTERS)


def _fragment(
    call: DrawnToolCall, number: int, arguments: str, shape: StreamShape, *, place: int = 0
) -> dict[str, Any]:
    """Return one fragment of a call. place: 0 begins it."""
    made: dict[str, Any] = {}
    if shape.numbers != "missing":
        made["index"] = 0 if shape.numbers == "zero" else number
    if shape.id != "missing" and (place == 0 or shape.id != "once"):
        made["id"] = f"{call.id}-{place}" if place and shape.id == "changing" else call.id
    if place == 0 or shape.id in ("repeated", "changing"):
        made["type"] = "function"
        return {**made, "function": {"name": call.name, "arguments": arguments}}
    return {**made, "function": {"arguments": arguments}}
