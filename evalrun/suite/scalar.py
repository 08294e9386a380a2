"""The value of one YAML scalar: YAML 1.2's core schema, `${VARIABLES}`, and whether it looks like a secret key.

A number that two YAML versions read differently is refused, and the message asks for quotes. Dates, `1:30`, `yes`,
`no`, `on` and `off` are text. Knows no files and positions; the caller adds them to the message.
"""

import math
import re
from collections.abc import Mapping
from decimal import Decimal

Scalar = None | bool | int | float | str

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
MAX_NUMBER = 40  # characters: enough for 2**128, and few enough to convert fast

_VARIABLE = re.compile(r"\$?\$\{([A-Za-z_]\w*)(:-)?([^}]*)\}?", re.ASCII)

# Prefixes of the providers' keys, then bearer tokens and JSON web tokens.
_KEY = re.compile(
    r"(?<![A-Za-z0-9])(sk-|sk_|gsk_|xai-|hf_|ghp_|github_pat_|glpat-|AKIA|AIza)[A-Za-z0-9_-]{16,}"
    r"|\bBearer\s+[^\s<>{}]{16,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}"
)
_KEY_FIELD = re.compile(r"(.*[-_ ])?(api)?(key|token|secret|password|passwd|authorization|credential)", re.IGNORECASE)
_LONG_TOKEN = re.compile(r"(?=\S*[0-9])(?=\S*[A-Za-z])\S{16,}")


class DoubtfulError(ValueError):
    """An ambiguous scalar; the message says what to write instead."""


def resolve(text: str) -> Scalar:
    """Return the value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.fullmatch(text):
        raise DoubtfulError(f"{text} is not a finite number; quote it to make it text")
    if not (_INTEGER.fullmatch(text) or _FLOAT.fullmatch(text) or _BASED.fullmatch(text)):
        return text
    if len(text) > MAX_NUMBER:
        raise DoubtfulError(f"a number of {len(text)} characters; quote it to make it text")
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _LEADING_ZERO.match(text):
        raise DoubtfulError(
            f"{text} has a leading zero, which YAML versions read differently; quote it, or remove the zero"
        )
    return int(text) if _INTEGER.fullmatch(text) else _exact_float(text)


def _exact_float(text: str) -> float:
    """Return a float that prints as the same number: a price or an expected answer must not change."""
    value = float(text)
    mantissa = re.split("[eE]", text)[0]
    lost = value == 0 and mantissa.strip("+-.0") != ""
    if math.isinf(value) or lost or (value and Decimal(text) != Decimal(repr(value))):
        raise DoubtfulError(f"{text} cannot be stored as a number without loss; quote it to make it text")
    return value


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Replace `${NAME}` and `${NAME:-default}` by the environment's values; `$${` is a literal `${`."""

    def value(found: re.Match[str]) -> str:
        whole, (name, default, rest) = found[0], found.groups()
        if whole.startswith("$$"):
            return whole[1:]
        if not whole.endswith("}") or (rest and not default):
            raise DoubtfulError(
                f"{whole[:40]!r} is neither ${{NAME}} nor ${{NAME:-default}}; write $${{ for a literal ${{"
            )
        given = environ.get(name, "")
        if not given and not default:
            state = "empty" if name in environ else "not set"
            raise DoubtfulError(
                f"the variable {name} is {state}; set it, or write ${{{name}:-default}} (a literal: $${{{name}}})"
            )
        if not given.isascii() and any(0xD800 <= ord(char) < 0xE000 for char in given):
            raise DoubtfulError(f"the variable {name} is not UTF-8; set it to valid text")
        return given or rest

    return _VARIABLE.sub(value, text) if "${" in text else text


def without_variables(text: str) -> str:
    """Return a text as typed without its variables: what is left of it was typed."""
    return re.sub(r"\$\{[A-Za-z_]\w*\}", "", text)


def looks_secret(field: str, text: str) -> bool:
    """Return whether `text`, the value of `field`, looks like a secret key."""
    if _KEY.search(text):
        return True
    return bool(_KEY_FIELD.fullmatch(field) and _LONG_TOKEN.fullmatch(text))
