"""The text that hides an answer: sentences from a seeded grammar, never seen before and without meaning.

Every line of prose has 63 characters and the same words in the same roles. Words are dealt like cards, each once before
any comes again, so that long texts differ in tokens by a part of one deal, whatever the tokenizer makes of a word.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, islice
from string import ascii_lowercase
from typing import TypeVar

from evalrun.data.context.lexicon import ADJECTIVES, NOUNS, PREPOSITIONS, VERBS
from evalrun.data.dice import Dice

T = TypeVar("T")

NOISE = ("The lake is calm.", "The road is long.", "The barn is red.", "The moon is up.", "The day is done.")


def dealt(dice: Dice, cards: Sequence[T]) -> Iterator[T]:
    """Return the cards for ever, each once before any comes again."""
    while True:
        yield from shuffled(dice, cards)


def shuffled(dice: Dice, things: Iterable[T]) -> list[T]:
    """Return the things in random order."""
    order = list(things)
    between = dice.between
    for last in range(len(order) - 1, 0, -1):
        other = between(0, last)
        order[last], order[other] = order[other], order[last]
    return order


def prose(dice: Dice, lines: int) -> list[str]:
    """Return sentences like `The vivid bridge opened the small letter near the quiet forest.`"""
    adjective, noun = dealt(dice, ADJECTIVES).__next__, dealt(dice, NOUNS).__next__
    verb, preposition = dealt(dice, VERBS).__next__, dealt(dice, PREPOSITIONS).__next__
    text: list[str] = []
    for number in range(lines):
        subject, what = f"The {adjective()} {noun()}", f"{verb()} the {adjective()} {noun()}"
        where = f"{preposition()} the {adjective()} {noun()}"
        text.append(f"{subject} {where} {what}." if number % 2 else f"{subject} {what} {where}.")
    return text


def noise(dice: Dice, lines: int) -> list[str]:
    """Return the same five sentences in every line, each time in another order."""
    return [" ".join(shuffled(dice, NOISE)) for _ in range(lines)]


def margin(pad: int) -> str:
    """Return the line of `pad` one-letter words that brings a prompt to its size."""
    return " ".join(["Margin:", *islice(cycle(ascii_lowercase), pad)])


def woven(hay: Sequence[str], marks: Iterable[tuple[int, str]]) -> list[str]:
    """Put each (place, line) before the line of hay at that place; at one place they keep their order."""
    text: list[str] = []
    done = 0
    for place, line in sorted(marks, key=lambda mark: mark[0]):
        text += hay[done:place]
        text.append(line)
        done = place
    return [*text, *hay[done:]]


def at_depth(percent: float, places: int) -> int:
    """Return the place at this depth of a text: 0 is before the first of its lines, 100 after the last."""
    return round(percent / 100 * places)
