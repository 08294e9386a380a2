"""The cheap scorers, called as the suite calls them."""

import math

import pytest

from evalrun.score.spec import (
    ADAPTER,
    ContainsScorer,
    ExactScorer,
    MathScorer,
    NumericScorer,
    PythonScorer,
    RegexScorer,
    ScorerSpec,
)
from evalrun.types import Completion, Message, Sample, Score


def scored(spec: ScorerSpec, expected: str | None, text: str, choices: tuple[str, ...] = ()) -> Score:
    """Score one text."""
    return spec(Sample(task="t", id="1", messages=(), expected=expected, choices=choices), Completion(text=text))


def test_exact_compares_the_stripped_text() -> None:
    """Outer white space never counts, case only when asked, and reasoning that leaked is not part of the answer."""
    assert scored(ExactScorer(kind="exact"), "Yes", " Yes\n").value == 1
    assert scored(ExactScorer(kind="exact"), "Yes", "yes").value == 0
    assert scored(ExactScorer(kind="exact", ignore_case=True), "STRASSE", "straße").value == 1
    assert scored(ExactScorer(kind="exact"), "Yes", "<think>No?</think>Yes").value == 1


def test_contains_needs_any_or_all() -> None:
    """One text is enough with `any`; the missing ones are named with `all`."""
    texts = ("red", "blue")
    assert scored(ContainsScorer(kind="contains", texts=texts), None, "it is blue").value == 1
    missing = scored(ContainsScorer(kind="contains", texts=texts, need="all"), None, "it is blue")
    assert (missing.value, missing.why) == (0, "not found: ['red']")
    assert scored(ContainsScorer(kind="contains"), "Paris", "in paris").value == 0
    assert scored(ContainsScorer(kind="contains", ignore_case=True), "Paris", "in paris").value == 1


def test_regex_compares_its_group_or_just_matches() -> None:
    """With a group the last match is the answer; without one a match is enough."""
    grouped = RegexScorer(kind="regex", pattern=r"^ANSWER: (.+)$")
    assert scored(grouped, "4", "ANSWER: 3\nANSWER: 4").value == 1
    assert scored(grouped, "3", "ANSWER: 3\nANSWER: 4").value == 0
    assert scored(RegexScorer(kind="regex", pattern=r"\d{3}"), None, "abc 123").value == 1
    assert scored(RegexScorer(kind="regex", pattern=r"\d{3}"), None, "abc 12").rule == "none"


def test_an_answer_that_was_cut_off_gets_no_credit_for_its_last_number() -> None:
    """The 3 at the end of a truncated text is no answer, for both scorers of numbers; of a finished one it is."""
    text = "36 hours * 1.5 = 60 hours of 3"
    for spec in (NumericScorer(kind="numeric"), MathScorer(kind="math")):
        sample = Sample(task="t", id="1", messages=(), expected="3")
        score = spec(sample, Completion(text=text, finish_reason="length"))
        assert (score.value, score.rule) == (0, "none")
        assert "cut off" in score.why
        assert spec(sample, Completion(text=text, finish_reason="stop")).value == 1


def test_math_gives_nothing_for_the_question_said_again() -> None:
    """`2 + 5 * 4` is worth 22, but who was asked for it must say 22. Another expression of it is an answer."""
    sample = Sample(task="t", id="1", messages=(Message(role="user", content="What is 2 + 5 * 4?"),), expected="22")
    spec = MathScorer(kind="math")
    assert spec(sample, Completion(text="2 + 5 * 4")).value == 0
    assert spec(sample, Completion(text="The answer is $2 + 5 \\cdot 4$.")).value == 0
    assert spec(sample, Completion(text="2 + 5 * 4 = 22")).value == 1
    simplify = Sample(task="t", id="1", messages=sample.messages, expected="2 + 5 * 4")
    assert spec(simplify, Completion(text="2 + 5 * 4")).value == 1


def test_numeric_is_exact() -> None:
    """0.1 + 0.2 is 0.3 here, separators and units do not count, and a tolerance is what it says."""
    exact = NumericScorer(kind="numeric")
    assert scored(exact, "0.3", "Answer: 0.1 + 0.2").value == 1
    assert scored(exact, "9007199254740993", "9007199254740992").value == 0
    assert scored(exact, "70000", "He made $70,000.00").value == 1
    assert scored(exact, "1/3", "0.3333333333333333").value == 0
    near = ADAPTER.validate_json('[{"kind": "numeric", "rel_tol": 0.01}, {"kind": "numeric", "abs_tol": "0.5"}]')
    assert [scored(near[0], "100", text).value for text in ("101", "99", "101.0001")] == [1, 1, 0]
    assert [scored(near[1], "100", text).value for text in ("100.5", "100.51")] == [1, 0]
    assert scored(exact, "many", "7").error == "scorer"
    assert scored(exact, "7", "9^9^9^9").value == 0


@pytest.mark.parametrize("kind", ["exact", "contains", "numeric", "choice", "math"])
def test_no_expected_answer_is_no_score(kind: str) -> None:
    """A sample without an expected answer is unscored, never 0."""
    (spec,) = ADAPTER.validate_json(f'[{{"kind": "{kind}"}}]')
    assert (scored(spec, None, "x").value, scored(spec, None, "x").error) == (None, "scorer")


@pytest.mark.parametrize("given", [math.nan, math.inf, -0.1, 1.1, "1", Score(value=2)])
def test_a_value_that_is_no_fraction_is_an_error(given: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only numbers from 0 to 1 are scores; nothing is clamped."""
    monkeypatch.setattr("evalrun.score.tests_only", lambda sample, completion: given, raising=False)
    with pytest.raises(ValueError, match="a number from 0 to 1"):
        scored(PythonScorer(kind="python", call="evalrun.score:tests_only"), "1", "1")


def test_a_bad_pattern_or_call_is_refused_when_read() -> None:
    """What cannot work is a mistake in the suite, found before anything is asked."""
    for block in ('{"kind": "regex", "pattern": "("}', '{"kind": "python", "call": "os.system"}', '{"kind": "judge"}'):
        with pytest.raises(ValueError):
            ADAPTER.validate_json(f"[{block}]")
