"""Needles in a haystack: sentences that give a key its magic number, hidden at a known depth.

Source: RULER (arXiv 2404.06654), the tasks niah_*; before it Kamradt's needle test. Published: keys of two words,
numbers of seven digits or UUIDs; haystack of repeated sentences, essays, or other needles; the asked needle at one of
40 depths. Here the essays and the repeated sentences are our own, UUIDs have decimal digits only, and the text also
carries numbers that are no needles (`decoys`), without which naming every number would be right.

Rule: all the values of the asked keys and nothing else; scorer `items`, rule `net`.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from evalrun.data.context.filler import at_depth, noise, prose, woven
from evalrun.data.context.lexicon import ADJECTIVES, NOUNS
from evalrun.data.context.names import PAIRS, numbers, pairs, uuids
from evalrun.data.context.probe import Probe, Puzzle
from evalrun.data.dice import Dice

Percent = Annotated[float, Field(ge=0, le=100)]
DEPTHS = (0.0, 25.0, 50.0, 75.0, 100.0)


class Needle(Probe):
    """Find the magic numbers of one or more keys. A unit is a line of the haystack."""

    kind: Literal["needle"]
    haystack: Literal["prose", "noise", "needles"] = "prose"
    """`noise` repeats five sentences, `needles` is made of needles with other keys."""
    key: Literal["words", "uuids"] = "words"
    value: Literal["numbers", "uuids"] = "numbers"
    keys: int = Field(default=1, ge=1, le=1000)
    """How many keys have needles, asked for or not."""
    values: int = Field(default=1, ge=1, le=1000)
    """How many needles each key has."""
    queries: int = Field(default=1, ge=1, le=1000)
    """How many keys are asked for."""
    decoys: int | None = Field(default=None, ge=0, le=1000)
    """Numbers in sentences that are no needles; by default as many as there are right answers."""
    depths: tuple[Percent, ...] = Field(default=DEPTHS, min_length=1)
    """Where in the text a single asked needle stands, in percent; question n takes the n-th depth, in turn."""

    @model_validator(mode="after")
    def _asks_what_is_there(self) -> Self:
        if self.queries > self.keys:
            raise ValueError(f"queries: {self.queries} keys are asked for; there are {self.keys}")
        return self

    @property
    def family(self) -> str:
        """Retrieval."""
        return "retrieval"

    @property
    def max_units(self) -> int | None:
        """Two words make only so many keys."""
        return PAIRS - self.keys if self.haystack == "needles" and self.key == "words" else None

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:
        """Hide the needles."""
        right = self.values * self.queries
        decoys = 0 if self.haystack == "needles" else right if self.decoys is None else self.decoys
        other = units if self.haystack == "needles" else 0
        keys = self._keys(dice, self.keys + other)
        values = self._numbers(dice, self.keys * self.values + decoys + other)
        left = iter(values)
        noun = self.value[:-1]
        needles = [(key, value) for key in keys[: self.keys] for value in islice(left, self.values)]
        hay = {
            "prose": lambda: prose(dice, units),
            "noise": lambda: noise(dice, units),
            "needles": lambda: [said(noun, key, value) for key, value in zip(keys[self.keys :], left, strict=True)],
        }[self.haystack]()
        depth = self.depths[index % len(self.depths)] if right == 1 else None
        places = [dice.between(0, units) for _ in needles]
        if depth is not None:
            places[0] = at_depth(depth, units)
        marks = [(place, said(noun, *needle)) for place, needle in zip(places, needles, strict=True)]
        if self.haystack != "needles":
            marks += [(dice.between(0, units), line) for line in decoyed(dice, noun, left)]
        return Puzzle(
            intro=f"Some special magic {noun}s are hidden in the text below. Remember them.",
            lines=woven(hay, marks),
            ask=asked(noun, keys[: self.queries], self.values),
            answers=values[:right],
            candidates=values,
            depth=depth,
        )

    def _keys(self, dice: Dice, count: int) -> list[str]:
        return list(islice(pairs(dice), count)) if self.key == "words" else uuids(dice, count)

    def _numbers(self, dice: Dice, count: int) -> list[str]:
        return numbers(dice, count, 7) if self.value == "numbers" else uuids(dice, count)


def said(noun: str, key: str, value: str) -> str:
    """Write a needle."""
    return f"One of the special magic {noun}s for {key} is: {value}."


def decoyed(dice: Dice, noun: str, values: Iterator[str]) -> list[str]:
    """Write each value into a sentence that is no needle."""
    return [
        f"The {dice.pick(ADJECTIVES)} {dice.pick(NOUNS)} was sold under the lot {noun} {value}." for value in values
    ]


def asked(noun: str, keys: list[str], values: int) -> str:
    """Write the question."""
    if len(keys) == values == 1:
        return f"What is the special magic {noun} for {keys[0]}? Reply with the {noun} only."
    named = keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])} and {keys[-1]}"
    return f"What are all the special magic {noun}s for {named}? Reply with the {noun}s only, separated by commas."
