r"""The scorer `choice`: the letter of an answer, `Answer: B`, `(B)`, `\boxed{B}`, a bare `B`, or the option's own text.

Nothing is guessed: where two letters could be meant there is no answer, and `why` says which.
"""

import re
import string
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from evalrun.score.extract import expected_answer, final_answer
from evalrun.score.scorer import Scorer, answer_of, scored, unexpected
from evalrun.types import Completion, Sample, Score

_MAX_SEARCHED = 20_000  # characters at the end of the text
_DRESS = re.compile(r"\\(?:text[a-z]*|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_BRACKETED = re.compile(r"\(\s*([A-Z])\s*\)")
_SINGLE = re.compile(r"(?<![A-Za-z0-9'])([A-Z])(?![A-Za-z0-9'])(?!\s+[a-z]{3,})")  # `A` and `I` are words too
_NEGATED = re.compile(r"\b(?:not|isn't|cannot be|rather than)\s+(?:option\s+|choice\s+)?\W{0,3}$", re.IGNORECASE)


class ChoiceScorer(Scorer):
    """Right if the chosen letter is the expected one."""

    kind: Literal["choice"]

    def __call__(self, sample: Sample, completion: Completion) -> Score:
        if sample.expected is None:
            return unexpected()
        options = _options(sample.choices)
        expected = _named(expected_answer(sample.expected), options)
        if expected is None:
            return Score(value=None, error="scorer", why=f"the expected answer {sample.expected!r} is not an option")
        found = chosen(answer_of(completion), options)
        right = found.letter == expected
        why = found.why or ("equal" if right else f"wanted {expected}")
        return scored(right=right, answer=found.letter, rule=found.rule, why=why)


class Chosen(NamedTuple):
    """The letter that was chosen, the rule that found it, and why there is none."""

    letter: str | None
    rule: str
    why: str = ""


_Options = Mapping[str, str | None]
"""Letter -> the words of the option; A to Z and None where the options are not known."""


def _options(choices: Sequence[str]) -> _Options:
    if not choices:
        return dict.fromkeys(string.ascii_uppercase)
    return dict(zip(string.ascii_uppercase, map(_words, choices), strict=False))


def chosen(text: str, options: _Options) -> Chosen:
    """Find the chosen letter in an answer (without its reasoning)."""
    found = final_answer(text)
    if found.answer is not None and found.rule in ("boxed", "marked", "whole"):
        return _from_answer(found.answer, found.rule, options)
    if "\\boxed" in text:
        return Chosen(None, "none", "the box never closes")
    tail = text[-_MAX_SEARCHED:]
    lines = [line for line in tail.splitlines() if line.strip()]
    for line in (lines[-1:] + lines[:1]) if lines else []:  # a letter alone on the last or the first line
        if letter := _only_letter(line, options):
            return Chosen(letter, "line")
    return _from_answer(tail, "text", options)


def _from_answer(answer: str, rule: str, options: _Options) -> Chosen:
    """Read a letter or an option out of a piece of text."""
    if letter := _named(answer, options):
        return Chosen(letter, rule)
    seen = _affirmed(_BRACKETED, answer, options)
    if not seen and rule != "text":
        seen = _affirmed(_SINGLE, answer, options)
    seen = seen or _mentioned(answer, options)
    if len(seen) == 1:
        return Chosen(seen.pop(), rule)
    return Chosen(None, "none", f"ambiguous: {', '.join(sorted(seen))}" if seen else "no letter and no option found")


def _plain(text: str) -> str:
    return _DRESS.sub(r"\1", text).replace("$", "").replace("\\(", "(").replace("\\)", ")").strip(" \t\n*_.:`'\"")


def _named(text: str, options: _Options) -> str | None:
    """Read a letter, in brackets or not, or the text of exactly one option."""
    same = [letter for letter, words in options.items() if words == _words(text)]
    return _only_letter(text, options) or (same[0] if len(same) == 1 else None)


def _only_letter(text: str, options: _Options) -> str | None:
    """Read `B`, `(B)`, `B.`, `b` or `B) the whole option`."""
    plain = _plain(text)
    match = re.fullmatch(r"(?:option|choice)?\s*[(\[]{0,2}([A-Za-z])[)\]]{0,2}", plain, re.IGNORECASE)
    match = match or re.match(r"\(?([A-Z])(?:\)|\.|:)\s", plain + " ")
    rest = plain[match.end() :] if match else ""
    if match and not _affirmed(_BRACKETED, rest, options) and match[1].upper() in options:
        return match[1].upper()
    return None


def _affirmed(pattern: re.Pattern[str], text: str, options: _Options) -> set[str]:
    """Return the letters that are not denied: `(B)`, not `not (A)`."""
    text = _DRESS.sub(r"\1", text)
    return {
        match[1]
        for match in pattern.finditer(text)
        if match[1] in options and not _NEGATED.search(text[max(0, match.start() - 40) : match.start()])
    }


def _mentioned(text: str, options: _Options) -> set[str]:
    """Return the letters of the options that the answer quotes as words."""
    padded = f" {_words(text)} "
    found = {letter: words for letter, words in options.items() if words and f" {words} " in padded}
    return {  # `red` inside `red brick` is not a second option
        letter
        for letter, words in found.items()
        if not any(words != other and f" {words} " in f" {other} " for other in found.values())
    }


def _words(text: str) -> str:
    return " ".join(re.sub(r"[^\w%+\-./$]+", " ", _plain(text).casefold()).split()).strip(".")
