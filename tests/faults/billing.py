"""A server that keeps its own bill, and commands run against it that can be killed: what `test_bills` needs.

The bill is the server's: what it says in `usage`, what it does not get to say, and every token that it sent to a
client that should have stopped reading.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from fault_server import DONE, SSE, STOP, answer, event, refuses, says, usage

from evalrun.price import TEMPLATE_TOKENS

PROMPT, COMPLETION = Decimal(1) / 10**6, Decimal(2) / 10**6
STYLES = ("honest", "hidden prompt", "reasoning", "own price", "mismatch", "runaway", "turns", "varies")
FAULTS = ("503", "429", "cut", "cut midway", "no usage")
MOST_SENT = 20_000  # tokens of a runaway that nobody cuts


@dataclass
class Entry:
    """One request on the bill. worst: the worst case that its body allows."""

    worst: Decimal
    bill: Decimal = Decimal(0)
    runaway: bool = False


@dataclass
class Biller:
    """Serves targets in their styles, with faults, from `__enter__` to `__exit__`. arrived: told of each request."""

    seed: int
    styles: dict[str, str]
    faults: float
    entries: list[Entry] = field(default_factory=list)
    arrived: Callable[[int], None] = lambda _: None

    def __enter__(self) -> Self:
        self._random = random.Random(self.seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self.port = server.result(10).sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def billed(self) -> Decimal:
        return sum((entry.bill for entry in self.entries), Decimal(0))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path, _ = head.split(" ", 2)
            if method == "POST":
                length = next(line for line in head.lower().splitlines() if line.startswith("content-length:"))
                body = await reader.readexactly(int(length.partition(":")[2]))
                await self._answer(self.styles[path.split("/")[1]], body, writer)
            else:
                writer.write(answer(404, connection="close"))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client was killed, or hung up on a runaway
        finally:
            writer.close()

    async def _answer(self, style: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        dice, limit = self._random, json.loads(body)["max_tokens"]
        entry = Entry(worst=(len(body) + TEMPLATE_TOKENS) * PROMPT + limit * COMPLETION)
        self.entries.append(entry)
        number, fault = len(self.entries), dice.choice(FAULTS) if dice.random() < self.faults else ""
        counts = self._counts("honest" if fault else style, len(body), limit, entry)
        if fault in ("503", "429"):
            entry.bill = Decimal(0)
        self.arrived(number)
        await asyncio.sleep(dice.random() * 0.004)
        if fault in ("503", "429"):
            writer.write(refuses(int(fault), retry_after_ms="5", connection="close"))
        elif fault != "cut":
            writer.write(SSE + event(says("2", role="assistant") | {"id": str(number)}))
            if entry.runaway:
                await self._run_away(entry, writer)
            elif fault != "cut midway":
                writer.write(event(STOP) + (b"" if fault == "no usage" else event(counts)) + event(DONE))
        await writer.drain()

    def _counts(self, style: str, size: int, limit: int, entry: Entry) -> dict[str, Any]:
        """Draw what a request is billed for, put it on the bill, and return what is said of it."""
        dice = self._random
        if style == "turns":
            style = "honest" if len(self.entries) < 12 else "reasoning"
        elif style == "varies":
            style = dice.choice(("honest", "hidden prompt", "reasoning", "own price", "mismatch"))
        prompt, completion = size // 4, dice.randint(1, limit)
        prompt += dice.randint(4000, 9000) if style == "hidden prompt" else 0
        completion *= dice.randint(2, 900) if style == "reasoning" else 1
        beyond = dice.randint(100, 3000) if style == "mismatch" else 0
        entry.runaway = style == "runaway"
        entry.bill = prompt * PROMPT + (completion + beyond) * COMPLETION
        said: dict[str, Any] = {}
        if style == "mismatch":  # the total has more than the reasoning's count explains
            said = {"total_tokens": prompt + completion + beyond, "completion_tokens_details": {"reasoning_tokens": 7}}
        if style == "own price":
            entry.bill *= dice.randint(2, 40)
            said = {"cost": float(entry.bill)}
        return usage(prompt, completion, **said)

    async def _run_away(self, entry: Entry, writer: asyncio.StreamWriter) -> None:
        for _ in range(MOST_SENT // 20):
            entry.bill += 20 * COMPLETION
            writer.write(event(says(" word")) * 20)
            await writer.drain()
            await asyncio.sleep(0.001)


# ---------------------------------------------------------------- the command

_RUNNER = """
import os, sys, json, traceback
from pathlib import Path
import evalrun.cli.progress, evalrun.decide, evalrun.report
from evalrun.cli import main
from evalrun.decide import plan_ab
from evalrun.run.planning import Selection, make_plan
from evalrun.run.session import ask, in_a_loop
from evalrun.run.watch import Watch

def command(verb, *targets):
    sys.argv = ["evalrun", verb, "suite.yaml", *(part for name in targets for part in ("-t", name)), "--out", "out"]
    main()

def asking(verb, *targets):  # what of the command sends requests, and its exit code
    selection = Selection(suite=Path("suite.yaml"), targets=targets)
    plan = plan_ab(selection, control=None, watch=Watch()) if verb == "ab" else make_plan(selection, watch=Watch())
    ending = in_a_loop(ask(plan, out=Path("out"), new=False, watch=Watch(), catch=True)).ending
    sys.exit(4 if ending.capped else 0 if ending.complete else 3)

for line in sys.stdin:
    folder, whole, argv = json.loads(line)
    pid = os.fork()
    if pid == 0:
        os.chdir(folder)
        out = os.open("out.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for fd in (1, 2):
            os.dup2(out, fd)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        code = 99
        try:
            (command if whole else asking)(*argv)
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Commands:
    """Runs evalrun's commands, each in a fork of one process that has imported everything."""

    def __init__(self) -> None:
        self._runner = subprocess.Popen(
            [sys.executable, "-c", _RUNNER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self._pid = 0

    def __call__(self, folder: Path, *argv: str, whole: bool) -> int:
        """Run `run` or `ab` with targets in a folder; return its exit code, -9 for one that was killed.

        whole: with scores and tables; without them it takes a tenth of the time, and bills the same.
        """
        assert self._runner.stdin is not None
        assert self._runner.stdout is not None
        self._runner.stdin.write(json.dumps([str(folder), whole, argv]) + "\n")
        self._runner.stdin.flush()
        self._pid = int(self._runner.stdout.readline())
        return int(self._runner.stdout.readline())

    def kill(self) -> None:
        """Kill the command that runs."""
        os.kill(self._pid, signal.SIGKILL)

    def end(self) -> None:
        assert self._runner.stdin is not None
        self._runner.stdin.close()
        self._runner.wait(30)


@contextmanager
def commands() -> Iterator[Commands]:
    found = Commands()
    try:
        yield found
    finally:
        found.end()
