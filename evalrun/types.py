"""What happened, as values: samples, completions, failures, records, scores. No behaviour, no I/O.

What was *typed* (suites, configs) is pydantic and defined elsewhere. These are frozen msgspec structs, because a run
makes millions of them and the journal consists of them. Unknown is `None`, never 0. Quantities carry their unit:
`_s` seconds, `_tokens`, `_usd` US dollars.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import msgspec

from evalrun.ends import finish_of

Json = Any  # a JSON value: None, bool, int, float, str, list or dict of the same


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=False):
    """Base of all structs: frozen, keyword-only, defaults omitted from the JSON."""


# ---------------------------------------------------------------- what is asked


class Message(Value, frozen=True):
    """One message of a conversation, as sent."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sample(Value, frozen=True):
    """One question of a task.

    id: unique within the task.
    expected: the right answer; None where there is none.
    choices: the options of a multiple-choice question.
    meta: further fields of the row, for grouping (level, subject, size).
    """

    task: str
    id: str
    messages: tuple[Message, ...]
    expected: str | None = None
    choices: tuple[str, ...] = ()
    meta: Mapping[str, Json] = {}


# ---------------------------------------------------------------- what comes back


TokenSource = Literal["usage", "chunks"]


class Usage(Value, frozen=True):
    """Tokens as the server billed them; None where it sent no count. Prompt includes cached, completion reasoning.

    written_tokens: of the prompt, those that were written to a cache.
    total_tokens: as sent, where the counts do not add up to it.
    most_completion_tokens: what may then have been billed, where that is more.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    written_tokens: int | None = None
    reasoning_tokens: int | None = None
    total_tokens: int | None = None
    most_completion_tokens: int | None = None
    reported_cost_usd: Decimal | None = None


class ToolCall(Value, frozen=True):
    """A tool call, joined from its fragments."""

    id: str = ""
    name: str = ""
    arguments: str = ""


class Completion(Value, frozen=True, tag="completion"):
    """A finished answer.

    text: the answer without reasoning and leaked end markers.
    reasoning_shapes: in which forms the reasoning was sent (`wire.reasoning`).
    finish_reason: the server's word that decides how it ended (`ends`).
    tokens: completion tokens, counted by `token_source`; None where nothing counted them.
    chunks: number of token events.
    others: the texts of choices 1.. where several were asked for.
    flags: oddities, by the names of `explain.WARNINGS`.
    """

    text: str
    reasoning: str = ""
    reasoning_shapes: tuple[str, ...] = ()
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    usage: Usage = Usage()
    tokens: int | None = None
    token_source: TokenSource | None = None
    chunks: int = 0
    streamed: bool = True
    model: str = ""
    response_id: str = ""
    system_fingerprint: str = ""
    others: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def truncated(self) -> bool:
        """Return whether the answer reached its token limit."""
        return finish_of(self.finish_reason) == "truncated"


class Phase(StrEnum):
    """How far a request got. With the status and the headers it decides whether it may be sent again."""

    NOT_SENT = "not_sent"  # no byte of the request was handed to the kernel
    SENDING = "sending"  # some bytes of the request
    SENT = "sent"  # all of the request, and no byte of the answer came
    PARTIAL = "partial"  # part of the answer came
    COMPLETE = "complete"  # all of the answer came


FailureKind = Literal[
    # network
    "dns", "connect", "tls", "timeout_connect", "timeout_first_byte", "stall", "deadline", "reset", "truncated",
    "client_resource", "protocol",
    # HTTP answers
    "bad_request", "context_length", "auth", "quota", "content_filter", "no_model", "not_found", "too_large",
    "rate_limited", "server", "redirect", "not_sse", "empty",
    # stream
    "in_band", "bad_chunk", "too_big", "runaway",
]  # fmt: skip


class Failure(Value, frozen=True, tag="failure"):
    """A request without an answer. Never a score of 0.

    message: for people, with keys redacted.
    status: the HTTP status, if any.
    partial: the text received before it failed.
    retry_after_s: the wait the server asked for.
    tokens: completion tokens that came, where it was cut for having too many.
    possibly_billed: whether it was fully sent and may have cost money.
    momentary: whether asking was stopped with attempts left, so that a resumed run asks again.
    """

    kind: FailureKind
    phase: Phase
    message: str
    status: int | None = None
    partial: str = ""
    retry_after_s: float | None = None
    tokens: int | None = None
    possibly_billed: bool = False
    momentary: bool = False


Outcome = Completion | Failure


# ---------------------------------------------------------------- what is measured


PaceBasis = Literal["events", "sizes", "answer"]
"""What a TPOT is based on: one token an event, events by their size, or the answer without its reasoning."""


class Timing(Value, frozen=True):
    """The latencies of one request, in seconds from `sent` (the last request byte handed to the kernel).

        scheduled   sent        first            first answer      last     closed
            |--lag--|---ttft------|                     |            |         |
                    |-------------ttfo-----------------|             |         |
                    |--------------------e2e-------------------------|         |
                    |--------------------stream------------------------------- |

    Definitions and when each is None: docs/metrics.md.
    lag_s: from when its load pattern wanted it sent to its first attempt.
    tpot_tokens: the tokens that arrived after the first token event, in whose time TPOT is. tpot_basis: how they are
    known; only `events` is counted, the others are estimates.
    icl_s: gaps between token events.
    stamp: who took the instants, `kernel` (arrival of the segment) or `user` (return of the read).

    first_bound_s, last_bound_s: how much earlier than recorded the first and the last token event may have arrived.
    gap_bound_s: how much smaller any gap but the last, or the longest of all, may have been.
    Bounds are 0.0 where the kernel stamped each event; None where it stamped none.
    """

    connect_s: float
    reused: bool
    lag_s: float | None = None
    first_byte_s: float | None = None
    ttft_s: float | None = None
    ttfo_s: float | None = None
    e2e_s: float | None = None
    stream_s: float | None = None
    tpot_s: float | None = None
    tpot_tokens: float | None = None
    tpot_basis: PaceBasis | None = None
    max_stall_s: float | None = None
    icl_s: tuple[float, ...] = ()
    stamp: Literal["kernel", "user"] = "user"
    first_bound_s: float | None = 0.0
    last_bound_s: float | None = 0.0
    gap_bound_s: float | None = 0.0


class Attempt(Value, frozen=True):
    """An earlier, failed attempt of a request that was sent again after `wait_s`."""

    failure: Failure
    sent_s: float
    took_s: float
    wait_s: float


class Record(Value, frozen=True):
    """One question asked of one target: the request, its outcome, its latencies and its cost.

    key: identifies (target, task, sample, repeat, request body).
    session: the start of the run that asked it.
    at: UTC, a label only.
    sent_s: when it was sent, on the session's monotonic clock; 0 is the session's start.
    took_s: from then until it had failed; None for an answer, which has `timing`.
    attempts: earlier, failed attempts.
    most_usd: what a cap is charged for it, where that is not `cost_usd`: the most it may have cost.
    warnings: what a reader of the numbers should know, as `kind: details`.
    """

    key: str
    session: int
    target: str
    sample: Sample
    repeat: int
    outcome: Outcome
    at: str
    sent_s: float
    took_s: float | None = None
    timing: Timing | None = None
    cost_usd: Decimal | None = None
    most_usd: Decimal | None = None
    attempts: tuple[Attempt, ...] = ()
    warnings: tuple[str, ...] = ()


# ---------------------------------------------------------------- how it is judged


class Score(Value, frozen=True):
    """A scorer's judgement of a record.

    value: 0..1, or None if the answer could not be judged (`error` says why).
    answer: the extracted answer; None where none was found.
    rule: how it was extracted.
    disputed: whether two judges disagreed; `why` has both.
    means: the answer in a form in which equivalent answers are equal (`1,000` and `1000`), where the text is not.
    """

    value: float | None
    answer: str | None = None
    why: str = ""
    rule: str = ""
    disputed: bool = False
    error: str | None = None
    means: str = ""

    @property
    def vote(self) -> str | None:
        """Return what the answer counts for in a majority vote; None where there is no answer, which never wins."""
        return self.means or self.answer or None


class Scored(Value, frozen=True):
    """A score with its record's key and its scorer: one line of scores.jsonl.

    answer_crc: checksum of the judged text; a score of another text is ignored.
    """

    key: str
    scorer: str
    score: Score
    answer_crc: int = 0
