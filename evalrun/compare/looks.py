"""Runs that were asked again until they were decided: what was planned of a cell, what was added, who may read which.

`evalrun gate --decide` doubles the repeats of a task and target (a cell) from round to round, and looks after each
round. A cell of which k - 1 whole rounds were added is at its look k. There p counts 2^k times: the false alarms of
all looks together, alpha / 2 + alpha / 4 + ..., stay below alpha however many there are, by the union bound.

    sharpened by repeats     all whole rounds, p times 2^k
    counted facts            every request there is, for a fact is no test
    anything else            the requests that were planned at first, on either side, one look, p as it is: a repeated
                             prompt may come from the provider's cache, sooner and cheaper than the first time

Nights of a baseline, `compare` and `gate` all read it so. It follows from what a folder or a baseline holds, so that a
decision that was interrupted goes on where it was. Asks nothing.
"""

from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from evalrun.compare.side import Cell
from evalrun.rule import Measure

_SHARPENED = ("accuracy", "failed", "truncated", "unscored", "output_tokens")


def sharpened(measure: Measure) -> bool:
    """Whether repeats sharpen how far a number changed: it is of what a model answers, not of time or money."""
    return measure.name in _SHARPENED


class Look(NamedTuple):
    """What there is to look at in a cell. first: as planned. now: all whole rounds. number: k, from 1."""

    first: Cell
    now: Cell
    number: int

    @property
    def repeats(self) -> int:
        """How often each sample was asked in whole rounds."""
        return _planned_repeats(self.first) << (self.number - 1)

    @property
    def price(self) -> int:
        """What p counts times, where this is not the only look there will be."""
        return 1 << self.number


def look(cell: Cell) -> Look:
    """Return the look that a cell is at."""
    if cell.attempted <= cell.planned:
        return Look(cell, cell, 1)
    once, number = _planned_repeats(cell), 1
    while np.count_nonzero(cell.repeat < once << number) >= cell.planned << number:
        number += 1
    return Look(_up_to(cell, once), _up_to(cell, once << (number - 1)), number)


def read_by(measure: Measure, cell: Cell) -> Cell:
    """Leave of a cell what a comparison of this measure reads: all of it, or what was planned."""
    return cell if sharpened(measure) else look(cell).first


def _planned_repeats(cell: Cell) -> int:
    """Return how often the suite asks each sample."""
    return max(1, cell.planned // max(1, len(cell.starts)))


def _up_to(cell: Cell, repeats: int) -> Cell:
    """Leave out the later repeats of a cell. What is one number a run is of the planned part already (`runs`)."""
    kept = cell.repeat < repeats
    every = {field.name: getattr(cell, field.name) for field in fields(cell)}
    columns: dict[str, Any] = {name: one[kept] for name, one in every.items() if isinstance(one, np.ndarray)}
    return replace(cell, **columns)
