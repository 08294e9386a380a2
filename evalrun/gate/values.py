"""What a gate says: a verdict for each rule, why, and what would decide it. Computes nothing."""

from dataclasses import dataclass
from typing import Literal

from evalrun.stats.verdict import Comparison, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """One rule applied to one task x target (task None: all tasks of the target).

    rule: as it was typed.
    word: the verdict; `inconclusive` also where data are missing or not comparable.
    why: the numbers, or what is missing.
    value: the number that a limit is about.
    comparison: the evidence, where two runs were compared.
    decide: what would decide an inconclusive ruling (how many more repeats, at what cost); empty where nothing would.
    by_repeats: whether more repeats of this run alone may decide it: `gate --decide` asks them.
    """

    rule: str
    metric: str
    task: str | None
    target: str
    word: Verdict
    why: str
    value: float | None = None
    comparison: Comparison | None = None
    decide: str = ""
    by_repeats: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """One sample worth showing where a gate is reported: `failed` requests are errors, `wrong` answers are failures."""

    kind: Literal["wrong", "failed", "unscored", "truncated"]
    task: str
    target: str
    sample_id: str
    message: str = ""
    answer: str | None = None
    expected: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """All rulings of a run. word: regressed if any is, else inconclusive if any is, else pass.

    failing: the worst failing samples; left_out: how many more there are.
    """

    suite: str
    run: str
    baseline: str | None
    word: Verdict
    rulings: tuple[Ruling, ...]
    failing: tuple[Failing, ...] = ()
    left_out: int = 0
    notes: tuple[str, ...] = ()

    @property
    def stuck(self) -> tuple[Ruling, ...]:
        """Return what stays inconclusive however often the run is asked again: the gate cannot pass."""
        return tuple(one for one in self.rulings if one.word == "inconclusive" and not one.by_repeats)
