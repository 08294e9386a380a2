"""What was typed -> a Side: a run's folder, a table.json, a baseline's name. Large runs are read by two processes.

What is one number a run (throughput, goodput, the client's lag) is about the planned requests: repeats that were asked
later, to decide what changed, may come from the provider's cache.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evalrun.compare import baseline
from evalrun.compare.side import Side, SideCell, facts
from evalrun.compare.tables import StoredCell, read_stored
from evalrun.errors import StoreError
from evalrun.requests import Conditions, Requests, latency, rates, read
from evalrun.stats.interval import Interval
from evalrun.store.manifest import NAME as MANIFEST
from evalrun.store.reader import JOURNAL, run_folder

LARGE_BYTES = 64 * 2**20
"""Two journals of at least this size are read by two processes."""
_COLUMNS = (
    "place", "cluster", "sample", "repeat", "session", "offset", "state", "failure", "finish", "flags",
    "prompt_tokens", "cached_tokens", "completion_tokens", "token_source", "ttft_s", "tpot_s", "e2e_s", "stream_s",
    "tpot_tokens", "tpot_basis", "first_bound_s", "last_bound_s", "gap_bound_s", "began_s",
)  # fmt: skip


def load(names: Sequence[str], *, baselines: Path) -> list[Side]:
    """Return a side for each name: a run's folder, a table.json, a baseline's folder or its name in `baselines`."""
    paths = [_find(name, baselines) for name in names]
    names = [str(path) if path.parent == Path(name) else name for path, name in zip(paths, names, strict=True)]
    large = [p for p in paths if (p / JOURNAL).exists() and (p / JOURNAL).stat().st_size > LARGE_BYTES]
    if len(large) < 2:
        return [_read(path, name) for path, name in zip(paths, names, strict=True)]
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return list(pool.map(_read, paths, names))


def exists(name: str, *, baselines: Path) -> bool:
    """Return whether there is a run, a table or a baseline of that name."""
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
        f"{name}: not a run, table or baseline; name a folder like results/SUITE/UTC-HASH, a table.json, or a baseline"
        f" in {baselines}"
    )


def _read(path: Path, name: str) -> Side:
    if (path / MANIFEST).exists():
        return read_run(path, name=name)
    return read_table(path, name=name) if path.is_file() else baseline.read(path, name=name)


def read_run(folder: Path, *, name: str = "") -> Side:
    """Read a run's folder."""
    requests = read(folder)
    run, manifest = requests.run, requests.run.manifest
    cells = {
        (task, target): _cell(task, target, requests)
        for task in manifest.fingerprints.tasks  # in the suite's order, and what was never asked too
        for target in manifest.targets
    }
    return Side(
        name=name or folder.name,
        kind="run",
        suite=manifest.suite_name,
        run=folder.absolute().name,
        at=manifest.created.isoformat(timespec="seconds"),
        folder=folder,
        cells=cells,
        gates=tuple(manifest.suite.get("gates", ())),
        notes=(
            *(f"{target}: {note}" for target, note in run.served.items() if note),
            *(f"{name or folder.name}: {note}" for note in run.condition),
        ),
    )


def _cell(task: str, target: str, requests: Requests) -> SideCell:
    run, mine = requests.run, requests.of(task, target)
    planned = mine.planned
    conditions = run.conditions(task, target, sessions=np.unique(planned.session).tolist())
    return SideCell(
        task=task,
        target=target,
        requests=mine.only(*_COLUMNS),
        conditions=conditions,
        planned=run.planned(task) or 0,
        good=rates.kept(mine) if conditions.slo else None,
        throughput=rates.output_throughput(planned),
        goodput=rates.goodput(planned) if conditions.slo else None,
        lag_s=latency.client_lag_s(planned),
    )


# ---------------------------------------------------------------- tables

_NAMES = {
    "accuracy": "accuracy", "output_throughput": "throughput", "good": "good", "goodput": "goodput",
    "unanswered": "failed", "truncated_share": "truncated", "unscored_share": "unscored",
}  # fmt: skip


def read_table(path: Path, *, name: str) -> Side:
    """Read a table.json: values alone, since a table has no samples."""
    table = read_stored(path)
    nothing = Requests(facts(table.suite), {}, names={}, tasks=(), targets=(), scores={})
    cells = {}
    for cell in table.cells:
        if cell.task is not None:
            parts = ("data", "prompt", "sampling", "scorers")
            prints = {part: table.fingerprints.get(f"{cell.task} {part}", "") for part in parts}
            cells[cell.task, cell.target] = SideCell(
                task=cell.task, target=cell.target, requests=nothing, planned=0, timed=False, values=_values(cell),
                conditions=Conditions(**prints, in_flight=cell.in_flight, cut=cell.cut, slo=table.slo.stated),
            )  # fmt: skip
    return Side(name=name, kind="table", suite=table.suite, run=Path(table.run).name, cells=cells)


def _values(cell: StoredCell) -> dict[str, Interval]:
    """Return what a table's cell says, by the names that rules use. A share that it leaves out is 0."""
    counts = {metric.name: float(metric.value or 0) for metric in cell.metrics if not metric.of}
    shares = {"failed": counts.get("attempted", 0) - counts.get("refused", 0)}
    shares |= dict.fromkeys(("truncated", "unscored"), counts.get("succeeded", 0))
    found = {name: Interval(0.0, None, None) for name, n in shares.items() if n}
    for metric in cell.metrics:
        name = _NAMES.get(metric.name, f"{metric.name.removesuffix('_s')}_{metric.of}")
        if metric.value is not None and "invalid" not in metric.marks and not (metric.of and metric.name in _NAMES):
            found[name] = Interval(float(metric.value), metric.low, metric.high)
    return found
