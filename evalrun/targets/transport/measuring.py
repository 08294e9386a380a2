"""The measuring HTTP/1.1 transport: httpx's one-method seam, with instants taken where the bytes arrive.

It follows no redirect, asks for no compression, honours no proxy and sends nothing twice, except a request that met a
connection which was already dead. What httpx's own transport costs under load: docs/design.md.

    request -> pool or dial -> Stream.ask -> httpx.Response(stream=Stream, extensions={"evalrun": Exchange})

stream    one request and its answer; deadlines      connection  an open connection; the pool
dial      name, TCP and TLS to a connection          stamped     a socket whose reads say when bytes arrived
http1     bytes to values, no socket                 lag         how late this client is
exchange  what a transport tells of a request        machine     event loop and file descriptors
stock     httpx's own client behind the same seam
"""

import asyncio
import functools
import time

import httpx

from evalrun.targets.kind import Deadlines
from evalrun.targets.transport import http1
from evalrun.targets.transport.connection import Connection, Pool
from evalrun.targets.transport.dial import Origin, dial, tls_context
from evalrun.targets.transport.exchange import Broken, Exchange
from evalrun.targets.transport.lag import LagMeter
from evalrun.targets.transport.stream import Stream
from evalrun.types import Phase

PORTS = {"http": 80, "https": 443}
A_TURN = 16
"""Requests begun in one turn of the event loop; beginning one takes about as long as twenty reads."""


class MeasuringTransport(httpx.AsyncBaseTransport):
    """Sends requests on the running event loop. `lag` is how late this client served its reads so far.

    deadlines: for requests without their own in `request.extensions["deadlines"]`. Every failure is a
    `Broken`, which says how far the request got.
    """

    def __init__(
        self,
        *,
        deadlines: Deadlines | None = None,
        verify: bool = True,
        ca_file: str | None = None,
        max_idle_s: float = 4.0,
    ) -> None:
        self.lag = LagMeter()
        self._deadlines = deadlines or Deadlines()
        self._context = functools.cache(functools.partial(tls_context, verify=verify, ca_file=ca_file))
        if ca_file is not None:
            self._context()  # a wrong file is refused before anything is sent
        self._pool = Pool(max_idle_s)
        self._starts = asyncio.Semaphore(A_TURN)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` and return its answer as soon as the head is there. Raises Broken."""
        exchange = Exchange(asked_ns=time.perf_counter_ns())
        deadlines = request.extensions.get("deadlines", self._deadlines)
        body = await request.aread()
        await self._starts.acquire()  # where hundreds of answers end together, hundreds of requests begin together
        asyncio.get_running_loop().call_soon(self._starts.release)
        try:
            payload, origin = http1.encode(request, body), _origin(request.url)
        except http1.ProtocolError as error:
            raise Broken("protocol", exchange, str(error)) from error
        connection = self._pool.take(origin)
        exchange.reused = connection is not None
        while True:
            if connection is None:
                connection = await self._dial(origin, exchange, deadlines)
            stream = Stream(connection, exchange, deadlines=deadlines, method=request.method)
            try:
                answer = await stream.ask(payload)
            except Broken as broken:
                if not (exchange.reused and broken.kind == "reset" and broken.phase is Phase.NOT_SENT):
                    raise
                connection, exchange.reused = None, False
            else:
                extensions = {"evalrun": exchange, "http_version": b"HTTP/1.1", "reason_phrase": answer.reason}
                return httpx.Response(answer.status, headers=answer.headers, stream=stream, extensions=extensions)

    async def aclose(self) -> None:
        """Close every connection. Requests in flight break."""
        self.lag.stop()
        self._pool.close()

    async def _dial(self, origin: Origin, exchange: Exchange, deadlines: Deadlines) -> Connection:
        begun_ns = time.perf_counter_ns()
        within_s = min(deadlines.connect_s, deadlines.total_s)
        context = self._context() if origin.secure else None
        stamped = await dial(origin, exchange, context=context, within_s=within_s)
        exchange.connect_ns = time.perf_counter_ns() - begun_ns
        self.lag.watch(self._pool.busy)
        return Connection(stamped, origin, pool=self._pool, lag=self.lag)


def _origin(url: httpx.URL) -> Origin:
    if url.scheme not in PORTS or not url.raw_host:
        raise http1.ProtocolError(f"{url.scheme}://{url.host}: not an http or https address")
    return Origin(url.scheme == "https", url.raw_host.decode("ascii"), url.port or PORTS[url.scheme])
