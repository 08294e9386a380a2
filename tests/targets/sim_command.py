"""`evalrun serve sim` in a process of its own, as other programs use it."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

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
