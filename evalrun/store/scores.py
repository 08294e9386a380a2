"""scores.jsonl: what the scorers say of a run's records. Derived: written whole, and again whenever scorers change.

It does not score, and a run's records never depend on it.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from evalrun import __version__
from evalrun.errors import StoreError
from evalrun.store.checked import DamagedError, check, decoded, sealed
from evalrun.store.disk import DISK, Disk, reading, replace_file
from evalrun.store.lines import to_json
from evalrun.types import Scored, Value

NAME = "scores.jsonl"
T = TypeVar("T")


class ScoresHeader(Value, frozen=True):
    """The first line. scorers: the fingerprint of the scorers that gave the scores below it; labels: task -> names."""

    scorers: str
    evalrun: str
    labels: Mapping[str, tuple[str, ...]] = {}


def write_scores(
    folder: Path,
    scored: Iterable[Scored],
    *,
    scorers: str,
    labels: Mapping[str, tuple[str, ...]] | None = None,
    disk: Disk = DISK,
) -> None:
    """Replace a run folder's scores. scorers: the fingerprint of what gave them; labels: their names by task."""
    header = ScoresHeader(scorers=scorers, evalrun=__version__, labels=labels or {})
    lines = (sealed(to_json(line)) + b"\n" for line in itertools.chain([header], scored))
    blocks = iter(lambda: b"".join(itertools.islice(lines, 512)), b"")  # a write for many lines
    replace_file(folder / NAME, blocks, disk=disk)


def read_header(folder: Path) -> ScoresHeader | None:
    """Return which scorers the scores in a folder are from; None where it has none."""
    path = folder / NAME
    if not path.exists():
        return None
    with reading(path) as file:
        return _decode(path, 1, file.readline(), ScoresHeader)


def read_scores(folder: Path) -> Iterator[Scored]:
    """Return a folder's scores one by one; none where it was never scored."""
    path = folder / NAME
    if not path.exists():
        return
    with reading(path) as file:
        next(file, None)  # the header
        for number, line in enumerate(file, start=2):
            yield _decode(path, number, line, Scored)


def _decode(path: Path, number: int, line: bytes, as_type: type[T]) -> T:
    try:
        check(line)
        return decoded(line, as_type)
    except DamagedError as error:
        raise StoreError(f"{path}:{number}: damaged ({error}); score again: evalrun score {path.parent}") from error
