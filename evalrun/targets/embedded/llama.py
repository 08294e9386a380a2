"""The child process that is the embedded model: llama.cpp's HTTP server. `embedded.serve` starts it.

Not in our own process: loading it stalls the interpreter for most of a second, and a native crash would end the run.
"""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evalrun.targets.child import begin
from evalrun.types import Json

_ERRORS = 1  # of llama.cpp's verbosities
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
    printed_bytes = os.fstat(2).st_size
    try:
        server = xllamacpp.Server(_parameters(xllamacpp, config))
    except RuntimeError as error:  # one for every fault: only its prints tell them apart
        why = _printed_cause(Path(config["log"]), printed_bytes) or error
        tell({"wrong": f"embedded model: llama.cpp cannot use {config['path']}: {why}"})
        return
    tell({"address": server.listening_address, "engine": f"xllamacpp {xllamacpp.__version__}"})
    while True:
        signal.pause()


def _parameters(xllamacpp: Any, config: Mapping[str, Json]) -> Any:
    """Return llama.cpp's parameters: loopback, one key, no cache between requests, greedy by default."""
    p = xllamacpp.CommonParams()
    p.model.path, p.model_alias = config["path"], {config["model"]}
    p.n_parallel, p.n_ctx = config["slots"], config["context"] * config["slots"]  # it divides the window by the slots
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = config["threads"]
    p.hostnames, p.port, p.api_keys = ["127.0.0.1"], 0, [config["key"]]
    p.cors_origins, p.cors_credentials = "", False  # by default any web page may ask it
    p.fit_params = False  # by default it shrinks the window where memory is short, silently
    p.cache_ram_mib = 0  # by default 8 GiB of other requests' prompts
    p.sampling.temp = 0.0
    p.ui, p.offline, p.endpoint_metrics, p.verbosity = False, True, True, _ERRORS
    return p


def _printed_cause(log: Path, start: int) -> str:
    """Return the cause in what was printed since `start`, waiting for it: a thread prints, late on a busy machine."""
    end = time.monotonic() + _PRINTING_S
    while (text := log.read_bytes()[start:].decode("utf-8", "replace")).find(_CAUSE) < 0 and time.monotonic() < end:
        time.sleep(0.01)
    return text.partition(_CAUSE)[2].partition("\n")[0]


if __name__ == "__main__":
    main()
