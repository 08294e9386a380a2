"""Probes that count: the most frequent words of a list (`common_words`) or of a text (`frequent_words`)."""

from math import ceil
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from evalrun.data.context.filler import codes
from evalrun.data.context.probe import Probe, Puzzle
from evalrun.data.dice import Dice

MAX_ENTRIES = 99_999  # numbered with five digits
VOCABULARY = 200
ASKED = 3
IGNORED = "I0000"  # no code begins with I


class CommonWords(Probe):
    """Find the most frequent words of a numbered list. A unit is one more word that is not among them.

    Source: cwe of RULER (arXiv 2404.06654), ten words 30 times each among words that occur three times each. Here words
    are a letter and four digits, entries are numbered with five digits, so that all have the same length, and there is
    no worked example.
    Scorer: `items`, rule `net`.
    """

    family: ClassVar[str] = "aggregation"

    kind: Literal["common_words"]
    common: int = Field(default=10, ge=1, le=100)
    """Number of frequent words."""
    common_repeats: int = Field(default=30, ge=2, le=100)
    """Occurrences of each frequent word."""
    uncommon_repeats: int = Field(default=3, ge=1, le=99)
    """Occurrences of each other word."""

    @model_validator(mode="after")
    def _common_is_more(self) -> Self:
        if self.common_repeats <= self.uncommon_repeats:
            raise ValueError("common_repeats must be above uncommon_repeats")
        return self

    @property
    def min_units(self) -> int:
        """As many wrong words as right ones."""
        return self.common

    @property
    def max_units(self) -> int | None:
        return (MAX_ENTRIES - self.common * self.common_repeats) // self.uncommon_repeats

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:  # noqa: ARG002  (no depth)
        words = codes(dice, self.common + units)
        right, wrong = words[: self.common], words[self.common :]
        entries = dice.shuffled(right * self.common_repeats + wrong * self.uncommon_repeats)
        return Puzzle(
            intro="Below is a numbered list of coded words. Some of them appear more often than others.",
            lines=[f"{number:05d}. {word}" for number, word in enumerate(entries, start=1)],
            ask=(
                f"Which {self.common} words appear most often in the list? "
                "Reply with these words only, separated by commas."
            ),
            answers=right,
        )


class FrequentWords(Probe):
    """Find the three most frequent words of a text. A unit is a word of the text.

    Source: fwe of RULER (arXiv 2404.06654), word frequencies proportional to rank**-2, the most frequent "word" a row
    of dots to be ignored. Here words are a letter and four digits, the ignored one too; the vocabulary is 200 words at
    every size; the remainder of rounding goes to the ignored word, so that no ranks are tied.
    Scorer: `items`, rule `net`.
    """

    family: ClassVar[str] = "aggregation"

    kind: Literal["frequent_words"]
    alpha: float = Field(default=2.0, ge=1.1, le=3.5)
    """The word of rank n has a share proportional to n**-alpha. Smaller is harder."""

    @property
    def min_units(self) -> int:
        """Enough for the ranks to differ by a whole word and for three wrong words to occur."""
        shares = self._shares()
        return ceil(max(1 / (shares[ASKED] - shares[ASKED + 1]), 1 / shares[2 * ASKED])) + 1

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:  # noqa: ARG002  (no depth)
        counts = [int(units * share) for share in self._shares()[1:]]
        words = codes(dice, sum(count > 0 for count in counts))
        text = [word for word, count in zip(words, counts, strict=False) for _ in range(count)]
        text += [IGNORED] * (units - len(text))
        return Puzzle(
            intro="Below is a coded text. Some of its words appear more often than others.",
            lines=[" ".join(dice.shuffled(text))],
            ask=(
                f"Which three words appear most often in the coded text, apart from {IGNORED}? "
                "Reply with these words only, separated by commas."
            ),
            answers=words[:ASKED],
        )

    def _shares(self) -> list[float]:
        """Return the share of each rank; rank 0 is the ignored word."""
        weights = [rank**-self.alpha for rank in range(1, VOCABULARY + 2)]
        return [weight / sum(weights) for weight in weights]
