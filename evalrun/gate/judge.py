"""Judge every rule on every task and target of a run, with p-values adjusted together. Missing data never pass."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from evalrun.compare import figures
from evalrun.compare.interim import interim, readable, repeats_sharpen
from evalrun.compare.side import Matching, Side, SideCell
from evalrun.errors import SuiteError
from evalrun.gate.case import ALPHA, Case, change, limit, trouble
from evalrun.gate.decide import reach
from evalrun.gate.failing import failing
from evalrun.gate.values import Gate, Ruling
from evalrun.requests import latency
from evalrun.rule import Rule, parse
from evalrun.stats.verdict import Verdict, verdicts

MOST_FAILING = 50
LEAST_CHANCE = 0.1  # of a decision by endless repeats; below it none is asked


def rules(texts: Sequence[str]) -> list[Rule]:
    """Parse rules. Raises SuiteError for a mistake."""
    try:
        return [parse(text) for text in texts]
    except ValueError as error:
        raise SuiteError(f"gate: {error}") from error


def no_baseline(cell: SideCell, side: Side) -> str:
    """Return why a cell cannot become a baseline: it carries no verdict, or its client was too late for the gates."""
    if why := trouble(cell, side):
        return why
    planned = interim(cell).planned
    late = dict.fromkeys(figures.invalid(planned, rule.measure) for rule in rules(side.gates) if rule.needs_baseline)
    whys = "; ".join(filter(None, late))
    return f"{whys}, and the suite's gates compare it; {latency.REMEDY}" if whys else ""


def judge(
    asked: Sequence[Rule],
    new: Side,
    base: Side | None,
    *,
    across_prompts: bool = False,
    deciding: bool = False,
) -> Gate:
    """Judge a run by rules, those about a change against `base`.

    At most a share `ALPHA` of gates with nothing wrong say regressed.
    deciding: if this analysis is inconclusive, more repeats are asked and another one follows. A run that was asked
    again already is judged this way in any case.
    Raises SuiteError where there are no rules.
    """
    if not asked:
        raise SuiteError("gate: there are no rules; use --rule 'accuracy >= 0.80', or `gates:` in the suite")
    collect = partial(_cases, asked, new=new, base=base, across_prompts=across_prompts, deciding=deciding)
    cases = [case for cell in _cells(new, base) for case in collect(cell)]
    rulings = tuple(_rulings(cases, new))
    worst, left_out = failing(new, base, most=MOST_FAILING)
    return Gate(
        suite=new.suite,
        run=new.run,
        baseline=base.name if base else None,
        word=_worst([ruling.word for ruling in rulings]),
        rulings=rulings,
        failing=worst,
        left_out=left_out,
        notes=tuple(_notes(new, base)),
    )


def _cells(new: Side, base: Side | None) -> list[SideCell]:
    """Return the cells of the run, and an empty one for each task that only the baseline has."""
    targets = {target for _, target in new.cells}
    dropped = [
        cell.only(np.zeros(cell.attempted, bool))
        for place, cell in (base.cells if base else {}).items()
        if place not in new.cells and cell.target in targets
    ]
    return [*new.cells.values(), *dropped]


def _cases(
    asked: Iterable[Rule], cell: SideCell, *, new: Side, base: Side | None, across_prompts: bool, deciding: bool
) -> Iterable[Case]:
    """Apply every rule to a cell, each to as much of it, and of the baseline's, as the rule may read."""
    old = base.cells.get((cell.task, cell.target)) if base else None
    at = interim(cell)

    def applied(rule: Rule, part: SideCell) -> Case:
        if rule.needs_baseline:
            before = readable(old, rule.measure) if old else None
            return change(rule, part, before, sides=(base, new), across_prompts=across_prompts)
        return limit(rule, part, new)

    for rule in asked:
        if rule.needs_baseline and repeats_sharpen(rule.measure):
            p_factor = at.p_factor if deciding or at.number > 1 else 1
            found = applied(rule, at.complete)
            yield replace(found, p_factor=p_factor, pair=(old, at.complete) if old else None)
            continue
        case = applied(rule, at.planned)
        counted = case.fact is not None and at.planned is not cell
        yield applied(rule, cell) if counted else case


def _rulings(cases: Sequence[Case], new: Side) -> Iterable[Ruling]:
    """Return the verdict of each case. Estimates are adjusted together (Holm); the rest are no tests."""
    tested = [case for case in cases if case.fact is None and not case.trouble]
    words = dict(zip(map(id, tested), verdicts([case.adjusted for case in tested], alpha=ALPHA), strict=True))
    for case in cases:
        word: Verdict = words.get(id(case), "inconclusive")
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
            by_repeats=word == "inconclusive" and _within_reach(case, new),
        )


def _within_reach(case: Case, new: Side) -> bool:
    """Return whether more repeats of the run alone have a fair chance to decide a case at its next analysis."""
    if case.pair is None or case.trouble or case.comparison is None:
        return False
    base, now = case.pair
    far = reach(case.rule, Matching(base, now, prices=now.conditions.prices, tonight=new.run), case.comparison)
    p_factor = 2 * max(2, case.p_factor)  # the first analysis of a decision has a factor of 2
    return far is not None and far.chance(ALPHA / p_factor) >= LEAST_CHANCE


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
        yield f"the baseline {base.name} was saved from this run: no change since says little"
    gone = dict.fromkeys(target for _, target in base.cells if target not in {target for _, target in new.cells})
    if gone:
        yield f"targets of the baseline that this run did not ask: {', '.join(gone)}"


def _asked_again(cell: SideCell) -> Iterable[str]:
    at = interim(cell)
    where = f"{cell.task} of {cell.target}"
    if at.number > 1:
        yield (
            f"{where} was asked again after the run, now {at.repeats} times each: this is interim analysis {at.number},"
            f" with p-values times {at.p_factor} (docs/gates.md)"
        )
    if left_out := cell.attempted - at.complete.attempted:
        yield f"{where}: a further round was interrupted; its {left_out:,} requests are read by counted rules only"
