"""Foreign JSON numbers as counts of tokens and as dollars; what is neither is None. Decimals stay exact."""

from decimal import Decimal, InvalidOperation

from evalrun.types import Json

MOST_TOKENS = 2**53  # a count at or above it is nonsense and would not survive JSON readers or Parquet
MOST_USD = 10**9


def count(value: Json) -> int | None:
    """Return a count of tokens; a whole number written `16.0` is one, `true` is not."""
    if isinstance(value, Decimal) and _plain(value) and value == value.to_integral_value():
        value = int(value)
    return value if type(value) is int and 0 <= value < MOST_TOKENS else None


def money(value: Json) -> Decimal | None:
    """Return an amount of dollars."""
    if type(value) is int and 0 <= value < MOST_USD:
        return Decimal(value)
    return value if isinstance(value, Decimal) and _plain(value) and 0 <= value < MOST_USD else None


def decimal(text: str) -> Decimal:
    """Read a JSON number with a point or an exponent."""
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal holds
        return Decimal("NaN")


def _plain(value: Decimal) -> bool:
    """Return whether a number can be written out: `1e-999999999` is finite, and a billion digits long."""
    _, digits, exponent = value.as_tuple()
    return isinstance(exponent, int) and -40 <= exponent <= 20 and len(digits) <= 40
