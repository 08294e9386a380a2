"""Random choices that are the same on every machine, in every Python version. Not for secrets.

Only `random.Random.random` is promised to stay the same for a given seed, so everything here is made of it.
A text as seed goes through SHA-512, not through `hash()`, so PYTHONHASHSEED has no say.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A seeded source of choices."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed).random

    def between(self, low: int, high: int) -> int:
        """Return an integer, both ends included; even to within 2**-53 of the span."""
        return low + int(self._random() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.between(0, len(options) - 1)]

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """Return `count` different options, in random order."""
        left = list(options)
        return [left.pop(self.between(0, len(left) - 1)) for _ in range(count)]
