"""How an answer ended, by the server's word for it: the closed table of ends. No other text is read here.

    complete    the model was done: it stopped, met a stop sequence, called a tool
    truncated   it met a limit of tokens, or of the context
    filtered    a filter took the answer, or the rest of it
    broken      the server gave it up: its own error, no resources, aborted, a call that it could not read
    unknown     a word that is not in the table

The table is docs/faults.md's, with its sources. Words are compared without case, and `-`, blanks and `_` are the same;
what an enumeration's name puts before its value (`FinishReason.STOP`, `FINISH_REASON_STOP`) is dropped.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

Finish = Literal["complete", "truncated", "filtered", "broken", "unknown"]
MOST_CHARS = 100
"""Of a word that is kept."""

WORDS: dict[Finish, str] = {
    "complete": """
        stop stopped stops stop_sequence stop_sequences stop_string stop_string_found stop_token stop_criteria_met
        stop_word stop_words stopword word hit_stop_token stop_str matched_stop matched_token matched_str natural_stop
        end end_turn end_of_turn end_of_text endoftext end_of_sequence eos eos_token eos_found eos_id eot eot_id eom
        eom_id im_end s
        complete completed finish finished done normal success succeeded
        tool_call tool_calls tool_use function_call function_calls
    """,
    "truncated": """
        length len limit max_length max_len max_tokens max_token token_limit max_token_limit max_tokens_reached
        max_predicted_tokens_reached max_output_tokens max_completion_tokens max_new_tokens output_limit
        model_length max_model_len context context_length context_window context_limit context_length_reached
        context_length_exceeded context_window_exceeded model_context_window_exceeded max_context max_context_length
        error_limit incomplete truncated truncation cutoff cut_off too_long limit_reached out_of_context n_predict
        pause_turn repetition
    """,
    "filtered": """
        content_filter content_filtered content_filter_stop filter filtered content_policy content_policy_violation
        policy_violation safety safety_filter prohibited_content blocklist blocked block recitation spii language
        model_armor jailbreak image_safety image_prohibited_content image_recitation error_toxic toxic toxicity
        content_moderation content_security data_inspection_failed unsafe harmful inappropriate prohibited
        refusal refused sensitive moderation moderated flagged censored censorship guardrail guardrails
        guardrail_intervened violation risk_control copyright
    """,
    "broken": """
        abort aborted error errored internal internal_error server_error engine_error error_finish fail failed failure
        exception crash crashed killed evicted shutdown expired bad_request service_unavailable cancel cancelled
        canceled user_cancel user_stopped interrupted preempted disconnect disconnected
        insufficient_system_resource insufficient_resources overloaded unavailable oom out_of_memory
        rate_limit rate_limited rate_limit_exceeded quota_exceeded network_error connection_error connection_lost
        timeout timed_out time_limit deadline_exceeded model_unloaded unload
        other invalid malformed_function_call malformed_response malformed_model_output malformed_tool_use
        malformed_tool_call unexpected_tool_call too_many_tool_calls missing_thought_signature no_image image_other
    """,
}
_TABLE: dict[str, Finish] = {word: finish for finish, words in WORDS.items() for word in words.split()}
STARTS: dict[Finish, str] = {
    "filtered": "guardrail content_filter content_policy moderation copyright safety_ sensitive_ unsafe_ harmful_ "
    "illegal_",
    "truncated": "max_ context_ length_",
    "broken": "malformed error_ internal_ server_ network_ insufficient_ aborted_ user_cancel client_disconnect",
}
"""How further words of an end begin."""
ENDINGS: dict[Finish, str] = {
    "filtered": "_filter _filtered _blocked _violation _safety",
    "broken": "_error _failed _failure _aborted _cancelled _canceled _timeout _exception",
    "truncated": "_limit _limit_reached _length _truncated _truncation",
}
"""How they end, where their beginning says nothing."""
_STARTS: dict[str, Finish] = {start: finish for finish, starts in STARTS.items() for start in starts.split()}
_ENDINGS: dict[str, Finish] = {end: finish for finish, ends in ENDINGS.items() for end in ends.split()}
_GRAVEST: tuple[Finish, ...] = ("broken", "filtered", "truncated", "complete", "unknown")
_ENUMERATION = re.compile(r"^(?:[a-z_]*(?:finish|stop)_?reason(?:_?enum)?[._]|reason_)+")
_AROUND = "<|>/[]\"'_."  # `<|im_end|>`, `</s>`
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_UNSENT = frozenset(
    {
        "",
        "null",
        "none",
        "undefined",
        "unspecified",
        "in_progress",
        "not_finished",
        "unfinished",
        "running",
        "streaming",
    }
    | {"generating", "pending", "continue", "0", "false"}
)
"""Words by which some server says that it has not ended yet: DashScope's `null`, Vertex's FINISH_REASON_UNSPECIFIED."""


@lru_cache(maxsize=256)
def finish_of(word: str | None) -> Finish:
    """Return how an answer ended that ended with this word; one without a word counts as complete."""
    if not word:
        return "complete"
    parts = [word, *word.split(":")] if ":" in word else [word]  # Gemini: `content_filter: SAFETY`
    found = {_of(_normal(part)) for part in parts[:8]}
    return next(finish for finish in _GRAVEST if finish in found)


def _of(word: str) -> Finish:
    """Return the end of a normal word."""
    if word in _TABLE:
        return _TABLE[word]
    begun = [finish for start, finish in _STARTS.items() if word.startswith(start)]
    ended = [finish for end, finish in _ENDINGS.items() if word.endswith(end)]
    return next(iter(begun + ended), "unknown")


def is_end(word: str | None) -> bool:
    """Return whether a word says that the answer has ended."""
    return bool(word) and _normal(word or "") not in _UNSENT


def gravest(words: Iterable[str]) -> str | None:
    """Return the word that decides among all that a server sent for one answer: the gravest end, of those the last.

    A word nobody knows beside one of the table decides nothing: gateways translate the words of their providers.
    """
    found: str | None = None
    for word in words:
        if found is None or _GRAVEST.index(finish_of(word)) <= _GRAVEST.index(finish_of(found)):
            found = word
    return found


def _normal(word: str) -> str:
    word = word.strip()[:MOST_CHARS]
    snake = word if word.isupper() else _CAMEL.sub("_", word)
    return _ENUMERATION.sub("", re.sub(r"[\s_-]+", "_", snake.lower()).strip(_AROUND)).strip("_.")
