"""ends: the words of providers, their spelling, which of several decides; and that the docs have the same table."""

import re
from pathlib import Path

import pytest

from evalrun import ends
from evalrun.ends import Finish, finish_of, gravest, is_end

DOCS = Path(__file__).parents[1] / "docs" / "faults.md"


@pytest.mark.parametrize(
    ("finish", "words"),
    [
        ("complete", "stop end_turn eos eos_token stop_sequence tool_calls tool_use function_call COMPLETE FINISHED"),
        ("complete", "STOP_CRITERIA_MET endoftext eosFound stopStringFound REASON_STOP FinishReason.STOP Stop normal"),
        ("truncated", "length max_tokens MAX_TOKENS model_length max_output_tokens model_context_window_exceeded"),
        ("truncated", "maxPredictedTokensReached contextLengthReached FINISH_REASON_MAX_TOKENS REASON_MAX_LEN"),
        ("truncated", "ERROR_LIMIT token_limit incomplete pause_turn max-tokens max_seq_len"),
        ("broken", "abort error cancelled insufficient_system_resource network_error timeout OTHER"),
        ("broken", "MALFORMED_FUNCTION_CALL ERROR USER_CANCEL FINISH_REASON_OTHER modelUnloaded failed"),
        ("filtered", "content_filter SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII refusal sensitive"),
        ("filtered", "guardrail_intervened guardrail_blocked content_filtered ERROR_TOXIC content-filter"),
        ("complete", "<|im_end|> </s> stop_str matched_stop eos_id"),
        ("truncated", "output_token_limit repetition_truncation cut_off"),
        ("filtered", "input_blocked unsafe_content tos_violation copyright"),
        ("broken", "upstream_error request_cancelled generation_failed user_cancelled internal"),
        ("unknown", "wombat stopp lengths 7 filter_of_coffee abortion"),
    ],
)
def test_words(finish: Finish, words: str) -> None:
    """The words of the APIs' own documents, as they write them."""
    assert {word: finish_of(word) for word in words.split()} == dict.fromkeys(words.split(), finish)


def test_spelling_does_not_matter() -> None:
    """Case, blanks, hyphens, and what an enumeration's name puts before its value."""
    for word in (
        "max_tokens",
        " MAX-TOKENS\n",
        "Max Tokens",
        "maxTokens",
        "FinishReason.MAX_TOKENS",
        "stop_reason_max_tokens",
    ):
        assert finish_of(word) == "truncated", word


def test_a_word_with_its_reason() -> None:
    """Gemini names the filter and what it found; the gravest part decides."""
    assert finish_of("content_filter: SAFETY") == "filtered"
    assert finish_of("function_call_filter: MALFORMED_FUNCTION_CALL") == "broken"
    assert finish_of("stop: 42") == "complete"


def test_no_word_is_no_end() -> None:
    """DashScope says `null` until the answer ends. An answer that [DONE] ended without a word counts as complete."""
    assert [
        is_end(word)
        for word in (None, "", " ", "null", "None", "NOT_FINISHED", "FINISH_REASON_UNSPECIFIED", "stop", "wombat")
    ] == [False] * 7 + [True] * 2
    assert finish_of(None) == finish_of("") == "complete"


@pytest.mark.parametrize(
    ("words", "decides"),
    [
        ([], None),
        (["stop", "network_error"], "network_error"),
        (["MAX_TOKENS", "stop"], "MAX_TOKENS"),
        (["length", "SAFETY", "stop"], "SAFETY"),
        (["stop", "a word of the provider"], "stop"),
        (["one", "two"], "two"),
        (["tool_calls", "stop"], "stop"),
    ],
)
def test_the_gravest_of_several_words_decides(words: list[str], decides: str | None) -> None:
    """Broken, then filtered, then truncated, then complete; an unknown word only where there is no other."""
    assert gravest(words) == decides


def test_the_table_is_documented() -> None:
    """docs/faults.md lists the very words of the table, by end."""
    section = DOCS.read_text(encoding="utf-8").partition("## How answers end\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| \*\*(\w+)\*\* \|[^|]*\| (.*) \|$", section, re.MULTILINE))
    documented = {finish: set(re.findall(r"`([^`]+)`", words)) for finish, words in rows.items()}
    assert documented == {finish: set(words.split()) for finish, words in ends.WORDS.items()}
    for how, table in (("with", ends.STARTS), ("in", ends.ENDINGS)):
        parts = re.findall(rf"(\w+)\s+{how}\s+((?:`\w+`(?:,\s+)?)+)[;.]", section)
        assert {finish: set(re.findall(r"`(\w+)`", words)) for finish, words in parts} == {
            finish: set(words.split()) for finish, words in table.items()
        }


def test_no_word_is_in_two_ends() -> None:
    """A table that is closed and says one thing of each word."""
    words = [word for listed in ends.WORDS.values() for word in listed.split()]
    assert len(words) == len(set(words))
    assert all(finish_of(word) == finish for finish, listed in ends.WORDS.items() for word in listed.split())
