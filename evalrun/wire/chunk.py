"""The JSON of one chat reply, as a chunk of a stream or whole.

It is decoded by type, in under a microsecond, where it follows the API, else leniently (lone surrogates, a number
instead of text, `NaN`): a field of the wrong type counts as not sent. What servers send in several forms (content,
reasoning, usage) is any JSON here; `reasoning` and `usage` read it.
"""

import json
from decimal import Decimal, InvalidOperation
from operator import attrgetter
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import fields

from evalrun.ends import MOST_CHARS, is_end
from evalrun.errors import TargetError
from evalrun.types import Json
from evalrun.wire.amount import count, decimal
from evalrun.wire.nested import TOO_DEEP, loads, too_deep


class NotChat(TargetError):
    """The text is not JSON, or not an object."""


class _Struct(msgspec.Struct, gc=False):
    """Read once, then dropped: not tracked by the garbage collector."""


_T = TypeVar("_T", bound=_Struct)


class Function(_Struct):
    name: str | None = None
    arguments: str | None = None


class ToolFragment(_Struct):
    """A piece of a tool call; `index` says of which. Some servers leave `function` out and put its fields here."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    name: str | None = None
    arguments: str | None = None

    @property
    def called(self) -> Function:
        """Return what is called, as far as this piece says."""
        return self.function or Function(self.name, self.arguments)


class Delta(_Struct):
    """What a choice says more: content and reasoning as `reasoning.said` reads them; `function_call` is a tool call."""

    content: Json = None
    refusal: str | None = None
    tool_calls: list[ToolFragment] | None = None
    function_call: Function | None = None
    reasoning_content: Json = None
    reasoning: Json = None
    reasoning_text: Json = None
    reasoning_details: Json = None
    thinking: Json = None
    thinking_content: Json = None
    thinking_blocks: Json = None
    thought: Json = None
    thoughts: Json = None
    extra_content: Json = None


class Choice(_Struct):
    """One of the answers: `delta` in a stream, `message` in a whole reply. The rest may say how it ended."""

    index: int = 0
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: Json = None
    native_finish_reason: Json = None
    finish_details: Json = None
    stop_reason: Json = None
    error: Json = None
    usage: Json = None

    @property
    def ends(self) -> list[str]:
        """Return the words for how it ended, as sent. vLLM's `stop_reason` is a stop sequence that was met."""
        sent = [_word(self.finish_reason), _word(self.native_finish_reason), _word(self.finish_details)]
        words = [word for word in sent if is_end(word)]
        if words or not is_end(alone := _word(self.stop_reason)):
            return words
        return [alone]


_ENDING = ("finish_reason", "native_finish_reason", "finish_details", "stop_reason", "error", "usage")
ending, NO_ENDING = attrgetter(*_ENDING), (None,) * len(_ENDING)
"""What a choice has at its end, and what it has of that before."""


class ChatReply(_Struct):
    """One JSON object from the server."""

    choices: list[Choice] | None = None
    usage: Json = None
    error: Json = None
    object: str | None = None
    id: str | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    x_groq: Json = None
    base_resp: Json = None


_NAMES = ("type", "reason", "name", "value", "finish_reason", "stop_reason")


def _word(value: Json) -> str:
    """Return a word: text or a number as it is, of an object its `type` (or the like), of a list its first item."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = next((value[name] for name in _NAMES if isinstance(value.get(name), str)), next(iter(value), None))
    if value is None or value is True:
        return ""
    return str(value)[:MOST_CHARS].strip() if isinstance(value, str | int | Decimal) else ""


_typed = msgspec.json.Decoder(ChatReply, float_hook=decimal).decode


def decode(text: str) -> ChatReply:
    """Read one reply. Raises `NotChat`."""
    if too_deep(text):
        raise NotChat(TOO_DEEP)
    try:
        return _typed(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, InvalidOperation):
        return _lenient(ChatReply, parse(text))


def parse(text: str) -> dict[str, Json]:
    """Read any JSON object, keeping numbers exact. Raises `NotChat`."""
    try:
        value = loads(text, parse_float=decimal, strict=False)  # not strict: raw control characters are let in
    except json.JSONDecodeError as error:
        raise NotChat(f"at character {error.pos}: {error.msg}") from None
    except ValueError as error:
        raise NotChat(str(error)) from None
    if not isinstance(value, dict):
        raise NotChat(f"a JSON {type(value).__name__} instead of an object")
    return value


# ---------------------------------------------------------------- the lenient way


def _lenient(struct: type[_T], value: dict[str, Json]) -> _T:
    """Return the fields that are as the API has them; the others count as not sent."""
    named = {field.name: (field, _fit(field.type, field.name, value.get(field.name))) for field in fields(struct)}
    return struct(**{name: field.default if fit is None else fit for name, (field, fit) in named.items()})


def _fit(kind: Any, name: str, value: Json) -> Any:
    """Return `value` as a field of this kind, None if it is of another."""
    kinds = get_args(kind) or (kind,)
    if Any in kinds:
        return value
    if get_origin(kinds[0]) is list:
        return [_lenient(get_args(kinds[0])[0], item) for item in _dicts(value)]
    if kinds[0] is str:
        return value if isinstance(value, str) else _text(name, value)
    if kinds[0] is int:
        return count(value)
    return _lenient(kinds[0], value) if isinstance(value, dict) else None


def _text(name: str, value: Json) -> str | None:
    """Return text that is not sent as the API has it: a tool's arguments as an object."""
    if name == "arguments" and isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=float)
    return None


def _dicts(value: Json) -> list[dict[str, Json]]:
    """Return the objects of a list; one that is sent alone is a list of it."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
