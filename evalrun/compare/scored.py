"""The scores of a run -> arrays, in one lean pass; and what became of each request, by its outcome and its score."""

import math
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from evalrun.compare.scan import FAILED, TRUNCATED, Column
from evalrun.compare.side import Floats, Ids, State, Whole
from evalrun.errors import StoreError
from evalrun.store.disk import storing
from evalrun.store.scores import NAME as SCORES


class _Score(msgspec.Struct):
    value: float | None = None
    answer: str | None = None
    disputed: bool = False


class _Scored(msgspec.Struct):
    key: str
    score: _Score


_SCORED = msgspec.json.Decoder(_Scored)


@dataclass(frozen=True, slots=True)
class Scores:
    """The headline score of each key, which is the first one stored: keys ascend. empty: no answer was found."""

    key: Ids
    value: Floats
    empty: NDArray[np.bool_]
    disputed: NDArray[np.bool_]
    at: Whole

    def of(self, keys: Ids) -> Whole:
        """Return the place of each key's score, -1 where it has none."""
        if not len(self.key):
            return np.full(len(keys), -1)
        place = np.minimum(np.searchsorted(self.key, keys), len(self.key) - 1)
        return np.where(self.key[place] == keys, place, -1)


def read_scores(folder: Path) -> Scores:
    """Read a run's scores once. A value that is no number in 0..1 is none."""
    path = folder / SCORES
    columns: dict[str, array[Any]] = {
        name: array(code) for name, code in {"key": "Q", "value": "d", "empty": "b", "odd": "b", "at": "q"}.items()
    }
    if path.exists():
        with storing(path), path.open("rb", buffering=1 << 20) as file:
            at = len(next(file, b""))  # the header
            for raw in file:
                scored = _decoded(path, at, raw)
                value = scored.score.value
                columns["key"].append(int(scored.key, 16))
                columns["value"].append(math.nan if value is None or not 0 <= value <= 1 else value)
                columns["empty"].append(scored.score.answer is None)
                columns["odd"].append(scored.score.disputed)
                columns["at"].append(at)
                at += len(raw)
    key, first = np.unique(np.asarray(columns["key"]), return_index=True)
    values, places = (np.asarray(columns[name])[first] for name in ("value", "at"))
    empty, odd = (np.asarray(columns[name])[first].astype(bool) for name in ("empty", "odd"))
    return Scores(key, values, empty, odd, places)


def _decoded(path: Path, at: int, raw: bytes) -> _Scored:
    try:
        return _SCORED.decode(raw)
    except msgspec.DecodeError as error:
        raise StoreError(
            f"{path}: the score at byte {at} is damaged ({error}); make it anew: evalrun score {path.parent}"
        ) from error


def states(asked: Column, score: Floats, empty: NDArray[np.bool_], odd: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Return the `State` of each request from its outcome and its score.

    A wrong answer counts as `NO_ANSWER` only where the scorer names an answer for some other request: many never do.
    """
    found = np.where(score == 1, State.RIGHT, State.WRONG).astype(np.int8)
    named = bool((~empty & ~np.isnan(score)).any())
    found[(score == 0) & empty & named] = State.NO_ANSWER
    found[odd & ~np.isnan(score)] = State.DISPUTED
    found[np.isnan(score)] = State.UNSCORED
    found[asked == TRUNCATED] = State.TRUNCATED
    found[asked == FAILED] = State.FAILED
    return found
