"""Rows H01-H20 of docs/faults.md at the client: what an HTTP answer that is no completion means.

Which of them are sent again, and which end the run: test_resending.py and test_command_faults.py.
"""

import gzip
import json
import zlib
from dataclasses import dataclass
from typing import Any

import pytest
from asking import KEY, Ask
from fault_server import (
    CLOSE,
    DONE,
    HOLD,
    STOP,
    Again,
    FaultServer,
    answer,
    chunked,
    event,
    head,
    refuses,
    says,
    stream,
)  # fmt: skip

from evalrun.targets.kind import Sizes
from evalrun.targets.transport.measuring import MeasuringTransport
from evalrun.types import Completion, Failure, FailureKind, Phase

ANSWER = {"choices": [{"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]}
NOON = "Sun, 22 Nov 2026 12:00:00 GMT"  # by the server's clock; this machine's does not matter
NOON_EPOCH_S = 1795348800


@dataclass(frozen=True, kw_only=True)
class Refused:
    """An answer that is no completion, and the failure it becomes. says: what the message must contain."""

    name: str
    sends: bytes
    kind: FailureKind
    status: int
    says: str = ""
    after_s: float | None = None
    billed: bool = False


def coded(status: int, message: str, **fields: Any) -> bytes:
    return answer(status, {"error": {"message": message, **fields}})


def limited(**headers: str) -> bytes:
    return refuses(429, "slow down", **headers)


FASTAPI = {"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "missing"}]}

REFUSED = [
    Refused(name="H01-names stream_options", sends=refuses(400, "Unknown parameter: 'stream_options'"),
            kind="bad_request", status=400, says="set quirks.stream_usage to false"),
    Refused(name="H01-names seed", sends=refuses(400, "extra inputs are not permitted: seed"),
            kind="bad_request", status=400, says="drop or change seed"),
    Refused(name="H01-names logprobs", sends=refuses(400, "logprobs is not supported with this model"),
            kind="bad_request", status=400, says="drop or change logprobs"),
    Refused(name="H01-names nothing", sends=answer(400, b"Bad Request"), kind="bad_request", status=400,
            says="Bad Request"),
    Refused(name="H02-OpenAI", sends=coded(400, "too long", code="context_length_exceeded"),
            kind="context_length", status=400),
    Refused(name="H02-vLLM", sends=refuses(400, "This model's maximum context length is 4096 tokens."),
            kind="context_length", status=400),
    Refused(name="H03-unauthorized", sends=refuses(401, f"Incorrect API key provided: {KEY}"),
            kind="auth", status=401, says="Incorrect API key provided: ***"),
    Refused(name="H03-forbidden", sends=refuses(403, "not for you"), kind="auth", status=403),
    Refused(name="H04-payment required", sends=refuses(402, "top up"), kind="quota", status=402),
    Refused(name="H04-quota as 429", sends=coded(429, "You exceeded your current quota", code="insufficient_quota"),
            kind="quota", status=429),
    Refused(name="H05-moderation", sends=refuses(403, "blocked by moderation"), kind="content_filter", status=403),
    Refused(name="H05-filter", sends=coded(400, "filtered", code="content_filter"),
            kind="content_filter", status=400),
    Refused(name="H06-no such model", sends=coded(404, "The model `m` does not exist", code="model_not_found"),
            kind="no_model", status=404, says="does not exist"),
    Refused(name="H07-request timeout", sends=refuses(408), kind="server", status=408),
    Refused(name="H07-conflict", sends=refuses(409), kind="server", status=409),
    Refused(name="H08-too large", sends=answer(413), kind="too_large", status=413),
    Refused(name="H09-unprocessable", sends=answer(422, FASTAPI), kind="bad_request", status=422,
            says="body.messages: field required"),
    Refused(name="H10-Retry-After in seconds", sends=limited(retry_after="7"),
            kind="rate_limited", status=429, after_s=7),
    Refused(name="H11-Retry-After as date", kind="rate_limited", status=429, after_s=30,
            sends=limited(date=NOON, retry_after="Sun, 22 Nov 2026 12:00:30 GMT")),
    Refused(name="H12-milliseconds", sends=limited(retry_after_ms="1500"),
            kind="rate_limited", status=429, after_s=1.5),
    Refused(name="H12-Retry-After counts", kind="rate_limited", status=429, after_s=1,
            sends=limited(retry_after="1", x_ratelimit_reset_requests="6m0s", x_ratelimit_reset_tokens="88ms")),
    Refused(name="H12-epoch seconds", kind="rate_limited", status=429, after_s=90,
            sends=limited(date=NOON, x_ratelimit_reset=str(NOON_EPOCH_S + 90))),
    *(Refused(name=f"H13-Retry-After {wish}", sends=limited(retry_after=wish), kind="rate_limited", status=429)
      for wish in ("0", "-5", "NaN", "abc", "1e9", "")),
    Refused(name="H13-a year", sends=limited(retry_after="31536000"), kind="rate_limited", status=429,
            after_s=31_536_000),
    *(Refused(name=f"H15-{status}", sends=refuses(status, "busy"), kind="server", status=status, says="busy")
      for status in (500, 502, 503, 504, 529)),
    Refused(name="H12-in the body", kind="rate_limited", status=429, after_s=2.5,
            sends=coded(429, "Rate limit reached. Try again in 2.5s.")),
    Refused(name="H12-used up", kind="rate_limited", status=429, after_s=90,
            sends=limited(x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="1m30s")),
    Refused(name="H12-not used up", kind="rate_limited", status=429,
            sends=limited(x_ratelimit_remaining_tokens="7", x_ratelimit_reset_tokens="1m30s")),
    Refused(name="H15-loading as 400", sends=coded(400, "the model is loading"), kind="server", status=400),
    Refused(name="H17-error by its code", sends=coded(200, "slow", code=429), kind="rate_limited", status=429,
            says="slow"),
    Refused(name="H17-error as text", sends=answer(200, {"error": "model is loading"}), kind="server", status=200,
            says="model is loading"),
    Refused(name="H17-plain words", sends=answer(200, b"upstream timed out"), kind="server", status=200,
            says="upstream timed out"),
    Refused(name="H17-words in JSON", sends=answer(200, "Too many requests, retry after 9 s"), kind="rate_limited",
            status=200, after_s=9),
    Refused(name="H17-bare JSON as a stream", kind="context_length", status=400,
            sends=chunked(b'{"error":{"code":400,"message":"over the context size"}}\n')),
    Refused(name="H17-field error", sends=chunked(b'error: {"code":503,"message":"Loading model"}\n\n'),
            kind="server", status=503, says="Loading model"),
    Refused(name="H19-empty body", sends=answer(200), kind="empty", status=200, billed=True),
    Refused(name="H19-no content", sends=head("204 No Content"), kind="empty", status=204, billed=True),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_http_answer(ask: Ask, case: Refused) -> None:
    """H01-H19: status, code and words give the kind; the key is never repeated; nothing is sent twice."""
    with FaultServer([case.sends]) as server:
        (reply,) = ask(server.url)
        assert len(server.requests) == 1
    failed = reply.outcome
    assert isinstance(failed, Failure)
    assert (failed.kind, failed.retry_after_s) == (case.kind, case.after_s)
    assert (failed.status, failed.possibly_billed) == (case.status, case.billed)
    assert case.says in failed.message
    assert KEY not in failed.message
    assert reply.timing is None


# ---------------------------------------------------------------- what looks like a fault and is none


def test_h16_redirect_is_not_followed(ask: Ask) -> None:
    """H16: the message shows the host it points to, without its path; the key is never sent there."""
    with FaultServer([answer(200, ANSWER)]) as elsewhere:
        moved = answer("307 Moved", location=f"{elsewhere.url}/login?session=s3cret")
        with FaultServer([moved]) as server:
            failed = ask(server.url)[0].outcome
        assert elsewhere.requests == []
    assert isinstance(failed, Failure)
    assert (failed.kind, failed.status, failed.possibly_billed) == ("redirect", 307, False)
    assert "redirected to http://127.0.0.1" in failed.message
    assert "s3cret" not in failed.message


def test_h18_whole_answer_to_a_streamed_request(ask: Ask) -> None:
    """H18: it counts for quality; without a stream there is no first token, so no TTFT and no TPOT."""
    body = {**ANSWER, "usage": {"prompt_tokens": 9, "completion_tokens": 12}}
    with FaultServer([answer(200, body)]) as server:
        (reply,) = ask(server.url)
    assert isinstance(reply.outcome, Completion)
    assert (reply.outcome.text, reply.outcome.tokens, reply.outcome.streamed) == ("Hello", 12, False)
    assert reply.timing is not None
    assert (reply.timing.ttft_s, reply.timing.ttfo_s, reply.timing.e2e_s, reply.timing.tpot_s) == (None,) * 4
    assert reply.timing.stream_s is not None


WHOLE = json.dumps(ANSWER).encode()
EVENTS = b"".join(event(chunk) for chunk in (says("Hel"), says("lo"), STOP, DONE))
LINES = b"".join(json.dumps(chunk).encode() + b"\n" for chunk in (says("Hel"), says("lo"), STOP))
SSE_TYPE = {"content_type": "text/event-stream"}


@pytest.mark.parametrize(
    ("sends", "flags", "streamed"),
    [
        pytest.param(answer(200, EVENTS, content_type="application/json"), {"odd_content_type"}, True, id="JSON"),
        pytest.param(answer(200, b"\xef\xbb\xbf\n: hi\n\n" + EVENTS), {"odd_content_type"}, True, id="no type, BOM"),
        pytest.param(answer(200, EVENTS, content_type="text/plain"), {"odd_content_type"}, True, id="text"),
        pytest.param(answer(200, WHOLE, **SSE_TYPE), {"odd_content_type"}, False, id="whole as events"),
        pytest.param(answer(200, json.dumps(ANSWER, indent=1).encode(), **SSE_TYPE), {"odd_content_type"}, False,
                     id="whole on many lines as events"),
        pytest.param(answer(200, LINES, content_type="application/x-ndjson"), set(), True, id="lines"),
        pytest.param(answer(200, LINES, **SSE_TYPE), {"odd_content_type"}, True, id="lines as events"),
        pytest.param(answer(200, gzip.compress(EVENTS), content_encoding="gzip", **SSE_TYPE), {"compressed"}, True,
                     id="gzip"),
        pytest.param(answer(200, gzip.compress(EVENTS), **SSE_TYPE), {"compressed"}, True, id="gzip unsaid"),
        pytest.param(answer(200, zlib.compress(EVENTS), content_encoding="deflate", **SSE_TYPE), {"compressed"}, True,
                     id="deflate"),
        pytest.param(answer(200, zlib.compress(EVENTS)[2:-4], content_encoding="deflate", **SSE_TYPE), {"compressed"},
                     True, id="raw deflate"),
        pytest.param(answer(200, gzip.compress(WHOLE), content_encoding="gzip"), {"compressed"}, False,
                     id="gzip, whole"),
    ],
)  # fmt: skip
def test_an_answer_is_what_its_bytes_are(ask: Ask, sends: bytes, flags: set[str], streamed: bool) -> None:
    """H18, H20: wrong content types and unasked compression change nothing but a flag."""
    with FaultServer([sends]) as server:
        (reply,) = ask(server.url)
    assert isinstance(reply.outcome, Completion), reply.outcome
    assert (reply.outcome.text, reply.outcome.streamed) == ("Hello", streamed)
    assert {"odd_content_type", "compressed"} & set(reply.outcome.flags) == flags


BOMB = gzip.compress(b"data: " + b"x" * 2**22)


@pytest.mark.parametrize(
    ("sends", "kind", "words"),
    [
        pytest.param(answer(200, b"\x0b\x02", content_encoding="br"), "protocol", "compressed ('br')", id="br"),
        pytest.param(answer(200, b"plain", content_encoding="gzip"), "protocol", "not the gzip", id="no gzip"),
        pytest.param(answer(200, BOMB, content_encoding="gzip", **SSE_TYPE), "runaway", "expands beyond", id="bomb"),
    ],
)
def test_what_cannot_be_unpacked_is_named(ask: Ask, sends: bytes, kind: FailureKind, words: str) -> None:
    """H20: and counts as paid for; what comes out is bounded."""
    with FaultServer([sends]) as server:
        failed = ask(server.url, sizes=Sizes(answer=2**20))[0].outcome
    assert isinstance(failed, Failure)
    assert (failed.kind, failed.possibly_billed) == (kind, True)
    assert words in failed.message


def test_a_refusal_is_unpacked_too(ask: Ask) -> None:
    """H10: the words of a compressed 429 are read."""
    body = gzip.compress(b'{"error": {"message": "try again in 3 s"}}')
    with FaultServer([answer(429, body, content_encoding="gzip")]) as server:
        failed = ask(server.url)[0].outcome
    assert isinstance(failed, Failure)
    assert failed.retry_after_s == 3.0


EXTRA = b"".join(event(chunk) for chunk in (says("Hello"), STOP, DONE))
DUPLICATED = (
    head(content_type="text/event-stream", x_twice="1", X_Twice="2", server="a\xe9b", connection="close") + EXTRA
)


@pytest.mark.parametrize(
    "sends",
    [
        pytest.param(head("100 Continue") + head("103 Early Hints", link="<x>") + stream(says("Hello"), STOP, DONE),
                     id="H20-interim answers"),
        pytest.param(DUPLICATED, id="H20-duplicate and odd headers"),
        pytest.param(answer(200, ANSWER, **{f"x_{n}": "y" * 50 for n in range(80)}), id="H20-many headers"),
    ],
)  # fmt: skip
def test_h20_odd_but_right(ask: Ask, sends: bytes) -> None:
    """H20: interim answers, unknown, repeated and Latin-1 headers change nothing."""
    with FaultServer([sends, CLOSE]) as server:
        (reply,) = ask(server.url)
    assert isinstance(reply.outcome, Completion), reply.outcome
    assert reply.outcome.text == "Hello"


def assert_no_http(failed: Completion | Failure) -> None:
    assert isinstance(failed, Failure)
    assert (failed.kind, failed.possibly_billed) == ("protocol", True)
    assert failed.phase in (Phase.SENT, Phase.PARTIAL)  # httpx does not tell whether a byte came


@pytest.mark.parametrize(
    "sends",
    [
        pytest.param(head(x_long="y" * 200_000), id="H20-200 KB header"),
        pytest.param(b"HTTP/1.1 abc\r\n\r\n", id="H20-no status"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", id="H20-another protocol"),
        pytest.param(head(content_length="5", Content_Length="6") + b"{}", id="H20-two lengths"),
        pytest.param(head(transfer_encoding="chunked") + b"zz\r\n", id="H20-bad chunk"),
    ],
)
def test_h20_not_http(ask: Ask, sends: bytes) -> None:
    """H20: what is not HTTP is `protocol`, which may have been billed; no library's exception escapes."""
    with FaultServer([sends, HOLD]) as server:
        assert_no_http(ask(server.url)[0].outcome)


@pytest.mark.parametrize(
    "sends",
    [
        pytest.param(Again(head("103 Early Hints", x="y" * 1000)), id="H20-endless interim answers"),
        pytest.param(Again(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000), id="H20-endless head"),
        pytest.param(head("101 Switching", upgrade="x", connection="upgrade"), id="H20-switches protocols unasked"),
    ],
)
def test_h20_no_http_that_httpx_bears(sends: bytes | Again) -> None:
    """H20: the measuring transport gives up what never becomes an answer; of httpx's own only deadlines end it."""
    with FaultServer([sends, HOLD]) as server:
        assert_no_http(Ask(transport=MeasuringTransport)(server.url)[0].outcome)
