"""Every story and puzzle, solved again from the numbers in its text: by hand-written sums, or by trying all cases."""

import re
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations, pairwise, product

import pytest

from evalrun.data.dice import Dice
from evalrun.data.words import STORIES

DRAWS = 40


def tank(litres: int, fast: int, slow: int, drain: int, alone: int) -> int:
    """Fill minute by minute."""
    level, minutes = Fraction(), 0
    while level < 1:
        level += Fraction(1, 60 * fast)
        if minutes >= 60 * alone:
            level += Fraction(1, 60 * slow) - Fraction(1, 60 * drain)
        minutes += 1
    assert level == 1  # exactly at a full minute
    return minutes


def pursuit(slow: int, late: int, fast: int, ride: int, stop: int) -> int:
    """Go from kilometre to kilometre and compare the minutes at which each of them is there."""
    for km in range(1, 1000):
        stopped = stop if km * 60 > fast * ride else 0
        minutes = late + stopped + Fraction(60 * km, fast)
        if minutes <= Fraction(60 * km, slow):
            assert minutes == Fraction(60 * km, slow)  # they meet exactly there, not before
            return km
    raise AssertionError("they never meet")


def wages(wage: int, normal: int, hours: int, tax: int, rent: int, has: int, cost: int) -> int:
    """Save week by week, in cents."""
    pay = 100 * wage * normal + 150 * wage * (hours - normal)
    saved, weeks = 100 * has, 0
    while saved < 100 * cost:
        saved += pay - pay * tax // 100 - 100 * rent
        weeks += 1
    return weeks


def ages(times: int, third: int, years: int, total: int) -> int:
    return next(times * young for young in range(200) if times * young + young + 2 * years == total)


def remainders(r1: int, m1: int, r2: int, m2: int, r3: int, m3: int) -> int:
    return next(n for n in range(1, m1 * m2 * m3 + 1) if (n % m1, n % m2, n % m3) == (r1, r2, r3))


def digits(length: int, total: int, gap: int, zero: int) -> int:
    def fits(number: int) -> bool:
        ds = [int(digit) for digit in str(number)]
        return sum(ds) == total and all(abs(a - b) >= gap for a, b in pairwise(ds))

    return sum(fits(number) for number in range(10 ** (length - 1), 10**length))


def recurrence(*numbers: int) -> int:
    """Compute the sequence itself, not its remainders, with integers of thousands of digits."""
    _, first, _, second, _, p, _, q, r, _, index, modulus = numbers
    before, current = first, second
    for _ in range(index - 2):
        before, current = current, p * current + q * before + r
    return current % modulus


def colours(red: int, blue: int, green: int, drawn: int) -> Fraction:
    balls = [1] * red + [2] * blue + [3] * green
    draws = [len(set(draw)) for draw in combinations(balls, drawn)]
    return Fraction(sum(draws), len(draws))


def paths(*numbers: int) -> int:
    _, _, width, height, _, _, *points = numbers
    blocked = set(zip(points[::2], points[1::2], strict=True))
    count = 0
    for rights in combinations(range(width + height), width):
        x = y = 0
        for step in range(width + height):
            x, y = (x + 1, y) if step in rights else (x, y + 1)
            if (x, y) in blocked:
                break
        else:
            count += 1
    return count


def subsets(*numbers: int) -> int:
    size, modulus = numbers[2], numbers[3]
    count = 0
    for bits in product((0, 1), repeat=size):
        taken = [n for n, bit in enumerate(bits, start=1) if bit]
        near = any(b - a == 1 for a, b in pairwise(taken))
        count += not near and sum(taken) % modulus == 0
    return count


# Each takes the integers of the text in their order, those included that do not matter.
SOLVERS: dict[str, Callable[..., int | Fraction]] = {
    "buys": lambda has, more: has + more,
    "gives": lambda has, gone: has - gone,
    "seats": lambda hall, taken: hall - taken,
    "pages": lambda monday, tuesday: monday + tuesday,
    "boxes": lambda each, count: each * count,
    "cards": lambda total, players: Fraction(total, players),
    "change": lambda count, price, note: note - count * price,
    "bus": lambda start, off, on: start - off + on,
    "bakery": lambda trays, rolls, sold, bag: Fraction(trays * rolls - sold, bag),
    "book": lambda total, early, days, rest, _: Fraction(total - early * days, rest),
    "trip": lambda hours, speed, later, slower: hours * speed + later * slower,
    "bicycle": lambda has, weekly, cost: Fraction(cost - has, weekly),
    "coats": lambda _, price, percent, coupon, count: count * (Fraction(price * (100 - percent), 100) - coupon),
    "ages": ages,
    "buses": lambda classes, _, pupils, teachers, seats: (classes * (pupils + teachers) + seats - 1) // seats,
    "machines": lambda few, parts, hours, bad, more, later: Fraction(parts, few * hours) * (few - bad + more) * later,
    "oranges": lambda total, _, crate, bag: (total - total // crate * crate) % bag,
    "tank": tank,
    "pursuit": pursuit,
    "jug": lambda a, weak, b, strong, out, _: Fraction(a * weak + b * strong, a + b) * (a + b - out) / (a + b),
    "clubs": lambda total, a, b, c, ab, ac, bc, abc, _: total - (a + b + c - ab - ac - bc + abc),
    "wages": wages,
    "remainders": remainders,
    "digits": digits,
    "recurrence": recurrence,
    "colours": colours,
    "paths": paths,
    "subsets": subsets,
}  # fmt: skip

CHEAP = {"digits": 3, "paths": 10, "subsets": 6, "recurrence": 10, "remainders": 10, "colours": 20}


@pytest.mark.parametrize("story", [story for level in STORIES for story in level], ids=lambda story: story.__name__)
def test_every_story_has_the_answer_its_text_asks_for(story: Callable[[Dice], tuple[str, int | Fraction]]) -> None:
    """The numbers are read from the text, so a story that says another number than it uses is found."""
    dice = Dice(f"test {story.__name__}")
    for _ in range(CHEAP.get(story.__name__, DRAWS)):
        text, answer = story(dice)
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        assert SOLVERS[story.__name__](*numbers) == answer, text
        assert answer >= 0, text
        assert not re.search(r"\{|\}|  |\b1 [a-z]+s\b", text.replace("{1, 2", "").replace("}", "")), text
