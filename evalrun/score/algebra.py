r"""Exact algebra of short formulas: polynomials and their quotients, with square roots of integers, \pi and i.

`equal` decides `2\sqrt2` against `\sqrt8`, `p - q` against `-q + p`, `\frac{x+2}{7}` against `\frac x7 + \frac27`.
Distinct letters are independent, square roots of distinct square-free integers are so over the rationals, and \pi is
transcendental: two formulas are equal exactly where their expansions are. What it does not know (sines, logarithms,
other powers and roots, functions) it leaves undecided. No floats, and what would grow large is not computed.
"""

import re
from fractions import Fraction
from math import gcd

from evalrun.score.number import NotANumber, TooLarge, number

_MAX_CHARS = 300
_MAX_DEPTH = 30
_MAX_TERMS = 120
_MAX_POWER = 24
_MAX_BITS = 4_000
_MAX_ROOT = 10**8

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega Gamma "
    "Delta Theta Lambda Sigma Phi Psi Omega"
)
_NAME = rf"(?:[A-Za-z]|\\(?:{'|'.join(_GREEK.split())})(?![A-Za-z]))(?:_(?:\w|\{{\w+\}}))?"
_TOKEN = re.compile(
    rf" *(?:(?P<digits>[0-9]+(?:[, ][0-9]{{3}})*(?![0-9])(?:\.[0-9]+)?|\.[0-9]+)|(?P<name>{_NAME})"
    r"|(?P<word>\\frac|\\sqrt|\\cdot|\\times|\\div)(?![A-Za-z])|(?P<sign>[-+*/^(){}\[\]]))"
)
_SAME_AS = {r"\cdot": "*", r"\times": "*", r"\div": "/"}
_FUNCTION = re.compile(r"[fgh]\(|(?<![A-Za-z\\])(?:sin|cos|tan|cot|sec|csc|log|ln|exp|max|min|gcd|lcm|mod)(?![a-z])")

_Letters = tuple[tuple[str, int], ...]
_Term = tuple[int, _Letters]
"""A square-free radicand and the powers of the letters: (2, (("x", 3),)) is \\sqrt2 x^3."""
_Sum = dict[_Term, Fraction]


class _Undecided(ValueError):
    """The formula has something in it that this algebra does not know."""


def equal(one: str, other: str) -> bool | None:
    """Compare two tidied formulas, or two equations up to a factor; None where it takes more than this algebra."""
    if max(len(one), len(other)) > _MAX_CHARS or _FUNCTION.search(one) or _FUNCTION.search(other):
        return None
    try:
        if "=" in one and "=" in other:
            return _proportional(_difference(one), _difference(other)) or None
        (over, under), (above, below) = _read(one), _read(other)
        return _product(over, below) == _product(above, under)
    except (_Undecided, NotANumber, TooLarge, ZeroDivisionError):
        return None


def _difference(equation: str) -> _Sum:
    """Return what an equation says is zero; its denominator, which is not, goes."""
    sides = equation.split("=")
    if len(sides) != 2:
        raise _Undecided
    (over, under), (above, below) = map(_read, sides)
    return _added(_product(over, below), _product(above, under), sign=-1)


def _proportional(one: _Sum, other: _Sum) -> bool:
    if not one or one.keys() != other.keys():
        return False
    term = next(iter(one))
    return all(one[key] * other[term] == other[key] * one[term] for key in one)


def _read(text: str) -> tuple[_Sum, _Sum]:
    reader = _Reader(text)
    value = reader.sum()
    if reader.at < len(reader.tokens):
        raise _Undecided
    return value


def _added(one: _Sum, other: _Sum, *, sign: int = 1) -> _Sum:
    total = dict(one)
    for term, factor in other.items():
        total[term] = total.get(term, Fraction(0)) + sign * factor
    return {term: factor for term, factor in total.items() if factor}


def _product(one: _Sum, other: _Sum) -> _Sum:
    if len(one) * len(other) > _MAX_TERMS**2:
        raise _Undecided
    total: _Sum = {}
    for (root, letters), factor in one.items():
        for (radix, others), by in other.items():
            shared = gcd(root, radix)
            term, sign = _times(letters, others)
            key = (root // shared) * (radix // shared), term
            total[key] = total.get(key, Fraction(0)) + factor * by * shared * sign
    if len(total) > _MAX_TERMS or any(factor.numerator.bit_length() > _MAX_BITS for factor in total.values()):
        raise _Undecided
    return {term: factor for term, factor in total.items() if factor}


def _times(letters: _Letters, others: _Letters) -> tuple[_Letters, int]:
    """Multiply the letters of two terms; i squared is a sign."""
    powers = dict(letters)
    for name, power in others:
        powers[name] = powers.get(name, 0) + power
    sign = 1
    if powers.get("i", 0) > 1:
        sign = -1 if powers["i"] % 4 in (2, 3) else 1
        powers["i"] %= 2
    if max(powers.values(), default=0) > 4 * _MAX_POWER:
        raise _Undecided
    return tuple(sorted((name, power) for name, power in powers.items() if power)), sign


def _constant(value: Fraction | int) -> _Sum:
    return {(1, ()): Fraction(value)} if value else {}


def _root(value: Fraction) -> _Sum:
    r"""Return \sqrt{p/q} as a rational times the root of a square-free integer."""
    radicand = abs(value.numerator) * value.denominator
    if radicand > _MAX_ROOT:
        raise _Undecided
    factor, divisor = 1, 2
    while divisor * divisor <= radicand:
        while radicand % (divisor * divisor) == 0:
            radicand, factor = radicand // (divisor * divisor), factor * divisor
        divisor += 1
    if not value:
        return {}
    return {(radicand, (("i", 1),) if value < 0 else ()): Fraction(factor, value.denominator)}


class _Reader:
    """A recursive-descent reader; every value is (numerator, denominator)."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise _Undecided
            token = match[0].strip()
            self.tokens.append(_SAME_AS.get(token, token))
            at = match.end()
        self.at = 0
        self.depth = 0

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self, *wanted: str) -> str:
        token = self._peek()
        if token not in wanted:
            return ""
        self.at += 1
        return token

    def sum(self) -> tuple[_Sum, _Sum]:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise _Undecided
        over, under = self._factors()
        while sign := self._take("+", "-"):
            above, below = self._factors()
            if below == under:
                over = _added(over, above, sign=1 if sign == "+" else -1)
            else:
                over = _added(_product(over, below), _product(above, under), sign=1 if sign == "+" else -1)
                under = _product(under, below)
        self.depth -= 1
        return over, under

    def _factors(self) -> tuple[_Sum, _Sum]:
        minus, slashed = 1, False
        while token := self._take("-", "+"):
            minus = -minus if token == "-" else minus
        over, under = self._power()
        over = {term: minus * factor for term, factor in over.items()}
        while self._peek() and self._peek() not in ("+", "-", ")", "}", "]", "^"):
            sign = self._take("*", "/")
            if not sign and (self._peek()[0] in ".0123456789" or slashed):
                raise _Undecided  # 1 2, or 1/2x, which may be 1/(2x)
            divide = slashed = sign == "/"
            negative = sign != "" and self._take("-") == "-"
            above, below = self._power()
            if divide:
                above, below = below, above
            if not below:
                raise ZeroDivisionError
            over, under = _product(over, above), _product(under, below)
            if negative:
                over = {term: -factor for term, factor in over.items()}
        return over, under

    def _power(self) -> tuple[_Sum, _Sum]:
        value = self._atom()
        if not self._take("^"):
            return value
        sign = -1 if self._take("-") else 1
        over, under = self._atom()
        exponent = _rational(over, under) * sign
        if exponent.denominator == 2:
            value = _root(_rational(*value)), _constant(1)
            exponent *= 2
        if exponent.denominator != 1 or abs(exponent) > _MAX_POWER:
            raise _Undecided
        result = _constant(1), _constant(1)
        for _ in range(abs(exponent.numerator)):
            result = _product(result[0], value[0]), _product(result[1], value[1])
        if exponent < 0:
            result = result[1], result[0]
        if not result[1]:
            raise ZeroDivisionError
        return result

    def _atom(self) -> tuple[_Sum, _Sum]:
        token = self._peek()
        if token in ("(", "{"):
            return self._inside(token, ")" if token == "(" else "}")
        self.at += 1
        if token == r"\frac":
            (over, under), (above, below) = self._inside("{", "}"), self._inside("{", "}")
            if not above:
                raise ZeroDivisionError
            return _product(over, below), _product(under, above)
        if token == r"\sqrt":
            return _root(_rational(*self._inside("{", "}"))), _constant(1)
        if token[:1] in tuple(".0123456789"):
            value = number(token)
            if value is None or self._peek() == r"\frac":  # a mixed number or a product: not decided here
                raise _Undecided
            return _constant(value), _constant(1)
        if not token or token in "+-*/^()[]{}" or token in _SAME_AS:
            raise _Undecided
        return {(1, ((token, 1),)): Fraction(1)}, _constant(1)

    def _inside(self, opening: str, closing: str) -> tuple[_Sum, _Sum]:
        if not self._take(opening):
            raise _Undecided
        value = self.sum()
        if not self._take(closing):
            raise _Undecided
        return value


def _rational(over: _Sum, under: _Sum) -> Fraction:
    """Return a value that must be a rational number."""
    if over.keys() - {(1, ())} or under.keys() - {(1, ())}:
        raise _Undecided
    return over.get((1, ()), Fraction(0)) / under[(1, ())]
