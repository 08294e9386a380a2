"""The generators: every answer solved again by other means, and the same bytes everywhere."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from evalrun.data.dice import Dice
from evalrun.data.graded import Arithmetic, WordProblems
from evalrun.data.places import Places, Row
from evalrun.errors import SuiteError

PLACES = Places(root=Path())


def rows(kind: type[Arithmetic] | type[WordProblems], **fields: Any) -> list[Row]:
    name: Any = "arithmetic" if kind is Arithmetic else "word_problems"
    return list(kind(kind=name, **fields).rows(PLACES))


class Parser:
    """A recursive-descent calculator for the questions' notation, written apart from the generator."""

    def __init__(self, text: str) -> None:
        self.tokens = re.findall(r"\d+|[-+×÷/()^]", text)

    def take(self, *wanted: str) -> str | None:
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in wanted else None

    def sum(self) -> Fraction:
        total = self.product()
        while sign := self.take("+", "-"):
            part = self.product()
            total = total + part if sign == "+" else total - part
        return total

    def product(self) -> Fraction:
        total = self.ratio()
        while sign := self.take("×", "÷"):
            part = self.ratio()
            total = total * part if sign == "×" else total / part
        return total

    def ratio(self) -> Fraction:
        top = self.atom()
        return top / self.atom() if self.take("/") else top

    def atom(self) -> Fraction:
        if self.take("-"):
            return -self.atom()
        if self.take("("):
            inner = self.sum()
            assert self.take(")")
            return inner
        return Fraction(int(self.tokens.pop(0)))


def solve(question: str) -> Fraction:
    """Solve a question of `Arithmetic`: an expression, or the remainder of a power by repeated multiplication."""
    if power := re.match(r"What is the remainder when (\d+)\^(\d+) × (\d+) \+ (\d+) is divided by (\d+)\?", question):
        base, exponent, factor, more, modulus = map(int, power.groups())
        rest = 1
        for _ in range(exponent):
            rest = rest * base % modulus
        return Fraction((rest * factor + more) % modulus)
    expression = re.match(r"What is ([^?]*)\?", question)
    assert expression
    parser = Parser(expression[1])
    answer = parser.sum()
    assert not parser.tokens
    return answer


@pytest.mark.parametrize("level", range(1, 7))
def test_every_sum_is_right(level: int) -> None:
    """300 questions of each level against a calculator of our own; answers are in lowest terms."""
    for row in rows(Arithmetic, seed=5, levels=(level,), n_per_level=300):
        assert row["answer"] == str(solve(row["question"])), row


def test_the_calculator_knows_its_rules() -> None:
    """Precedence, left to right, brackets, signs and fraction bars, checked by hand."""
    for text, value in (("2 + 3 × 4", 14), ("9 - 4 - 3", 2), ("9 - (4 - 3)", 8), ("8 ÷ 4 ÷ 2", 1), ("(-3) × 2", -6)):
        assert solve(f"What is {text}?") == value
    assert solve("What is (1/2) ÷ (3/4)?") == Fraction(2, 3)


@pytest.mark.parametrize("kind", [Arithmetic, WordProblems])
def test_rows_differ_and_levels_are_independent(kind: type[Arithmetic] | type[WordProblems]) -> None:
    """No question twice; a level's rows are the same whichever other levels are asked; more rows extend fewer."""
    many = rows(kind, seed=3, n_per_level=200)
    assert len({row["question"] for row in many}) == len({row["id"] for row in many}) == 1200
    assert rows(kind, seed=3, levels=(4,), n_per_level=20) == [row for row in many if row["level"] == 4][:20]
    assert rows(kind, seed=4, n_per_level=1) != rows(kind, seed=3, n_per_level=1)


def test_a_level_that_runs_out_is_refused() -> None:
    """Rather than ask a question twice and count it as two."""

    class Two(Arithmetic):
        problems = ((lambda dice: (str(dice.between(1, 2)), 1),),) * 6

    with pytest.raises(SuiteError, match="level 1 has no more than about 2 different questions"):
        list(Two(kind="arithmetic", n_per_level=3).rows(PLACES))


def test_dice_are_fair_and_fixed() -> None:
    """The first throws of a seed are pinned: they must never change. All values come, both ends included."""
    dice = Dice("seed")
    assert [dice.between(1, 6) for _ in range(10)] == [1, 2, 6, 2, 1, 6, 5, 4, 4, 4]
    assert {Dice("x").between(0, 0)} == {0}
    counts = [sum(Dice(f"s{n}").between(1, 3) == face for n in range(3000)) for face in (1, 2, 3)]
    assert all(850 < count < 1150 for count in counts)
    assert sorted(Dice("y").some(range(5), 5)) == [0, 1, 2, 3, 4]
