"""A pass key between repeated sentences.

Source: landmark attention (arXiv 2305.16300). Published: five sentences repeated, one line with the key said twice.
Here the sentences are our own, and a second line of the same form gives a locker code, so that not every number
in the text is the pass key.

Rule: the pass key and no other number; scorer `items`, rule `net`.
"""

from typing import Literal

from pydantic import Field

from evalrun.data.context.filler import at_depth, noise, woven
from evalrun.data.context.names import numbers
from evalrun.data.context.needle import DEPTHS, Percent
from evalrun.data.context.probe import Probe, Puzzle
from evalrun.data.dice import Dice


class Passkey(Probe):
    """Find the pass key. A unit is a line of repeated sentences."""

    kind: Literal["passkey"]
    depths: tuple[Percent, ...] = Field(default=DEPTHS, min_length=1)
    """Where in the text the key stands, in percent; question n takes the n-th depth, in turn."""

    @property
    def family(self) -> str:
        """Retrieval."""
        return "retrieval"

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:
        """Hide the key and the code."""
        key, code = numbers(dice, 2, 5)
        depth = self.depths[index % len(self.depths)]
        marks = [
            (at_depth(depth, units), f"The pass key is {key}. Remember it. {key} is the pass key."),
            (dice.between(0, units), f"The locker code is {code}. Remember it. {code} is the locker code."),
        ]
        return Puzzle(
            intro="A pass key is hidden in the text below. Find it and remember it.",
            lines=woven(noise(dice, units), marks),
            ask="What is the pass key? Reply with the number only.",
            answers=[key],
            candidates=[key, code],
            depth=depth,
        )
