"""All of a comparison: which cells are compared, their rows, the p-value adjustment, the flips, the trade-offs."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from evalrun.compare.change import flips, parts
from evalrun.compare.common import on_common_rows
from evalrun.compare.comparable import Comparable, comparable
from evalrun.compare.differ import differ
from evalrun.compare.figures import at_least, invalid, value
from evalrun.compare.interim import interim, readable, repeats_sharpen
from evalrun.compare.side import CellPair, Matching, Side, SideCell
from evalrun.compare.values import ComparedRow, Contrast, Pair, Tradeoff
from evalrun.errors import SuiteError
from evalrun.rule import MEASURES, Measure
from evalrun.stats.verdict import Comparison, Verdict, holm

ALPHA = 0.05
MOST_FLIPS = 20  # each way
SHOWN = (
    "accuracy", "failed", "truncated", "unscored", "good", "ttft_p50", "ttft_p95", "e2e_p50", "e2e_p95", "tpot_p50",
    "tpot_p95", "throughput", "goodput", "prompt_tokens", "output_tokens", "cost", "cost_per_correct",
)  # fmt: skip
_OPTIONAL = ("unscored",)  # left out where it is 0 on both sides


def compare(base: Side, new: Side, *, across_prompts: bool = False) -> Contrast:
    """Compare two sides on every task and target that both have.

    Where they share no target and each has just one, those two are compared; where their data differ, the rows that
    both asked. Raises SuiteError for data without a common row, and for different prompts unless `across_prompts`.
    """
    meetings, notes = _meetings(base, new)
    common = [on_common_rows(meeting, (base, new)) for meeting in meetings]
    meetings, notes = [meeting for meeting, _ in common], [*notes, *(note for _, note in common if note)]
    if base.run == new.run:
        notes.append(f"both sides are of the run {base.run}")
    allowed = [comparable(*meeting, sides=(base, new), across_prompts=across_prompts) for meeting in meetings]
    return _contrast((base, new), meetings, allowed, notes=notes, same_session=False)


def compare_targets(side: Side, *, base: str, new: str, in_turn: bool = True) -> Contrast:
    """Compare two targets of one run. in_turn: they were asked in step, so at the same time of day."""
    cells = side.cells
    tasks = [task for task, target in cells if target == base and (task, new) in cells]
    meetings = [(cells[task, base], cells[task, new]) for task in tasks]
    if not meetings:
        have = ", ".join(dict.fromkeys(target for _, target in side.cells))
        raise SuiteError(f"{side.name}: no task was asked of both {base!r} and {new!r}; it has the targets {have}")
    sides = (replace(side, name=base), replace(side, name=new))
    allowed = [comparable(*meeting, sides=sides) for meeting in meetings]
    return _contrast(sides, meetings, allowed, notes=[], same_session=in_turn)


def _meetings(base: Side, new: Side) -> tuple[list[CellPair], list[str]]:
    common = [place for place in new.cells if place in base.cells]
    if common:
        left = [place for place in (*base.cells, *new.cells) if place not in common]
        notes = [f"on one side only: {', '.join(f'{task} of {target}' for task, target in left)}"] if left else []
        return [(base.cells[place], new.cells[place]) for place in common], notes
    targets = [list(dict.fromkeys(target for _, target in side.cells)) for side in (base, new)]
    if len(targets[0]) == len(targets[1]) == 1:
        one = targets[0][0]
        found = [(base.cells[task, one], cell) for (task, _), cell in new.cells.items() if (task, one) in base.cells]
        if found:
            return found, []
    has = [f"{side.name} has {', '.join(f'{task} of {target}' for task, target in side.cells)}" for side in (base, new)]
    raise SuiteError(f"nothing to compare: {'; '.join(has)}; compare two runs of the same suite")


def _contrast(
    sides: tuple[Side, Side],
    meetings: Sequence[CellPair],
    allowed: Sequence[Comparable],
    *,
    notes: Sequence[str],
    same_session: bool,
) -> Contrast:
    if refused := list(dict.fromkeys(one.refused for one in allowed if one.refused)):
        prompts = all(why.startswith("the prompt of") for why in refused)
        hint = " (`--across-prompts` where prompts are what you compare)" if prompts else ""
        raise SuiteError(
            f"{sides[0].name} and {sides[1].name}: {'; '.join(refused)}; compare runs of the same rows,"
            f" expected answers and prompts{hint}"
        )
    pairs = [
        _pair(meeting, one, sides=sides, same_session=same_session)
        for meeting, one in zip(meetings, allowed, strict=True)
    ]
    cells = [new for _, new in meetings]
    return Contrast(
        base=sides[0].name,
        new=sides[1].name,
        pairs=tuple(_judged(pairs)),
        tradeoffs=tuple(_tradeoffs(cells)) if len({cell.target for cell in cells}) > 1 else (),
        notes=(*notes, *sides[0].notes, *(note for note in sides[1].notes if note not in sides[0].notes)),
    )


def _pair(meeting: CellPair, allowed: Comparable, *, sides: tuple[Side, Side], same_session: bool) -> Pair:
    base, new = meeting
    match = partial(Matching, prices=new.conditions.prices, same_session=same_session, tonight=sides[1].run)
    matching = match(base, new)
    planned = matching if same_session else match(interim(base).planned, interim(new).planned)
    stated = base.conditions.slo or new.conditions.slo
    measures = [MEASURES[name] for name in SHOWN if stated or not MEASURES[name].needs_slo]
    rows = [_row(matching if repeats_sharpen(measure) else planned, measure, allowed) for measure in measures]
    shown = [row for row in rows if not _empty(row)]
    if base.values or new.values or allowed.quality:
        return Pair(task=new.task, targets=(base.target, new.target), rows=tuple(shown), notes=allowed.notes)
    found, better, worse = flips(matching, sides, most=MOST_FLIPS)
    notes = (*allowed.notes, *_missing(matching, sides), *_added(matching, planned, sides))
    return Pair(
        task=new.task, targets=(base.target, new.target), rows=tuple(shown), parts=parts(matching), flips=found,
        better=better, worse=worse, notes=notes,
    )  # fmt: skip


def _missing(matching: Matching, sides: tuple[Side, Side]) -> Iterable[str]:
    """Yield a note for each side that is not finished."""
    for side, cell in zip(sides, (matching.base, matching.new), strict=True):
        if cell.attempted < cell.planned:
            yield f"{side.name} is unfinished: {cell.attempted:,} of {cell.planned:,} requests were made"


def _added(matching: Matching, planned: Matching, sides: tuple[Side, Side]) -> Iterable[str]:
    """Yield a note for each side that was asked more than was planned: not all rows read those requests."""
    for side, every, first in zip(sides, (matching.base, matching.new), (planned.base, planned.new), strict=True):
        if more := every.attempted - first.attempted:
            yield (
                f"{side.name} was asked again after the run: its {more:,} further requests count for accuracy and other"
                " rates, not for latency, throughput and cost"
            )


def _row(matching: Matching, measure: Measure, allowed: Comparable) -> ComparedRow:
    late = allowed.late(measure)
    base, new = (
        None if why else value(cell, measure, matching.prices)
        for why, cell in zip(late, (matching.base, matching.new), strict=True)
    )
    reason = allowed.bars(measure) or "; ".join(filter(None, late))
    if base is None and new is None:
        return ComparedRow(measure=measure, base=None, new=None, why=reason)
    if reason:
        return ComparedRow(measure=measure, base=base, new=new, why=reason)
    found = differ(matching, measure)
    return ComparedRow(
        measure=measure, base=base, new=new, comparison=found.comparison, pairs=found.pairs,
        claims=found.claims and not found.equal, why=found.why,
    )  # fmt: skip


def _empty(row: ComparedRow) -> bool:
    values = [side.value for side in (row.base, row.new) if side is not None]
    if row.measure.name in _OPTIONAL:
        return not any(values)
    return not values and not row.why


def _judged(pairs: Sequence[Pair]) -> Iterable[Pair]:
    """Adjust the p-values of all rows that may claim something together, and say what is proven."""
    claims = [(row, row.comparison) for pair in pairs for row in pair.rows if row.claims and row.comparison]
    tested = [(row, found, found.p) for row, found in claims if found.p is not None]
    judged = {
        id(row): replace(row, p=p, word=_word(row.measure, found, p))
        for (row, found, _), p in zip(tested, holm([p for _, _, p in tested]), strict=True)
    }
    for pair in pairs:
        yield replace(pair, rows=tuple(judged.get(id(row), row) for row in pair.rows))


def _word(measure: Measure, found: Comparison, p: float) -> Verdict | None:
    if p > ALPHA or not found.difference:
        return None
    return "regressed" if (found.difference > 0) == (measure.worse == "higher") else "pass"


# ---------------------------------------------------------------- trade-offs


def _tradeoffs(cells: Sequence[SideCell]) -> Iterable[Tradeoff]:
    """Return each target's accuracy, cost and time on each task, and who is no worse in any and better in one."""
    found = [_tradeoff(cell) for cell in cells]
    for one in found:
        rivals = (other for other in found if other.task == one.task and _beats(other, one))
        yield replace(one, beaten_by=next((other.target for other in rivals), ""))


def _tradeoff(cell: SideCell) -> Tradeoff:
    measures = [MEASURES[name] for name in ("accuracy", "cost", "e2e_p50")]
    known = [value(readable(cell, measure), measure, cell.conditions.prices) for measure in measures]
    accuracy, cost, e2e = (None if found is None else found.value for found in known)
    cost = None if at_least(readable(cell, measures[1]), measures[1]) else cost
    e2e = None if invalid(interim(cell).planned, MEASURES["e2e_p50"]) else e2e
    return Tradeoff(task=cell.task, target=cell.target, accuracy=accuracy, cost=cost, e2e_p50=e2e)


def _beats(one: Tradeoff, other: Tradeoff) -> bool:
    """Return whether `one` is as good in all and better in one. What is known of only one leaves it undecided."""
    pairs = [
        (one.accuracy, other.accuracy, 1), (one.cost, other.cost, -1), (one.e2e_p50, other.e2e_p50, -1),
    ]  # fmt: skip
    if any((a is None) != (b is None) for a, b, _ in pairs):
        return False
    better = [sign * (a - b) for a, b, sign in pairs if a is not None and b is not None]
    return all(x >= 0 for x in better) and any(x > 0 for x in better)
