"""httpx's own transport behind our seam: the same values, the same failures, and proxies."""

import asyncio
import time

import httpx
import pytest

from evalrun.errors import SuiteError
from evalrun.targets.kind import Deadlines
from evalrun.targets.transport.exchange import Broken
from evalrun.targets.transport.stock import StockTransport
from evalrun.types import Phase

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n"
NOT_SENT, SENT, PARTIAL = Phase.NOT_SENT, Phase.SENT, Phase.PARTIAL


async def read(transport, url):
    response = await transport.handle_async_request(httpx.Request("POST", url, content=b"{}"))
    pieces = []
    while batch := await response.stream.read():
        pieces += batch
    return response.extensions["evalrun"], pieces


async def breaks(url, **options):
    async with StockTransport(**options) as transport:
        with pytest.raises(Broken) as caught:
            await read(transport, url)
    return caught.value


def answer(*pieces, then="close"):
    def script(peer):
        peer.read()
        for piece in pieces:
            peer.send(piece)
        if then != "close":
            time.sleep(0.05)
            getattr(peer, then)()

    return script


def test_it_fills_the_exchange(serve):
    """Instants in order, phase complete; the second request is on the same connection."""

    async def work(url):
        async with StockTransport() as transport:
            return await read(transport, url), await read(transport, url)

    def script(peer):
        while peer.read():
            peer.send(CHUNKED + b"0\r\n\r\n")

    server = serve(script)
    (first, pieces), (second, _) = asyncio.run(work(server.url))
    assert [data for data, *_ in pieces] == [b"hi"]
    instants = [first.asked_ns, first.sent_ns, first.first_byte_ns, pieces[0][1], first.closed_ns]
    assert instants == sorted(instants)
    assert first.connect_ns > 0
    assert (first.phase, first.stamp, first.reused) == (Phase.COMPLETE, "user", False)
    assert (second.reused, second.connect_ns) == (True, 0)
    assert server.accepted == 1
    assert b"accept-encoding: identity" in server.requests[0].lower()


FAILURES = {
    "hangs up": (answer(), "reset", SENT),
    "resets": (answer(then="reset"), "reset", SENT),
    "resets in the stream": (answer(CHUNKED, then="reset"), "truncated", PARTIAL),
    "chunks end early": (answer(CHUNKED), "truncated", PARTIAL),
    "not HTTP": (answer(b"<html>hello</html>\r\n\r\n"), "protocol", SENT),
    "bad chunk": (answer(CHUNKED + b"zz\r\n"), "protocol", PARTIAL),
    "never answers": (answer(then="hold"), "timeout_first_byte", SENT),
    "stalls": (answer(CHUNKED, then="hold"), "stall", PARTIAL),
}


@pytest.mark.parametrize("case", FAILURES)
def test_every_break_has_its_kind_and_phase(serve, case):
    """No exception of httpx escapes, and the phase is never earlier than the truth."""
    script, kind, phase = FAILURES[case]
    broken = asyncio.run(breaks(serve(script).url, deadlines=Deadlines(first_byte_s=0.3, idle_s=0.3)))
    assert (broken.kind, broken.phase) == (kind, phase)


def test_deadlines(serve):
    """Connecting covers the TLS handshake; total covers a drip that never stops."""

    def drip(peer):
        peer.read()
        peer.send(CHUNKED)
        while True:
            peer.send(b"1\r\nx\r\n")
            time.sleep(0.01)

    silent = serve(lambda peer: peer.hold()).url.replace("http:", "https:")
    hung = asyncio.run(breaks(silent, deadlines=Deadlines(connect_s=0.2)))
    dripped = asyncio.run(breaks(serve(drip).url, deadlines=Deadlines(total_s=0.3)))
    assert (hung.kind, hung.phase) == ("timeout_connect", NOT_SENT)
    assert (dripped.kind, dripped.phase) == ("deadline", PARTIAL)


def test_nobody_there(serve, server_tls):
    """Refused and untrusted are told apart; nothing was sent."""
    untrusted = asyncio.run(breaks(serve(answer(OK), tls=server_tls).url))
    refused = asyncio.run(breaks("http://127.0.0.1:1/"))
    assert (untrusted.kind, untrusted.phase) == ("tls", NOT_SENT)
    assert (refused.kind, refused.phase) == ("connect", NOT_SENT)


@pytest.mark.parametrize("ends", [True, False])
def test_finish_waits_for_the_end_in_the_background(serve, ends):
    """After `finish` the connection is kept if the answer ends within the grace."""

    async def work(url):
        async with StockTransport() as transport:
            response = await transport.handle_async_request(httpx.Request("POST", url, content=b"{}"))
            await response.stream.read()
            response.stream.finish(grace_s=5 if ends else 0.05)
            await response.aclose()
            await asyncio.gather(*transport._drains)
            await read(transport, url)

    def script(peer):
        while peer.read():
            peer.send(CHUNKED)
            if not ends and len(server.requests) == 1:
                return peer.sees_end()
            time.sleep(0.05)
            peer.send(b"0\r\n\r\n")
        return None

    server = serve(script)
    asyncio.run(work(server.url))
    assert server.accepted == (1 if ends else 2)


def test_the_environments_proxy_is_used_and_named(serve, monkeypatch):
    """HTTP_PROXY gets the whole URL; one that refuses a CONNECT is named by its variable (N19)."""
    proxy = serve(answer(OK))
    refusing = serve(answer(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"))
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{refusing.port}")
    monkeypatch.setenv("no_proxy", "")

    async def through():
        async with StockTransport() as transport:
            return await read(transport, "http://model.test/v1")

    _, pieces = asyncio.run(through())
    assert [data for data, *_ in pieces] == [b"hi"]
    assert proxy.requests[0].startswith(b"POST http://model.test/v1 HTTP/1.1\r\n")
    broken = asyncio.run(breaks("https://model.test/v1"))
    assert (broken.kind, broken.phase) == ("connect", NOT_SENT)
    assert "HTTPS_PROXY" in str(broken)
    assert "407" in str(broken)


def test_a_proxy_that_is_none_is_refused_at_the_start(monkeypatch):
    """An unusable proxy variable is told by name before anything is sent."""
    monkeypatch.setenv("http_proxy", "gopher://x")
    with pytest.raises(SuiteError, match="HTTP_PROXY"):
        StockTransport()
