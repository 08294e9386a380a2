"""The simulator's HTTP, byte by byte: old and new clients, bodies of both kinds, and errors that are the API's."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sim_command import raw, serving, truth

CHAT = json.dumps({"model": "sim", "messages": [{"role": "user", "content": "1 + 2"}]}).encode()
STREAM = CHAT[:-1] + b', "stream": true}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("http")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with serving(folder, accuracy=[1.0]) as url:
        yield url


def post(body: bytes, *headers: str, version: str = "1.1") -> bytes:
    """Return a chat request that asks for the connection to be closed, unless a header says otherwise."""
    lines = [f"POST /v1/chat/completions HTTP/{version}", "Host: x", f"Content-Length: {len(body)}", *headers]
    if not any(header.startswith("Connection") for header in headers):
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def parsed(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the only answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), {n.lower(): v for n, _, v in (line.partition(": ") for line in lines)}, body


def events(text: bytes) -> list[bytes]:
    return re.findall(rb"^data: (.*)$", text, re.MULTILINE)


def test_http_1_0_gets_no_chunks_and_a_closed_connection(url: str) -> None:
    """A stream to HTTP/1.0 is plain bytes to the end of the connection, even if keep-alive was asked for."""
    for header in ("X-None: 1", "Connection: keep-alive"):
        data = post(STREAM, header, version="1.0").replace(b"Connection: close\r\n", b"").replace(b"Host: x\r\n", b"")
        status, headers, body = parsed(raw(url, data))
        assert status == 200
        assert "transfer-encoding" not in headers
        assert headers["connection"] == "close"
        assert body.startswith(b"data: {")
        assert events(body)[-1] == b"[DONE]"


def test_http_1_0_keeps_the_connection_only_if_asked(url: str) -> None:
    """Two requests with keep-alive and one without get three answers, the first two saying so; a fourth gets none."""
    kept = b"GET /v1/models HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
    answers = raw(url, kept * 2 + b"GET /health HTTP/1.0\r\n\r\n" + kept)
    assert re.findall(rb"HTTP/1.1 (\d+)|Connection: (\S+)", answers) == [
        (b"200", b""), (b"", b"keep-alive"), (b"200", b""), (b"", b"keep-alive"), (b"200", b""), (b"", b"close"),
    ]  # fmt: skip


def test_pipelined_requests_are_answered_in_order(url: str) -> None:
    """Chat, HEAD, a stream and a last one, sent at once: four answers in order; HEAD's has a length and no body."""
    data = post(CHAT, "Connection: keep-alive") + b"HEAD /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
    data += post(STREAM, "Connection: keep-alive") + b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answers = raw(url, data)
    assert re.findall(rb"HTTP/1.1 200 OK\r\nContent-Type: (\S+?);?[\s]", answers) == [
        b"application/json", b"application/json", b"text/event-stream", b"application/json",
    ]  # fmt: skip
    _, head, rest = answers.split(b"HTTP/1.1 200 OK\r\n")[1:4]
    assert re.search(rb"Content-Length: [1-9]", head)
    assert head.endswith(b"\r\n\r\n")
    assert rest.endswith(b"\r\n0\r\n\r\n")
    assert answers.endswith(b'{"status":"ok"}')


def test_a_body_may_come_in_chunks(url: str) -> None:
    """Chunks of any size with extensions and trailers are the same request as one piece."""
    cut = [CHAT[:1], CHAT[1:20], CHAT[20:]]
    body = b"".join(b"%X;x=y\r\n%b\r\n" % (len(part), part) for part in cut) + b"0\r\nX-Trailer: 1\r\n\r\n"
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    status, _, got = parsed(raw(url, head + body))
    assert status == 200
    assert json.loads(got)["choices"] == json.loads(parsed(raw(url, post(CHAT)))[2])["choices"]


def test_a_client_that_waits_is_told_to_go_on(url: str) -> None:
    """`Expect: 100-continue` gets 100 and then the answer; not HTTP/1.0, which knows no 100."""
    assert raw(url, post(CHAT, "Expect: 100-continue")).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert raw(url, post(CHAT, "Expect: 100-continue", version="1.0")).startswith(b"HTTP/1.1 200 OK\r\n")


HUGE = 256 * 2**20 + 1
UNREAD = [
    (413, "request_too_large", post(b"", "Expect: 100-continue").replace(b"Length: 0", b"Length: %d" % HUGE)),
    (413, "request_too_large", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFF\r\n"),
    (417, "bad_expectation", post(CHAT, "Expect: miracles")),
    (400, "bad_framing", post(CHAT, "Transfer-Encoding: chunked")),
    (400, "bad_framing", post(CHAT).replace(b"Length: ", b"Length: +")),
    (400, "bad_framing", post(CHAT, "Content-Length: 3")),
    (400, "bad_framing", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"),
    (400, "bad_framing", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"),
    (501, "unknown_coding", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"),
    (400, "missing_host", b"GET /health HTTP/1.1\r\n\r\n"),
    (400, "bad_header", b"GET /health HTTP/1.1\r\nHost : x\r\n\r\n"),
    (400, "bad_header", b"GET /health HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n"),
    (400, "bad_request_line", b"nonsense\r\n\r\n"),
    (400, "bad_request_line", b"GET /health HTTP/2.0\r\nHost: x\r\n\r\n"),
    (431, "headers_too_large", b"GET /health HTTP/1.1\r\nHost: x\r\nX: %b\r\n\r\n" % (b"a" * 70_000)),
]


@pytest.mark.parametrize(("status", "code", "data"), UNREAD)
def test_a_request_that_cannot_be_read_gets_an_error_and_the_end(url: str, status: int, code: str, data: bytes) -> None:
    """Its error object arrives whole, before the connection is closed; no 100 is sent for a body that is refused."""
    got, headers, body = parsed(raw(url, data))
    assert (got, json.loads(body)["error"]["code"], headers["connection"]) == (status, code, "close")


def test_the_answer_arrives_although_the_body_was_not_read(url: str) -> None:
    """A client that sends 3 MB of a body that is too large still reads why."""
    data = post(b"", "X: 1").replace(b"Length: 0", b"Length: %d" % HUGE) + b"x" * 3_000_000
    assert parsed(raw(url, data))[0] == 413


REFUSED = [
    (404, "not_found", b"POST /v1/embeddings"),
    (404, "not_found", b"GET /"),
    (404, "model_not_found", b"GET /v1/models/nope"),
    (405, "method_not_allowed", b"GET /v1/chat/completions"),
    (405, "method_not_allowed", b"DELETE /v1/models/sim"),
]


@pytest.mark.parametrize(("status", "code", "line"), REFUSED)
def test_paths_and_methods_have_their_errors(url: str, status: int, code: str, line: bytes) -> None:
    """As error objects; the connection goes on."""
    health = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answers = raw(url, line + b" HTTP/1.1\r\nHost: x\r\n\r\n" + health)
    refused, _, ok = answers.rpartition(b"HTTP/1.1 200")
    got, headers, body = parsed(refused)
    assert ok
    assert (got, json.loads(body)["error"]["code"]) == (status, code)
    assert ("allow" in headers) == (status == 405)


@pytest.mark.parametrize(
    ("line", "status", "allow"),
    [
        (b"OPTIONS /v1/chat/completions", 200, "POST, OPTIONS"),
        (b"OPTIONS /v1/models", 200, "GET, HEAD, OPTIONS"),
        (b"HEAD /v1/models/sim", 200, None),
        (b"HEAD /v1/chat/completions", 405, "POST, OPTIONS"),
        (b"HEAD /nowhere", 404, None),
    ],
)
def test_head_and_options_have_no_body(url: str, line: bytes, status: int, allow: str | None) -> None:
    """Only a head comes back, with the allowed methods where they were asked for or missed."""
    got, headers, body = parsed(raw(url, line + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    assert (got, headers.get("allow"), body) == (status, allow, b"")


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; Charset=UTF-8", 200),
        ('application/json;charset="utf-8"', 200),
        ("application/json; charset=latin-1", 415),
        ("application/x-www-form-urlencoded", 415),
        ("text/plain", 415),
    ],
)
def test_the_content_type_is_json_in_utf_8(url: str, kind: str, status: int) -> None:
    """With or without a charset; other types and charsets are refused, and so are compressed bodies."""
    assert parsed(raw(url, post(CHAT, f"Content-Type: {kind}")))[0] == status
    assert parsed(raw(url, post(CHAT, f"Content-Type: {kind}", "Content-Encoding: gzip")))[0] == 415


@pytest.mark.parametrize("body", [b"{", b"", b"\xff", b"[" * 100_000, b'{"model": "sim", "messages": [1]}', b"null"])
def test_bodies_that_are_not_chat_requests_are_refused(url: str, body: bytes) -> None:
    """400 and an error object, whatever the bytes are; the server goes on."""
    status, _, answer = parsed(raw(url, post(body)))
    assert (status, json.loads(answer)["error"]["type"]) == (400, "invalid_request_error")
    assert parsed(raw(url, post(CHAT)))[0] == 200


def test_paths_are_decoded_and_may_be_absolute(tmp_path: Path) -> None:
    """A model's name with a slash and a space, encoded or not, with a query, and as a proxy is asked."""
    with serving(tmp_path, model="my org/m") as url:
        for target in (b"/v1/models/my%20org%2Fm", b"/v1/models/my%20org/m?x=1", b"http://x:1/v1/models/my%20org/m"):
            data = b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            assert json.loads(parsed(raw(url, data))[2])["id"] == "my org/m"


def test_a_key_is_asked_for_everywhere_but_for_health(tmp_path: Path) -> None:
    """Missing, wrong, of another kind: 401. The kind's case does not matter."""
    with serving(tmp_path, key="k") as url:
        cases = {"X: 1": 401, "Authorization: Bearer wrong": 401, "Authorization: Basic k": 401}
        cases |= {"Authorization: Bearer k": 200, "authorization: bearer k": 200}
        for header, status in cases.items():
            got, headers, _ = parsed(raw(url, post(CHAT, header)))
            assert (got, headers.get("www-authenticate")) == (status, "Bearer" if status == 401 else None)
        assert raw(url, b"GET /nowhere HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 401")
        assert raw(url, b"GET /health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_events_may_be_cut_within_a_character(tmp_path: Path) -> None:
    """Each event of a text in several scripts comes as two HTTP chunks, neither of them UTF-8; together they are."""
    with serving(tmp_path, split="character", script="mixed", answer_tokens=20) as url:
        _, _, body = parsed(raw(url, post(STREAM)))
        chunks, whole = [], b""
        while size := int(body.partition(b"\r\n")[0], 16):
            chunks.append(body.partition(b"\r\n")[2][:size])
            body = body.partition(b"\r\n")[2][size + 2 :]
        whole = b"".join(chunks)
        broken = [part for part in chunks if part.decode(errors="ignore").encode() != part]
        text = "".join(json.loads(event)["choices"][0]["delta"].get("content", "") for event in events(whole)[:-1])
        assert len(chunks) == 2 * (1 + len(truth(tmp_path)[0]["written_ns"]))
        assert len(broken) >= 20
        assert "答え" in text
