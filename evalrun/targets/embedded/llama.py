"""The child process that is the embedded model: llama.cpp's HTTP server. Started by `target.embedded`, never by hand.

Not in our own process: loading it stalls the interpreter for most of a second, and a native crash would take the
run with it. Nothing here knows what is asked.
"""

import os
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evalrun.targets.child import begin
from evalrun.types import Json

_QUIET, _TALKATIVE = -1, 3
_PRINTING_S = 2.0
_CAUSE = "error loading model: "


def main() -> None:
    """Start the server and stay until a signal ends the process; it holds nothing that needs saving."""
    config, tell = begin()
    try:
        import xllamacpp
    except ImportError as error:
        hint = "libgomp1 is missing; `apt-get install libgomp1`" if "libgomp" in str(error) else "reinstall xllamacpp"
        tell({"wrong": f"embedded model: {error}; {hint}"})
        return
    try:
        server = xllamacpp.Server(_parameters(xllamacpp, config, verbosity=_QUIET))
    except RuntimeError:
        tell({"wrong": f"embedded model: llama.cpp cannot use {config['path']}: {_reason(xllamacpp, config)}"})
        return
    tell({"address": server.listening_address, "engine": f"xllamacpp {xllamacpp.__version__}"})
    while True:
        signal.pause()


def _parameters(xllamacpp: Any, config: Mapping[str, Json], *, verbosity: int) -> Any:
    """Return llama.cpp's parameters.

    Loopback, one key, no cache between requests, greedy where nobody says otherwise.
    """
    p = xllamacpp.CommonParams()
    p.model.path, p.model_alias = config["path"], {config["model"]}
    p.n_parallel, p.n_ctx = config["slots"], config["context"] * config["slots"]  # it divides the window by the slots
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = config["threads"]
    p.hostnames, p.port, p.api_keys = ["127.0.0.1"], 0, [config["key"]]
    p.cors_origins, p.cors_credentials = "", False  # by default any web page may ask it
    p.fit_params = False  # by default it shrinks the window where memory is short, silently
    p.cache_ram_mib = 0  # by default 8 GiB of other requests' prompts
    p.sampling.temp = 0.0
    p.ui, p.offline, p.endpoint_metrics, p.verbosity = False, True, True, verbosity
    return p


def _reason(xllamacpp: Any, config: Mapping[str, Json]) -> str:
    """Start it again, talkative: one RuntimeError stands for every fault, and only its prints tell them apart."""
    said = "it failed once and started the second time"
    with tempfile.NamedTemporaryFile() as prints:
        log = os.dup(2)
        os.dup2(prints.fileno(), 2)
        try:
            xllamacpp.Server(_parameters(xllamacpp, config, verbosity=_TALKATIVE))
        except RuntimeError as error:
            said = str(error)
        text = _wait_for(_CAUSE, Path(prints.name))
    os.write(log, text.encode())
    return text.partition(_CAUSE)[2].partition("\n")[0] or said


def _wait_for(mark: str, prints: Path) -> str:
    """Return what was printed, waiting a while for the line with `mark`: a thread prints, late on a busy machine."""
    end = time.monotonic() + _PRINTING_S
    while (mark not in (text := prints.read_text("utf-8", "replace"))) and time.monotonic() < end:
        time.sleep(0.01)
    return text


if __name__ == "__main__":
    main()
