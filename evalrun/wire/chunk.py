"""The JSON of one chat reply, as a chunk of a stream or whole. It decodes, and judges nothing.

Two ways in: typed decoding, under a microsecond, for what follows the API; and a lenient one for what does not
(lone surrogates, a number where text belongs, `NaN`), where a field of the wrong type counts as not sent.
"""

import json
from decimal import Decimal, InvalidOperation

import msgspec

from evalrun.errors import TargetError
from evalrun.types import Json, Usage

MOST_TOKENS = 2**53  # a count at or above it is nonsense and would not survive JSON readers or Parquet
MOST_USD = 10**9


class NotChat(TargetError):
    """The text is not JSON, or not an object."""


class _Struct(msgspec.Struct, gc=False):
    """Read once, then dropped: not tracked by the garbage collector."""


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


class Reply(_Struct):
    """One JSON object from the server."""

    choices: list[Choice] | None = None
    usage: Counts | None = None
    error: Json = None
    object: str | None = None
    id: str | None = None
    model: str | None = None
    system_fingerprint: str | None = None


_typed = msgspec.json.Decoder(Reply).decode


def decode(text: str) -> Reply:
    """Read one reply. Raises `NotChat`."""
    try:
        return _typed(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError, InvalidOperation):
        return _lenient(parse(text))


def parse(text: str) -> dict[str, Json]:
    """Read any JSON object, keeping numbers exact. Raises `NotChat`."""
    try:
        value = json.loads(text, parse_float=_decimal, strict=False)  # not strict: raw control characters are let in
    except json.JSONDecodeError as error:
        raise NotChat(f"at character {error.pos}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise NotChat(str(error)) from None
    if not isinstance(value, dict):
        raise NotChat(f"a JSON {type(value).__name__} where an object belongs")
    return value


def usage(counts: Counts | None) -> Usage:
    """Return the usage block as a value. A count that cannot be one (negative, absurd) was not sent."""
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


def _lenient(value: dict[str, Json]) -> Reply:
    counts = value.get("usage")
    return Reply(
        choices=[_choice(choice) for choice in _dicts(value.get("choices"))],
        usage=_counts(counts) if isinstance(counts, dict) else None,
        error=value.get("error"),
        object=_str(value.get("object")),
        id=_str(value.get("id")),
        model=_str(value.get("model")),
        system_fingerprint=_str(value.get("system_fingerprint")),
    )


def _choice(value: dict[str, Json]) -> Choice:
    delta, message = value.get("delta"), value.get("message")
    return Choice(
        index=_count(value.get("index")) or 0,
        delta=_delta(delta) if isinstance(delta, dict) else None,
        message=_delta(message) if isinstance(message, dict) else None,
        finish_reason=_str(value.get("finish_reason")),
    )


def _delta(value: dict[str, Json]) -> Delta:
    content = value.get("content")
    parts = _dicts(content)  # some servers send a list of parts where the API has text
    return Delta(
        content="".join(_str(part.get("text")) or "" for part in parts) if parts else _str(content),
        reasoning_content=_str(value.get("reasoning_content")),
        reasoning=_str(value.get("reasoning")),
        refusal=_str(value.get("refusal")),
        tool_calls=[_fragment(call) for call in _dicts(value.get("tool_calls"))],
    )


def _fragment(value: dict[str, Json]) -> ToolFragment:
    function = value.get("function")
    function = function if isinstance(function, dict) else {}
    arguments = function.get("arguments")
    if isinstance(arguments, dict):  # the API has JSON text here; some servers send the object itself
        arguments = json.dumps(arguments, ensure_ascii=False, default=float)
    return ToolFragment(
        index=_count(value.get("index")),
        id=_str(value.get("id")),
        function=Function(name=_str(function.get("name")), arguments=_str(arguments)),
    )


def _counts(value: dict[str, Json]) -> Counts:
    prompt, completion = value.get("prompt_tokens_details"), value.get("completion_tokens_details")
    return Counts(
        prompt_tokens=_count(value.get("prompt_tokens")),
        completion_tokens=_count(value.get("completion_tokens")),
        prompt_tokens_details=PromptDetails(_count(prompt.get("cached_tokens"))) if isinstance(prompt, dict) else None,
        completion_tokens_details=CompletionDetails(_count(completion.get("reasoning_tokens")))
        if isinstance(completion, dict)
        else None,
        estimated_cost=_money(value.get("estimated_cost")),
        cost=_money(value.get("cost")),
    )


def _dicts(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _str(value: Json) -> str | None:
    return value if isinstance(value, str) else None


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
