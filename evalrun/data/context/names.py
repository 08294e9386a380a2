"""Names and numbers of a fixed form, all different. Fixed, so that each takes the same number of tokens.

Tokenizers cut digits singly or in threes, so the digits themselves do not matter; random letters would.
"""

from collections.abc import Callable, Iterator

from evalrun.data.context.filler import shuffled
from evalrun.data.context.lexicon import ADJECTIVES, NOUNS
from evalrun.data.dice import Dice

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # without I and O, which look like digits
CODES = len(LETTERS) * 10_000
PAIRS = len(ADJECTIVES) * len(NOUNS)


def different(count: int, make: Callable[[], str]) -> list[str]:
    """Make names until there are `count` different ones; in the order they were made."""
    names: dict[str, None] = {}
    while len(names) < count:
        names[make()] = None
    return list(names)


def codes(dice: Dice, count: int) -> list[str]:
    """Return names like `K4821`."""

    def code() -> str:
        letter, digits = divmod(dice.between(0, CODES - 1), 10_000)
        return f"{LETTERS[letter]}{digits:04d}"

    return different(count, code)


def numbers(dice: Dice, count: int, digits: int) -> list[str]:
    """Return numbers of so many digits, the first one not 0."""
    return different(count, lambda: str(dice.between(10 ** (digits - 1), 10**digits - 1)))


def uuids(dice: Dice, count: int) -> list[str]:
    """Return names of the form of a UUID, with decimal digits only."""

    def uuid() -> str:
        digits = f"{dice.between(0, 10**12 - 1):012d}{dice.between(0, 10**8 - 1):08d}{dice.between(0, 10**12 - 1):012d}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    return different(count, uuid)


def pairs(dice: Dice) -> Iterator[str]:
    """Return all PAIRS of adjective and noun, like `vivid-bridge`, each word used as often as the others.

    The n-th pair is adjective n mod 142 and noun n mod 105: these numbers have no common divisor, so no pair repeats.
    """
    adjectives, nouns = shuffled(dice, ADJECTIVES), shuffled(dice, NOUNS)
    for n in range(PAIRS):
        yield f"{adjectives[n % len(adjectives)]}-{nouns[n % len(nouns)]}"
