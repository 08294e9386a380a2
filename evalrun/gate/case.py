"""One rule on one task and target: the evidence for and against it, or why there is none. `judge` makes verdicts of it.

limit of accuracy, good, latency, cost   an estimate: the 95 % interval decides
limit of rates and of client lag         a fact of this run: counted, nothing is inferred; failures that are not the
                                         model's are no evidence against it
no worse than, within                    compared with the baseline: `compare.differ`
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from evalrun import units
from evalrun.compare import figures
from evalrun.compare.comparable import comparable
from evalrun.compare.differ import Difference, differ
from evalrun.compare.side import Matching, Side, SideCell
from evalrun.gate.decide import advice_for_change, advice_for_limit
from evalrun.requests import latency
from evalrun.requests.quality import failed_otherwise, no_verdict
from evalrun.rule import Measure, Rule
from evalrun.stats.interval import Interval
from evalrun.stats.verdict import Comparison, Sides

ALPHA = 0.05
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
    if cell.requests.run.is_chosen(cell.task):
        return f"{side.name} has chosen samples only (--only), which do not stand for the task"
    why = no_verdict(cell.requests)
    return f"{side.name}: {why}" if why else ""


# ---------------------------------------------------------------- of this run alone


def limit(rule: Rule, cell: SideCell, side: Side) -> Case:
    """Check one number of a run against a limit.

    One that is INVALID never passes, and regresses only if it would with every error bound subtracted.
    """
    case = partial(Case, rule=rule, task=cell.task, target=cell.target, trouble=trouble(cell, side))
    if not cell.attempted:
        return case(why="nothing was measured")
    measure = rule.measure
    if measure.name == "client_lag" or (measure.unit == "fraction" and measure.name not in ("accuracy", "good")):
        return _counted(rule, cell, case)
    known = measure.name != "cost" or not figures.unknown(
        cell, "cost", cell.conditions.prices
    )  # else the mean is unknown
    at = figures.estimate(cell, measure, cell.conditions.prices) if known else None
    found = at(0.95) if at else None
    if at is None or found is None:
        why = figures.not_known_good(cell) if measure.needs_slo else ""
        return case(why=f"{measure.label} is unknown" + (f": {why}" if why else ""))
    late = figures.invalid(cell, measure)
    why = f"{_reading(found, measure)}{figures.coverage(cell, measure)}, the limit is {_typed(rule)}"
    if late:
        at = figures.estimate(cell.at_best(), measure, cell.conditions.prices) or at
    sides = _limit_sides(at, rule)
    if least := figures.at_least(cell, measure):
        case = partial(case, trouble="; ".join(filter(None, (trouble(cell, side), least))))
    return case(
        why=f"{measure.label} is INVALID: {why}; {late}" if late else why,
        sides=sides._replace(within=1.0) if late else sides,
        value=None if late else found.value,
        decide=latency.REMEDY if late else advice_for_limit(rule, cell, found),
    )


def _counted(rule: Rule, cell: SideCell, case: Callable[..., Case]) -> Case:
    """Count what a limit allows. Failures that are not the model's are in the way of a verdict about it."""
    measure = rule.measure
    if measure.name == "client_lag":
        if cell.lag_s is None:
            return case(why="the client's lag was not sampled")
        why = f"{units.seconds(cell.lag_s)} at p99, {_typed(rule)} is allowed"
        return case(why=why, fact=cell.lag_s <= rule.amount, value=cell.lag_s)
    counted = figures.known(figures.shares(cell, measure.name))
    share = figures.value(cell, measure, None)
    if share is None:
        return case(why="no request was answered")
    why = f"{int(counted.sum()):,} of {len(counted):,} ({units.fraction(share.value, 1)}), {_typed(rule)} is allowed"
    if share.value <= rule.amount:
        return case(why=why, fact=True, value=share.value)
    of_the_model = figures.value(cell.reached(), measure, None) if measure.blames_the_model else share
    if of_the_model is not None and of_the_model.value > rule.amount:
        return case(why=why, fact=False, value=share.value)
    return case(why=why, trouble=_otherwise(cell), value=share.value)


def _otherwise(cell: SideCell) -> str:
    """Say how many requests failed for reasons that are not the model's; empty where none did."""
    failed = cell.requests.take(failed_otherwise(cell.requests))
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in failed.counts("failure").items())
    if not kinds:
        return ""
    return (
        f"failures that say nothing about the model ({kinds}): fix the endpoint, or the connection to it, and ask again"
        " (the rule `unanswered` holds them against the endpoint)"
    )


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
    """Check the change of one number since a baseline against what is tolerated.

    What is INVALID never passes, and regresses only if it would with every error bound against that. Failures that are
    not the model's are left out of a regression.
    """
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
    late_base, late_new = allowed.late(measure)
    late = "; ".join(filter(None, (late_base, late_new)))
    unbounded = late_base if measure.name == "good" else late if measure.name == "goodput" else ""
    barred = allowed.refused or allowed.bars(measure) or unbounded
    again = partial(Matching, prices=cell.conditions.prices, tonight=new.run)
    matching = again(base_cell, cell)
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
    evidence = _evidence(rule, found, matching, again, late=bool(late))
    otherwise = measure.blames_the_model and _proven(found).worse <= ALPHA < evidence.worse
    return case(
        why="; ".join(filter(None, (_changed(rule, comparison), found.why, late))),
        trouble=_otherwise(cell) if otherwise else "",
        sides=evidence,
        value=comparison.value_new,
        comparison=comparison,
        decide=latency.REMEDY if late else advice_for_change(rule, matching, comparison),
    )


def _evidence(
    rule: Rule, found: Difference, matching: Matching, again: Callable[..., Matching], *, late: bool
) -> Sides:
    """Return the evidence of a change, that of a regression by the reading that speaks least for it.

    again: matches other cells in the same way. late: a side is INVALID.
    """
    base, new, every = matching.base, matching.new, _proven(found)
    if late:
        base, new, every = base.at_worst(), new.at_best(), every._replace(within=1.0)
    elif rule.measure.blames_the_model:
        base, new = base.reached(), new.reached()
    else:
        return every
    least = _proven(differ(again(base, new), rule.measure, margin=rule.amount))
    return every._replace(worse=least.worse)


def _proven(found: Difference) -> Sides:
    return found.comparison.sides if found.claims and found.comparison and found.comparison.sides else NO_EVIDENCE


def _changed(rule: Rule, found: Comparison) -> str:
    unit = "%" if found.relative else "points"
    shown = f"{found.difference * 100:+.3g} {unit}"
    if found.low is not None and found.high is not None:
        shown += f" [{found.low * 100:+.3g}, {found.high * 100:+.3g}]"
    direction = "fall" if rule.measure.worse == "lower" else "rise"
    before, after = (
        _reading(Interval(value, None, None), rule.measure) for value in (found.value_base, found.value_new)
    )
    return f"{before} to {after}, {shown}; a {direction} of {rule.amount * 100:g} {unit} is tolerated"


# ---------------------------------------------------------------- words


def _typed(rule: Rule) -> str:
    """Return a limit as it would be typed."""
    percent = f"{rule.amount * 100:g} %"
    return percent if rule.measure.unit == "fraction" else _reading(Interval(rule.amount, None, None), rule.measure)


def _reading(found: Interval, measure: Measure) -> str:
    """Return a value with its interval and its unit."""
    after = f" {measure.unit}" if measure.unit == "tokens" else ""  # which a table's row has in its label
    return units.reading(*found, unit=measure.unit) + after
