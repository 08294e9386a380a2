"""`evalrun model fetch` and `evalrun serve sim`."""

import asyncio
import os
import signal
from pathlib import Path

from evalrun.cli.exits import OK, say, write
from evalrun.cli.progress import progress
from evalrun.errors import SuiteError
from evalrun.secret import Secret
from evalrun.suite import read_target
from evalrun.targets.embedded.weights import SMOLLM2, fetch
from evalrun.targets.simulator.server import serve_forever
from evalrun.targets.spec import Simulator
from evalrun.targets.transport.machine import loop_factory


def fetch_weights() -> int:
    """Fetch the built-in model's weights and print where they are."""
    show = progress(quiet=False)
    path = asyncio.run(fetch(SMOLLM2, notify=show.say, progress=show.fetching))
    write(str(path))
    return OK


def serve_simulator(config: str, *, host: str, port: int, key_env: str | None, truth: Path | None) -> int:
    """Serve until interrupted; the address is printed once it listens."""
    named = read_target(config, suite_root=Path.cwd(), environ=os.environ)
    if not isinstance(named.spec, Simulator):
        raise SuiteError(f"{named.path}: kind is {named.spec.kind}; the simulator needs kind: simulator")
    key = None
    if key_env is not None:
        if not os.environ.get(key_env):
            raise SuiteError(f"--key-env: the variable {key_env} is not set; set it, or leave the option out")
        key = Secret(os.environ[key_env])
    spec, folder = named.spec, named.path.parent

    async def serving() -> None:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await serve_forever(spec, host=host, port=port, key=key, truth=truth, answers=None, ready=write, folder=folder)

    say("a simulated endpoint: its answers and latencies are made up; Ctrl-C ends it")
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            runner.run(serving())
        except asyncio.CancelledError:
            say("stopped")
    return OK
