"""A streaming chat server that knows the truth: when each request arrived and when each chunk was written.

`python truth_server.py` prints its port. `GET /truth` gives `{id: [[arrived_ns, written_ns, ...], [left_ns, ...]]}` of
the answers since the last time, on the clock of `time.perf_counter_ns`, which all processes of a Linux machine share:
a chunk left between written_ns and left_ns. Arrivals are stamped by the kernel, so that the server's own load does not
move them.
"""

import argparse
import asyncio
import json
import socket
import struct
import time

import uvloop

SO_TIMESTAMPNS = 35
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNK = (
    b'{"id":"chatcmpl-0123456789","object":"chat.completion.chunk","created":1790000000,"model":"truth",'
    b'"choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}'
)
LAST = (
    b'{"id":"chatcmpl-0123456789","object":"chat.completion.chunk","created":1790000000,"model":"truth",'
    b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
)


def framed(*events: bytes) -> bytes:
    """Return the events as one HTTP chunk."""
    body = b"".join(b"data: %b\n\n" % event for event in events)
    return b"%x\r\n%b\r\n" % (len(body), body)


class Server:
    """Writes chunk k of an answer `ttft_s + k * gap_s` after its request arrived, as near as the loop can."""

    def __init__(self, *, ttft_s: float, gap_s: float, chunks: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.ttft_ns, self.gap_ns = ttft_s * 1e9, gap_s * 1e9
        self.pieces = [
            HEAD + framed(CHUNK),
            *[framed(CHUNK)] * (chunks - 2),
            framed(CHUNK, LAST, b"[DONE]") + b"0\r\n\r\n",
        ]
        self.truth: dict[str, tuple[list[int], list[int]]] = {}

    async def accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = await self.loop.sock_accept(listener)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.loop.add_reader(connection.fileno(), self.readable, connection, bytearray())

    def readable(self, connection: socket.socket, request: bytearray) -> None:
        try:
            data, ancillary, _, _ = connection.recvmsg(65536, 32)
        except ConnectionError:
            data, ancillary = b"", []
        now_ns, wall_ns = time.perf_counter_ns(), time.time_ns()
        if not data:
            self.loop.remove_reader(connection.fileno())
            connection.close()
            return
        arrived_ns = now_ns
        if ancillary:
            seconds, nanoseconds = struct.unpack("@ll", ancillary[0][2])
            arrived_ns -= wall_ns - (seconds * 10**9 + nanoseconds)
        request += data
        head, found, body = bytes(request).partition(b"\r\n\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:]) if found else {}
        if found and len(body) >= int(headers.get(b"content-length", 0)):
            request.clear()
            if head.startswith(b"GET /truth"):
                self.tell(connection)
            else:
                log, left = self.truth[headers[b"x-id"].decode()] = [arrived_ns], []
                self.wait(connection, log, left)

    def wait(self, connection: socket.socket, log: list[int], left: list[int]) -> None:
        due_ns = log[0] + self.ttft_ns + (len(log) - 1) * self.gap_ns
        self.loop.call_later(max(0, due_ns - time.perf_counter_ns()) / 1e9, self.write, connection, log, left)

    def write(self, connection: socket.socket, log: list[int], left: list[int]) -> None:
        piece = self.pieces[len(log) - 1]
        log.append(time.perf_counter_ns())
        try:
            connection.send(piece)
        except OSError:  # the client left
            return
        left.append(time.perf_counter_ns())
        if len(log) <= len(self.pieces):
            self.wait(connection, log, left)

    def tell(self, connection: socket.socket) -> None:
        body = json.dumps(self.truth).encode()
        self.truth = {}
        connection.setblocking(True)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        connection.setblocking(False)


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--ttft", type=float, default=0.1, help="seconds from a request to its first chunk")
    arguments.add_argument("--gap", type=float, default=0.02, help="seconds between two chunks")
    arguments.add_argument("--chunks", type=int, default=100)
    options = arguments.parse_args()
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    await Server(ttft_s=options.ttft, gap_s=options.gap, chunks=options.chunks).accept(listener)


if __name__ == "__main__":
    uvloop.run(main())
