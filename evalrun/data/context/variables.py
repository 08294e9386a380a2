"""Variables that get their value from other variables, in assignments spread over the text.

Source: RULER (arXiv 2404.06654), the task vt. Published: one chain of four hops in repeated sentences, names of five
letters, values of five digits, one worked example. Here names are a letter and four digits, the sentences are our
own, there is no worked example, and a second chain (`decoys`) has another value, without which naming every
variable would be right.

Rule: all variables of the asked chain and no other; scorer `items`, rule `net`.
"""

from itertools import pairwise
from typing import Literal

from pydantic import Field

from evalrun.data.context.filler import noise, shuffled, woven
from evalrun.data.context.names import codes, numbers
from evalrun.data.context.probe import Probe, Puzzle
from evalrun.data.dice import Dice


class Variables(Probe):
    """Find all variables with a value. A unit is a line of repeated sentences."""

    kind: Literal["variables"]
    hops: int = Field(default=4, ge=1, le=100)
    """How often the value is handed on."""
    decoys: int = Field(default=1, ge=0, le=100)
    """Chains that are not asked for."""

    @property
    def family(self) -> str:
        """Tracing."""
        return "tracing"

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:  # noqa: ARG002  (no depth)
        """Hide the assignments, each after the one it needs."""
        length, chains = self.hops + 1, self.decoys + 1
        names = codes(dice, length * chains)
        values = numbers(dice, chains, 5)
        todo = [iter(chain(names[n * length :][:length], value)) for n, value in enumerate(values)]
        turns = shuffled(dice, [n for n in range(chains) for _ in range(length)])
        places = sorted(dice.between(0, units) for _ in turns)
        marks = [(place, next(todo[n])) for place, n in zip(places, turns, strict=True)]
        return Puzzle(
            intro="Assignments of variables are hidden in the text below. Follow them.",
            lines=woven(noise(dice, units), marks),
            ask=(
                f"Which {length} variables have the value {values[0]}, directly or through other variables? "
                "Reply with their names only, separated by commas."
            ),
            answers=names[:length],
            candidates=names,
        )


def chain(names: list[str], value: str) -> list[str]:
    """Write the assignments of one chain, in their order."""
    return [f"VAR {names[0]} = {value}", *(f"VAR {b} = VAR {a}" for a, b in pairwise(names))]
