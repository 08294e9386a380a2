"""Two cells of different data -> the rows that both asked, and what is said of the others. Compares nothing.

Such are a part of a data set and all of it, samples of different sizes, and a file in which some rows were changed. Two
rows are the same where id, messages, expected answer and choices are: they are read from the records of both runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from evalrun.compare.side import CellPair, Side, SideCell
from evalrun.escape import clip
from evalrun.fingerprint import canonical

MOST_READ = 200_000  # samples of a side that are read again
MOST_NAMED = 5


class CommonRow(NamedTuple):
    """A row that was asked: its sample's id, and what its question and answer are."""

    id: str
    content: bytes


def on_common_rows(meeting: CellPair, sides: tuple[Side, Side]) -> tuple[CellPair, str]:
    """Return two cells with the rows that both asked, and a note; as they are where their data are equal or unknown."""
    base, new = meeting
    if not _are_readable(base, new):
        return meeting, ""
    old, now = _rows(base), _rows(new)
    both = [key for key, row in old.items() if key in now and now[key].content == row.content]
    if not both:
        return meeting, ""
    others = {
        "changed": [row.id for key, row in old.items() if key in now and now[key].content != row.content],
        f"only in {sides[0].name}": [row.id for key, row in old.items() if key not in now],
        f"only in {sides[1].name}": [row.id for key, row in now.items() if key not in old],
    }
    note = f"{new.task} of {new.target}: the data differ; compared on the {len(both):,} rows that both asked"
    parts = [f"{len(ids):,} {what} ({_named(ids)})" for what, ids in others.items() if ids]
    parts += [
        f"{side.name} asked samples that were chosen by their answers: those change by that alone"
        for side, cell in zip(sides, meeting, strict=True)
        if cell.requests.run.is_chosen(cell.task)
    ]
    keys = np.array(both, np.uint64)
    return (_only(base, keys), _only(new, keys)), "; ".join((note, *parts))


def _named(ids: Sequence[str]) -> str:
    return ", ".join((*(clip(each, 40) for each in ids[:MOST_NAMED]), *(["..."] if len(ids) > MOST_NAMED else [])))


def _are_readable(base: SideCell, new: SideCell) -> bool:
    """Whether the rows of two cells with different data can be told apart: both are runs, and of one prompt."""
    old, now = base.conditions, new.conditions
    if not (base.timed and new.timed) or old.data == now.data or old.prompt != now.prompt:
        return False
    few = all(len(cell.requests.starts) <= MOST_READ for cell in (base, new))
    return few and not any(cell.requests.run.is_ladder(cell.task) for cell in (base, new))


def _rows(cell: SideCell) -> Mapping[int, CommonRow]:
    """Return the rows of a cell by their sample's hash."""
    requests = cell.requests
    found = {}
    for row in requests.starts.tolist():
        sample = requests.record(row).sample
        content = canonical([msgspec.to_builtins(sample.messages), sample.expected, sample.choices])
        found[int(requests.sample[row])] = CommonRow(sample.id, content)
    return found


def _only(cell: SideCell, keys: np.ndarray) -> SideCell:
    """Return a cell with some of its rows. What is one number a run is not about these."""
    kept = cell.only(np.isin(cell.requests.sample, keys))
    conditions = msgspec.structs.replace(cell.conditions, data="common")
    return replace(kept, conditions=conditions, planned=kept.attempted, throughput=None, goodput=None)
