"""From evidence to a word: pass, regressed or inconclusive, for one metric and for many. Not here: the evidence."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Verdict = Literal["pass", "regressed", "inconclusive"]


class Sides(NamedTuple):
    """Evidence on both sides of a margin: how likely data like these, or clearer, if the opposite held.

    worse   p of "worse by more than the margin", were the truth no worse than the margin
    within  p of "not worse by as much as the margin", were the truth at least that much worse
    """

    worse: float
    within: float


class Comparison(NamedTuple):
    """One number of two runs, side by side. `difference`, `low`, `high` and `mde` have one scale.

    relative    the scale is new / base - 1, not new - base
    low, high   the interval of the difference; infinite where failures reach the percentile, None where unsupported
    p           two-sided p of "no difference"
    mde         the smallest true difference that would be found with 80 % power, in either direction
    sides       the evidence against the margin, where one was given
    """

    value_base: float
    value_new: float
    difference: float
    low: float | None
    high: float | None
    p: float | None
    mde: float | None
    method: str
    premise: str
    relative: bool = False
    sides: Sides | None = None


def verdict(sides: Sides, *, alpha: float = 0.05) -> Verdict:
    """Return `regressed` or `pass` where the evidence for it is at `alpha`, else `inconclusive`.

    At most a share `alpha` of changes inside the margin are called regressed, and at most a share `alpha` of changes
    beyond it pass. With a margin of 0 only a proven gain passes. Premise: that of the tests.
    Source: Schuirmann 1987, two one-sided tests.
    """
    if sides.worse <= alpha:
        return "regressed"
    return "pass" if sides.within <= alpha else "inconclusive"


def verdicts(many: Sequence[Sides], *, alpha: float = 0.05) -> list[Verdict]:
    """Return the verdicts of the metrics of one gate, with the false alarms of the whole gate at `alpha`.

    Any one `regressed` fails the gate, so those p are Holm's. All must pass for the gate to pass, so a wrong pass
    of the gate needs a wrong pass of every metric that is out: no correction (Berger 1982, intersection-union).
    """
    worse = holm([sides.worse for sides in many])
    return [verdict(Sides(p, sides.within), alpha=alpha) for p, sides in zip(worse, many, strict=True)]


def holm(p: Sequence[float]) -> list[float]:
    """Return adjusted p-values: each may be compared with alpha, for at most that chance of any false alarm among them.

    Premise: none about how the tests depend on each other. Source: Holm 1979.
    """
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted, least = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        least = max(least, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = least
    return adjusted
