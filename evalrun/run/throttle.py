"""How fast a target may be asked: requests and tokens in any minute, as its `rate` says. Only counting, no sleeping."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_S = 60.0
MARGIN_S = 0.25  # what a request may be late on its way: its window at the server begins that much later


@dataclass(slots=True)
class Spent:
    """What one request takes of the limits: when it was sent, and how many tokens it counts."""

    at_s: float
    tokens: int


class Throttle:
    """Keeps the requests of the last minute under a target's limits. None: no limit.

    A window that slides is never over a limit that the server counts in fixed minutes, wherever they begin.
    """

    def __init__(self, now: Callable[[], float], *, requests: int | None = None, tokens: int | None = None) -> None:
        self._now = now
        self._requests, self._tokens = requests, tokens
        self._sent: deque[Spent] = deque()
        self._sum = 0

    def rest_s(self, tokens: int) -> float:
        """Return for how long a request of so many tokens may not be sent yet, in seconds; 0 or less: it may."""
        self._forget()
        over_requests = 0 if self._requests is None else len(self._sent) + 1 - self._requests
        over_tokens = 0 if self._tokens is None else self._sum + tokens - self._tokens
        if over_requests <= 0 and over_tokens <= 0:
            return 0.0
        at_s = None
        for number, spent in enumerate(self._sent, 1):  # until enough of them are over a minute old
            at_s, over_tokens = spent.at_s, over_tokens - spent.tokens
            if number >= over_requests and over_tokens <= 0:
                break
        return 0.0 if at_s is None else at_s + WINDOW_S + MARGIN_S - self._now()  # one over the limit alone goes alone

    def send(self, tokens: int) -> Spent:
        """Note a request that is sent now."""
        spent = Spent(self._now(), tokens)
        if self._requests is not None or self._tokens is not None:
            self._sent.append(spent)
            self._sum += tokens
        return spent

    def settle(self, spent: Spent, tokens: int) -> None:
        """Note what a request really took."""
        if spent.at_s > self._now() - WINDOW_S - MARGIN_S:
            self._sum += tokens - spent.tokens
            spent.tokens = tokens

    def _forget(self) -> None:
        old_s = self._now() - WINDOW_S - MARGIN_S
        while self._sent and self._sent[0].at_s <= old_s:
            self._sum -= self._sent.popleft().tokens
