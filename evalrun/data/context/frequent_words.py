"""The three most frequent words of a coded text.

Source: RULER (arXiv 2404.06654), the task fwe. Published: word frequencies fall as rank to the power of -2; the most
frequent "word" is a row of dots, to be ignored. Here words are a letter and four digits instead of six letters, and so
is the one to be ignored; the vocabulary is 200 words at every size; and what rounding leaves over goes to the ignored
word, so that no ranks are tied.

Rule: the three words and no other; scorer `items`, rule `net`.
"""

from math import ceil
from typing import Literal

from pydantic import Field

from evalrun.data.context.filler import shuffled
from evalrun.data.context.names import codes
from evalrun.data.context.probe import Probe, Puzzle
from evalrun.data.dice import Dice

VOCABULARY = 200
ASKED = 3
IGNORED = "I0000"  # no code begins with I


class FrequentWords(Probe):
    """Find the three most frequent words. A unit is a word of the text."""

    kind: Literal["frequent_words"]
    alpha: float = Field(default=2.0, ge=1.1, le=3.5)
    """How fast frequencies fall: the word of rank n has a share proportional to n**-alpha. Smaller is harder."""

    @property
    def family(self) -> str:
        """Aggregation."""
        return "aggregation"

    @property
    def min_units(self) -> int:
        """So many that the ranks differ by a whole word, and three wrong words stand in the text."""
        shares = self._shares()
        return ceil(max(1 / (shares[ASKED] - shares[ASKED + 1]), 1 / shares[2 * ASKED])) + 1

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:  # noqa: ARG002  (no depth)
        """Shuffle the words."""
        counts = [int(units * share) for share in self._shares()[1:]]
        words = codes(dice, sum(count > 0 for count in counts))
        text = [word for word, count in zip(words, counts, strict=False) for _ in range(count)]
        text += [IGNORED] * (units - len(text))
        return Puzzle(
            intro="Below is a coded text. Some of its words appear more often than others.",
            lines=[" ".join(shuffled(dice, text))],
            ask=(
                f"Which three words appear most often in the coded text, apart from {IGNORED}? "
                "Reply with these words only, separated by commas."
            ),
            answers=words[:ASKED],
            candidates=words,
        )

    def _shares(self) -> list[float]:
        """Return the share of each rank; rank 0 is the ignored word."""
        weights = [rank**-self.alpha for rank in range(1, VOCABULARY + 2)]
        return [weight / sum(weights) for weight in weights]
