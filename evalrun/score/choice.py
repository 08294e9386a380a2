r"""The scorer `choice`: which option an answer chooses, by its label, its text or a sentence about it.

Nothing is guessed: an answer that may mean two options, or none that can be made out, is unscored. One that is empty,
refuses, names none of the options on purpose or was cut off before it chose is wrong. docs/scorers.md has the rules.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

from evalrun.score.container import contained, without_confidence
from evalrun.score.extract import boxes, expected_answer
from evalrun.score.labels import FOREIGN, LOOKS_LATIN, SEQUENCES, Label, LabelKind, options_of, spelt, words
from evalrun.score.marks import answer_marks
from evalrun.score.number import TooLarge, number
from evalrun.score.scorer import Scorer, answer_of, scored, unexpected
from evalrun.score.stance import settle
from evalrun.score.tidy import tidy
from evalrun.score.verdict import CALLED, REFUSED
from evalrun.types import Completion, Sample, Score

_MAX_SEARCHED = 20_000  # characters at the end of the text
_ALONE = re.compile(r"(?:\w{3,12}\s)?[\s(\[\"'*]*([^\W_]{1,4})[\s)\]\"'*.:,!]*")
_LABELLED = re.compile(r"[\s(\[\"'*]*([^\W_]{1,4})\s*(?:[)\].:]+|\s[-–—]\s)[\s\"'*]*(\S.*)", re.DOTALL)
_MAX_REFUSAL = 600  # characters


class ChoiceScorer(Scorer):
    """Right if the chosen option is the expected one; unscored if nobody can tell which is chosen."""

    kind: Literal["choice"]
    labels: LabelKind = "auto"
    """How the options are labelled; `auto`: as the question shows them, else by letters."""
    expected_as: Literal["auto", "label", "index", "text"] = "auto"
    """How the expected answer names its option; an index counts from 0."""

    def judge(self, sample: Sample, completion: Completion) -> Score:
        if sample.expected is None:
            return unexpected()
        question = sample.messages[-1].content if sample.messages else ""
        options = options_of(sample.choices, question, kind=self.labels)
        right = _expected(expected_answer(sample.expected), options, form=self.expected_as)
        if isinstance(right, str):
            return Score(value=None, error="scorer", why=right)
        found = chosen(answer_of(completion), options, cut=completion.truncated)
        if found.option is None and found.unsure:
            return Score(value=None, error="unsure", rule="none", why=found.why)
        answer = found.why if found.option is None else options[found.option].name
        if found.option is None:
            return scored(right=False, answer=found.outside, rule=found.rule, why=answer)
        why = "equal" if found.option == right else f"wanted {options[right].name}"
        return scored(right=found.option == right, answer=answer, rule=found.rule, why=why)


class Chosen(NamedTuple):
    """The option that was chosen, by position, and the rule that found it; else why there is none.

    unsure: something may be chosen, but nobody can tell what. outside: a label that was chosen and no option has.
    """

    option: int | None
    rule: str
    why: str = ""
    unsure: bool = False
    outside: str | None = None


def chosen(text: str, options: Sequence[Label], *, cut: bool = False) -> Chosen:
    """Find the chosen option in an answer (without its reasoning). cut: it was cut off at its token limit."""
    inside = contained(text, cut=cut)
    if inside is not None and not boxes(text[inside.end :])[0]:
        return _of_part(inside.content, inside.rule, options)
    text = without_confidence(text)
    contents, unterminated = boxes(text)
    if contents:
        return _of_part(contents[-1], "boxed", options)
    if unterminated:
        return Chosen(None, "none", "the box never closes", unsure=not cut)
    tail = spelt(text[-_MAX_SEARCHED:])
    if (option := named(tail, options)) is not None:
        return Chosen(option, "whole")
    lines = [line for line in tail.splitlines() if re.search(r"\w", line)]
    if lines and not cut and (option := _alone(lines[-1], options)) is not None:
        return Chosen(option, "line")
    return _settled(tail, options, cut=cut)


def _of_part(part: str, rule: str, options: Sequence[Label]) -> Chosen:
    """Read the content of a box or a container."""
    plain = spelt(boxes(part)[0][-1] if boxes(part)[0] else part)
    if (option := named(plain, options)) is not None or (option := _equal(plain, options)) is not None:
        return Chosen(option, rule)
    found = _settled(plain, options, cut=False)
    return found._replace(rule=rule) if found.option is not None else found


def _settled(text: str, options: Sequence[Label], *, cut: bool) -> Chosen:
    settled = settle(text, options, cut=cut)
    if len(settled.options) == 1:
        return Chosen(settled.options[0], settled.how)
    if not re.search(r"\w", text):
        return Chosen(None, "none", "the answer is empty")
    if cut:
        return Chosen(None, "none", "no option chosen: it was cut off before one")
    if len(settled.options) > 1:
        several = ", ".join(options[one].name for one in settled.options)
        return Chosen(None, "none", f"ambiguous: {several}", unsure=True)
    if settled.denies_all or (len(text) <= _MAX_REFUSAL and REFUSED.search(text)):
        return Chosen(None, "none", "the answer chooses none of the options")
    if outside := _outside(text, options):
        return Chosen(None, "none", f"{outside} is not an option", outside=outside)
    return Chosen(None, "none", "no option found", unsure=True)


def named(text: str, options: Sequence[Label]) -> int | None:
    """Read a plain text that is nothing but an option: its label, its words, or both."""
    said = words(text)
    same = [position for position, option in enumerate(options) if option.words and option.words == said]
    if len(same) == 1:
        return same[0]
    if (option := _alone(text, options)) is not None:
        return option
    match = _LABELLED.fullmatch(text)
    position = match and _position(match[1], options)
    if match is None or position is None:
        return None
    rest = words(match[2])
    if match[1] in LOOKS_LATIN:  # В is the third letter, and looks like the second
        other = [number for number, option in enumerate(options) if option.words and option.words == rest]
        return other[0] if len(other) == 1 else position
    return position if rest == options[position].words else None


def _alone(text: str, options: Sequence[Label]) -> int | None:
    """Read `B`, `(B)`, `b.`, `Option B`."""
    match = _ALONE.fullmatch(text)
    before = text[: match.start(1)] if match else ""
    if match is None or (re.search(r"\w", before) and not CALLED.search(before)):
        return None
    return _position(match[1], options)


def _position(name: str, options: Sequence[Label]) -> int | None:
    """Return which option has this label, in upper or lower case, and in Cyrillic where the labels are Latin."""
    names = [option.name for option in options]
    for spelling in (name, name.upper(), LOOKS_LATIN.get(name, ""), _latin(name), FOREIGN.get(name, "")):
        if spelling in names:
            return names.index(spelling)
    return None


def _latin(name: str) -> str:
    """Return the Latin letter at the place of a Cyrillic one: Б is B, Г is D."""
    cyrillic = SEQUENCES["Cyrillic"]
    return SEQUENCES["letters"][cyrillic.index(name.upper())] if name.upper() in cyrillic else ""


def _equal(text: str, options: Sequence[Label]) -> int | None:
    """Return the one option whose number is that of the text: `1,000` for `1000`."""
    value = _value(text)
    same = [position for position, option in enumerate(options) if option.words and _value(option.words) == value]
    return same[0] if value is not None and len(same) == 1 else None


def _value(text: str) -> Fraction | None:
    try:
        return number(tidy(text))
    except TooLarge:
        return None


def _outside(text: str, options: Sequence[Label]) -> str | None:
    """Return a label that a text consists of and no option has: `E` of four."""
    marks = answer_marks(text)
    match = _ALONE.fullmatch(text[marks[-1].end :] if marks else text.splitlines()[-1].rpartition(":")[2])
    every = SEQUENCES["numbers" if options[0].name.isdigit() else "letters"][:26]
    return match[1].upper() if match and match[1].upper() in {*every} - {option.name for option in options} else None


def _expected(text: str, options: Sequence[Label], *, form: str) -> int | str:
    """Return the expected option; or what is wrong with the text that names it."""
    said = words(spelt(text))
    same = [position for position, option in enumerate(options) if option.words and option.words == said]
    label = _alone(spelt(text), options)
    if label is None and (match := _LABELLED.fullmatch(spelt(text))):
        label = _position(match[1], options)
    letter = SEQUENCES["letters"].index(text.strip()) if text.strip() in SEQUENCES["letters"] else None
    index = int(text) if re.fullmatch(r"\s*[0-9]{1,2}\s*", text) and not options[0].name.isdigit() else None
    readings = {
        "text": same[0] if len(same) == 1 else None,
        "label": label if label is not None else letter,
        "index": index,
    }
    if form == "index":
        readings["index"] = int(text) if re.fullmatch(r"\s*[0-9]{1,2}\s*", text) else None
    found = {one for name, one in readings.items() if one is not None and one < len(options) and form in ("auto", name)}
    if len(found) == 1:
        return found.pop()
    if found:
        return f"the expected answer {text!r} may be a label, an index or a text; set `expected_as` of the scorer"
    return f"the expected answer {text!r} is not an option"
