"""Sources that generate problems in six levels with exact answers. The arithmetic is written here, the rest in `words`.

Arithmetic, from `47 + 8` to remainders of large powers:

1  one sum or difference            4  four or five steps, brackets, negative numbers
2  one product or exact quotient    5  fractions, and long multiplication
3  two or three steps               6  remainders of powers, twelve-step expressions, continued fractions
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from math import gcd
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from evalrun.data.dice import Dice
from evalrun.data.places import Places, Row
from evalrun.data.words import LOWEST, STORIES, Story
from evalrun.errors import SuiteError
from evalrun.spec import Spec

TRIES = 1000  # to find a question that was not asked before

# A formula is a number or (operator, left, right); `/` is the bar of a fraction literal.
Formula = Fraction | tuple[str, "Formula", "Formula"]

FRACTIONS = tuple(Fraction(top, bottom) for bottom in range(2, 16) for top in range(1, 13) if gcd(top, bottom) == 1)
# operator -> how tightly it binds, and what it computes
OPERATORS: dict[str, tuple[int, Callable[[Fraction, Fraction], Fraction]]] = {
    "+": (1, operator.add), "-": (1, operator.sub), "×": (2, operator.mul), "÷": (2, operator.truediv),
}  # fmt: skip


def written(formula: Formula, *, least: int = 0) -> str:
    """Return a formula as text, in brackets if its operator binds less than `least`."""
    if isinstance(formula, Fraction):
        plain = formula >= 0 and formula.denominator == 1
        return str(formula) if plain else f"({formula})"
    sign, left, right = formula
    binds, _ = OPERATORS[sign]
    # one more on the right: a - (b - c) and a ÷ (b × c) need brackets, and a + (b + c) may have them
    text = f"{written(left, least=binds)} {sign} {written(right, least=binds + 1)}"
    return f"({text})" if binds < least else text


def value(formula: Formula) -> Fraction:
    """Return the exact value of a formula; raise ZeroDivisionError where it has none."""
    if isinstance(formula, Fraction):
        return formula
    sign, left, right = formula
    _, computed = OPERATORS[sign]
    return computed(value(left), value(right))


def _asked(formula: Formula) -> tuple[str, int | Fraction]:
    return f"What is {written(formula)}?", value(formula)


def _number(dice: Dice, digits: int) -> Fraction:
    return Fraction(dice.between(10 ** (digits - 1) + (digits == 1), 10**digits - 1))


def _tree(dice: Dice, steps: int, operators: str, low: int, high: int) -> Formula:
    """Return a random formula of `steps` operators over integers from `low` to `high`, without 0 and 1."""
    if steps == 0:
        number = dice.between(low, high)
        return Fraction(number if number not in (0, 1) else high)
    left = dice.between(0, steps - 1)
    sign = dice.pick(operators)
    return sign, _tree(dice, left, operators, low, high), _tree(dice, steps - 1 - left, operators, low, high)


def _sum(dice: Dice) -> tuple[str, int | Fraction]:
    a, b = (_number(dice, dice.pick((1, 1, 1, 1, 1, 1, 2, 3))) for _ in "ab")
    return _asked(("+", a, b) if dice.between(0, 1) else ("-", max(a, b), min(a, b)))


def _product(dice: Dice) -> tuple[str, int | Fraction]:
    a, b = _number(dice, dice.pick((1, 1, 1, 2))), _number(dice, dice.pick((1, 1, 2, 3)))
    return _asked(("×", a, b) if dice.between(0, 2) else ("÷", a * b, b))


def _few_steps(dice: Dice) -> tuple[str, int | Fraction]:
    a, b, c, d = (_number(dice, dice.pick((1, 2))) for _ in "abcd")
    shapes: tuple[Formula, ...] = (
        ("+", a, ("×", b, c)),
        ("-", ("×", a, b), c),
        ("×", ("+", a, b), c),
        ("×", a, ("-", max(b, c), min(b, c))),
        ("+", ("×", a, b), ("×", c, d)),
        ("+", ("÷", a * b, a), c),
    )
    return _asked(dice.pick(shapes))


def _brackets(dice: Dice) -> tuple[str, int | Fraction]:
    return _asked(_tree(dice, dice.between(4, 5), "+-×", -20, 30))


def _fractions(dice: Dice) -> tuple[str, int | Fraction]:
    if dice.between(0, 2) == 0:
        return _asked(("+", ("×", _number(dice, 4), _number(dice, 4)), _number(dice, 5)))
    a, b, c, d = dice.some(FRACTIONS, 4)
    question, answer = _asked((dice.pick("+-×÷"), (dice.pick("+-"), a, b), (dice.pick("×÷"), c, d)))
    return f"{question} {LOWEST}", answer


def _power(dice: Dice) -> tuple[str, int | Fraction]:
    base, exponent, modulus = dice.between(11, 999), dice.between(200, 9999), dice.between(101, 999)
    factor, more = dice.between(11, 999), dice.between(1000, 9999)
    answer = (pow(base, exponent, modulus) * factor + more) % modulus
    return f"What is the remainder when {base}^{exponent} × {factor} + {more} is divided by {modulus}?", answer


def _long(dice: Dice) -> tuple[str, int | Fraction]:
    return _asked(_tree(dice, 12, "+-×-+", -99, 99))


def _continued(dice: Dice) -> tuple[str, int | Fraction]:
    formula: Formula = Fraction(dice.between(2, 15))
    for _ in range(5):
        formula = ("+", Fraction(dice.between(1, 15)), ("÷", Fraction(dice.between(1, 9)), formula))
    question, answer = _asked(formula)
    return f"{question} {LOWEST}", answer


LEVELS = ((_sum,), (_product,), (_few_steps,), (_brackets,), (_fractions,), (_power, _power, _long, _continued))


class Graded(Spec):
    """Problems of rising difficulty. The same seed gives the same bytes on every machine."""

    problems: ClassVar[Sequence[Sequence[Story]]]
    """By level: what writes a question and its answer."""

    seed: int = 0
    """Another seed gives other questions."""
    levels: tuple[Annotated[int, Field(ge=1, le=6)], ...] = Field(default=(1, 2, 3, 4, 5, 6), min_length=1)
    """1 is one easy step, 6 needs many exact ones."""
    n_per_level: int = Field(default=10, ge=1, le=1_000_000)
    """Questions of each level, all different."""

    def size(self, places: Places, asked: int) -> int:  # noqa: ARG002  (see Rows)
        """Return how many rows there are."""
        return len(set(self.levels)) * self.n_per_level

    def rows(self, places: Places) -> Iterator[Row]:  # noqa: ARG002  (reads no file)
        """Yield rows of `id`, `level`, `question`, `answer`. The rows of a level do not depend on the other levels."""
        for level in dict.fromkeys(self.levels):
            dice, kinds = Dice(f"{type(self).__name__} {self.seed} {level}"), self.problems[level - 1]
            asked: set[str] = set()
            for number in range(1, self.n_per_level + 1):
                for _ in range(TRIES):
                    question, answer = (dice.pick(kinds) if len(kinds) > 1 else kinds[0])(dice)
                    if question not in asked:
                        break
                else:
                    most = f"no more than about {len(asked)} different questions"
                    raise SuiteError(f"level {level} has {most}; lower n_per_level")
                asked.add(question)
                yield {"id": f"{level}-{number}", "level": level, "question": question, "answer": str(answer)}


class Arithmetic(Graded):
    """Generated arithmetic; every answer is an integer or a fraction in lowest terms."""

    problems = LEVELS

    kind: Literal["arithmetic"]


class WordProblems(Graded):
    """Generated word problems; every answer is an integer or a fraction in lowest terms."""

    problems = STORIES

    kind: Literal["word_problems"]
