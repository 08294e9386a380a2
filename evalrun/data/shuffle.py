"""The options of a multiple-choice row in a seeded random order, and its expected answer with them. Renders nothing.

    options: [Rome, Paris, Bonn], expected B   ->   options: [Paris, Bonn, Rome], expected A

The fields of the row that hold the options are reordered, so that a template shows them in the new order. The expected
answer follows where it is a letter, or an index from 0; an option's own text stays. Options that speak of others by
their place ("none of the above", "both A and B") keep the row as it is.
"""

import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from evalrun.data.dice import Dice
from evalrun.data.places import Row
from evalrun.errors import SuiteError
from evalrun.escape import clip
from evalrun.types import Json

PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
FIELD = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")
_BY_PLACE = re.compile(
    r"\b(above|below|preceding|following|the others?)\b|\b[A-J]( and | or | nor |, | & )[A-J]\b", re.I
)


def fields_of_choices(choices: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the field, or the path to it, that holds the options; or the field of each. Empty where there is none."""
    if isinstance(choices, str):
        return (choices.strip(),) if PATH.fullmatch(choices.strip()) else ()
    found = [FIELD.fullmatch(each.strip()) for each in choices or ()]
    return tuple(each[1] for each in found if each) if all(found) else ()


def order_of(options: Sequence[str], question: str, *, seed: int) -> list[int]:
    """Return which option comes first, second, ...: the same for the same question, wherever its row stands."""
    if any(_BY_PLACE.search(option) for option in options):
        return list(range(len(options)))
    return Dice(f"shuffle {seed} {question!a} {list(options)!a}").shuffled(range(len(options)))


def reordered(row: Row, fields: Sequence[str], order: Sequence[int]) -> Row:
    """Return a row with the options in another order."""
    if len(fields) > 1:
        return {**row, **{field: row[fields[place]] for field, place in zip(fields, order, strict=True)}}
    first, *further = fields[0].split(".")
    return {**row, first: _within(row[first], further, order)}


def _within(value: Json, path: Sequence[str], order: Sequence[int]) -> Json:
    if not path:
        return [value[place] for place in order]
    held: Mapping[str, Json] = value
    return {**held, path[0]: _within(held[path[0]], path[1:], order)}


def followed(expected: str, options: Sequence[str], order: Sequence[int]) -> str:
    """Return the expected answer after its options were reordered: `options` are as they were."""
    said = expected.strip()
    letter = ascii_uppercase.find(said.upper()) if len(said) == 1 and said.isalpha() else -1
    index = int(said) if re.fullmatch("[0-9]{1,2}", said) else -1
    readings = (said in options, 0 <= letter < len(options), 0 <= index < len(options))
    if sum(readings) != 1:
        what = "may be an option's letter, index or text" if any(readings) else "is no option's letter, index or text"
        raise SuiteError(f"the expected answer {clip(said, 60)!r} {what}; give it as a letter, or remove `shuffle`")
    if said in options:
        return expected
    place = order.index(max(letter, index))
    if index >= 0:
        return str(place)
    return ascii_uppercase[place] if said.isupper() else ascii_uppercase[place].lower()
