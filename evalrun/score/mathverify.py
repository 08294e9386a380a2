r"""Asks math-verify whether two LaTeX answers are equal, and checks its yes at 50 digits.

Slow and hostile input can make it hang, so this belongs in a worker process of `pool`; its own SIGALRM timeouts are
off. Text is never evaluated: only its LaTeX grammar reads it, never `parse_expr`.
"""

import logging
import re
import string
from collections.abc import Callable
from functools import cache
from typing import Any

_MAX_CHARS = 1_000  # that math-verify is given
_LETTER = re.compile(r"\\text\{[^{}]*\}|\\(?:begin|end)\{[^{}]*\}|\\[A-Za-z]+|[A-Za-z]")
_DIGITS, _CLOSE, _NOTHING = 50, "1e-30", "1e-45"


@cache
def library() -> tuple[Callable[[str], list[Any]], Callable[[list[Any], list[Any]], bool]]:
    """Load math-verify: (parse one LaTeX answer, compare two parses). Half a second and more, so once per process."""
    from latex2sympy2_extended.latex2sympy2 import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    # units=False: its unit stripper eats variables (`\pi r^2 h` became `\pi r^2`); `unit` has been over the text.
    spelling = NormalizationConfig(
        basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="last", equations=False
    )
    latex = LatexExtractionConfig(
        try_extract_without_anchor=False, boxed_match_priority=0, normalization_config=spelling
    )

    # first_match, or it would judge a part of a bad box
    options = {"fallback_mode": "no_fallback", "extraction_mode": "first_match", "parsing_timeout": None}
    return (
        lambda text: list(parse(rf"\boxed{{{text}}}", [latex], **options)),  # it looks for answers in prose otherwise
        lambda gold, answer: bool(verify(gold, answer, allow_set_relation_comp=True, timeout_seconds=None)),
    )


def verified(expected: str, answer: str) -> tuple[bool | None, str]:
    """Ask math-verify: (equal, different or unread, a reason to doubt `equal`)."""
    if max(len(expected), len(answer)) > _MAX_CHARS:
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
    """Check at 50 digits what math-verify calls equal at 6 or 15 decimals. True where there are no values."""
    from sympy import Eq, FiniteSet, Interval, MatrixBase, Tuple

    def parts(value: Any) -> tuple[Any, ...]:
        if isinstance(value, MatrixBase):
            return tuple(value.flat())
        return tuple(value.args[:2] if isinstance(value, Interval) else value.args)

    ordered = (Interval, Tuple, MatrixBase)
    if isinstance(left, Eq) != isinstance(right, Eq):  # x = 5 against 5
        left, right = (value.args[1] if isinstance(value, Eq) else value for value in (left, right))
    if isinstance(left, ordered) and isinstance(right, ordered):
        return all(_alike(*pair) for pair in zip(parts(left), parts(right), strict=False))
    if isinstance(left, FiniteSet) and isinstance(right, FiniteSet):
        return all(any(_alike(one, other) for other in right.args) for one in left.args)
    return _close(left, right)


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
        return True  # no value to compare: math-verify decides
    return True
