"""Which runs beside a run asked the same: what it can be compared with. Reads manifests alone."""

from pathlib import Path

from evalrun.errors import StoreError
from evalrun.store.manifest import NAME, Fingerprints, read_manifest

NEWEST = 50  # folders that are looked at


def beside(folder: Path, *, most: int = 3) -> list[str]:
    """Return the names of other runs in the folder of a run's suite with the same data and prompts, newest first.

    Of the tasks that both have; a run with none of them is left out, and so is a folder that cannot be read.
    """
    mine = folder.absolute()
    asked = read_manifest(folder).fingerprints
    found: list[str] = []
    for path in sorted(mine.parent.glob(f"*/{NAME}"), reverse=True)[:NEWEST]:  # a run's name begins with its time
        if path.parent != mine and len(found) < most and _asked_the_same(path.parent, asked):
            found.append(path.parent.name)
    return found


def _asked_the_same(folder: Path, asked: Fingerprints) -> bool:
    try:
        other = read_manifest(folder).fingerprints.tasks
    except StoreError:
        return False
    shared = [(prints, other[task]) for task, prints in asked.tasks.items() if task in other]
    return bool(shared) and all((a.data, a.prompt) == (b.data, b.prompt) for a, b in shared)
