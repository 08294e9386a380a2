"""wire.rejection: what real servers' refusals are taken for. Bodies are those of the providers, shortened."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.types import Failure, Phase
from evalrun.wire.rejection import Complaint, complaint, rejected

CONTEXT = "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens."
LLAMACPP = "the request exceeds the available context size (4096 tokens), try increasing it"
AZURE = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."


def openai(message: str, code: object = None, kind: str = "invalid_request_error") -> dict[str, object]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


REFUSALS = [
    (400, openai(CONTEXT, "context_length_exceeded"), "context_length"),
    (400, {"object": "error", "message": CONTEXT, "type": "BadRequestError", "code": 400}, "context_length"),
    (400, {"error": {"code": 400, "message": LLAMACPP, "type": "exceed_context_size_error"}}, "context_length"),
    (500, {"error": {"code": 500, "message": LLAMACPP}}, "context_length"),
    (413, openai("Prompt is too long"), "context_length"),
    (413, openai("Request entity too large"), "too_large"),
    (401, openai("Incorrect API key provided", "invalid_api_key"), "auth"),
    (403, openai("Country not supported"), "auth"),
    (402, {"detail": {"error": "Insufficient Balance"}}, "quota"),
    (429, openai("You exceeded your current quota", "insufficient_quota", "insufficient_quota"), "quota"),
    (403, openai("insufficient balance"), "quota"),
    (429, openai("You exceeded your current quota, please retry in 7 s", 429), "rate_limited"),
    (429, openai("Rate limit reached for gpt-5 on tokens per min"), "rate_limited"),
    (429, "slow down", "rate_limited"),
    (400, openai(AZURE, "content_filter"), "content_filter"),
    (403, {"error": {"message": "Your input was flagged", "code": 403}}, "content_filter"),
    (404, openai("The model `gpt-9` does not exist", "model_not_found"), "no_model"),
    (404, {"detail": "Not Found"}, "no_model"),
    (400, openai("model 'x' not found, try pulling it first"), "no_model"),
    (408, "", "server"),
    (409, {}, "server"),
    (500, "Internal Server Error", "server"),
    (503, "<html>Service Unavailable</html>", "server"),
    (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "server"),
    (400, openai("temperature must be below 2"), "bad_request"),
    (422, {"detail": [{"loc": ["body", "seed"], "msg": "Input should be an integer"}]}, "bad_request"),
    (418, "", "bad_request"),
    (302, "", "redirect"),
    (204, "", "empty"),
    (200, "<html>Log in</html>", "not_sse"),
    (101, "", "protocol"),
    (999, "", "protocol"),
]


@pytest.mark.parametrize(("status", "body", "kind"), REFUSALS)
def test_kinds(status: int, body: object, kind: str) -> None:
    """H01..H09, H16, H19: the kind follows the server's words where a status means several things."""
    failure = rejected(status, {}, (body if isinstance(body, str) else json.dumps(body)).encode())
    assert (failure.kind, failure.status, failure.phase) == (kind, status, Phase.COMPLETE)
    assert failure.retry_after_s is None
    assert failure.message.startswith(f"HTTP {status}: ")


@pytest.mark.parametrize(
    ("status", "headers", "body", "message"),
    [
        (401, {}, '{"error":{"message":"Bad key"}}', "HTTP 401: Bad key"),
        (500, {}, '{"error":"boom"}', "HTTP 500: boom"),
        (500, {}, '[{"error":{"message":"Google","status":"INTERNAL"}}]', "HTTP 500: Google"),
        (500, {}, "plain words", "HTTP 500: plain words"),
        (500, {}, "", "HTTP 500: no reason given"),
        (502, {}, "<html>Bad Gateway</html>", "HTTP 502: <html>Bad Gateway</html>"),
        (400, {}, '{"message":"Unknown parameter: stream_options"}', "HTTP 400: Unknown parameter: stream_options; "
         "set quirks.stream_usage to false"),
        (400, {}, '{"message":"`seed` is not supported"}', "HTTP 400: `seed` is not supported; drop or change seed"),
        (400, {}, '{"message":"Use max_completion_tokens, not max_tokens"}',
         "HTTP 400: Use max_completion_tokens, not max_tokens; set quirks.max_tokens_field to max_completion_tokens"),
        (422, {}, '{"detail":[{"loc":["body","logprobs"],"msg":"not allowed"}]}',
         "HTTP 422: body.logprobs: not allowed; drop or change logprobs"),
        (407, {}, "", "HTTP 407: no reason given; the proxy asks for credentials: look at HTTP_PROXY and HTTPS_PROXY"),
        (301, {"Location": "https://other.example/v1?session=1"}, "",
         "HTTP 301: redirected to https://other.example; put the right address in base_url"),
        (301, {"location": "/v2"}, "",
         "HTTP 301: redirected to another path of the same host; put the right address in base_url"),
        (301, {"location": "http://["}, "",
         "HTTP 301: redirected to an invalid address; put the right address in base_url"),
        (200, {"Content-Type": "text/html"}, "<p>Log in",
         "HTTP 200: neither an event stream nor a completion (text/html); "
         "is a proxy or login page in between? <p>Log in"),
    ],
)  # fmt: skip
def test_messages(status: int, headers: dict[str, str], body: str, message: str) -> None:
    """They say what the server said and, where it can be told, what to change."""
    assert rejected(status, headers, body.encode()).message == message


def test_long_bodies_are_cut_after_redaction() -> None:
    """500 characters; a key that spans the cut leaves nothing of itself."""
    failure = rejected(
        500, {}, b"x" * 496 + b"sk-secret" + b"y" * 9999, redact=lambda text: text.replace("sk-secret", "***")
    )
    assert failure.message == "HTTP 500: " + "x" * 496 + "***y" + "..."


def test_a_code_that_is_a_status_is_one() -> None:
    """`code`, `status` or `status_code`, as a number or in digits; other codes are words."""
    assert complaint({"error": {"message": "m", "code": "503"}}) == Complaint("m", "503", 503)
    assert complaint({"error": {"message": "m", "code": "busy", "status_code": 429}}) == Complaint("m", "busy 429", 429)
    assert complaint({"error": {"message": "m", "code": 42}}) == Complaint("m", "42", None)
    assert complaint("words") == Complaint("words")


@given(
    st.integers(0, 1000), st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3), st.binary(max_size=60)
)
def test_no_answer_can_raise(status: int, headers: dict[str, str], body: bytes) -> None:
    """Any status, headers and bytes give a failure."""
    assert isinstance(rejected(status, headers, body), Failure)
