"""One open connection on the event loop, and the pool of those that wait for their next request. No HTTP."""

import asyncio
import time
from typing import TYPE_CHECKING

from evalrun.targets.transport.dial import Origin
from evalrun.targets.transport.lag import LagMeter
from evalrun.targets.transport.stamped import StampedSocket

if TYPE_CHECKING:
    from evalrun.targets.transport.stream import Stream


class Connection:
    """A connected socket that tells its owner what comes. Without an owner it is idle, and whatever comes closes it."""

    def __init__(self, stamped: StampedSocket, origin: Origin, *, pool: "Pool", lag: LagMeter) -> None:
        self.stamped = stamped
        self.origin = origin
        self.owner: Stream | None = None
        self.closed = False
        self.writing = False
        self._pool = pool
        self._lag = lag
        self._loop = asyncio.get_running_loop()
        self._fd = stamped.fileno()
        self._loop.add_reader(self._fd, self._readable)
        pool.connections.add(self)

    def _readable(self) -> None:
        """Read: the event loop says that there is something."""
        now_ns = time.perf_counter_ns()
        self._lag.polls.seen(self._loop, now_ns)
        self._read(now_ns)

    def poll(self) -> bool:
        """Read once, unasked, and pass it on; whether there was anything."""
        return self._read(time.perf_counter_ns())

    def _read(self, now_ns: int) -> bool:
        try:
            got = self.stamped.receive(now_ns, polled_ns=self._lag.polls.before_ns)
        except OSError as error:
            self.lose(error)
            return True
        if got is None:
            return False
        data, at_ns, since_ns = got
        if (age_ns := self.stamped.age_ns) is not None:
            self._lag.reads.add(age_ns)
        if data:
            if self.owner is None:
                self.close()
                return True
            self.owner.received(data, at_ns, since_ns)
        if self.stamped.ended:
            self.lose(None)
        return True

    def pause(self) -> None:
        """Read no more until `resume`; TCP then slows the server down."""
        if not self.closed:
            self._loop.remove_reader(self._fd)
            self.stamped.drained = False

    def resume(self) -> None:
        if not self.closed:
            self.stamped.drained = False  # it was not watched meanwhile
            self._loop.add_reader(self._fd, self._readable)

    def release(self) -> None:
        """Wait in the pool for the next request."""
        self.owner = None
        if not self.closed:
            self._pool.put(self)

    def close(self) -> None:
        """Close without telling the owner. Closing twice is closing once."""
        if self.closed:
            return
        self.closed = True
        self.owner = None
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self.stamped.close()
        self._pool.forget(self)

    def send(self, data: bytes = b"") -> None:
        """Send `data`, now as much as possible and the rest when the kernel takes it."""
        try:
            all_out = self.stamped.send(data)
        except OSError as error:
            self._cannot_write(error)
            return
        if self.writing and all_out:
            self._loop.remove_writer(self._fd)
        elif not self.writing and not all_out:
            self._loop.add_writer(self._fd, self.send)
        self.writing = not all_out
        if self.owner is not None:
            self.owner.written(all_out=all_out)

    def _cannot_write(self, error: OSError) -> None:
        """Look for an answer before giving up: a server may refuse a long body, say so, and hang up."""
        self._loop.remove_writer(self._fd)
        if self.owner is not None:
            self.owner.written(all_out=False)
        if not self.poll():
            self.lose(error)

    def lose(self, error: OSError | None) -> None:
        """Close and tell the owner: because of `error`, or because the connection ended."""
        owner = self.owner
        self.close()
        if owner is not None:
            owner.lost(error)


class Pool:
    """Every connection of a transport; idle ones are used again last in, first out. Their number has no limit here.

    max_idle_s: under the 5 s after which the usual servers (uvicorn, node) hang up, so that a request seldom meets a
    connection that is just being closed.
    """

    def __init__(self, max_idle_s: float) -> None:
        self.connections: set[Connection] = set()
        self._idle: dict[Origin, dict[Connection, float]] = {}  # oldest first, with the instant it became idle
        self._max_idle_s = max_idle_s

    def take(self, origin: Origin) -> Connection | None:
        """Return an idle connection to `origin` on which nothing has come, the youngest; None if there is none."""
        idle = self._idle.get(origin)
        while idle:
            connection, since_s = idle.popitem()
            if time.monotonic() - since_s > self._max_idle_s:
                connection.close()
                continue
            connection.poll()  # an end that the event loop has not seen yet closes it here
            if not connection.closed:
                return connection
        return None

    def put(self, connection: Connection) -> None:
        """Keep `connection` for the next request, and close the oldest one if its time is over."""
        idle = self._idle.setdefault(connection.origin, {})
        now_s = time.monotonic()
        idle[connection] = now_s
        oldest = next(iter(idle))
        if now_s - idle[oldest] > self._max_idle_s:
            oldest.close()

    def busy(self) -> bool:
        """Whether some connection carries a request."""
        return len(self.connections) > sum(map(len, self._idle.values()))

    def forget(self, connection: Connection) -> None:
        """Let go of a connection that was closed."""
        self.connections.discard(connection)
        if idle := self._idle.get(connection.origin):
            idle.pop(connection, None)

    def close(self) -> None:
        """Close every connection; those in use break."""
        for connection in list(self.connections):
            connection.lose(None)
