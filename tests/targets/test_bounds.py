"""How much earlier than recorded a token event may have arrived: the bound covers the truth and is not too wide.

Real sockets and both event loops; the servers note when each piece left them.
"""

import asyncio
import random
import threading
import time

import httpx
import pytest

from evalrun.targets.client import Client
from evalrun.targets.kind import Deadlines, Endpoint, Sizes
from evalrun.targets.transport.measuring import MeasuringTransport
from evalrun.targets.transport.stamped import HAS_STAMPS
from evalrun.targets.transport.stock import StockTransport
from evalrun.targets.transport.stream import last_event

pytestmark = pytest.mark.skipif(not HAS_STAMPS, reason="the kernel stamps no arrivals here")
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
TOKEN = b'data: {"choices":[{"index":0,"delta":{"content":" w"},"finish_reason":null}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


FINISH = chunk(END) + b"0\r\n\r\n"


async def attempt(server, transport):
    """Ask once; return the timing, and the instants of the first and the last token event in ns."""
    base_url = server.url.removesuffix("/chat/completions")
    endpoint = Endpoint(base_url=base_url, model="m")
    client = Client(endpoint, transport, deadlines=Deadlines(), sizes=Sizes(), headers={})
    reply = await client.attempt(b"{}")
    timing = reply.timing
    return timing, reply.sent_ns + timing.ttft_s * 1e9, reply.sent_ns + timing.e2e_s * 1e9


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_the_bound_of_a_client_that_was_held_up_covers_the_truth(serve, run, certificate, server_tls, secure):
    """Two tokens 20 ms apart come while the loop is held up for 50 ms and one read takes both.

    The kernel stamps the second. The first was recorded 20 ms late, and its bound says that it may be so, but not that
    it may be older than the hold-up and the two turns of the loop before it.
    """
    headed, held, left_ns = threading.Event(), threading.Event(), []

    def script(peer):
        peer.read()
        peer.send(HEAD + chunk(b": soon\n\n"))
        headed.set()
        held.wait(5)
        for _ in range(2):
            peer.send(chunk(TOKEN))
            left_ns.append(time.perf_counter_ns())
            time.sleep(0.02)
        time.sleep(0.1)
        peer.send(FINISH)

    async def work(server):
        async with MeasuringTransport(ca_file=str(certificate)) as transport:
            asking = asyncio.create_task(attempt(server, transport))
            while not headed.is_set():
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.05)
            held.set()
            time.sleep(0.05)  # the hold-up
            return await asking

    timing, first_ns, last_ns = run(work(serve(script, tls=server_tls if secure else None)))
    assert timing.stamp == "kernel"
    assert first_ns >= left_ns[0] + 15_000_000
    assert first_ns - timing.first_bound_s * 1e9 <= left_ns[0]
    assert timing.first_bound_s <= (last_ns - left_ns[0]) / 1e9 + 0.03
    assert timing.gap_bound_s == timing.first_bound_s
    assert timing.last_bound_s == (timing.first_bound_s if secure else 0.0)  # it ended the read, and has its own stamp


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_several_events_in_a_segment_that_is_read_at_once_have_no_error(serve, run, certificate, server_tls, secure):
    """A buffered server sends two tokens with each segment, 50 ms apart: they arrived together, so the bound is 0."""

    def script(peer):
        peer.read()
        for number in range(9):
            time.sleep(0.05)
            peer.send((b"" if number else HEAD) + chunk(TOKEN + TOKEN) if number < 8 else FINISH)

    async def work(server):
        timings = []
        for _ in range(3):
            async with MeasuringTransport(ca_file=str(certificate)) as transport:
                timings.append((await attempt(server, transport))[0])
        return timings

    timings = run(work(serve(script, tls=server_tls if secure else None)))
    assert [len(timing.icl_s) for timing in timings] == [15] * 3
    assert sorted(timing.gap_bound_s for timing in timings)[1] == 0.0  # one of them may meet a busy machine
    assert sorted(timing.first_bound_s for timing in timings)[1] == 0.0
    assert sorted(timing.last_bound_s for timing in timings)[1] == 0.0


def test_two_segments_read_at_once_are_bounded_by_two_turns_of_the_loop(serve, run):
    """Two writes in a row reach a prompt client together: it cannot tell them apart, and doubts them for 2 ms or so."""

    def script(peer):
        peer.read()
        peer.send(HEAD)
        for _ in range(30):
            time.sleep(0.03)
            peer.send(chunk(TOKEN))
            peer.send(chunk(TOKEN))
        time.sleep(0.03)
        peer.send(FINISH)

    async def work(server):
        async with MeasuringTransport() as transport:
            request = httpx.Request("POST", server.url, content=b"{}")
            response, widths = await transport.handle_async_request(request), []
            while batch := await response.stream.read():
                widths += [at_ns - since_ns for data, at_ns, since_ns in batch if data == TOKEN]
            return widths

    widths = run(work(serve(script)))
    assert len(widths) == 60
    assert sorted(widths)[45] < 10_000_000  # against the 30 ms since the read before


def test_user_space_stamps_have_no_bound(serve, run):
    """How long bytes lay waiting is unknown to the stock client; an answer without token events has nothing unknown."""
    stream = HEAD + chunk(TOKEN) + FINISH
    whole = b'{"choices":[{"index":0,"message":{"content":"w"},"finish_reason":"stop"}]}'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(whole)

    async def work(server):
        async with StockTransport() as transport:
            client = Client(
                Endpoint(base_url=server.url.removesuffix("/chat/completions"), model="m"),
                transport, deadlines=Deadlines(), sizes=Sizes(), headers={},
            )  # fmt: skip
            return [(await client.attempt(b"{}")).timing for _ in range(2)]

    def answering(data):
        return lambda peer: (peer.read(), peer.send(data))

    streamed, plain = run(work(serve(answering(stream), answering(head + whole))))
    assert (streamed.first_bound_s, streamed.last_bound_s, streamed.gap_bound_s) == (None, None, None)
    assert (plain.first_bound_s, plain.last_bound_s, plain.gap_bound_s) == (0.0, 0.0, 0.0)


def test_no_event_arrived_before_its_bound_whatever_holds_the_client_up(serve, run):
    """20 streams of events at random instants against a loop held up at random: not one event left before its floor."""
    left_ns: dict[bytes, int] = {}

    def script(peer):
        mark = peer.read()[-2:]
        dice = random.Random(mark)
        peer.send(HEAD)
        for number in range(40):
            time.sleep(dice.choice((0, 0, 0.001, 0.004, 0.02)))
            event = b"data: %b.%d\n\n" % (mark, number)
            peer.send(chunk(event))
            left_ns[event] = time.perf_counter_ns()
        peer.send(b"0\r\n\r\n")

    async def work(server):
        dice = random.Random(8)
        async with MeasuringTransport() as transport:

            async def one(number):
                request = httpx.Request("POST", server.url, content=b"%02d" % number)
                response, seen = await transport.handle_async_request(request), []
                while batch := await response.stream.read():
                    seen += batch
                return seen if response.extensions["evalrun"].stamp == "kernel" else []

            tasks = [asyncio.create_task(one(number)) for number in range(20)]
            while not all(task.done() for task in tasks):
                time.sleep(dice.choice((0, 0, 0, 0.002, 0.01)))
                await asyncio.sleep(dice.choice((0, 0, 0.001, 0.005)))
            return [await task for task in tasks]

    rest, several, floors = b"", 0, 0
    for pieces in run(work(serve(script))):
        for data, at_ns, since_ns in pieces:
            *events, rest = (rest + data).split(b"\n\n")
            several += len(events) > 1
            for event in events:
                floors += 1
                assert since_ns <= left_ns[event + b"\n\n"], (at_ns - since_ns, event)
    assert floors > 10 * 40
    assert several > 20


@pytest.mark.parametrize(
    ("data", "body", "at"),
    [
        (b"6\r\nd: a\n\n\r\n", b"d: a\n\n", 0),
        (b"c\r\nd: a\n\nd: b\n\n\r\n", b"d: a\n\nd: b\n\n", 6),
        (b"d: a\n\nd: b\n\n", b"d: a\n\nd: b\n\n", 6),
        (b"x\r\nd: a\r\n\r\nd: b\r\n\r\n\r\n", b"d: a\r\n\r\nd: b\r\n\r\n", 8),
        (b"7\r\n\nd: a\n\n\r\n", b"\nd: a\n\n", 1),
        (b"6\r\nd: a\n\n\r\n0\r\n\r\n", b"d: a\n\n", None),
        (b"6\r\nd: a\r\n\r\n\r\n0\r\n\r\n", b"d: a\r\n\r\n", None),
        (b"8\r\nd: a\n\nd: \r\n", b"d: a\n\nd: ", None),
        (b"6\r\nd: a\n\n\r\n6\r\n", b"d: a\n\n", None),
    ],
    ids=[
        "one event", "two", "without chunks", "CRLF", "the end of an earlier event before it", "the end of the answer",
        "the end, CRLF", "a part of the next", "the next chunk's head",
    ],
)  # fmt: skip
def test_only_an_event_that_ends_the_read_has_the_stamp_of_its_last_segment(data, body, at):
    """What follows an event may have come in a later segment, which then has the stamp."""
    assert last_event(data, body) == at
