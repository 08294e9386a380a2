"""httpx's own transport behind the same seam: for proxies, and to compare with.

Its latencies are unreliable under load: instants are taken when this task runs, not when bytes arrive. Phases are those
of httpcore's trace; a doubtful one is the later one. This is the one module that translates httpx's exceptions.
"""

import asyncio
import ssl
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from evalrun.errors import SuiteError
from evalrun.targets.kind import Deadlines
from evalrun.targets.transport.dial import explain, tls_context
from evalrun.targets.transport.exchange import Broken, Exchange, Piece
from evalrun.targets.transport.lag import LagMeter
from evalrun.types import FailureKind, Phase

UNLIMITED = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=4.0)


class StockTransport(httpx.AsyncBaseTransport):
    """Sends requests by `httpx.AsyncHTTPTransport`, through HTTP(S)_PROXY where the environment sets them.

    lag: how late the event loop was. Every failure is a `Broken`.
    """

    def __init__(self, *, deadlines: Deadlines | None = None, verify: bool = True, ca_file: str | None = None) -> None:
        self.lag = LagMeter()
        self._deadlines = deadlines or Deadlines()
        self._drains: set[asyncio.Task[None]] = set()
        context = tls_context(verify=verify, ca_file=ca_file)
        self._direct = httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=UNLIMITED)
        self._proxies = _proxies(context)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` and return its answer as soon as the head is there. Raises Broken."""
        self.lag.watch(lambda: True)
        inner, where, variable = self._direct, request.url.host, ""
        if request.url.scheme in self._proxies and not urllib.request.proxy_bypass(request.url.host):
            variable, inner = self._proxies[request.url.scheme]
            where = f"{where} (through {variable})"
        deadlines = request.extensions.get("deadlines", self._deadlines)
        asking = StockExchange(deadlines, where, variable)
        first_s = deadlines.first_byte_s
        timeouts = {"connect": deadlines.connect_s, "write": first_s, "read": first_s, "pool": None}
        request.headers["accept-encoding"] = "identity"
        request.extensions = {**request.extensions, "trace": asking.trace, "timeout": timeouts}
        with asking:
            async with asyncio.timeout_at(asking.end_s):
                response = await inner.handle_async_request(request)
        timeouts["read"] = deadlines.idle_s
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=StockStream(response, asking, self._drains),
            extensions={**response.extensions, "evalrun": asking.exchange},
        )

    async def aclose(self) -> None:
        """Close every connection. Requests in flight break."""
        self.lag.stop()
        for drain in self._drains:
            drain.cancel()
        await self._direct.aclose()
        for _, inner in self._proxies.values():
            await inner.aclose()


def _proxies(context: ssl.SSLContext) -> dict[str, tuple[str, httpx.AsyncHTTPTransport]]:
    """Return the environment's proxies by scheme, each with the name of its variable. Raises SuiteError."""
    found = {}
    urls = urllib.request.getproxies()
    for scheme in ("http", "https"):
        name = scheme if urls.get(scheme) else "all"
        if not (url := urls.get(name)):
            continue
        variable = f"{name.upper()}_PROXY"
        try:
            proxy = httpx.Proxy(url if "://" in url else f"http://{url}")
            inner = httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=UNLIMITED, proxy=proxy)
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise SuiteError(f"{variable}: httpx cannot use this proxy; set http://host:port or unset it") from error
        found[scheme] = variable, inner
    return found


class StockExchange:
    """One request's phases, as httpcore's trace tells them. As a context it translates exceptions.

    end_s: the deadline of all of it, on the event loop's clock.
    """

    def __init__(self, deadlines: Deadlines, where: str, proxy: str) -> None:
        self.exchange = Exchange(asked_ns=time.perf_counter_ns(), reused=True, proxy=proxy)
        self.end_s = asyncio.get_running_loop().time() + deadlines.total_s
        self._deadlines = deadlines
        self._where = where

    async def trace(self, event: str, _: dict[str, Any]) -> None:
        """Follow httpcore: `connection.connect_tcp.started`, `http11.send_request_body.complete`, ..."""
        exchange, now_ns = self.exchange, time.perf_counter_ns()
        match event.partition(".")[2]:
            case "connect_tcp.started" | "start_tls.started":  # after a proxy's CONNECT, nothing of ours is sent yet
                exchange.phase, exchange.reused = Phase.NOT_SENT, False
                exchange.sent_ns = exchange.first_byte_ns = None
            case "send_request_headers.started":
                exchange.phase = Phase.SENDING
                if not exchange.reused:
                    exchange.connect_ns = now_ns - exchange.asked_ns
            case "send_request_body.complete" | "receive_response_headers.started":
                if exchange.phase is Phase.SENDING:
                    exchange.phase, exchange.sent_ns = Phase.SENT, now_ns
            case "receive_response_headers.complete":
                exchange.phase, exchange.first_byte_ns = Phase.PARTIAL, now_ns

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, httpx.ProxyError):
            self.exchange.phase = Phase.NOT_SENT  # the CONNECT was refused
        if isinstance(error, (httpx.HTTPError, OSError)):
            kind, why = self._explain(error)
            raise Broken(kind, self.exchange, f"{self._where}: {why}") from error

    def _explain(self, error: httpx.HTTPError | OSError) -> tuple[FailureKind, str]:
        phase = self.exchange.phase
        if isinstance(error, TimeoutError):
            return "deadline", f"not finished after {self._deadlines.total_s:g} s"
        if isinstance(error, httpx.TimeoutException):
            if phase is Phase.NOT_SENT:
                return "timeout_connect", f"no connection within {self._deadlines.connect_s:g} s; is the address right?"
            if phase is Phase.PARTIAL:
                return "stall", f"silent for {self._deadlines.idle_s:g} s"
            return "timeout_first_byte", f"no answer in {self._deadlines.first_byte_s:g} s"
        if isinstance(error, httpx.ProxyError):
            return "connect", f"the proxy refused ({error})"
        if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
            return "protocol", "the request has characters or an address that HTTP does not allow"
        if phase is Phase.NOT_SENT:
            return explain(next(_causes(error), OSError(str(error))))
        if str(error) == "illegal request line":  # what h11 says of a control byte, with which TLS begins
            return "tls", "it speaks TLS: write https:// in base_url"
        if isinstance(error, httpx.RemoteProtocolError) and "without" not in str(error):
            return "protocol", f"not HTTP/1.1: {error}"
        if phase is Phase.PARTIAL:
            return "truncated", "the server hung up in the middle of its answer"
        return "reset", "the server hung up before it answered"


def _causes(error: BaseException | None) -> Iterator[OSError]:
    """Return the operating system's errors under `error`, the innermost first."""
    if error is None:
        return
    for below in (*getattr(error, "exceptions", ()), error.__cause__ or error.__context__):
        yield from _causes(below)
    if isinstance(error, OSError) and (error.errno is not None or isinstance(error, ssl.SSLError)):
        yield error


class StockStream(httpx.AsyncByteStream):
    """An answer's body, stamped when this task gets it."""

    def __init__(self, response: httpx.Response, asking: StockExchange, drains: set[asyncio.Task[None]]) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self._inner = response.stream
        self._pieces = self._inner.__aiter__()
        self._asking = asking
        self._drains = drains
        self._finished = False

    async def read(self) -> list[Piece]:
        """Return the next piece, alone in a list; an empty list is the end. Raises Broken."""
        exchange = self._asking.exchange
        with self._asking:
            async with asyncio.timeout_at(self._asking.end_s):
                data = await anext(self._pieces, b"")
        at_ns = time.perf_counter_ns()
        if not data:
            exchange.phase, exchange.closed_ns = Phase.COMPLETE, exchange.closed_ns or at_ns
            await self._inner.aclose()  # gives the connection back
            return []
        return [(data, at_ns, at_ns)]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while batch := await self.read():
            yield batch[0][0]

    def finish(self, grace_s: float = 1.0) -> None:
        """Read no more of the body: keep the connection if the answer ends within `grace_s`, else drop it."""
        self._finished = True
        drain = asyncio.get_running_loop().create_task(self._drain(grace_s))
        self._drains.add(drain)
        drain.add_done_callback(self._drains.discard)

    async def _drain(self, grace_s: float) -> None:
        try:
            async with asyncio.timeout(grace_s):
                while await self.read():
                    pass
        except (Broken, TimeoutError):
            pass
        finally:
            await self._inner.aclose()

    async def aclose(self) -> None:
        """Drop the connection unless the answer came to its end or `finish` was called."""
        if not self._finished:
            self._finished = True
            await self._inner.aclose()
