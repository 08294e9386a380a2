"""wire.chat and wire.dialect: canonical request bytes, what they may cost, and replies that come in one piece."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.errors import SuiteError
from evalrun.types import Completion, Failure, Message, Phase, ToolCall, Usage
from evalrun.wire import chat
from evalrun.wire.chat import most_tokens, reply
from evalrun.wire.dialect import request_body

FIXTURES = Path(__file__).parents[1] / "fixtures" / "deepinfra"
ASKED = (Message(role="system", content="Be brief."), Message(role="user", content="2 + 2 = é?"))


def test_the_body_is_canonical_json() -> None:
    """Sorted keys, no blanks, UTF-8: written out by hand."""
    body = request_body(chat, ASKED, model="m", fields={"top_p": 0.5, "max_tokens": 7}, stream=True, stream_usage=True)
    assert body.decode() == (
        '{"max_tokens":7,"messages":[{"content":"Be brief.","role":"system"},{"content":"2 + 2 = é?","role":"user"}],'
        '"model":"m","stream":true,"stream_options":{"include_usage":true},"top_p":0.5}'
    )


def test_the_order_of_parameters_does_not_matter() -> None:
    """The same request is the same bytes, nested fields included."""
    one = {"a": {"x": 1, "y": 2}, "b": 3}
    other = {"b": 3, "a": {"y": 2, "x": 1}}
    bodies = {request_body(chat, ASKED, model="m", fields=p, stream=False, stream_usage=False) for p in (one, other)}
    assert len(bodies) == 1


@pytest.mark.parametrize(("stream", "usage", "sent"), [(True, False, False), (False, True, False), (True, True, True)])
def test_usage_is_asked_for_in_streams_only(stream: bool, usage: bool, sent: bool) -> None:
    """Without a stream `stream_options` is an error at most servers."""
    body = json.loads(request_body(chat, ASKED, model="m", fields={}, stream=stream, stream_usage=usage))
    assert ("stream_options" in body, body["stream"]) == (sent, stream)


def test_extra_fields_may_set_stream_options_but_not_what_the_record_relies_on() -> None:
    """A quirk may ask for more; the model, the messages and the stream are evalrun's."""
    params = {"stream_options": {"include_usage": False}}
    assert json.loads(request_body(chat, ASKED, model="m", fields=params, stream=True, stream_usage=True))[
        "stream_options"
    ] == {"include_usage": False}
    with pytest.raises(SuiteError, match=r"sampling\.body: messages, model cannot be set there"):
        request_body(chat, ASKED, model="m", fields={"model": "x", "messages": []}, stream=True, stream_usage=True)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, Decimal(1)])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    """Before anything is sent, and not as null."""
    with pytest.raises(SuiteError, match="a request body is plain JSON"):
        request_body(chat, ASKED, model="m", fields={"temperature": value}, stream=True, stream_usage=True)


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({"max_tokens": 64}, 64),
        ({"max_completion_tokens": 64, "n": 3}, 192),
        ({"max_tokens": 64, "max_completion_tokens": 100_000}, 100_000),
        ({"max_tokens": 64, "max_new_tokens": 5}, 64),
        ({"max_tokens": 64, "n": 2, "best_of": 5}, 320),
        ({"max_tokens": 64, "max_completion_tokens": None, "n": None}, 64),
        ({}, None),
        ({"max_tokens": None}, None),
        ({"max_tokens": -1}, None),
        ({"max_tokens": True}, None),
        ({"max_tokens": 64, "n": "2"}, None),
        ({"max_tokens": 64, "n_predict": -1}, None),
    ],
)
def test_the_most_tokens_that_a_body_may_be_billed_for(fields: dict[str, object], most: int | None) -> None:
    """The largest limit times the most choices; None where a server may follow a field that limits nothing."""
    assert most_tokens(fields) == most


@given(st.text(st.characters(), max_size=20) | st.just("\ud83d\ude00") | st.just("a\ud83d"))
def test_no_text_can_break_the_body(text: str) -> None:
    """Any text, lone surrogates too, gives valid UTF-8 JSON, and comes back the same unless it had half characters."""
    body = request_body(
        chat, [Message(role="user", content=text)], model="m", fields={"stop": [text]}, stream=True, stream_usage=False
    )
    sent = json.loads(body.decode("utf-8"))
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert (sent["messages"][0]["content"], sent["stop"]) == (whole, [whole])


def test_the_provider_replies() -> None:
    """Both replies of the provider's page, field by field; whole replies have no chunks."""
    hello, lamb = (reply((FIXTURES / name).read_bytes()) for name in ("hello.json", "lamb.json"))
    assert hello == Completion(
        text=" Hello! It's nice to meet you. Is there something I can help you with or would you like to chat for a bit"
        "?",
        finish_reason="stop",
        usage=Usage(prompt_tokens=15, completion_tokens=16, reported_cost_usd=Decimal("0.0000268")),
        tokens=16,
        token_source="usage",
        streamed=False,
        model="deepseek-ai/DeepSeek-V3.2",
        response_id="chatcmpl-guMTxWgpFf",
    )
    assert isinstance(lamb, Completion)
    assert lamb.usage == Usage(prompt_tokens=149, completion_tokens=338, reported_cost_usd=Decimal("0.00035493"))


def test_a_reply_with_everything() -> None:
    """Reasoning, refusal, tool calls without index, a second choice, a leaked marker, no usage: nothing is counted."""
    calls = [{"id": "1", "function": {"name": "f", "arguments": "{}"}}, {"id": "2", "function": {"name": "f"}}]
    message = {"content": "<think>hm</think>4</s>", "refusal": "no", "tool_calls": calls}
    choices = [{"index": 1, "message": {"content": "5"}}, {"index": 0, "message": message, "finish_reason": "length"}]
    answer = reply(json.dumps({"choices": choices, "system_fingerprint": "fp"}).encode(), end_markers=["</s>"])
    assert answer == Completion(
        text="4",
        reasoning="hm",
        reasoning_shapes=("<think>",),
        refusal="no",
        tool_calls=(ToolCall(id="1", name="f", arguments="{}"), ToolCall(id="2", name="f")),
        finish_reason="length",
        streamed=False,
        system_fingerprint="fp",
        others=("5",),
        flags=("inline_think", "leaked_marker", "no_finish_reason"),
    )


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (b"", "empty", 200, "HTTP 200: the answer is empty"),
        (b"  \n", "empty", 200, "HTTP 200: the answer is empty"),
        (b"<html>Log in</html>", "not_sse", 200, "is a proxy or login page in between? a web page, 'Log in'"),
        (b'{"error":{"message":"busy","code":503}}', "server", 503, "the server answered 200 with an error: busy"),
        (b'{"detail":"no such thing"}', "in_band", 200, "the server answered 200 with an error: no such thing"),
        (b"{}", "in_band", 200, "the server answered 200 with no completion: {}"),
        (b'{"choices":[{"mess', "bad_chunk", 200, "malformed reply, at character 13"),
        (b'{"choices":[]}', "empty", 200, "the reply is empty (finish_reason: none)"),
        (b'{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}', "empty", 200, "(finish_reason: stop)"),
        (b'{"choices":[{"finish_reason":"content_filter"}]}', "content_filter", 200, "a filter took all of it"),
    ],
)
def test_replies_that_are_no_answer(body: bytes, kind: str, status: int, words: str) -> None:
    """H17..H19, N15: each its kind, with what the server said; the status an error names is kept for the retry."""
    failure = reply(body)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.status, failure.phase) == (kind, status, Phase.COMPLETE)
    assert words in failure.message


def test_invalid_bytes_and_half_characters_in_a_reply() -> None:
    """S26, S27: replaced; the bytes are flagged, a U+FFFD that the model wrote itself is not."""
    for inner, text, flags in ((b"\xff", "\ufffd", ("invalid_utf8",)), ("\ufffd".encode(), "\ufffd", ())):
        got = reply(b'{"choices":[{"message":{"content":"' + inner + b'"},"finish_reason":"stop"}]}')
        assert isinstance(got, Completion)
        assert (got.text, got.flags) == (text, flags)
    half = reply(b'{"choices":[{"message":{"content":"a\\ud83d"},"finish_reason":"stop"}]}')
    assert isinstance(half, Completion)
    assert half.text == "a\ufffd"
