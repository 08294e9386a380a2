"""The samples worth showing where a gate is reported: lost ones first, then what the baseline had right."""

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from evalrun.compare.change import answer
from evalrun.compare.side import Matching, Side, SideCell
from evalrun.escape import clip
from evalrun.gate.values import Failing
from evalrun.requests import State
from evalrun.types import Failure

_CLIP = 500
_KINDS: dict[int, Literal["wrong", "failed", "unscored", "truncated"]] = {
    State.FAILED: "failed", State.UNSCORED: "unscored", State.TRUNCATED: "truncated",
}  # fmt: skip


def failing(new: Side, base: Side | None, *, most: int) -> tuple[tuple[Failing, ...], int]:
    """Return at most `most` samples, each with its worst request, and how many more there are.

    First those that failed, then those newly wrong, unscored, truncated and wrong; within each in the suite's order, as
    they were asked.
    """
    if new.folder is None:
        return (), 0
    found: list[tuple[int, SideCell, int]] = []
    for place, cell in new.cells.items():
        old = base.cells.get(place) if base else None
        mine = {request: rank for rank, request in _requests(cell, old)}
        found += [(mine[request], cell, request) for request in _as_asked(cell) if request in mine]
    found.sort(key=lambda one: one[0])  # stable
    return tuple(_shown(cell, request) for _, cell, request in found[:most]), max(0, len(found) - most)


def _as_asked(cell: SideCell) -> list[int]:
    """Return the requests in the order in which they were first sent, those that never were last."""
    requests = cell.requests
    order: list[int] = np.lexsort([requests.offset, requests.began_s, requests.session]).tolist()
    return order


def _requests(cell: SideCell, old: SideCell | None) -> Iterable[tuple[int, int]]:
    """Return (rank, request) of each sample that has one worth showing."""
    if not cell.attempted:
        return
    requests, state = cell.requests, cell.requests.state
    newly = _newly_wrong(cell, old)
    wrong = np.nan_to_num(cell.score, nan=1.0) < 0.5
    ranks = np.select(
        [state == State.FAILED, wrong & np.isin(requests.sample, newly), state == State.UNSCORED,
         state == State.TRUNCATED, wrong],
        [0, 1, 2, 3, 4], 5,
    )  # fmt: skip
    for first, mine in zip(requests.starts, np.split(ranks, requests.starts[1:]), strict=True):
        worst = int(np.argmin(mine))
        if mine[worst] < 5:
            yield int(mine[worst]), int(first) + worst


def _newly_wrong(cell: SideCell, old: SideCell | None) -> Sequence[int]:
    if old is None or old.values:
        return []
    pair = Matching(old, cell, prices=None)
    base, new = old.means(old.score)[pair.samples[0]], cell.means(cell.score)[pair.samples[1]]
    with np.errstate(invalid="ignore"):
        found: list[int] = cell.samples[pair.samples[1]][(base >= 0.5) & (new < 0.5)].tolist()
    return found


def _shown(cell: SideCell, request: int) -> Failing:
    record, score = cell.requests.record(request), cell.requests.score(request)
    message = score.why if score else ""
    if isinstance(record.outcome, Failure):
        message = f"{record.outcome.kind}: {record.outcome.message}"
    expected = record.sample.expected
    return Failing(
        kind=_KINDS.get(int(cell.requests.state[request]), "wrong"),
        task=cell.task,
        target=cell.target,
        sample_id=record.sample.id,
        message=clip(message, _CLIP),
        answer=answer(record, score),
        expected=None if expected is None else clip(expected, _CLIP),
    )
