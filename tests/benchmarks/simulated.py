"""Simulated runs whose truth is known, and one judged line of the calibration table. Not here: what is simulated."""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalrun.stats.distribution import binomial_tail
from evalrun.stats.interval import Interval
from evalrun.stats.scores import Flips, margin_sides
from evalrun.stats.verdict import Comparison, Sides

Floats = NDArray[np.float64]

ALPHA = 0.05
MARGIN = 0.02


class Line(NamedTuple):
    """One simulated rate. kind: alpha (at most), power (80 +- band), cover (95 +- band) or info."""

    kind: str
    what: str
    hits: int
    runs: int
    promised: float
    band: float = 0.0

    def mark(self) -> str:
        """Judge the rate: alpha and fixed coverage by the binomial 99 % band, the others by their own."""
        seen = self.hits / self.runs
        if self.kind == "info":
            return "info"
        if self.kind == "alpha":
            chance_of_more = binomial_tail(self.hits, self.runs, self.promised)
            chance_of_less = 1 - binomial_tail(self.hits + 1, self.runs, self.promised)
            return "FAIL" if chance_of_more < 0.005 else "low" if chance_of_less < 0.005 else "ok"
        strict = self.kind == "power" and self.runs >= 500
        noise = 0.0 if strict else 2.58 * math.sqrt(self.promised * (1 - self.promised) / self.runs)
        if abs(seen - self.promised) <= self.band + noise:
            return "ok"
        return "low" if self.kind == "cover" and seen > self.promised else "FAIL"


def holds(found: Interval | Comparison | None, truth: float) -> bool:
    """Say whether the interval has the truth in it; one that was not given does not."""
    return found is not None and None not in (found.low, found.high) and found.low <= truth <= found.high


def answers(rng: np.random.Generator, n: int, p: float, *, alike: float, repeats: int) -> tuple[Floats, Floats]:
    """Return two runs of the same samples, as the means of their repeats. `alike` 0: all samples are equally hard."""
    odds = (1 - alike) / alike if alike else 0.0
    chance = rng.beta(p * odds, (1 - p) * odds, n) if alike else np.full(n, p)
    return rng.binomial(repeats, chance) / repeats, rng.binomial(repeats, chance) / repeats


def requests(rng: np.random.Generator, *shape: int) -> Floats:
    """Return latencies with a heavy tail: log-normal, one in fifty ten times as long."""
    return rng.lognormal(0.0, 0.6, shape) * np.where(rng.random(shape) < 0.02, 10.0, 1.0)


@cache
def binary_sides(better: int, worse: int, n: int, margin: float) -> Sides:
    """`margin_sides`, remembered."""
    return margin_sides(Flips(better, worse, n), margin)
