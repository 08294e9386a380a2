"""A chat request as the API defines it: fields, ranges, and the API's own error for everything else. No answers.

A field is honoured, or accepted because it changes nothing here (temperature), or refused. What engines and providers
add to the API (`top_k`, `chat_template_kwargs`) is accepted too; `ignore_eos` and `min_tokens` are honoured.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from evalrun.targets.simulator.refused import Refused, refused
from evalrun.types import Json

MOST_TOKENS = 131_072  # of an answer whose length the request sets
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_Name = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")]  # with dots, as most providers take them
_Share = Annotated[float, Meta(ge=0, le=1)]
_Penalty = Annotated[float, Meta(ge=-2, le=2)]
_Limit = Annotated[int, Meta(ge=1)]
_Stop = Annotated[str, Meta(min_length=1)]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An object whose keys are all known."""


class StreamOptions(Strict, frozen=True):
    """What a stream has beside its tokens. include_obfuscation is accepted, and nothing is padded."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None
    continuous_usage_stats: bool | None = None


class FunctionTool(Strict, frozen=True):
    """A function that may be called. parameters: the JSON Schema of its arguments; None takes none."""

    name: _Name
    description: str | None = None
    parameters: dict[str, Json] | None = None
    strict: bool | None = None


class OfferedTool(Strict, frozen=True):
    """A tool of a request."""

    type: Literal["function"]
    function: FunctionTool


class NamedFunction(Strict, frozen=True):
    name: str


class AllowedTools(Strict, frozen=True):
    """Some of the request's tools. mode: may or must be called."""

    mode: Literal["auto", "required"]
    tools: list["NamedTool"]


class NamedTool(Strict, frozen=True):
    """One tool by its name, or the allowed ones of all."""

    type: Literal["function", "allowed_tools"]
    function: NamedFunction | None = None
    allowed_tools: AllowedTools | None = None


class SchemaFormat(Strict, frozen=True):
    """A JSON Schema that the answer must be valid against. strict: within the API's subset of JSON Schema."""

    name: _Name
    schema: dict[str, Json] | None = None
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(Strict, frozen=True):
    """The form of the answer's text."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaFormat | None = None


class ChatRequest(Strict, frozen=True):
    """The body of a chat request. What has no use here has no name in the code but this one."""

    model: str
    messages: Annotated[list[dict[str, Json]], Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    max_tokens: _Limit | None = None
    max_completion_tokens: _Limit | None = None
    seed: int | None = None
    stop: _Stop | Annotated[list[_Stop], Meta(max_length=4)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    tools: Annotated[list[OfferedTool], Meta(min_length=1, max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    ignore_eos: bool | None = None
    min_tokens: Annotated[int, Meta(ge=0, le=MOST_TOKENS)] | None = None

    # accepted: they change nothing
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: _Share | None = None
    frequency_penalty: _Penalty | None = None
    presence_penalty: _Penalty | None = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    reasoning_effort: str | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    modalities: list[Literal["text"]] | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    service_tier: str | None = None
    prediction: dict[str, Json] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None

    # accepted: additions of engines and providers
    top_k: int | None = None
    min_p: _Share | None = None
    top_a: _Share | None = None
    typical_p: _Share | None = None
    repetition_penalty: float | None = None
    repeat_penalty: float | None = None
    length_penalty: float | None = None
    stop_token_ids: list[int] | None = None
    skip_special_tokens: bool | None = None
    include_stop_str_in_output: bool | None = None
    chat_template_kwargs: dict[str, Json] | None = None
    enable_thinking: bool | None = None
    thinking: dict[str, Json] | None = None
    thinking_budget: int | None = None
    reasoning: dict[str, Json] | None = None
    include_reasoning: bool | None = None
    cache_prompt: bool | None = None
    priority: int | None = None
    provider: dict[str, Json] | None = None
    usage: dict[str, Json] | None = None

    @property
    def limit(self) -> int | None:
        """The most tokens of each choice."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens

    @property
    def stops(self) -> list[str]:
        """The texts that end an answer."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def usage_asked(self) -> bool:
        """Whether a stream ends with its usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)


class LenientRequest(ChatRequest, frozen=True, forbid_unknown_fields=False):
    """A chat request that may have any further fields."""


_decode = msgspec.json.Decoder(ChatRequest).decode
_decode_lenient = msgspec.json.Decoder(LenientRequest).decode


def read_request(body: bytes, *, lenient: bool) -> ChatRequest:
    """Return the request in a body. Raises Refused. lenient: ignore fields that nobody knows."""
    try:
        ask = (_decode_lenient if lenient else _decode)(body)
    except msgspec.ValidationError as error:
        raise _wrong_field(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refused(400, f"The body of your request is not valid JSON: {error}", code="invalid_json") from error
    _check_messages(ask.messages)
    _check_together(ask)
    return ask


_CODES = (  # a part of msgspec's message, and the API's code
    ("unknown field", "unknown_parameter"),
    ("missing required field", "missing_required_parameter"),
    ("Invalid enum value", "invalid_value"),
    ("of length", "invalid_length"),
    ("matching regex", "invalid_value"),
    ("` >", "below_minimum_value"),
    ("` <", "above_maximum_value"),
    ("got `", "invalid_type"),
)


def _wrong_field(message: str) -> Refused:
    """Return the API's error for msgspec's, which ends in `at $.path` where it is not about the whole object."""
    what, _, path = message.partition(" - at `$")
    path = path.rstrip("`").removeprefix(".")
    code = next((code for part, code in _CODES if part in what), "invalid_value")
    if field := re.search(r"field `(.+)`$", what, re.DOTALL):
        param = f"{path}.{field[1]}".lstrip(".")
        word = "Unknown" if code == "unknown_parameter" else "Missing required"
        return refused(400, f"{word} parameter: '{param}'.", param=param, code=code)
    return refused(400, f"Invalid '{path or 'body'}': {what}.", param=path or None, code=code)


def _check_messages(messages: Iterable[dict[str, Json]]) -> None:
    """Refuse a message whose role, content or tool call id is wrong."""
    called: set[Json] = set()
    for number, message in enumerate(messages):
        where, role, content = f"messages[{number}]", message.get("role"), message.get("content")
        if role not in _ROLES:
            allowed = ", ".join(f"'{name}'" for name in _ROLES)
            wrong = f"Invalid value: '{role}'. Supported values are: {allowed}."
            raise refused(400, wrong, param=f"{where}.role", code="invalid_value")
        if role == "assistant":
            called.update(_call_ids(message.get("tool_calls"), where))
        elif role == "tool" and message.get("tool_call_id") not in called:
            wrong = "Messages with role 'tool' must answer a call of an earlier message with 'tool_calls'."
            raise refused(400, wrong, param=f"{where}.tool_call_id", code="invalid_value")
        if isinstance(content, str) or (content is None and role == "assistant"):
            continue
        if not (isinstance(content, list) and all(map(_is_part, content))):
            wrong = f"Invalid type for '{where}.content': expected a string or an array of content parts."
            raise refused(400, wrong, param=f"{where}.content", code="invalid_type")


def _call_ids(calls: Json, where: str) -> list[Json]:
    """Return the ids of an assistant message's calls."""
    if calls is None:
        return []
    if not (isinstance(calls, list) and all(isinstance(call, dict) for call in calls)):
        wrong = f"Invalid type for '{where}.tool_calls': expected an array of objects."
        raise refused(400, wrong, param=f"{where}.tool_calls", code="invalid_type")
    ids = [call.get("id") for call in calls if isinstance(call, dict)]
    return [name for name in ids if isinstance(name, str)]


def _is_part(part: Any) -> bool:
    """Whether it is an object with a type; a text part also has a text."""
    return (
        isinstance(part, dict)
        and isinstance(part.get("type"), str)
        and (part["type"] != "text" or isinstance(part.get("text"), str))
    )


def _check_together(ask: ChatRequest) -> None:
    """Refuse fields that need another one."""
    needs = (
        ("stream_options", "stream", ask.stream_options is not None and not ask.stream),
        ("top_logprobs", "logprobs", ask.top_logprobs is not None and not ask.logprobs),
        ("tool_choice", "tools", ask.tool_choice not in (None, "none") and ask.tools is None),
        ("parallel_tool_calls", "tools", ask.parallel_tool_calls is not None and ask.tools is None),
    )
    for name, other, wrong in needs:
        if wrong:
            raise refused(400, f"'{name}' is only allowed with '{other}'.", param=name, code="invalid_value")
    form = ask.response_format
    if form is not None and (form.type == "json_schema") != (form.json_schema is not None):
        wrong_form = "'json_schema' is needed with the type 'json_schema', and allowed with no other."
        raise refused(400, wrong_form, param="response_format.json_schema", code="missing_required_parameter")
    if form is not None and form.json_schema is not None and form.json_schema.schema is None:
        missing = "Missing required parameter: 'response_format.json_schema.schema'."
        raise refused(400, missing, param="response_format.json_schema.schema", code="missing_required_parameter")
