"""Facts about people that must be put together, spread over the text.

Source: in the manner of bAbI and BABILong (arXiv 1502.05698, 2406.10149): a few facts in a long text that has nothing
to do with them. Facts, names and text are our own. Other chains of people (`decoys`) have the same relations, so that
neither a relation nor a name alone leads to the answer.

Rule: the one name and no other; scorer `items`, rule `net`.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from evalrun.data.context.filler import prose, woven
from evalrun.data.context.lexicon import NAMES, RELATIONS
from evalrun.data.context.probe import Probe, Puzzle
from evalrun.data.dice import Dice


class Facts(Probe):
    """Find a person through several others. A unit is a line of prose."""

    kind: Literal["facts"]
    hops: int = Field(default=3, ge=1, le=6)
    """How many facts must be put together."""
    decoys: int = Field(default=2, ge=1, le=9)
    """How many other chains there are."""

    @model_validator(mode="after")
    def _enough_names(self) -> Self:
        if (self.hops + 1) * (self.decoys + 1) > len(NAMES):
            raise ValueError(f"(hops + 1) x (decoys + 1) people have only {len(NAMES)} names; lower one of the two")
        return self

    @property
    def family(self) -> str:
        """Tracing."""
        return "tracing"

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:  # noqa: ARG002  (no depth)
        """Spread the facts in any order."""
        people = dice.some(NAMES, (self.hops + 1) * (self.decoys + 1))
        relations = dice.some(RELATIONS, self.hops)
        chains = [people[n :: self.decoys + 1] for n in range(self.decoys + 1)]
        facts = [
            f"The {relation} of {of} is {who}."
            for chain in chains
            for relation, of, who in zip(relations, chain, chain[1:], strict=False)
        ]
        path = "".join(f"the {relation} of " for relation in reversed(relations))
        asked = chains[0]
        return Puzzle(
            intro="Some facts about people are hidden in the text below. Remember them.",
            lines=woven(prose(dice, units), [(dice.between(0, units), fact) for fact in facts]),
            ask=f"Who is {path}{asked[0]}? Reply with the name only.",
            answers=[asked[-1]],
            candidates=people,
        )
