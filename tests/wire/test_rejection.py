"""wire.rejection: what real servers' refusals are taken for. Bodies are those of the providers, shortened."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.types import Failure, Phase
from evalrun.wire.complaint import Complaint, complaint
from evalrun.wire.rejection import rejected

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
    (404, {"detail": "Not Found"}, "not_found"),
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
    assert failure.message.startswith(f"HTTP {status}: ")


@pytest.mark.parametrize(
    ("status", "headers", "body", "message"),
    [
        (401, {}, '{"error":{"message":"Bad key"}}', "HTTP 401: Bad key"),
        (500, {}, '{"error":"boom"}', "HTTP 500: boom"),
        (500, {}, '[{"error":{"message":"Google","status":"INTERNAL"}}]', "HTTP 500: Google"),
        (500, {}, "plain words", "HTTP 500: plain words"),
        (500, {}, "", "HTTP 500: no reason given"),
        (502, {}, "<html>Bad Gateway</html>", "HTTP 502: a web page, 'Bad Gateway'"),
        (502, {}, "<!DOCTYPE html><title>api.example.com |\n 502: Bad&nbsp;gateway</title><script>'<p>'</script>",
         "HTTP 502: a web page, 'api.example.com | 502: Bad gateway'"),
        (400, {}, "Client sent an HTTP request to an HTTPS server.",
         "HTTP 400: Client sent an HTTP request to an HTTPS server.; it speaks TLS: write https:// in base_url"),
        (429, {"Retry-After": "soon"}, "slow", "HTTP 429: slow; 'retry-after: soon' is not a wait"),
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
         "is a proxy or login page in between? a web page, 'Log in'; is base_url right? it usually ends in /v1"),
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


PROVIDERS = [
    (429, {"error": {"message": "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000.",
     "type": "tokens", "code": "rate_limit_exceeded"}}, "too_large"),
    (429, {"error": {"message": "Rate limit reached for gpt-4o on requests per min (RPM): Limit 3, Used 3",
     "type": "requests", "code": "rate_limit_exceeded"}}, "rate_limited"),
    (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "server"),
    (400, {"type": "error", "error": {"type": "invalid_request_error",
     "message": "prompt is too long: 200001 tokens > 200000 maximum"}}, "context_length"),
    (400, {"type": "error", "error": {"type": "invalid_request_error",
     "message": "Your credit balance is too low to access the Anthropic API."}}, "quota"),
    (400, [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.",
     "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}}], "auth"),
    (400, [{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message":
     "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}}], "context_length"),
    (429, [{"error": {"code": 429, "message": "Resource has been exhausted (e.g. check quota).",
     "status": "RESOURCE_EXHAUSTED"}}], "rate_limited"),
    (503, [{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}], "server"),
    (422, {"error": {"message": "Invalid parameters", "code": "invalid_request_error"}}, "bad_request"),
    (429, {"object": "error", "message": "Service tier capacity exceeded for this model."}, "rate_limited"),
    (498, {"message": "flex tier capacity exceeded"}, "server"),
    (498, {"message": "invalid api token"}, "auth"),
    (403, {"error": {"message": "Input was flagged for violence", "code": 403}}, "content_filter"),
    (408, {"error": {"message": "Your request timed out", "code": 408}}, "server"),
    (404, {"error": {"message": "No endpoints found for some/model.", "code": 404}}, "no_model"),
    (503, {"error": "Model meta/m is currently loading", "estimated_time": 20.0}, "server"),
    (400, {"error": "Model too busy, unable to get response in less than 60 second(s)"}, "server"),
    (400, {"__type": "com.amazon.coral.service#ThrottlingException", "Message": "Too many tokens, please wait"},
     "rate_limited"),
    (400, {"message": "Input is too long for requested model."}, "context_length"),
    (400, {"message": "The provided model identifier is invalid."}, "no_model"),
    (424, {"error": "Request failed during generation", "error_type": "generation"}, "server"),
    (404, {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}}, "no_model"),
    (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, "server"),
    (400, {"error": {"message": "Invalid model name passed in model=x"}}, "no_model"),
    (500, {"error": {"message": "litellm.BadRequestError: Invalid model name passed in model=x"}}, "no_model"),
    (401, {"error": {"message": "key not allowed to access model. This key can only access models=['a']"}}, "no_model"),
    (500, {"error": {"message": "Incorrect API key provided"}}, "server"),
    (400, {"error": {"message": "The engine is at capacity, please retry"}}, "server"),
    (400, {"detail": "Scheduled maintenance until 06:00 UTC"}, "server"),
    (403, {"message": "API rate limit exceeded for user"}, "rate_limited"),
    (404, "<html><title>404 Not Found</title></html>", "not_found"),
    (405, {"detail": "Method Not Allowed"}, "not_found"),
    (499, "", "server"),
    *((status, "<title>origin trouble</title>", "server") for status in (520, 521, 522, 523, 524, 525, 526, 530)),
    (501, "", "bad_request"),
    (400, {"errors": [{"code": 5007, "message": "No such model @cf/x or task"}], "success": False}, "no_model"),
    (400, {"error": {"code": "1261", "message": "Prompt 超长"}}, "context_length"),
    (429, {"error": {"code": "1113", "message": "余额不足或无可用资源包,请充值。"}}, "quota"),
    (429, {"error": {"code": "1302", "message": "您当前使用该API的并发数过高"}}, "rate_limited"),
    (400, {"error": {"message": "tool_choice 'auto' is wrong", "code": 400}}, "bad_request"),
    (400, {"error": {"message": "unknown parameter: timeout"}}, "bad_request"),
    (429, {"error": {"message": "You exceeded your current quota, please check your plan and billing."}}, "quota"),
    (400, {"message": "Range of input length should be [1, 30720]", "code": "InvalidParameter"}, "context_length"),
    (403, {"message": "Error from an unknown country"}, "auth"),
    (404, {"error": {"message": "The server is starting up"}}, "server"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind"), PROVIDERS)
def test_providers(status: int, body: object, kind: str) -> None:
    """The documented errors of providers and of the proxies before them."""
    sent = (body if isinstance(body, str) else json.dumps(body)).encode()
    assert rejected(status, {}, sent).kind == kind
