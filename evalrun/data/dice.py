"""Random choices that are the same on every machine, in every Python version. Not for secrets.

Only `random.Random.random` is documented to stay the same for a given seed, so everything here is made of it. A text as
seed goes through SHA-512, not through `hash()`, so PYTHONHASHSEED does not matter.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A seeded source of choices."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed).random

    def between(self, low: int, high: int) -> int:
        """Return an integer, both ends included; uniform to within 2**-53 of the span."""
        return low + int(self._random() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.between(0, len(options) - 1)]

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """Return `count` different options, in random order."""
        left = list(options)
        return [left.pop(self.between(0, len(left) - 1)) for _ in range(count)]

    def shuffled(self, things: Iterable[T]) -> list[T]:
        """Return the things in random order."""
        order = list(things)
        between = self.between
        for last in range(len(order) - 1, 0, -1):
            other = between(0, last)
            order[last], order[other] = order[other], order[last]
        return order

    def dealt(self, cards: Sequence[T]) -> Iterator[T]:
        """Yield the cards forever, in rounds: each card once a round, every round in another order."""
        while True:
            yield from self.shuffled(cards)
