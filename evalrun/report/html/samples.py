"""Which samples a report embeds, and how: a row each for the list, and their texts, both in compressed parts.

All requests are embedded, up to `MOST_ROWS`. Of more: samples that flipped between targets or runs first, then what is
not right, then the rest; within each a draw by the sample's hash, so that the same samples are shown of every run.
Texts are embedded in the list's order until `MOST_BYTES` are used up; a long text loses its middle. What is left out is
said.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evalrun.requests import Requests
from evalrun.requests.rows import Bools, Ids, State
from evalrun.stats.interval import Floats, Whole
from evalrun.types import Failure, Json, Record, Timing

MOST_ROWS = 10_000
MOST_BYTES = 8_000_000  # of rows and texts, as they are embedded
PART = 50  # samples whose texts are read together
HEAD, TAIL = 3_000, 1_000  # characters of a long text
LISTED = 120  # characters of an answer in the list
STATES = tuple(state.name.lower() for state in State)
COLUMNS = (
    "key", "sample", "task", "target", "repeat", "state", "score", "answer", "expected", "question", "ttft_s", "e2e_s",
    "tokens", "cost_usd", "flags", "run", "flip",
)  # fmt: skip
_ODD = np.uint64(0x9E3779B97F4A7C15)  # multiplies well: 2**64 / golden ratio
_TIMES = ("connect_s", "lag_s", "first_byte_s", "ttft_s", "ttfo_s", "e2e_s", "stream_s", "tpot_s", "max_stall_s")


@dataclass(frozen=True, slots=True)
class ReportSamples:
    """The samples of a report. rows, parts: packed JSON. texts: of how many rows, from the first, they have the texts.

    left_out: what is not in it, in words; empty where all is.
    """

    rows: str
    parts: list[str]
    texts: int
    left_out: str


def embedded(runs: Sequence[Requests], *, most: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> ReportSamples:
    """Return the samples of runs: those that flipped or are not right first, else by run in their journals' order."""
    chosen = _chosen(runs, most)
    listed: list[Json] = []
    parts: list[str] = []
    size = 0
    for start in range(0, len(chosen), PART):
        some = [_sample(runs[run], row, run, flip) for run, row, flip in chosen[start : start + PART]]
        listed += [each for each, _ in some]
        if size <= most_bytes:
            parts.append(_packed([details for _, details in some]))
            size += len(parts[-1])
    rows = _packed(listed)
    while parts and len(rows) + size > most_bytes:
        size -= len(parts.pop())
    texts, total = min(len(parts) * PART, len(listed)), sum(map(len, runs))
    said = [_few(len(listed), total)] if len(listed) < total else []
    said += [f"there was room for the texts of the first {texts:,}"] if texts < len(listed) else []
    return ReportSamples(rows, parts, texts, "; ".join(said))


def _few(n: int, total: int) -> str:
    return (
        f"{n:,} of {total:,} requests are in this file: samples that flipped, then those that are not right, then the "
        "rest, within each a random draw (the same in every report)"
    )


# ---------------------------------------------------------------- choosing


def _chosen(runs: Sequence[Requests], most: int) -> list[tuple[int, int, bool]]:
    """Return (run, row, whether it flipped) of what is embedded, in the list's order."""
    run = np.repeat(np.arange(len(runs)), list(map(len, runs)))
    row = np.concatenate([np.arange(len(one)) for one in runs])
    offset = np.concatenate([one.offset for one in runs])
    right = np.concatenate([one.state == State.RIGHT for one in runs])
    asked, first, which = _asked(runs, np.lexsort((offset, run)))
    flip = _flipped(np.concatenate([one.scores().value for one in runs]), which)
    rank = np.where(flip, 0, np.where(right, 2, 1))
    order = np.lexsort((run, asked[which] * _ODD, rank))[:most] if len(row) > most else np.arange(len(row))
    order = order[np.lexsort((offset[order], run[order], first[which[order]], rank[order]))]
    return list(zip(run[order].tolist(), row[order].tolist(), flip[order].tolist(), strict=True))


def _asked(runs: Sequence[Requests], order: Whole) -> tuple[Ids, Whole, Whole]:
    """Return what was asked, as hashes of task, sample and repeat; where each comes first; which one each row is of."""
    hashes = []
    for one in runs:
        tasks = np.array([_hash(task) for task in one.tasks] or [0], np.uint64)
        task = tasks[one.place % len(tasks)]
        hashes.append((one.sample + task) * _ODD + one.repeat.astype(np.uint64))
    mixed = np.concatenate(hashes)
    asked, first, which = np.unique(mixed[order], return_index=True, return_inverse=True)
    unordered = np.empty_like(which)
    unordered[order] = which
    return asked, first, unordered


def _flipped(score: Floats, which: Whole) -> Bools:
    """Return the rows of what somebody got right and somebody else did not; without a score neither."""
    count = int(which.max(initial=-1)) + 1
    right = np.bincount(which[score >= 0.5], minlength=count) > 0
    wrong = np.bincount(which[score < 0.5], minlength=count) > 0
    return np.asarray((right & wrong)[which])


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])


# ---------------------------------------------------------------- one sample


def _sample(requests: Requests, row: int, run: int, flip: bool) -> tuple[list[Json], dict[str, Json]]:
    """Return a row of the list, and what the detail pane shows."""
    record, score = requests.record(row), requests.score(row)
    sample = record.sample
    odd = [*requests.texts("flags", row), *requests.texts("warnings", row)]
    listed: list[Json] = [
        record.key, _clipped(sample.id, 200), sample.task, record.target, record.repeat,
        STATES[int(requests.state[row])], None if score is None else score.value,
        None if score is None or score.answer is None else _clipped(score.answer, LISTED),
        None if sample.expected is None else _clipped(sample.expected, LISTED),
        _clipped(sample.messages[-1].content if sample.messages else "", 200),
        *(_known(requests, name, row) for name in ("ttft_s", "e2e_s", "tokens", "cost_usd")), odd, run, int(flip),
    ]  # fmt: skip
    found = {**_question(record), **_outcome(record), "scores": list(_scores(requests, row))}
    return listed, {**found, **_times(record)}


def _known(requests: Requests, column: str, row: int) -> float | None:
    value = float(requests.column(column)[row])
    return value if np.isfinite(value) else None


def _question(record: Record) -> dict[str, Json]:
    sample = record.sample
    found: dict[str, Json] = {"messages": [[each.role, _clipped(each.content)] for each in sample.messages]}
    if sample.expected is not None:
        found["expected"] = _clipped(sample.expected)
    if sample.choices:
        found["choices"] = [_clipped(choice, 400) for choice in sample.choices[:26]]
    if sample.meta:
        found["meta"] = {str(key)[:60]: _clipped(str(value), 200) for key, value in list(sample.meta.items())[:20]}
    return found


def _outcome(record: Record) -> dict[str, Json]:
    outcome = record.outcome
    if isinstance(outcome, Failure):
        said = (_clipped(outcome.message), _clipped(outcome.partial))
        return {"failure": [outcome.kind, outcome.phase, outcome.status, *said]}
    usage = outcome.usage
    known = {
        "reasoning": _clipped(outcome.reasoning),
        "refusal": _clipped(outcome.refusal),
        "calls": [[_clipped(call.name, 200), _clipped(call.arguments)] for call in outcome.tool_calls[:50]],
        "others": [_clipped(text) for text in outcome.others[:20]],
        "finish": _clipped(outcome.finish_reason or "", 100),
        "model": _clipped(outcome.model, 200),
        "usage": [usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens, usage.reasoning_tokens],
    }
    return {"text": _clipped(outcome.text), **{name: value for name, value in known.items() if value}}


def _scores(requests: Requests, row: int) -> Iterator[Json]:
    """Yield what each scorer says, the headline first: name, value, answer, rule, reason, whether it is disputed."""
    for scorer, score in requests.scored(row).items():
        why = _clipped("; ".join(filter(None, (score.error, score.why))), 400)
        answer = None if score.answer is None else _clipped(score.answer, 400)
        yield [scorer, score.value, answer, _clipped(score.rule, 200), why, score.disputed]


def _times(record: Record) -> dict[str, Json]:
    """Return the instants of a request in seconds, its earlier attempts, and what a reader of the numbers must know."""
    found: dict[str, Json] = {"at": record.at}
    if record.warnings:
        found["warnings"] = [_clipped(text, 300) for text in record.warnings[:20]]
    if record.timing is not None:
        found["timing"] = _timing(record.timing)
    elif record.took_s is not None:
        found["took_s"] = record.took_s
    if record.attempts:
        found["attempts"] = [
            [one.failure.kind, one.failure.status, _clipped(one.failure.message, 400), one.took_s, one.wait_s]
            for one in record.attempts[:20]
        ]
    return found


def _timing(timing: Timing) -> dict[str, float]:
    return {name: value for name in _TIMES if (value := getattr(timing, name)) is not None}


# ---------------------------------------------------------------- texts


def _clipped(text: str, most: int = HEAD + TAIL) -> str:
    """Return a text without its middle where it is long."""
    if len(text) <= most:
        return text
    tail = min(TAIL, most // 4)
    return f"{text[: most - tail]}\n[... {len(text) - most:,} characters ...]\n{text[-tail:]}"


def _packed(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(), 6)).decode()
