"""Which answers a scorer takes for the same: `Score.vote`, by which maj@k counts."""

import subprocess
import sys
from decimal import Decimal

import pytest

from evalrun.score.judge import said
from evalrun.score.spec import (
    ChoiceScorer,
    ContainsScorer,
    ExactScorer,
    ItemsScorer,
    MathScorer,
    NumericScorer,
    RegexScorer,
    ScorerSpec,
)
from evalrun.types import Completion, Sample, Score


def vote(scorer: ScorerSpec, expected: str | None, text: str, choices: tuple[str, ...] = ()) -> str | None:
    """Score one text and return its vote."""
    return scorer(Sample(task="t", id="1", messages=(), expected=expected, choices=choices), Completion(text=text)).vote


def classes(scorer: ScorerSpec, expected: str | None, *texts: str) -> list[int | None]:
    """Number the classes of some answers in the order in which they occur; None where there is no answer."""
    votes = [vote(scorer, expected, text) for text in texts]
    known = list(dict.fromkeys(one for one in votes if one is not None))
    return [None if one is None else known.index(one) for one in votes]


def test_text_by_its_spelling() -> None:
    """Case counts where the scorer says so; an empty answer is none; of long answers every character counts."""
    assert classes(ExactScorer(kind="exact"), "Yes", "Yes", " Yes\n", "yes", "no", " ") == [0, 0, 1, 2, None]
    assert classes(ExactScorer(kind="exact", ignore_case=True), "Yes", "Yes", "YES", "no") == [0, 0, 1]
    assert classes(ExactScorer(kind="exact"), "x", "a" * 900 + "b", "a" * 900 + "c", "a" * 900 + "b") == [0, 1, 0]
    score = ExactScorer(kind="exact")(Sample(task="t", id="1", messages=(), expected="x"), Completion(text="x"))
    assert score == Score(value=1.0, answer="x", why="equal")  # nothing more is stored where the text says it all


def test_checks_by_what_they_find() -> None:
    """`contains` sees only which texts are there, a pattern without a group only whether it matches."""
    contains = ContainsScorer(kind="contains", texts=("red", "blue"))
    assert classes(contains, None, "a red one", "red!", "blue", "red and blue", "green", "black") == [0, 0, 1, 2, 3, 3]
    assert classes(RegexScorer(kind="regex", pattern="[0-9]{3}"), None, "123", "456", "none", "no") == [0, 0, 1, 1]
    grouped = RegexScorer(kind="regex", pattern="ANSWER: (.+)")
    assert classes(grouped, "4", "ANSWER: 4", "so ANSWER: 4", "ANSWER: 5", "4") == [0, 0, 1, None]


def test_numbers_by_their_value() -> None:
    """Spelling and units do not count; what is within the tolerance is the expected number, what is not is its own."""
    exact = NumericScorer(kind="numeric")
    assert classes(exact, "1000", "1,000", "1000.0", r"\boxed{1000 \text{ m}}", "999", "so it is 999", "") == [
        0, 0, 0, 1, 1, None,
    ]  # fmt: skip
    assert vote(exact, "3/4", "0.75") == "3/4"
    near = NumericScorer(kind="numeric", abs_tol=Decimal("0.5"))
    assert classes(near, "10", "9.8", "10.3", "10.6", "10.60") == [0, 0, 1, 1]
    assert vote(exact, "1", "2^30000") == vote(exact, "1", "4^15000")  # too long for Python to write in base 10


def test_letters_and_items() -> None:
    """A letter however it is said; a list of items in any order, except where the order is asked for."""
    choice = ChoiceScorer(kind="choice")
    assert [vote(choice, "B", text, ("Paris", "Rome")) for text in ("(B)", "Rome", "A or B")] == ["B", "B", None]
    items = ItemsScorer(kind="items")
    assert classes(items, "K4821, J0034", "J0034 and K4821", "K4821, J0034", "K4821", "none") == [0, 0, 1, None]
    in_order = ItemsScorer(kind="items", rule="order")
    assert classes(in_order, "K4821, J0034", "J0034 and K4821", "K4821, J0034") == [0, 1]


@pytest.mark.parametrize(
    ("expected", "answers", "numbers"),
    [
        ("22", ("22", "22.0", "44/2", "21", "42/2", "21 apples"), [0, 0, 0, 1, 1, 1]),
        ("x+1", ("x+1", "1+x", "x+2"), [0, 0, 1]),  # all that is right is one class, also where it takes algebra
        ("(1,2)", ("1, 2", "(1,2)", "(2,1)", "2, 1", r"\{1,2\}"), [0, 0, 1, 1, 2]),
        ("1, 2", ("2, 1", "3, 1", "1, 3, 3"), [0, 1, 1]),
        ("15 cm", ("15", "15 cm", "15 mm", "14 cm", "14"), [0, 0, 1, 2, 2]),
        ("x=5", ("5", "x = 5", "y = 5", "x=6", "6"), [0, 0, 1, 2, 2]),
        (r"\text{even}", ("Even", "even", "odd", "Odd"), [0, 0, 1, 1]),
        ("5", ("5", "9^{9^{9^9}}"), [0, 1]),
    ],
)
def test_mathematics_by_the_normaliser(expected: str, answers: tuple[str, ...], numbers: list[int]) -> None:
    """All right answers are one class; wrong ones by spelling and arithmetic, never the class of the right ones."""
    assert classes(MathScorer(kind="math"), expected, *(rf"\boxed{{{answer}}}" for answer in answers)) == numbers


def test_a_wrong_answer_never_votes_for_the_right_one() -> None:
    """Where the normaliser would spell both alike the wrong one is told apart."""
    assert said("5", "5", right=False) != said("5", "5", right=True)


def test_scoring_needs_nothing_that_asks() -> None:
    """All of score/ is imported without targets, data, suites, runs or an HTTP library."""
    code = (
        "import sys, evalrun.score.spec, evalrun.score.pool, evalrun.score.worker\n"
        "banned = ('targets', 'data', 'suite', 'store', 'run', 'cli')\n"
        "print([m for m in sys.modules if m in ('httpx', 'httptools', 'asyncio') or m.startswith('evalrun.')"
        " and m.split('.')[1] in banned])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
