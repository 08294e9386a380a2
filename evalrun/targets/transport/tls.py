"""TLS as values: cipher text in, plain text out, and the other way round. No socket, no clock."""

import ssl

import httpx

from evalrun.errors import SuiteError


def tls_context(*, verify: bool = True, ca_file: str | None = None) -> ssl.SSLContext:
    """Return the context for HTTPS: the usual authorities plus those in `ca_file`; `verify=False` checks nothing."""
    context = httpx.create_ssl_context(verify=verify)
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise SuiteError(
                f"{ca_file}: cannot be read as certificates ({error}); ca_file names a PEM file"
            ) from error
    return context


class Tls:
    """The client's side of one TLS connection.

    closed: the peer said that nothing follows. received_bytes: what the handshake took of the wire.

    Whatever `outgoing` gives after a call belongs on the wire. Raises ssl.SSLError for bytes that are not TLS.
    """

    __slots__ = ("_in", "_object", "_out", "closed", "received_bytes")

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_hostname=host)
        self.closed = False
        self.received_bytes = 0

    def handshake(self, received: bytes) -> bool:
        """Go on with the handshake; True when it is through, False when more bytes are needed."""
        self._in.write(received)
        self.received_bytes += len(received)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def outgoing(self) -> bytes:
        """Take the bytes that wait to be sent."""
        return self._out.read()

    def encrypt(self, plain: bytes) -> bytes:
        view = memoryview(plain)
        while view:
            view = view[self._object.write(view) :]
        return self._out.read()

    def decrypt(self, data: bytes) -> bytes:
        """Return the plain text of every record that is now whole; tickets and key updates have none."""
        self._in.write(data)
        plain: list[bytes] = []
        try:
            while piece := self._object.read(65536):
                plain.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.closed = True
        return plain[0] if len(plain) == 1 else b"".join(plain)
