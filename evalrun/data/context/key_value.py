"""One value out of a long JSON object of UUIDs.

Source: Lost in the Middle (arXiv 2307.03172), key-value retrieval. Here the UUIDs have decimal digits only.

Rule: the value of the asked key and no other; scorer `items`, rule `net`.
"""

from typing import Literal

from pydantic import Field

from evalrun.data.context.filler import at_depth
from evalrun.data.context.names import uuids
from evalrun.data.context.needle import DEPTHS, Percent
from evalrun.data.context.probe import Probe, Puzzle
from evalrun.data.dice import Dice


class KeyValue(Probe):
    """Find the value of a key. A unit is a pair."""

    kind: Literal["key_value"]
    depths: tuple[Percent, ...] = Field(default=DEPTHS, min_length=1)
    """Which pair is asked for, in percent: 0 is the first; question n takes the n-th depth, in turn."""

    @property
    def family(self) -> str:
        """Retrieval."""
        return "retrieval"

    @property
    def min_units(self) -> int:
        """One right and one wrong pair."""
        return 2

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:
        """Write the object."""
        names = uuids(dice, 2 * units)
        keys, values = names[:units], names[units:]
        depth = self.depths[index % len(self.depths)]
        place = at_depth(depth, units - 1)
        lines = [f'"{key}": "{value}",' for key, value in zip(keys, values, strict=True)]
        return Puzzle(
            intro="Below is a JSON object that gives each key its value.",
            lines=["{", *lines[:-1], lines[-1].rstrip(","), "}"],
            ask=f'What is the value of the key "{keys[place]}"? Reply with the value only.',
            answers=[values[place]],
            candidates=values,
            depth=depth,
        )
