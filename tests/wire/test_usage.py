"""wire.usage: under which names counts come, what they mean together, and which of them cannot be. Sums by hand."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.types import Usage
from evalrun.wire.usage import Tokens


def read(*blocks: Any) -> tuple[Usage, set[str]]:
    tokens = Tokens()
    for block in blocks:
        tokens.add(block)
    return tokens.usage()


def plain(prompt: int, output: int, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": output, **more}


def thought(tokens: Any) -> dict[str, Any]:
    return {"completion_tokens_details": {"reasoning_tokens": tokens}}


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "cached",
    [
        {"prompt_tokens_details": {"cached_tokens": 900}},  # OpenAI
        {"cached_tokens": 900},  # Moonshot
        {"prompt_cache_hit_tokens": 900, "prompt_cache_miss_tokens": 100},  # DeepSeek
        {"cache_read_input_tokens": 900},  # gateways to Anthropic
        {"prompt_tokens_details": {"cached_tokens": 0}, "cached_tokens": 900},  # a details object filled with 0
        {"prompt_tokens_details": None, "cached_tokens": 900.0},
    ],
)
def test_cached_tokens_under_every_name(cached: dict[str, Any]) -> None:
    """They are part of the prompt."""
    assert read(plain(1000, 2, total_tokens=1002, **json_numbers(cached))) == (
        Usage(prompt_tokens=1000, completion_tokens=2, cached_tokens=900), set(),
    )  # fmt: skip


def json_numbers(value: Any) -> Any:
    """Return a value as the decoder gives it: 900.0 is a Decimal."""
    from evalrun.wire.chunk import parse

    return parse(json.dumps(value))


@pytest.mark.parametrize(
    "block",
    [
        {"input_tokens": 10, "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 3}},
        {"inputTokens": 10, "outputTokens": 7, "totalTokens": 17, "reasoning_tokens": 3},
        plain(10, 7, input_tokens=0, output_tokens=0, **thought(3)),  # a gateway that fills the other names with 0
        plain(10, 7, total_tokens=None, prompt_tokens_details=None, **thought(3)),
    ],
)
def test_prompt_and_output_under_every_name(block: dict[str, Any]) -> None:
    """Zeros and nulls under other names say nothing."""
    usage, flags = read(block)
    assert (usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens, flags) == (10, 7, 3, set())


def test_anthropics_input_is_without_what_a_cache_had_to_do_with() -> None:
    """100 + 900 read + 50 written; its total, where a gateway adds one, is with or without the 950."""
    block = {
        "input_tokens": 100, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 50, "output_tokens": 7,
    }  # fmt: skip
    found = Usage(prompt_tokens=1050, completion_tokens=7, cached_tokens=900, written_tokens=50)
    for total in ({}, {"total_tokens": 107}, {"total_tokens": 1057}):
        assert read({**block, **total}) == (found, {"cache_written"})


# ---------------------------------------------------------------- the total


def test_reasoning_beside_the_completion() -> None:
    """xAI: 100 + 400 + 300 = 800, so 700 output tokens were billed."""
    assert read(plain(100, 400, total_tokens=800, **thought(300))) == (
        Usage(prompt_tokens=100, completion_tokens=700, reasoning_tokens=300), {"usage_by_total"},
    )  # fmt: skip


def test_thoughts_in_the_total_alone() -> None:
    """Gemini: 6 + 11 of 617, so 600 thoughts; an explicit 0 is no count of them."""
    for details in ({}, thought(0), {"completion_tokens_details": None}):
        assert read(plain(6, 11, total_tokens=617, **details)) == (
            Usage(prompt_tokens=6, completion_tokens=611, reasoning_tokens=600), {"usage_by_total"},
        )  # fmt: skip


def test_cached_tokens_beside_the_prompt() -> None:
    """100 + 5 + 900 cached = 1005: the prompt has 1000 tokens."""
    assert read(plain(100, 5, total_tokens=1005, cached_tokens=900)) == (
        Usage(prompt_tokens=1000, completion_tokens=5, cached_tokens=900), {"usage_by_total"},
    )  # fmt: skip


def test_what_only_the_total_has() -> None:
    """17 - 10 is the output that was not sent, 17 - 7 the prompt; of a total alone nothing is known."""
    assert read({"prompt_tokens": 10, "total_tokens": 17}) == (
        Usage(prompt_tokens=10, completion_tokens=7), {"usage_by_total"},
    )  # fmt: skip
    assert read({"completion_tokens": 7, "total_tokens": 17})[0] == Usage(prompt_tokens=10, completion_tokens=7)
    assert read({"total_tokens": 17}) == (Usage(), set())


@pytest.mark.parametrize(
    ("block", "most"),
    [
        (plain(100, 400, total_tokens=900, **thought(300)), 800),  # 400 too many, and 300 of them are no explanation
        (plain(100, 400, total_tokens=450), None),  # too small
        (plain(100, 3, **thought(9)), 12),  # more reasoning than output, and no total
        (plain(100, 3, total_tokens=103, **thought(9)), 12),
        (plain(100, 400, total_tokens=800, cached_tokens=300, **thought(300)), None),  # two explanations
    ],
)
def test_what_does_not_add_up(block: dict[str, Any], most: int | None) -> None:
    """It is flagged; what may have been billed is kept beside what is counted, and so is the total."""
    usage, flags = read(block)
    assert "usage_mismatch" in flags
    assert (usage.most_completion_tokens, usage.total_tokens) == (most, block.get("total_tokens"))


def test_more_cached_than_the_prompt_has() -> None:
    """Nothing is subtracted from anything."""
    usage, flags = read(plain(100, 5, cached_tokens=900))
    assert (usage.prompt_tokens, usage.cached_tokens) == (100, 900)
    assert flags == {"cached_over_prompt", "usage_mismatch"}


# ---------------------------------------------------------------- nonsense, and streams


@pytest.mark.parametrize("nonsense", ["-8", "8.5", '"8"', "true", "9007199254740992", "1e999", "NaN", "[8]", "{}"])
def test_what_is_no_count(nonsense: str) -> None:
    """It is not taken, and flagged; the total stands in for it, and 8.0 is 8."""
    odd = json_numbers_of(f'{{"prompt_tokens":10,"completion_tokens":{nonsense},"total_tokens":18}}')
    assert read(odd) == (Usage(prompt_tokens=10, completion_tokens=8), {"usage_by_total", "usage_mismatch"})
    alone = json_numbers_of(f'{{"prompt_tokens":10,"completion_tokens":{nonsense}}}')
    assert read(alone) == (Usage(prompt_tokens=10), {"usage_mismatch"})
    assert read(json_numbers_of('{"prompt_tokens":10,"completion_tokens":8.0}'))[1] == set()


def json_numbers_of(text: str) -> Any:
    from evalrun.wire.chunk import parse

    return parse(text)


def test_zero_tokens_are_no_count() -> None:
    """An answer has a prompt and an output; 0 cached tokens are 0."""
    assert read(plain(10, 0)) == (Usage(prompt_tokens=10), {"usage_mismatch"})
    assert read(plain(0, 5)) == (Usage(completion_tokens=5), {"usage_mismatch"})
    assert read(plain(10, 5, cached_tokens=0)) == (
        Usage(prompt_tokens=10, completion_tokens=5, cached_tokens=0), set(),
    )  # fmt: skip


def test_counts_that_grow_along_a_stream() -> None:
    """The last and largest count; parts in several blocks add up to one usage (Anthropic's start and end)."""
    grown = [plain(10, n, total_tokens=10 + n) for n in (1, 2, 7)]
    whole = Usage(prompt_tokens=10, completion_tokens=7)
    assert read(*grown) == read(*grown, None, grown[-1]) == (whole, set())
    assert read({"prompt_tokens": 10}, None, {"completion_tokens": 7}, {}) == (whole, set())


def test_counts_that_fall_along_a_stream() -> None:
    """The largest is kept, so that the cost is not too low, and flagged."""
    assert read(plain(10, 7), plain(10, 5)) == (Usage(prompt_tokens=10, completion_tokens=7), {"usage_mismatch"})


def test_names_that_disagree() -> None:
    """Two counts of one thing: the larger one, flagged."""
    usage, flags = read(plain(10, 7, output_tokens=9))
    assert (usage.completion_tokens, flags) == (9, {"usage_mismatch"})


NAMES = ["prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "cached_tokens", "cost"]
NAMES += ["completion_tokens_details", "reasoning_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]
BLOCKS = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 30) | st.integers() | st.text(max_size=3) | st.decimals(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=12,
)


@given(st.lists(BLOCKS, max_size=4))
def test_any_block_gives_counts_that_can_be(blocks: list[Any]) -> None:
    """Never an exception; counts are positive, and what contradicts itself is flagged."""
    usage, flags = read(*blocks)
    prompt, output, reasoning = usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens or 0
    assert all(count is None or count > 0 for count in (prompt, output, usage.most_completion_tokens))
    if "usage_mismatch" not in flags:
        assert usage.cached_tokens is None or prompt is None or usage.cached_tokens <= prompt
        assert output is None or reasoning <= output
        assert usage.most_completion_tokens is None
