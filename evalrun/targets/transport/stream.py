"""One request on one connection and its answer, piece by piece with instants and deadlines. It opens no connection.

                 written()          received()                      lost()
    ask() -----> SENDING, SENT ---> PARTIAL ---> head ---> queue ---> COMPLETE, or an error
                                                            |
                                              read(), async for

The connection's callbacks fill the queue whether or not anybody reads it, so a busy reader costs no accuracy.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import httpx

from evalrun.targets.kind import Deadlines
from evalrun.targets.transport import http1
from evalrun.targets.transport.connection import Connection
from evalrun.targets.transport.exchange import Broken, Exchange, Piece
from evalrun.types import FailureKind, Phase

HIGH_WATER_BYTES = 1024 * 1024
"""With more than this unread, the connection is paused."""
LONGEST_SLEEP_S = 3600.0
Deadline = tuple[float, FailureKind, str]


def last_event(data: bytes, body: bytes) -> int | None:
    """Return where the last server-sent event of `body` begins, None unless it ends where the read `data` does.

    Only then did its end come with the read's last segment; what the other events came with is not known. The line
    end of HTTP's chunk may follow.
    """
    if data.endswith((b"\n\n\r\n", b"\n\n")):
        blank = b"\n\n"
    elif data.endswith(b"\r\n\r\n\r\n"):
        blank = b"\r\n\r\n"
    else:
        return None
    before = body.rfind(blank, 0, -len(blank))
    if before >= 0:
        return before + len(blank)
    return int(body[0] in b"\r\n")  # the blank line of an event of an earlier read


class Stream(httpx.AsyncByteStream):
    """An answer's body, and the owner of its connection until the answer ends."""

    def __init__(self, connection: Connection, exchange: Exchange, *, deadlines: Deadlines, method: str) -> None:
        self.answer = http1.AnswerParser(method)
        self._connection = connection
        self._exchange = exchange
        self._deadlines = deadlines
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._begun_ns = self._active_ns = time.perf_counter_ns()
        self._already_sent_bytes = connection.stamped.sent_bytes
        self._queue: list[Piece] = []
        self._queued_bytes = 0
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._error: Broken | None = None
        self._over = False  # nothing more will come
        self._unwanted = False  # what comes will not be read
        exchange.stamp = "kernel" if connection.stamped.stamps else "user"
        connection.owner = self

    # ---------------------------------------------------------------- the caller's side

    async def ask(self, payload: bytes) -> http1.AnswerParser:
        """Send the request and wait for the answer's head. Raises Broken."""
        try:
            self._connection.send(payload)
            if not self._over:
                self._sleep()
            while not self.answer.status:
                await self._news()
        finally:
            if not self.answer.status:
                self._drop()
        return self.answer

    async def read(self) -> list[Piece]:
        """Return every piece that has come, waiting for one; an empty list is the end. Raises Broken."""
        while not self._queue:
            if self._unwanted:
                raise httpx.StreamClosed()
            if self._over and self._error is None:
                return []
            await self._news()
        batch, self._queue, self._queued_bytes = self._queue, [], 0
        self._resume()
        return batch

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while batch := await self.read():
            for data, *_ in batch:
                yield data

    def finish(self, grace_s: float = 1.0) -> None:
        """Read no more of the body: keep the connection if the answer ends within `grace_s`, else drop it."""
        self._unwanted = True
        self._queue.clear()
        if not self._over:
            self._resume()
            self._set_timer(grace_s, self._drop)

    async def aclose(self) -> None:
        """Drop the connection unless the answer came to its end or `finish` was called."""
        if not self._unwanted:
            self._unwanted = True
            self._drop()

    async def _news(self) -> None:
        """Wait until something happened."""
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._active_ns = time.perf_counter_ns()  # while it was paused, the silence was ours
            self._connection.resume()
            self._sleep()

    # ---------------------------------------------------------------- the connection's side

    def written(self, *, all_out: bool) -> None:
        """Note that the kernel may have taken some of the request, or `all_out`."""
        stamped, exchange = self._connection.stamped, self._exchange
        if exchange.phase is Phase.NOT_SENT and stamped.sent_bytes > self._already_sent_bytes:
            exchange.phase = Phase.SENDING
        if all_out:
            exchange.sent_ns = stamped.sent_ns
            if exchange.phase is Phase.SENDING:
                exchange.phase = Phase.SENT

    def received(self, data: bytes, at_ns: int, since_ns: int) -> None:
        """Parse bytes: the last of them arrived at `at_ns`, none before `since_ns`."""
        exchange, answer = self._exchange, self.answer
        if exchange.first_byte_ns is None:
            exchange.first_byte_ns = at_ns
            exchange.phase = Phase.PARTIAL
            self._active_ns = at_ns
            self._sleep()
        if self._connection.stamped.age_ns is None:
            exchange.stamp = "user"
        self._active_ns = at_ns
        body = answer.feed(data)
        if body and not self._unwanted:
            self._add(data, body, at_ns, since_ns)
            self._queued_bytes += len(body)
            if self._queued_bytes > HIGH_WATER_BYTES and not self._paused:
                self._paused = True
                self._connection.pause()
        if answer.wrong:
            self._fail("tls" if answer.tls else "protocol", answer.wrong)
        elif answer.complete:
            self._complete(at_ns)
        self._wake()

    def _add(self, data: bytes, body: bytes, at_ns: int, since_ns: int) -> None:
        """Queue the body of one read, its last event apart where only that is known to have come with the stamp."""
        stamped = self._connection.stamped
        cut = None if stamped.secure else last_event(data, body)  # a TLS record may end behind what it says
        if cut == 0 or stamped.one_segment():
            since_ns = at_ns
        elif cut is not None:
            self._queue.append((body[:cut], at_ns, since_ns))
            body, since_ns = body[cut:], at_ns
        self._queue.append((body, at_ns, since_ns))

    def lost(self, error: OSError | None) -> None:
        """End: the connection was closed by `error`, or by the other side."""
        if self._over:
            return
        how = "reset the connection" if error is not None else "hung up"
        if self._exchange.first_byte_ns is None:
            self._fail("reset", f"the server {how} before it answered")
        elif error is None and self.answer.close_delimited:
            self._complete(time.perf_counter_ns())
            self._wake()
        else:
            self._fail("truncated", f"the server {how} in the middle of its answer")

    def _complete(self, at_ns: int) -> None:
        self._over = True
        self._exchange.closed_ns = at_ns
        self._exchange.phase = Phase.COMPLETE
        self._set_timer(None)
        if self._paused:
            self._paused = False
            self._connection.resume()
        if self.answer.reusable and not self._connection.writing:
            self._connection.release()
        else:
            self._connection.close()

    def _fail(self, kind: FailureKind, why: str) -> None:
        self._error = Broken(kind, self._exchange, f"{self._connection.origin}: {why}")
        self._drop()

    def _drop(self) -> None:
        if not self._over:
            self._over = True
            self._set_timer(None)
            self._connection.close()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # ---------------------------------------------------------------- deadlines

    def _due(self) -> Deadline:
        """Return the next deadline on the monotonic clock in ns, and what passing it means."""
        total_s, first_s, idle_s = self._deadlines.total_s, self._deadlines.first_byte_s, self._deadlines.idle_s
        due_ns = self._exchange.asked_ns + total_s * 1e9
        total: Deadline = due_ns, "deadline", f"not finished after {total_s:g} s"
        if self._paused:
            return total
        if self._exchange.first_byte_ns is None:
            due_ns = (self._exchange.sent_ns or self._begun_ns) + first_s * 1e9
            return min(total, (due_ns, "timeout_first_byte", f"no answer in {first_s:g} s"))
        return min(total, (self._active_ns + idle_s * 1e9, "stall", f"silent for {idle_s:g} s"))

    def _check_deadlines(self) -> None:
        """Fail if a deadline has passed, else sleep until the next one."""
        if self._due()[0] <= time.perf_counter_ns():
            self._connection.poll()  # the late one may be this client: look before blaming the server
        if self._over:
            return
        due_ns, kind, why = self._due()
        if due_ns <= time.perf_counter_ns():
            self._fail(kind, why)
        else:
            self._sleep()

    def _sleep(self) -> None:
        """Sleep until the next deadline as it stands now. Pieces that come meanwhile move it but set no timer."""
        left_s = (self._due()[0] - time.perf_counter_ns()) / 1e9
        self._set_timer(min(max(left_s, 0), LONGEST_SLEEP_S), self._check_deadlines)

    def _set_timer(self, after_s: float | None, then: Callable[[], None] | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if after_s is None or then is None else self._loop.call_later(after_s, then)
