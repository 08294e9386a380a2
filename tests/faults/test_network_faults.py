"""Rows N01-N19 of docs/faults.md at the client: what breaks below HTTP, and how far the request had got.

What is sent again because of it: test_resending.py. Before a run: test_command_faults.py.
"""

import asyncio
import contextlib
import os
import resource
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import pytest
from asking import BODY, KEY, LONG_BODY, PATIENT, Ask
from certificates import Certify
from fault_server import (
    CLOSE,
    DONE,
    EARLY,
    HALF_CLOSE,
    HOLD,
    RESET,
    SSE,
    STOP,
    Again,
    FaultServer,
    Script,
    answer,
    event,
    head,
    says,
    stream,
)

from evalrun.targets.client import Client
from evalrun.targets.kind import Deadlines, Endpoint, Sizes
from evalrun.targets.transport.measuring import MeasuringTransport
from evalrun.targets.transport.stock import StockTransport
from evalrun.types import Completion, Failure, FailureKind, Phase

FINE = stream(says("Hello"), STOP, DONE)
WHOLE = answer(200, {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]})
HEL = event(says("Hel"))
NOWHERE = ".".join([*(letter * 60 for letter in "abcde"), "invalid"])  # too long to be asked of any name server


def failure(ask: Ask, url: str, *, deadlines: Deadlines = PATIENT, **options: object) -> Failure:
    reply = ask(url, deadlines=deadlines, **options)[0]  # type: ignore[arg-type]
    assert isinstance(reply.outcome, Failure), reply.outcome
    assert reply.timing is None  # what failed has no latency
    return reply.outcome


# ---------------------------------------------------------------- nobody there


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """Return a port that is taken, and refuses connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """Return a port whose queue of connections is full: Linux then drops what asks for another one."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_n01_dns_failure(ask: Ask) -> None:
    """N01: a host without an address is `dns`; the message names it and nothing was sent."""
    failed = failure(ask, f"https://{NOWHERE}/v1")
    assert (failed.kind, failed.phase, failed.possibly_billed) == ("dns", Phase.NOT_SENT, False)
    assert NOWHERE in failed.message


def test_n02_connection_refused(ask: Ask) -> None:
    """N02: a closed port is `connect`, and asks the question to ask."""
    with closed_port() as port:
        failed = failure(ask, f"http://127.0.0.1:{port}/v1")
    assert (failed.kind, failed.phase, failed.possibly_billed) == ("connect", Phase.NOT_SENT, False)
    assert "127.0.0.1" in failed.message
    assert "is the server running" in failed.message


def test_n03_syn_black_hole(ask: Ask) -> None:
    """N03: a host that does not even refuse is given up after the connect deadline."""
    with black_hole() as port:
        failed = failure(ask, f"http://127.0.0.1:{port}/v1", deadlines=Deadlines(connect_s=0.3))
    assert (failed.kind, failed.phase, failed.possibly_billed) == ("timeout_connect", Phase.NOT_SENT, False)


def test_n05_tls_handshake_stall(ask: Ask) -> None:
    """N05: the connect deadline covers TLS: a server that accepts and never shakes hands is `timeout_connect`."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/v1"
        failed = failure(ask, url, deadlines=Deadlines(connect_s=0.3))
    assert (failed.kind, failed.phase, failed.possibly_billed) == ("timeout_connect", Phase.NOT_SENT, False)


# ---------------------------------------------------------------- TLS


def test_n04_untrusted_certificate(ask: Ask, certify: Certify) -> None:
    """N04: a certificate that nobody vouches for is `tls`; not one byte is sent. Named in ca_file it is good."""
    certificate = certify(1)
    with FaultServer([FINE], tls=certificate.server()) as server:
        failed = failure(ask, server.url)
        assert (failed.kind, failed.phase, server.requests) == ("tls", Phase.NOT_SENT, [])
        assert "ca_file" in failed.message
        (reply,) = ask(server.url, ca_file=str(certificate.path))
        assert isinstance(reply.outcome, Completion)


def test_n04_expired_certificate(ask: Ask, certify: Certify) -> None:
    """N04: an expired certificate is `tls`, trusted or not, and the message says why."""
    certificate = certify(-1)
    with FaultServer([FINE], tls=certificate.server()) as server:
        failed = failure(ask, server.url, ca_file=str(certificate.path))
    assert (failed.kind, failed.phase, server.requests) == ("tls", Phase.NOT_SENT, [])
    assert "expired" in failed.message


# ---------------------------------------------------------------- the connection breaks


@dataclass(frozen=True, kw_only=True)
class Breaks:
    """A server that breaks off: kind and phase that follow, the text that is kept, whether it may cost money."""

    name: str
    script: Script
    kind: FailureKind
    phase: Phase
    billed: bool
    partial: str = ""
    deadlines: Deadlines = PATIENT


BEATS = Again(b": beat\n\n", every_s=0.05)
ANSWERING = head(content_type="text/event-stream", transfer_encoding="chunked")
HALF_CHUNK = b"40\r\n" + HEL  # a chunk of 64 bytes is announced, fewer come
TEN_OF_MORE = head(content_type="application/json", content_length="999") + b'{"choices"'

BREAKS = [
    Breaks(name="N07-hangs up unanswered", script=[CLOSE], kind="reset", phase=Phase.SENT, billed=True),
    Breaks(name="N07-resets unanswered", script=[RESET], kind="reset", phase=Phase.SENT, billed=True),
    Breaks(name="N07-half-closes unanswered", script=[HALF_CLOSE, HOLD], kind="reset", phase=Phase.SENT, billed=True),
    Breaks(name="N08-never answers", script=[HOLD], deadlines=Deadlines(first_byte_s=0.2),
           kind="timeout_first_byte", phase=Phase.SENT, billed=True),
    Breaks(name="N09-stalls mid-stream", script=[SSE, HEL, HOLD], deadlines=Deadlines(idle_s=0.2),
           kind="stall", phase=Phase.PARTIAL, billed=True, partial="Hel"),
    Breaks(name="N10-drips for ever", script=[SSE, HEL, BEATS], deadlines=Deadlines(idle_s=5, total_s=0.4),
           kind="deadline", phase=Phase.PARTIAL, billed=True, partial="Hel"),
    Breaks(name="N11-resets mid-stream", script=[SSE, HEL, 0.1, RESET],
           kind="truncated", phase=Phase.PARTIAL, billed=True, partial="Hel"),
    Breaks(name="N12-chunked body ends early", script=[ANSWERING, HALF_CHUNK, CLOSE],
           kind="truncated", phase=Phase.PARTIAL, billed=True, partial="Hel"),
    Breaks(name="N12-counted body ends early", script=[TEN_OF_MORE, CLOSE],
           kind="truncated", phase=Phase.PARTIAL, billed=True),
    Breaks(name="N13-ends cleanly without its marker", script=[SSE, HEL, CLOSE],
           kind="truncated", phase=Phase.PARTIAL, billed=True, partial="Hel"),
]  # fmt: skip


def test_n06_reset_before_the_body_was_sent() -> None:
    """N06: a request that was not sent whole cannot have been run. Of httpx's own transport this cannot be told."""
    with FaultServer([EARLY, RESET]) as server:
        failed = failure(Ask(transport=MeasuringTransport), server.url, body=LONG_BODY)
        assert len(server.requests) == 1
    assert (failed.kind, failed.phase, failed.possibly_billed) == ("reset", Phase.SENDING, False)


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: case.name)
def test_network_break(ask: Ask, case: Breaks) -> None:
    """N07-N13: the phase says how far the request got, and only a whole request may have been billed."""
    with FaultServer(case.script) as server:
        failed = failure(ask, server.url, deadlines=case.deadlines)
        assert len(server.requests) == 1  # the client itself sends nothing twice
    assert (failed.kind, failed.phase, failed.possibly_billed) == (case.kind, case.phase, case.billed)
    assert failed.partial == case.partial


def test_n13_whole_answer_cut_where_only_the_end_of_the_connection_ends_it(ask: Ask) -> None:
    """N13: a JSON answer without a length that stops half-way is no success either."""
    with FaultServer([head(content_type="application/json") + b'{"choices": [{"mess', CLOSE]) as server:
        failed = failure(ask, server.url)
    assert (failed.kind, failed.possibly_billed) == ("bad_chunk", True)


# ---------------------------------------------------------------- a connection that is used again


def test_n14_stale_connection_is_replaced(ask: Ask) -> None:
    """N14: a kept connection that the server has closed meanwhile is not written to: a new one is opened."""
    with FaultServer([WHOLE, CLOSE]) as server:
        replies = ask(server.url, times=3, after_each=lambda: server.hung_up.acquire(timeout=10))
        assert all(isinstance(reply.outcome, Completion) for reply in replies), replies
        assert [request.connection for request in server.requests] == [1, 2, 3]


def test_n14_request_read_on_a_kept_connection_is_not_sent_again(ask: Ask) -> None:
    """N14: the server that read the second request and hung up may have run it: an unknown outcome, as on a new one."""
    with FaultServer([WHOLE], [CLOSE]) as server:
        first, second = ask(server.url, times=2)
        assert isinstance(first.outcome, Completion)
        assert isinstance(second.outcome, Failure)
        assert (second.outcome.kind, second.outcome.phase) == ("reset", Phase.SENT)
        assert second.outcome.possibly_billed
        assert [request.connection for request in server.requests] == [1, 1]


def test_n14_second_request_is_marked_as_reused(ask: Ask) -> None:
    """N14: connecting is no part of a request on a kept connection, and the record says that it was kept."""
    with FaultServer([WHOLE]) as server:
        timings = [reply.timing for reply in ask(server.url, times=2)]
    assert [(timing.reused, timing.connect_s == 0) for timing in timings if timing] == [(False, False), (True, True)]


# ---------------------------------------------------------------- not the server we meant


@contextlib.contextmanager
def answering(data: bytes) -> Iterator[int]:
    """Listen on the port given, and answer whatever comes first with these bytes."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("scheme", "data", "says"),
    [
        ("http", b"\x15\x03\x01\x00\x02\x02\x46", "write https:// in base_url"),
        ("http", answer(400, b"Client sent an HTTP request to an HTTPS server."), "write https:// in base_url"),
        ("http", answer(400, b"<title>400 The plain HTTP request was sent to HTTPS port</title>"), "write https://"),
        ("https", answer(400, b"Bad request"), "write http:// in base_url"),
    ],
)
def test_tls_and_plain_text_mixed_up(ask: Ask, scheme: str, data: bytes, says: str) -> None:
    """N04, H20: named, with the scheme to write; it is true of every request."""
    with answering(data) as port:
        failed = failure(ask, f"{scheme}://127.0.0.1:{port}/v1")
    assert failed.kind == "tls"
    assert says in failed.message


def test_n15_captive_portal(ask: Ask) -> None:
    """N15: 200 with a web page is `not_sse`; its title is shown, without the key it repeats, and it may be billed."""
    page = f"<html><title>Welcome to Hotel WLAN {KEY}</title>{'z' * 2000}</html>".encode()
    with FaultServer([answer(200, page, content_type="text/html")]) as server:
        failed = failure(ask, server.url)
    assert (failed.kind, failed.phase, failed.status, failed.possibly_billed) == ("not_sse", Phase.COMPLETE, 200, True)
    assert "Hotel WLAN" in failed.message
    assert KEY not in failed.message
    assert "zz" not in failed.message


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_n19_proxy_of_the_environment_is_ignored_unless_asked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """N19: the measuring transport goes straight to the endpoint."""
    with FaultServer([FINE]) as server, FaultServer([FINE]) as proxy:
        monkeypatch.setenv(name, proxy.url)
        (reply,) = Ask(transport=MeasuringTransport)(server.url)
        assert isinstance(reply.outcome, Completion)
        assert (len(server.requests), len(proxy.requests)) == (1, 0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param(407, "auth", id="N19-407"),
        pytest.param(502, "server", id="N19-502"),
    ],
)
def test_n19_proxy_says_no(status: int, kind: FailureKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """N19: with `transport: httpx` the proxy is asked; what it refuses names the variable that led there."""
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    with FaultServer([answer(status)]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        failed = failure(Ask(transport=StockTransport), "http://model.invalid/v1")
        assert proxy.requests[0].path == "http://model.invalid/v1/chat/completions"
    assert (failed.kind, failed.status) == (kind, status)
    assert "HTTP_PROXY" in failed.message


# ---------------------------------------------------------------- this machine, and slow networks


def test_n17_one_byte_at_a_time(ask: Ask) -> None:
    """N17: the same answer in one piece and in single bytes is the same completion, but for `buffered`."""
    text = stream(says("h\u00e9 \u20ac \U0001f600"), says(" and more"), STOP, DONE)
    with FaultServer([text], [text[i : i + 1] for i in range(len(text))]) as server:
        whole, sliced = (reply.outcome for reply in ask(server.url, times=2))
    assert isinstance(whole, Completion)
    assert isinstance(sliced, Completion)
    assert sliced.text == "h\u00e9 \u20ac \U0001f600 and more"
    assert msgspec.structs.replace(sliced, flags=()) == msgspec.structs.replace(whole, flags=())


def test_n18_no_file_descriptor_left(ask: Ask) -> None:
    """N18: a process that may open no more files reports `client_resource`, and works again once it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def asking() -> tuple[Failure | Completion, Failure | Completion]:
        transport = ask.transport()
        endpoint = Endpoint(base_url=server.url, model="m")
        client = Client(endpoint, transport, deadlines=PATIENT, sizes=Sizes(), headers={})
        lowest_free = os.dup(0)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
        try:
            refused = await client.attempt(BODY)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        answered = await client.attempt(BODY)
        await transport.aclose()
        return refused.outcome, answered.outcome

    with FaultServer([FINE]) as server:
        refused, answered = asyncio.run(asking())
    assert isinstance(refused, Failure)
    assert (refused.kind, refused.phase, refused.possibly_billed) == ("client_resource", Phase.NOT_SENT, False)
    assert isinstance(answered, Completion)
