"""A TCP connection, plain or TLS, whose reads say when their bytes arrived. No HTTP, no event loop, no deadlines.

    segment arrives                       the loop gets round to reading it
          |------ age: the client's own lag ------|
     kernel stamp                              recvmsg

Linux stamps every segment (SO_TIMESTAMPNS), on the wall clock. Only a stamp's *age* is taken from that clock; the
instants are on the monotonic one. Where one read takes several segments, the kernel gives the stamp of the last, so an
instant may be late by the time the first was waiting, never early. How late at most:

- nothing arrived before the previous read of the connection, which drained it;
- nothing arrived before the event loop's last poll but one, at which the socket was not readable (`lag.Polls`);
- not at all, if the kernel counted one segment.

A client that promptly reads two segments is in doubt for two turns of the loop, or two ticks of `lag` if it was idle.
"""

import contextlib
import platform
import socket
import ssl
import struct
import sys
import time

SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python 3.11 has no name for it. sparc and parisc number it otherwise
HAS_STAMPS = sys.platform == "linux" and not platform.machine().startswith(("sparc", "parisc"))
TIMESPEC = struct.Struct("@ll")
TCP_INFO = getattr(socket, "TCP_INFO", None)
RECEIVED = struct.Struct("=128xQ16xI4x")  # of linux/tcp.h's tcp_info: bytes_received and data_segs_in, since 4.6
READ_BYTES = 64 * 1024
OLDEST_NS = 60 * 10**9


def open_socket(family: int) -> socket.socket:
    """Open a non-blocking TCP socket that sends at once and asks for stamps. Raises OSError."""
    raw = socket.socket(family, socket.SOCK_STREAM)
    raw.setblocking(False)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if HAS_STAMPS:
        with contextlib.suppress(OSError):  # a sandbox's kernel may not know it
            raw.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return raw


def arrival_ns(stamp_ns: int, *, wall_ns: int, now_ns: int, previous_ns: int) -> int | None:
    """Put a kernel stamp on the monotonic clock; None when it cannot be right, because the wall clock was set.

    wall_ns, now_ns: both clocks at the read. previous_ns: the connection's last event, which no byte read after it
    precedes (except for segments that overtook each other, where the read's own instant is better too).
    """
    age_ns = wall_ns - stamp_ns
    if not 0 <= age_ns <= OLDEST_NS:
        return None
    arrived_ns = now_ns - age_ns
    return arrived_ns if arrived_ns >= previous_ns else None


class Tls:
    """The client's side of one TLS connection, as values. After each call, what `outgoing` returns is to be sent.

    closed: the peer said that nothing follows. received_bytes: of the handshake. Raises ssl.SSLError for other bytes.
    """

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_hostname=host)
        self.closed = False
        self.received_bytes = 0

    def handshake(self, received: bytes) -> bool:
        """Continue the handshake; True when it is complete, False when more bytes are needed."""
        self._in.write(received)
        self.received_bytes += len(received)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def outgoing(self) -> bytes:
        """Take the bytes to be sent."""
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


class StampedSocket:
    """A connected socket. Every call returns at once.

    stamps: the kernel stamps its reads.
    age_ns: how long the bytes of the last read were waiting; None when the kernel did not say.
    ended: the peer sends no more.
    sent_bytes, sent_ns: how much the kernel took, and when the last of it.
    secure: it is TLS.
    drained: the last read left nothing behind; who stops watching the socket sets it to False.
    """

    def __init__(self, raw: socket.socket, tls: Tls | None = None) -> None:
        self._raw = raw
        self._tls = tls
        self.secure = tls is not None
        self._pending = memoryview(b"")
        self._previous_ns = self.sent_ns = self._empty_ns = time.perf_counter_ns()
        self.stamps = HAS_STAMPS and bool(raw.getsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS))
        self.drained = True
        self._read_bytes = tls.received_bytes if tls else 0
        self._reads = 0  # since _segments were counted
        self._segments: int | None = None
        self.age_ns: int | None = None
        self.ended = False
        self.sent_bytes = 0

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()

    def receive(self, begun_ns: int, *, polled_ns: int) -> tuple[bytes, int, int] | None:
        """Read what is there: the bytes, perhaps none, the instant the last arrived, and one before which none did.

        begun_ns: now. polled_ns: the event loop, if it watches the socket, found nothing on it later than this.
        None: nothing is there. Raises OSError, which ssl.SSLError is one of.
        """
        since_ns = max(self._empty_ns, polled_ns) if self.drained else self._empty_ns
        try:
            if HAS_STAMPS:
                data, ancillary, _, _ = self._raw.recvmsg(READ_BYTES, 32)
            else:
                data, ancillary = self._raw.recv(READ_BYTES), []
        except (BlockingIOError, InterruptedError):
            self.drained, self._empty_ns = True, begun_ns
            return None
        at_ns = self._stamp(ancillary)
        self._reads += bool(data)
        self._read_bytes += len(data)
        self.drained = len(data) < READ_BYTES
        self._empty_ns = begun_ns if self.drained else since_ns
        if not data:
            self.ended = True
        elif self._tls is not None:
            data = self._tls.decrypt(data)
            self.ended = self._tls.closed
            if answer := self._tls.outgoing():
                self._send(answer)
        if self._segments is None or not data:
            self._count_segments()  # too late for this read, in time for the next
        return data, at_ns, since_ns

    def one_segment(self) -> bool:
        """Say whether the last read took a single segment, so that its stamp is that of all its bytes.

        False where the kernel does not say, and where more came meanwhile. About a microsecond.
        """
        before, reads = self._segments, self._reads
        self._count_segments()
        if before is None or self._segments is None or not reads:
            return False
        return self._segments - before == reads

    def _count_segments(self) -> None:
        """Count the segments that came, unless some of them are still to be read. Each read takes at least one."""
        self._reads, self._segments = 0, None
        if self.stamps and TCP_INFO is not None:
            with contextlib.suppress(OSError, struct.error):  # an older kernel tells less
                info = self._raw.getsockopt(socket.IPPROTO_TCP, TCP_INFO, RECEIVED.size)
                received_bytes, segments = RECEIVED.unpack(info)
                if received_bytes == self._read_bytes:
                    self._segments = segments

    def _stamp(self, ancillary: list[tuple[int, int, bytes]]) -> int:
        now_ns, wall_ns = time.perf_counter_ns(), time.time_ns()
        self.age_ns = None
        at_ns = now_ns
        if ancillary:
            seconds, nanoseconds = TIMESPEC.unpack(ancillary[0][2])
            stamp_ns = seconds * 1_000_000_000 + nanoseconds
            arrived_ns = arrival_ns(stamp_ns, wall_ns=wall_ns, now_ns=now_ns, previous_ns=self._previous_ns)
            if arrived_ns is not None:
                at_ns = arrived_ns
                self.age_ns = now_ns - arrived_ns
        self._previous_ns = at_ns
        return at_ns

    def send(self, data: bytes = b"") -> bool:
        """Hand `data`, and what is left of earlier data, to the kernel. True if it took all, else send again later.

        Raises OSError.
        """
        if data:
            self._count_segments()
        return self._send(data if self._tls is None else self._tls.encrypt(data))

    def _send(self, data: bytes) -> bool:
        self._pending = memoryview(bytes(self._pending) + data)
        while self._pending:
            # before the call, not after it: on return from it we may already have been put off the core, and
            # then an answer would seem to come before its question
            begun_ns = time.perf_counter_ns()
            try:
                taken = self._raw.send(self._pending)
            except (BlockingIOError, InterruptedError):
                return False
            self._previous_ns = self.sent_ns = begun_ns
            self.sent_bytes += taken
            self._pending = self._pending[taken:]
        return True
