"""The order in which targets are asked side by side: seeded ABBA blocks. Sends nothing, waits for nothing.

    one target       A   A    A   A   ...
    two              A B B A  B A A B ...          who begins a block is drawn
    with a control   A B C C B A  C A B B A C ...

A block is two rounds, the second in the reverse order of the first: what grows or falls steadily along the run (the
hour, a filling cache) meets every target alike. The order depends on the seed alone, so that a resumed run goes on in
it, leaving out what is settled.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from evalrun.data.dice import Dice

Item = TypeVar("Item")


def in_turn(rounds: Iterable[tuple[Item, ...]], *, seed: str) -> Iterator[tuple[int, Item]]:
    """Give each round's items one by one, with their places in the round, in seeded blocks of two rounds."""
    dice = Dice(seed)
    order: list[int] = []
    for number, items in enumerate(rounds):
        order = _drawn(dice, len(items)) if number % 2 == 0 else order[::-1]
        for place in order:
            yield place, items[place]


def _drawn(dice: Dice, n: int) -> list[int]:
    """Give 0 .. n - 1 in a random order (Fisher and Yates)."""
    order = list(range(n))
    for last in range(n - 1, 0, -1):
        other = dice.below(last + 1)
        order[last], order[other] = order[other], order[last]
    return order
