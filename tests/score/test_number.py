"""Exact arithmetic on written numbers."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.score.number import TooLarge, number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18", Fraction(18)),
        ("-3", Fraction(-3)),
        ("004", Fraction(4)),
        ("1,450,000", Fraction(1_450_000)),
        ("1 000", Fraction(1000)),
        ("1,000.50", Fraction(2001, 2)),
        (".35625", Fraction(57, 160)),
        ("0.1", Fraction(1, 10)),
        ("-\\frac{24}{25}", Fraction(-24, 25)),
        ("\\frac{1}{\\frac{1}{2}}", Fraction(2)),
        ("137 \\frac{1}{2}", Fraction(275, 2)),
        ("-1\\frac{4}{5}", Fraction(-9, 5)),
        ("3 1/2", Fraction(7, 2)),
        ("2(3)", Fraction(6)),
        ("3 \\cdot 10^{5}", Fraction(300_000)),
        ("-2^2", Fraction(-4)),
        ("2^-2", Fraction(1, 4)),
        ("2 - 3 - 4", Fraction(-5)),
        ("12/4/3", Fraction(1)),
        ("5!", Fraction(120)),
        ("1e-3", Fraction(1, 1000)),
        ("0.1\\overline{6}", Fraction(1, 6)),
        ("0.1(6)", Fraction(1, 6)),
        ("0.\\dot{3}", Fraction(1, 3)),
        ("12,34,567", Fraction(1_234_567)),
        ("1'234'567", Fraction(1_234_567)),
        ("1_234", Fraction(1234)),
        ("1.234.567", Fraction(1_234_567)),
        ("1.234.567,5", Fraction(2_469_135, 2)),
        ("1.234,5", Fraction(2469, 2)),
        ("1.5E+03", Fraction(1500)),
        ("10^{+3}", Fraction(1000)),
    ],
)
def test_reads_what_is_a_number(text: str, value: Fraction) -> None:
    """A written rational number has its exact value."""
    assert number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "\\pi",
        "\\sqrt{4}",
        "1,22",
        "0,111",
        "1,22,33",
        "1 2",
        "1/0",
        "2x",
        "3\\frac{5}{2}",
        "4^{1/2}",
        "(1",
        "1)",
        "-" * 1000,
        "(" * 200 + "1" + ")" * 200,
        "1" * 5000,
        "٣",
    ],
)
def test_refuses_what_is_none(text: str) -> None:
    """Anything else is no number, however long or deep."""
    assert number(text) is None


@pytest.mark.parametrize("text", ["9^9^9^9", "10000000!", "((5!)!)!", "1e99999", "10^{50000}"])
def test_computes_nothing_enormous(text: str) -> None:
    """A number that nobody could write out is refused at once instead of being computed."""
    with pytest.raises(TooLarge):
        number(text)


@given(st.fractions(), st.fractions())
def test_arithmetic_agrees_with_fractions(left: Fraction, right: Fraction) -> None:
    """Sums, differences and products of LaTeX fractions are exact."""
    one, other = (rf"\frac{{{value.numerator}}}{{{value.denominator}}}" for value in (left, right))
    assert number(f"{one}+{other}") == left + right
    assert number(f"{one}-({other})") == left - right
    assert number(rf"{one} \times {other}") == left * right


@given(st.integers(min_value=0, max_value=10**15))
def test_separators_between_thousands_change_nothing(value: int) -> None:
    """1234567, 1,234,567 and 1 234 567 are one number."""
    assert number(str(value)) == number(f"{value:,}") == number(f"{value:,}".replace(",", " ")) == value
