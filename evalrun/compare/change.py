"""Where a change in score comes from: its parts by cause, and the samples that flipped, with their answers.

The answers of the few samples that are shown are read again.
"""

import numpy as np

from evalrun.compare.side import Matching, Side, SideCell
from evalrun.compare.values import Cause, Flip, Part
from evalrun.escape import clip
from evalrun.requests import State
from evalrun.requests.rows import Bools
from evalrun.stats.interval import Floats
from evalrun.types import Completion, Record, Score

MOST_SHOWN = 200  # characters of an answer
_CAUSES: tuple[tuple[Cause, tuple[State, ...]], ...] = (
    ("refused", (State.REFUSED,)),
    ("transport", (State.FAILED,)),
    ("truncation", (State.TRUNCATED,)),
    ("no answer", (State.UNSCORED, State.NO_ANSWER)),
    ("disputed", (State.DISPUTED,)),
)


# ---------------------------------------------------------------- parts


def parts(matching: Matching) -> tuple[Part, ...]:
    """Split the change of the mean score over all paired requests by cause; the parts add up to it.

    What has no score counts 0 here, so that no request leaves the sum, except prompts of a ladder that both sides
    refused. A pair of requests goes to the first cause, in the order of `_CAUSES`, that holds for either side; to
    capability where none does. The bounds of a part let each
    spoilt answer have been wrong or right; capability has none to let.
    """
    old, now = matching.requests
    asked = ~(matching.base.requests.refused[old] & matching.new.requests.refused[now])
    cells = ((matching.base, old[asked]), (matching.new, now[asked]))
    total = int(asked.sum())
    if not total:
        return ()
    sides = [(cell.requests.state[at], np.nan_to_num(cell.score[at])) for cell, at in cells]
    (base_state, base), (new_state, new) = sides
    left = np.ones(total, bool)
    found = []
    for cause, states in _CAUSES:
        mine = left & (np.isin(base_state, states) | np.isin(new_state, states))
        left &= ~mine
        if mine.any():
            found.append(_part(cause, mine, (base, base_state >= State.NO_ANSWER), (new, new_state >= State.NO_ANSWER)))
    clean = np.zeros(total, bool)
    return (_part("capability", left, (base, clean), (new, clean)), *found)


def _part(cause: Cause, mine: Bools, base: tuple[Floats, Bools], new: tuple[Floats, Bools]) -> Part:
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
    name, expected = f"{int(matching.base.samples[places[0]]):016x}", None
    answers: list[str | None] = []
    for side, cell, place, best in zip(sides, (matching.base, matching.new), places, sought, strict=True):
        if side.folder is None:
            answers.append(None)
            continue
        row = _request(cell, place, highest=best is max)
        record = cell.requests.record(row)
        answers.append(answer(record, cell.requests.score(row)))
        name, expected = record.sample.id, record.sample.expected
    return Flip(
        sample=name, better=better, base_score=scores[0], new_score=scores[1], expected=expected,
        base_answer=answers[0], new_answer=answers[1],
    )  # fmt: skip


def _request(cell: SideCell, place: int, *, highest: bool) -> int:
    """Return the request of a sample with the highest, or the lowest, score."""
    starts = cell.requests.starts
    first = int(starts[place])
    last = int(starts[place + 1]) if place + 1 < len(starts) else cell.attempted
    scores = cell.score[first:last]
    return first + int(np.nanargmax(scores) if highest else np.nanargmin(scores))


def answer(record: Record, score: Score | None) -> str | None:
    """Return what was extracted from an answer, else the end of its text; None where there is no answer."""
    if score is not None and score.answer is not None:
        return clip(score.answer, MOST_SHOWN)
    if not isinstance(record.outcome, Completion):
        return None
    text = record.outcome.text.strip()
    return text if len(text) <= MOST_SHOWN else "..." + text[-MOST_SHOWN:]
