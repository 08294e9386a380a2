"""How long a server asks to wait: every spelling of headers, fields and words (H10-H13)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.wire.wait import MOST_S, allowances, asked_s, nonsense, said_s, used_up_s, wait_s

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
USED_UP = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1.9s"}
LEFT = {"x-ratelimit-remaining-requests": "14230", "x-ratelimit-reset-requests": "17m1.2s"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7.0), ("2.5", 2.5), ("0", 0.0), ("1m30s", 90.0), ("2.5s", 2.5), ("120ms", 0.12), ("1h2m3s", 3723.0),
        ("6m0s", 360.0), ("1d2h", 93_600.0), ("500\u00b5s", 0.0005), ("1m2.3s", 62.3), ("2 minutes", 120.0),
        ("1 minute and 30 seconds", 90.0), ("1 min, 5 sec", 65.0), (str(EPOCH + 30), 30.0),
        (str((EPOCH + 30) * 1000), 30.0), (str(EPOCH - 30), -30.0), ("2026-11-22T12:00:30Z", 30.0),
        ("2026-11-22T13:00:30+01:00", 30.0), ("Sun, 22 Nov 2026 12:00:10 GMT", 10.0), ("999999999999", MOST_S),
        ("-5", None), ("NaN", None), ("inf", None), ("1e9", None), ("soon", None), ("", None), ("9" * 400, None),
        ("5 parsecs", None), ("1m30", None),
    ],
)  # fmt: skip
def test_spellings(text: str, expected: float | None) -> None:
    """Seconds, durations, instants by the clock given; signs, exponents and words are no waits; years are bounded."""
    found = wait_s(text, NOW)
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "3", "retry-after-ms": "9000"}, 9.0),
        ({"retry-after": "Sun, 22 Nov 2026 15:00:10 GMT", "date": "Sun, 22 Nov 2026 15:00:00 GMT"}, 10.0),
        ({"retry-after": "2", **LEFT, **USED_UP}, 2.0),
        ({**LEFT, **USED_UP}, 1.9),
        (LEFT, None),
        ({"x-ratelimit-reset": str(EPOCH + 30), "x-ratelimit-remaining": "0"}, 30.0),
        ({"x-rate-limit-reset": "30"}, 30.0),
        ({"x-ratelimit-reset-requests": "6m0s", "x-ratelimit-reset-tokens": "88ms"}, 0.088),
        ({"ratelimit": "limit=100, remaining=0, reset=50"}, 50.0),
        ({"ratelimit": '"default";r=0;t=40'}, 40.0),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "12"}, 12.0),
        ({"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": "2026-11-22T12:00:09Z",
          "anthropic-ratelimit-tokens-remaining": "9", "anthropic-ratelimit-tokens-reset": "300s"}, 9.0),
        ({}, None),
    ],
)  # fmt: skip
def test_headers(headers: dict[str, str], expected: float | None) -> None:
    """Retry-After counts before all; an allowance only where it is used up, or where nothing says what is left."""
    found = asked_s(headers, NOW, said_s=None, limited=True)
    assert found == (None if expected is None else pytest.approx(expected))


def test_what_the_body_says_comes_between() -> None:
    """Retry-After, then the body, then the allowances; these say nothing about a server error."""
    assert asked_s({"retry-after": "1"}, NOW, said_s=30.0, limited=True) == 1.0
    assert asked_s(USED_UP, NOW, said_s=30.0, limited=True) == 30.0
    assert asked_s(USED_UP, NOW, said_s=None, limited=False) is None


def test_what_an_answer_says_of_the_next_request() -> None:
    """Only an allowance known to be used up holds it; one with an unknown or a positive rest does not."""
    assert used_up_s({**LEFT, **USED_UP}, NOW) == 1.9
    assert used_up_s({"x-ratelimit-reset": "5"}, NOW) is None
    assert used_up_s(LEFT, NOW) is None
    assert allowances({"x-tokenlimit-remaining": "12"}, NOW)["x-tokenlimit"].remaining == 12.0


def test_nonsense_is_named() -> None:
    """A wait that cannot be read, or lies in the past; zero is none of them."""
    assert nonsense({"retry-after": "NaN"}, NOW) == "retry-after: NaN"
    assert nonsense({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, NOW) != ""
    assert nonsense({"retry-after": "0"}, NOW) == nonsense({}, NOW) == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Rate limit reached. Please try again in 2.5s. Visit the page", 2.5),
        ("Please retry after 20 seconds.", 20.0),
        ("try again in 1m2.3s", 62.3),
        ("Please try again in 6ms.", 0.006),
        ("Limit 3, Used 3, Requested 1. Please try again in 7m12s.", 432.0),
        ("Retry in 57.4s.", 57.4),
        ("Retry-After: 12", 12.0),
        ("wait at least 1 minute(s) before", 60.0),
        ("Please wait for 5 seconds before trying again", 5.0),
        ("Try again in about 3 minutes", 180.0),
        ("The limit resets in 1 hour and 5 minutes", 3900.0),
        ("\u8bf7\u5728 20 \u79d2\u540e\u91cd\u8bd5", 20.0),
        ("try again later", None),
        ("Limit 30 requests per 60 seconds", None),
        ("retry with 3 messages", None),
        ("the limit will reset at 2026-11-22 12:00:00", None),
    ],
)
def test_words(words: str, expected: float | None) -> None:
    """A number counts as a wait where the sentence asks for one."""
    assert said_s(None, words) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([{"error": {"details": [{"@type": "google.rpc.RetryInfo", "retryDelay": "57.4s"}]}}], 57.4),
        ({"error": {"details": [{"retryDelay": {"seconds": 9, "nanos": 5}}]}}, 9.0),
        ({"error": "loading", "estimated_time": 20.0}, 20.0),
        ({"error": {"retry_after_ms": 1500}}, 1.5),
        ({"retryAfter": "30"}, 30.0),
        ({"retry_after": True}, None),
        ({"retry_after": -4}, None),
        ({"seconds": 5}, None),
    ],
)
def test_fields(body: Any, expected: float | None) -> None:
    """A field with the name of a wait, at any depth within reason, before the words."""
    assert said_s(body, "") == expected
    assert said_s(body, "try again in 2s") == (expected or 2.0)


@given(st.text(max_size=200), st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4))
def test_nothing_can_raise(text: str, headers: dict[str, str]) -> None:
    """Any words and any headers give a wait or none, and never a negative one."""
    named = {f"x-ratelimit-{name}": value for name, value in headers.items()} | {"retry-after": text}
    for found in (said_s(headers, text), asked_s(named, NOW, said_s=None, limited=True)):
        assert found is None or 0 < found <= MOST_S
