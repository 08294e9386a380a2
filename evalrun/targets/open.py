"""From a target's spec to a client that asks it: starts what must be started, and stops it on every way out."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from evalrun.secret import Secret
from evalrun.targets.client import Client, Sizes
from evalrun.targets.endpoint import Endpoint
from evalrun.targets.spec import Embedded, Http, Simulator
from evalrun.targets.transport.exchange import Deadlines
from evalrun.targets.transport.lag import Lag
from evalrun.targets.transport.measuring import MeasuringTransport
from evalrun.targets.transport.stock import StockTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What opening a target takes beside its spec.

    folder: where its config file is; relative paths in it start there. logs: folder for what the servers we start say.
    slots: the most requests in flight. answers: what the simulator may know, see `simulator.answers`.
    notify: told what takes long. progress: bytes fetched so far, and in all.
    """

    folder: Path
    logs: Path
    key: Secret | None
    slots: int
    deadlines: Deadlines
    sizes: Sizes
    answers: Path | None
    notify: Callable[[str], None]
    progress: Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Opened:
    """A target that can be asked. lag: how late this client served its reads so far."""

    client: Client
    endpoint: Endpoint
    lag: Lag


@contextlib.asynccontextmanager
async def open_target(spec: Http | Embedded | Simulator, name: str, needs: Needs) -> AsyncIterator[Opened]:
    """Return a client for the target. Raises SuiteError where it cannot be had, Unusable where it does not start."""
    async with contextlib.AsyncExitStack() as stack:
        endpoint = await stack.enter_async_context(_endpoint(spec, name, needs))
        transport: MeasuringTransport | StockTransport
        if isinstance(spec, Http):
            ca_file = None if spec.ca_file is None else str((needs.folder / spec.ca_file).resolve())
            chosen = StockTransport if spec.transport == "httpx" else MeasuringTransport
            transport = chosen(deadlines=needs.deadlines, verify=spec.verify, ca_file=ca_file)
        else:
            transport = MeasuringTransport(deadlines=needs.deadlines)
        stack.push_async_callback(transport.aclose)
        client = Client(
            endpoint,
            transport,
            deadlines=needs.deadlines,
            sizes=needs.sizes,
            headers={**endpoint.headers, **spec.quirks.headers},
            end_markers=spec.quirks.end_markers,
        )
        yield Opened(client, endpoint, transport.lag)


@contextlib.asynccontextmanager
async def _endpoint(spec: Http | Embedded | Simulator, name: str, needs: Needs) -> AsyncIterator[Endpoint]:
    log = needs.logs / f"{name}.log"
    match spec:
        case Http():
            note = "" if spec.verify else "the server's certificate is not verified"
            yield Endpoint(base_url=spec.base_url, model=spec.model, key=needs.key, note=note)
        case Embedded():
            from evalrun.targets.embedded.serve import serve_embedded

            async with serve_embedded(
                spec, slots=needs.slots, folder=needs.folder, log=log, notify=needs.notify, progress=needs.progress
            ) as endpoint:
                yield endpoint
        case Simulator():
            from evalrun.targets.simulator.serve import serve_simulator

            truth = needs.logs / f"{name}.truth.jsonl"
            async with serve_simulator(
                spec, log=log, folder=needs.folder, truth=truth, answers=needs.answers
            ) as endpoint:
                yield endpoint
