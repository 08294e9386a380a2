"""OpenAI's own Python SDK asks `evalrun serve sim`: what it sends is understood, what it gets it can read."""

import json
from collections.abc import Iterator
from typing import Literal

import pytest
from pydantic import BaseModel
from sim_command import serving, truth

openai = pytest.importorskip("openai", reason="the SDK is not installed: pip install 'evalrun[test]'")

USER = [{"role": "user", "content": "What is 12 + 30?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Return the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}, "days": {"type": "integer"}},
            "required": ["city", "unit"],
        },
    },
}
TIME = {"type": "function", "function": {"name": "local-time", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.mktemp("sdk")


@pytest.fixture(scope="module")
def client(folder) -> Iterator["openai.OpenAI"]:
    fields = {"accuracy": [1.0], "answer_tokens": 12, "reasoning_tokens": 3, "window": 5000}
    with serving(folder, key="right", model="org/sim-1", **fields) as url:
        yield openai.OpenAI(base_url=url, api_key="right", max_retries=0)


def ask(client: "openai.OpenAI", messages: object = USER, **fields: object):
    return client.chat.completions.create(model="org/sim-1", messages=messages, **fields)


def test_chat(client) -> None:
    """The sum's answer, in a message with a role, a reason, usage that adds up (7 words + 4 + 3) and a request id."""
    answer = ask(client, temperature=0, seed=3, user="me", metadata={"a": "b"})
    choice = answer.choices[0]
    assert (choice.message.role, choice.finish_reason) == ("assistant", "stop")
    assert choice.message.content.endswith("\\boxed{42}")
    assert answer.usage.prompt_tokens == 5 + 7
    assert answer.usage.completion_tokens == 3 + len(choice.message.content.split())
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens_details.reasoning_tokens == 3
    assert answer._request_id == answer.id


def test_a_stream_is_the_whole_answer_in_parts(client) -> None:
    """The same seed gives the same text streamed; two choices interleave and each ends once; usage comes last."""
    whole = ask(client, n=2, seed=1)
    texts, ends, usage, order = ["", ""], [], None, []
    for chunk in ask(client, n=2, seed=1, stream=True, stream_options={"include_usage": True}):
        assert usage is None
        usage = chunk.usage
        for choice in chunk.choices:
            order.append(choice.index)
            texts[choice.index] += choice.delta.content or ""
            ends += [choice.index] if choice.finish_reason else []
    assert texts == [choice.message.content for choice in whole.choices]
    assert texts[0] != texts[1]
    assert sorted(ends) == [0, 1]
    assert order[:6] == [0, 1, 0, 1, 0, 1]
    assert usage == whole.usage


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_ends_before_a_stop_text(client, streamed: bool) -> None:
    """It is cut where the first of several begins, within a token and across two."""
    text = ask(client).choices[0].message.content
    words = text.split(" ")
    across, within = f"{words[2][-1]} {words[3][0]}", words[4][1:]
    assert within
    for stop in (across, [within, across, "nowhere"]):
        answer = ask(client, stop=stop, stream=streamed)
        if streamed:
            parts = [chunk.choices[0] for chunk in answer]
            got, reason = "".join(part.delta.content or "" for part in parts), parts[-1].finish_reason
        else:
            got, reason = answer.choices[0].message.content, answer.choices[0].finish_reason
        assert got == text[: text.index(across)]
        assert reason == "stop"


def test_an_answer_is_cut_at_its_limit(client) -> None:
    """By either name of the limit; reasoning counts too. A stop at the first letter leaves nothing, and the end."""
    for name in ("max_tokens", "max_completion_tokens"):
        answer = ask(client, **{name: 7})
        assert answer.choices[0].finish_reason == "length"
        assert len(answer.choices[0].message.content.split()) == 4
        assert answer.usage.completion_tokens == 7
    text = ask(client).choices[0].message.content
    *_, last = ask(client, stop=[text[0]], stream=True)
    assert last.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("streamed", [False, True])
def test_logprobs(client, streamed: bool) -> None:
    """An entry per token of the text, itself the likeliest of three that add up to at most 1."""
    answer = ask(client, logprobs=True, top_logprobs=3, stream=streamed)
    choices = [chunk.choices[0] for chunk in answer] if streamed else answer.choices
    text = "".join((choice.delta if streamed else choice.message).content or "" for choice in choices)
    entries = [entry for choice in choices if choice.logprobs for entry in choice.logprobs.content]
    assert "".join(entry.token for entry in entries) == text
    assert b"".join(bytes(entry.bytes) for entry in entries).decode() == text
    for entry in entries:
        assert entry.top_logprobs[0].token == entry.token
        assert len({top.token for top in entry.top_logprobs}) == 3
        assert sum(2.718281828**top.logprob for top in entry.top_logprobs) <= 1.000001
        assert entry.logprob == max(top.logprob for top in entry.top_logprobs)


def test_tools_are_called_when_they_must_be_or_are_meant(client) -> None:
    """By name, by need, by a word of the question; never with `none`, nor after a tool's result."""
    named = {"type": "function", "function": {"name": "local-time"}}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named]}}
    asks = {
        "hi": [("auto", []), ("required", ["get_weather"]), ("none", []), (named, ["local-time"])],
        "Weather in Oslo, in local time?": [
            ("auto", ["get_weather", "local-time"]), ("none", []), (allowed, ["local-time"]), (named, ["local-time"]),
        ],
    }  # fmt: skip
    for text, cases in asks.items():
        for choice, names in cases:
            answer = ask(client, [{"role": "user", "content": text}], tools=[WEATHER, TIME], tool_choice=choice)
            message = answer.choices[0].message
            assert [call.function.name for call in message.tool_calls or []] == names, (text, choice)
            assert answer.choices[0].finish_reason == ("tool_calls" if names else "stop")
            assert (message.content is None) == bool(names)
    one = [{"role": "user", "content": "Weather in Oslo, in local time?"}]
    assert len(ask(client, one, tools=[WEATHER, TIME], parallel_tool_calls=False).choices[0].message.tool_calls) == 1


def test_a_conversation_with_tools(client) -> None:
    """A streamed call has valid arguments with the question's city; its result is taken, and answered in words."""
    messages = [{"role": "user", "content": "What is the weather like in Paris for 3 days?"}]
    with client.chat.completions.stream(model="org/sim-1", messages=messages, tools=[WEATHER]) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        message = stream.get_final_completion().choices[0].message
    (call,) = message.tool_calls
    arguments = json.loads(call.function.arguments)
    assert [event.name for event in done] == ["get_weather"]
    assert arguments == {"city": "Paris", "unit": arguments["unit"], "days": 3}
    assert arguments["unit"] in ("C", "F")
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    replied = {"role": "assistant", "tool_calls": [call.model_dump(include={"id", "type", "function"})]}
    answer = ask(client, [*messages, replied, result], tools=[WEATHER])
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].message.content


class Step(BaseModel):
    explanation: str
    kind: Literal["add", "multiply"]


class Solution(BaseModel):
    steps: list[Step]
    answer: int
    comment: str | None


def test_structured_answers_are_parsed(client) -> None:
    """The SDK's own strict schema of a pydantic model, streamed and not: parsed, with the right sum in `answer`."""
    fields = {"model": "org/sim-1", "messages": USER, "response_format": Solution}
    parsed = client.chat.completions.parse(**fields).choices[0].message.parsed
    assert isinstance(parsed, Solution)
    assert (parsed.answer, len(parsed.steps)) == (42, 1)
    with client.chat.completions.stream(**fields) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == parsed
    text = ask(client, response_format={"type": "json_object"}).choices[0].message.content
    assert json.loads(text) == {"answer": "42"}
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(**fields, max_tokens=5)


def test_models_are_listed_and_found(client) -> None:
    """A name with a slash too, which the SDK does not encode; another is not found."""
    assert [model.id for model in client.models.list()] == ["org/sim-1"]
    assert client.models.retrieve("org/sim-1").object == "model"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


SCHEMA = {"name": "a", "schema": {"type": "object", "properties": {"b": {"type": "string"}}}, "strict": True}
NOWHERE = {"type": "function", "function": {"name": "x"}}
ROLE = [{"role": "robot", "content": "hi"}]
WRONG: list[tuple[dict, str | None, str]] = [
    ({"temperature": 3}, "temperature", "above_maximum_value"),
    ({"top_p": -0.5}, "top_p", "below_minimum_value"),
    ({"temperature": "hot"}, "temperature", "invalid_type"),
    ({"stop": ["a"] * 5}, "stop", "invalid_length"),
    ({"extra_body": {"temprature": 1}}, "temprature", "unknown_parameter"),
    ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
    ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
    ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
    ({"tools": []}, "tools", "invalid_length"),
    ({"tools": [WEATHER], "tool_choice": NOWHERE}, "tool_choice", "invalid_value"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name", "missing_required_parameter"),
    ({"response_format": {"type": "yaml"}}, "response_format.type", "invalid_value"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "missing_required_parameter"),
    ({"response_format": {"type": "json_schema", "json_schema": SCHEMA}}, "response_format", "invalid_json_schema"),
    ({"messages": ROLE}, "messages[0].role", "invalid_value"),
    ({"messages": [{"role": "user", "content": None}]}, "messages[0].content", "invalid_type"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content", "invalid_type"),
    ({"messages": [{"role": "tool", "tool_call_id": "c", "content": ""}]}, "messages[0].tool_call_id", "invalid_value"),
    ({"max_tokens": 10**6}, "messages", "context_length_exceeded"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "param", "code"), WRONG)
def test_wrong_fields_are_refused_with_the_apis_error(client, fields: dict, param: str | None, code: str) -> None:
    """A status 400, and an error object with the field and what is wrong with it."""
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, **({"messages": USER} | fields))
    assert (caught.value.param, caught.value.code) == (param, code)
    assert caught.value.type == "invalid_request_error"


def test_keys_and_models_have_their_errors(client) -> None:
    """A wrong key is 401, no such model 404, before anything else about the request."""
    with pytest.raises(openai.AuthenticationError, match="Incorrect API key") as caught:
        ask(client.with_options(api_key="wrong"))
    assert caught.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError, match="`gpt` does not exist"):
        client.chat.completions.create(model="gpt", messages=USER)


def test_faults_are_raised_and_retried(tmp_path) -> None:
    """In an outage with 429 the SDK waits as Retry-After says, asks once more, and raises its own error."""
    outage = {"kind": "error", "status": 429, "retry_after_s": 0.01, "until_s": 3600}
    with serving(tmp_path, faults=[outage]) as url:
        client = openai.OpenAI(base_url=url, api_key="any", max_retries=1)
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model="sim", messages=USER)
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "0.01"
    assert [line["fault"] for line in truth(tmp_path)] == ["error", "error"]
