"""The simulator as a child process for one run: started, waited for, stopped on every way out."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from evalrun.secret import Secret
from evalrun.targets.child import child
from evalrun.targets.endpoint import Endpoint
from evalrun.targets.spec import Simulator

NOTE = "simulated answers and latencies; not a model"
_READY_S = 60.0


@contextlib.asynccontextmanager
async def serve_simulator(
    spec: Simulator, *, log: Path, folder: Path = Path(), truth: Path | None = None, answers: Path | None = None
) -> AsyncIterator[Endpoint]:
    """Start the simulator, give its endpoint, stop it.

    log: the server's own words. folder: where the config file is; a tokenizer's path starts there.
    truth: where it notes when it wrote what. answers: what `write_answers` wrote, and may still be writing.
    """
    key = Secret(secrets.token_urlsafe(24))
    config = {
        "spec": spec.model_dump_json(),
        "key": key.reveal(),
        "folder": str(folder.absolute()),
        "truth": None if truth is None else str(truth.absolute()),
        "answers": None if answers is None else str(answers.absolute()),
    }
    async with child("evalrun.targets.simulator", config, log=log, ready_s=_READY_S) as server:
        yield Endpoint(
            base_url=str(server.facts["base_url"]),
            model=spec.model,
            key=key,
            note=NOTE,
            facts={"engine": "simulator", "seed": spec.seed},
        )
