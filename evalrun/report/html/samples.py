"""Which samples a report embeds, and how: a row each for the list, and their texts in compressed parts.

Up to `MOST_ROWS` requests all are embedded; of more, those that are not right first, then a seeded sample of the rest.
Texts are embedded until `MOST_BYTES` are used up, in the same order; a long text loses its middle. What is left out is
said in the report.
"""

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalrun.requests import Requests
from evalrun.requests.rows import State
from evalrun.stats.interval import Whole
from evalrun.types import Completion, Failure, Json, Record

MOST_ROWS = 10_000
MOST_BYTES = 7 * 2**20  # of the texts, as they are embedded
PART = 50  # samples whose texts are read together
HEAD, TAIL = 3_000, 1_000  # characters of a long text
SEED = 20_261_128
STATES = tuple(state.name.lower() for state in State)
COLUMNS = (
    "sample", "task", "target", "repeat", "state", "score", "answer", "expected", "question", "ttft_s", "e2e_s",
    "tokens", "cost_usd", "flags", "run", "part",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReportSamples:
    """The samples of a report as JSON. left_out: what is not in it, in words; empty where all is."""

    rows: list[list[Json]]
    parts: list[str]
    left_out: str


def embedded(runs: Sequence[Requests]) -> ReportSamples:
    """Return the samples of runs, by run in the order of their journals."""
    rows: list[list[Json]] = []
    parts: list[str] = []
    left, texts, total = MOST_BYTES, 0, sum(map(len, runs))
    for number, requests in enumerate(runs):
        chosen = _chosen(requests, MOST_ROWS // len(runs))
        for start in range(0, len(chosen), PART):
            some = [_sample(requests, row, number) for row in chosen[start : start + PART].tolist()]
            part = _compressed([details for _, details in some])
            left -= len(part)
            has = left >= 0
            rows += [[*row, len(parts) if has else -1] for row, _ in some]
            if has:
                parts.append(part)
                texts += len(some)
    said = []
    if len(rows) < total:
        said.append(
            f"{len(rows):,} of {total:,} requests are in this file: those that are not right, and a seeded sample"
        )
    if texts < len(rows):
        said.append(f"the texts of {texts:,} of them are")
    return ReportSamples(rows, parts, "; ".join(said))


def _chosen(requests: Requests, most: int) -> Whole:
    """Return the rows to embed: what is not right before the rest, each in the journal's order."""
    rows = np.arange(len(requests))
    if len(rows) > most:
        order = np.random.default_rng(SEED).permutation(len(rows))
        order = order[np.argsort(requests.state[order] == State.RIGHT, kind="stable")]
        rows = order[:most]
    right = requests.state[rows] == State.RIGHT
    return np.asarray(rows[np.lexsort((requests.offset[rows], right))])


def _compressed(details: list[Json]) -> str:
    text = json.dumps(details, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(), 6)).decode()


def _sample(requests: Requests, row: int, run: int) -> tuple[list[Json], Json]:
    """Return a row of the list, and what the detail pane shows."""
    record, score = requests.record(row), requests.score(row)
    outcome = record.outcome
    flags = [name for name in requests.names["flags"] if requests.take(np.array([row])).has("flags", name).any()]
    asked = record.sample.messages[-1].content if record.sample.messages else ""
    timing = record.timing
    listed: list[Json] = [
        _clipped(record.sample.id, 200), record.sample.task, record.target, record.repeat,
        STATES[int(requests.state[row])], None if score is None else score.value,
        None if score is None or score.answer is None else _clipped(score.answer, 200),
        None if record.sample.expected is None else _clipped(record.sample.expected, 200), _clipped(asked, 120),
        timing.ttft_s if timing else None, timing.e2e_s if timing else None,
        outcome.tokens if isinstance(outcome, Completion) else None,
        None if record.cost_usd is None else float(record.cost_usd), flags, run,
    ]  # fmt: skip
    return listed, {**_texts(record), "scores": list(_scores(requests, row, record)), **_times(record)}


def _texts(record: Record) -> dict[str, Json]:
    outcome = record.outcome
    said: dict[str, Json] = {
        "messages": [[message.role, _clipped(message.content)] for message in record.sample.messages],
        "choices": [_clipped(choice, 400) for choice in record.sample.choices[:26]],
        "meta": {str(key)[:60]: _clipped(str(value), 200) for key, value in list(record.sample.meta.items())[:20]},
    }
    if isinstance(outcome, Failure):
        said["failure"] = [
            outcome.kind,
            outcome.phase,
            outcome.status,
            _clipped(outcome.message),
            _clipped(outcome.partial),
        ]
        return said
    said |= {"text": _clipped(outcome.text), "finish": outcome.finish_reason, "model": outcome.model}
    said |= {"reasoning": _clipped(outcome.reasoning)} if outcome.reasoning else {}
    said |= {"refusal": _clipped(outcome.refusal)} if outcome.refusal else {}
    calls = [[call.name, _clipped(call.arguments)] for call in outcome.tool_calls[:50]]
    usage = outcome.usage
    counts = [usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens, usage.reasoning_tokens]
    return said | ({"calls": calls} if calls else {}) | {"usage": counts}


def _scores(requests: Requests, row: int, record: Record) -> Iterator[Json]:
    for scorer in requests.run.scorers.get(record.sample.task, ()):
        score = requests.score(row, scorer)
        if score is not None:
            why = score.why or score.error or ""
            yield [scorer, score.value, score.answer and _clipped(score.answer, 400), score.rule, _clipped(why, 400)]


def _times(record: Record) -> dict[str, Any]:
    """Return the instants of a request in seconds, and its earlier attempts."""
    timing = record.timing
    found: dict[str, Any] = {"at": record.at, "warnings": [_clipped(text, 300) for text in record.warnings[:20]]}
    if timing is not None:
        names = ("connect_s", "lag_s", "first_byte_s", "ttft_s", "ttfo_s", "e2e_s", "stream_s", "tpot_s", "max_stall_s")
        found["timing"] = {name: value for name in names if (value := getattr(timing, name)) is not None}
    found["attempts"] = [
        [one.failure.kind, one.failure.status, _clipped(one.failure.message, 400), one.sent_s, one.took_s, one.wait_s]
        for one in record.attempts[:20]
    ]
    return found


def _clipped(text: str, most: int = HEAD + TAIL) -> str:
    """Return a text without its middle where it is long."""
    if len(text) <= most:
        return text
    tail = min(TAIL, most // 4)
    return f"{text[: most - tail]}\n[... {len(text) - most:,} characters ...]\n{text[-tail:]}"
