"""A run whose targets were asked in step (`evalrun ab`), made ready for comparing. No difference, no verdict.

in step    Every target got the same requests at the same pace, that of the slowest: the load is one, and throughput
           or goodput says nothing of a target.
weather    What the hour did to a third target, the control, is divided out of the latencies of the others:

               weather of a slice = median of the control in the slice / median of the control in the run
               latency at typical weather = latency / weather of its slice

           A slice is `SLICE` successive requests of the control, with the requests of the others for the same samples
           and repeats. Both sides of a pair are divided by the same number, so a test by swapping within pairs keeps
           its alpha whatever the weather. Premise of the size that is found: what slows the control slows the others
           by the same factor, and the control itself did not change during the run. What kept an SLO did so in the
           weather that was: `good` is left as it is.
"""

from dataclasses import replace

import msgspec
import numpy as np

from evalrun.compare.paired import Paired
from evalrun.compare.side import Cell, Floats, Side
from evalrun.errors import SuiteError
from evalrun.rule import LATENCIES

SLICE = 20  # the median of so many is known to a quarter of their spread, and they are over within minutes


def in_step(side: Side) -> Side:
    """Leave out what differs between targets only because they were asked in step."""
    cells = {
        place: replace(cell, throughput=None, goodput=None, prints=msgspec.structs.replace(cell.prints, load=""))
        for place, cell in side.cells.items()
    }
    return replace(side, cells=cells)


def at_typical_weather(side: Side, control: str) -> Side:
    """Divide the weather out of every target's latencies. A request the control has no counterpart of loses its own."""
    missing = sorted({task for task, _ in side.cells if (task, control) not in side.cells})
    if missing:
        raise SuiteError(f"{side.name}: the control {control!r} was not asked {', '.join(missing)}")
    cells = {
        (task, target): cell if target == control else _normalised(cell, side.cells[task, control])
        for (task, target), cell in side.cells.items()
    }
    note = (
        f"latencies are at typical weather: divided by what slowed the control {control} in the same stretch of"
        f" {SLICE} requests; this takes what slows it to slow the others by the same factor"
    )
    return replace(side, cells=cells, notes=(*side.notes, note))


def _normalised(cell: Cell, control: Cell) -> Cell:
    there, here = Paired(control, cell, prices=None).requests
    found: dict[str, Floats] = {}
    for name in LATENCIES:
        values, weather = cell.latency(name), _weather(control, name)
        if values is not None and weather is not None:
            found[name] = np.full(len(values), np.nan)
            found[name][here] = values[here] / weather[there]
    return replace(cell, **found)  # type: ignore[arg-type]


def _weather(control: Cell, name: str) -> Floats | None:
    """Return the weather at each request of the control, NaN where a slice failed; None where it has none."""
    values = control.latency(name)
    if values is None or control.record_at is None or not np.isfinite(values).any():
        return None
    finite = np.where(np.isfinite(values), values, np.nan)
    typical = float(np.nanmedian(finite))
    weather = np.full(len(values), np.nan)
    for part in np.array_split(np.argsort(control.record_at), max(1, len(values) // SLICE)):
        known = finite[part][~np.isnan(finite[part])]
        if len(known):
            weather[part] = float(np.median(known)) / typical
    return weather
