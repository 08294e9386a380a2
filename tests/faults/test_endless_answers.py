"""S29: an answer without end costs a bounded amount of memory, however it is made, and is cut as a failure."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fault_server import DONE, SSE, STOP, Again, FaultServer, event, head, says, stream

FINE = stream(says("Hello"), STOP, DONE)
JSON = head(content_type="application/json", connection="close")
MANY = 2_000  # events a piece


def call(**fields: Any) -> dict[str, Any]:
    return says(tool_calls=[{"function": {"name": "f", "arguments": '{"a":1}'}, **fields}])


def counted(make: Any) -> bytes:
    """Return events that differ in a number."""
    return b"".join(event(make(number)) for number in range(MANY))


PIECE = says(tool_calls=[{"index": 0, "function": {"arguments": "[1, "}}])
ENDLESS = {
    "a token an event": (SSE, event(says("a")) * MANY, "runaway"),
    "reasoning": (SSE, event(says(reasoning_content="thought ")) * MANY, "runaway"),
    "large events": (SSE, event(says("word " * 20_000)), "runaway"),
    "one event without end": (SSE + b"data: ", b"a" * 2**16, "too_big"),
    "one line after the other in an event": (SSE, b"data: " + b"a" * 1_000 + b"\n", "too_big"),
    "tool calls without an index": (SSE, event(call()) * MANY, "runaway"),
    "tool calls with ids": (SSE, counted(lambda number: call(id=f"call_{number}", index=number)), "runaway"),
    "pieces of arguments": (SSE, event(PIECE) * MANY, "runaway"),
    "choices": (SSE, counted(lambda number: says("a", index=number)), "runaway"),
    "refusals": (SSE, event(says(refusal="no ")) * MANY, "runaway"),
    "whole reply": (JSON + b'{"choices":[{"message":{"content":"', b"word " * 20_000, "too_big"),
    "whole page": (head(content_type="text/html", connection="close") + b"<html>", b"<p>a</p>" * 10_000, "not_sse"),
    "error": (head(500, connection="close") + b'{"error":"', b"no " * 20_000, "server"),
}  # fmt: skip
MOST_BYTES = 32 * 2**20


def asked(start: bytes, more: bytes, *, streams: int) -> dict[str, Any]:
    """Return what a client's process says of so many endless answers at once."""
    with FaultServer([FINE], [start, Again(more)]) as server:
        command = [sys.executable, str(Path(__file__).with_name("endless_client.py")), server.url, str(streams)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


SLOW = {"reasoning", "pieces of arguments", "refusals", "one line after the other in an event", "tool calls with ids"}
pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak memory from /proc")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in ENDLESS]
)
def test_s29_memory_of_one_endless_answer(name: str) -> None:
    """At most 32 MiB, and 64 Ki characters of it are kept."""
    start, more, kind = ENDLESS[name]
    found = asked(start, more, streams=1)
    assert found["kinds"] == [kind]
    assert found["partial"] <= 64 * 1024
    assert found["peak_bytes"] <= MOST_BYTES


def test_s29_memory_of_twelve_endless_answers() -> None:
    """8 MiB of text each, and as much again while it is joined."""
    found = asked(SSE, event(says("word " * 1_000)) * 20, streams=12)
    assert found["kinds"] == ["runaway"] * 12
    assert found["peak_bytes"] <= 12 * MOST_BYTES / 2
