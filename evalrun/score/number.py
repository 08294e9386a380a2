r"""Written numbers, `1,450,000`, `-\frac{3}{4}`, `3 \cdot 10^5`, by exact arithmetic, and the units after them.

Everything is a Fraction: no floats and no eval. Roots, pi and variables are not numbers here.
A power or a factorial that nobody could write out raises TooLarge instead of being computed.

    sum     := product (("+" | "-") product)*
    product := signed (("*" | "/") signed | power-in-parentheses)*
    signed  := "-"* power
    power   := atom "!"? ("^" atom)?
    atom    := literal [fraction]  |  fraction  |  "(" sum ")"  |  "{" sum "}"

Known units of measurement get one spelling each, so that two of them can be compared; any other word ("apples") is
dropped. Nothing is converted: 100 cm and 1 m are different answers. Both work on text that `form.tidy` has been over.
"""

import re
from fractions import Fraction
from math import factorial

_MAX_CHARS = 400
_MAX_DEPTH = 40
_MAX_BITS = 100_000
_MAX_FACTORIAL = 5_000

_LITERAL = (
    r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?"  # 1,450,000.5
    r"|[1-9][0-9]{0,2}(?: [0-9]{3})+(?![0-9])(?:\.[0-9]+)?"  # 1 450 000.5
    r"|[0-9]*\.[0-9]*\\overline\{[0-9]+\}"  # 0.1\overline{6}
    r"|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,5}(?![0-9]))?|\.[0-9]+"  # 12, 12.5, 1e-3, .5
)
_TOKEN = re.compile(rf"\s*(?:(?P<literal>{_LITERAL})|(?P<word>\\frac|\\cdot|\\times|\\div)|(?P<sign>[-+*/^!(){{}}]))")
_SAME_AS = {"\\cdot": "*", "\\times": "*", "\\div": "/"}
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
    text = text.replace(",", "").replace(" ", "")
    if "\\overline" not in text:
        if "e" in text.lower() and abs(int(re.split("[eE]", text)[1])) > _MAX_BITS // 4:
            raise TooLarge(text)
        return Fraction(text.removesuffix("."))
    fixed, repeating = text.rstrip("}").split("\\overline{")
    whole, _, digits = fixed.partition(".")
    scale = 10 ** len(digits)
    tail = Fraction(int(repeating), scale * (10 ** len(repeating) - 1))
    return int(whole or "0") + Fraction(int(digits or "0"), scale) + tail


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
            sign = -1 if self._take("-") else 1
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


# ---------------------------------------------------------------- units

_SPELLINGS = {
    "%": "% percent percents pct percentage percentages",
    "degree": "degree degrees deg",
    "$": "$ dollar dollars usd bucks",
    "cent": "cent cents ¢",
    "€": "€ euro euros eur",
    "£": "£ pound-sterling gbp",
    "¥": "¥ yen yuan rmb",
    "mm": "mm millimeter millimeters millimetre millimetres",
    "cm": "cm centimeter centimeters centimetre centimetres",
    "m": "m meter meters metre metres",
    "km": "km kilometer kilometers kilometre kilometres",
    "inch": "in inch inches",
    "foot": "ft foot feet",
    "yard": "yd yard yards",
    "mile": "mi mile miles",
    "mg": "mg milligram milligrams",
    "g": "g gram grams",
    "kg": "kg kilogram kilograms",
    "lb": "lb lbs pound pounds",
    "oz": "oz ounce ounces",
    "ml": "ml milliliter milliliters",
    "l": "l liter liters litre litres",
    "gallon": "gal gallon gallons",
    "second": "s sec secs second seconds",
    "minute": "min mins minute minutes",
    "hour": "h hr hrs hour hours",
    "day": "day days",
    "week": "week weeks",
    "month": "month months",
    "year": "yr yrs year years",
    "mph": "mph",
    "km/h": "km/h kmh kph",
}
_CANONICAL = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_FUNCTIONS = frozenset(
    ("sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp", "sqrt", "pi", "mod", "max", "min", "gcd", "lcm")
)

_MONEY_FIRST = re.compile(r"(-?)\s*([$€£¥])\s*(?=[-0-9.])")
_SYMBOL_LAST = re.compile(r"\s*(?:(\^\s*\{?\s*\\circ\s*\}?|\\degree)|([%$€£¥¢]))$")
_TEXT_LAST = re.compile(r"\s*\\text\{([^{}]*)\}\s*(?:\^\s*\{?([23])\}?)?$")
_WORDS_LAST = re.compile(r"(?<=[0-9}) ])\s*([A-Za-z]+(?:[ /][A-Za-z]+)*)(?:\^\{?([23])\}?)?$")


def canonical(words: str, power: str | None = None) -> str:
    """Return the one spelling of a unit, `inch^2` for `square inches`; empty for an unknown unit."""
    words = " ".join(words.casefold().replace(".", " ").split())
    for prefix, degree in (("square ", "2"), ("sq ", "2"), ("cubic ", "3"), ("cu ", "3")):
        if words.startswith(prefix):
            words, power = words.removeprefix(prefix), power or degree
    unit = _CANONICAL.get(words, "")
    return f"{unit}^{power}" if unit and power else unit


def split_unit(text: str) -> tuple[str, str]:
    """Cut the unit off an answer: (what is measured, unit). The unit is empty when there is none or it is unknown."""
    if money := _MONEY_FIRST.match(text):
        rest, unit = split_unit(money[1] + text[money.end() :])
        return rest, unit or money[2]
    if (symbol := _SYMBOL_LAST.search(text)) and symbol.start():
        return text[: symbol.start()].strip(), "degree" if symbol[1] else _CANONICAL.get(symbol[2], "")
    if (words := _TEXT_LAST.search(text)) and text[: words.start()].strip():
        return text[: words.start()].strip(), canonical(words[1], words[2])
    if (words := _WORDS_LAST.search(text)) and _are_unit(words[1], spaced=text[words.start()] == " "):
        rest = text[: words.start()].strip()
        if rest and rest[-1] in "0123456789})":
            return rest, canonical(words[1], words[2])
    return text, ""


def _are_unit(words: str, *, spaced: bool) -> bool:
    """Return whether bare words after a number are a unit (`18 dollars`, `5cm`), not variables (`2ab`, `3 sin x`)."""
    parts = words.casefold().split()
    if not _FUNCTIONS.isdisjoint(parts):
        return False
    if len(words) > 1 and canonical(words):
        return True
    return spaced and all(len(part) > 2 or index for index, part in enumerate(parts))
