"""Probes that hide an answer at a known depth of a long text: `needle`, `passkey`, `key_value`."""

from itertools import islice
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from evalrun.data.context.filler import (
    ADJECTIVES,
    NOUNS,
    PAIRS,
    at_depth,
    noise,
    numbers,
    pairs,
    prose,
    uuids,
    woven,
)  # fmt: skip
from evalrun.data.context.probe import Probe, Puzzle
from evalrun.data.dice import Dice


class RetrievalProbe(Probe):
    """A probe whose answer is at one place of the text."""

    family: ClassVar[str] = "retrieval"

    depths: tuple[Annotated[float, Field(ge=0, le=100)], ...] = Field(
        default=(0.0, 25.0, 50.0, 75.0, 100.0), min_length=1
    )
    """Position of the answer in the text, in percent, where there is one; question n takes the n-th depth, in turn."""

    def depth(self, index: int) -> float:
        """Return the depth of question `index`."""
        return self.depths[index % len(self.depths)]


class Needle(RetrievalProbe):
    """Find the magic numbers of one or more keys. A unit is a line of the haystack.

    Source: niah_* of RULER (arXiv 2404.06654), after Kamradt's needle test: keys of two words, numbers of seven digits
    or UUIDs; a haystack of repeated sentences, essays or other needles; 40 depths. Here the essays and sentences are
    generated, UUIDs have decimal digits only, and the text also holds numbers that are not needles (`decoys`), without
    which naming every number would be right.
    Scorer: `items`, rule `net`.
    """

    kind: Literal["needle"]
    haystack: Literal["prose", "noise", "needles"] = "prose"
    """prose: generated sentences. noise: five sentences, repeated. needles: needles with other keys."""
    key: Literal["words", "uuids"] = "words"
    """The form of a key: two words, or a UUID."""
    value: Literal["numbers", "uuids"] = "numbers"
    """The form of a magic number: seven digits, or a UUID."""
    keys: int = Field(default=1, ge=1, le=1000)
    """Number of keys that have needles, asked for or not."""
    values: int = Field(default=1, ge=1, le=1000)
    """Number of needles of each key."""
    queries: int = Field(default=1, ge=1, le=1000)
    """Number of keys asked for."""
    decoys: int | None = Field(default=None, ge=0, le=1000)
    """Number of sentences with a number that is not a needle; by default as many as there are right answers."""

    @model_validator(mode="after")
    def _asks_for_keys_that_exist(self) -> Self:
        if self.queries > self.keys:
            raise ValueError(f"queries: {self.queries} keys are asked for, and there are {self.keys}")
        return self

    @property
    def max_units(self) -> int | None:
        return PAIRS - self.keys if self.haystack == "needles" and self.key == "words" else None

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:
        right = self.values * self.queries
        decoys = 0 if self.haystack == "needles" else right if self.decoys is None else self.decoys
        other = units if self.haystack == "needles" else 0
        count = self.keys + other
        keys = list(islice(pairs(dice), count)) if self.key == "words" else uuids(dice, count)
        count = self.keys * self.values + decoys + other
        values = numbers(dice, count, 7) if self.value == "numbers" else uuids(dice, count)
        left = iter(values)
        noun = self.value[:-1]
        needles = [(key, value) for key in keys[: self.keys] for value in islice(left, self.values)]
        if self.haystack == "needles":
            hay = [said(noun, key, value) for key, value in zip(keys[self.keys :], left, strict=True)]
        else:
            hay = prose(dice, units) if self.haystack == "prose" else noise(dice, units)
        depth = self.depth(index) if right == 1 else None
        places = [dice.between(0, units) for _ in needles]
        if depth is not None:
            places[0] = at_depth(depth, units)
        inserts = [(place, said(noun, *needle)) for place, needle in zip(places, needles, strict=True)]
        described = [(f"{dice.pick(ADJECTIVES)} {dice.pick(NOUNS)}", value) for value in left]
        inserts += [
            (dice.between(0, units), f"The {what} was sold under the lot {noun} {value}.") for what, value in described
        ]
        return Puzzle(
            intro=f"Some special magic {noun}s are hidden in the text below. Remember them.",
            lines=woven(hay, inserts),
            ask=asked(noun, keys[: self.queries], self.values),
            answers=values[:right],
            depth=depth,
        )


def said(noun: str, key: str, value: str) -> str:
    """Return a needle."""
    return f"One of the special magic {noun}s for {key} is: {value}."


def asked(noun: str, keys: list[str], values: int) -> str:
    """Return the question."""
    if len(keys) == values == 1:
        return f"What is the special magic {noun} for {keys[0]}? Reply with the {noun} only."
    named = keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])} and {keys[-1]}"
    return f"What are all the special magic {noun}s for {named}? Reply with the {noun}s only, separated by commas."


class Passkey(RetrievalProbe):
    """Find the pass key between repeated sentences. A unit is a line of them.

    Source: landmark attention (arXiv 2305.16300): five sentences repeated, and a line that says the key twice. Here the
    sentences are our own, and a second line of the same form holds a locker code, so that the pass key is not the only
    number in the text.
    Scorer: `items`, rule `net`.
    """

    kind: Literal["passkey"]

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:
        key, code = numbers(dice, 2, 5)
        depth = self.depth(index)
        inserts = [
            (at_depth(depth, units), f"The pass key is {key}. Remember it. {key} is the pass key."),
            (dice.between(0, units), f"The locker code is {code}. Remember it. {code} is the locker code."),
        ]
        return Puzzle(
            intro="A pass key is hidden in the text below. Find it and remember it.",
            lines=woven(noise(dice, units), inserts),
            ask="What is the pass key? Reply with the number only.",
            answers=[key],
            depth=depth,
        )


class KeyValue(RetrievalProbe):
    """Find the value of a key in a long JSON object of UUIDs. A unit is a pair.

    Source: key-value retrieval of Lost in the Middle (arXiv 2307.03172). Here UUIDs have decimal digits only.
    Scorer: `items`, rule `net`.
    """

    kind: Literal["key_value"]

    @property
    def min_units(self) -> int:
        """One right and one wrong pair."""
        return 2

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:
        names = uuids(dice, 2 * units)
        keys, values = names[:units], names[units:]
        depth = self.depth(index)
        place = at_depth(depth, units - 1)
        lines = [f'"{key}": "{value}",' for key, value in zip(keys, values, strict=True)]
        return Puzzle(
            intro="Below is a JSON object that gives each key its value.",
            lines=["{", *lines[:-1], lines[-1].rstrip(","), "}"],
            ask=f'What is the value of the key "{keys[place]}"? Reply with the value only.',
            answers=[values[place]],
            depth=depth,
        )
