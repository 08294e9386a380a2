"""What a comparison says: rows of numbers, flipped samples, the parts of a change, the trade-offs of targets."""

from dataclasses import dataclass
from typing import Literal

from evalrun.rule import Measure
from evalrun.stats.interval import Interval
from evalrun.stats.verdict import Comparison, Verdict

Cause = Literal["capability", "refused", "truncation", "transport", "no answer", "disputed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """One measure of two cells.

    base, new: each side's own value; None is unknown.
    comparison: of the `pairs` that both sides have.
    p: two-sided, adjusted (Holm) over all rows of the contrast that may claim something.
    word: `pass` is proven better, `regressed` proven worse, None no claim.
    why: why there is no comparison, or no claim from it.
    """

    measure: Measure
    base: Interval | None
    new: Interval | None
    comparison: Comparison | None = None
    pairs: int = 0
    claims: bool = False
    p: float | None = None
    word: Verdict | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A sample that one side got right and the other did not. Answers are clipped, not escaped; None: not kept."""

    sample: str
    better: bool
    base_score: float
    new_score: float
    base_answer: str | None
    new_answer: str | None
    expected: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one cause adds to the change in score, in 0..1 over all paired requests; all parts add up to the change.

    low, high: what it would add if every answer it spoilt had been as bad, or as good, as can be.
    """

    cause: Cause
    requests: int
    change: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One task, asked on both sides. targets: the base's and the new one's, mostly the same.

    better, worse: how many samples flipped; `flips` holds some of them. notes: what the reader must know.
    """

    task: str
    targets: tuple[str, str]
    rows: tuple[ComparedRow, ...]
    parts: tuple[Part, ...] = ()
    flips: tuple[Flip, ...] = ()
    better: int = 0
    worse: int = 0
    notes: tuple[str, ...] = ()

    def row(self, name: str) -> ComparedRow | None:
        """Return a row by its measure's name."""
        return next((row for row in self.rows if row.measure.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tradeoff:
    """Accuracy, cost and time of one target of the new side on one task; None is unknown.

    accuracy: 0..1. cost: US dollars of an answer. e2e_p50: seconds. beaten_by: a target that is at least as good in all
    three and better in one; empty where there is none.
    """

    task: str
    target: str
    accuracy: float | None
    cost: float | None
    e2e_p50: float | None
    beaten_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Two sides, compared."""

    base: str
    new: str
    pairs: tuple[Pair, ...]
    tradeoffs: tuple[Tradeoff, ...] = ()
    notes: tuple[str, ...] = ()
