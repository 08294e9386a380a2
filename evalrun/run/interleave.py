"""The order in which targets are asked side by side: seeded ABBA blocks. Sends nothing, waits for nothing.

    one target       A   A       A   A
    two              A B B A     B A A B           who begins a block is drawn
    with a control   A B C C B A     C A B B A C

A block is two rounds, the second in the reverse order of the first: what rises or falls steadily along the run (the
hour, a filling cache) meets all targets alike. The order depends on the seed alone, so that a resumed run goes on in
it and leaves out what is settled.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from evalrun.data.dice import Dice

Item = TypeVar("Item")


def in_turn(rounds: Iterable[Sequence[Item]], *, seed: str) -> Iterator[tuple[int, Item]]:
    """Return the items of all rounds one by one, each with its place in its round."""
    dice = Dice(seed)
    order: list[int] = []
    for number, items in enumerate(rounds):
        order = dice.some(range(len(items)), len(items)) if number % 2 == 0 else order[::-1]
        for place in order:
            yield place, items[place]
