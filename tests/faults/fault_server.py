"""A server that does wrong what it is told to, over a real loopback socket. It knows no chat, it sends bytes.

What happens to one request is a *script*, a list of steps:

    b"..."           send these bytes
    0.2              wait so many seconds
    Again(b"...")    send these bytes again and again, until the client hangs up
    function         call it
    HOLD             say nothing more until the client hangs up
    CLOSE            hang up (FIN)
    HALF_CLOSE       send no more (FIN), go on listening
    RESET            slam the door (RST)
    EARLY            first step only: what follows happens when the request's head is read, its body is not

    with FaultServer([RESET], [answer(503), CLOSE], [stream(says("Hello"), STOP, DONE)]) as server:
        ... server.url ... server.requests ...

The n-th POST gets the n-th script, whatever its connection; those after the last script get that one again. After a
script that does not hang up, the connection waits for its next request. A GET (the list of models) gets `models`.
"""

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, Self

Step = Enum("Step", "HOLD CLOSE HALF_CLOSE RESET EARLY")
HOLD, CLOSE, HALF_CLOSE, RESET, EARLY = Step


class Again(NamedTuple):
    """Send `data` every `every_s` seconds until the client hangs up."""

    data: bytes
    every_s: float = 0.0


Script = list[bytes | float | Again | Step | Callable[[], object]]


class Request(NamedTuple):
    """A request as the server saw it. connection: counted from 1. at_s: monotonic, when its head was read."""

    connection: int
    path: str
    headers: dict[str, str]
    body: bytes
    at_s: float


class FaultServer:
    """Listens from `__enter__` to `__exit__`; a thread for each connection. port: 0 picks a free one.

    requests: the POSTs so far. connections: how many were accepted. client_left: set when a client has hung up.
    hung_up: released once for every connection that the server itself has ended.
    """

    def __init__(
        self, *scripts: Script, models: Script | None = None, tls: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.client_left = threading.Event()
        self.hung_up = threading.Semaphore(0)
        self.scripts = scripts
        self._models = models or [answer(404)]
        self._tls = tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """Hang up on everybody and stop listening, as a server that is killed."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self._listener.close()
        for connection in list(self._open):
            _abandon(connection)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.add(connection)
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, raw: socket.socket, number: int) -> None:
        connection = raw
        with contextlib.suppress(OSError):  # the client hung up, or `die` did; ssl.SSLError is one
            connection = self._tls.wrap_socket(raw, server_side=True) if self._tls else raw
            self._open.add(connection)
            while self._one_request(connection, number):
                pass
        self._open -= {raw, connection}
        connection.close()
        if not self.client_left.is_set():
            self.hung_up.release()

    def _one_request(self, connection: socket.socket, number: int) -> bool:
        """Read one request and act; whether the connection is still of use."""
        with connection.makefile("rb") as reader:
            first, at_s = reader.readline(), time.monotonic()
            if not first:
                self.client_left.set()
                return False
            method, path, _ = first.decode("latin-1").split()
            lines = iter(lambda: reader.readline().strip(), b"")
            headers = {
                name.lower(): value for name, _, value in (line.decode("latin-1").partition(": ") for line in lines)
            }
            with self._lock:
                script = self._models if method == "GET" else self._script(len(self.requests))
                body = b"" if EARLY in script else reader.read(int(headers.get("content-length", 0)))
                if method == "POST":
                    self.requests.append(Request(number, path, headers, body, at_s))
        return all(self._do(step, connection) for step in script)

    def _script(self, number: int) -> Script:
        return self.scripts[min(number, len(self.scripts) - 1)]

    def _do(self, step: bytes | float | Again | Step | Callable[[], object], connection: socket.socket) -> bool:
        """Take one step; False ends the connection."""
        match step:
            case bytes():
                connection.sendall(step)
            case float():
                time.sleep(step)
            case Again(data, every_s):
                with contextlib.suppress(OSError):
                    while True:
                        connection.sendall(data)
                        time.sleep(every_s)
                self.client_left.set()
                return False
            case Step.HALF_CLOSE:
                connection.shutdown(socket.SHUT_WR)
            case Step.HOLD:
                with contextlib.suppress(OSError):
                    while connection.recv(4096):
                        pass
                self.client_left.set()
                return False
            case Step.RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            case _ if callable(step):
                step()
        return step not in (CLOSE, RESET)


def _abandon(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


# ---------------------------------------------------------------- bytes to send

OK = "200 OK"


def head(status: int | str = OK, **headers: str) -> bytes:
    """Return the head of an answer; `retry_after="7"` is the header `retry-after: 7`."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def answer(status: int | str, body: Any = b"", **headers: str) -> bytes:
    """Return a whole answer: `body` is bytes, or a value to be sent as JSON."""
    if not isinstance(body, bytes):
        headers = {"content_type": "application/json", **headers}
    sent: bytes = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(status, content_length=str(len(sent)), **headers) + sent


def refuses(status: int, message: str = "no", **headers: str) -> bytes:
    """Return an error as OpenAI words it."""
    return answer(status, {"error": {"message": message}}, **headers)


def event(data: Any) -> bytes:
    """Return one event: `data` is JSON, or text as it stands."""
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def says(content: str | None = None, *, index: int = 0, **delta: Any) -> dict[str, Any]:
    """Return a chunk in which one choice says something."""
    return {"choices": [{"index": index, "delta": delta if content is None else {"content": content, **delta}}]}


def ends(reason: str, *, index: int = 0, **fields: Any) -> dict[str, Any]:
    """Return the chunk that ends a choice."""
    return {"choices": [{"index": index, "delta": {}, "finish_reason": reason}], **fields}


def usage(prompt: int, completion: int, **fields: Any) -> dict[str, Any]:
    """Return the usage-only chunk that ends a stream."""
    return {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion, **fields}}


STOP, DONE = ends("stop"), "[DONE]"
SSE = head(content_type="text/event-stream", connection="close")
"""The head of a stream that ends when the connection does."""


def chunked(*pieces: bytes, **headers: str) -> bytes:
    """Return an event stream in HTTP chunks, whole and with its end."""
    framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece)
    return head(content_type="text/event-stream", transfer_encoding="chunked", **headers) + framed + b"0\r\n\r\n"


def stream(*events: Any) -> bytes:
    """Return a well-formed streamed answer of these events, a chunk each, which leaves the connection usable."""
    return chunked(*(event(data) for data in events))
