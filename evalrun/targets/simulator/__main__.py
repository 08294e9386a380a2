"""The child process that is the simulator: `python -m evalrun.targets.simulator`, started by `serve`, never by hand."""

import asyncio
import contextlib
import gc
import resource
import signal
from collections.abc import Mapping
from pathlib import Path

from evalrun.errors import SuiteError
from evalrun.secret import Secret
from evalrun.targets.child import Tell, begin
from evalrun.targets.simulator.server import serve_forever
from evalrun.targets.spec import Simulator
from evalrun.types import Json


def main() -> None:
    """Serve until SIGTERM."""
    config, tell = begin()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection is a file
    gc.freeze()  # what was imported need not be looked through again
    try:
        import uvloop
    except ImportError:
        factory = asyncio.new_event_loop
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner, contextlib.suppress(asyncio.CancelledError):
        runner.run(_serve(config, tell))


async def _serve(config: Mapping[str, Json], tell: Tell) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    truth, answers = (Path(config[name]) if config[name] else None for name in ("truth", "answers"))
    try:
        await serve_forever(
            Simulator.model_validate_json(config["spec"]),
            host="127.0.0.1",
            port=0,
            key=Secret(config["key"]),
            folder=Path(config["folder"]),
            truth=truth,
            answers=answers,
            ready=lambda url: tell({"base_url": url}),
        )
    except SuiteError as error:
        tell({"wrong": str(error)})


if __name__ == "__main__":
    main()
