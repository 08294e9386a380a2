"""Numbers that are written with words."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.score.numerals import MAGNITUDES, expanded, in_words, last_in_words


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("5 million people", "5000000 people"),
        (r"5\text{ million dollars}", "5000000 dollars"),
        ("2.5万", "25000"),
        ("3万5千", "35000"),
        ("3億5000万", "350000000"),
        ("1 lakh 20 thousand", "120000"),
        ("2 million 300 thousand", "2300000"),
        ("1,5 Mio.", "1500000"),
        ("5 mil millones", "5000000000"),
        ("3/4 million", r"3/4 \times 1000000"),
        ("2 thirds", "2/3"),
        ("minus 5", "-5"),
        ("5 apples", "5 apples"),
        ("5 millionaires", "5 millionaires"),
        ("3k", "3k"),
    ],
)
def test_a_magnitude_is_a_factor(text: str, digits: str) -> None:
    """The words multiply what is before them and add up; other words stay."""
    assert expanded(text) == digits


@pytest.mark.parametrize("factor", MAGNITUDES)
def test_every_word_of_the_table_is_read(factor: int) -> None:
    """`2 WORD` is twice the factor."""
    assert {word: expanded(f"2 {word}") for word in MAGNITUDES[factor].split()} == {
        word: str(2 * factor) for word in MAGNITUDES[factor].split()
    }


def test_a_letter_is_an_amount_only_on_demand() -> None:
    """3k is 3000 where the caller says that amounts are meant."""
    assert expanded("3k", letters=True) == r"3 \times 1000"
    assert expanded("3kx", letters=True) == "3kx"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("eighteen", 18),
        ("Twenty-five", 25),
        ("one hundred and five", 105),
        ("two million three hundred thousand", 2_300_000),
        ("nineteen hundred", 1900),
        ("a dozen", 12),
        ("half a million", 500_000),
        ("two and a half", Fraction(5, 2)),
        ("three quarters", Fraction(3, 4)),
        ("five point two five", Fraction(21, 4)),
        ("minus five", -5),
        ("achtzehn", 18),
        ("dix-huit", 18),
        ("十八", 18),
        ("三百二十五万", 3_250_000),
        ("二〇二四", 2024),
    ],
)
def test_words_have_a_value(text: str, value: int | Fraction) -> None:
    """A whole text that is a number in words."""
    assert in_words(text) == value


@pytest.mark.parametrize("text", ["", "even", "five apples", "five six", "twenty thirty", "and", "point", "x" * 500])
def test_other_words_have_none(text: str) -> None:
    """Words that are not one number."""
    assert in_words(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("She earns eighteen dollars a day.", "eighteen"),
        ("There are twenty-five in the last one.", "twenty-five"),
        ("共有十八个", "十八"),
        ("That is the wrong one.", ""),
        ("No idea.", ""),
    ],
)
def test_the_last_number_in_words_is_found(text: str, number: str) -> None:
    """A lone `one` is a pronoun."""
    assert last_in_words(text) == number


@given(st.text(alphabet="one twenty hundred and -百万十5 \\text{million}", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing raises."""
    expanded(text)
    in_words(text)
    last_in_words(text)
