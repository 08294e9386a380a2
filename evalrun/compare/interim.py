"""Interim analyses of a run that `gate --decide` asks again: what each may read, and how it adjusts p-values.

Each round doubles the repeats of a task and target, and the gate is judged after each. Analysis k, with k - 1 complete
extra rounds, multiplies every p-value by 2^k: the false alarms of all analyses together, alpha / 2 + alpha / 4 + ...,
stay below alpha however many there are (union bound). Rules that repeats decide read all complete rounds, counted facts
read every request, and anything else reads the planned requests of both sides: a repeated prompt may come from the
provider's cache, sooner and cheaper. All of it follows from what a folder or a baseline holds.
"""

from typing import NamedTuple

import numpy as np

from evalrun.compare.side import SideCell
from evalrun.rule import Measure

_BY_REPEATS = ("accuracy", "failed", "unanswered", "truncated", "unscored", "output_tokens")


def repeats_sharpen(measure: Measure) -> bool:
    """Return whether more repeats sharpen how far it changed: it is about what a model answers, not time or money."""
    return measure.name in _BY_REPEATS


class Interim(NamedTuple):
    """What an analysis may read.

    planned: the requests that the suite asks for.
    complete: those and all complete extra rounds.
    number: of the analysis, from 1.
    """

    planned: SideCell
    complete: SideCell
    number: int

    @property
    def repeats(self) -> int:
        """Return how often each sample was asked in complete rounds."""
        return self.planned.requests.run.repeats(self.planned.task) << (self.number - 1)

    @property
    def p_factor(self) -> int:
        """Return what p-values are multiplied by, where more analyses may follow."""
        return 1 << self.number


def interim(cell: SideCell) -> Interim:
    """Return the analysis that a cell is at."""
    if cell.attempted <= cell.planned:
        return Interim(cell, cell, 1)
    once, number = cell.requests.run.repeats(cell.task), 1
    while np.count_nonzero(cell.requests.repeat < once << number) >= cell.planned << number:
        number += 1
    return Interim(_first_repeats(cell, once), _first_repeats(cell, once << (number - 1)), number)


def readable(cell: SideCell, measure: Measure) -> SideCell:
    """Return the part of a cell that a comparison of this measure reads: all of it, or what was planned."""
    return cell if repeats_sharpen(measure) else interim(cell).planned


def _first_repeats(cell: SideCell, repeats: int) -> SideCell:
    """Leave out the later repeats of a cell. What is one number a run is about the planned part already."""
    return cell.only(cell.requests.repeat < repeats)
