"""The simulator on a real socket: `evalrun serve sim` in a process of its own, or, started sooner, in a thread."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from evalrun.targets.simulator.answers import Answers
from evalrun.targets.simulator.connection import ServerConnection
from evalrun.targets.simulator.server import Chat
from evalrun.targets.simulator.spec import Simulator

ROOT = Path(__file__).parents[2]
QUICK = {"kind": "simulator", "ttft_s": 0, "token_s": 0, "answer_tokens": 8}


@contextlib.contextmanager
def serving(folder: Path, *options: str, key: str | None = None, **fields: object) -> Iterator[str]:
    """Serve a simulator with these fields; give its base URL. Its truth is in `folder`/truth."""
    (folder / "target.yaml").write_text(json.dumps(QUICK | fields))  # JSON is YAML
    (folder / "truth").unlink(missing_ok=True)
    command = [sys.executable, "-m", "evalrun", "serve", "sim", "--config", str(folder / "target.yaml"), "--port=0"]
    command += ["--truth", str(folder / "truth"), *([] if key is None else ["--key-env", "SIM_KEY"]), *options]
    environ = os.environ | {"PYTHONPATH": str(ROOT)} | ({} if key is None else {"SIM_KEY": key})
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environ) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def spec(**fields: object) -> Simulator:
    """Return a simulator's spec."""
    return Simulator.model_validate_json(json.dumps(QUICK | fields))


@contextlib.contextmanager
def serving_here(**fields: object) -> Iterator[tuple[str, list[dict]]]:
    """Serve a simulator with these fields in a thread; give its base URL and the truth, which grows."""
    lines: list[dict] = []
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    ports: list[int] = []

    async def serve() -> None:
        log = lambda line: lines.append(json.loads(line))  # noqa: E731
        chat = Chat(spec(**fields), key=None, answers=Answers(), tokenize=str.split, log=log)
        server = await asyncio.start_server(
            lambda reader, writer: ServerConnection(reader, writer).serve(chat.answer), "127.0.0.1", 0
        )
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await over.wait()
        server.close()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(20)
        yield f"http://127.0.0.1:{ports[0]}/v1", lines
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(20)


def truth(folder: Path) -> list[dict]:
    """Return the lines of the truth, in the order in which the requests came."""
    lines = [json.loads(line) for line in (folder / "truth").read_text().splitlines()]
    return sorted(lines, key=lambda line: line["received_ns"])


def raw(url: str, data: bytes) -> bytes:
    """Send bytes on a new connection; give all that comes until the server closes it."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as sock:
        sock.sendall(data)
        received = b""
        while more := sock.recv(65536):
            received += more
        return received
