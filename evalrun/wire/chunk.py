"""The JSON of one chat reply, as a chunk of a stream or whole.

It is decoded by type, in under a microsecond, where it follows the API, else leniently (lone surrogates, a number
instead of text, `NaN`): a field of the wrong type counts as not sent.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import fields

from evalrun.errors import TargetError
from evalrun.types import Json, Usage

MOST_TOKENS = 2**53  # a count at or above it is nonsense and would not survive JSON readers or Parquet
MOST_USD = 10**9


class NotChat(TargetError):
    """The text is not JSON, or not an object."""


class _Struct(msgspec.Struct, gc=False):
    """Read once, then dropped: not tracked by the garbage collector."""


_T = TypeVar("_T", bound=_Struct)


class Function(_Struct):
    name: str | None = None
    arguments: str | None = None


class ToolFragment(_Struct):
    """A piece of a tool call; `index` says of which."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Delta(_Struct):
    """What a choice says more. `reasoning_content` (DeepSeek) and `reasoning` (OpenRouter) mean the same."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolFragment] | None = None


class Choice(_Struct):
    """One of the answers: `delta` in a stream, `message` in a whole reply."""

    index: int = 0
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None


class PromptDetails(_Struct):
    cached_tokens: int | None = None


class CompletionDetails(_Struct):
    reasoning_tokens: int | None = None


class Counts(_Struct):
    """The usage block as sent. `estimated_cost` is DeepInfra's, `cost` OpenRouter's."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
    estimated_cost: Decimal | None = None
    cost: Decimal | None = None


class ChatReply(_Struct):
    """One JSON object from the server."""

    choices: list[Choice] | None = None
    usage: Counts | None = None
    error: Json = None
    object: str | None = None
    id: str | None = None
    model: str | None = None
    system_fingerprint: str | None = None


_typed = msgspec.json.Decoder(ChatReply).decode


def decode(text: str) -> ChatReply:
    """Read one reply. Raises `NotChat`."""
    try:
        return _typed(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError, InvalidOperation):
        return _lenient(ChatReply, parse(text))


def parse(text: str) -> dict[str, Json]:
    """Read any JSON object, keeping numbers exact. Raises `NotChat`."""
    try:
        value = json.loads(text, parse_float=_decimal, strict=False)  # not strict: raw control characters are let in
    except json.JSONDecodeError as error:
        raise NotChat(f"at character {error.pos}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise NotChat(str(error)) from None
    if not isinstance(value, dict):
        raise NotChat(f"a JSON {type(value).__name__} instead of an object")
    return value


def usage(counts: Counts | None) -> Usage:
    """Return the usage block as a value. A count that is negative or absurd counts as not sent."""
    if counts is None:
        return Usage()
    prompt, completion = counts.prompt_tokens_details, counts.completion_tokens_details
    cost = counts.estimated_cost if counts.estimated_cost is not None else counts.cost
    return Usage(
        prompt_tokens=_count(counts.prompt_tokens),
        completion_tokens=_count(counts.completion_tokens),
        cached_tokens=_count(prompt.cached_tokens) if prompt else None,
        reasoning_tokens=_count(completion.reasoning_tokens) if completion else None,
        reported_cost_usd=_money(cost),
    )


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
        return _count(value)
    if kinds[0] is Decimal:
        return _money(value)
    return _lenient(kinds[0], value) if isinstance(value, dict) else None


def _text(name: str, value: Json) -> str | None:
    """Return text that is not sent as the API has it: content in a list of parts, a tool's arguments as an object."""
    if name == "content" and (parts := _dicts(value)):
        return "".join(text for part in parts if isinstance(text := part.get("text"), str))
    if name == "arguments" and isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=float)
    return None


def _dicts(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _count(value: Json) -> int | None:
    """Return a count of tokens; a whole number written `16.0` is one, `true` is not."""
    if isinstance(value, Decimal) and _plain(value) and value == value.to_integral_value():
        value = int(value)
    return value if type(value) is int and 0 <= value < MOST_TOKENS else None


def _money(value: Json) -> Decimal | None:
    if type(value) is int and 0 <= value < MOST_USD:
        return Decimal(value)
    return value if isinstance(value, Decimal) and _plain(value) and 0 <= value < MOST_USD else None


def _plain(value: Decimal) -> bool:
    """Say whether a number can be written out: `1e-999999999` is finite, and a billion digits long."""
    _, digits, exponent = value.as_tuple()
    return isinstance(exponent, int) and -40 <= exponent <= 20 and len(digits) <= 40


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal holds
        return Decimal("NaN")
