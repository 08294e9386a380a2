"""Writing on a schedule: chunk k is due at start + first + k * gap, whatever happened to the chunks before it.

Due times are absolute, so lateness never adds up; a chunk is never written early, and chunks that are late together
go out together. It notes when it wrote each one, and knows nothing of what is in them.
"""

import asyncio
import time
from collections.abc import Callable, Iterator


class Schedule:
    """The paced writing of one stream, driven by the event loop's timers.

    chunks: made as they are due, not before. write: given the bytes that are due. done: called after the last one.
    written_ns: the monotonic instants, one per chunk, each taken just before its bytes were handed over.
    """

    def __init__(
        self, chunks: Iterator[bytes], *, count: int, start_ns: int, first_s: float, gap_s: float,
        write: Callable[[bytes], None], done: Callable[[], None],
    ) -> None:  # fmt: skip
        self._chunks = chunks
        self._count = count
        self._first_ns = start_ns + round(first_s * 1e9)
        self._gap_ns = gap_s * 1e9
        self._write = write
        self._done = done
        self._timer: asyncio.Handle | None = None
        self.written_ns: list[int] = []

    def go(self) -> None:
        """Write what is due, and come back for the rest."""
        loop = asyncio.get_running_loop()
        now = time.monotonic_ns()
        due = self._due_by(now)
        if due:
            data = b"".join(next(self._chunks) for _ in range(due))
            now = time.monotonic_ns()
            self.written_ns += [now] * due
            self._write(data)
        if len(self.written_ns) == self._count:
            self._done()
            return
        wait_ns = self._due_ns(len(self.written_ns)) - now
        # uvloop's timers count whole milliseconds: less than one would fire at once, and spin
        self._timer = loop.call_later(max(1, -(-wait_ns // 1_000_000)) / 1000, self.go)

    def stop(self) -> None:
        """Write nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _due_ns(self, number: int) -> int:
        return self._first_ns + round(number * self._gap_ns)

    def _due_by(self, now_ns: int) -> int:
        """Count the chunks that are due and not written."""
        number = len(self.written_ns)
        while number < self._count and self._due_ns(number) <= now_ns:
            number += 1
        return number - len(self.written_ns)
