"""Hard problems with exact answers: remainders, counting, recurrences, expected values. Level 6 of `words`.

Each is computed by a proven method (the Chinese remainder theorem, counting by states, linearity of expectation); the
tests enumerate all cases instead.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import comb, gcd, prod

from evalrun.data.arithmetic import LOWEST
from evalrun.data.dice import Dice


def remainders(dice: Dice) -> tuple[str, int]:
    """Combine three congruences by the Chinese remainder theorem."""
    while True:
        moduli = dice.some(range(7, 60), 3)
        if all(gcd(a, b) == 1 for a in moduli for b in moduli if a < b):
            break
    rests = [dice.between(1, modulus - 1) for modulus in moduli]
    whole = prod(moduli)
    smallest = sum(
        rest * whole // modulus * pow(whole // modulus, -1, modulus)
        for rest, modulus in zip(rests, moduli, strict=True)
    )
    conditions = ", ".join(f"{rest} when divided by {modulus}" for rest, modulus in zip(rests, moduli, strict=True))
    return f"What is the smallest positive integer that leaves the remainders {conditions}?", smallest % whole


def digits(dice: Dice) -> tuple[str, int]:
    """Count by the last digit and the sum so far."""
    length, total, gap = dice.between(4, 6), dice.between(12, 30), dice.between(2, 3)

    @cache
    def count(left: int, rest: int, last: int) -> int:
        if left == 0:
            return int(rest == 0)
        return sum(count(left - 1, rest - digit, digit) for digit in range(10) if abs(digit - last) >= gap)

    answer = sum(count(length - 1, total - first, first) for first in range(1, 10))
    text = f"How many {length}-digit positive integers have digits that sum to {total}, where every two neighbouring"
    return f"{text} digits differ by at least {gap}? The first digit is not 0.", answer


def recurrence(dice: Dice) -> tuple[str, int]:
    """Step through the sequence."""
    p, q, r = dice.between(2, 9), dice.between(2, 9), dice.between(1, 9)
    first, second = dice.between(1, 9), dice.between(1, 9)
    modulus, index = dice.between(11, 60), dice.between(500, 9999)
    before, current = first, second
    for _ in range(index - 2):
        before, current = current, (p * current + q * before + r) % modulus
    text = (
        f"A sequence starts with a(1) = {first} and a(2) = {second}, and a(n+2) = {p}·a(n+1) + {q}·a(n) + {r} for all"
    )
    return f"{text} n ≥ 1. What is the remainder when a({index}) is divided by {modulus}?", current % modulus


def colours(dice: Dice) -> tuple[str, Fraction]:
    """Sum over the colours the probability that the colour is drawn."""
    red, blue, green = (dice.between(2, 6) for _ in range(3))
    drawn = dice.between(3, 5)
    total = red + blue + green
    answer = 3 - Fraction(sum(comb(total - each, drawn) for each in (red, blue, green)), comb(total, drawn))
    text = (
        f"A bag holds {red} red, {blue} blue and {green} green balls. {drawn} balls are drawn at random without putting"
    )
    return f"{text} any back. What is the expected number of different colours among the drawn balls? {LOWEST}", answer


def paths(dice: Dice) -> tuple[str, int]:
    """Count the ways to each point of the grid."""
    width, height = dice.between(5, 8), dice.between(5, 7)
    inner = [(x, y) for x in range(width + 1) for y in range(height + 1) if 2 <= x + y <= width + height - 2]
    blocked = dice.some(inner, 3)
    ways = {(0, 0): 1}
    for x in range(width + 1):
        for y in range(height + 1):
            if (x, y) != (0, 0):
                ways[x, y] = 0 if (x, y) in blocked else ways.get((x - 1, y), 0) + ways.get((x, y - 1), 0)
    text = (
        f"A path leads from (0, 0) to ({width}, {height}) in steps of +1 in x or +1 in y. It may not pass through "
        f"the points {blocked[0]}, {blocked[1]} and {blocked[2]}."
    )
    return f"{text} How many such paths are there?", ways[width, height]


def subsets(dice: Dice) -> tuple[str, int]:
    """Count by the remainder of the sum and by whether the last number was taken."""
    size, modulus = dice.between(10, 15), dice.between(3, 7)
    without, taken = [1] + [0] * (modulus - 1), [0] * modulus
    for number in range(1, size + 1):
        without, taken = (
            [a + b for a, b in zip(without, taken, strict=True)],
            [without[(rest - number) % modulus] for rest in range(modulus)],
        )
    text = f"How many subsets of {{1, 2, ..., {size}}}, the empty set included, contain no two consecutive integers and"
    return f"{text} have a sum divisible by {modulus}? The empty set has the sum 0.", without[0] + taken[0]


PUZZLES: tuple[Callable[[Dice], tuple[str, int | Fraction]], ...] = (
    remainders, digits, recurrence, colours, paths, subsets,
)  # fmt: skip
