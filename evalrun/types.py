"""What happened, as values: samples, completions, failures, records, scores. No behaviour, no I/O.

What somebody *typed* (suites, configs) is pydantic and lives beside its module; these are frozen
msgspec structs, because a run makes millions of them and the journal is made of nothing else.
Unknown is `None`, never 0. Quantities carry their unit: `_s` seconds, `_tokens`, `_usd` US dollars.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import msgspec

Json = Any  # a JSON value: None, bool, int, float, str, list or dict of the same


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=False):
    """Base of every struct here: frozen, keyword-only, defaults left out of the JSON."""


# ---------------------------------------------------------------- asked


class Message(Value, frozen=True):
    """One message of a conversation, as it is sent."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sample(Value, frozen=True):
    """One question of a task. `id` is unique within the task.

    expected: the right answer, where there is one. choices: the options of a multiple-choice question.
    meta: the row's other fields that the table may group by (level, subject, size).
    """

    task: str
    id: str
    messages: tuple[Message, ...]
    expected: str | None = None
    choices: tuple[str, ...] = ()
    meta: Mapping[str, Json] = {}


# ---------------------------------------------------------------- answered


TokenSource = Literal["usage", "tokenizer", "chunks"]


class Usage(Value, frozen=True):
    """Tokens as the server counted them. Cached is inside prompt, reasoning inside completion; None is "not sent"."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    reported_cost_usd: Decimal | None = None


class ToolCall(Value, frozen=True):
    """A tool call, put together from its fragments."""

    id: str = ""
    name: str = ""
    arguments: str = ""


class Completion(Value, frozen=True, tag="completion"):
    """A finished answer.

    text: the answer without its reasoning and without leaked end markers. tokens: completion tokens by
    `token_source`; None when nothing said. chunks: token events seen. flags: what was odd about it, e.g.
    `no_done_marker`, `no_finish_reason`, `buffered`, `invalid_utf8`, `leaked_marker`, `data_after_done`.
    others: the texts of choices 1.. when several were asked for.
    """

    text: str
    reasoning: str = ""
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
        """Whether the answer ran into its token limit: its own outcome, counted apart."""
        return self.finish_reason == "length"


class Phase(StrEnum):
    """How far a request got. Only this, the status and the headers decide whether it may be sent again."""

    NOT_SENT = "not_sent"  # not one byte of the request was handed to the kernel
    SENDING = "sending"  # some bytes of the request were handed over, not all
    SENT = "sent"  # all of it, and not one byte of the answer came
    PARTIAL = "partial"  # some of the answer came
    COMPLETE = "complete"  # all of it came


FailureKind = Literal[
    # network
    "dns", "connect", "tls", "timeout_connect", "timeout_first_byte", "stall", "deadline", "reset", "truncated",
    "client_resource", "protocol",
    # HTTP answers
    "bad_request", "context_length", "auth", "quota", "content_filter", "no_model", "too_large", "rate_limited",
    "server", "redirect", "not_sse", "empty",
    # stream
    "in_band", "bad_chunk", "too_big", "runaway",
]  # fmt: skip


class Failure(Value, frozen=True, tag="failure"):
    """One request that gave no answer. Never a score of 0.

    message: for people, redacted. partial: the text that came before it broke. status: the HTTP status, if any.
    retry_after_s: what the server asked for. possibly_billed: it was fully sent and may have cost money.
    momentary: asking was stopped before the attempts were used up, so a resume asks again.
    """

    kind: FailureKind
    phase: Phase
    message: str
    status: int | None = None
    partial: str = ""
    retry_after_s: float | None = None
    possibly_billed: bool = False
    momentary: bool = False


Outcome = Completion | Failure


# ---------------------------------------------------------------- measured


class Timing(Value, frozen=True):
    """The latencies of one request, in seconds from `sent` (the last request byte handed to the kernel).

        scheduled   sent        first            first answer      last     closed
            |--lag--|---ttft------|                     |            |         |
                    |-------------ttfo-----------------|             |         |
                    |--------------------e2e-------------------------|         |
                    |--------------------stream------------------------------- |

    Definitions and when each is None: docs/metrics.md. icl_s: gaps between token events.
    stamp: who took the instants, `kernel` (arrival of the segment) or `user` (return of the read).

    first_bound_s, last_bound_s, gap_bound_s: how much earlier than recorded the first, the last and any of the token
    events may have arrived. 0.0 where the kernel stamped each of them; None where it stamped none.
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
    max_stall_s: float | None = None
    icl_s: tuple[float, ...] = ()
    stamp: Literal["kernel", "user"] = "user"
    first_bound_s: float | None = 0.0
    last_bound_s: float | None = 0.0
    gap_bound_s: float | None = 0.0


class Attempt(Value, frozen=True):
    """An earlier attempt of the same request, which failed and was sent again after `wait_s`."""

    failure: Failure
    sent_s: float
    took_s: float
    wait_s: float


class Record(Value, frozen=True):
    """One question, asked once of one target: what was asked, what came back, how long it took, what it cost.

    key: identifies (target, task, sample, repeat, request body). session: which start of the run asked it.
    sent_s: instant of sending on that session's monotonic clock, 0 = the session's start. at: UTC, a label only.
    attempts: the earlier, failed attempts. warnings: what a reader of the numbers must know, as `kind: details`.
    """

    key: str
    session: int
    target: str
    sample: Sample
    repeat: int
    outcome: Outcome
    at: str
    sent_s: float
    timing: Timing | None = None
    cost_usd: Decimal | None = None
    attempts: tuple[Attempt, ...] = ()
    warnings: tuple[str, ...] = ()


# ---------------------------------------------------------------- judged


class Score(Value, frozen=True):
    """What one scorer says of one record. value: 0..1, or None when it could not say (`error` tells why).

    answer: what was taken for the answer, None where none was found. rule: how it was found. disputed: two judges
    disagreed, see `why`. means: what the answer says, where equal texts are not what the scorer takes for the same
    answer (`1,000` and `1000`): two answers to one sample are equivalent if their `vote` is equal.
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
        """What the answer counts for in a majority of several; None where there is no answer, which never wins."""
        return self.means or self.answer or None


class Scored(Value, frozen=True):
    """A score, the record it belongs to and who gave it: one line of scores.jsonl.

    answer_crc: of the text that was judged, so that a score never outlives its answer.
    """

    key: str
    scorer: str
    score: Score
    answer_crc: int = 0
