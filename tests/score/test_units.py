"""Units of measurement and money around a number."""

import pytest

from evalrun.score.units import split_unit


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("$5", "5", "$"),
        ("US$ 5", "5", "$"),
        ("-€5", "-5", "€"),
        ("5 €", "5", "€"),
        ("Rs. 500", "500", "₹"),
        ("CHF 5", "5", ""),
        ("18 dollars", "18", "$"),
        ("18美元", "18", "$"),
        ("18 долларов", "18", "$"),
        ("50 Prozent", "50", "%"),
        ("5 square inches", "5", "inch^2"),
        (r"90^\circ C", "90", "degree"),
        ("18th", "18", ""),
        ("18個", "18", ""),
        ("5 apples", "5", ""),
        (r"3.5 \times 10^{8} m", r"3.5 \times 10^{8}", "m"),
        ("5 m", "5 m", ""),
        ("2ab", "2ab", ""),
        ("3 sin x", "3 sin x", ""),
    ],
)
def test_a_unit_is_cut_off(text: str, number: str, unit: str) -> None:
    """Known units have one spelling, unknown words go, and what may be a variable stays."""
    assert split_unit(text) == (number, unit)
