r"""One short spelling of written mathematics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.score.tidy import tidy


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("4√2", r"4\sqrt{2}"),
        ("√(x+√2)", r"\sqrt{x+\sqrt{2}}"),
        ("∛8", r"\sqrt[3]{8}"),
        ("sqrt(2)/2", r"\sqrt{2}/2"),
        ("x¹⁰ + x₁₀", "x^{10} + x_{10}"),
        ("2½", r"2 \frac{1}{2}"),
        ("2 1/2", r"2 \frac{1}{2}"),
        ("³⁄₄", r"\frac{3}{4}"),
        ("θ ≤ π", r"\theta \leq \pi"),
        (r"\dfrac12", r"\frac{1}{2}"),
        (r"{3 \over 4}", r"\frac{3}{4}"),
        (r"\mathbf{16}", "16"),
        (r"\color{red}16", "16"),
        (r"\left( 1,\!000 \right)", "( 1,000 )"),
        ("3{,}14", "3.14"),
        ("1{,}000", "1,000"),
        ("1.2*10**3", "1.2*10^3"),
        ("1.2 x 10^3", r"1.2\times 10^3"),
        ("about 0.3", r"\approx 0.3"),
        ("x=1 или x=2", "x=1, x=2"),
        ("$x$", "x"),
    ],
)
def test_one_spelling(text: str, spelling: str) -> None:
    """Unicode, ASCII and LaTeX are one."""
    assert tidy(text) == spelling


@given(st.text(alphabet="√∛(){}½²₂x1\\frac \\text{}$,.^_", max_size=60))
def test_any_text_has_a_spelling(text: str) -> None:
    """Nothing raises."""
    tidy(text)
