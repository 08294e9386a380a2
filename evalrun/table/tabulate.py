"""The pass itself: records and scores, once each, into a Table. Order comes from the context, then from the records."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from evalrun.escape import clip
from evalrun.table.cells import Cell, Context, Example, Table
from evalrun.table.derive import cell
from evalrun.table.tally import CLIP, Tally, merged
from evalrun.types import Record, Score, Scored

EXAMPLES = 5  # of each topic for each target


@dataclass(slots=True)
class Verdicts:
    """Scores by scorer and key, without what a table does not need. Most are one of a few values, which are shared."""

    by_scorer: dict[str, dict[str, Score]] = field(default_factory=dict)
    _shared: dict[tuple[float | None, str | None], Score] = field(default_factory=dict)

    def add(self, scored: Scored) -> None:
        """Take in one line of scores; a later one of the same scorer and key replaces an earlier one."""
        self.by_scorer.setdefault(scored.scorer, {})[scored.key] = self._lean(scored.score)

    def of(self, key: str) -> dict[str, Score]:
        """Return what each scorer says of one record."""
        return {scorer: scores[key] for scorer, scores in self.by_scorer.items() if key in scores}

    def _lean(self, score: Score) -> Score:
        if score.disputed or score.value is None:
            answer = None if score.answer is None else clip(score.answer, CLIP)
            error = None if score.error is None else clip(score.error, CLIP)
            return Score(
                value=score.value, answer=answer, why=clip(score.why, CLIP), disputed=score.disputed, error=error
            )
        return self._shared.setdefault((score.value, score.error), Score(value=score.value, error=score.error))


def tabulate(records: Iterable[Record], scores: Iterable[Scored], context: Context) -> Table:
    """Return the table of one run. Both inputs are read once, the scores first; records are not kept.

    A scorer the context does not name is taken from the scores, in their order.
    """
    return _assemble(_tallies(records, scores, context), context)


def _tallies(records: Iterable[Record], scores: Iterable[Scored], context: Context) -> dict[tuple[str, str], Tally]:
    verdicts = Verdicts()
    for scored in scores:
        verdicts.add(scored)
    unnamed = tuple(verdicts.by_scorer)
    tallies: dict[tuple[str, str], Tally] = {}
    for record in records:
        place = (record.sample.task, record.target)
        if place not in tallies:
            tallies[place] = Tally(scorers=context.scorers.get(place[0], unnamed), slo=context.slo)
        tallies[place].add(record, verdicts.of(record.key))
    for place, dropped in context.billed.items():
        if place in tallies:
            tallies[place].counts["possibly_billed", ""] += dropped
    return tallies


def _assemble(tallies: dict[tuple[str, str], Tally], context: Context) -> Table:
    places = dict.fromkeys((*context.planned, *tallies))
    tasks = list(dict.fromkeys(task for task, _ in places))
    targets = list(dict.fromkeys((*(note.name for note in context.targets), *(target for _, target in places))))
    cells: list[Cell] = []
    examples: list[Example] = []
    for task in tasks:
        for target in targets:
            if (task, target) in places:
                never = Tally(scorers=context.scorers.get(task, ()), slo=context.slo)
                tally = tallies.get((task, target)) or never
                planned = context.planned.get((task, target))
                cells.append(cell(tally, task=task, target=target, planned=planned, lags=context.lags))
    for target in targets:
        mine = {task: tallies[task, target] for task in tasks if (task, target) in tallies}
        examples += _worst(mine.values())
        if len(mine) > 1:
            asked = [context.planned.get((task, target)) for task in tasks if (task, target) in places]
            planned = None if None in asked else sum(n or 0 for n in asked)
            cells.append(cell(merged(mine.values()), task=None, target=target, planned=planned, lags=context.lags))
    return Table(context=context, cells=tuple(cells), examples=tuple(examples))


def _worst(tallies: Iterable[Tally]) -> list[Example]:
    """Return the few things most worth a look: failures and scorer errors by frequency, and the first disputes."""
    tallies = list(tallies)
    counted: dict[tuple[str, str], int] = {}
    for tally in tallies:
        for (name, of), n in tally.counts.items():
            topic = {"failed": "failed", "not_sent": "failed", "scorer_error": "unscored"}.get(name)
            if topic and of:
                counted[topic, of] = counted.get((topic, of), 0) + n
    first: dict[tuple[str, str], Example] = {}
    disputed: list[Example] = []
    for example in (example for tally in tallies for example in tally.examples):
        if example.topic == "disputed":
            disputed.append(example)
        else:
            first.setdefault((example.topic, example.kind), example)
    chosen = []
    for topic in ("failed", "unscored"):
        kinds = sorted((-n, kind) for (of_topic, kind), n in counted.items() if of_topic == topic)[:EXAMPLES]
        chosen += [replace(first[topic, kind], count=-n) for n, kind in kinds if (topic, kind) in first]
    return chosen + disputed[:EXAMPLES]
