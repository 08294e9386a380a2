"""Baselines: the few kilobytes of a run that paired comparison needs, made for committing. Gives no verdicts.

    results/baselines/NAME/TASK--TARGET.json

    samples    one line a sample, by its hash: for each request STATE,SCORE,PROMPT,CACHED,OUTPUT tokens and, where the
               suite states an SLO, whether it was kept: 1 or 0. Of the run that was saved last.
    clusters   of each sample that has one, hashes too.
    nights     percentiles, throughput, goodput, mean tokens and mean time of the planned requests of every run that was
               saved under the name, oldest first: how much one night differs from another is learned from them.

Runs are not pooled into the samples: a target that changed on purpose would be compared with what it was.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from evalrun.compare.figures import late, stored_night
from evalrun.compare.interim import interim
from evalrun.compare.side import Side, SideCell, StoredNight, facts
from evalrun.errors import StoreError, SuiteError
from evalrun.fingerprint import slug
from evalrun.price import AT_LEAST
from evalrun.requests import HEADLINE, Conditions, Requests, State, latency, quality
from evalrun.requests.run import unlike_load
from evalrun.store.checked import DamagedError, OtherSchemaError, sealed, versioned
from evalrun.store.disk import contents, replace_file, storing
from evalrun.types import Value

SCHEMA = 5
MOST_NIGHTS = 30
LETTERS = "rwndutfl"
"""A letter for each `State`."""
OF_THE_MODEL = "m"
"""Stands for a failure that is the model's; `f` for any other."""
_PLUS = "+"
"""Follows the letter of an answer with token counts that do not add up."""
_NAMES = {
    "failure": ("", "failed", min(quality.OF_THE_MODEL)),
    "finish": ("", "length"),
    "flags": (min(AT_LEAST),),
}
"""What the numbers of its columns stand for, when it is read: one kind of each is enough."""
_MOST_PLANNED = 2**31
_ASKED_ALIKE = ("data", "prompt", "sampling", "target", "transport")


class BaselineFile(Value, frozen=True):
    """One file.

    run: that the samples are of. conditions: what decided its numbers. most_failed: the suite's
    `limits.max_failed_share`.
    """

    schema: int
    suite: str
    task: str
    target: str
    run: str
    at: str
    planned: Annotated[int, msgspec.Meta(ge=0, le=_MOST_PLANNED)]
    conditions: Conditions
    most_failed: float
    samples: Mapping[str, str]
    clusters: Mapping[str, str]
    nights: tuple[StoredNight, ...]


def known(root: Path, name: str) -> bool:
    """Return whether a baseline of that name is stored."""
    return slug(name) == name and any((root / name).glob("*.json"))


def save(side: Side, name: str, *, root: Path, keep_samples: bool = False) -> tuple[list[Path], list[str]]:
    """Save a run under a name, as one more night where it has some already. Return the files, and notices.

    What is INVALID of the night is left out, with a notice.
    """
    if slug(name) != name:
        raise SuiteError(f"baseline {name!r}: cannot name a folder; use letters, digits, '.', '_' and '-'")
    folder = root / name
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    notices: list[str] = []
    for cell in side.cells.values():
        path = folder / f"{slug(cell.task)}--{slug(cell.target)}.json"
        old = _stored(path) if path.exists() else None
        fresh = _fresh(side, cell)
        if old is not None and (changed := _unlike(old, fresh)):
            notices.append(
                f"{cell.task}, {cell.target}: the {', '.join(changed)} changed: its earlier nights are dropped"
            )
            old = None
        if old is not None:
            nights = (*(night for night in old.nights if night.run != side.run), *fresh.nights)[-MOST_NIGHTS:]
            fresh = msgspec.structs.replace(old if keep_samples else fresh, nights=nights)
        notices += (f"{cell.task}, {cell.target}: {said}" for said in _about(cell))
        replace_file(path, [_laid_out(fresh)])
        paths.append(path)
    return paths, notices


def _about(cell: SideCell) -> Iterator[str]:
    """Yield what must be known of a night that is stored."""
    if cell.conditions.cut is not None:
        yield f"429s cut this night to {cell.conditions.cut} in flight"
    if unknown := late(interim(cell).planned):
        labels = ", ".join(measure.label for measure in unknown)
        yield f"{labels}: INVALID, and stored without; {latency.REMEDY}"


def _laid_out(stored: BaselineFile) -> bytes:
    """Write a file in which each sample and each night is a line of its own, keys sorted: for git to compare.

    Its checksum comes first (`store.checked`), so that a change by hand, or by a merge, is noticed.
    """

    def written(value: object) -> bytes:
        return msgspec.json.encode(value, order="sorted")

    fields = []
    for name, value in sorted(msgspec.to_builtins(stored).items()):
        if name in ("samples", "clusters") and value:
            inner = (b"  " + written(key) + b": " + written(item) for key, item in sorted(value.items()))
            fields.append(written(name) + b": {\n" + b",\n".join(inner) + b"\n }")
        elif name == "nights":
            fields.append(written(name) + b": [\n" + b",\n".join(b"  " + written(night) for night in value) + b"\n ]")
        else:
            fields.append(written(name) + b": " + written(value))
    return sealed(b"{\n " + b",\n ".join(fields) + b"\n}\n")


def _unlike(old: BaselineFile, new: BaselineFile) -> list[str]:
    """Return the names of what was asked differently, so that nights are not of one kind."""
    found = [part for part in _ASKED_ALIKE if getattr(old.conditions, part) != getattr(new.conditions, part)]
    unlike = unlike_load(old.conditions, new.conditions)
    return [*found, f"load ({unlike})"] if unlike else found


def read(folder: Path, *, name: str) -> Side:
    """Read a baseline's folder."""
    files = [_stored(path) for path in sorted(folder.glob("*.json"))]
    if not files:
        raise StoreError(f"{folder}: no baseline (it has no *.json); make one: evalrun baseline save RUN {folder.name}")
    last = max(files, key=lambda file: file.at)
    return Side(
        name=name, kind="baseline", suite=last.suite, run=last.run, at=last.at,
        cells={(file.task, file.target): _cell(file) for file in files},
    )  # fmt: skip


def _stored(path: Path) -> BaselineFile:
    raw = contents(path)
    try:
        return versioned(raw, BaselineFile, SCHEMA)
    except OtherSchemaError as other:
        what = "install a newer one" if other.schema > SCHEMA else "save the baseline again"
        raise StoreError(f"{path}: {other}; this evalrun reads format {SCHEMA}: {what}") from None
    except DamagedError as error:
        raise StoreError(f"{path}: damaged ({error}); restore it, or save the baseline again") from error


# ---------------------------------------------------------------- samples


def _fresh(side: Side, cell: SideCell) -> BaselineFile:
    return BaselineFile(
        schema=SCHEMA,
        suite=side.suite,
        task=cell.task,
        target=cell.target,
        run=side.run,
        at=side.at,
        planned=cell.planned,
        conditions=cell.conditions,
        most_failed=cell.requests.run.most_failed,
        samples=_lines(cell),
        clusters=_clusters(cell),
        nights=(stored_night(interim(cell).planned, run=side.run, at=side.at),),
    )


def _lines(cell: SideCell) -> dict[str, str]:
    lines: dict[str, list[str]] = {}
    requests = cell.requests
    columns = [
        cell.score, requests.prompt_tokens, requests.cached_tokens, requests.completion_tokens,
        *([] if cell.good is None else [cell.good]),
    ]  # fmt: skip
    states = [LETTERS[state] for state in requests.state.tolist()]
    for row in np.flatnonzero(requests.unanswered & ~quality.failed_otherwise(requests)).tolist():
        states[row] = OF_THE_MODEL
    for row in np.flatnonzero(requests.at_least).tolist():
        states[row] += _PLUS
    for row, sample in enumerate(requests.sample.tolist()):
        numbers = ",".join(_written(float(column[row])) for column in columns)
        lines.setdefault(f"{sample:016x}", []).append(f"{states[row]},{numbers}")
    return {sample: " ".join(requests) for sample, requests in lines.items()}


def _clusters(cell: SideCell) -> dict[str, str]:
    starts = cell.requests.starts
    pairs = zip(cell.samples.tolist(), cell.requests.cluster[starts].tolist(), strict=True)
    return {f"{sample:016x}": f"{cluster:016x}" for sample, cluster in pairs if cluster}


def _written(number: float) -> str:
    return "" if math.isnan(number) else f"{number:.9g}"


def _cell(file: BaselineFile) -> SideCell:
    try:
        rows = [
            (int(sample, 16), repeat, request.split(","), int(file.clusters.get(sample, "0"), 16))
            for sample, line in sorted(file.samples.items())
            for repeat, request in enumerate(line.split(" "))
        ]
        hashes = np.array([[row[0], row[3]] for row in rows], np.uint64).reshape(-1, 2)
        count = 5 if file.conditions.slo else 4
        texts = [row[2][1 : 1 + count] for row in rows]
        numbers = np.array([[float(text or "nan") for text in each] for each in texts]).reshape(-1, count)
        letters = [row[2][0].removesuffix(_PLUS) for row in rows]
        at_least = np.array([row[2][0].endswith(_PLUS) for row in rows], np.int64)
        state = np.array([LETTERS.index(one.replace(OF_THE_MODEL, "f")) for one in letters], np.int8)
        kinds = [2 if one == OF_THE_MODEL else 1 if one in "fl" else 0 for one in letters]
    except (ValueError, OverflowError) as error:
        raise StoreError(f"baseline of {file.task}, {file.target}: damaged samples; save the baseline again") from error
    repeats = max(1, file.planned // max(1, len(file.samples)))
    requests = Requests(
        facts(file.suite, repeats={file.task: repeats}, most_failed=file.most_failed),
        {
            "place": np.zeros(len(rows), np.int32),
            "sample": hashes[:, 0],
            "cluster": hashes[:, 1],
            "repeat": np.array([row[1] for row in rows], np.int32),
            "state": state,
            "failure": np.array(kinds, np.uint8),
            "finish": (state == State.TRUNCATED).astype(np.uint8),
            "flags": at_least,
            "prompt_tokens": numbers[:, 1],
            "cached_tokens": numbers[:, 2],
            "completion_tokens": numbers[:, 3],
        },
        names=_NAMES,
        tasks=[file.task],
        targets=[file.target],
        scores={HEADLINE: {"value": numbers[:, 0]}},
    )
    return SideCell(
        task=file.task,
        target=file.target,
        requests=requests,
        conditions=file.conditions,
        planned=file.planned,
        timed=False,
        good=numbers[:, 4] if file.conditions.slo else None,
        nights=file.nights,
    )
