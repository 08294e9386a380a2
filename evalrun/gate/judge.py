"""Every rule on every task and target of a run, corrected together: a Gate. One that misses data never passes."""

from collections.abc import Iterable, Sequence
from functools import partial

from evalrun.compare.side import Cell, Side, empty_cell
from evalrun.errors import SuiteError
from evalrun.gate.case import Case, change, limit
from evalrun.gate.failing import failing
from evalrun.gate.values import Gate, Ruling
from evalrun.rule import Rule, parse
from evalrun.stats.verdict import Verdict, verdicts

ALPHA = 0.05
MOST_FAILING = 50


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
) -> Gate:
    """Judge a run by rules, those of a change against `base`. At most 5 % of gates with nothing wrong say regressed."""
    if not asked:
        raise SuiteError("gate: there is no rule; give --rule 'accuracy >= 0.80', or `gates:` in the suite")
    held = partial(_cases, asked, new=new, base=base, across_prompts=across_prompts)
    cases = [case for cell in _cells(new, base) for case in held(cell)]
    rulings = tuple(_rulings(cases))
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
    """Give what the run was to ask, and what only the baseline knows of its targets: a dropped task is no pass."""
    targets = {target for _, target in new.cells}
    dropped = [
        empty_cell(cell.task, cell.target, prints=cell.prints, planned=cell.planned)
        for place, cell in (base.cells if base else {}).items()
        if place not in new.cells and cell.target in targets
    ]
    return [*new.cells.values(), *dropped]


def _cases(asked: Iterable[Rule], cell: Cell, *, new: Side, base: Side | None, across_prompts: bool) -> Iterable[Case]:
    old = base.cells.get((cell.task, cell.target)) if base else None
    for rule in asked:
        if rule.needs_baseline:
            yield change(rule, cell, old, sides=(base, new), across_prompts=across_prompts)
        else:
            yield limit(rule, cell, new)


def _rulings(cases: Sequence[Case]) -> Iterable[Ruling]:
    """Say the word of each case. Estimates are corrected together (Holm); facts and what has trouble are no tests."""
    tested = [case for case in cases if case.fact is None and not case.trouble]
    words = dict(zip(map(id, tested), verdicts([case.sides for case in tested], alpha=ALPHA), strict=True))
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
        )


def _worst(words: Sequence[Verdict]) -> Verdict:
    if "regressed" in words:
        return "regressed"
    return "pass" if words and set(words) == {"pass"} else "inconclusive"


def _notes(new: Side, base: Side | None) -> Iterable[str]:
    yield from new.notes
    if base is None:
        return
    yield from (note for note in base.notes if note not in new.notes)
    if base.run == new.run:
        yield f"the baseline {base.name} holds this very run: that nothing changed since says little"
    gone = dict.fromkeys(target for _, target in base.cells if target not in {target for _, target in new.cells})
    if gone:
        yield f"targets of the baseline that this run did not ask: {', '.join(gone)}"
