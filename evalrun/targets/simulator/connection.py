"""HTTP/1.1 for the simulator: a keep-alive connection, one request after another, answers written when they are due."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

HEAD_BYTES = 64 * 1024
_MAX_BODY_BYTES = 256 * 2**20
_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed",
    411: "Length Required", 413: "Content Too Large", 431: "Request Header Fields Too Large",
    500: "Internal Server Error",
}  # fmt: skip
END = b"0\r\n\r\n"
"""The end of an answer in chunks."""


class Refused(Exception):
    """A request is answered with an error. Without a body it could not be read, and the connection is closed."""

    def __init__(self, status: int, body: bytes = b"") -> None:
        super().__init__(_REASONS[status])
        self.status, self.body = status, body


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A whole request. Header names in lower case; of a repeated header the last value."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


def response(status: int, body: bytes) -> bytes:
    """Return an answer in one piece."""
    return _head(status, "application/json", f"Content-Length: {len(body)}") + body


def stream_head() -> bytes:
    """Return the head of an answer of server-sent events in chunks."""
    return _head(200, "text/event-stream", "Cache-Control: no-cache\r\nTransfer-Encoding: chunked")


def chunk(data: bytes) -> bytes:
    """Return the next chunk of an answer."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _head(status: int, content_type: str, length: str) -> bytes:
    return f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {content_type}\r\n{length}\r\n\r\n".encode("latin-1")


class ServerConnection:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def lost(self) -> bool:
        """Whether the client has left."""
        return self._reader.at_eof() or self._writer.is_closing()

    def write(self, data: bytes) -> None:
        """Write, unless the client has left."""
        if not self._writer.is_closing():
            self._writer.write(data)

    async def serve(self, answer: Callable[["ServerConnection", HttpRequest], Awaitable[None]]) -> None:
        """Answer one request after another, until the client leaves or one cannot be read."""
        open_ = True
        try:
            while open_:
                try:
                    request = await self._request()
                    await answer(self, request)
                    open_ = request.keep_alive
                except Refused as refused:
                    self.write(response(refused.status, refused.body))
                    open_ = bool(refused.body)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            self._writer.close()

    async def write_on_time(
        self, pieces: Iterator[bytes], written_ns: list[int], *, count: int, start_ns: int, first_s: float, gap_s: float
    ) -> bool:
        """Write piece k at start + first + k * gap, whatever became of those before it; say whether the client stayed.

        Due times are absolute, so lateness never adds up; a piece is never written early, and those that are late
        together go out together. written_ns: gets the monotonic instant just before each was handed over.
        """

        def due_ns(number: int) -> int:
            return start_ns + round(first_s * 1e9) + round(number * gap_s * 1e9)

        while len(written_ns) < count and not self.lost:
            now_ns, due = time.monotonic_ns(), len(written_ns)
            while due < count and due_ns(due) <= now_ns:
                due += 1
            if due > len(written_ns):
                new = due - len(written_ns)
                data = b"".join(next(pieces) for _ in range(new))
                written_ns += [time.monotonic_ns()] * new
                self.write(data)
            else:  # uvloop's timers count whole milliseconds: less than one would fire at once, and spin
                await asyncio.sleep(max(1, -(-(due_ns(due) - now_ns) // 1_000_000)) / 1000)
        return not self.lost

    async def _request(self) -> HttpRequest:
        """Read the next request. Raises Refused, or IncompleteReadError at the end of the connection."""
        try:
            line, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
            method, path, version = line.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
            length = int(headers.get("content-length", 0))
        except asyncio.LimitOverrunError:
            raise Refused(431) from None
        except ValueError:
            raise Refused(400) from None
        if "transfer-encoding" in headers:
            raise Refused(411)
        if length > _MAX_BODY_BYTES:
            raise Refused(413)
        if headers.get("expect", "").lower() == "100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await self._reader.readexactly(max(length, 0))
        kept = headers.get("connection", "").lower()
        keep_alive = kept != "close" and (version != "HTTP/1.0" or kept == "keep-alive")
        return HttpRequest(method, path.partition("?")[0], headers, body, keep_alive)
