r"""The scorer `choice`: the letter of an answer, `Answer: B`, `(B)`, `\boxed{B}`, a bare `B`, or the option's own text.

Nothing is guessed: where two letters could be meant there is no answer, and `why` says which.
"""

import re
import string
from typing import Literal, NamedTuple

from evalrun.score.extract import expected_answer, final_answer
from evalrun.score.scorer import Scorer, answer_of, scored, unexpected
from evalrun.types import Completion, Sample, Score

_MAX_SEARCHED = 20_000  # characters at the end of the text
_DRESS = re.compile(r"\\(?:text[a-z]*|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_BRACKETED = re.compile(r"\(\s*([A-Z])\s*\)")
_SINGLE = re.compile(r"(?<![A-Za-z0-9'])([A-Z])(?![A-Za-z0-9'])(?!\s+[a-z]{3,})")
_NEGATED = re.compile(r"\b(?:not|isn't|cannot be|rather than)\s+(?:option\s+|choice\s+)?\W{0,3}$", re.IGNORECASE)


class ChoiceScorer(Scorer):
    """Right if the chosen letter is the expected one."""

    kind: Literal["choice"]

    def __call__(self, sample: Sample, completion: Completion) -> Score:
        """Find the letter."""
        if sample.expected is None:
            return unexpected()
        expected = expected_letter(sample.expected, sample.choices)
        if expected is None:
            return Score(value=None, error="scorer", why=f"the expected answer {sample.expected!r} is not an option")
        found = chosen(answer_of(completion), sample.choices)
        right = found.letter == expected
        why = found.why or ("equal" if right else f"wanted {expected}")
        return scored(right=right, answer=found.letter, rule=found.rule, why=why)


class Chosen(NamedTuple):
    """The letter that was chosen, the rule that found it, and why there is none."""

    letter: str | None
    rule: str
    why: str = ""


def letters(count: int) -> str:
    """Return the letters of `count` options; A to Z where the options are not known."""
    return string.ascii_uppercase[: count or 26]


def expected_letter(expected: str, choices: tuple[str, ...]) -> str | None:
    """Read the expected answer: a letter, in brackets or not, or the text of exactly one option."""
    expected = expected_answer(expected)
    letter = _only_letter(expected, letters(len(choices)))
    return letter or _option(expected, letters(len(choices)), choices)


def chosen(text: str, choices: tuple[str, ...]) -> Chosen:
    """Find the chosen letter in an answer (without its reasoning)."""
    allowed = letters(len(choices))
    found = final_answer(text)
    if found.answer is not None and found.rule in ("boxed", "marked", "whole"):
        return _from_answer(found.answer, found.rule, allowed, choices)
    if "\\boxed" in text:
        return Chosen(None, "none", "the box never closes")
    tail = text[-_MAX_SEARCHED:]
    lines = [line for line in tail.splitlines() if line.strip()]
    for line in (lines[-1:] + lines[:1]) if lines else []:  # a letter alone on the last or the first line
        if letter := _only_letter(line, allowed):
            return Chosen(letter, "line")
    return _from_answer(tail, "text", allowed, choices)


def _from_answer(answer: str, rule: str, allowed: str, choices: tuple[str, ...]) -> Chosen:
    """Read a letter or an option out of a piece of text."""
    if letter := _only_letter(answer, allowed) or _option(answer, allowed, choices):
        return Chosen(letter, rule)
    seen = _bracketed(answer, allowed) or (_single(answer, allowed) if rule != "text" else set())
    seen = seen or _mentioned(answer, allowed, choices)
    if len(seen) == 1:
        return Chosen(seen.pop(), rule)
    return Chosen(None, "none", f"ambiguous: {', '.join(sorted(seen))}" if seen else "no letter and no option found")


def _plain(text: str) -> str:
    return _DRESS.sub(r"\1", text).replace("$", "").replace("\\(", "(").replace("\\)", ")").strip(" \t\n*_.:`'\"")


def _only_letter(text: str, allowed: str) -> str | None:
    """Read `B`, `(B)`, `B.`, `b` or `B) the whole option`."""
    plain = _plain(text)
    match = re.fullmatch(r"(?:option|choice)?\s*[(\[]{0,2}([A-Za-z])[)\]]{0,2}", plain, re.IGNORECASE)
    match = match or re.match(r"\(?([A-Z])(?:\)|\.|:)\s", plain + " ")
    rest = plain[match.end() :] if match else ""
    if match and not _bracketed(rest, allowed) and match[1].upper() in allowed:
        return match[1].upper()
    return None


def _bracketed(text: str, allowed: str) -> set[str]:
    """Return the letters in brackets that are not denied: `(B)`, not `not (A)`."""
    return _affirmed(_BRACKETED, text, allowed)


def _single(text: str, allowed: str) -> set[str]:
    """Return single capital letters, but not before a lower-case word: `A` and `I` are English words too."""
    return _affirmed(_SINGLE, text, allowed)


def _affirmed(pattern: re.Pattern[str], text: str, allowed: str) -> set[str]:
    text = _DRESS.sub(r"\1", text)
    return {
        match[1]
        for match in pattern.finditer(text)
        if match[1] in allowed and not _NEGATED.search(text[max(0, match.start() - 40) : match.start()])
    }


def _option(text: str, allowed: str, choices: tuple[str, ...]) -> str | None:
    """Return the letter of the one option with this text."""
    same = [letter for letter, choice in zip(allowed, choices, strict=False) if _words(choice) == _words(text)]
    return same[0] if len(same) == 1 else None


def _mentioned(text: str, allowed: str, choices: tuple[str, ...]) -> set[str]:
    """Return the letters of the options that the answer quotes as words."""
    padded = f" {_words(text)} "
    pairs = list(zip(allowed, choices, strict=False))
    found = {letter: _words(choice) for letter, choice in pairs if _words(choice) and f" {_words(choice)} " in padded}
    return {  # `red` inside `red brick` is not a second option
        letter
        for letter, words in found.items()
        if not any(words != other and f" {words} " in f" {other} " for other in found.values())
    }


def _words(text: str) -> str:
    return " ".join(re.sub(r"[^\w%+\-./$]+", " ", _plain(text).casefold()).split()).strip(".")
