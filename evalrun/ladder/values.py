"""The values of a ladder: one target's rungs, what they say together, and accuracy by depth. No computing."""

from dataclasses import dataclass

from evalrun.table import Metric, TargetNote


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """The requests of one asked size, in tokens. Latencies are of `p50 cold`, `p95 warm`; accuracy is of a family."""

    size: int
    metrics: tuple[Metric, ...]

    def get(self, name: str, of: str = "") -> Metric | None:
        """Return a metric by name; None where the rung has none."""
        return next((m for m in self.metrics if m.name == name and m.of == of), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Accuracy of one family where the answer stood at one depth (0 top, 1 end) of prompts of one size."""

    family: str
    size: int
    depth: float
    accuracy: Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """One target at every size. Rungs ascend.

    metrics: what the rungs say together (exponent, fit, effective context). upper: the sizes that the exponent rests
    on. families: in the order of the records. tolerance: of the effective context. notes: sentences one must see.
    """

    suite: str
    run: str
    target: TargetNote
    rungs: tuple[Rung, ...]
    metrics: tuple[Metric, ...]
    families: tuple[str, ...] = ()
    upper: tuple[int, ...] = ()
    spots: tuple[Spot, ...] = ()
    tolerance: float = 0.1
    notes: tuple[str, ...] = ()

    def get(self, name: str, of: str = "") -> Metric | None:
        """Return a metric of the whole ladder by name; None where it has none."""
        return next((m for m in self.metrics if m.name == name and m.of == of), None)
