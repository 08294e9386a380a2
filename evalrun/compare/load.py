"""What was typed -> a Side: a run's folder, a table file, a baseline's name. Large runs are read side by side.

Which sides may be compared is `lock`'s to say.
"""

from collections.abc import Sequence
from pathlib import Path

from evalrun.compare import baseline
from evalrun.compare.runs import read_run
from evalrun.compare.side import Side
from evalrun.compare.tables import read_table
from evalrun.errors import StoreError
from evalrun.store import run_folder
from evalrun.store.manifest import NAME as MANIFEST
from evalrun.store.reader import JOURNAL

LARGE_BYTES = 64 * 2**20
"""From two journals of this size on, each is read by a process of its own."""


def load(names: Sequence[str], *, baselines: Path) -> list[Side]:
    """Return a side for each name.

    The folder of a run, a table.json, a baseline's folder or its name in `baselines`.
    """
    places = [_find(name, baselines) for name in names]
    names = [str(place) if place.parent == Path(name) else name for place, name in zip(places, names, strict=True)]
    large = [p for p in places if (p / JOURNAL).exists() and (p / JOURNAL).stat().st_size > LARGE_BYTES]
    if len(large) < 2:
        return [_read(place, name) for place, name in zip(places, names, strict=True)]
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return list(pool.map(_read, places, names))


def exists(name: str, *, baselines: Path) -> bool:
    """Whether there is a run, a table or a baseline of that name."""
    return Path(name).exists() or baseline.known(baselines, name)


def _find(name: str, baselines: Path) -> Path:
    path = Path(name)
    if path.is_file() and (path.parent / MANIFEST).exists():
        return path.parent  # a table beside its records: the records say more
    if path.is_file() or any(path.glob("*.json")):
        return path
    if baseline.known(baselines, name):
        return baselines / name
    if (run := run_folder(path)) != path:
        return run
    raise StoreError(
        f"{name}: no run, table or baseline; give a folder like results/SUITE/UTC-HASH, a table.json,"
        f" or the name of a baseline in {baselines}"
    )


def _read(place: Path, name: str) -> Side:
    if (place / MANIFEST).exists():
        return read_run(place, name=name)
    return read_table(place, name=name) if place.is_file() else baseline.read(place, name=name)
