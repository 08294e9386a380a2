"""A Python list that a few of many statements change.

Source: the latent list of Michelangelo (arXiv 2409.12640): a fixed number of statements matters, and the text grows by
statements that do not. Here a line that does not matter changes another list, and makes a change which it takes back;
every number has two digits.

Rule: the whole list in its order (or its sum, or its largest number); scorer `items`, rule `order`.
"""

from collections.abc import Iterator
from itertools import cycle, islice
from typing import Literal

from pydantic import Field

from evalrun.data.context.filler import shuffled, woven
from evalrun.data.context.names import numbers
from evalrun.data.context.probe import Probe, Puzzle
from evalrun.data.dice import Dice

START = 5
CHANGES = ("append", "pop", "insert", "assign", "reverse", "sort")
ADDING = ("append", "insert", "assign")
VIEWS = {"list": "print(a)", "sum": "print(sum(a))", "max": "print(max(a))"}


class ListOperations(Probe):
    """Say what is printed in the end. A unit is a line that does not matter."""

    kind: Literal["list_operations"]
    changes: int = Field(default=6, ge=2, le=24)
    """How many statements matter."""
    view: Literal["list", "sum", "max"] = "list"
    """What is asked for."""

    @property
    def family(self) -> str:
        """State."""
        return "state"

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:  # noqa: ARG002  (no depth)
        """Hide the statements that matter, in their order."""
        kinds = shuffled(dice, islice(cycle(CHANGES), self.changes))
        seen = [int(number) for number in numbers(dice, START + sum(kind in ADDING for kind in kinds), 2)]
        a, fresh = seen[:START], iter(seen[START:])
        before = f"a = {a}; b = []; c = []"
        places = sorted(dice.between(0, units) for _ in kinds)
        marks = [(place, changed(dice, a, kind, fresh)) for place, kind in zip(places, kinds, strict=True)]
        idle = [idled(dice) for _ in range(units)]
        answers = {"list": a, "sum": [sum(a)], "max": [max(a)]}[self.view]
        return Puzzle(
            intro="Below is a Python program. Follow what it does to the list a.",
            lines=[before, *woven(idle, marks)],
            ask=(
                f"What does `{VIEWS[self.view]}` print after the last line? "
                "End with one line: `Answer:` and what it prints."
            ),
            answers=[str(number) for number in answers],
            candidates=[str(number) for number in seen],
        )


def idled(dice: Dice) -> str:
    """Return a line that leaves `a` as it is."""
    other, kept = dice.pick("bc"), dice.pick("abc")
    return f"{other}.append({dice.between(10, 99)}); {kept}.append({dice.between(10, 99)}); {kept}.pop()"


def changed(dice: Dice, a: list[int], kind: str, fresh: Iterator[int]) -> str:
    """Change the list and give the statement; what is added comes from `fresh`. Indices have one digit."""
    number = next(fresh) if kind in ADDING else 0
    place = dice.between(0, min(len(a), 10) - 1)
    match kind:
        case "append":
            a.append(number)
            return f"a.append({number})"
        case "insert":
            a.insert(place, number)
            return f"a.insert({place}, {number})"
        case "assign":
            a[place] = number
            return f"a[{place}] = {number}"
        case "pop":
            a.pop()
            return "a.pop()"
        case "sort":
            a.sort()
            return "a.sort()"
        case _:
            a.reverse()
            return "a.reverse()"
