"""The scores of a run as columns, and the state of each request."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from evalrun.errors import StoreError
from evalrun.requests.growing import BATCH, MOST_KINDS, NO_HASH, Growing, Kinds
from evalrun.requests.rows import HEADLINE, UNKNOWN, Bools, Ids, Scores, State
from evalrun.store.checked import NOT_DECODED, check
from evalrun.store.disk import reading
from evalrun.store.scores import NAME

NOT_A_SCORE = "score outside 0..1"
Arrays = dict[str, NDArray[Any]]


class _Score(msgspec.Struct, gc=False):
    value: float | None = None
    answer: msgspec.Raw = msgspec.Raw()
    means: msgspec.Raw = msgspec.Raw()  # see `types.Score.vote`
    disputed: bool = False
    error: str | None = None


class _Scored(msgspec.Struct, gc=False):
    key: str
    scorer: str
    score: _Score


_SCORED = msgspec.json.Decoder(_Scored)
_DTYPES = {"key": np.dtype("u8")} | {name: of.dtype for name, of in Scores.described().items()}


def read_scores(folder: Path, *, votes: bool) -> tuple[dict[str, Arrays], tuple[str, ...]]:
    """Read a run's scores once: the columns of each scorer and their keys, and the kinds of errors.

    votes: note what each answer counts for in a majority.
    """
    found: dict[str, Growing] = {}
    errors = Kinds("", most=MOST_KINDS)
    for scored, offset in _lines(folder / NAME):
        columns = found.get(scored.scorer)
        if columns is None:
            columns = found[scored.scorer] = Growing(_DTYPES)
        columns.rows.append(_row(scored, offset, errors, votes=votes))
        if len(columns.rows) == BATCH:
            columns.flush()
    return {scorer: columns.joined() for scorer, columns in found.items()}, tuple(errors)


def _lines(path: Path) -> Iterator[tuple[_Scored, int]]:
    if not path.exists():
        return
    with reading(path) as file:
        offset = len(next(file, b""))  # the header
        for raw in file:
            try:
                check(raw)
                yield _SCORED.decode(raw), offset
            except NOT_DECODED as error:
                where = f"{path}: the score at byte {offset} is damaged"
                raise StoreError(f"{where} ({error}); regenerate it: evalrun score {path.parent}") from error
            offset += len(raw)


def _row(scored: _Scored, offset: int, errors: Kinds, *, votes: bool) -> tuple[Any, ...]:
    score, value = scored.score, scored.score.value
    why = "" if value is not None else score.error or "no score"
    if value is not None and not 0 <= value <= 1:  # NaN and infinity too: never clamped, never in a mean
        value, why = None, NOT_A_SCORE
    answered, says = len(score.answer) > 0 and bytes(score.answer) != b"null", score.means or score.answer
    vote = blake2b(says, digest_size=8).digest() if votes and answered and len(says) > len(b'""') else NO_HASH
    return (
        scored.key, UNKNOWN if value is None else value, True, score.disputed and value is not None, answered,
        errors.of_kind(why) if why else 0, offset, vote,
    )  # fmt: skip


def aligned(scores: Mapping[str, Arrays], key: Ids, answered: Bools) -> dict[str, Arrays]:
    """Return the scores in the order of the rows with these keys. Of several the last counts; a failure has none."""
    found = {}
    for scorer, columns in scores.items():
        keys = columns.pop("key")
        known, last = np.unique(keys[::-1], return_index=True)
        at = np.minimum(np.searchsorted(known, key), len(known) - 1)
        has, source = (known[at] == key) & answered, len(keys) - 1 - last[at]
        found[scorer] = {
            name: np.where(has, columns.pop(name)[source], np.asarray(of.unknown, of.dtype))
            for name, of in Scores.described().items()
        }
    return found


def headline(scores: Mapping[str, Arrays], first: list[str], task: NDArray[Any]) -> Arrays:
    """Return what the first scorer of each row's task says. first: by task number; task: the number of each row's."""
    if len(set(first)) == 1 and first[0] in scores:
        return scores[first[0]]
    n = len(task)
    found = {name: np.full(n, of.unknown, of.dtype) for name, of in Scores.described().items()}
    for number, scorer in enumerate(first):
        mine = task == number
        for name, column in scores.get(scorer, {}).items():
            found[name][mine] = column[mine]
    return found


def states(
    columns: Mapping[str, NDArray[Any]], scores: Mapping[str, Arrays], *, truncated: Bools, refused: Bools
) -> NDArray[np.int8]:
    """Return the `State` of each row. refused: a ladder's prompts that were over the endpoint's context.

    A wrong answer counts as `NO_ANSWER` only where the scorer names an answer for some other request of the task and
    target: many never do.
    """
    value, given, place = scores[HEADLINE]["value"], scores[HEADLINE]["answered"], columns["place"]
    found = np.where(value == 1, State.RIGHT, State.WRONG).astype(np.int8)
    found[(value == 0) & ~given & np.isin(place, np.unique(place[given & ~np.isnan(value)]))] = State.NO_ANSWER
    found[scores[HEADLINE]["disputed"]] = State.DISPUTED
    found[np.isnan(value)] = State.UNSCORED
    found[truncated] = State.TRUNCATED
    found[columns["failure"] != 0] = State.FAILED
    found[refused] = State.REFUSED
    return found
