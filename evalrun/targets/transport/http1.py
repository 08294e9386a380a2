"""HTTP/1.1 as values: a request to bytes, bytes to the parts of an answer. No socket, no clock."""

import re

import httptools
import httpx

MAX_BARREN_BYTES = 128 * 1024
"""Most bytes in a row that bring no body: bounds the head, interim answers, chunk extensions and trailers alike."""

NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
VALUE = re.compile(rb"[^\x00\r\n]*")
TARGET = re.compile(rb"[!-~]+")
TLS_RECORDS = (b"\x15\x03", b"\x16\x03")  # an alert, or a handshake: what a TLS server says to plain text
FRAMING = frozenset({b"transfer-encoding", b"content-length", b"accept-encoding"})


class ProtocolError(Exception):
    """The request cannot be said in HTTP/1.1."""


def encode(request: httpx.Request, body: bytes) -> bytes:
    """Return the bytes of `request`. Compression is never asked for: it would merge the chunks whose instants we want.

    Raises ProtocolError, without quoting the value (it may be a key), for what cannot be sent as one header line.
    """
    method, target = request.method.encode("ascii", "replace"), request.url.raw_path
    if not NAME.fullmatch(method) or not TARGET.fullmatch(target):
        raise ProtocolError("the request's method or URL has characters that HTTP does not allow")
    lines = [b"%b %b HTTP/1.1" % (method, target)]
    for name, value in request.headers.raw:
        if not NAME.fullmatch(name) or not VALUE.fullmatch(value):
            raise ProtocolError(
                f"request header {name.decode('ascii', 'replace')!r} has characters that HTTP does not allow"
            )
        if name.lower() not in FRAMING:
            lines.append(b"%b: %b" % (name, value))
    lines.append(b"accept-encoding: identity")
    if body or method not in (b"GET", b"HEAD", b"DELETE", b"OPTIONS"):
        lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body]) if body else b"\r\n".join([*lines, b"", b""])


class AnswerParser:
    """One answer, as far as it was fed. Interim (1xx) answers are passed over.

    status, reason, headers: the head; `status` is 0 until it is whole. complete: the answer ended.
    wrong: why no more can be read from it, "" while it is well-formed. tls: it speaks TLS instead.
    reusable: it ended, and the connection may carry another request. close_delimited: neither a length nor chunks say
    where it ends, only the closing of the connection.
    """

    def __init__(self, method: str) -> None:
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False
        self.reusable = False
        self.close_delimited = False
        self.wrong = ""
        self.tls = False
        self._head_only = method == "HEAD"
        self._keep_alive = False
        self._barren_bytes = 0
        self._body: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> bytes:
        """Parse `data` and return its body bytes. Bytes past the end make the connection not reusable."""
        if not self.status and data.startswith(TLS_RECORDS):
            self.tls, self.wrong = True, "it speaks TLS: write https:// in base_url"
            return b""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.wrong = "the server switched protocols unasked"
        except httptools.HttpParserError as error:
            if self.complete:
                self.reusable = False
            else:
                self.wrong = self.wrong or f"not HTTP/1.1: {error}"
        body = self._body
        if not body:
            self._barren_bytes += len(data)
            if self._barren_bytes > MAX_BARREN_BYTES and not self.complete:
                self.wrong = f"over {MAX_BARREN_BYTES} bytes of headers or trailers"
            return b""
        self._barren_bytes = 0
        self._body = []
        return body[0] if len(body) == 1 else b"".join(body)

    # httptools calls these from within feed_data

    def on_message_begin(self) -> None:
        if self.complete:  # an unasked answer
            self.reusable = False
        else:
            self.reason, self.headers = b"", []

    def on_status(self, reason: bytes) -> None:
        if not self.complete:
            self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status:  # else a trailer
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        status = self._parser.get_status_code()
        if status == 101:
            self.wrong = "the server switched protocols unasked"
        elif status < 100:
            self.wrong = f"not HTTP/1.1: status {status}"
        elif status >= 200:
            self.status = status
            self._keep_alive = self._parser.should_keep_alive()
            self.complete = self._head_only  # httptools would wait for the body
            self.close_delimited = not self._head_only and self._only_closing_ends_it()

    def _only_closing_ends_it(self) -> bool:
        fields = {name.lower(): value.lower() for name, value in self.headers}
        if self.status in (204, 304):
            return False
        if coding := fields.get(b"transfer-encoding"):
            return not coding.rstrip().endswith(b"chunked")
        return b"content-length" not in fields

    def on_body(self, data: bytes) -> None:
        if not self.complete:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self.status and not self.complete:
            self.complete = True
            self.reusable = self._keep_alive
