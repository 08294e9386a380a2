"""Opens connections: DNS, TCP to each address in turn, TLS, all within one deadline. No HTTP."""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from typing import Any, NamedTuple

import httpx

from evalrun.errors import SuiteError
from evalrun.targets.transport.exchange import Broken, Exchange
from evalrun.targets.transport.stamped import READ_BYTES, StampedSocket, Tls, open_socket
from evalrun.types import FailureKind

SocketAddress = tuple[int, Any]  # family, and what connect() takes
OUT_OF = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
PLAIN_TEXT = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
"""What OpenSSL calls an answer that is no TLS."""


class Origin(NamedTuple):
    """Where a connection goes; connections to the same origin are interchangeable."""

    secure: bool
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


async def dial(origin: Origin, exchange: Exchange, *, context: ssl.SSLContext | None, within_s: float) -> StampedSocket:
    """Connect to `origin` within `within_s` seconds, with TLS where there is a `context`. Raises Broken."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    raw: socket.socket | None = None
    doing = "DNS lookup"
    try:
        async with asyncio.timeout_at(deadline):
            addresses = await _resolve(origin, loop)
            doing = "TCP connect"
            raw = await _connect(addresses, loop, deadline=deadline)
            doing = "TLS handshake"
            tls = await _secure(raw, loop, Tls(context, origin.host)) if context else None
            stamped, raw = StampedSocket(raw, tls), None
            return stamped
    except TimeoutError as error:
        message = f"{origin}: no connection within {within_s:g} s, {doing} timed out; is the address right?"
        raise Broken("timeout_connect", exchange, message) from error
    except OSError as error:
        kind, why = explain(error)
        raise Broken(kind, exchange, f"{origin}: {why}") from error
    finally:
        if raw is not None:
            raw.close()


def explain(error: OSError) -> tuple[FailureKind, str]:
    """Say what kind of failure `error` is, and what to do about it."""
    if isinstance(error, socket.gaierror) and _descriptors_left():
        return "dns", f"no address is known for this host ({error.strerror}); is its name right?"
    if isinstance(error, socket.gaierror) or error.errno in OUT_OF:
        return "client_resource", f"this machine is out of sockets ({error.strerror}); lower the concurrency"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "tls", f"its certificate is not trusted ({error.verify_message}); name its authority in ca_file"
    if isinstance(error, ssl.SSLError) and error.reason in PLAIN_TEXT:
        return "tls", f"it does not speak TLS ({error.reason}): write http:// in base_url"
    if isinstance(error, ssl.SSLError):
        return "tls", f"TLS handshake failed ({error.reason or error}); does it speak https?"
    if isinstance(error, ConnectionRefusedError):
        return "connect", "connection refused; is the server running there?"
    return "connect", f"no connection ({error.strerror or error})"


def _descriptors_left() -> bool:
    """Tell a look-up that failed for want of a file descriptor from one that failed: the C library does not."""
    try:
        os.close(os.dup(2))
    except OSError:
        return False
    return True


async def _resolve(origin: Origin, loop: asyncio.AbstractEventLoop) -> list[SocketAddress]:
    try:
        try:  # a literal address needs no thread
            found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # no name can be spelled like this
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from error
    return [(family, sockaddr) for family, _, _, _, sockaddr in found]


async def _connect(
    addresses: list[SocketAddress], loop: asyncio.AbstractEventLoop, *, deadline: float
) -> socket.socket:
    """Connect to the first address that answers; each gets an equal share of the time that is left."""
    failures: list[OSError] = []
    for tried, (family, sockaddr) in enumerate(addresses):
        raw = None
        share_s = (deadline - loop.time()) / (len(addresses) - tried)
        try:
            raw = open_socket(family)
            async with asyncio.timeout(share_s):
                await loop.sock_connect(raw, sockaddr)
            connected, raw = raw, None
            return connected
        except OSError as error:  # TimeoutError is one
            failures.append(error)
            if error.errno in OUT_OF:
                break
        finally:
            if raw is not None:
                raw.close()
    raise failures[-1]


async def _secure(raw: socket.socket, loop: asyncio.AbstractEventLoop, tls: Tls) -> Tls:
    received = b""
    while True:
        try:
            done = tls.handshake(received)
        except ssl.SSLError:
            with contextlib.suppress(OSError):  # tell the server why, if it still listens
                raw.send(tls.outgoing())
            raise
        if out := tls.outgoing():
            await loop.sock_sendall(raw, out)
        if done:
            return tls
        received = await loop.sock_recv(raw, READ_BYTES)
        if not received:
            raise ConnectionResetError(errno.ECONNRESET, "the server hung up during the TLS handshake")


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
