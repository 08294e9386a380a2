"""Single records and scores, read again at their offsets, for the few samples that are shown. No pass over a file."""

from pathlib import Path

import numpy as np

from evalrun.compare.paired import Paired
from evalrun.compare.side import Cell, Floats, Side
from evalrun.compare.values import Flip
from evalrun.errors import StoreError
from evalrun.escape import clip
from evalrun.store.disk import storing
from evalrun.store.lines import parse
from evalrun.store.reader import JOURNAL
from evalrun.store.scores import NAME as SCORES
from evalrun.types import Completion, Record, Score, Scored

MOST_SHOWN = 200  # characters of an answer


def flips(pair: Paired, sides: tuple[Side, Side], *, most: int) -> tuple[tuple[Flip, ...], int, int]:
    """Return samples that one side got right (half of its score or more) and the other did not.

    At most `most` each way, the largest changes first; and how many there are, to the better and to the worse.
    """
    old, now = pair.samples
    base, new = pair.base.means(pair.base.score)[old], pair.new.means(pair.new.score)[now]
    with np.errstate(invalid="ignore"):
        better, worse = (base < 0.5) & (new >= 0.5), (base >= 0.5) & (new < 0.5)
    found = []
    for flipped in (worse, better):
        at = np.flatnonzero(flipped)
        for i in at[np.argsort(-np.abs(new[at] - base[at]), kind="stable")][:most]:
            places = (int(old[i]), int(now[i]))
            found.append(_flip(pair, sides, places, scores=(float(base[i]), float(new[i]))))
    return tuple(found), int(better.sum()), int(worse.sum())


def _flip(pair: Paired, sides: tuple[Side, Side], places: tuple[int, int], *, scores: tuple[float, float]) -> Flip:
    better = scores[1] > scores[0]
    sought = (min, max) if better else (max, min)  # the answer that makes the difference
    name, expected, answers = f"{int(pair.base.samples[places[0]]):016x}", None, []
    for side, cell, place, best in zip(sides, (pair.base, pair.new), places, sought, strict=True):
        at = _request(cell, place, highest=best is max)
        record, score = record_at(side, cell, at), score_at(side, cell, at)
        answers.append(answer(record, score))
        if record is not None:
            name, expected = record.sample.id, record.sample.expected
    return Flip(
        sample=name, better=better, base_score=scores[0], new_score=scores[1], expected=expected,
        base_answer=answers[0], new_answer=answers[1],
    )  # fmt: skip


def _request(cell: Cell, place: int, *, highest: bool) -> int:
    """Return the request of a sample with the highest, or the lowest, score."""
    first = int(cell.starts[place])
    last = int(cell.starts[place + 1]) if place + 1 < len(cell.starts) else cell.attempted
    scores: Floats = cell.score[first:last]
    return first + int(np.nanargmax(scores) if highest else np.nanargmin(scores))


def answer(record: Record | None, score: Score | None) -> str | None:
    """Return what a request answered: what was taken for the answer, else the end of its text. None: not kept."""
    if score is not None and score.answer is not None:
        return clip(score.answer, MOST_SHOWN)
    if record is None or not isinstance(record.outcome, Completion):
        return None
    text = record.outcome.text.strip()
    return text if len(text) <= MOST_SHOWN else "..." + text[-MOST_SHOWN:]


def record_at(side: Side, cell: Cell, request: int) -> Record | None:
    """Read the record of one request; None where the side keeps none."""
    if side.folder is None or cell.record_at is None:
        return None
    offset = int(cell.record_at[request])
    event = parse(_line(side.folder / JOURNAL, offset), offset).event()
    if not isinstance(event, Record):
        raise StoreError(f"{side.folder / JOURNAL}: the record at byte {offset} changed while it was read; try again")
    return event


def score_at(side: Side, cell: Cell, request: int) -> Score | None:
    """Read the score of one request; None where it has none."""
    if side.folder is None or cell.score_at is None or cell.score_at[request] < 0:
        return None
    import msgspec

    path, offset = side.folder / SCORES, int(cell.score_at[request])
    try:
        return msgspec.json.decode(_line(path, offset), type=Scored).score
    except msgspec.DecodeError as error:
        raise StoreError(f"{path}: changed while it was read ({error}); try again") from error


def _line(path: Path, offset: int) -> bytes:
    with storing(path), path.open("rb") as file:
        file.seek(offset)
        return file.readline()
