"""The commands around suites and servers: `init`, `schema`, `view`, `model fetch` and `serve sim`."""

import json
import os
from pathlib import Path
from typing import Literal

import click

from evalrun.cli.exits import OK, say, write
from evalrun.cli.options import PATH
from evalrun.escape import tty


@click.command()
@click.argument("what", type=click.Choice(["suite", "target"]), default="suite")
def schema(what: Literal["suite", "target"]) -> int:
    """Print the JSON Schema of suites or targets."""
    from evalrun.suite.schema import schema as schema_of

    write(json.dumps(schema_of(what), indent=1))
    return OK


@click.command()
@click.argument("folder", type=PATH, default=Path())
def init(folder: Path) -> int:
    """Write a first suite and target, with comments, into the current folder or FOLDER.

    And the schemas by which editors complete and check both. No file is overwritten.
    """
    from evalrun.errors import SuiteError
    from evalrun.suite.starter import files

    texts = {folder / name: text for name, text in files().items()}
    if there := [path.name for path in texts if path.exists()]:
        raise SuiteError(f"{tty(str(folder))}: has {', '.join(there)} already; remove them, or name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
        write(tty(str(path)))
    suite = tty(str(folder / "suite.yaml"))
    say(f"next: edit both; `evalrun check {suite} --show` prints what would be sent; `evalrun {suite} -t sim` tries it")
    return OK


@click.command()
@click.argument("root", metavar="[RESULTS]", type=PATH, default=Path("results"))
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 picks a free one.")
@click.option("--open", "shown", is_flag=True, help="Open the page in a browser.")
def view(root: Path, port: int, shown: bool) -> int:
    """Browse the runs of a results folder in a web browser, also those in progress, until it is interrupted.

    Read-only, from this machine alone, by the URL that is printed, which holds a random token.
    """
    from evalrun.errors import SuiteError

    try:
        from evalrun.view.app import serve as serve_view
    except ModuleNotFoundError as error:
        raise SuiteError(f"view: needs {error.name}; install it with: pip install 'evalrun[view]'") from None
    if not root.is_dir():
        raise SuiteError(f"{tty(str(root))}: no such folder; name the folder of all results, as --out of `run` did")

    def ready(url: str) -> None:
        write(url)
        if shown:
            click.launch(url)

    serve_view(root, port=port, ready=ready)
    say("stopped")
    return OK


@click.group()
def model() -> None:
    """The embedded model."""


@model.command()
def fetch() -> int:
    """Fetch the embedded model's weights (98 MB) into the user's cache and check them."""
    import asyncio

    from evalrun.cli.progress import watching
    from evalrun.targets.embedded import weights

    watch = watching(quiet=False)
    path = asyncio.run(weights.fetch(weights.SMOLLM2, notify=watch.say, progress=watch.fetching))
    write(str(path))
    return OK


@click.group()
def serve() -> None:
    """Built-in servers."""


@serve.command()
@click.option("--config", default="sim", show_default=True, metavar="NAME|FILE", help="A simulator's target file.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8089, show_default=True, help="0 picks a free one.")
@click.option("--key-env", metavar="VARIABLE", help="Require the key that this environment variable holds.")
@click.option("--truth", type=PATH, help="Log when each byte was written, as JSON lines.")
@click.option("--model", metavar="NAME", help="The model's name, instead of the file's.")
@click.option("--seed", type=int, metavar="N", help="The seed, instead of the file's.")
@click.option("--slots", type=click.IntRange(min=1), metavar="N", help="Maximum requests in service; others wait.")
def sim(config: str, host: str, port: int, key_env: str | None, truth: Path | None, **given: str | int | None) -> int:
    """Serve a simulated OpenAI-compatible endpoint with a known latency and answer model, until it is interrupted.

    The target file has many more options: faults, slowdown under load, reasoning, shapes of tool calls.
    """
    import asyncio

    from evalrun.errors import SuiteError
    from evalrun.secret import Secret
    from evalrun.suite.read import read_target
    from evalrun.targets.simulator.server import serve_forever
    from evalrun.targets.simulator.spec import Simulator
    from evalrun.targets.transport.machine import loop_factory

    named = read_target(config, suite_root=Path.cwd(), environ=os.environ)
    spec, folder = named.spec, named.path.parent
    if not isinstance(spec, Simulator):
        raise SuiteError(f"{named.path}: kind is {spec.kind}; the simulator needs kind: simulator")
    if key_env is not None and not os.environ.get(key_env):
        raise SuiteError(f"--key-env: the variable {key_env} is not set; set it, or leave the option out")
    key = None if key_env is None else Secret(os.environ[key_env])
    spec = spec.model_copy(update={name: value for name, value in given.items() if value is not None})

    say("a simulated endpoint: its answers and latencies are made up; Ctrl-C stops it")
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(
            serve_forever(spec, host=host, port=port, key=key, truth=truth, answers=None, ready=write, folder=folder)
        )
    say("stopped")
    return OK
