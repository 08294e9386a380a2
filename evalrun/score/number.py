r"""Written numbers, `1,450,000`, `-\frac{3}{4}`, `3 \cdot 10^5`, by exact arithmetic.

Everything is a Fraction: no floats and no eval. Roots, pi and variables are not numbers here.
A power or a factorial that nobody could write out raises TooLarge instead of being computed.

    sum     := product (("+" | "-") product)*
    product := signed (("*" | "/") signed | power-in-parentheses)*
    signed  := "-"* power
    power   := atom "!"? ("^" atom)?
    atom    := literal [fraction]  |  fraction  |  "(" sum ")"  |  "{" sum "}"

All of it works on text that `tidy` has been over.
"""

import re
from fractions import Fraction
from math import factorial

_MAX_CHARS = 400
_MAX_DEPTH = 40
_MAX_BITS = 100_000
_MAX_FACTORIAL = 5_000

GROUPED = (
    r"[1-9][0-9]{0,2}(?P<mark>[, '_])[0-9]{3}(?:(?P=mark)[0-9]{3})*(?![0-9])(?:\.[0-9]+)?"  # 1,450,000.5; 1 450; 1'450
    r"|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?![0-9])(?:\.[0-9]+)?"  # 14,50,000
    r"|[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}(?![0-9])(?:,[0-9]+)?"  # 1.450.000,5
    r"|[1-9][0-9]{0,2}\.[0-9]{3},[0-9]+(?![0-9])"  # 1.450,5
)
"""A number with its digits in groups: the mark between the groups is not a decimal sign."""

_LITERAL = (
    rf"{GROUPED}"
    r"|[0-9]*\.[0-9]*(?:\\(?:overline|dot) ?\{[0-9]+\}|\([0-9]+\))"  # 0.1\overline{6}, 0.1(6)
    r"|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,5}(?![0-9]))?|\.[0-9]+"  # 12, 12.5, 1e-3, .5
)
INDIAN = re.compile(r"-?[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}")
"""What may be a list without spaces too: `12,34,567`."""

_TOKEN = re.compile(rf"\s*(?:(?P<literal>{_LITERAL})|(?P<word>\\frac|\\cdot|\\times|\\div)|(?P<sign>[-+*/^!(){{}}]))")
_SAME_AS = {"\\cdot": "*", "\\times": "*", "\\div": "/"}
_REPEATING = re.compile(r"([0-9]*)\.([0-9]*)(?:\\(?:overline|dot)\{|\()([0-9]+)[})]")
_MIXED = re.compile(r"(-?)\s*([0-9]+)\s+([0-9]+)/([0-9]+)")


class NotANumber(ValueError):
    """The text is not a rational number."""


class TooLarge(ValueError):
    """The text is a number that is too large to compute."""


def number(text: str) -> Fraction | None:
    """Read a whole text as one rational number; None where it is not one. Raises TooLarge."""
    text = text.strip()
    if not text or len(text) > _MAX_CHARS:
        return None
    if mixed := _MIXED.fullmatch(text):
        sign, whole, over, under = mixed.groups()
        if not 0 < int(over) < int(under):
            return None
        return (-1 if sign else 1) * (int(whole) + Fraction(int(over), int(under)))
    try:
        reader = _Reader(text)
        value = reader.sum()
    except (NotANumber, ZeroDivisionError):
        return None
    return None if reader.peek() else value


def spelled(value: Fraction) -> str:
    """Return the one spelling of a number: `3/4`, `12`; in base 16 where Python refuses to write out so many digits."""
    large = max(value.numerator.bit_length(), value.denominator.bit_length()) > 10_000
    return f"{value.numerator:#x}/{value.denominator:#x}" if large else str(value)


def _literal(text: str) -> Fraction:
    r"""Return the value of one literal, digits after `\overline` repeating forever."""
    if text.count(".") > 1 or 0 < text.find(".") < text.find(","):  # the point groups, the comma is decimal
        text = text.replace(".", "").replace(",", ".")
    text = re.sub("[, '_]", "", text)
    if repeating := _REPEATING.fullmatch(text):
        whole, digits, period = repeating.groups()
        scale = 10 ** len(digits)
        tail = Fraction(int(period), scale * (10 ** len(period) - 1))
        return int(whole or "0") + Fraction(int(digits or "0"), scale) + tail
    if "e" in text.lower() and abs(int(re.split("[eE]", text)[1])) > _MAX_BITS // 4:
        raise TooLarge(text)
    return Fraction(text.removesuffix("."))


def _raised(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise NotANumber
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits > 1 and bits * abs(exponent.numerator) > _MAX_BITS:
        raise TooLarge
    return Fraction(base**exponent.numerator)


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or value < 0:
        raise NotANumber
    if value > _MAX_FACTORIAL:
        raise TooLarge
    return Fraction(factorial(value.numerator))


class _Reader:
    """A recursive-descent reader over the tokens of one number."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at, end = 0, len(text)
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise NotANumber
            self.tokens.append(_SAME_AS.get(match[0].strip(), match[0].strip()))
            at = match.end()
        self.at = 0
        self.depth = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self, *wanted: str) -> str:
        token = self.peek()
        if token not in wanted:
            return ""
        self.at += 1
        return token

    def sum(self) -> Fraction:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise NotANumber
        value = self._product()
        while sign := self._take("+", "-"):
            value += self._product() * (1 if sign == "+" else -1)
        self.depth -= 1
        return value

    def _product(self) -> Fraction:
        value = self._signed()
        while True:
            if sign := self._take("*", "/"):
                factor = self._signed()
                value = value * factor if sign == "*" else value / factor
            elif self.peek() == "(":
                value *= self._power()
            elif max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_BITS:
                raise TooLarge
            else:
                return value

    def _signed(self) -> Fraction:
        sign = 1
        while token := self._take("-", "+"):
            sign = -sign if token == "-" else sign
        return sign * self._power()

    def _power(self) -> Fraction:
        value = self._atom()
        if self._take("!"):
            value = _factorial(value)
        if self._take("^"):
            sign = -1 if self._take("-", "+") == "-" else 1
            value = _raised(value, sign * self._power())
        return value

    def _atom(self) -> Fraction:
        token = self.peek()
        self.at += 1
        if token == "\\frac":
            return self._inside("{", "}") / self._inside("{", "}")
        if token in ("(", "{"):
            self.at -= 1
            return self._inside(token, ")" if token == "(" else "}")
        if not token or token[0] not in ".0123456789":
            raise NotANumber
        value = _literal(token)
        if self.peek() == "\\frac" and token.isdigit():  # a mixed number: 137 \frac{1}{2}
            part = self._atom()
            if not 0 < part < 1:
                raise NotANumber
            value += part
        return value

    def _inside(self, opening: str, closing: str) -> Fraction:
        if not self._take(opening):
            raise NotANumber
        value = self.sum()
        if not self._take(closing):
            raise NotANumber
        return value
