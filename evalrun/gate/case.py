"""One rule on one task and target: the evidence for and against it, or why there is none. `judge` makes verdicts of it.

limit of accuracy, good, latency, cost   an estimate: the 95 % interval decides
limit of rates and of client lag         a fact of this run: counted, nothing is inferred
no worse than, within                    compared with the baseline: `compare.differ`
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from evalrun import units
from evalrun.compare import figures
from evalrun.compare.comparable import comparable
from evalrun.compare.differ import differ
from evalrun.compare.side import Matching, Side, SideCell
from evalrun.gate.decide import advice_for_change, advice_for_limit
from evalrun.requests.quality import no_verdict
from evalrun.rule import Measure, Rule
from evalrun.stats.interval import Interval
from evalrun.stats.verdict import Comparison, Sides

_SURE = 0.9998  # the highest level that is looked at
_STEPS = 24
NO_EVIDENCE = Sides(1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The evidence of one rule on one cell.

    why: the numbers, in words.
    sides: for an estimate.
    fact: whether a counted limit is kept; None where it is estimated.
    trouble: why it must not pass whatever the numbers say.
    decide: what would decide it.
    p_factor: what its p-values are multiplied by, where interim analyses share alpha (`compare.interim`).
    pair: the two cells that were compared, where more repeats would sharpen the comparison.
    """

    rule: Rule
    task: str
    target: str
    why: str
    sides: Sides = NO_EVIDENCE
    fact: bool | None = None
    trouble: str = ""
    value: float | None = None
    comparison: Comparison | None = None
    decide: str = ""
    p_factor: int = 1
    pair: tuple[SideCell, SideCell] | None = None

    @property
    def adjusted(self) -> Sides:
        """Return its sides with the p-value adjustment of interim analyses."""
        return Sides(*(min(1.0, p * self.p_factor) for p in self.sides))


def trouble(cell: SideCell, side: Side) -> str:
    """Return why a cell carries no verdict: not asked, not finished, or too many requests without a scored answer."""
    if not cell.attempted:
        return f"{side.name} has no answers of it"
    if cell.attempted < cell.planned:
        return f"{side.name} is unfinished: {cell.attempted:,} of {cell.planned:,} requests were made"
    why = no_verdict(cell.requests)
    return f"{side.name}: {why}" if why else ""


# ---------------------------------------------------------------- of this run alone


def limit(rule: Rule, cell: SideCell, side: Side) -> Case:
    """Check one number of a run against a limit."""
    case = partial(Case, rule=rule, task=cell.task, target=cell.target, trouble=trouble(cell, side))
    if not cell.attempted:
        return case(why="nothing was measured")
    measure = rule.measure
    if measure.name == "client_lag" or (measure.unit == "fraction" and measure.name not in ("accuracy", "good")):
        return _counted(rule, cell, case)
    if late := figures.invalid(cell, measure):
        return case(why=f"{measure.label} is INVALID", trouble=late)
    known = measure.name != "cost" or not figures.unknown(
        cell, "cost", cell.conditions.prices
    )  # else the mean is unknown
    at = figures.estimate(cell, measure, cell.conditions.prices) if known else None
    found = at(0.95) if at else None
    if at is None or found is None:
        why = figures.not_known_good(cell) if measure.needs_slo else ""
        return case(why=f"{measure.label} is unknown" + (f": {why}" if why else ""))
    sides = _limit_sides(at, rule)
    if least := figures.at_least(cell, measure):
        case = partial(case, trouble="; ".join(filter(None, (trouble(cell, side), least))))
    return case(
        why=f"{_with_interval(found, measure)}, the limit is {_plain(rule.amount, measure)}",
        sides=sides,
        value=found.value,
        decide=advice_for_limit(rule, cell, found),
    )


def _counted(rule: Rule, cell: SideCell, case: Callable[..., Case]) -> Case:
    measure = rule.measure
    if measure.name == "client_lag":
        if cell.lag_s is None:
            return case(why="the client's lag was not sampled")
        why = f"{units.seconds(cell.lag_s)} at p99, {formatted(rule.amount, measure)} is allowed"
        return case(why=why, fact=cell.lag_s <= rule.amount, value=cell.lag_s)
    counted = figures.known(figures.shares(cell, measure.name))
    if not len(counted):
        return case(why="no request was answered")
    share = float(counted.mean())
    why = f"{int(counted.sum()):,} of {len(counted):,} ({units.fraction(share, 1)}), {rule.amount * 100:g} % is allowed"
    return case(why=why, fact=share <= rule.amount, value=share)


def _limit_sides(at: Callable[[float], Interval | None], rule: Rule) -> Sides:
    """Return, as p-values, how wide the interval is that reaches the limit: 0.05 where the 95 % interval does."""

    lower, amount = rule.measure.worse == "lower", rule.amount

    def ends(level: float) -> tuple[float | None, float | None]:
        """Return the ends of the interval: the better one, then the worse one."""
        found = at(level)
        if found is None:
            return None, None
        return (found.high, found.low) if lower else (found.low, found.high)

    def worse(level: float) -> bool:
        better_end, _ = ends(level)
        return better_end is not None and (better_end < amount if lower else better_end > amount)

    def within(level: float) -> bool:
        _, worse_end = ends(level)
        return worse_end is not None and (worse_end >= amount if lower else worse_end <= amount)

    return Sides(worse=_widest(worse), within=_widest(within))


def _widest(clear: Callable[[float], bool]) -> float:
    low, high = 1e-4, _SURE
    if not clear(low):
        return 1.0
    if clear(high):
        return 1 - high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if clear(middle) else (low, middle)
    return 1 - low


# ---------------------------------------------------------------- against a baseline


def change(
    rule: Rule,
    cell: SideCell,
    base_cell: SideCell | None,
    *,
    sides: tuple[Side | None, Side],
    across_prompts: bool = False,
) -> Case:
    """Check the change of one number since a baseline against what is tolerated."""
    base, new = sides
    case = partial(Case, rule=rule, task=cell.task, target=cell.target)
    if base is None:
        return case(why="there is no baseline; save one: evalrun baseline save RUN NAME", trouble="no baseline")
    if base_cell is None:
        have = ", ".join(f"{task} of {target}" for task, target in base.cells)
        return case(why=f"the baseline {base.name} does not have it (it has {have})", trouble="no baseline")
    both = (base, new)
    allowed = comparable(base_cell, cell, sides=both, across_prompts=across_prompts)
    measure = rule.measure
    barred = allowed.refused or allowed.bars(measure) or "; ".join(filter(None, allowed.late(measure)))
    matching = Matching(base_cell, cell, prices=cell.conditions.prices, tonight=new.run)
    missing = len(base_cell.samples) - len(matching.samples[0])
    if missing and not barred:
        barred = f"{missing:,} of the {len(base_cell.samples):,} samples of {base.name} are missing"
    barred = barred or trouble(cell, new) or trouble(base_cell, base)
    if barred:
        return case(why=barred, trouble=barred)
    found = differ(matching, measure, margin=rule.amount)
    comparison = found.comparison
    if comparison is None:
        return case(why=found.why, trouble=found.why)
    return case(
        why="; ".join(filter(None, (_changed(rule, comparison), found.why))),
        sides=comparison.sides if comparison.sides and found.claims else NO_EVIDENCE,
        value=comparison.value_new,
        comparison=comparison,
        decide=advice_for_change(rule, matching, comparison),
    )


def _changed(rule: Rule, found: Comparison) -> str:
    unit = "%" if found.relative else "points"
    shown = f"{found.difference * 100:+.3g} {unit}"
    if found.low is not None and found.high is not None:
        shown += f" [{found.low * 100:+.3g}, {found.high * 100:+.3g}]"
    direction = "fall" if rule.measure.worse == "lower" else "rise"
    before, after = (formatted(value, rule.measure) for value in (found.value_base, found.value_new))
    return f"{before} to {after}, {shown}; a {direction} of {rule.amount * 100:g} {unit} is tolerated"


# ---------------------------------------------------------------- words


def formatted(value: float | None, measure: Measure) -> str:
    """Return a value with its unit, for people."""
    if value is None:
        return units.UNKNOWN
    if measure.unit == "fraction":
        return units.fraction(value, 1)
    if measure.unit == "s":
        return units.seconds(value)
    if measure.unit == "usd":
        return f"${units.significant(value)}"
    return f"{units.significant(value)} {measure.unit}"


def _plain(value: float, measure: Measure) -> str:
    """Return a limit as it would be typed."""
    return f"{value * 100:g} %" if measure.unit == "fraction" else formatted(value, measure)


def _with_interval(found: Interval, measure: Measure) -> str:
    if measure.unit == "fraction":
        return units.interval(found.value, found.low, found.high)
    ends = ", ".join(formatted(end, measure) for end in (found.low, found.high))
    return f"{formatted(found.value, measure)} [{ends}]"
