"""Word problems in six levels with exact answers, written for this project.

    1  one step, sums                    4  three or four steps: percent, ages, rates, remainders
    2  one or two steps                  5  five or six steps: work, mixtures, pursuit, sets, wages
    3  two or three steps                6  remainders, counting, recurrences, expected values

From level 4 on, some stories hold a number that does not matter. Each story is a function from `Dice` to its text and
its answer. Level 6 is computed by proven methods (the Chinese remainder theorem, counting by states, linearity of
expectation); the tests enumerate all cases instead.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import comb, gcd, prod

from evalrun.data.dice import Dice

Story = Callable[[Dice], tuple[str, int | Fraction]]

NAMES = (
    "Ada", "Bruno", "Chen", "Dalia", "Emeka", "Farah", "Goran", "Hana",
    "Ines", "Jonas", "Kofi", "Leila", "Mira", "Noor", "Oskar", "Priya",
)  # fmt: skip
LOWEST = "Give the answer as an integer or as a fraction in lowest terms."
THINGS = ("apples", "stickers", "marbles", "shells", "pencils", "coins", "beads", "postcards")


def buys(dice: Dice) -> tuple[str, int]:
    name, things = dice.pick(NAMES), dice.pick(THINGS)
    has, more = dice.between(2, 12), dice.between(2, 9)
    return f"{name} has {has} {things} and buys {more} more. How many {things} does {name} have now?", has + more


def gives(dice: Dice) -> tuple[str, int]:
    (name, friend), things = dice.some(NAMES, 2), dice.pick(THINGS)
    has, gone = dice.between(10, 20), dice.between(2, 9)
    text = f"{name} has {has} {things} and gives {gone} of them to {friend}. How many {things} does {name} have left?"
    return text, has - gone


def seats(dice: Dice) -> tuple[str, int]:
    hall, taken = dice.between(20, 60), dice.between(2, 12)
    return f"A hall has {hall} seats, and {taken} of them are taken. How many seats are free?", hall - taken


def pages(dice: Dice) -> tuple[str, int]:
    name, monday, tuesday = dice.pick(NAMES), dice.between(2, 12), dice.between(2, 12)
    text = f"{name} read {monday} pages on Monday and {tuesday} pages on Tuesday."
    return f"{text} How many pages did {name} read on the two days together?", monday + tuesday


def boxes(dice: Dice) -> tuple[str, int]:
    things, each, count = dice.pick(THINGS), dice.between(2, 12), dice.between(3, 20)
    return f"Each box holds {each} {things}. How many {things} are in {count} full boxes?", each * count


def cards(dice: Dice) -> tuple[str, int]:
    players, each = dice.between(2, 10), dice.between(3, 20)
    text = f"{players * each} cards are dealt to {players} players so that everyone gets the same number of cards."
    return f"{text} How many cards does each player get?", each


def change(dice: Dice) -> tuple[str, int]:
    name, count, price = dice.pick(NAMES), dice.between(2, 9), dice.between(2, 11)
    text = f"{name} buys {count} notebooks at {price} dollars each and pays with a 100-dollar note."
    return f"{text} How many dollars of change does {name} get?", 100 - count * price


def bus(dice: Dice) -> tuple[str, int]:
    start, off, on = dice.between(20, 50), dice.between(2, 15), dice.between(2, 15)
    text = f"A bus sets out with {start} passengers. At the first stop {off} passengers get off and {on} get on."
    return f"{text} How many passengers are on the bus after that stop?", start - off + on


def bakery(dice: Dice) -> tuple[str, int]:
    bag, bags, trays = dice.between(3, 12), dice.between(4, 20), dice.between(5, 15)
    rolls = bag * bags // trays + dice.between(1, 20)
    text = f"A bakery bakes {trays} trays of {rolls} rolls each and sells {trays * rolls - bag * bags} rolls."
    return f"{text} The rest is packed into bags of {bag} rolls. How many bags are filled?", bags


def book(dice: Dice) -> tuple[str, int]:
    name = dice.pick(NAMES)
    early, days, late, rest = (dice.between(*span) for span in ((8, 40), (3, 9), (8, 40), (2, 9)))
    text = (
        f"{name} reads a book of {early * days + late * rest} pages: first {early} pages a day for {days} days, then "
        f"the same number of pages a day for {rest} days, until the book is finished."
    )
    return f"{text} How many pages a day does {name} read in those last {rest} days?", late


def trip(dice: Dice) -> tuple[str, int]:
    hours, speed, later, slower = (dice.between(*span) for span in ((2, 6), (60, 120), (2, 6), (30, 59)))
    text = f"A train travels for {hours} hours at {speed} km/h and then for {later} hours at {slower} km/h."
    return f"{text} How many kilometres does it travel in all?", hours * speed + later * slower


def bicycle(dice: Dice) -> tuple[str, int]:
    name, has, weekly, weeks = dice.pick(NAMES), dice.between(15, 120), dice.between(5, 30), dice.between(4, 20)
    text = f"{name} has {has} dollars and saves {weekly} dollars every week for a bicycle that costs"
    return f"{text} {has + weekly * weeks} dollars. After how many weeks does {name} have exactly enough?", weeks


def coats(dice: Dice) -> tuple[str, int]:
    name, price, percent = dice.pick(NAMES), 20 * dice.between(3, 15), 5 * dice.between(2, 9)
    coupon, count, years = dice.between(3, 15), dice.between(2, 6), dice.between(11, 40)
    text = (
        f"A shop that opened {years} years ago sells a coat for {price} dollars. In the sale every coat is {percent} "
        f"percent cheaper, and a coupon takes another {coupon} dollars off the sale price of one coat. {name} buys "
        f"{count} of these coats in the sale and uses one coupon for each."
    )
    return f"{text} How many dollars does {name} pay in all?", count * (price * (100 - percent) // 100 - coupon)


def ages(dice: Dice) -> tuple[str, int]:
    (old, young, other), times, age = dice.some(NAMES, 3), dice.between(2, 5), dice.between(4, 18)
    years, third = dice.between(3, 20), dice.between(20, 80)
    text = (
        f"Today {old} is {times} times as old as {young}, and their neighbour {other} is {third} years old. In "
        f"{years} years the ages of {old} and {young} will add up to {(times + 1) * age + 2 * years}."
    )
    return f"{text} How old is {old} today?", times * age


def buses(dice: Dice) -> tuple[str, int]:
    classes, pupils, teachers = dice.between(4, 14), dice.between(17, 31), dice.between(2, 4)
    seats, km = dice.between(38, 62), dice.between(60, 240)
    text = (
        f"{classes} classes go on a trip to a museum {km} km away. Each class has {pupils} pupils and {teachers} "
        f"teachers, and all of them go. One bus has {seats} seats for them."
    )
    return f"{text} How many buses are needed so that everybody has a seat?", -(-classes * (pupils + teachers) // seats)


def machines(dice: Dice) -> tuple[str, int]:
    few, hours, rate = dice.between(3, 9), dice.between(2, 8), dice.between(3, 25)
    broken, more, later = dice.between(2, few - 1), dice.between(3, 12), dice.between(3, 11)
    text = (
        f"{few} equal machines make {few * hours * rate} parts in {hours} hours. Then {broken} of them break down "
        f"and {more} new machines of the same kind are added to the ones that still work."
    )
    answer = (few - broken + more) * later * rate
    return f"{text} How many parts do the working machines make in the next {later} hours?", answer


def oranges(dice: Dice) -> tuple[str, int]:
    crate, bag, cents = dice.between(31, 60), dice.between(5, 13), dice.between(20, 90)
    total = dice.between(700, 5000)
    text = (
        f"A farmer picks {total} oranges, worth {cents} cents each. As many crates of {crate} as possible are "
        f"filled. With the oranges left over, as many bags of {bag} as possible are filled."
    )
    return f"{text} How many oranges are then neither in a crate nor in a bag?", total % crate % bag


def tank(dice: Dice) -> tuple[str, int]:
    """Retry until the answer is a whole number of minutes."""
    while True:
        fast, slow, drain = dice.between(3, 9), dice.between(4, 12), dice.between(10, 24)
        alone, litres = dice.between(1, 2), 100 * dice.between(5, 60)
        together = (1 - Fraction(alone, fast)) / (Fraction(1, fast) + Fraction(1, slow) - Fraction(1, drain))
        minutes = 60 * (alone + together)
        if minutes.denominator == 1:
            break
    text = (
        f"An empty tank holds {litres} litres. Pipe A alone fills it in {fast} hours, pipe B alone in {slow} hours, "
        f"and the drain alone empties a full tank in {drain} hours. Each of them works at its own steady rate. First "
        f"only pipe A is open, for exactly {alone} h. Then pipe B and the drain are opened too, and all three stay "
        "open."
    )
    return f"{text} How many minutes after pipe A was opened is the tank full for the first time?", int(minutes)


def pursuit(dice: Dice) -> tuple[str, int]:
    """Retry until they meet after the stop, at a whole number of kilometres."""
    name, friend = dice.some(NAMES, 2)
    while True:
        slow, fast = dice.between(12, 24), dice.between(30, 60)
        late, ride, stop = 5 * dice.between(4, 18), 5 * dice.between(1, 4), 5 * dice.between(1, 5)
        unstopped = Fraction(slow * late, fast - slow)  # minutes of riding until they would meet without the stop
        km = Fraction(slow * (late + stop), fast - slow) * fast / 60
        if km.denominator == 1 and unstopped > ride:
            break
    text = (
        f"{name} sets out on a bicycle at {slow} km/h. On the same road {friend} sets out from the same place {late} "
        f"minutes later, by scooter at {fast} km/h. After riding for {ride} minutes {friend} stops for {stop} "
        f"minutes and then rides on at the same speed. {name} never stops."
    )
    return f"{text} How many kilometres from the start does {friend} catch up with {name}?", int(km)


def jug(dice: Dice) -> tuple[str, int]:
    """Retry until the answer is a whole percentage."""
    while True:
        one, two = dice.between(4, 20), dice.between(4, 20)
        weak, strong, out = 5 * dice.between(2, 9), 5 * dice.between(10, 19), dice.between(2, 7)
        juice = Fraction(one * weak + two * strong, one + two) * Fraction(one + two - out, one + two)
        if juice.denominator == 1:
            break
    text = (
        f"A jug holds {one} litres of a drink that is {weak} percent juice by volume. Then {two} litres of a drink "
        f"that is {strong} percent juice are stirred in. Next {out} litres of the mixture are poured away and "
        f"replaced by {out} litres of water without any juice."
    )
    return f"{text} What percentage of the drink in the jug is juice now?", int(juice)


def clubs(dice: Dice) -> tuple[str, int]:
    all_three, *two = (dice.between(2, 9) for _ in range(4))
    chess, choir, drama, none = (dice.between(3, 25) for _ in range(4))
    chess_choir, chess_drama, choir_drama = two
    total = all_three + sum(two) + chess + choir + drama + none
    text = (
        f"A school has {total} pupils. {chess + chess_choir + chess_drama + all_three} of them are in the chess "
        f"club, {choir + chess_choir + choir_drama + all_three} in the choir and "
        f"{drama + chess_drama + choir_drama + all_three} in the drama group. {chess_choir + all_three} are in both "
        f"the chess club and the choir, {chess_drama + all_three} in both the chess club and the drama group, and "
        f"{choir_drama + all_three} in both the choir and the drama group. These numbers include the {all_three} "
        f"pupils who are in all three. The choir meets {dice.between(2, 4)} times a week."
    )
    return f"{text} How many pupils of the school are in none of the three?", none


def wages(dice: Dice) -> tuple[str, int]:
    name, wage, normal = dice.pick(NAMES), 20 * dice.between(1, 2), dice.between(30, 38)
    extra, tax, rent = dice.between(2, 10), 5 * dice.between(3, 8), dice.between(150, 300)
    cost, has = dice.between(2000, 9000), dice.between(100, 900)
    pay = Fraction(wage) * normal + Fraction(3, 2) * wage * extra
    weekly = pay * (100 - tax) / 100 - rent
    text = (
        f"{name} earns {wage} dollars an hour for the first {normal} hours of a week, and one and a half times as "
        f"much for each further hour. Every week {name} works {normal + extra} hours, pays {tax} percent of the "
        f"week's pay as tax and {rent} dollars as rent, and saves all the rest. {name} already has {has} dollars "
        "saved."
    )
    weeks = -(-(cost - has) // weekly)
    return f"{text} After how many full weeks does {name} first have at least {cost} dollars saved?", int(weeks)


def remainders(dice: Dice) -> tuple[str, int]:
    """Combine three congruences by the Chinese remainder theorem."""
    while True:
        moduli = dice.some(range(7, 60), 3)
        if all(gcd(a, b) == 1 for a in moduli for b in moduli if a < b):
            break
    pairs = [(dice.between(1, modulus - 1), modulus) for modulus in moduli]
    whole = prod(moduli)
    smallest = sum(rest * whole // modulus * pow(whole // modulus, -1, modulus) for rest, modulus in pairs)
    conditions = ", ".join(f"{rest} when divided by {modulus}" for rest, modulus in pairs)
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


STORIES: tuple[tuple[Story, ...], ...] = (
    (buys, gives, seats, pages),
    (boxes, cards, change, bus),
    (bakery, book, trip, bicycle),
    (coats, ages, buses, machines, oranges),
    (tank, pursuit, jug, clubs, wages),
    (remainders, digits, recurrence, colours, paths, subsets),
)
