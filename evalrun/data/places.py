"""Where a suite may read, and what happens to a row that cannot be used. Reads no data itself."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalrun.data.scale import Scale
from evalrun.errors import SuiteError, closest
from evalrun.types import Json

Row = dict[str, Json]  # one row of a source: field name -> value


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What a source may read, and whom it tells.

    root: the folder of the suite file; paths in the suite are relative to it.
    allowed: further files or folders (`--allow-path`).
    skip_bad_rows: skip and count a malformed row instead of refusing the file.
    on_skip: called with a message for each skipped row.
    on_notice: called with what a reader of the results should know about the data.
    scales: the prompt sizes of each probe, as the target counts them.
    salt: what a ladder's first lines are drawn from; empty where nothing is sent.
    """

    root: Path
    allowed: tuple[Path, ...] = ()
    skip_bad_rows: bool = False
    scales: Mapping[str, Scale] = field(default_factory=dict)
    salt: str = ""
    on_skip: Callable[[str], None] = lambda _: None
    on_notice: Callable[[str], None] = lambda _: None

    def file(self, path: str) -> Path:
        """Return the file at `path`, which must be inside `root` or `allowed` once symbolic links are followed."""
        given = self.root / path
        real = _real(given)
        if not any(real.is_relative_to(_real(place)) for place in (self.root, *self.allowed)):
            raise SuiteError(
                f"{path}: is outside the suite's folder {self.root}; move it there or allow it with --allow-path {real}"
            )
        if real.is_file():
            return real
        if real.is_dir():
            raise SuiteError(f"{given}: is a folder; name a file in it")
        if real.exists():
            raise SuiteError(f"{given}: is not a regular file; copy it to one")
        if not real.parent.is_dir():
            raise SuiteError(f"{given}: no such file, and no folder {given.parent}; paths are relative to {self.root}")
        raise SuiteError(f"{given}: no such file{closest(real.name, (each.name for each in real.parent.iterdir()))}")

    def bad_row(self, message: str) -> None:
        """Refuse the data because of one row, or report the row if bad rows are to be skipped."""
        if not self.skip_bad_rows:
            raise SuiteError(f"{message}; fix the row, or leave such rows out with --skip-bad-rows")
        self.on_skip(message)


def _real(path: Path) -> Path:
    """Return the path with symbolic links resolved; unlike Path.resolve, do not raise where they form a loop."""
    return Path(os.path.realpath(path))
