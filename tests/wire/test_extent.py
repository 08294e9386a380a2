"""What may be billed for a body, and when an answer that is still coming is too long."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from evalrun.wire.extent import Extent, Gauge, counted_tokens, misread, most_tokens

LIMIT = {"max_tokens": 10}


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({}, None),
        (LIMIT, 10),
        (LIMIT | {"n": 8}, 80),
        (LIMIT | {"best_of": 4, "n": 2}, 40),
        (LIMIT | {"n": None}, 10),
        (LIMIT | {"N": 3}, 30),
        (LIMIT | {"extra_body": {"n": 8}}, 80),
        (LIMIT | {"generationConfig": {"candidateCount": 3, "maxOutputTokens": 50}}, 150),
        (LIMIT | {"parameters": {"num_return_sequences": 5}}, 50),
        (LIMIT | {"options": {"num_predict": 100}}, 100),
        (LIMIT | {"options": {"num_predict": -1}}, None),
        (LIMIT | {"n": 8.0}, None),
        (LIMIT | {"thinking_budget": 90}, 100),
        (LIMIT | {"reasoning": {"max_tokens": 90}, "n": 2}, 200),
        (LIMIT | {"thinking": {"type": "enabled", "budget_tokens": 0}}, 10),
        (LIMIT | {"tools": [{"function": {"parameters": {"properties": {"n": {"type": "integer"}}}}}]}, 10),
        (LIMIT | {"response_format": {"json_schema": {"schema": {"properties": {"a": {"n": "8"}}}}}}, 10),
    ],
)  # fmt: skip
def test_what_multiplies_the_bill_is_found_at_any_depth(fields: dict[str, Any], most: int | None) -> None:
    """(limit + reasoning) x answers, each the largest of its names."""
    assert most_tokens(fields) == most


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"n": 8.0}, "n: 8.0 is not a whole number"),
        ({"n": "8"}, "n: '8' is not a whole number"),
        ({"best_of": True}, "best_of: True is not"),
        ({"extra_body": {"extra_body": {"N": 8.5}}}, "extra_body.extra_body.N: 8.5"),
        ({"max_new_tokens": "many"}, "max_new_tokens: 'many'"),
        ({"batch": [{"best_of": "2"}]}, "batch.best_of"),
        ({"n": 0}, "n: 0 answers cannot"),
        ({"num_beams": -2}, "num_beams: -2 answers"),
    ],
)
def test_what_is_not_understood_is_named(fields: dict[str, Any], says: str) -> None:
    """By its path; a body of understood fields is fine."""
    assert says in misread(fields)
    assert misread({"n": 8, "top_k": 4.0, "seed": "x", "best_of": None, "metadata": {"n": "8"}}) == ""


def test_a_body_that_is_nested_without_end_is_read_in_bounded_depth() -> None:
    """1,000 levels end in nothing, not in an error."""
    body: dict[str, Any] = {"n": "8"}
    for _ in range(1000):
        body = {"a": body}
    assert misread(body) == ""


@dataclass
class Came:
    """Token events of so many bytes each, a nanosecond apart; the first so many of them are reasoning."""

    sizes: list[int]
    thoughts: int = 0
    instants: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.instants = list(range(len(self.sizes)))

    @property
    def first_answer_ns(self) -> int | None:
        return self.thoughts if self.thoughts < len(self.sizes) else None


def is_runaway(sizes: list[int], *, limit: int = 100, thoughts: int = 0, thinking: int = 1000) -> bool:
    gauge, came = Gauge(Extent(limit, thinking)), Came(sizes, thoughts)
    return gauge.is_due(sum(sizes) + 200 * len(sizes), len(sizes)) and gauge.is_runaway(came)


@pytest.mark.parametrize(
    ("sizes", "is_so"),
    [
        pytest.param([5] * 100, False, id="as many tokens as allowed"),
        pytest.param([1] * 500, False, id="single characters of 100 tokens"),
        pytest.param([1] * 1600, False, id="single characters of 100 long tokens"),
        pytest.param([40] * 10, False, id="ten tokens an event"),
        pytest.param([0] * 100_000, False, id="no text"),
        pytest.param([128] * 100, False, id="the longest tokens there are"),
        pytest.param([5] * 600, True, id="six times as many"),
        pytest.param([1] * 4000, True, id="single characters of 1,000 tokens"),
        pytest.param([300] * 100, True, id="seventy tokens an event"),
    ],
)
def test_a_server_that_counts_is_never_cut(sizes: list[int], is_so: bool) -> None:
    """max_tokens is 100: over 189 events and 2,624 bytes, or over 20,992 bytes."""
    assert is_runaway(sizes) is is_so


def test_reasoning_has_tokens_of_its_own() -> None:
    """1,000 more of it; past that it runs away as an answer does."""
    assert not is_runaway([5] * 1100, thoughts=1000)
    assert is_runaway([5] * 1600, thoughts=1000)
    assert not is_runaway([5] * 1300, thoughts=5000)
    assert is_runaway([5] * 4000, thoughts=5000)


def test_without_a_limit_nothing_is_cut() -> None:
    """There is nothing to hold it against."""
    assert not Gauge(Extent(None)).is_due(10**9, 10**6)


def test_tokens_are_booked_by_events_or_by_bytes() -> None:
    """3 events of 2 bytes: 3 tokens; 2 events of 20 bytes: 10."""
    assert (counted_tokens([2, 2, 2]), counted_tokens([20, 20]), counted_tokens([])) == (3, 10, 0)
