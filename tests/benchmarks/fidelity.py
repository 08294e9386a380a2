"""How true are a client's latencies under load? Ours, stock httpx and aiohttp against a server that logs the truth.

`python tests/benchmarks/fidelity.py` runs each client in its own process, in turn, against one server process, with
the same parsing of the chunks. The truth of a TTFT is the server's: first chunk written - request arrived. A client's
error is the TTFT it would report minus that. 256 streams of a chunk every 20 ms are 12,800 chunks a second.
Ours also says how much earlier than recorded its token events may have arrived: a last line holds that to the truth.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from evalrun.targets.transport.machine import loop_factory
from evalrun.wire.chat import ChatDecoder
from evalrun.wire.sse import Parser
from evalrun.wire.timing import Bounds

BODY = json.dumps({"model": "truth", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
Ask = Callable[[str], Awaitable[float]]  # asks one request by its id and gives the TTFT that this client would report
BOUNDS: dict[str, tuple[list[int], tuple[int, int, int]]] = {}  # by request: the instants of ours, and their bounds


def rss_mb() -> float:
    """Return the most memory this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ---------------------------------------------------------------- the clients


async def ours(url: str) -> AsyncIterator[Ask]:
    import httpx

    from evalrun.targets.transport.measuring import MeasuringTransport

    transport, address = MeasuringTransport(), httpx.URL(url)

    async def ask(mark: str) -> float:
        request = httpx.Request("POST", address, headers={"x-id": mark}, content=BODY)
        response = await transport.handle_async_request(request)
        parser, decoder, stream, bounds = Parser(), ChatDecoder(), response.stream, Bounds()
        while not decoder.done and (batch := await stream.read()):
            for data, at_ns, since_ns in batch:
                before = len(decoder.instants)
                for event in parser.feed(data):
                    decoder.feed(event, at_ns)
                if len(decoder.instants) > before:
                    bounds.add(at_ns - since_ns, events=len(decoder.instants) - before, first=before == 0)
        stream.finish()
        decoder.finish()
        BOUNDS[mark] = decoder.instants, (bounds.first_ns, bounds.last_ns, bounds.widest_ns)
        return (decoder.instants[0] - response.extensions["evalrun"].sent_ns) / 1e9

    yield ask
    lag = transport.lag
    p50_ms, p99_ms, max_ms = (lag.quantile_s(q) * 1e3 for q in (0.5, 0.99, 1.0))
    print(f"evalrun's own lag: p50 {p50_ms:.2f}, p99 {p99_ms:.2f}, max {max_ms:.2f} ms", file=sys.stderr)
    await transport.aclose()


def simple(stream: Callable[[str], AsyncIterator[bytes]]) -> Ask:
    """Time a client that only gives bytes: from before the call to the first token in its hands."""

    async def ask(mark: str) -> float:
        begun_ns = time.perf_counter_ns()
        parser, decoder = Parser(), ChatDecoder()
        async for data in stream(mark):
            for event in parser.feed(data):
                decoder.feed(event, time.perf_counter_ns())
        decoder.finish()
        return (decoder.instants[0] - begun_ns) / 1e9

    return ask


async def stock_httpx(url: str) -> AsyncIterator[Ask]:
    import httpx

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=None, trust_env=False) as client:

        async def stream(mark: str) -> AsyncIterator[bytes]:
            async with client.stream("POST", url, headers={"x-id": mark}, content=BODY) as response:
                async for data in response.aiter_bytes():
                    yield data

        yield simple(stream)


async def aiohttp_client(url: str) -> AsyncIterator[Ask]:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(None)) as session:

        async def stream(mark: str) -> AsyncIterator[bytes]:
            async with session.post(url, headers={"x-id": mark}, data=BODY) as response:
                async for data in response.content.iter_any():
                    yield data

        yield simple(stream)


CLIENTS = {"evalrun": ours, "httpx": stock_httpx, "aiohttp": aiohttp_client}


async def load(name: str, url: str, *, streams: int, requests: int) -> dict[str, object]:
    """Ask `requests` times, `streams` at once, and give what this client saw and what it cost."""
    clients = CLIENTS[name](url)
    ask = await anext(clients)
    floor_mb, cpu_s, begun_s = rss_mb(), time.process_time(), time.perf_counter()
    marks, ttft_s = iter(range(requests)), {}

    async def worker() -> None:
        for mark in marks:
            ttft_s[f"{name}-{mark}"] = await ask(f"{name}-{mark}")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(streams):
            tasks.create_task(worker())
    took_s, cpu_s = time.perf_counter() - begun_s, time.process_time() - cpu_s
    seen = {"ttft_s": ttft_s, "took_s": took_s, "cpu_s": cpu_s, "over_floor_mb": rss_mb() - floor_mb, "bounds": BOUNDS}
    async for _ in clients:  # closes it
        pass
    return seen


# ---------------------------------------------------------------- the comparison


Truth = dict[str, tuple[list[int], list[int]]]  # see truth_server


def report(name: str, seen: dict, truth: Truth, options: argparse.Namespace) -> str:
    """Return one row of the table."""
    true_s = {mark: (at[1] - at[0]) / 1e9 for mark, (at, _) in truth.items()}
    errors_ms = sorted(abs(s - true_s[mark]) * 1e3 for mark, s in seen["ttft_s"].items())
    true_ms = sum(true_s.values()) / len(true_s) * 1e3
    requests = len(errors_ms)
    ideal = options.streams / (options.ttft + options.gap * (options.chunks - 1))
    rate = requests / seen["took_s"]
    cpu_us = seen["cpu_s"] / (requests * options.chunks) * 1e6
    mean_ms = sum(errors_ms) / requests
    p99_ms = errors_ms[int(0.99 * (requests - 1))]
    return (
        f"{name:10} {true_ms:9.1f} {mean_ms:10.2f} {p99_ms:9.2f} {errors_ms[-1]:9.2f} {rate:8.1f} {rate / ideal:7.1%}"
        f" {cpu_us:9.1f} {seen['over_floor_mb']:8.1f}"
    )


def covered(seen: dict, truth: Truth) -> str:
    """Return how many bounds cover the client's true error, and how many TTFTs they leave in doubt (over 5 %)."""
    holds, doubtful, over_ns = [0, 0, 0], 0, 0
    for mark, (instants, bounds) in seen["bounds"].items():
        written, left = truth[mark]
        errors = [at - true for at, true in zip(instants, left, strict=True)]
        for i, error in enumerate((errors[0], errors[-1], max(errors[:-1]))):
            holds[i] += error <= bounds[i]
            over_ns = max(over_ns, error - bounds[i])
        doubtful += bounds[0] > 0.05 * (instants[0] - written[0])
    requests = len(seen["bounds"])
    first, last, most = (f"{count / requests:.2%}" for count in holds)
    widest_ms = sorted(bounds[2] / 1e6 for _, bounds in seen["bounds"].values())
    return (
        f"true error within the bound: first {first}, last {last}, between {most}; at most {over_ns / 1e6:.2f} ms over."
        f" TTFT in doubt: {doubtful} of {requests}. Widest bound: median {widest_ms[requests // 2]:.2f},"
        f" max {widest_ms[-1]:.2f} ms"
    )


def compare(options: argparse.Namespace) -> None:
    here = Path(__file__)
    shape = [f"--ttft={options.ttft}", f"--gap={options.gap}", f"--chunks={options.chunks}"]
    server = subprocess.Popen(
        [sys.executable, here.with_name("truth_server.py"), *shape], stdout=subprocess.PIPE, text=True
    )
    try:
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        print("TTFT in ms: the truth's mean, and the client's error. CPU in us a chunk. Memory in MB over the imports.")
        print(f"{'client':10} {'true TTFT':>9} {'mean error':>10} {'p99 error':>9} {'max':>9} {'req/s':>8} {'ideal':>7}"
              f" {'CPU':>9} {'memory':>8}")  # fmt: skip
        for name in options.clients.split(","):
            command = [sys.executable, here, "--client", name, "--url", url, *shape]
            command += [f"--streams={options.streams}", f"--rounds={options.rounds}"]
            seen = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
            truth = json.load(urllib.request.urlopen(f"{url}/truth"))
            print(report(name, seen, truth, options), flush=True)
            if seen["bounds"]:
                print(covered(seen, truth), flush=True)
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--streams", type=int, default=256)
    arguments.add_argument("--chunks", type=int, default=100)
    arguments.add_argument("--gap", type=float, default=0.02, help="seconds between two chunks")
    arguments.add_argument("--ttft", type=float, default=0.1, help="seconds to the first chunk")
    arguments.add_argument("--rounds", type=int, default=5, help="requests of each stream")
    arguments.add_argument("--clients", default=",".join(CLIENTS))
    arguments.add_argument("--client", choices=CLIENTS, help=argparse.SUPPRESS)
    arguments.add_argument("--url", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.client is None:
        compare(options)
        return
    work = load(options.client, options.url, streams=options.streams, requests=options.streams * options.rounds)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        print(json.dumps(runner.run(work)))


if __name__ == "__main__":
    main()
