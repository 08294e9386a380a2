"""The targets of one run, compared: as they were asked, or in step (`evalrun ab`), without load and drift.

In step, every target got the same requests at the pace of the slowest: throughput and goodput say nothing about a
target. A third target, the control, shows how latencies drift, and that is divided out of those of the others:

    drift of a slice  = median of the control in the slice / median of the control in the run
    corrected latency = latency / drift of its slice

Both sides of a pair are divided by the same number, so a test by swapping within pairs keeps its alpha. Premise of the
size that is found: whatever slows the control slows the others by the same factor. What kept an SLO stays as measured.
"""

from dataclasses import replace

import msgspec
import numpy as np

from evalrun.compare.contrast import compare_targets
from evalrun.compare.side import Matching, Side, SideCell
from evalrun.compare.values import Contrast
from evalrun.errors import SuiteError
from evalrun.rule import LATENCIES
from evalrun.stats.interval import Floats
from evalrun.stats.quantile import quantile_of

SLICE = 20  # the median of so many is known to a quarter of their spread, and they are over within minutes


def compare_run(side: Side) -> list[Contrast]:
    """Compare each target of a run with the first; of one that was asked in step, without the drift of its control.

    Raises SuiteError for a run of one target.
    """
    base, *others = dict.fromkeys(target for _, target in side.cells)
    if not others:
        raise SuiteError(
            f"compare: {side.name} has one target; name two runs, the base first: evalrun compare BASE NEW"
        )
    roles = next(iter(side.cells.values())).requests.run.manifest.command.get("ab")
    if roles is None:
        return [compare_targets(side, base=base, new=other, in_turn=False) for other in others]
    ready, control = in_step(side), roles["control"]
    ready = without_drift(ready, control) if control else ready
    return [compare_targets(ready, base=roles["base"], new=roles["new"])]


def in_step(side: Side) -> Side:
    """Leave out what differs between targets only because they were asked in step."""
    cells = {
        place: replace(
            cell,
            throughput=None,
            goodput=None,
            conditions=msgspec.structs.replace(cell.conditions, load="", in_flight=(), cut=None),
        )
        for place, cell in side.cells.items()
    }
    return replace(side, cells=cells)


def without_drift(side: Side, control: str) -> Side:
    """Divide the drift of the control out of every target's latencies.

    A request without a counterpart of the control has no latency then. Raises SuiteError where the control was not
    asked a task.
    """
    missing = sorted({task for task, _ in side.cells if (task, control) not in side.cells})
    if missing:
        raise SuiteError(f"{side.name}: the control {control!r} was not asked {', '.join(missing)}")
    cells = {
        (task, target): cell if target == control else _corrected(cell, side.cells[task, control])
        for (task, target), cell in side.cells.items()
    }
    note = (
        f"latencies are corrected for drift: divided by how much slower or faster than usual the control {control} was"
        f" in the same stretch of {SLICE} requests; this assumes that what slows it slows the others by the same factor"
    )
    return replace(side, cells=cells, notes=(*side.notes, note))


def _corrected(cell: SideCell, control: SideCell) -> SideCell:
    there, here = Matching(control, cell, prices=None).requests
    found: dict[str, Floats] = {}
    for name in LATENCIES:
        if (drift := _drift(control, name)) is not None:
            found[name] = np.full(cell.attempted, np.nan)
            found[name][here] = drift[there]
    return replace(cell, drift=found)


def _drift(control: SideCell, name: str) -> Floats | None:
    """Return the drift at each request of the control, NaN where a slice failed; None where it has no latency."""
    values = control.latency(name)
    if values is None or not np.isfinite(values).any():
        return None
    finite = np.where(np.isfinite(values), values, np.nan)
    typical = quantile_of(finite[~np.isnan(finite)], 0.5)
    drift = np.full(len(values), np.nan)
    for part in np.array_split(np.argsort(control.requests.offset), max(1, len(values) // SLICE)):
        known = finite[part][~np.isnan(finite[part])]
        if len(known):
            drift[part] = quantile_of(known, 0.5) / typical
    return drift
