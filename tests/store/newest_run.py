"""The run that a command would find, for tests that make runs."""

from pathlib import Path

from evalrun.store.reader import StoredRun, started_by
from evalrun.types import Json


def newest(root: Path, suite: str, command: Json) -> StoredRun | None:
    """Open the newest run that a command started."""
    return next((StoredRun(folder) for folder in started_by(root, suite, command)), None)
