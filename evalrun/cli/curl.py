"""A stored request as a command for curl: its body as it was sent, its key as a variable. Sends nothing."""

import json
import re
import shlex
from collections.abc import Iterator

from pydantic import ValidationError

from evalrun.errors import StoreError, SuiteError
from evalrun.escape import tty
from evalrun.requests import Requests
from evalrun.run.job import body_of, job_key
from evalrun.suite.schema import TARGET
from evalrun.suite.spec import Sampling
from evalrun.targets.spec import Http, TargetSpec
from evalrun.types import Record

NOT_STORED = "http://127.0.0.1:PORT/v1"
"""Stands for the URL of a server that evalrun starts, which has another port each time."""


def command(requests: Requests, record: Record) -> Iterator[str]:
    """Yield the lines of a command for a shell that sends a request again.

    Its body is the bytes that were sent, which the record's key proves. Raises StoreError where they are not known: of
    a long text the middle is not stored.
    """
    manifest, sample = requests.run.manifest, record.sample
    where = f"{requests.run.folder}: sample {sample.id!r}"
    try:
        spec = TARGET.validate_json(json.dumps(manifest.targets[record.target]))
        sampling = Sampling.model_validate_json(json.dumps(manifest.suite["tasks"][sample.task]["sampling"]))
        body = body_of(sample, sampling, spec, repeat=record.repeat)
    except (ValidationError, SuiteError, KeyError) as error:
        raise StoreError(f"{where}: the request cannot be made again ({error}); --curl needs a run of this version"
                         ) from error  # fmt: skip
    if job_key(record.target, sample.task, sample.id, repeat=record.repeat, body=body) != record.key:
        raise StoreError(
            f"{where}: the request is not stored whole, for of a text over 16,384 characters only head and tail are;"
            " `evalrun check SUITE --show` prints requests before they are sent"
        )
    return _lines(spec, record.target, body)


def _lines(spec: TargetSpec, target: str, body: bytes) -> Iterator[str]:
    url = spec.base_url.rstrip("/") if isinstance(spec, Http) else NOT_STORED
    if not isinstance(spec, Http):
        yield f"# {tty(target)} is started by evalrun at a free port; `evalrun serve` tells the URL"
    yield f"curl -sN {shlex.quote(url + spec.wire.PATH)} \\"
    yield "  -H 'content-type: application/json' \\"
    if isinstance(spec, Http) and spec.key_env:
        for header, value in spec.wire.headers("$" + spec.key_env).items():
            yield f'  -H "{header}: {value}" \\'
    for header in spec.quirks.headers:  # their values may be keys and are not stored
        yield f'  -H "{header}: ${re.sub(r"[^A-Z0-9]", "_", header.upper())}" \\'
    yield f"  --data-raw {_quoted(body.decode())}"


def _quoted(text: str) -> str:
    """Return a text as a word of a shell that no terminal obeys: what does not print is escaped, as JSON allows."""
    safe = "".join(c if c.isprintable() and tty(c) == c else _escaped(c) for c in text)
    return shlex.quote(safe.replace("::", ":\\u003a").replace("##", "#\\u0023"))


def _escaped(char: str) -> str:
    return json.dumps(char, ensure_ascii=True)[1:-1]
