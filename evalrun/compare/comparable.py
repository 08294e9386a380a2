"""May two cells be compared, and in what? By what was asked, the load that held, and late reads.

data                    differs: nothing is compared
prompt                  differs: nothing either, unless prompts are what is compared (`across_prompts`)
scorers                 differ: everything but quality, until both are scored alike
transport, load         differ (`requests.run.unlike_load`): everything but latency and rates
INVALID on a side       everything but that number
slo                     differs: everything but what counts the requests that kept it
prices                  differ: both costs are computed with the new side's prices
sampling, target        differ: noted, and compared, since that is what many compare for
"""

from dataclasses import dataclass

from evalrun.compare.figures import at_least, invalid
from evalrun.compare.interim import interim
from evalrun.compare.side import Side, SideCell
from evalrun.requests.run import unlike_load
from evalrun.rule import Measure
from evalrun.slo import in_words

_QUALITY = ("accuracy", "unscored", "cost_per_correct")


@dataclass(frozen=True, slots=True)
class Comparable:
    """What must not be compared, and why: empty texts where it may. notes: what the reader must know of the rest.
    cells: what is compared, with the names of the sides.
    """

    refused: str
    quality: str
    timed: str
    slo: str
    notes: tuple[str, ...]
    cells: tuple[tuple[str, SideCell], ...]

    def bars(self, measure: Measure) -> str:
        """Return why a measure must not be compared, where the cells may be; empty where it may."""
        if measure.needs_slo and self.slo:
            return self.slo
        barred = self.timed if measure.timed else self.quality if measure.name in _QUALITY else ""
        least = (f"{name}: {why}" for name, cell in self.cells if (why := at_least(cell, measure)))
        return barred or "; ".join(least)

    def late(self, measure: Measure) -> tuple[str, str]:
        """Return why a measure is INVALID, on the base's and on the new side; empty where it is not."""
        base, new = (f"{name}: {why}" if (why := invalid(cell, measure)) else "" for name, cell in self.cells)
        return base, new


def comparable(base: SideCell, new: SideCell, *, sides: tuple[Side, Side], across_prompts: bool = False) -> Comparable:
    """Return what may be compared of two cells of two sides."""
    old, now = base.conditions, new.conditions
    unlike = [part for part in ("data", "prompt") if not _alike(getattr(old, part), getattr(now, part))]
    refused = ""
    notes = []
    if unlike == ["prompt"] and across_prompts:
        notes.append("the prompt differs between the sides: changes may be its effect")
    elif unlike:
        refused = f"the {' and the '.join(unlike)} of {_where(base, new)} differ{'' if unlike[1:] else 's'}"
    quality = "" if _scored_alike(base, new) else f"the scorers differ; score both alike first: {_score(sides)}"
    if not _alike(old.sampling, now.sampling):
        notes.append("sampling (temperature, token limit, repeats) differs between the sides")
    if not _alike(old.target, now.target) and base.target == new.target:
        notes.append(f"the configuration of target {base.target} has changed")
    if old.prices != now.prices and new.attempted:
        notes.append(_prices(now.prices, sides[1].name))
    for side, cell in zip(sides, (base, new), strict=True):
        if cell.conditions.cut is not None:
            notes.append(f"429s cut {side.name} to {cell.conditions.cut} in flight for a while: it was slower by that")
    slo = "" if old.slo == now.slo else f"the SLOs differ: {in_words(old.slo)} and {in_words(now.slo)}"
    cells = tuple((side.name, interim(cell).planned) for side, cell in zip(sides, (base, new), strict=True))
    return Comparable(refused, quality, _timed(base, new), slo, tuple(notes), cells)


def _alike(old: str, now: str) -> bool:
    """Return whether two fingerprints are equal; tables have only their beginning, or none."""
    return old.startswith(now) or now.startswith(old)


def _scored_alike(base: SideCell, new: SideCell) -> bool:
    old, now = base.conditions, new.conditions
    if old.scorers and now.scorers:
        return _alike(old.scorers, now.scorers)
    return not (old.scored_by and now.scored_by) or old.scored_by == now.scored_by


def _timed(base: SideCell, new: SideCell) -> str:
    if unlike := unlike_load(base.conditions, new.conditions):
        return f"the load differs: {unlike}"
    alike = _alike(base.conditions.transport, new.conditions.transport)
    return "" if alike else "the transport differs between the sides"


def _score(sides: tuple[Side, Side]) -> str:
    return ", ".join(f"`evalrun score {side.folder or side.name} --suite SUITE`" for side in sides)


def _prices(prices: object, name: str) -> str:
    if not isinstance(prices, dict):
        return f"prices differ, and {name} has none: costs are not compared"
    return f"prices differ: both costs use those of {name}, of {prices.get('date', 'an unknown day')}"


def _where(base: SideCell, new: SideCell) -> str:
    return f"task {base.task}" if base.task == new.task else f"tasks {base.task} and {new.task}"
