r"""The strict normaliser: what a written mathematical answer says, and whether two of them say the same.

It decides what can be decided by spelling and exact arithmetic, and says "unknown" for the rest (`x+1` against
`1+x`), which `mathematics` asks math-verify. The rules, and their order, are docs/labels.md. No floats, no eval.
"""

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from typing import Literal

from evalrun.score.algebra import equal
from evalrun.score.number import INDIAN, number, spelled
from evalrun.score.numerals import in_words
from evalrun.score.tidy import tidy
from evalrun.score.units import split_unit

_MAX_CHARS = 4_000
_MAX_DEPTH = 40
_MAX_PARTS = 20
_ENDLESS = frozenset((r"\infty", r"-\infty", r"+\infty"))
_NAME = re.compile(
    r"\\frac\{[A-Z]{2}\}\{[A-Z]{2}\}|\\?[A-Za-z]+(?:_\w|_\{\w+\})?'?(?:\([a-z0-9]\))?"
    r"|\\angle ?[A-Z]{1,3}|\\(?:sin|cos|tan|cot|ln|log(?:_\{?\w{1,3}\}?)?) ?\(?\w{1,5}(?:\^\\circ)?\)?"
    r"|\\text\{[A-Za-z ]+\}|[A-Z]\([A-Z](?:,[A-Z])?\)"
    r"|\|[A-Za-z]{2,}\||\([A-Za-z](?:,[A-Za-z])+\)|[A-Z\d_{}]+:[A-Z\d_{}]+"
)
_ORDER = re.compile(r"[<>]|\\[lg]eq|\\neq")
_RELATION = re.compile(r"=|<|>|\\leq|\\geq|\\neq|\\in(?![A-Za-z])")
_BASED = re.compile(r"\(?([0-9A-Za-z]+)\)?_\{?([0-9]+)\}?")
_COLONS = re.compile(r"[0-9.]+(?:\s*:\s*[0-9.]+)+")
_TIME = re.compile(r"0?([0-9]{1,2})(:[0-9]{2}(?::[0-9]{2})?)?(?: ?([ap])\.? ?m\.?)?", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}")
_APPROXIMATION = re.compile(r" ?\\approx ?")
_BRACKETED_APPROXIMATION = re.compile(r" ?\( ?(?:\\approx|=)[^()]*\)$")
_SURD = re.compile(
    r"(?=.*(?:\\[a-z]|e))(?:[-+*/^0-9.(){}\[\] ]|e(?![A-Za-z])"
    r"|\\(?:sqrt|pi|frac|cdot|times|div|ln|log|sin|cos|tan|exp)(?![A-Za-z]))+"
)
_DECIMAL = re.compile(r"-?[0-9]*\.[0-9]+")
_WORDS = re.compile(r"[A-Za-z]{2,}(?:[ '-][A-Za-z]+)+|[A-Za-z]{3,}")
_CLOSES = {"(": ")", "[": "]", r"\{": r"\}", "{": "}"}

FormKind = Literal["number", "group", "text", "written", "equation", "relation", "formula"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    r"""What an answer says.

    kind: `number` (value), `group` (items in `bracket`), `text` (words), `written` (compared as written: a base
    subscript, a ratio, a time), `equation` and `relation` (with = or <), `formula` (anything else).
    text: the canonical spelling without unit and name. unit: of measurement. name: the `x` of `x = 5` or `x \in S`.
    """

    kind: FormKind
    text: str
    value: Fraction | None = None
    unit: str = ""
    name: str = ""
    bracket: str = ""
    items: tuple["Form", ...] = ()


@lru_cache(maxsize=1_024)
def read(text: str) -> Form:
    """Read an answer. Raises number.TooLarge. What is absurdly long or deep is not taken apart."""
    if len(text) > _MAX_CHARS or max(_depths(text), default=0) > _MAX_DEPTH:
        return Form(kind="formula", text=text)
    value = in_words(text.strip(" *.")) if text[:3].isalpha() else None
    return _item(tidy(text)) if value is None else _whole(value)


def _canonical(text: str) -> str:
    """Return a text without the spaces and braces that change nothing; `1 2`, which is not 12, keeps its space."""
    text = re.sub(r" (?![A-Za-z0-9])|(?<![A-Za-z0-9]) ", "", text)
    return re.sub(r"([\^_])\{(\w)\}", r"\1\2", text)


def _ungrouped(text: str) -> str:
    text = _canonical(text)
    return text if INDIAN.fullmatch(text) else re.sub(r"(?<=[0-9])[ ,](?=[0-9]{3})", "", text)


def _item(text: str) -> Form:
    """Read one tidied answer: peel off its braces, its name and its unit, then see what is left."""
    text = text.strip()
    if _DATE.fullmatch(text):
        return Form(kind="written", text=text)
    if (clock := _TIME.fullmatch(text)) and (clock[2] or clock[3]):
        return Form(kind="written", text=f"{clock[1]}{clock[2] or ':00'}{_half(clock[3])}")
    if text.startswith("{") and _closing(text, 0) == len(text) - 1:
        return _item(text[1:-1])
    quantity, unit = split_unit(text)
    if (value := number(quantity)) is not None:  # before splitting: the comma of 1,000 separates nothing
        return Form(kind="number", text=_ungrouped(quantity), value=value, unit=unit)
    parts = _split(text)
    if len(parts) > 1 and "\\begin" not in text:
        items = [_item(part) for part in parts]
        flat = (one.items if one.kind == "group" and not one.bracket and not one.name else (one,) for one in items)
        return Form(kind="group", text=_canonical(text), items=tuple(chain.from_iterable(flat)))
    name, text = _named(_BRACKETED_APPROXIMATION.sub("", text))
    text, unit = split_unit(text)
    return replace(_bare(text), name=name, unit=unit)


def _bare(text: str) -> Form:
    """Read an answer that has neither name nor unit left."""
    canonical = _canonical(text)
    if (value := number(text)) is not None:
        return Form(kind="number", text=_ungrouped(text), value=value)
    if based := _BASED.fullmatch(canonical):
        if based[2] == "10" and (value := number(based[1])) is not None:
            return Form(kind="number", text=based[1], value=value)
        if any(sign.isdigit() for sign in based[1]) and based[1][0].isdigit():
            return Form(kind="written", text=f"{based[1].upper()}_{based[2]}")
    if _COLONS.fullmatch(text):
        return Form(kind="written", text=canonical)
    if text.startswith("\\text{") and _closing(text, 5) == len(text) - 1:
        inside = text[6:-1]
        if re.search("[0-9]", inside):
            return _item(inside)
        value = in_words(inside)
        return Form(kind="text", text=_words(inside)) if value is None else _whole(value)
    if _RELATION.search(canonical):
        equation = "=" in canonical and not _ORDER.search(canonical)
        return Form(kind="equation" if equation else "relation", text=canonical)
    if group := _group(text):
        return group
    if (value := in_words(text)) is not None:
        return _whole(value)
    if _WORDS.fullmatch(text):
        return Form(kind="text", text=_words(text))
    return Form(kind="formula", text=canonical)


def _whole(value: Fraction) -> Form:
    return Form(kind="number", text=spelled(value), value=value)


def _group(text: str) -> Form | None:
    """Read `(1, 2)`, `[0, 1)` or `\\{1, 2\\}`; a single thing in brackets is that thing."""
    opening = next((bracket for bracket in ("(", "[", r"\{") if text.startswith(bracket)), "")
    if not opening or "\\begin" in text:
        return None
    end = _closing(text, len(opening) - 1)
    closing = text[-2:] if text.endswith(r"\}") else text[-1:]
    if end != len(text) - 1 or (closing == r"\}") != (opening == r"\{"):
        return None
    inside = text[len(opening) : -len(closing)]
    parts = _split(inside, every_comma=True)
    if len(parts) == 1 and closing == _CLOSES[opening]:
        return _item(inside) if inside.strip() else Form(kind="formula", text=_canonical(text))
    items = tuple(_item(part) for part in parts)
    return Form(kind="group", text=_canonical(text), bracket=opening + closing, items=items)


def _named(text: str) -> tuple[str, str]:
    r"""Split `x = 5`, `z = 1+1 = 2`, `x \in S` and `x \approx 5` into name and value; an equation stays whole."""
    text = _exactly(text)
    sides = [number(side) for side in text.split("=")]
    if len(sides) > 1 and sides[0] is not None and len(set(sides)) == 1:  # 9 \cdot 2 = 18 says 18
        return "", text.rpartition("=")[2].strip()
    if len(sides) > 1 and sides[-1] is not None and equal(*text.rsplit("=", 2)[-2:]):  # \sqrt{16} = 4
        return "", text.rpartition("=")[2].strip()
    name, sign, value = (*re.split(r"(=|\\in(?![A-Za-z]))", text, maxsplit=1), "", "")[:3]
    name = _canonical(name)
    if not sign or not value or not _NAME.fullmatch(name) or _ORDER.search(value):
        return "", text
    return name.replace("{", "").replace("}", ""), value.rpartition("=")[2].strip()


def _exactly(text: str) -> str:
    r"""Return the exact side of `\frac13 \approx 0.333` and `\sqrt2 = 1.414`; `x \approx 5` is `x = 5`."""
    left, *rounded = (side.strip() for side in _APPROXIMATION.split(text))
    if rounded:
        left = rounded[0] if not left else f"{left.rstrip('= ')}={rounded[0]}" if _is_name(left) else left
    *exact, last = left.split("=")
    if exact and _DECIMAL.fullmatch(last.strip()) and _is_rounded(last.strip(), exact[-1].strip()):
        return "=".join(exact)
    if len(exact) > 1 and last.endswith("%") and (value := number(last.strip("% "))) is not None:
        return "=".join(exact) if number(exact[-1]) == value / 100 else left  # 1/2 = 0.5 = 50 %
    return left


def _is_name(text: str) -> bool:
    return text.endswith("=") or (number(text) is None and _NAME.fullmatch(_canonical(text)) is not None)


def _is_rounded(decimal: str, exact: str) -> bool:
    """Return whether a decimal may stand for an exact side: within one unit of its last place, or of a root or pi."""
    value = number(exact)
    if value is None:
        return _SURD.fullmatch(exact) is not None
    near = abs(value - Fraction(decimal)) <= Fraction(1, 10 ** len(decimal.partition(".")[2]))
    return near and value != Fraction(decimal) and not _DECIMAL.fullmatch(exact)


def _half(letter: str | None) -> str:
    return f" {letter.lower()}m" if letter else ""


def _words(text: str) -> str:
    return re.sub(r"^\((.*)\)$", r"\1", " ".join(text.casefold().split()).strip(" .")).strip()


def _depths(text: str) -> list[int]:
    """Return the bracket depth at each character. Any bracket closes any other, for half-open intervals."""
    depth, depths = 0, []
    for sign in text:
        depth -= sign in ")]}"
        depths.append(depth)
        depth += sign in "([{"
    return depths


def _closing(text: str, opening: int) -> int:
    """Return the index of the bracket that closes the one at `opening`; -1 if none does."""
    depths = _depths(text)
    level = depths[opening]
    return next((at for at in range(opening + 1, len(text)) if depths[at] == level and text[at] in ")]}"), -1)


def _split(text: str, *, every_comma: bool = False) -> list[str]:
    """Split at the commas outside brackets: at those followed by a space if there are such, so `1,000, 2` is two."""
    depths = _depths(text)
    commas = [at for at, sign in enumerate(text) if sign == "," and depths[at] == 0]
    spaced = [at for at in commas if text[at + 1 : at + 2] == " "]
    cuts = spaced if spaced and not every_comma else commas
    return [text[start + 1 : end].strip() for start, end in zip([-1, *cuts], [*cuts, len(text)], strict=True)]


# ---------------------------------------------------------------- two of them


def same(expected: Form, answer: Form) -> bool | None:
    """Compare two answers: True, False, or None where it takes algebra."""
    if expected.unit and answer.unit and expected.unit != answer.unit:
        return False
    if expected.name and answer.name and expected.name != answer.name:
        return None if "group" in (expected.kind, answer.kind) else False
    if expected.kind == answer.kind == "group":
        return _groups(expected, answer)
    if expected.text == answer.text:
        return True
    kinds = {expected.kind, answer.kind}
    if kinds == {"number"}:
        return expected.value == answer.value
    if kinds == {"number", "group"}:
        return _as_lists(expected, answer)
    if "text" in kinds and len(kinds) > 1:
        return expected.text.casefold() == answer.text.casefold() or (False if "number" in kinds else None)
    if kinds == {"written"}:
        return _same_time(expected.text, answer.text)
    if kinds == {"text"} or "written" in kinds:
        return False
    if "equation" in kinds and not kinds.isdisjoint({"number", "formula"}):
        return None if expected.name or answer.name else False
    if not _ENDLESS.isdisjoint({expected.text, answer.text}):  # the ends of intervals
        return expected.text.strip("+") == answer.text.strip("+") if kinds <= {"number", "formula"} else None
    if r"\cup" in expected.text and r"\cup" in answer.text:
        return _unions(expected.text, answer.text)
    if kinds <= {"number", "formula"} or kinds == {"equation"}:
        return equal(expected.text, answer.text)
    return None


def _unions(expected: str, answer: str) -> bool | None:
    """Compare two unions part by part, in any order. Parts that overlap may be cut in other ways: undecided."""
    left, right = ([_item(part) for part in text.split(r"\cup")] for text in (expected, answer))
    if len(left) != len(right) or len(left) > _MAX_PARTS:
        return None
    return all(any(same(one, other) for other in right) for one in left) or None


def _as_lists(expected: Form, answer: Form) -> bool | None:
    """Compare a number with a group: `12,34,567` may have been meant as a list."""
    one, other = (
        _item(form.text.replace(",", ", ")) if INDIAN.fullmatch(form.text) else form for form in (expected, answer)
    )
    return _groups(one, other) if one.kind == other.kind else False


def _same_time(one: str, other: str) -> bool:
    """Compare two texts that differ as times of day: `3:30 pm` is 15:30, and 3:30 may leave out which half it means."""
    hours = [_hours(text) for text in (one, other) if text.endswith(("am", "pm"))]
    if len(hours) != 1:
        return False
    plain = other if one.endswith("m") else one
    return plain in hours[0]


def _hours(text: str) -> tuple[str, str]:
    """Return what `3:30 pm` may be written as without its half: 3:30 and 15:30."""
    clock, half = text.split()
    hour, _, minutes = clock.partition(":")
    return clock, f"{int(hour) % 12 + (12 if half == 'pm' else 0)}:{minutes}"


def measured(form: Form, unit: str) -> Form:
    """Read the bare letter of `5 m` as a unit, not a variable, where the other side has that unit (m, g, l)."""
    if form.kind != "formula" or unit[:1] not in ("m", "g", "l") or unit[1:2] not in ("", "^"):
        return form
    rest = form.text.removesuffix(unit)
    return replace(read(rest), unit=unit) if rest and rest != form.text else form


def _groups(expected: Form, answer: Form) -> bool | None:
    """Compare two groups: item by item, or as sets, in which each item has an equal on the other side.

    A repeated item of a set counts once.
    """
    left, right = expected.items, answer.items
    brackets = {expected.bracket, answer.bracket}
    by_name = [len({item.name for item in items if item.name}) > 1 for items in (left, right)]
    if brackets <= {"", r"\{\}"} and by_name[0] == by_name[1]:  # but p=3, q=2 against 3, 2: by position
        if len(left) * len(right) > 2_500:
            return None
        table = [[same(one, other) for other in right] for one in left]
        rows = [*table, *(list(column) for column in zip(*table, strict=True))]
        found = [True if True in row else None if None in row else False for row in rows]
    elif len(left) != len(right) or not (brackets <= {"", r"\{\}"} or len(brackets) == 1 or brackets == {"", "()"}):
        return False
    else:
        found = [same(one, other) for one, other in zip(left, right, strict=True)]
    return False if False in found else None if None in found else True


def meaning(form: Form, like: Form) -> str:
    """Return a text that is equal for answers that are the same by spelling and exact arithmetic.

    like: the expected answer. A unit or a name counts only where it has another one, and a list without brackets is
    taken for what the expected answer is.
    """
    name = f"{form.name}=" if like.name and form.name not in ("", like.name) else ""
    unit = f" {form.unit}" if like.unit and form.unit not in ("", like.unit) else ""
    text, bracket = form.text, form.bracket or like.bracket
    if form.value is not None:
        text = spelled(form.value)
    elif form.kind == "group":
        items = [meaning(item, item) for item in form.items]
        ordered = bracket not in ("", r"\{\}")
        text = f"{bracket[0]}{', '.join(items)}{bracket[-1]}" if ordered else f"{{{', '.join(sorted(set(items)))}}}"
    elif form.kind == "text":
        text = text.casefold()
    return f"{name}{text}{unit}"
