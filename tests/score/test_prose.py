"""Mathematics and prose in a text of any language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.score.marks import plain
from evalrun.score.prose import decimal_comma, formulas, has_words, numbers, without_notes


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("it is 5-3 or -2", ["5", "3", "-2"]),
        ("5 − 3 = 2", ["5", "3", "2"]),
        ("1 234 567 and 1,00,000 and 1'234 and 1.234.567", ["1 234 567", "1,00,000", "1'234", "1.234.567"]),
        ("1.5 × 10^3, 1.2e-4, 10⁻⁶, 2^10", ["1.5 × 10^3", "1.2e-4", "10⁻⁶", "2^10"]),
        ("2½, 2 1/2, ¾ and 3/4", ["2½", "2 1/2", "¾", "3/4"]),
        ("4√2, √3/2, 2π/3", ["4√2", "√3/2", "2π/3"]),
        ("$5, US$ 5, -$5, $-5, € 5", ["$5", "US$ 5", "-$5", "$-5", "€ 5"]),
        ("5 million, 1,5 Mio., 3万5千", ["5 million", "1,5 Mio.", "3万5千"]),
        ("at 3:30 pm on 2024-05-03", ["3:30 pm", "2024-05-03"]),
        ("50 % or 28%", ["50 %", "28%"]),
        ("x^2, a1, v1.2.3", []),
        (r"\frac{3}{4} and \dfrac12", [r"\frac{3}{4}", r"\dfrac12"]),
    ],
)
def test_numbers_are_found_whole(text: str, found: list[str]) -> None:
    """Each with its sign, currency, groups, power and magnitude; parts of names and exponents are none."""
    assert [match[0] for match in numbers(plain(text))] == found


def test_a_decimal_comma_is_part_of_a_number_where_the_language_has_it() -> None:
    """3,14 is two numbers in English and one in German."""
    assert [match[0] for match in numbers("3,14")] == ["3", "14"]
    assert [match[0] for match in numbers("3,14", comma=True)] == ["3,14"]


@pytest.mark.parametrize(
    ("text", "comma"),
    [
        ("Die Antwort ist 3,14.", True),
        ("La réponse est 3,14.", True),
        ("Ответ: 3,14", True),
        ("A resposta é 3,14.", True),
        ("Odpowiedź to 3,14.", True),
        ("The answer is 3,14.", False),
        ("答案是3,14。", False),
        ("3,14", False),
        (r"\alpha + \beta", False),
    ],
)
def test_languages_with_decimal_commas_are_known(text: str, comma: bool) -> None:
    """By their commonest words or their script."""
    assert decimal_comma(plain(text)) is comma


@pytest.mark.parametrize("text", ["the", "赚", "в день", "है", "é ist", "달러", "حساب", "είναι", "cost of x"])
def test_words_of_any_script_are_prose(text: str) -> None:
    """A text with a word is prose."""
    assert has_words(text)


@pytest.mark.parametrize("text", ["2xy + 3", r"\text{even} \sin x", "x ∈ [0, 1]", "α + β", "5 cm", "√2", "18"])
def test_mathematics_is_not_prose(text: str) -> None:
    """Variables, Greek letters, LaTeX's words, short units."""
    assert not has_words(text)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("so $x = 3$ and $y$", ["x = 3", "y"]),
        ("costs $5 each and then $10", []),
        ("costs $5 and the formula $x=3$ too", ["x=3"]),
        ("6 × $3 = $18", []),
        ("$20,000/240=$145", []),
        (r"\[ x \] and \( y \) and $$ z $$", [" x ", " y ", " z "]),
        ("$x$$y$", ["x", "y"]),
        (r"$\$5$", [r"\$5"]),
        ("an open $$ and $x$", ["x"]),
        ("a line $x\n and $y$", ["y"]),
    ],
)
def test_formulas_are_told_from_prices(text: str, inside: list[str]) -> None:
    """What is between two signs is a formula unless it is prose or half of an equation of prices."""
    assert [span.inside for span in formulas(text)] == inside


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("42 [1]", "42 "),
        ("42[1][2].", "42 ."),
        ("42 apples [3].", "42 apples."),
        ("42.¹", "42."),
        ("42 [see](https://x.org/99)", "42 [see]"),
        ("x^2 and [5]", "x^2 and [5]"),
        ("the interval [3, 5]", "the interval [3, 5]"),
        ("16²", "16²"),
    ],
)
def test_notes_are_dropped(text: str, rest: str) -> None:
    """Citations, footnote marks and links go; brackets that are the answer and exponents stay."""
    assert without_notes(text) == rest


@given(st.text(alphabet="$\\[]()x1 \n,.", max_size=60))
def test_formulas_lie_in_the_text(text: str) -> None:
    """They are in order, do not overlap, and hold what is between their signs."""
    at = 0
    for span in formulas(text):
        assert at <= span.start < span.end <= len(text)
        assert span.inside in text[span.start : span.end]
        at = span.end
