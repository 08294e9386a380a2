"""How many requests may be in flight, and when none may be sent. No HTTP here: only counting and waiting."""

import asyncio
from collections.abc import Callable

from evalrun.retry import Rules
from evalrun.store.lines import LoadReason

COOL_DOWN_S = 15.0  # one burst of 429s is one episode: it cuts the limit once, not once per answer


class Slots:
    """A limit on requests in flight that shrinks when the server says 429 and grows back while it does not.

    One waiter at most: the loop that starts requests takes the slot before it spawns, so the number of
    tasks is bounded by the limit and not by the number of samples.

    Requests that are to be sent again keep their slots; how many of them are out at once is limited too (`may_send`).

    why: what set the first limit. on_change: called with the reason after each later change of `limit`.
    """

    def __init__(self, limit: int, now: Callable[[], float], *, why: LoadReason = "planned") -> None:
        self._most = self.limit = limit
        self._why = why
        self.on_change: Callable[[LoadReason], None] = lambda _: None
        self.lowest = limit
        self.in_flight = 0
        self.sending = 0
        self._sent = asyncio.Event()
        self._now = now
        self._cut_at = float("-inf")
        self._good = 0
        self._free = asyncio.Event()
        self._free.set()

    @property
    def why(self) -> LoadReason:
        """Return what keeps the limit where it is."""
        return self._why if self.limit == self._most else "refused"

    async def acquire(self) -> None:
        """Wait for a free slot and take it."""
        await self._free.wait()
        self.in_flight += 1
        self._update()

    def release(self) -> None:
        """Release a slot."""
        self.in_flight -= 1
        self._update()

    async def may_send(self) -> bool:
        """Return whether a request may go out: at once, or False after one that is out came back."""
        if self.sending < self.limit:
            return True
        self._sent.clear()
        await self._sent.wait()
        return False

    def sent(self) -> None:
        """Note that a request goes out."""
        self.sending += 1

    def came_back(self) -> None:
        """Note that a request that went out is over."""
        self.sending -= 1
        self._sent.set()

    def cut(self) -> None:
        """Halve the limit, once per episode of 429s."""
        self._good = 0
        if self._now() - self._cut_at < COOL_DOWN_S:
            return
        self._cut_at = self._now()
        self._set_limit(max(1, self.limit // 2), "refused")

    def succeeded(self) -> None:
        """Grow by one slot for each full round of successes, up to what the suite asked for."""
        self._good += 1
        if self._good >= self.limit and self.limit < self._most:
            self._good = 0
            self._set_limit(self.limit + 1, "recovered")

    def _set_limit(self, limit: int, why: LoadReason) -> None:
        if limit == self.limit:
            return
        self.limit, self.lowest = limit, min(self.lowest, limit)
        self._update()
        self.on_change(why)

    def _update(self) -> None:
        if self.in_flight < self.limit:
            self._free.set()
        else:
            self._free.clear()


class Backoff:
    """Holds all requests to one target back while the server asked to wait, or while it cannot be reached."""

    FIRST_S, LONGEST_S = 0.5, 10.0

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._until = float("-inf")
        self._outage_since: float | None = None
        self._tries = 0
        self._waits = 0

    def rest_s(self) -> float:
        """Return for how long no request may be sent yet, in seconds; 0 or less: it may."""
        return self._until - self._now()

    def hold(self, wait_s: float) -> None:
        """Let no request be sent for `wait_s` from now."""
        self._until = max(self._until, self._now() + wait_s)

    def asked(self, wait_s: float, rules: Rules) -> int:
        """Hold all requests as the server asked, longer where waiting brought nothing; return the waits in a row.

        Requests that were refused together wait once. What is added grows as the backoff does: a server that always
        asks for 1 s is not asked every second.
        """
        if self.rest_s() <= 0:
            self._waits += 1
        first_s, longest_s = rules.backoff_s
        grown_s = min(longest_s, first_s * 2.0 ** (self._waits - 1)) if self._waits > 2 else 0.0
        self.hold(max(wait_s, grown_s))
        return self._waits

    def unreachable(self) -> float:
        """Hold all requests longer after each failed attempt; return how long the outage has lasted, in seconds."""
        now = self._now()
        if self._outage_since is None:
            self._outage_since, self._tries = now, 0
        if now >= self._until:  # the first of a crowd that failed together decides the wait
            self.hold(min(self.LONGEST_S, self.FIRST_S * 2.0**self._tries))
            self._tries += 1
        return now - self._outage_since

    def reached(self) -> None:
        """Note that the server answered: an outage, if there was one, is over, and the last wait was not in vain."""
        self._outage_since = None
        self._waits = 0
