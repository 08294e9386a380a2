"""Lets requests start a few at a time, so that the reads of those already out come in between. No network."""

import asyncio
from collections import deque

A_TURN = 16
"""Requests begun in one turn of the event loop. Beginning one takes about as long as twenty reads."""


class Turns:
    """Spreads a burst of starts over turns of the event loop: the order stays, and nobody waits when there is no burst.

    Where hundreds of answers end together, hundreds of requests begin together. Begun all in one turn they would
    hold up every read for a tenth of a second, and the measurement with it.
    """

    def __init__(self) -> None:
        self._begun = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait until this request may begin."""
        loop = asyncio.get_running_loop()
        if self._begun == 0:
            loop.call_soon(self._next, loop)
        if self._begun < A_TURN and not self._waiting:
            self._begun += 1
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._begun = 0
        while self._waiting and self._begun < A_TURN:
            turn = self._waiting.popleft()
            if not turn.done():  # else its request was cancelled
                turn.set_result(None)
                self._begun += 1
        if self._begun:
            loop.call_soon(self._next, loop)
