"""HTTP/1.1 for the simulator: one keep-alive connection, one request at a time, answers in one piece or on a schedule.

Bytes in, `HttpRequest` out to a handler, which answers through the connection. It knows no chat and no JSON.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import httptools

_MAX_HEAD_BYTES = 64 * 1024
_MAX_BODY_BYTES = 256 * 2**20
_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed",
    413: "Content Too Large", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A whole request. Header names in lower case; of a repeated header the last value."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Handler = Callable[["ServerConnection", HttpRequest], None]


class ServerConnection(asyncio.Protocol):
    """One connection. `handle` answers with `respond`, or with `start`, `send` and `finish`.

    gone: called once if the client leaves before the answer is finished.
    """

    def __init__(self, handle: Handler, *, opened: set["ServerConnection"]) -> None:
        self._handle = handle
        self._opened = opened
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[HttpRequest, bool]] = deque()
        self._busy = False
        self._keep_alive = True
        self._transport: asyncio.Transport | None = None
        self.gone: Callable[[], None] | None = None

    # ------------------------------------------------------------ from asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio names it)
        self._transport = None
        self._opened.discard(self)
        gone, self.gone = self.gone, None
        if gone is not None:
            gone()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:  # a bug of ours: a traceback in the log, not an answer
            raise
        except httptools.HttpParserError:
            self._refuse(400)

    def abort(self) -> None:
        """Drop the connection, whatever it was doing."""
        if self._transport is not None:
            self._transport.abort()

    # ------------------------------------------------------------ from httptools

    def on_message_begin(self) -> None:
        self._url, self._headers, self._body = b"", dict[str, str](), list[bytes]()
        self._head_bytes = self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > _MAX_HEAD_BYTES:
            self._refuse(431)
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue":
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > _MAX_BODY_BYTES:
            self._refuse(413)
        self._body.append(body)

    def on_message_complete(self) -> None:
        path = self._url.partition(b"?")[0].decode("latin-1")
        request = HttpRequest(self._parser.get_method().decode(), path, self._headers, b"".join(self._body))
        self._waiting.append((request, self._parser.should_keep_alive()))
        self._next()

    # ------------------------------------------------------------ to the handler

    @property
    def lost(self) -> bool:
        """Whether the client has left already, so that `gone` will not be called any more."""
        return self._transport is None

    def respond(self, status: int, body: bytes, *, content_type: str = "application/json") -> None:
        """Answer in one piece."""
        self._write(self._head(status, content_type, f"Content-Length: {len(body)}") + body)
        self.finish(b"")

    def start(self, content_type: str, first: bytes) -> None:
        """Begin an answer in chunks, the first of them with the headers."""
        self._write(
            self._head(200, content_type, "Cache-Control: no-cache\r\nTransfer-Encoding: chunked") + _chunk(first)
        )

    def send(self, data: bytes) -> None:
        """Send the next chunk."""
        self._write(_chunk(data))

    def finish(self, end: bytes = b"0\r\n\r\n") -> None:
        """End the answer and turn to the next request."""
        self._write(end)
        self.gone = None
        self._busy = False
        if not self._keep_alive and self._transport is not None:
            self._transport.close()
        elif self._waiting:
            asyncio.get_running_loop().call_soon(self._next)  # not from here: pipelined requests would nest

    # ------------------------------------------------------------ within

    def _next(self) -> None:
        if self._busy or not self._waiting or self._transport is None:
            return
        self._busy = True
        request, self._keep_alive = self._waiting.popleft()
        self._handle(self, request)

    def _head(self, status: int, content_type: str, length: str) -> bytes:
        connection = "" if self._keep_alive else "Connection: close\r\n"
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {content_type}\r\n{connection}{length}\r\n\r\n"
        return head.encode("latin-1")

    def _refuse(self, status: int) -> None:
        """Answer what cannot be read, and hang up."""
        self._keep_alive = False
        if not self._busy:
            self._write(self._head(status, "text/plain", "Content-Length: 0"))
        if self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None:
            self._transport.write(data)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Schedule:
    """The paced writing of one stream: chunk k is due at start + first + k * gap, whatever happened to those before it.

    Due times are absolute, so lateness never adds up; a chunk is never written early, and chunks that are late together
    go out together.

    chunks: made as they are due, not before. write: given the bytes that are due. done: called after the last one.
    written_ns: the monotonic instants, one per chunk, each taken just before its bytes were handed over.
    """

    def __init__(
        self, chunks: Iterator[bytes], *, count: int, start_ns: int, first_s: float, gap_s: float,
        write: Callable[[bytes], None], done: Callable[[], None],
    ) -> None:  # fmt: skip
        self._chunks = chunks
        self._count = count
        self._first_ns = start_ns + round(first_s * 1e9)
        self._gap_ns = gap_s * 1e9
        self._write = write
        self._done = done
        self._timer: asyncio.Handle | None = None
        self.written_ns: list[int] = []

    def go(self) -> None:
        """Write what is due, and come back for the rest."""
        loop = asyncio.get_running_loop()
        now = time.monotonic_ns()
        due = self._due_by(now)
        if due:
            data = b"".join(next(self._chunks) for _ in range(due))
            now = time.monotonic_ns()
            self.written_ns += [now] * due
            self._write(data)
        if len(self.written_ns) == self._count:
            self._done()
            return
        wait_ns = self._due_ns(len(self.written_ns)) - now
        # uvloop's timers count whole milliseconds: less than one would fire at once, and spin
        self._timer = loop.call_later(max(1, -(-wait_ns // 1_000_000)) / 1000, self.go)

    def stop(self) -> None:
        """Write nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _due_ns(self, number: int) -> int:
        return self._first_ns + round(number * self._gap_ns)

    def _due_by(self, now_ns: int) -> int:
        """Count the chunks that are due and not written."""
        number = len(self.written_ns)
        while number < self._count and self._due_ns(number) <= now_ns:
            number += 1
        return number - len(self.written_ns)
