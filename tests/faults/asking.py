"""Asks an address as a run does: the client over a transport. It resends nothing and records nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from evalrun.secret import Secret
from evalrun.targets.client import Client, Reply
from evalrun.targets.kind import Deadlines, Endpoint, Sizes
from evalrun.targets.transport.measuring import MeasuringTransport
from evalrun.targets.transport.stock import StockTransport

KEY = "sk-canary-4b1d/93+fe=="
BODY = b'{"messages":[{"content":"Hi","role":"user"}],"model":"m","stream":true}'
LONG_BODY = b'{"messages":[{"content":"%s","role":"user"}]}' % (b"x" * 2**24)  # more than two sockets buffer
PATIENT = Deadlines(connect_s=10, first_byte_s=10, idle_s=10, total_s=20)  # no test gets there, unless it fails
SIZES = Sizes()


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Asks an address `times` times, one after another, with the client that a run uses."""

    transport: type[MeasuringTransport] | type[StockTransport]

    def __call__(
        self,
        url: str,
        *,
        times: int = 1,
        body: bytes = BODY,
        deadlines: Deadlines = PATIENT,
        sizes: Sizes = SIZES,
        ca_file: str | None = None,
        after_each: Callable[[], object] = lambda: None,
    ) -> list[Reply]:
        async def asking() -> list[Reply]:
            transport = self.transport(deadlines=deadlines, ca_file=ca_file)
            endpoint = Endpoint(base_url=url, model="m", key=Secret(KEY))
            client = Client(endpoint, transport, deadlines=deadlines, sizes=sizes, headers={}, end_markers=("</s>",))
            try:
                replies = []
                for _ in range(times):
                    replies.append(await client.attempt(body))
                    await asyncio.to_thread(after_each)
                return replies
            finally:
                await transport.aclose()

        return asyncio.run(asking())
