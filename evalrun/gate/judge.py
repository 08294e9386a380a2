"""Every rule on every task and target of a run, corrected together: a Gate. One that misses data never passes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from evalrun.compare.looks import look, read_by, sharpened
from evalrun.compare.paired import Paired
from evalrun.compare.side import Cell, Side, empty_cell
from evalrun.errors import SuiteError
from evalrun.gate.case import Case, change, limit
from evalrun.gate.decide import reach
from evalrun.gate.failing import failing
from evalrun.gate.values import Gate, Ruling
from evalrun.rule import Rule, parse
from evalrun.stats.verdict import Sides, Verdict, verdicts

ALPHA = 0.05
MOST_FAILING = 50
LEAST_CHANCE = 0.1  # of a decision by endless repeats: below it none is asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A case, and how it was looked at. pair: what a change was seen in, where repeats sharpen it.

    price: what p counts times, so that all looks together keep alpha (`compare.looks`); 1 where there is one look.
    """

    case: Case
    price: int = 1
    pair: tuple[Cell, Cell] | None = None

    @property
    def sides(self) -> Sides:
        return Sides(*(min(1.0, p * self.price) for p in self.case.sides))


def rules(texts: Sequence[str]) -> list[Rule]:
    """Read rules; a mistake is the command's, or the suite's."""
    try:
        return [parse(text) for text in texts]
    except ValueError as error:
        raise SuiteError(f"gate: {error}") from error


def judge(
    asked: Sequence[Rule],
    new: Side,
    base: Side | None,
    *,
    across_prompts: bool = False,
    most_failing: int = MOST_FAILING,
    deciding: bool = False,
    alpha: float = ALPHA,
) -> Gate:
    """Judge a run by rules, those of a change against `base`.

    At most a share `alpha` of gates with nothing wrong say regressed.
    deciding: should this look not decide, more repeats are asked and it is looked again. A run that was asked again
    already is judged so in any case.
    """
    if not asked:
        raise SuiteError("gate: there is no rule; give --rule 'accuracy >= 0.80', or `gates:` in the suite")
    held = partial(_seen, asked, new=new, base=base, across_prompts=across_prompts, deciding=deciding)
    seen = [one for cell in _cells(new, base) for one in held(cell)]
    rulings = tuple(_rulings(seen, new, alpha=alpha))
    return Gate(
        suite=new.suite,
        run=new.run,
        baseline=base.name if base else None,
        word=_worst([ruling.word for ruling in rulings]),
        rulings=rulings,
        failing=failing(new, base, most=most_failing),
        notes=tuple(_notes(new, base)),
    )


def _cells(new: Side, base: Side | None) -> list[Cell]:
    """Return what the run was to ask, and what only the baseline knows of its targets: a dropped task is no pass."""
    targets = {target for _, target in new.cells}
    dropped = [
        empty_cell(cell.task, cell.target, prints=cell.prints, planned=cell.planned)
        for place, cell in (base.cells if base else {}).items()
        if place not in new.cells and cell.target in targets
    ]
    return [*new.cells.values(), *dropped]


def _seen(
    asked: Iterable[Rule], cell: Cell, *, new: Side, base: Side | None, across_prompts: bool, deciding: bool
) -> Iterable[Seen]:
    """Look at a cell by every rule, each in as much of it, and of the baseline's, as the rule may read."""
    old = base.cells.get((cell.task, cell.target)) if base else None
    at = look(cell)

    def held(rule: Rule, part: Cell) -> Case:
        if rule.needs_baseline:
            before = read_by(rule.measure, old) if old else None
            return change(rule, part, before, sides=(base, new), across_prompts=across_prompts)
        return limit(rule, part, new)

    for rule in asked:
        if rule.needs_baseline and sharpened(rule.measure):
            price = at.price if deciding or at.number > 1 else 1
            yield Seen(case=held(rule, at.now), price=price, pair=(old, at.now) if old else None)
            continue
        case = held(rule, at.first)
        counted = case.fact is not None and at.first is not cell
        yield Seen(case=held(rule, cell) if counted else case)


def _rulings(seen: Sequence[Seen], new: Side, *, alpha: float) -> Iterable[Ruling]:
    """Say the word of each case. Estimates are corrected together (Holm); facts and what has trouble are no tests."""
    tested = [one for one in seen if one.case.fact is None and not one.case.trouble]
    words = dict(zip(map(id, tested), verdicts([one.sides for one in tested], alpha=alpha), strict=True))
    for one in seen:
        case = one.case
        word: Verdict = words.get(id(one), "inconclusive")
        if case.fact is not None:
            word = "regressed" if not case.fact else "inconclusive" if case.trouble else "pass"
        why = case.why
        if word == "inconclusive" and case.trouble and case.trouble not in why:
            why = f"{case.trouble}; {why}"
        yield Ruling(
            rule=case.rule.text,
            metric=case.rule.measure.name,
            task=case.task,
            target=case.target,
            word=word,
            why=why,
            value=case.value,
            comparison=case.comparison,
            decide=case.decide if word == "inconclusive" and not case.trouble else "",
            by_repeats=word == "inconclusive" and _within_reach(one, new, alpha=alpha),
        )


def _within_reach(one: Seen, new: Side, *, alpha: float) -> bool:
    """Whether more repeats of the run alone have a fair chance to decide a case at its next look."""
    if one.pair is None or one.case.trouble or one.case.comparison is None:
        return False
    base, now = one.pair
    pair = Paired(base, now, prices=now.prints.prices, tonight=new.run)
    far = reach(one.case.rule, pair, one.case.comparison)
    price = 2 * max(2, one.price)  # the first look of a decision has a price of 2
    return far is not None and far.chance(alpha / price) >= LEAST_CHANCE


def _worst(words: Sequence[Verdict]) -> Verdict:
    if "regressed" in words:
        return "regressed"
    return "pass" if words and set(words) == {"pass"} else "inconclusive"


def _notes(new: Side, base: Side | None) -> Iterable[str]:
    yield from new.notes
    for cell in new.cells.values():
        yield from _asked_again(cell)
    if base is None:
        return
    yield from (note for note in base.notes if note not in new.notes)
    if base.run == new.run:
        yield f"the baseline {base.name} holds this very run: that nothing changed since says little"
    gone = dict.fromkeys(target for _, target in base.cells if target not in {target for _, target in new.cells})
    if gone:
        yield f"targets of the baseline that this run did not ask: {', '.join(gone)}"


def _asked_again(cell: Cell) -> Iterable[str]:
    at = look(cell)
    where = f"{cell.task} of {cell.target}"
    if at.number > 1:
        yield (
            f"{where} was asked again after the run, now {at.repeats} times each: look {at.number} at what changed,"
            f" whose p counts {at.price} times (docs/gates.md)"
        )
    if left_out := cell.attempted - at.now.attempted:
        yield f"{where}: a further round was cut off; of its {left_out:,} requests only counted rules speak"
