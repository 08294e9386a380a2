"""The samples worth showing where a gate is reported: lost ones first, then what the baseline had right."""

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from evalrun.compare.change import answer, record_at, score_at
from evalrun.compare.side import Cell, Matching, Side, State
from evalrun.escape import clip
from evalrun.gate.values import Failing
from evalrun.types import Failure

_CLIP = 500
_KINDS: dict[int, Literal["wrong", "failed", "unscored", "truncated"]] = {
    State.FAILED: "failed", State.UNSCORED: "unscored", State.TRUNCATED: "truncated",
}  # fmt: skip


def failing(new: Side, base: Side | None, *, most: int) -> tuple[Failing, ...]:
    """Return at most `most` samples, each with its worst request: failed, newly wrong, unscored, truncated, wrong."""
    if new.folder is None:
        return ()
    found: list[tuple[int, Cell, int]] = []
    for place, cell in new.cells.items():
        old = base.cells.get(place) if base else None
        found += [(rank, cell, request) for rank, request in _requests(cell, old)]
    found.sort(key=lambda one: one[0])  # stable: in the suite's order within a rank
    return tuple(_shown(new, cell, request) for _, cell, request in found[:most])


def _requests(cell: Cell, old: Cell | None) -> Iterable[tuple[int, int]]:
    """Return (rank, request) of each sample that has one worth showing."""
    if not cell.attempted:
        return
    newly = _newly_wrong(cell, old)
    wrong = np.nan_to_num(cell.score, nan=1.0) < 0.5
    ranks = np.select(
        [cell.state == State.FAILED, wrong & np.isin(cell.sample, newly), cell.state == State.UNSCORED,
         cell.state == State.TRUNCATED, wrong],
        [0, 1, 2, 3, 4], 5,
    )  # fmt: skip
    for first, requests in zip(cell.starts, np.split(ranks, cell.starts[1:]), strict=True):
        worst = int(np.argmin(requests))
        if requests[worst] < 5:
            yield int(requests[worst]), int(first) + worst


def _newly_wrong(cell: Cell, old: Cell | None) -> Sequence[int]:
    if old is None or old.values:
        return []
    pair = Matching(old, cell, prices=None)
    base, new = old.means(old.score)[pair.samples[0]], cell.means(cell.score)[pair.samples[1]]
    with np.errstate(invalid="ignore"):
        found: list[int] = cell.samples[pair.samples[1]][(base >= 0.5) & (new < 0.5)].tolist()
    return found


def _shown(side: Side, cell: Cell, request: int) -> Failing:
    record, score = record_at(side, cell, request), score_at(side, cell, request)
    assert record is not None  # the side has a folder
    message = score.why if score else ""
    if isinstance(record.outcome, Failure):
        message = f"{record.outcome.kind}: {record.outcome.message}"
    expected = record.sample.expected
    return Failing(
        kind=_KINDS.get(int(cell.state[request]), "wrong"),
        task=cell.task,
        target=cell.target,
        sample_id=record.sample.id,
        message=clip(message, _CLIP),
        answer=answer(record, score),
        expected=None if expected is None else clip(expected, _CLIP),
    )
