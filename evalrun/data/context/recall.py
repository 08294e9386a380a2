"""One of several texts that were asked for in the same words, to be given back word for word.

Source: MRCR of Michelangelo (arXiv 2409.12640) in the form of openai/mrcr: 2, 4 or 8 equal requests in a conversation,
and the answer must begin with a given text. Published: real writing, turns of a chat, difflib's ratio over
characters. Here the texts are random words, the conversation is one message, and the ratio is over words.

Rule: begin with the given number, then the ratio of common words in order; scorer `recall`. All texts together give
at most 0.2.
"""

from typing import Literal

from pydantic import Field

from evalrun.data.context.filler import dealt, woven
from evalrun.data.context.lexicon import ADJECTIVES, FORMATS, NOUNS
from evalrun.data.context.names import numbers
from evalrun.data.context.probe import Probe, Puzzle
from evalrun.data.dice import Dice

TOPICS = 4
OTHERS = 7  # wrong texts at the least
ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th")


class Recall(Probe):
    """Repeat the n-th of several texts. A unit is a text."""

    kind: Literal["recall"]
    needles: Literal[2, 4, 8] = 2
    """How many texts were asked for in the same words; question n asks for the n-th of them, in turn."""
    words: int = Field(default=24, ge=8, le=1000, multiple_of=2)
    """The length of a text."""

    @property
    def family(self) -> str:
        """Recall."""
        return "recall"

    @property
    def min_units(self) -> int:
        """The equal requests and some others."""
        return self.needles + OTHERS

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:
        """Hold the conversation."""
        topics = dice.some(NOUNS, TOPICS)
        request, *others = (
            f"{kind} about the {topic}" for kind in dice.some(FORMATS, len(FORMATS)) for topic in topics
        )
        other = dealt(dice, others)
        places = sorted(dice.between(0, units - self.needles) for _ in range(self.needles))
        hay = [next(other) for _ in range(units - self.needles)]
        requests = woven(hay, [(place, request) for place in places])
        texts = self._texts(dice, units)
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
            candidates=texts,
            depth=round(100 * place / (units - 1), 1),
            text=f"{prefix} {texts[place]}",
        )

    def _texts(self, dice: Dice, count: int) -> list[str]:
        adjective, noun = dealt(dice, ADJECTIVES), dealt(dice, NOUNS)
        return [" ".join(f"{next(adjective)} {next(noun)}" for _ in range(self.words // 2)) for _ in range(count)]
