r"""Whether two mathematical answers are equivalent, by docs/labels.md.

The strict normaliser's yes and no are final, because they follow the written policy; math-verify answers what it leaves
open. As a second opinion it is asked about the rest too: where the two contradict each other the score is disputed.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from evalrun.score.form import Form, meaning, measured, read, same
from evalrun.score.last import OUT_OF
from evalrun.score.marks import plain
from evalrun.score.mathverify import verified
from evalrun.score.number import TooLarge
from evalrun.score.numerals import as_asked, expanded
from evalrun.score.tidy import tidy

_MAX_LABELLED = 500
_LABEL = re.compile(
    r"\\text\{ ?(?:(?:Option|Choice) )?\(?([A-J])[).:]{0,2} ?\}[.:]? ?(?=[^ ])(.+)"  # \text{(C) }12
    r"|\\text\{ ?\(?([A-J])(?:\)[.:]?|[.:](?= )) ?([^{}]*[^{} ]) ?\}"  # \text{(C) 12}
    r"|\(?([A-J])(?:\)[.:]?|[.:](?= )) ?(?=[^ ])(.+)"  # (C) 12
)
_LETTER = re.compile(r"(?:\\text\{ ?)?(?:(?:option|choice|answer):? )?\(?([A-J])\)?\.?(?: ?\})?", re.IGNORECASE)
_AMOUNTS = re.compile(
    r"[$€£¥₹]|\b(?:how (?:many|much)|number of|population|people|inhabitants|dollars?|euros?|pounds?|yen|rupees?|cost"
    r"|costs|price|pay|paid|revenue|income|salary|profit|budget|worth|usd|eur)\b",
    re.IGNORECASE,
)
_MONEY = re.compile(r"(?:\\\$|[$€£¥₹]) ?[0-9]")
_DOLLAR = re.compile(r"(?<!\\)\$")
_LETTERED = re.compile(r"(?<![A-Za-z\\])[kKMBT](?![A-Za-z])")
_ROUNDING = re.compile(r"\b(?:round|nearest|decimal|approximat|estimate|significant (?:figure|digit))", re.IGNORECASE)
_ACCOUNTING = re.compile(r"\((\\?[$€£¥]) ?([0-9.,]+)\)")
_UNSPACED = re.compile(r"[\s$]|\\[()]")
_LATIN = re.compile("[A-Za-z]")
_MEASURED = re.compile(  # letters that are variables where the expected answer has some
    r"(-?[0-9][0-9.,/]*) (?:[mgshlLNJVAWKCFΩ]|[kmMG]?(?:Pa|Hz|Wh?|V|A|J|N|eV|Ω|cal)"
    r"|[kKMGT]B|[nμµ]m|[nmμµ]s|dB|m/s)(?:[²³]|\^\{?[23]\}?)?\.?"
)
_COMMA = re.compile(r"(?<![0-9.,])([0-9]+(?:[. ][0-9]{3})*),([0-9]+)(?![0-9,.])")
_POINT = re.compile(r"(?<![0-9.,])([1-9][0-9]{0,2})\.([0-9]{3})(?![0-9.,])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether an answer is right, and whether the two judges contradicted each other."""

    right: bool
    why: str
    disputed: bool = False


def readings(answer: str, *, expected: str = "", question: str = "", comma: bool = False) -> list[str]:
    """Return what a written answer may say: as it is written, then as its context allows it to be read.

    `7 dozen` is also 7 where the question asks for dozens. `3k` is an amount where the question or the answer speaks of
    money or counts, unless the expected answer has such a letter itself. `9/256 ≈ 0.04` is also 0.04 where the question
    asks for a rounded number.
    comma: the prose around it has decimal commas: `3,14` is also 3.14.
    """
    answer = _ACCOUNTING.sub(r"-\1\2", plain(answer).strip()) if _ACCOUNTING.fullmatch(answer.strip()) else answer
    as_written = answer
    if not _LETTERED.search(expected) and (_is_money(answer) or _AMOUNTS.search(question)):
        answer = expanded(plain(answer), letters=True)
    found = [f"{share[1]}/{share[2]}", share[1]] if (share := OUT_OF.fullmatch(answer)) else [answer]
    found += [one for one in (as_asked(as_written, question),) if one != as_written]
    if _ROUNDING.search(question):
        exact, approx, rounded = tidy(answer).rpartition(r"\approx")
        found += [rounded.strip(" ()")] if approx and exact else []
    name, _, value = answer.rpartition("=")
    if value and not _LATIN.search(expected) and len(name := _UNSPACED.sub("", name)) > 1:  # find a + b
        found += [value] if name in _UNSPACED.sub("", question) else []
    if not _LATIN.search(expected) and (measure := _MEASURED.fullmatch(answer)):
        found.append(measure[1])
    if comma:
        pointed = _COMMA.sub(lambda match: f"{re.sub('[. ]', '', match[1])}.{match[2]}", answer)
        found += [other for other in (pointed, _POINT.sub(r"\1\2", answer)) if other != answer and "," not in other]
    return found


def _is_money(answer: str) -> bool:
    """Return whether an answer is an amount of money; two dollar signs enclose a formula."""
    dollars = len(_DOLLAR.findall(answer))
    return dollars == 1 or (dollars == 0 and _MONEY.search(answer) is not None)


def decide(expected: str, read_as: list[str], *, second_opinion: bool = False) -> Judgement:
    """Judge an answer by the readings it allows: right if one of them is."""
    judged = [judge(expected, reading, second_opinion=second_opinion) for reading in read_as[:1]]
    for reading in read_as[1:]:
        if not judged[-1].right:
            judged.append(judge(expected, reading, second_opinion=second_opinion))
    return judged[-1] if judged[-1].right else judged[0]


def unlabelled(expected: str, answer: str) -> str:
    r"""Return an answer without the letter of an option before it; the letter where that is expected."""
    if len(answer) > _MAX_LABELLED:
        return answer
    if _LETTER.fullmatch(expected.strip()) and (only := _LETTER.fullmatch(tidy(answer))):
        return only[1]
    label = _LABEL.fullmatch(tidy(answer))
    if label is None:
        return answer
    letter, value = (part for part in label.groups() if part)
    return letter if _LETTER.fullmatch(expected.strip()) else value


@lru_cache(maxsize=4_096)
def judge(expected: str, answer: str, *, second_opinion: bool = False) -> Judgement:
    """Decide whether `answer` says the same as `expected`. Not symmetric: the expected answer sets the form.

    second_opinion: ask math-verify also where the normaliser has decided.
    """
    expected, answer = unlabelled(answer, expected), unlabelled(expected, answer)
    try:
        left, right = read(expected), read(answer)
        left, right = measured(left, right.unit), measured(right, left.unit)
        strict = True if left == right else same(left, right)
    except TooLarge:
        if tidy(expected) == tidy(answer):
            return Judgement(right=True, why="equal as written")
        return Judgement(right=False, why="different as written, and too large to compute")
    if left == right:
        return Judgement(right=True, why="equal as written")
    kinds = {left.kind, right.kind}
    if strict is not None and kinds & {"text", "written"} and (strict or "written" not in kinds):
        return Judgement(right=strict, why="equal words" if strict else "different words")
    if strict is not None and not second_opinion:
        return Judgement(right=strict, why=_OURS[strict])
    theirs, doubt = verified(*_latex(left, expected, right, answer))
    return _combined(strict, theirs, doubt)


_OURS = {True: "equal by spelling and arithmetic", False: "different by spelling and arithmetic"}


def said(expected: str, answer: str, *, right: bool) -> str:
    """Return a text that is equal for answers that say the same: one for all right ones, else by the normaliser."""
    try:
        like, form = read(expected), read(answer)
    except TooLarge:
        return tidy(expected if right else answer)
    of_right, own = meaning(like, like), meaning(form, like)
    if right:
        return of_right
    return f"not {own}" if own == of_right else own


def _combined(strict: bool | None, theirs: bool | None, doubt: str) -> Judgement:
    """Combine the two opinions."""
    if strict is None:
        if theirs and doubt:
            return Judgement(right=False, why=f"math-verify says equal, but {doubt}", disputed=True)
        if theirs is None:
            return Judgement(right=False, why=doubt or "not equal as written, and math-verify could not read it")
        return Judgement(right=theirs, why=f"math-verify: {'equal' if theirs else 'different'}")
    if theirs is not None and theirs != strict:
        ours = "equal" if strict else "different"
        return Judgement(right=strict, why=f"{ours} by docs/labels.md, but not by math-verify", disputed=True)
    return Judgement(right=strict, why=_OURS[strict])


def _latex(left: Form, expected: str, right: Form, answer: str) -> tuple[str, str]:
    """Return both as math-verify is given them: with no unit but percent, and no name that only one side has."""
    if "group" in (left.kind, right.kind) and not (left.name or right.name):
        return tidy(expected), tidy(answer)
    named = bool(left.name and right.name) or not {"relation", "equation"}.isdisjoint({left.kind, right.kind})

    def spelled(form: Form) -> str:
        name = f"{form.name}=" if form.name and named and form.kind != "group" else ""
        return f"{name}{form.text}" + (r"\%" if form.unit == "%" else "")

    return spelled(left), spelled(right)
