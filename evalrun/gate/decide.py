"""What would decide an inconclusive ruling, and at what cost; whether a decision that goes on may stop. Asks nothing.

Two ways to go on: rounds of an A/B, under a bound that is valid at any time (`decide_next`); and more repeats of one
run against a baseline that does not change (`reach`, and `compare.interim`).
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from evalrun import units
from evalrun.compare.figures import amounts, known, shares
from evalrun.compare.interim import repeats_sharpen
from evalrun.compare.side import Matching, SideCell
from evalrun.rule import Rule
from evalrun.stats.distribution import normal_quantile, normal_tail
from evalrun.stats.interval import Floats, Interval
from evalrun.stats.power import needed_pairs, needed_units
from evalrun.stats.scores import sequential_sides
from evalrun.stats.verdict import Comparison, Sides, Verdict, verdict

_MOST_REPEATS = 100
_HOPELESS = 1_000_000


class Outlook(NamedTuple):
    """Whether to ask another round. word: the verdict so far; `inconclusive` with `go_on` False: give up."""

    word: Verdict
    go_on: bool
    why: str


def decide_next(
    differences: Sequence[float], *, margin: float, spent_usd: Decimal, round_usd: Decimal | None,
    max_cost_usd: Decimal, rules: int = 1,
) -> Outlook:  # fmt: skip
    """Return whether the sequential bound has decided `no worse than margin`, from all paired differences so far.

    differences: new - base, each -1..1, one for each request pair (`paired_differences`).
    round_usd: what one more round takes, with what is set aside for a request before it is sent; None is unknown.
    rules: how many rulings are decided together; they share the false alarms.
    Premise: analyses follow complete rounds, in which every sample is asked once more ON BOTH SIDES: a base answer that
    is used again counts once. Any number of analyses keeps alpha (`stats.scores`).
    """
    sides = sequential_sides(list(differences), margin=margin)
    word = verdict(Sides(min(1.0, sides.worse * rules), sides.within))
    so_far = f"after {len(differences):,} pairs"
    if word != "inconclusive":
        p = sides.worse * rules if word == "regressed" else sides.within
        return Outlook(word, False, f"decided {so_far} (always-valid p {p:.2g})")
    if round_usd is None:
        why = f"not decided {so_far}, and what another round costs is unknown; add prices to the target"
        return Outlook(word, False, why)
    if spent_usd + round_usd > max_cost_usd:
        return Outlook(
            word, False,
            f"not decided {so_far}: {units.usd(spent_usd)} is spent, and another round would exceed the cap of"
            f" ${max_cost_usd:f}; --max-cost {units.cap(spent_usd + round_usd)} would be enough",
        )  # fmt: skip
    return Outlook(word, True, f"not decided {so_far} (p of regressed {sides.worse:.2g}, of pass {sides.within:.2g})")


def paired_differences(matching: Matching) -> list[float]:
    """Return new - base of each request that has a score on both sides."""
    old, now = matching.requests
    found: list[float] = known(matching.new.score[now] - matching.base.score[old]).tolist()
    return found


class Reach(NamedTuple):
    """How far more repeats of the run may still carry a change: in one scale, in which more is worse.

    at: the change.
    margin: what is tolerated.
    left: the standard error from the repeats of the run, which more repeats would remove.
    floor: the standard error that stays however many there are: the noise of the baseline and of the samples.
    """

    at: float
    margin: float
    left: float
    floor: float

    def chance(self, alpha: float) -> float:
        """Return the chance that endless repeats of the run decide at `alpha`, from where the change is now."""
        if self.left == 0:
            return 0.0  # every repeat says the same
        far = normal_quantile(1 - alpha) * self.floor
        return normal_tail((self.at - self.margin + far) / self.left) + normal_tail(
            (self.margin + far - self.at) / self.left
        )


def reach(rule: Rule, matching: Matching, found: Comparison) -> Reach | None:
    """Return how far more repeats of the run may carry a change; None without an interval.

    The variance of one answer comes from the repeats of the run, else from those of the baseline; where neither has
    any, it is half the variance of the differences. The normal approximation is good enough here: it only decides what
    is asked.
    """
    if found.low is None or found.high is None:
        return None
    cells, name, share = (matching.new, matching.base), rule.measure.name, rule.measure.unit == "fraction"
    new, base = ((cell, shares(cell, name) if share else amounts(cell, name, matching.prices)) for cell in cells)
    before, after, _ = matching.sample_values(base[1], new[1])
    varies = float(np.var(after - before))
    one = next((noise for noise in (_noise(*new), _noise(*base)) if noise is not None), varies / 2)
    noise = min(varies, one / new[0].repeats)
    ends, at, margin = (found.low, found.high), found.difference, rule.amount
    if found.relative:
        noise /= float(after.mean()) ** 2
        ends, at, margin = (math.log1p(ends[0]), math.log1p(ends[1])), math.log1p(at), math.log1p(margin)
    error = (ends[1] - ends[0]) / (2 * normal_quantile(0.975))
    left = math.sqrt(noise / len(after))
    worse = -at if rule.measure.worse == "lower" else at
    return Reach(at=worse, margin=margin, left=left, floor=math.sqrt(max(0.0, error**2 - left**2)))


def _noise(cell: SideCell, values: Floats) -> float | None:
    """Return the variance of one answer about its sample's mean; None where no sample was asked twice."""
    asked = cell.repeats
    if asked <= 1:
        return None
    within = cell.means(values**2) - cell.means(values) ** 2
    return max(0.0, float(np.nanmean(within))) * asked / (asked - 1)


def advice_for_limit(rule: Rule, cell: SideCell, found: Interval) -> str:
    """Return how many samples would put the limit outside the interval, if the value stays the same."""
    end = found.low if found.value >= rule.amount else found.high
    gap = abs(found.value - rule.amount)
    if math.isinf(gap):
        return "so many requests failed that it is one of them: fewer failures"
    if end is None or not math.isfinite(end) or gap == 0:
        return "it is exactly at the limit: no number of samples decides that" if gap == 0 else "more samples"
    n = len(cell.samples)
    wanted = needed_units(n, mde=max(abs(found.value - end), gap), wanted=gap)
    if wanted > _HOPELESS:
        return "it is so close to the limit that no affordable number of samples would decide"
    more = (wanted - n) * cell.attempted / n
    return f"about {wanted:,} samples, if it stays the same (this run has {n:,}); {_price(cell, more)}"


def advice_for_change(rule: Rule, matching: Matching, found: Comparison) -> str:
    """Return how many repeats would decide, if in truth nothing changed."""
    if rule.measure.unit in ("s", "tok/s", "req/s") and matching.base.latency("e2e") is None:
        seen = "" if found.mde is None else f"; these nights can detect a change of {found.mde:.0%}"
        return f"more nights, or a wider margin{seen}"
    samples = len(matching.samples[0])
    if not samples:
        return ""
    if rule.measure.unit == "fraction":
        base, new, _ = matching.sample_values(
            *(shares(cell, rule.measure.name) for cell in (matching.base, matching.new))
        )
        needed = needed_pairs(min(1.0, float(np.mean((new - base) ** 2))), rule.amount, sides=1) or _HOPELESS
    elif found.mde:
        needed = needed_units(samples, mde=math.log1p(found.mde), wanted=math.log1p(rule.amount))
    else:
        return "more samples: these do not vary"
    return _repeats(rule, matching, needed / samples) or (
        f"about {needed:,} samples, or a wider margin: no affordable number of repeats would decide"
    )


def _repeats(rule: Rule, matching: Matching, fewer: float) -> str:
    """Return how many repeats make the variance of each sample's difference `fewer` times smaller; empty: too many.

    It is v / repeats of the run + v / repeats of the baseline; those of the baseline may be enough already.
    """
    now, before = (cell.repeats for cell in (matching.new, matching.base))
    allowed = (1 / now + 1 / before) / fewer  # in units of v
    both = max(math.ceil(now) + 1, math.ceil(2 / allowed))
    alone = before >= both
    repeats = max(math.ceil(now) + 1, math.ceil(1 / (allowed - 1 / before))) if alone else both
    if repeats > _MOST_REPEATS:
        return ""
    have = f"{now:g}" if now == before else f"{now:g}, the baseline {before:g}"
    price = _price(matching.new, len(matching.samples[0]) * (repeats - now)) + ("" if alone else " a side")
    if repeats_sharpen(rule.measure):
        which = "of this run" if alone else "on both sides"
        return f"{repeats} repeats of each sample {which}, if nothing changed (now {have}); {price}"
    which = "a run" if alone else "a run and a baseline"  # what is added to a run later is not read here
    return f"{which} with --repeats {repeats}, if nothing changed (now {have}); {price}"


def _price(cell: SideCell, requests: float) -> str:
    count = max(1, math.ceil(requests))
    each = known(amounts(cell, "cost", cell.conditions.prices))
    if not len(each):
        return f"{count:,} more requests, at an unknown cost"
    return f"{count:,} more requests, about {units.usd(Decimal(repr(float(each.mean()) * count)))}"
