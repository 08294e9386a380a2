"""A server that does to each connection exactly what its script says, and both event loops to meet it with."""

import asyncio
import contextlib
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from evalrun.targets.transport.stamped import open_socket


@pytest.fixture(autouse=True, scope="session")
def stamps() -> Iterator[None]:
    """Have the kernel stamp from the start: it begins a little after the first socket asks for it."""
    with open_socket(socket.AF_INET):
        time.sleep(0.2)
        yield


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket, server: "RawServer") -> None:
        self._connection = connection
        self._server = server

    def read(self) -> bytes:
        """Read one request, with its body; b"" when the client hung up instead."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := self._connection.recv(65536)):
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = next((line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b"0")
        while len(body) < int(length):
            body += self._connection.recv(65536)
        self._server.requests.append(head + b"\r\n\r\n" + body)
        return self._server.requests[-1]

    def read_head(self) -> None:
        """Read a little of the request, and leave the rest."""
        self._connection.recv(16)

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def hold(self) -> None:
        """Keep the connection open and silent until the test is over."""
        self._server.over.wait()

    def sees_end(self) -> bool:
        """Whether the client closes the connection; waits until it does."""
        with contextlib.suppress(ConnectionError):
            while self._connection.recv(65536):
                pass
        return True


Script = Callable[[Peer], Any]


class RawServer:
    """Gives the n-th connection to the n-th script, and all further ones to the last. A script's end closes it.

    requests: those read whole. accepted: connections so far. results: what the scripts gave, as they end.
    """

    def __init__(self, scripts: tuple[Script, ...], tls: ssl.SSLContext | None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._scripts = scripts
        self._tls = tls
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}/v1/chat/completions"
        self.requests: list[bytes] = []
        self.accepted = 0
        self.results: list[Any] = []
        self.over = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a piece leaves when it is sent
                script = self._scripts[min(self.accepted, len(self._scripts) - 1)]
                self.accepted += 1
                self._threads.append(threading.Thread(target=self._serve, args=(connection, script), daemon=True))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket, script: Script) -> None:
        with contextlib.suppress(OSError):  # the client hung up, which is its right
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self.results.append(script(Peer(connection, self)))
        connection.close()

    def close(self) -> None:
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)


@pytest.fixture
def serve() -> Iterator[Callable[..., RawServer]]:
    """Start servers: `serve(script, ..., tls=context)`."""
    servers: list[RawServer] = []

    def start(*scripts: Script, tls: ssl.SSLContext | None = None) -> RawServer:
        servers.append(RawServer(scripts, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on each of the two event loops."""

    def on_loop(work: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(asyncio.wait_for(work, 20))

    return on_loop


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with the key and certificate of `localhost`, which is its own authority."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("certificate")
    key, pem = folder / "key.pem", folder / "localhost.pem"
    command = "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(pem)]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    pem.write_bytes(pem.read_bytes() + key.read_bytes())
    return pem


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
