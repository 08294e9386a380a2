"""Where a change in score comes from: its parts by cause, and the samples that flipped, with their answers.

Single records and scores are read again at their offsets, for the few samples that are shown.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evalrun.compare.side import Cell, Floats, Matching, Side, State
from evalrun.compare.values import Cause, Flip, Part
from evalrun.errors import StoreError
from evalrun.escape import clip
from evalrun.store.disk import storing
from evalrun.store.lines import parse
from evalrun.store.reader import JOURNAL
from evalrun.store.scores import NAME as SCORES
from evalrun.types import Completion, Record, Score, Scored

MOST_SHOWN = 200  # characters of an answer
_CAUSES: tuple[tuple[Cause, tuple[State, ...]], ...] = (
    ("transport", (State.FAILED,)),
    ("truncation", (State.TRUNCATED,)),
    ("no answer", (State.UNSCORED, State.NO_ANSWER)),
    ("disputed", (State.DISPUTED,)),
)


# ---------------------------------------------------------------- parts


def parts(matching: Matching) -> tuple[Part, ...]:
    """Split the change of the mean score over all paired requests by cause; the parts add up to it.

    What has no score counts 0 here, so that no request leaves the sum. A pair of requests goes to the first cause, in
    the order of `_CAUSES`, that holds for either side; to capability where none does. The bounds of a part let each
    spoilt answer have been wrong or right; capability has none to let.
    """
    old, now = matching.requests
    total = len(old)
    if not total:
        return ()
    cells = ((matching.base, old), (matching.new, now))
    sides = [(cell.state[at], np.nan_to_num(cell.score[at])) for cell, at in cells]
    (base_state, base), (new_state, new) = sides
    left = np.ones(total, bool)
    found = []
    for cause, states in _CAUSES:
        mine = left & (np.isin(base_state, states) | np.isin(new_state, states))
        left &= ~mine
        found.append(_part(cause, mine, (base, base_state >= State.NO_ANSWER), (new, new_state >= State.NO_ANSWER)))
    clean = np.zeros(total, bool)
    return (_part("capability", left, (base, clean), (new, clean)), *found)


def _part(
    cause: Cause, mine: NDArray[np.bool_], base: tuple[Floats, NDArray[np.bool_]], new: tuple[Floats, NDArray[np.bool_]]
) -> Part:
    """Add up the pairs of one cause. Each side: its scores, and which of them are spoilt."""
    (old, old_spoilt), (now, now_spoilt) = ((score[mine], spoilt[mine]) for score, spoilt in (base, new))
    total = len(mine)
    return Part(
        cause=cause,
        requests=int(mine.sum()),
        change=float((now - old).sum()) / total,
        low=float((np.where(now_spoilt, 0.0, now) - np.where(old_spoilt, 1.0, old)).sum()) / total,
        high=float((np.where(now_spoilt, 1.0, now) - np.where(old_spoilt, 0.0, old)).sum()) / total,
    )


# ---------------------------------------------------------------- flips


def flips(matching: Matching, sides: tuple[Side, Side], *, most: int) -> tuple[tuple[Flip, ...], int, int]:
    """Return samples that one side got right (half of its score or more) and the other did not.

    At most `most` each way, the largest changes first; and how many there are, to the better and to the worse.
    """
    old, now = matching.samples
    base, new = matching.base.means(matching.base.score)[old], matching.new.means(matching.new.score)[now]
    with np.errstate(invalid="ignore"):
        better, worse = (base < 0.5) & (new >= 0.5), (base >= 0.5) & (new < 0.5)
    found = []
    for flipped in (worse, better):
        at = np.flatnonzero(flipped)
        for i in at[np.argsort(-np.abs(new[at] - base[at]), kind="stable")][:most]:
            places = (int(old[i]), int(now[i]))
            found.append(_flip(matching, sides, places, scores=(float(base[i]), float(new[i]))))
    return tuple(found), int(better.sum()), int(worse.sum())


def _flip(
    matching: Matching, sides: tuple[Side, Side], places: tuple[int, int], *, scores: tuple[float, float]
) -> Flip:
    better = scores[1] > scores[0]
    sought = (min, max) if better else (max, min)  # the answer that makes the difference
    name, expected, answers = f"{int(matching.base.samples[places[0]]):016x}", None, []
    for side, cell, place, best in zip(sides, (matching.base, matching.new), places, sought, strict=True):
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
