"""`evalrun gate --decide` against an endpoint that is too busy for two requests of a round: which word comes last."""

import json
import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Write = Callable[..., Path]

SAMPLES, SEED = 60, 5  # repeat k is asked with seed 5 + k
RULE = "accuracy no worse than 5 points"


class Endpoint(ThreadingHTTPServer):
    """Adds one. wrong: (seed, number) that it gets wrong; busy: that it refuses."""

    wrong: frozenset[tuple[int, int]] = frozenset()
    busy: frozenset[tuple[int, int]] = frozenset()


class Handler(BaseHTTPRequestHandler):
    server: Endpoint
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.reply(200, {"data": [{"id": "m"}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        number = int(asked["messages"][-1]["content"].split()[2])
        which = (asked["seed"], number)
        if which in self.server.busy:
            self.reply(429, {"error": {"message": "busy"}})
            return
        text = "no" if which in self.server.wrong else str(number + 1)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        self.reply(200, {"id": "x", "model": "m", "choices": [choice], "usage": usage})

    def reply(self, status: int, body: object) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(suite: Write, evalrun: Command, endpoint: Endpoint, tmp_path: Path) -> Path:
    """Save a baseline of which 5 of 60 answers are wrong, then give a run of which 4 others are."""
    endpoint.wrong = frozenset((SEED, number) for number in range(5))
    path = suite(SAMPLES)
    path.write_text(path.read_text() + "limits: {retries: {attempts: 1}}\n")
    (tmp_path / "sim.yaml").write_text(
        f"kind: http\nbase_url: http://127.0.0.1:{endpoint.server_port}/v1\nmodel: m\n"
        "quirks: {stream: false}\nprices: {prompt: 1, completion: 2, date: 2026-01-01}\n"
    )
    seeded = ("--set", f"tasks.sums.sampling.seed={SEED}", "-q")
    assert evalrun("run", path, *seeded, "--out", "first").returncode == 0
    (first,) = (tmp_path / "first" / "sums").iterdir()
    assert evalrun("baseline", "save", first, "main").returncode == 0
    endpoint.wrong = frozenset((SEED, number) for number in range(5, 9))
    assert evalrun("run", path, *seeded).returncode == 0
    found = [one for one in (tmp_path / "results" / "sums").iterdir() if one.is_dir()]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("worse", [True, False])
def test_the_last_word_is_the_gates(folder: Path, evalrun: Command, endpoint: Endpoint, worse: bool) -> None:
    """Two requests of the second repeat are refused for the moment. Where the others prove a fall, it is decided, and
    no word is said of going on; where they do not, the command is said that asks the two again."""
    endpoint.busy = frozenset({(SEED + 1, 30), (SEED + 1, 31)})
    if worse:
        endpoint.wrong |= frozenset((SEED + 1, number) for number in range(SAMPLES))
    words = ("gate", folder, "--baseline", "main", "--rule", RULE, "--decide", "--max-cost", "1", "--format", "json")
    done = evalrun(*words)
    assert done.returncode == (1 if worse else 3), (done.stdout, done.stderr)
    gate = json.loads(done.stdout)
    if worse:
        assert (gate["word"], gate["notes"][-1]) == ("regressed", "decided after 2 repeats")
        return
    said = "not decided: 2 requests of a round failed for temporary reasons; go on with: evalrun gate"
    assert gate["notes"][-1].startswith(said)
    endpoint.busy = frozenset()
    on = json.loads(evalrun(*words).stdout)
    assert "failed" not in on["notes"][-1]
