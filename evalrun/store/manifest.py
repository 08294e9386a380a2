"""The manifest: what a run is, written once when its folder is made. It holds no secret and is never changed.

Later sessions say what they have to say in the journal.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from evalrun import __version__
from evalrun.errors import StoreError
from evalrun.store.checked import DamagedError, OtherSchemaError, sealed, versioned
from evalrun.store.disk import DISK, Disk, contents, replace_file
from evalrun.store.lines import to_json
from evalrun.types import Json, Value

NAME = "manifest.json"
SCHEMA = 3  # raised when the format changes so that one version would misread the other's folder


class TaskPrints(Value, frozen=True):
    """Fingerprints of what decides a task's numbers. data: SHA-256 of the rows that are asked; samples: how many.

    rows: how many there are to ask; None where nobody knows how many more than are asked.
    skipped: malformed rows that were left out, as the command allowed.
    """

    data: str
    samples: int
    prompt: str
    sampling: str
    scorers: str
    skipped: int = 0
    rows: int | None = None


class Fingerprints(Value, frozen=True):
    """Two runs with equal fingerprints asked the same questions of the same targets. By task and target name."""

    tasks: Mapping[str, TaskPrints]
    targets: Mapping[str, str]


class Machine(Value, frozen=True):
    """Where the client ran."""

    python: str
    platform: str
    cpu: str
    cpus: int
    memory_bytes: int | None = None


class Manifest(Value, frozen=True, omit_defaults=False):
    """What a run is.

    evalrun: the version that made it. suite: as resolved, after includes, overrides and variables. command: what was
    selected on the command line, the identity by which the same command finds its unfinished run. targets: resolved
    specs by name, without secrets; target_files: where they were read from. versions: of the packages that can change a
    number. created: UTC.
    """

    suite_name: str
    suite: Json
    suite_file: str
    command: Json
    targets: Mapping[str, Json]
    fingerprints: Fingerprints
    machine: Machine
    versions: Mapping[str, str]
    transport: str
    price_date: str | None
    created: datetime
    target_files: Mapping[str, str] = {}
    evalrun: str = __version__
    schema: int = SCHEMA


def write_manifest(folder: Path, manifest: Manifest, *, disk: Disk = DISK) -> None:
    """Write the manifest of a new run folder."""
    replace_file(folder / NAME, [sealed(msgspec.json.format(to_json(manifest), indent=1)), b"\n"], disk=disk)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a run folder. Raises StoreError for a folder of an older or a newer schema."""
    path = folder / NAME
    if not path.exists():
        raise StoreError(f"{folder}: not a results folder (it has no {NAME}); name one like results/SUITE/UTC-HASH")
    raw = contents(path)
    try:
        return versioned(raw, Manifest, SCHEMA)
    except OtherSchemaError as other:
        raise _other_schema(path, other) from None
    except DamagedError as error:
        raise StoreError(f"{path}: damaged ({error}); restore it from a copy of the folder") from error


def _other_schema(path: Path, other: OtherSchemaError) -> StoreError:
    found = f"{path}: format {other.schema}, written by evalrun {other.evalrun or '?'}"
    if other.schema > SCHEMA:
        return StoreError(f"{found}; this evalrun ({__version__}) reads format {SCHEMA}: install a newer one")
    return StoreError(
        f"{found}; this evalrun ({__version__}) reads format {SCHEMA} only: run the suite again with --new, or read the"
        " folder with the version that wrote it"
    )
