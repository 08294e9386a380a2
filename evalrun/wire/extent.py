"""How much an answer may be billed for: by the request body's fields, and, while it comes, by what came so far.

A body's fields are found by their names, whatever their case and their underscores, at any depth (`extra_body`,
`options`, `parameters`); not inside what is sent on as it is: tools, schemas, metadata, a template's arguments.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from evalrun.types import Json

LIMITS = (
    "max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "max_generated_tokens",
    "max_tokens_to_sample", "max_length", "n_predict", "num_predict",
)  # fmt: skip
"""Body fields by which some server or other limits an answer's tokens."""
THOUGHTS = (
    "thinking_budget", "budget_tokens", "reasoning_budget", "thinking_tokens", "max_thinking_tokens",
    "reasoning_tokens", "max_reasoning_tokens", "thinking_token_budget",
)  # fmt: skip
"""Body fields by which it limits the reasoning, which some bill beside the answer's limit."""
CHOICES = (
    "n", "best_of", "num_choices", "num_completions", "num_generations", "num_outputs",
    "num_return_sequences", "candidate_count", "num_candidates", "num_beams", "beam_width", "beam_size",
)  # fmt: skip
"""Body fields by which it writes, and bills, several answers."""
SENT_ON = (
    "messages", "tools", "functions", "response_format", "json_schema", "guided_json", "structured_outputs", "metadata",
    "logit_bias", "chat_template_kwargs", "grammar", "tool_choice", "extra_headers", "prediction", "safety_settings",
)  # fmt: skip
"""Body fields that hold anything, none of which counts here."""
_THINKING = frozenset({"reasoning", "thinking", "thinkingconfig"})
_MOST_DEPTH = 16


def _bare(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


_KIND = {_bare(name): kind for kind, names in (("limit", LIMITS), ("thought", THOUGHTS), ("choices", CHOICES))
         for name in names}  # fmt: skip
_SENT_ON = frozenset(map(_bare, SENT_ON))


def most_tokens(fields: Mapping[str, Json]) -> int | None:
    """Return the most completion tokens that a body with these fields may be billed for; None if nothing limits them.

    Where several fields limit the answer, which one a server follows is unknown: the largest counts.
    """
    found: dict[str, list[int]] = {"limit": [], "thought": [0], "choices": [1]}
    for _, kind, value in _counted(fields, (), 0):
        if type(value) is not int or value < (kind != "thought"):
            return None  # -1: as many as there are
        found[kind].append(value)
    if not found["limit"]:
        return None
    return (max(found["limit"]) + max(found["thought"])) * max(found["choices"])


def misread(fields: Mapping[str, Json]) -> str:
    """Return what is wrong with a field that decides how much is billed; empty where all of them are understood."""
    for path, kind, value in _counted(fields, (), 0):
        if type(value) is not int:
            right = "8" if kind == "choices" else "256"
            return f"{'.'.join(path)}: {value!r} is not a whole number, and it decides the cost; write e.g. {right}"
        if kind == "choices" and value < 1:
            return f"{'.'.join(path)}: {value} answers cannot be asked for; write a whole number from 1"
    return ""


def _counted(value: Json, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str, Json]]:
    """Yield the path, kind and value of each field that decides how much is billed. None counts as not sent."""
    if depth > _MOST_DEPTH:
        return
    if isinstance(value, list | tuple):
        for item in value:
            yield from _counted(item, path, depth + 1)
    if not isinstance(value, Mapping):
        return
    for name, inner in value.items():
        bare = _bare(str(name))
        kind = _KIND.get(bare)
        if kind == "limit" and path and _bare(path[-1]) in _THINKING:
            kind = "thought"
        if kind is not None and not isinstance(inner, Mapping | list | tuple | None):
            yield (*path, str(name)), kind, inner
        elif bare not in _SENT_ON:
            yield from _counted(inner, (*path, str(name)), depth + 1)


# ---------------------------------------------------------------- while it comes

SLACK, SPARE_EVENTS = 1.25, 64
TOKEN_BYTES, SPARE_BYTES = 16, 1024
"""Nobody's tokens have more bytes than this on average, unless they are blanks: single characters are no tokens."""
LONGEST_TOKEN, SPARE_LONG = 128, 8192
"""No token has more bytes than this."""
THINKING = 131_072
"""Further tokens of reasoning: some providers' `max_tokens` limits the answer alone."""
BYTES_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Extent:
    """How many tokens an answer may have. tokens: None for no limit. thinking: further ones, of reasoning."""

    tokens: int | None = None
    thinking: int = THINKING


class Coming(Protocol):
    """As much of an answer as came (`dialect.Decoder`)."""

    @property
    def instants(self) -> Sequence[int]: ...
    @property
    def sizes(self) -> Sequence[int]: ...
    @property
    def first_answer_ns(self) -> int | None: ...


class Gauge:
    """Says when an answer that is still coming has more tokens than it may have, in linear time in all.

    A token event may hold several tokens, or less than one, so both events and bytes of text are looked at.

    runaway: it has. limit: of its tokens.
    """

    def __init__(self, extent: Extent) -> None:
        self._extent = extent
        self.limit = 0 if extent.tokens is None else extent.tokens
        self.runaway = False
        self._events_at = self.limit * SLACK + SPARE_EVENTS
        self._bytes_at: float = self.limit * LONGEST_TOKEN + SPARE_LONG
        self._read = 0

    def is_due(self, read: int, events: int) -> bool:
        """Take in so many bytes more, and all token events so far; return whether `is_runaway` is to be asked."""
        self._read += read
        if events <= self._events_at and self._read <= self._bytes_at:
            return False
        self._events_at = max(self._events_at, events * 1.125)
        self._bytes_at = max(self._bytes_at, self._read * 1.125)
        return self._extent.tokens is not None

    def is_runaway(self, answer: Coming) -> bool:
        """Return whether the answer, or the reasoning before it, is longer than a server that counts lets it be."""
        instants, sizes, first_ns = answer.instants, answer.sizes, answer.first_answer_ns
        begins = len(instants) if first_ns is None else bisect_left(instants, first_ns)
        self.runaway = _exceeds(sizes[begins:], self.limit) or _exceeds(
            sizes[:begins], self.limit + self._extent.thinking
        )
        return self.runaway


def _exceeds(sizes: Sequence[int], tokens: int) -> bool:
    text = sum(sizes)
    return text > tokens * LONGEST_TOKEN + SPARE_LONG or (
        len(sizes) > tokens * SLACK + SPARE_EVENTS and text > tokens * TOKEN_BYTES + SPARE_BYTES
    )


def counted_tokens(sizes: Sequence[int]) -> int:
    """Return how many tokens these token events stand for at least, as they are booked: events, or bytes / 4."""
    return max(len(sizes), sum(sizes) // BYTES_A_TOKEN)
