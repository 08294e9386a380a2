"""A TCP connection, plain or TLS, whose reads say when their bytes arrived. No HTTP, no event loop, no deadlines.

    segment arrives                       the loop gets round to reading it
          |------ age: the client's own lag ------|
     kernel stamp                              recvmsg

Linux stamps every segment (SO_TIMESTAMPNS), on the wall clock. Only a stamp's *age* is taken from that clock; the
instants are on the monotonic one. Where one read takes several segments, the kernel gives the stamp of the last:
an instant may then be late by the time the first lay waiting, never early.
"""

import contextlib
import platform
import socket
import struct
import sys
import time

from evalrun.targets.transport.tls import Tls

SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python 3.11 has no name for it. sparc and parisc number it otherwise
HAS_STAMPS = sys.platform == "linux" and not platform.machine().startswith(("sparc", "parisc"))
TIMESPEC = struct.Struct("@ll")
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
    precedes (but for segments that overtook each other, where the read's own instant is the better answer too).
    """
    age_ns = wall_ns - stamp_ns
    if not 0 <= age_ns <= OLDEST_NS:
        return None
    arrived_ns = now_ns - age_ns
    return arrived_ns if arrived_ns >= previous_ns else None


class StampedSocket:
    """A connected socket. Every call returns at once.

    stamps: the kernel stamps its reads. age_ns: how long the bytes of the last read lay waiting; None when the
    kernel did not say. ended: the peer sends no more. sent_bytes: what the kernel took, sent_ns: the last of it when.
    """

    __slots__ = ("_pending", "_previous_ns", "_raw", "_tls", "age_ns", "ended", "sent_bytes", "sent_ns", "stamps")

    def __init__(self, raw: socket.socket, tls: Tls | None = None) -> None:
        self._raw = raw
        self._tls = tls
        self._pending = memoryview(b"")
        self._previous_ns = self.sent_ns = time.perf_counter_ns()
        self.stamps = HAS_STAMPS and bool(raw.getsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS))
        self.age_ns: int | None = None
        self.ended = False
        self.sent_bytes = 0

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()

    def receive(self) -> tuple[bytes, int] | None:
        """Read what is there: the bytes, perhaps none, and the instant they arrived. None: nothing is there.

        Raises OSError, which ssl.SSLError is one of.
        """
        try:
            if HAS_STAMPS:
                data, ancillary, _, _ = self._raw.recvmsg(READ_BYTES, 32)
            else:
                data, ancillary = self._raw.recv(READ_BYTES), []
        except (BlockingIOError, InterruptedError):
            return None
        at_ns = self._stamp(ancillary)
        if not data:
            self.ended = True
        elif self._tls is not None:
            data = self._tls.decrypt(data)
            self.ended = self._tls.closed
            if answer := self._tls.outgoing():
                self._hand_over(answer)
        return data, at_ns

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

    def send(self, data: bytes) -> bool:
        """Hand `data` to the kernel, as far as it takes it now. True when all is out, else `flush` later."""
        return self._hand_over(data if self._tls is None else self._tls.encrypt(data))

    def _hand_over(self, data: bytes) -> bool:
        self._pending = memoryview(bytes(self._pending) + data) if self._pending else memoryview(data)
        return self.flush()

    def flush(self) -> bool:
        """Hand over what the kernel did not take before. True when nothing is left. Raises OSError."""
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
