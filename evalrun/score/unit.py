r"""Units of measurement at the end (or, for money, at the start) of an answer: `15 \text{ cm}^2`, `\$18.90`, `28\%`.

Known units get one spelling each, so that two of them can be compared; any other word ("apples") is dropped.
Nothing is converted: 100 cm and 1 m are different answers. Works on text that `form.tidy` has been over.
"""

import re

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
    """Spell a unit in the one known way, e.g. `square inches` as `inch^2`; empty when it is not a known unit."""
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
    """Whether bare words after a number are a unit (`18 dollars`, `5cm`) and not variables (`2ab`, `3 sin x`)."""
    parts = words.casefold().split()
    if not _FUNCTIONS.isdisjoint(parts):
        return False
    if len(words) > 1 and canonical(words):
        return True
    return spaced and all(len(part) > 2 or index for index, part in enumerate(parts))
