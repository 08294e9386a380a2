"""Two cells, and which of their requests and samples belong together. No difference, no test."""

import numpy as np

from evalrun.compare.side import Cell, Floats, Ids, Whole
from evalrun.types import Json


class Paired:
    """Two cells with the requests, and the samples, that both have."""

    def __init__(self, base: Cell, new: Cell, *, prices: Json, same_session: bool = False, tonight: str = "") -> None:
        """Pair them. prices: the one list for both costs. same_session: both were asked in turn, in one run.

        tonight: the new run; should it have been saved in the baseline already, it is no night before itself.
        """
        self.base, self.new, self.prices, self.same_session = base, new, prices, same_session
        self.nights = [night for night in base.nights if night.run != tonight]
        self.requests = _common(_request_ids(base), _request_ids(new))
        self.samples = _common(base.samples, new.samples)
        self.repeated = len(base.starts) < base.attempted or len(new.starts) < new.attempted

    def sample_values(self, base: Floats, new: Floats) -> tuple[Floats, Floats]:
        """Return the means of the samples that have one on both sides, of values of each request."""
        old, now = self.base.means(base)[self.samples[0]], self.new.means(new)[self.samples[1]]
        both = ~(np.isnan(old) | np.isnan(now))
        return old[both], now[both]


def _request_ids(cell: Cell) -> Ids:
    """Return a number for each request: samples are hashes already, so that mixing the repeat in keeps them apart."""
    mixed: Ids = cell.sample + cell.repeat.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return mixed


def _common(base: Ids, new: Ids) -> tuple[Whole, Whole]:
    """Return the places, on both sides, of what both sides have."""
    if np.array_equal(base, new):
        return np.arange(len(base)), np.arange(len(base))
    _, old, now = np.intersect1d(base, new, assume_unique=True, return_indices=True)
    return old, now
