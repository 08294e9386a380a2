"""How much of a change in score comes from what: the model, or answers cut off, lost, unreadable, in dispute."""

import numpy as np
from numpy.typing import NDArray

from evalrun.compare.paired import Paired
from evalrun.compare.side import Floats, State
from evalrun.compare.values import Cause, Part

_CAUSES: tuple[tuple[Cause, tuple[State, ...]], ...] = (
    ("transport", (State.FAILED,)),
    ("truncation", (State.TRUNCATED,)),
    ("no answer", (State.UNSCORED, State.NO_ANSWER)),
    ("disputed", (State.DISPUTED,)),
)


def parts(pair: Paired) -> tuple[Part, ...]:
    """Split the change of the mean score over all paired requests by cause; the parts add up to it.

    What has no score counts 0 here, so that no request leaves the sum. A pair of requests goes to the first cause, in
    the order of `_CAUSES`, that holds for either side; to capability where none does. The bounds of a part let each
    spoilt answer have been wrong or right; capability has none to let.
    """
    old, now = pair.requests
    total = len(old)
    if not total:
        return ()
    sides = [(cell.state[at], np.nan_to_num(cell.score[at])) for cell, at in ((pair.base, old), (pair.new, now))]
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
