"""Probes in the manner of Michelangelo (arXiv 2409.12640): the state of a list (`list_operations`), one of several
texts word for word (`recall`).
"""

from collections.abc import Iterator
from itertools import cycle, islice
from typing import ClassVar, Literal

from pydantic import Field

from evalrun.data.context.filler import ADJECTIVES, FORMATS, NOUNS, numbers, woven
from evalrun.data.context.probe import Probe, Puzzle
from evalrun.data.dice import Dice

START = 5  # items of the list at first
CHANGES = ("append", "pop", "insert", "assign", "reverse", "sort")
ADDING = ("append", "insert", "assign")
VIEWS = {"list": "print(a)", "sum": "print(sum(a))", "max": "print(max(a))"}
TOPICS = 4
OTHERS = 7  # fewest wrong texts
ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th")


class ListOperations(Probe):
    """Say what a Python program prints in the end. A unit is a line that does not change the answer.

    Source: the latent list of Michelangelo: a fixed number of statements matters, the text grows by statements that do
    not. Here such a line changes another list and makes a change that it takes back; every number has two digits.
    Scorer: `items`, rule `order`.
    """

    family: ClassVar[str] = "state"

    kind: Literal["list_operations"]
    changes: int = Field(default=6, ge=2, le=24)
    """Number of statements that matter."""
    view: Literal["list", "sum", "max"] = "list"
    """What is printed: the whole list, its sum or its largest number."""

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:  # noqa: ARG002  (no depth)
        kinds = dice.shuffled(islice(cycle(CHANGES), self.changes))
        seen = [int(number) for number in numbers(dice, START + sum(kind in ADDING for kind in kinds), 2)]
        a, fresh = seen[:START], iter(seen[START:])
        before = f"a = {a}; b = []; c = []"
        places = sorted(dice.between(0, units) for _ in kinds)
        inserts = [(place, changed(dice, a, kind, fresh)) for place, kind in zip(places, kinds, strict=True)]
        idle = []  # lines that leave `a` as it is
        for _ in range(units):
            other, kept = dice.pick("bc"), dice.pick("abc")
            idle.append(f"{other}.append({dice.between(10, 99)}); {kept}.append({dice.between(10, 99)}); {kept}.pop()")
        answers = {"list": a, "sum": [sum(a)], "max": [max(a)]}[self.view]
        return Puzzle(
            intro="Below is a Python program. Follow what it does to the list a.",
            lines=[before, *woven(idle, inserts)],
            ask=(
                f"What does `{VIEWS[self.view]}` print after the last line? "
                "End with one line: `Answer:` and what it prints."
            ),
            answers=[str(number) for number in answers],
        )


def changed(dice: Dice, a: list[int], kind: str, fresh: Iterator[int]) -> str:
    """Change the list and return the statement. Added numbers come from `fresh`; indices have one digit."""
    number = next(fresh) if kind in ADDING else 0
    place = dice.between(0, min(len(a), 10) - 1)
    if kind == "assign":
        a[place] = number
        return f"a[{place}] = {number}"
    arguments = {"append": (number,), "insert": (place, number)}.get(kind, ())
    getattr(a, kind)(*arguments)
    return f"a.{kind}({', '.join(map(str, arguments))})"


class RecallProbe(Probe):
    """Repeat the n-th of several texts that were asked for in the same words. A unit is a text.

    Source: MRCR of Michelangelo in the form of openai/mrcr: 2, 4 or 8 equal requests in a conversation, and the answer
    must begin with a given text; published with real writing, chat turns and difflib's ratio over characters. Here the
    texts are random words, the conversation is one message, and the ratio is over words.
    Scorer: `recall`. Repeating all texts scores at most 0.2.
    """

    family: ClassVar[str] = "recall"

    kind: Literal["recall"]
    needles: Literal[2, 4, 8] = 2
    """Number of texts asked for in the same words; question n asks for the n-th of them, in turn."""
    words: int = Field(default=24, ge=8, le=1000, multiple_of=2)
    """Length of a text."""

    @property
    def min_units(self) -> int:
        """The equal requests and some others."""
        return self.needles + OTHERS

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:
        topics = dice.some(NOUNS, TOPICS)
        request, *others = (
            f"{kind} about the {topic}" for kind in dice.some(FORMATS, len(FORMATS)) for topic in topics
        )
        other = dice.dealt(others)
        places = sorted(dice.between(0, units - self.needles) for _ in range(self.needles))
        hay = [next(other) for _ in range(units - self.needles)]
        requests = woven(hay, [(place, request) for place in places])
        adjective, noun = dice.dealt(ADJECTIVES), dice.dealt(NOUNS)
        texts = [" ".join(f"{next(adjective)} {next(noun)}" for _ in range(self.words // 2)) for _ in range(units)]
        turns = zip(requests, texts, strict=True)
        (prefix,) = numbers(dice, 1, 8)
        which = index % self.needles
        place = places[which] + which
        return Puzzle(
            intro="Below is a conversation. The user asks for short texts, and some requests are made several times.",
            lines=[line for what, text in turns for line in (f"User: Write a {what}.", f"Assistant: {text}")],
            ask=(
                f"Write {prefix}, a blank, and then the {ORDINALS[which]} {request} word for word as it stands above. "
                "Write nothing else."
            ),
            answers=[texts[place]],
            depth=round(100 * place / (units - 1), 1),
            text=f"{prefix} {texts[place]}",
        )
