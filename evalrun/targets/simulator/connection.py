"""HTTP/1.1 for the simulator: one keep-alive connection, one request at a time, answers in one piece or in chunks.

Bytes in, `Request` out to a handler, which answers through the connection. It knows no chat and no JSON.
"""

import asyncio
from collections import deque
from collections.abc import Callable
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
class Request:
    """A whole request. Header names in lower case; of a repeated header the last value."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Handler = Callable[["Connection", Request], None]


class Connection(asyncio.Protocol):
    """One connection. `handle` answers with `respond`, or with `start`, `send` and `finish`.

    gone: called once if the client leaves before the answer is finished.
    """

    def __init__(self, handle: Handler, *, opened: set["Connection"]) -> None:
        self._handle = handle
        self._opened = opened
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
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
        request = Request(self._parser.get_method().decode(), path, self._headers, b"".join(self._body))
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
