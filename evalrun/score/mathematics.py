r"""Whether two mathematical answers are equivalent: the strict normaliser and math-verify, by docs/labels.md.

The normaliser's yes and no stand, because they follow the written policy; math-verify answers what it leaves open.
Where the two contradict each other the verdict is disputed. Slow and hostile input can make math-verify hang, so this
belongs into a worker of `pool`; its own SIGALRM timeouts are off. Text is never evaluated: only math-verify's LaTeX
grammar reads it, never `parse_expr`.
"""

import logging
import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import Any

from evalrun.score.form import Form, read, tidy
from evalrun.score.number import TooLarge
from evalrun.score.same import measured, same

_MAX_ALGEBRA = 1_000  # characters that math-verify is given
_LETTER = re.compile(r"\\text\{[^{}]*\}|\\(?:begin|end)\{[^{}]*\}|\\[A-Za-z]+|[A-Za-z]")
_DIGITS, _CLOSE, _NOTHING = 50, "1e-30", "1e-45"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether an answer is right, and whether the two judges contradicted each other."""

    right: bool
    why: str
    disputed: bool = False


def judge(expected: str, answer: str) -> Verdict:
    """Decide whether `answer` says the same as `expected`. Not symmetric: the expected answer sets the form."""
    try:
        left, right = read(expected), read(answer)
        left, right = measured(left, right.unit), measured(right, left.unit)
    except TooLarge:
        if tidy(expected) == tidy(answer):
            return Verdict(right=True, why="equal as written")
        return Verdict(right=False, why="different as written, and too large to compute")
    if left == right:
        return Verdict(right=True, why="equal as written")
    strict = same(left, right)
    if {left.kind, right.kind} & {"text", "written"} and strict is not None:
        ratio_or_base = "written" in (left.kind, right.kind)
        if strict or not ratio_or_base:
            return Verdict(right=strict, why="equal words" if strict else "different words")
    theirs, doubt = _algebra(*_latex(left, expected, right, answer))
    return _verdict(strict, theirs, doubt)


def _verdict(strict: bool | None, theirs: bool | None, doubt: str) -> Verdict:
    """Put the two opinions together."""
    if strict is None:
        if theirs and doubt:
            return Verdict(right=False, why=f"math-verify says equal, but {doubt}", disputed=True)
        if theirs is None:
            return Verdict(right=False, why=doubt or "not equal as written, and math-verify could not read it")
        return Verdict(right=theirs, why=f"math-verify: {'equal' if theirs else 'different'}")
    ours = "equal" if strict else "different"
    if theirs is not None and theirs != strict:
        return Verdict(right=strict, why=f"{ours} by docs/labels.md, but not by math-verify", disputed=True)
    return Verdict(right=strict, why=f"{ours} by spelling and arithmetic")


def _latex(left: Form, expected: str, right: Form, answer: str) -> tuple[str, str]:
    """Spell both for math-verify: without units but percent, and without names where only one side has one."""
    if "group" in (left.kind, right.kind) and not (left.name or right.name):
        return tidy(expected), tidy(answer)
    named = bool(left.name and right.name) or not {"relation", "equation"}.isdisjoint({left.kind, right.kind})

    def spelled(form: Form) -> str:
        name = f"{form.name}=" if form.name and named and form.kind != "group" else ""
        return f"{name}{form.text}" + (r"\%" if form.unit == "%" else "")

    return spelled(left), spelled(right)


@cache
def library() -> tuple[Callable[[str], list[Any]], Callable[[list[Any], list[Any]], bool]]:
    """Load math-verify: (parse one LaTeX answer, compare two parses). Half a second and more, so once per process."""
    from latex2sympy2_extended.latex2sympy2 import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    # units=False: its unit stripper eats variables (`\pi r^2 h` became `\pi r^2`); `unit` has been over the text.
    latex = LatexExtractionConfig(
        try_extract_without_anchor=False,
        boxed_match_priority=0,
        normalization_config=NormalizationConfig(
            basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="last", equations=False
        ),
    )

    def parsed(text: str) -> list[Any]:
        # Boxed, because it looks for answers in prose otherwise; first_match, or it would judge a part of a bad box.
        return list(
            parse(
                rf"\boxed{{{text}}}",
                [latex],
                fallback_mode="no_fallback",
                extraction_mode="first_match",
                parsing_timeout=None,
            )
        )

    def equal(gold: list[Any], answer: list[Any]) -> bool:
        return bool(verify(gold, answer, allow_set_relation_comp=True, timeout_seconds=None))

    return parsed, equal


def _algebra(expected: str, answer: str) -> tuple[bool | None, str]:
    """Ask math-verify: (equal, different or unread, a reason to doubt `equal`)."""
    if max(len(expected), len(answer)) > _MAX_ALGEBRA:
        return None, "not equal as written, and too long for math-verify"
    parsed, equal = library()
    left, right = (parsed(text) for text in _lower_case(expected, answer))
    if not left or not right:
        return None, ""
    if not equal(left, right):
        return False, ""
    return True, "" if _alike(left[0], right[0]) else "the values differ (it rounds)"


def _lower_case(*texts: str) -> list[str]:
    """Rename upper-case variables to unused lower-case ones: math-verify takes R for r, so R^2 - r^2 would be 0."""
    letters = {match[0] for text in texts for match in _LETTER.finditer(text) if len(match[0]) == 1}
    free = [letter for letter in string.ascii_lowercase if letter not in letters | set("deilo")]
    capitals = sorted(letters & set(string.ascii_uppercase))
    if len(capitals) > len(free):
        return list(texts)
    names = dict(zip(capitals, free, strict=False))
    return [_LETTER.sub(lambda match: names.get(match[0], match[0]), text) for text in texts]


def _alike(left: Any, right: Any) -> bool:
    """Check at 50 digits what math-verify calls equal at 6 or 15 decimals. True where values say nothing."""
    from sympy import Basic, Eq, FiniteSet, Interval, MatrixBase, Tuple

    def parts(value: Any) -> tuple[Any, ...]:
        return tuple(value.args[:2] if isinstance(value, Interval) else value.args)

    ends = (Interval, Tuple)
    if isinstance(left, Eq) != isinstance(right, Eq):  # x = 5 against 5
        left, right = (value.args[1] if isinstance(value, Eq) else value for value in (left, right))
    if isinstance(left, MatrixBase) and isinstance(right, MatrixBase):
        return all(_close(*pair) for pair in zip_longest(left.flat(), right.flat()))
    if isinstance(left, ends) and isinstance(right, ends):
        return all(_alike(*pair) for pair in zip(parts(left), parts(right), strict=False))
    if isinstance(left, FiniteSet) and isinstance(right, FiniteSet):
        return all(any(_alike(one, other) for other in right.args) for one in left.args)
    if isinstance(left, Basic) and isinstance(right, Basic):
        return _close(left, right)
    return True


def _close(left: Any, right: Any) -> bool:
    """Compare two expressions at 50 digits, at two points if they have variables. True where they have no values."""
    from sympy import Expr, Float, Rational

    if not (isinstance(left, Expr) and isinstance(right, Expr)):
        return True
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    try:
        for shift in (2, 5) if symbols else (0,):
            point = {symbol: Rational(13 * index + 17 * shift, 31) for index, symbol in enumerate(symbols, 1)}
            values = []
            for side in (left, right):
                exact = side.xreplace({f: Rational(str(f)) for f in side.atoms(Float)})
                values.append(exact.subs(point).doit().evalf(_DIGITS))
            if not all(value.is_number and value.is_finite for value in values):
                return True
            one, other = values
            if abs(one - other) > max(Float(_CLOSE) * max(abs(one), abs(other)), Float(_NOTHING)):
                return False
    except (ArithmeticError, AttributeError, NotImplementedError, TypeError, ValueError):
        return True  # no value to compare: math-verify's word stands
    return True
