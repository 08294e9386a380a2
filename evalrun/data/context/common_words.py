"""The words that stand most often in a numbered list.

Source: RULER (arXiv 2404.06654), the task cwe. Published: ten words 30 times each, and as many words three times each
as the size allows; one worked example. Here the words are coded (a letter and four digits), numbers have five digits
so that every entry is equally long, and there is no worked example.

Rule: the ten words and no other; scorer `items`, rule `net`.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from evalrun.data.context.filler import shuffled
from evalrun.data.context.names import codes
from evalrun.data.context.probe import Probe, Puzzle
from evalrun.data.dice import Dice

MOST_ENTRIES = 99_999


class CommonWords(Probe):
    """Find the words that stand most often. A unit is one more word that does not."""

    kind: Literal["common_words"]
    common: int = Field(default=10, ge=1, le=100)
    """How many words are common."""
    common_repeats: int = Field(default=30, ge=2, le=100)
    """How often each common word stands."""
    uncommon_repeats: int = Field(default=3, ge=1, le=99)
    """How often each other word stands."""

    @model_validator(mode="after")
    def _common_is_more(self) -> Self:
        if self.common_repeats <= self.uncommon_repeats:
            raise ValueError("common_repeats must be above uncommon_repeats")
        return self

    @property
    def family(self) -> str:
        """Aggregation."""
        return "aggregation"

    @property
    def min_units(self) -> int:
        """As many wrong words as right ones."""
        return self.common

    @property
    def max_units(self) -> int | None:
        """Entries are numbered with five digits."""
        return (MOST_ENTRIES - self.common * self.common_repeats) // self.uncommon_repeats

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:  # noqa: ARG002  (no depth)
        """Shuffle the list."""
        words = codes(dice, self.common + units)
        right, wrong = words[: self.common], words[self.common :]
        entries = shuffled(dice, right * self.common_repeats + wrong * self.uncommon_repeats)
        return Puzzle(
            intro="Below is a numbered list of coded words. Some of them appear more often than others.",
            lines=[f"{number:05d}. {word}" for number, word in enumerate(entries, start=1)],
            ask=(
                f"Which {self.common} words appear most often in the list? "
                "Reply with these words only, separated by commas."
            ),
            answers=right,
            candidates=words,
        )
