"""Where a suite may read, and what happens to a row that cannot be used. Reads no data itself."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalrun.data.scale import Scale
from evalrun.errors import SuiteError
from evalrun.types import Json

Row = dict[str, Json]  # one row of a source: field name -> value


def ignore(message: str) -> None:
    """Drop a message: the default of both callbacks."""


def closest(wrong: str, names: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the name nearest to `wrong`, or nothing if none is near."""
    near = difflib.get_close_matches(wrong, [str(name) for name in names], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What a source may read.

    root: the folder of the suite file; paths in the suite are relative to it. allowed: more files or folders
    (`--allow-path`). skip_bad_rows: count a malformed row instead of refusing the file. on_skip: told of each
    skipped row. on_notice: told what the reader of the results should know about the data. scales: how long the
    prompts of each probe are for the target that is asked. salt: makes the prompts of this run unlike any other's.
    """

    root: Path
    allowed: tuple[Path, ...] = ()
    skip_bad_rows: bool = False
    scales: Mapping[str, Scale] = field(default_factory=dict)
    salt: str = ""
    on_skip: Callable[[str], None] = ignore
    on_notice: Callable[[str], None] = ignore

    def file(self, path: str) -> Path:
        """Return the file that `path` means. It must exist inside `root` or `allowed`, symbolic links followed."""
        given = self.root / path
        real = given.resolve()
        if not any(real.is_relative_to(place.resolve()) for place in (self.root, *self.allowed)):
            raise SuiteError(
                f"{path}: is outside the suite's folder {self.root}; move it there or allow it with --allow-path {real}"
            )
        if real.is_file():
            return real
        if real.is_dir():
            raise SuiteError(f"{given}: is a folder; name a file in it")
        if real.exists():
            raise SuiteError(f"{given}: is not a plain file; copy it to one")
        if not real.parent.is_dir():
            raise SuiteError(f"{given}: no such file, and no folder {given.parent}; the path starts at {self.root}")
        raise SuiteError(f"{given}: no such file{closest(real.name, (each.name for each in real.parent.iterdir()))}")

    def bad_row(self, message: str) -> None:
        """Refuse the data because of one row, or report the row and go on if the user asked for that."""
        if not self.skip_bad_rows:
            raise SuiteError(f"{message}; mend the row, or leave such rows out with --skip-bad-rows")
        self.on_skip(message)
