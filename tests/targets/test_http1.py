"""HTTP/1.1 as values: the answer does not depend on how its bytes were cut."""

from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.targets.transport.http1 import MAX_BARREN_BYTES, AnswerParser, ProtocolError, encode

WHOLE = (
    b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\nX: \xc3\xa9\r\n\r\n"
    b"5\r\nab\r\nc\r\n1;x=y\r\nd\r\n0\r\nTrailer: t\r\n\r\n"
)


@given(st.lists(st.integers(1, len(WHOLE) - 1), unique=True).map(sorted))
def test_any_cut_is_the_same_answer(cuts):
    """Cut anywhere, any number of times: same status, headers, body and end."""
    answer = AnswerParser("POST")
    edges = [0, *cuts, len(WHOLE)]
    body = b"".join(answer.feed(WHOLE[a:b]) for a, b in pairwise(edges))
    assert body == b"ab\r\ncd"
    assert (answer.status, answer.reason) == (201, b"Made")
    assert answer.headers == [(b"Transfer-Encoding", b"chunked"), (b"X", b"\xc3\xa9")]
    assert answer.complete
    assert answer.reusable
    assert not answer.wrong


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_raise(noise, in_body):
    """Whatever a server sends, reading it gives body, an end or `wrong`, never an exception."""
    answer = AnswerParser("POST")
    answer.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" if in_body else b"HTTP/1.1 ")
    assert isinstance(answer.feed(noise), bytes)


@pytest.mark.parametrize(
    ("head", "close_delimited"),
    [
        (b"content-length: 5", False),
        (b"transfer-encoding: chunked", False),
        (b"transfer-encoding: gzip, chunked", False),
        (b"transfer-encoding: gzip", True),
        (b"x: y", True),
    ],
)
def test_what_ends_an_answer(head, close_delimited):
    """Only a length or chunks say where an answer ends (RFC 9112, 6.3)."""
    answer = AnswerParser("POST")
    answer.feed(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
    assert answer.close_delimited is close_delimited


def test_the_answer_to_head_has_no_body():
    """HEAD's answer names a length that does not come."""
    answer = AnswerParser("HEAD")
    answer.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
    assert answer.complete
    assert not answer.reusable


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 10])
def test_a_head_that_never_ends_is_cut_off(start):
    """Bytes that bring no body are bounded, however they are spread over headers and interim answers."""
    answer = AnswerParser("POST")
    fed = 0
    while not answer.wrong:
        answer.feed(start if fed == 0 or b"100" in start else b"x: y\r\n")
        fed += 1
        assert fed < MAX_BARREN_BYTES
    assert not answer.complete


def test_encode_frames_and_refuses():
    """The exact bytes of a request; a line break in a header is refused without quoting its value."""
    request = httpx.Request("POST", "http://h:1/a?b=c", headers={"k": "v"}, content=b"body")
    assert encode(request, b"body") == (
        b"POST /a?b=c HTTP/1.1\r\nHost: h:1\r\nk: v\r\naccept-encoding: identity\r\ncontent-length: 4\r\n\r\nbody"
    )
    get = httpx.Request("GET", "http://h:1/")
    assert encode(get, b"") == b"GET / HTTP/1.1\r\nHost: h:1\r\naccept-encoding: identity\r\n\r\n"
    with pytest.raises(ProtocolError) as caught:
        encode(httpx.Request("GET", "http://h/", headers={"key": "s3cret\r\nx: y"}), b"")
    assert "s3cret" not in str(caught.value)
