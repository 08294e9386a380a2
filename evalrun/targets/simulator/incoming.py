"""An HTTP request, read from a socket (RFC 9112): head, length or chunks, and what is refused. It answers nothing."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from evalrun.targets.simulator.refused import refused

HEAD_BYTES = 64 * 1024
MOST_BODY_BYTES = 256 * 2**20
_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/1\.([0-9])")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A whole request. Header names in lower case, repeated ones joined by commas. old: it is HTTP/1.0.

    path: decoded, without the query and without the host that a proxy's request has.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool
    old: bool


async def read_http(reader: asyncio.StreamReader, write: Callable[[bytes], object]) -> HttpRequest:
    """Read the next request. Raises Refused, after which no more can be read, and IncompleteReadError at the end.

    write: is given `100 Continue` where the client waits for it.
    """
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n").decode("latin-1")
    except asyncio.LimitOverrunError:
        raise refused(431, f"the head of the request is over {HEAD_BYTES} bytes", code="headers_too_large") from None
    first, *lines = head[:-4].split("\r\n")
    line, headers = _LINE.fullmatch(first), _headers(lines)
    if line is None:
        raise refused(400, "the first line is not `METHOD PATH HTTP/1.1`", code="bad_request_line")
    method, target, old = line[1], line[2], line[3] == "0"
    if not old and "host" not in headers:
        raise refused(400, "the header Host is missing", code="missing_host")
    wanted = {word.strip().lower() for word in headers.get("connection", "").split(",")}
    return HttpRequest(
        method=method,
        path=unquote(re.sub(r"^https?://[^/?#]*", "", target, flags=re.IGNORECASE).partition("?")[0]),
        headers=headers,
        body=await _body(reader, headers, write, old=old),
        keep_alive="keep-alive" in wanted if old else "close" not in wanted,
        old=old,
    )


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for text in lines:
        if (found := _HEADER.fullmatch(text)) is None:
            raise refused(400, "a line of the head is not `Name: value`", code="bad_header")
        name, value = found[1].lower(), found[2]
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _body(
    reader: asyncio.StreamReader, headers: dict[str, str], write: Callable[[bytes], object], *, old: bool
) -> bytes:
    """Read the body, in chunks or of the length that was announced."""
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None and (old or length is not None):
        raise refused(400, "Transfer-Encoding beside Content-Length, or in HTTP/1.0", code="bad_framing")
    if coding is not None and coding.lower() != "chunked":
        raise refused(501, f"the transfer coding {coding!r} is unknown; send `chunked`", code="unknown_coding")
    if length is not None and not (length.isascii() and length.isdigit() and len(length) < 19):
        raise refused(400, "Content-Length is not a number", code="bad_framing")
    if length is not None and int(length) > MOST_BODY_BYTES:
        raise _too_large()
    if "expect" in headers and not old:
        if headers["expect"].lower() != "100-continue":
            raise refused(417, "the only expectation that is met is `100-continue`", code="bad_expectation")
        write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if coding is not None:
        return await _chunks(reader)
    return await reader.readexactly(int(length or 0))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """Read a body in chunks; what follows the last one is read and dropped."""
    body = bytearray()
    try:
        while True:
            size = (await reader.readuntil(b"\r\n")).partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size):
                raise refused(400, "a chunk's size is not a hexadecimal number", code="bad_framing")
            if len(body) + int(size, 16) > MOST_BODY_BYTES:
                raise _too_large()
            if not int(size, 16):
                break
            body += await reader.readexactly(int(size, 16))
            if await reader.readexactly(2) != b"\r\n":
                raise refused(400, "a chunk is not as long as it says", code="bad_framing")
        left = HEAD_BYTES
        while (trailer := await reader.readuntil(b"\r\n")) != b"\r\n":
            left -= len(trailer)
            if left < 0:
                raise refused(431, f"trailers of over {HEAD_BYTES} bytes", code="headers_too_large")
    except asyncio.LimitOverrunError:
        raise refused(400, "a line of the body's framing is too long", code="bad_framing") from None
    return bytes(body)


def _too_large() -> Exception:
    return refused(413, f"the body is over {MOST_BODY_BYTES} bytes", code="request_too_large")
