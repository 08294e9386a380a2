"""The measuring transport against real sockets: what it gives, what it measures, which connections it keeps."""

import asyncio
import socket
import threading
import time

import httpx
import pytest
from loopback import answer

from evalrun.targets.kind import Deadlines
from evalrun.targets.transport import http1
from evalrun.targets.transport.exchange import Broken
from evalrun.targets.transport.measuring import A_TURN, MeasuringTransport
from evalrun.targets.transport.stamped import HAS_STAMPS
from evalrun.targets.transport.stream import HIGH_WATER_BYTES
from evalrun.types import Phase

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
needs_stamps = pytest.mark.skipif(not HAS_STAMPS, reason="the kernel stamps no arrivals here")


def post(url, content=b"{}", **keywords):
    return httpx.Request("POST", url, content=content, **keywords)


async def ask(url, *, content=b"{}", **options):
    """Ask once; give the response, its body and its exchange."""
    async with MeasuringTransport(**options) as transport:
        response = await transport.handle_async_request(post(url, content))
        return response, await response.aread(), response.extensions["evalrun"]


def keep_answering(*pieces):
    """A script: answer every request on the connection."""

    def script(peer):
        while peer.read():
            for piece in pieces:
                peer.send(piece)

    return script


# ---------------------------------------------------------------- what it gives


def test_any_cut_of_the_bytes_gives_the_same_answer(serve, run):
    """An answer sent byte by byte, behind interim answers and with trailers, is the answer sent at once (N17, H20)."""
    whole = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 Fine\r\n"
        b"set-cookie: a=1\r\nset-cookie: b=2\r\ntransfer-encoding: chunked\r\n\r\n"
        b"2\r\nhe\r\n3;ext=1\r\nllo\r\n0\r\ntrailer: t\r\n\r\n"
    )
    for pieces in ([whole], [whole[i : i + 1] for i in range(len(whole))]):
        response, body, exchange = run(ask(serve(answer(*pieces)).url))
        assert body == b"hello"
        assert response.status_code == 200
        assert response.reason_phrase == "Fine"
        assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert "link" not in response.headers
        assert "trailer" not in response.headers
        assert exchange.phase is Phase.COMPLETE


@pytest.mark.parametrize(
    "raw",
    [b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 304 Same\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"],
)
def test_an_answer_without_body_ends_with_its_head(serve, run, raw):
    """204, 304 and an empty body end at once, though the connection stays open."""
    _, body, exchange = run(ask(serve(lambda peer: (peer.read(), peer.send(raw), peer.hold())).url))
    assert body == b""
    assert exchange.phase is Phase.COMPLETE


def test_only_the_end_of_the_connection_ends_an_answer_without_length(serve, run):
    """An answer without length or chunks is whole at the end of the connection (N13)."""
    _, body, exchange = run(ask(serve(answer(b"HTTP/1.1 200 OK\r\n\r\nfirst ", b"second")).url))
    assert body == b"first second"
    assert exchange.phase is Phase.COMPLETE


def test_the_request_is_framed_by_its_length_and_asks_for_no_compression(serve, run):
    """Whatever the caller asks for, one content-length frames the body and no encoding is accepted."""

    async def work(url):
        async def parts():
            yield b"ab"
            yield b"cd"

        async with MeasuringTransport() as transport:
            request = httpx.Request("POST", url, headers={"accept-encoding": "gzip"}, content=parts())
            await (await transport.handle_async_request(request)).aread()

    server = serve(keep_answering(OK))
    run(work(server.url))
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"post /v1/chat/completions http/1.1"
    assert [line for line in lines if b"encoding" in line] == [b"accept-encoding: identity"]
    assert lines.count(b"content-length: 4") == 1
    assert body == b"abcd"


def test_it_is_a_transport_of_httpx(serve, run):
    """httpx's own client works on top of it."""

    async def work(url):
        async with httpx.AsyncClient(transport=MeasuringTransport()) as client:
            return [(await client.post(url, json={})).text for _ in range(2)]

    server = serve(keep_answering(OK))
    assert run(work(server.url)) == ["hi", "hi"]
    assert server.accepted == 1


def test_an_early_refusal_of_a_long_body_is_an_answer(serve, run):
    """A server that refuses an upload half-way and hangs up is heard, not just missed (H08)."""
    refusal = b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nlong"
    server = serve(lambda peer: (peer.read_head(), peer.send(refusal)))
    response, body, exchange = run(ask(server.url, content=b"x" * 50_000_000))
    assert (response.status_code, body) == (413, b"long")
    assert exchange.sent_ns is None


# ---------------------------------------------------------------- what it measures


def test_the_instants_are_in_order(serve, run):
    """asked <= connected <= sent <= first byte <= pieces <= closed, on one clock."""

    def script(peer):
        peer.read()
        peer.send(CHUNKED)
        peer.send(b"2\r\nhi\r\n")
        peer.send(b"0\r\n\r\n")

    async def work(url):
        async with MeasuringTransport() as transport:
            response = await transport.handle_async_request(post(url))
            pieces = []
            while batch := await response.stream.read():
                pieces += batch
            return response.extensions["evalrun"], pieces

    exchange, pieces = run(work(serve(script).url))
    instants = [exchange.asked_ns, exchange.sent_ns, exchange.first_byte_ns, pieces[0][1], exchange.closed_ns]
    assert [data for data, *_ in pieces] == [b"hi"]
    assert instants == sorted(instants)
    assert 0 < exchange.connect_ns <= exchange.sent_ns - exchange.asked_ns
    assert exchange.stamp == ("kernel" if HAS_STAMPS else "user")


@needs_stamps
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_late_client_still_tells_when_the_bytes_arrived(serve, run, certificate, server_tls, secure):
    """While the event loop is held up, bytes are stamped at arrival; the hold-up shows as the client's own lag."""
    before_ns, after_ns = [], []
    written = threading.Event()

    def script(peer):
        while peer.read():
            before_ns.append(time.perf_counter_ns())
            peer.send(OK)
            after_ns.append(time.perf_counter_ns())
            written.set()

    async def work(url):
        async with MeasuringTransport(ca_file=str(certificate)) as transport:
            await (await transport.handle_async_request(post(url))).aread()  # the kernel begins to stamp a little late
            await asyncio.sleep(0.1)
            written.clear()
            asking = asyncio.create_task(transport.handle_async_request(post(url)))
            while len(before_ns) < 2:
                await asyncio.sleep(0)
                if transport._pool.busy():
                    written.wait(5)
                    time.sleep(0.2)  # the hold-up
                    break
            response = await asking
            return response.extensions["evalrun"], transport.lag

    exchange, lag = run(work(serve(script, tls=server_tls if secure else None).url))
    assert before_ns[1] <= exchange.first_byte_ns <= after_ns[1]
    assert exchange.stamp == "kernel"
    assert lag.reads.max_ns >= 200_000_000
    assert lag.quantile_s(1.0) >= 0.2


def test_connecting_is_apart_from_sending_and_nothing_on_a_reused_connection(serve, run):
    """The second request on a kept connection has connect 0 and says so."""

    async def work(url):
        async with MeasuringTransport() as transport:
            seen = []
            for _ in range(2):
                response = await transport.handle_async_request(post(url))
                await response.aread()
                seen.append(response.extensions["evalrun"])
            return seen

    server = serve(keep_answering(OK))
    first, second = run(work(server.url))
    assert server.accepted == 1
    assert not first.reused
    assert first.connect_ns > 0
    assert second.reused
    assert second.connect_ns == 0


def test_a_burst_of_requests_is_spread_over_turns_of_the_loop(serve, run, monkeypatch):
    """100 requests at once: no more than A_TURN begin in one turn, in their order; a cancelled one takes no place."""
    began = []
    encode = http1.encode

    def noting(request, body):
        began.append((turn, int(body)))
        return encode(request, body)

    monkeypatch.setattr(http1, "encode", noting)
    turn = 0

    async def work(url):
        loop = asyncio.get_running_loop()

        def count():
            nonlocal turn
            turn += 1
            loop.call_soon(count)

        count()
        async with MeasuringTransport() as transport:
            asked = [transport.handle_async_request(post(url, b"%d" % number)) for number in range(100)]
            tasks = [asyncio.create_task(each) for each in asked]
            await asyncio.sleep(0)
            tasks[50].cancel()
            while len(began) < 99:
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    run(work(serve(keep_answering(OK)).url))
    assert [number for _, number in began] == [number for number in range(100) if number != 50]
    turns = [turn for turn, _ in began]
    assert max(map(turns.count, turns)) <= A_TURN


# ---------------------------------------------------------------- connections kept and dropped


@pytest.mark.parametrize(
    "script",
    [
        answer(OK),
        keep_answering(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfake"),
        keep_answering(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi"),
        keep_answering(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi"),
    ],
    ids=["closed while idle (N14)", "unasked answer behind it", "connection: close", "HTTP/1.0"],
)
def test_a_connection_that_cannot_be_used_again_is_not(serve, run, script):
    """The next request goes to a new connection, and gets its own answer."""

    async def work(url):
        async with MeasuringTransport() as transport:
            bodies = []
            for _ in range(3):
                response = await transport.handle_async_request(post(url))
                bodies.append(await response.aread())
                await asyncio.sleep(0.02)
            return bodies

    server = serve(script)
    assert run(work(server.url)) == [b"hi"] * 3
    assert server.accepted == 3


def test_an_old_idle_connection_is_not_used(serve, run):
    """A connection idle for longer than max_idle_s is closed instead of used."""

    async def work(url):
        async with MeasuringTransport(max_idle_s=0) as transport:
            for _ in range(2):
                await (await transport.handle_async_request(post(url))).aread()

    server = serve(keep_answering(OK))
    run(work(server.url))
    assert server.accepted == 2


def test_a_request_none_of_which_was_taken_moves_to_a_new_connection(serve, run):
    """A reused connection that takes not one byte costs nothing: one free resend (N14)."""

    async def work(url):
        async with MeasuringTransport() as transport:
            await (await transport.handle_async_request(post(url))).aread()
            (connection,) = transport._pool.connections
            connection.stamped._raw.shutdown(socket.SHUT_WR)  # as after a reset that is on its way
            response = await transport.handle_async_request(post(url))
            return await response.aread(), response.extensions["evalrun"]

    server = serve(lambda peer: (peer.read(), peer.send(OK), peer.hold()), keep_answering(OK))
    body, exchange = run(work(server.url))
    assert body == b"hi"
    assert not exchange.reused
    assert len(server.requests) == 2


def test_a_request_that_was_sent_on_a_dying_connection_is_not_sent_again(serve, run):
    """The server took the second request and hung up: that it was not served is unknown, so it is a failure (N14)."""

    def script(peer):
        peer.read()
        peer.send(OK)
        peer.read()

    async def work(url):
        async with MeasuringTransport() as transport:
            await (await transport.handle_async_request(post(url))).aread()
            with pytest.raises(Broken) as caught:
                await transport.handle_async_request(post(url))
            return caught.value

    server = serve(script)
    broken = run(work(server.url))
    assert (broken.kind, broken.phase) == ("reset", Phase.SENT)
    assert broken.exchange.reused
    assert len(server.requests) == 2


@pytest.mark.parametrize("how", ["aclose", "cancel"])
def test_what_is_abandoned_is_closed(serve, run, how):
    """Leaving an answer before its end, or being cancelled before its head, closes the connection."""
    head = threading.Event()

    def script(peer):
        peer.read()
        if how == "aclose":
            peer.send(CHUNKED + b"2\r\nhi\r\n")
        head.set()
        return peer.sees_end()

    async def work(url):
        transport = MeasuringTransport()
        asking = asyncio.create_task(transport.handle_async_request(post(url)))
        if how == "aclose":
            await (await asking).aclose()
        else:
            await asyncio.to_thread(head.wait)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        assert not transport._pool.connections
        await asyncio.to_thread(lambda: [time.sleep(0.01) for _ in range(500) if not server.results])

    server = serve(script)
    run(work(server.url))
    assert server.results == [True]


@pytest.mark.parametrize("ends", [True, False])
def test_finish_keeps_the_connection_only_if_the_answer_ends_in_time(serve, run, ends):
    """After [DONE] nobody waits: an end within the grace frees the connection, else it is dropped (S16)."""
    asked_on = threading.Event()

    def script(peer):
        peer.read()
        peer.send(CHUNKED + b"6\r\n[DONE]\r\n")
        asked_on.wait(5)
        if not ends:
            return peer.sees_end()
        peer.send(b"3\r\nxyz\r\n0\r\n\r\n")
        return keep_answering(OK)(peer)

    async def work(url):
        async with MeasuringTransport() as transport:
            response = await transport.handle_async_request(post(url))
            assert [data for data, *_ in await response.stream.read()] == [b"[DONE]"]
            response.stream.finish(grace_s=5 if ends else 0.05)
            await response.aclose()
            asked_on.set()
            while transport._pool.busy():
                await asyncio.sleep(0.01)
            await (await transport.handle_async_request(post(url))).aread()

    server = serve(script, keep_answering(OK))
    run(work(server.url))
    assert server.accepted == (1 if ends else 2)


def test_a_busy_reader_holds_the_server_back_and_loses_nothing(serve, run):
    """What is not read yet is bounded, and comes in full once it is read."""
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    pieces, sent = 1000, []

    def script(peer):
        peer.read()
        peer.send(CHUNKED)
        for _ in range(pieces):
            peer.send(piece)
            sent.append(len(piece))
        peer.send(b"0\r\n\r\n")

    async def work(url):
        async with MeasuringTransport(deadlines=Deadlines(idle_s=0.3)) as transport:
            response = await transport.handle_async_request(post(url))
            seen = -1
            while seen != len(sent):  # until the server is stuck
                seen = len(sent)
                await asyncio.sleep(0.5)  # longer than idle_s, which does not run while we hold the server back
            assert seen < pieces
            assert response.stream._queued_bytes < HIGH_WATER_BYTES + 2 * 65536
            return await response.aread()

    assert len(run(work(serve(script).url))) == pieces * 65536
