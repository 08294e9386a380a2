"""How the measuring transport fails: every break is a `Broken` of the right kind and phase."""

import math
import socket
import subprocess
import sys
import time

import httpx
import pytest
from loopback import answer

from evalrun.targets.kind import Deadlines
from evalrun.targets.transport.exchange import Broken
from evalrun.targets.transport.measuring import MeasuringTransport
from evalrun.types import Phase

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def post(url, content=b"{}", **keywords):
    return httpx.Request("POST", url, content=content, **keywords)


async def ask(url, *, content=b"{}", **options):
    """Ask once and give the body."""
    async with MeasuringTransport(**options) as transport:
        return await (await transport.handle_async_request(post(url, content))).aread()


async def breaks(url, *, content=b"{}", **options):
    """Ask once; give the failure and the body that came before it."""
    came = []

    async def read(transport):
        response = await transport.handle_async_request(post(url, content))
        while batch := await response.stream.read():
            came.extend(data for data, *_ in batch)

    async with MeasuringTransport(**options) as transport:
        with pytest.raises(Broken) as caught:
            await read(transport)
    return caught.value, b"".join(came)


def hold_after(*pieces):
    return lambda peer: (answer(*pieces)(peer), peer.hold())


def reset_after(*pieces):
    return lambda peer: (answer(*pieces)(peer), time.sleep(0.05), peer.reset())


HI = b"2\r\nhi\r\n"
SENT, PARTIAL = Phase.SENT, Phase.PARTIAL
SWITCH = b"HTTP/1.1 101 Now\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
FAILURES = {
    "N07 hangs up": (answer(), "reset", SENT, b""),
    "N07 resets": (reset_after(), "reset", SENT, b""),
    "N11 resets in the stream": (reset_after(CHUNKED, HI), "truncated", PARTIAL, b"hi"),
    "N12 chunks end early": (answer(CHUNKED + HI), "truncated", PARTIAL, b"hi"),
    "N12 in a chunk": (answer(CHUNKED + b"9\r\nhi"), "truncated", PARTIAL, b"hi"),
    "N12 length": (answer(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi"), "truncated", PARTIAL, b"hi"),
    "N13 reset": (reset_after(b"HTTP/1.1 200 OK\r\n\r\nhi"), "truncated", PARTIAL, b"hi"),
    "head ends early": (answer(b"HTTP/1.1 200 OK\r\ncont"), "truncated", PARTIAL, b""),
    "H20 not HTTP": (answer(b"<html>hello</html>"), "protocol", PARTIAL, b""),
    "H20 switches": (answer(SWITCH), "protocol", PARTIAL, b""),
    "H20 200 KB header": (answer(b"HTTP/1.1 200 OK\r\nx: " + b"x" * 200_000), "protocol", PARTIAL, b""),
    "H20 bad chunk": (answer(CHUNKED + HI + b"zz\r\n"), "protocol", PARTIAL, b"hi"),
    "H20 endless trailers": (answer(CHUNKED + HI, b"0\r\n" + b"t: t\r\n" * 50_000), "protocol", PARTIAL, b"hi"),
    "N08 never answers": (hold_after(), "timeout_first_byte", SENT, b""),
    "N09 stalls": (hold_after(CHUNKED + HI), "stall", PARTIAL, b"hi"),
    "stalls in the head": (hold_after(b"HTTP/1.1 200 OK\r\n"), "stall", PARTIAL, b""),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILURES)
def test_every_break_has_its_kind_and_phase(serve, run, case):
    """A broken answer gives all that came of it, and then a `Broken` of the right kind and phase."""
    script, kind, phase, pieces = FAILURES[case]
    deadlines = Deadlines(first_byte_s=0.2 if "never" in case else 5, idle_s=0.3)
    broken, came = run(breaks(serve(script).url, deadlines=deadlines))
    assert (broken.kind, broken.phase) == (kind, phase)
    assert came == pieces
    assert broken.exchange.closed_ns is None


def test_a_slow_drip_meets_the_total_deadline(serve, run):
    """Bytes that never stop coming do not outlive total_s (N10)."""

    def script(peer):
        peer.read()
        peer.send(CHUNKED)
        while True:
            peer.send(b"1\r\nx\r\n")
            time.sleep(0.01)

    broken, pieces = run(breaks(serve(script).url, deadlines=Deadlines(idle_s=5, total_s=0.3)))
    assert (broken.kind, broken.phase) == ("deadline", Phase.PARTIAL)
    assert set(pieces) == set(b"x")


def test_a_request_that_is_not_taken_whole_is_not_sent(serve, run):
    """A server that stops reading leaves the phase at SENDING."""
    server = serve(lambda peer: (peer.read_head(), peer.hold()))
    broken, _ = run(breaks(server.url, content=b"x" * 50_000_000, deadlines=Deadlines(first_byte_s=0.3)))
    assert (broken.kind, broken.phase) == ("timeout_first_byte", Phase.SENDING)
    assert broken.exchange.sent_ns is None


def test_deadlines_of_the_request_come_before_those_of_the_transport(serve, run):
    """`request.extensions["deadlines"]` wins; an infinite deadline is none."""

    async def work(url):
        async with MeasuringTransport(deadlines=Deadlines(first_byte_s=math.inf, total_s=math.inf)) as transport:
            own = Deadlines(first_byte_s=0.1, idle_s=math.inf, total_s=math.inf)
            with pytest.raises(Broken) as caught:
                await transport.handle_async_request(post(url, extensions={"deadlines": own}))
            return caught.value

    assert run(work(serve(lambda peer: (peer.read(), peer.hold())).url)).kind == "timeout_first_byte"


def test_nobody_there(run):
    """A refused connection and an unknown name are told apart, and nothing was sent (N01, N02)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    refused, _ = run(breaks(f"http://127.0.0.1:{port}/"))
    unknown, _ = run(breaks(f"http://{'x' * 64}/"))  # no label is this long, so no name server is asked
    assert (refused.kind, refused.phase) == ("connect", Phase.NOT_SENT)
    assert (unknown.kind, unknown.phase) == ("dns", Phase.NOT_SENT)
    assert f"127.0.0.1:{port}" in str(refused)


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels refuse where Linux drops")
def test_a_black_hole_meets_the_connect_deadline(run):
    """SYNs that nobody answers (N03)."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        clients = [socket.socket() for _ in range(4)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        broken, _ = run(breaks(f"http://127.0.0.1:{full.getsockname()[1]}/", deadlines=Deadlines(connect_s=0.2)))
        for client in clients:
            client.close()
    assert (broken.kind, broken.phase) == ("timeout_connect", Phase.NOT_SENT)


def test_a_header_that_would_break_out_of_its_line_is_refused_unquoted(run):
    """A newline in a header value sends nothing, and the value (a key) is not in the message."""

    async def work():
        async with MeasuringTransport() as transport:
            with pytest.raises(Broken) as caught:
                await transport.handle_async_request(
                    post("http://localhost:1/", headers={"authorization": "k3y\r\nx: y"})
                )
            return caught.value

    broken = run(work())
    assert (broken.kind, broken.phase) == ("protocol", Phase.NOT_SENT)
    assert "authorization" in str(broken)
    assert "k3y" not in str(broken)


def test_running_out_of_descriptors_is_our_own_failure():
    """EMFILE is `client_resource`, by number and by name, and no crash (N18). In a child, since it takes them all."""
    script = """
import asyncio, resource, socket
import httpx
from evalrun.targets.transport.exchange import Broken
from evalrun.targets.transport.measuring import MeasuringTransport

async def main():
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    async with MeasuringTransport() as transport:
        await asyncio.to_thread(int)
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        taken = []
        try:
            while True:
                taken.append(socket.socket())
        except OSError:
            pass
        for host in ("127.0.0.1", "localhost"):
            try:
                await transport.handle_async_request(httpx.Request("GET", f"http://{host}:{port}/"))
            except Broken as broken:
                print(broken.kind, broken.phase)

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.splitlines() == ["client_resource not_sent"] * 2


# ---------------------------------------------------------------- TLS


def test_tls_is_verified_against_the_usual_authorities_and_ours(serve, run, certificate, server_tls):
    """An unknown authority is refused (N04) unless ca_file names it or verify is off."""
    server = serve(answer(OK), tls=server_tls)
    broken, _ = run(breaks(server.url))
    assert (broken.kind, broken.phase) == ("tls", Phase.NOT_SENT)
    assert "ca_file" in str(broken)
    assert run(ask(server.url, ca_file=str(certificate))) == b"hi"
    assert run(ask(server.url, verify=False)) == b"hi"


def test_tls_names_are_verified(serve, run, certificate, server_tls):
    """A certificate of another host is refused."""
    server = serve(answer(OK), tls=server_tls)
    broken, _ = run(breaks(server.url.replace("localhost", "127.0.0.1"), ca_file=str(certificate)))
    assert (broken.kind, broken.phase) == ("tls", Phase.NOT_SENT)


def test_tls_carries_large_bodies_both_ways(serve, run, certificate, server_tls):
    """Megabytes up and down, in many records, arrive whole."""
    size = 5_000_000

    def script(peer):
        body = peer.read().partition(b"\r\n\r\n")[2]
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    content = bytes(range(250)) * (size // 250)
    assert run(ask(serve(script, tls=server_tls).url, content=content, ca_file=str(certificate))) == content


def test_a_tls_handshake_that_hangs_meets_the_connect_deadline(serve, run):
    """The connect deadline covers TLS (N05)."""
    server = serve(lambda peer: peer.hold())
    broken, _ = run(breaks(server.url.replace("http:", "https:"), deadlines=Deadlines(connect_s=0.2)))
    assert (broken.kind, broken.phase) == ("timeout_connect", Phase.NOT_SENT)
    assert "TLS" in str(broken)


def test_https_to_a_server_without_it_is_a_tls_failure(serve, run):
    """Plain HTTP on the other side is told as such."""
    server = serve(lambda peer: (peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), peer.hold()))
    broken, _ = run(breaks(server.url.replace("http:", "https:")))
    assert (broken.kind, broken.phase) == ("tls", Phase.NOT_SENT)
