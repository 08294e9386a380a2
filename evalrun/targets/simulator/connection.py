"""A keep-alive connection of the simulator: one request after another, answers written when they are due."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from http import HTTPStatus

from evalrun.targets.simulator.incoming import HttpRequest, read_http
from evalrun.targets.simulator.refused import Refused

_LOOK_MS = 1000  # how often to look whether the client is still there
_DRAIN_BYTES, _DRAIN_S = 64 * 2**20, 2.0


def chunk(data: bytes) -> bytes:
    """Return the next chunk of an answer (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def cut_chunks(data: bytes) -> bytes:
    """Return data as two chunks, cut within its first character of several bytes, or else in the middle."""
    at = next((place for place, byte in enumerate(data) if byte >= 0x80), len(data) // 2 - 1) + 1
    return chunk(data[:at]) + chunk(data[at:])


class ServerConnection:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._open = True  # for another request after this one
        self._request: HttpRequest | None = None

    @property
    def lost(self) -> bool:
        """Whether the client has left."""
        return self._reader.at_eof() or self._writer.is_closing()

    def write(self, data: bytes) -> None:
        """Write, unless the client has left."""
        if not self._writer.is_closing():
            self._writer.write(data)

    async def serve(self, answer: Callable[["ServerConnection", HttpRequest], Awaitable[None]]) -> None:
        """Answer one request after another, until one side has had enough or a request cannot be read."""
        try:
            while self._open:
                self._request = None
                try:
                    self._request = await read_http(self._reader, self.write)
                    self._open = self._request.keep_alive
                    await answer(self, self._request)
                except Refused as refused:
                    self._open = self._open and self._request is not None
                    self.write(self.response(refused.status, refused.body, refused.headers))
            if self._request is None:
                await self._drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            self._writer.close()

    def response(self, status: int, body: bytes, headers: Sequence[str] = ()) -> bytes:
        """Return an answer in one piece; to a HEAD request, its head."""
        head = self._head(status, ("Content-Type: application/json", f"Content-Length: {len(body)}", *headers))
        return head if self._request is not None and self._request.method == "HEAD" else head + body

    def begin_stream(self, headers: Sequence[str] = ()) -> tuple[bytes, Callable[[bytes], bytes], bytes]:
        """Return the head of a stream of server-sent events, how to frame its parts, and its end.

        HTTP/1.0 knows no chunks: there the end of the connection is the end of the stream.
        """
        described = ("Content-Type: text/event-stream; charset=utf-8", "Cache-Control: no-cache", *headers)
        if self._request is not None and self._request.old:
            self._open = False
            return self._head(200, described), bytes, b""
        return self._head(200, (*described, "Transfer-Encoding: chunked")), chunk, b"0\r\n\r\n"

    def hang_up(self, *, reset: bool) -> None:
        """End the connection in the middle of whatever is going on."""
        self._open = False
        if not reset:
            self._writer.close()  # what was written still goes out
            return
        if (sock := self._writer.get_extra_info("socket")) is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def _head(self, status: int, headers: Sequence[str]) -> bytes:
        reason = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error"
        lines = [f"HTTP/1.1 {status} {reason}", *headers]
        if not self._open:
            lines.append("Connection: close")
        elif self._request is not None and self._request.old:
            lines.append("Connection: keep-alive")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    async def _drain(self) -> None:
        """Read on after a request that was refused unread: closing now would reset the answer away (RFC 9112, 9.6)."""
        with contextlib.suppress(TimeoutError, OSError):
            if self._writer.can_write_eof():
                self._writer.write_eof()
            async with asyncio.timeout(_DRAIN_S):
                left = _DRAIN_BYTES
                while left > 0 and (data := await self._reader.read(65536)):
                    left -= len(data)

    async def write_on_time(
        self, pieces: Iterator[bytes], due_ns: Iterator[int], written_ns: list[int], *, count: int
    ) -> bool:
        """Write `count` pieces, each when it is due; return whether the client stayed.

        due_ns: instants of the monotonic clock, each taken once the piece before it was written. A piece is never
        written early, and those that are late together go out together. written_ns: gets the instant just before each
        was handed over.
        """
        due = next(due_ns)
        while count and not self.lost:
            now_ns, ready = time.monotonic_ns(), []
            while count and due <= now_ns:
                ready.append(next(pieces))
                count -= 1
                due = next(due_ns)
            if ready:
                written_ns += [time.monotonic_ns()] * len(ready)
                self.write(b"".join(ready))
            else:  # uvloop's timers count whole milliseconds: less than one would fire at once, and spin
                await asyncio.sleep(min(max(1, -(-(due - now_ns) // 1_000_000)), _LOOK_MS) / 1000)
        return not self.lost
