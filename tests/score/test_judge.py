r"""Equivalence of mathematical answers: the policy of docs/labels.md, pair by pair.

`TRAPS` are pairs that math-verify alone gets wrong; `judge` runs in this process here, on harmless input only.
"""

from pathlib import Path

import pytest

from evalrun.score.judge import decide, judge, readings

EQUAL = r"""
18 | 18. ; 70000 | \$70,000.00 ; 1,000 | 1 000 ; 6 | \text{6} ; .5 | 0.50 ; 1/2 | \frac24 ; \frac12 | 0.5
137 \frac{1}{2} | 137.5 ; \frac{10}{9} | 1.\overline{1} ; 5! | 120 ; 18 | 9 \cdot 2 = 18 ; 10,\!080 | 10080
10\% | 10 ; 50 | 50\% ; 28\% | 28 \text{ percent} ; 90^\circ | 90 ; \$5 | 5 dollars ; 5 | 5 apples
15\mbox{ cm}^2 | 15 square centimeters ; 5.4 \text{ cents} | 5.4 ; \frac{270}7\text{ degrees} | \frac{270}{7}^\circ
5 \text{ m} | 5 m ; 2\sqrt{2} | \sqrt{8} ; \sqrt{4} | 2.0 ; 3\pi | \pi \cdot 3 ; \sin^2 x + \cos^2 x | 1
[0, 1) | \left[0,1\right) ; x \in [-2,7] | -2 \le x \le 7 ; (-\infty,2) \cup (3,\infty) | (3,\infty) \cup (-\infty,2)
-2,1 | 1 \text{ and } -2 ; \{1,2\} | 2, 1 ; (1,2) | 1, 2 ; \{5\} | 5 ; 1 \pm \sqrt{19} | 1+\sqrt{19}, 1-\sqrt{19}
1000_{2} | 1000_2 ; 13_{10} | 13 ; 7:32 | 7 : 32 ; S_{AB}:S = 7:32 | 7:32
x=5 | 5 ; 5 | x = 5 ; y = 2x + 3 | 2x+3 ; (p,q)=(3,2) | (3,2) ; 5x - 7y + 4 = 0 | -5x+7y-4=0 ; x=1,y=2 | 1,2
\text{even} | Even ; \text{(C)} | C ; \text{(C)} | \textbf{(C)} ; \text{Evelyn} | evelyn
p - q | -q + p ; \dfrac{x+2}{7} | \frac x7+\frac 27 ; 2+3i | 3i+2
\begin{pmatrix} 1/5 \\ -18/5 \end{pmatrix} | \begin{bmatrix} 0.2 \\ -3.6 \end{bmatrix}
"""
DIFFERENT = r"""
18 | 81 ; 12 | 1 2 ; 1.5 | 1,5 ; 5 | 5+ ; 2 | 2x ; 2 | 2ab ; 3 | 3 sin x ; \infty | -\infty ; 3 \frac12 | \frac32
(0,1) | [0,1] ; (1,2) | 2,1 ; (1,2) | (2,1) ; 1,2 | 1,2,3 ; x=5 | y=5 ; x_1 | x_2 ; f(x) | f(y)
x > 5 | x \ge 5 ; \text{even} | odd ; \text{(C)} | D ; 90^\circ | \frac{\pi}{2} ; \frac{1}{3} | 0.33
32349 | 32, 349 ; (a+5)(b+2) | (+5)(b+2) ; \ln x | \log x ; 5 | 9^{9^{9^{9}}} ; 10000000! | 5
"""
TRAPS = r"""
10\% | 0.1 ; 0.1 | 10\% ; 1000 | 1000_2 ; 204_5 | 204 ; \frac{1}{2004!} | \frac{1}{2006!} ; 10^{-20} | 10^{-21}
10^{-20}\pi | 10^{-21}\pi ; \sqrt{2} | 1.41421356 ; 1/3 | 0.333333 ; \frac{\pi}{2} | 1.570796
\{\sqrt2,2\} | 1.414214, 2 ; x=1,y=2 | 2,1
14:30 | 7:15 ; 1:2 | 1/2 ; 0 | x^2 + 1 = 0 ; (1,3) | \{1,3\} ; 5 \text{ cm} | 5 \text{ m} ; \$5 | 5 euros
"""
MORE = r"""
\frac{9}{256} | \frac{9}{256} \approx 0.0352 ; \sqrt{2} | \sqrt{2} \approx 1.414 ; \frac13 | 1/3 = 0.333
0.035 | \approx 0.035
5 | x \approx 5 ; \sqrt3 | x = \sqrt3 \approx 1.732 ; \frac13 | 1/3 (approximately 0.333) ; \ln 2 | \ln 2 = 0.693
4 | \sqrt{16} = 4 ; 5000000 | 5\text{ million} ; 24 | 2\text{ dozen} ; 35000 | 3万5千 ; 120000 | 1 lakh 20 thousand
1500 | 1.5e3 ; 1500 | 1.5E+03 ; 1500 | 1.5 x 10^3 ; 1500 | 1.5 × 10³ ; 1500 | 1.5*10**3 ; 0.0015 | 1.5 \cdot 10^{-3}
4\sqrt{2} | 4√2 ; \frac{\sqrt3}{2} | √3/2 ; 3/4 | ¾ ; 5/2 | 2½ ; 2/3 | 2⁄3 ; 10^{-6} | 10⁻⁶ ; 7/9 | ⁷⁄₉ ; 2\pi | 2π
\sqrt{x+1} | √(x+1) ; 3\sqrt2 | 3*sqrt(2) ; x \le 5 | x ≤ 5 ; (-\infty,2] | (−∞, 2] ; x_1+x_2 | x₁ + x₂ ; 45 | 𝟒𝟓
16 | \mathbf{16} ; 16 | **16** ; 16 | \color{red}{16} ; 16 | \underline{16} ; 16 | {\bf 16} ; 16 | \textbf{$16$}
12 | \textbf{(C)}\ 12 ; C | \textbf{(C)}\ 12 ; 12 | \text{(C) }12 ; \frac12 | \mathrm{(A)}\ \frac12 ; 12 | C. 12
1234567 | 1'234'567 ; 1234567 | 12,34,567 ; 12,34,567 | 12, 34, 567 ; 1234.5 | 1.234,5 ; 3.14 | 3{,}14 ; 1000 | 1{,}000
18 | eighteen ; 18 | 十八 ; 2.5 | two and a half ; -5 | minus five ; 18 | 18th ; 18 | 18美元
5 cm | 5 厘米 ; 50 | 50 процентов
3:30 pm | 15:30 ; 3:30 | 3:30 p.m. ; 2024-05-03 | 2024-05-03 ; 1/3 | 0.(3) ; [0,1]\cup[2,3] | [2,3]\cup[0,1]
"""
LESS = r"""
5 | 5 million ; 5 | 5\text{ thousand} ; 2 | 2 dozen ; 3 | 3k ; 5 | 5万 ; 2 | 2 triệu
0.0352 | \frac{9}{256} \approx 0.0352 ; 4 | \sqrt{17} = 4 ; 9 | 2^3 = 9 ; 256 | 16 ; 4 | 4π ; 2 | 4√2
13 | \textbf{(C)}\ 12 ; D | \textbf{(C)}\ 12 ; 5 cm | 5 毫米 ; 2016 | 2024-05-03 ; 3:30 pm | 3:30 am ; 2:30 | 14:30
2 | 1 2 ; \frac{x}{2} | x ; (4,\infty) | (3,\infty) ; x+1 | x+2 ; \infty | -\infty
"""
RENAMED = r"""
R^2-r^2 | 0 ; \pi(R^2-r^2) | \pi(r^2-R^2) ; 3R^2 | 3r^2 ; E | e ; \pi r^2 h | \pi r^2 ; 2h | 2
"""


def pairs(table: str) -> list[tuple[str, str]]:
    """Split a table into (expected, answer)."""
    cells = [cell for line in table.split("\n") if line for cell in line.split(" ; ")]
    return [(left.strip(), right.strip()) for left, right in (cell.split(" | ") for cell in cells)]


@pytest.mark.parametrize(("expected", "answer"), pairs(EQUAL + MORE))
def test_the_same_said_differently_is_right(expected: str, answer: str) -> None:
    """Spelling, units left out, order where there is none: right, and nobody disputes it."""
    verdict = judge(expected, answer)
    assert (verdict.right, verdict.disputed) == (True, False), verdict.why


@pytest.mark.parametrize(("expected", "answer"), pairs(DIFFERENT + LESS))
def test_something_else_is_wrong(expected: str, answer: str) -> None:
    """Another value, order, bracket, name or word: wrong, and nobody disputes it."""
    verdict = judge(expected, answer)
    assert (verdict.right, verdict.disputed) == (False, False), verdict.why


@pytest.mark.parametrize(("expected", "answer"), pairs(TRAPS))
def test_a_false_equality_of_math_verify_is_wrong_and_disputed(expected: str, answer: str) -> None:
    """Where math-verify says equal against the policy, the policy decides and the score says so."""
    assert not judge(expected, answer).right
    verdict = judge(expected, answer, second_opinion=True)
    assert (verdict.right, verdict.disputed) == (False, True), verdict.why


@pytest.mark.parametrize(("expected", "answer"), pairs(RENAMED))
def test_variables_keep_their_case_and_are_not_units(expected: str, answer: str) -> None:
    """math-verify folds R into r and takes a trailing h for hours; it is asked so that it cannot."""
    verdict = judge(expected, answer)
    assert (verdict.right, verdict.disputed) == (False, False), verdict.why


def test_a_verdict_that_only_arithmetic_sees_is_disputed() -> None:
    """math-verify reads 2(3) as a mixed number; exact arithmetic does not, and both are told."""
    verdict = judge("6", "2(3)", second_opinion=True)
    assert (verdict.right, verdict.disputed) == (True, True)


@pytest.mark.parametrize(
    "answer", ["(" * 3000, "{" * 3000, "x" * 100_000, "\\frac" * 500, "$" * 999, "_{^{", "\x00", "=" * 50]
)
def test_nonsense_is_wrong(answer: str) -> None:
    """Absurd answers are wrong, quickly, and raise nothing."""
    assert not judge("5", answer).right


def test_text_is_never_executed(tmp_path: Path) -> None:
    """An answer that would be code for `parse_expr` or `eval` does nothing."""
    code = f"__import__('pathlib').Path('{tmp_path}/owned').touch()"
    for answer in (code, f"1 + {code}", f"\\text{{{code}}}", f"x = {code}"):
        assert not judge("5", answer).right
        assert not judge(answer, "5").right
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("expected", "answer", "question", "comma", "right"),
    [
        ("3000", "3k", "How many people came?", False, True),
        ("3", "3k", "How many people came?", False, False),
        ("3000", "3k", "What is x?", False, False),
        ("3k", "3k", "How many are there in terms of k?", False, True),
        ("2000000", r"\$2M", "", False, True),
        ("2k+2", "$2k+2$", "", False, True),
        ("7", "7 dozen", "How many dozens of eggs?", False, True),
        ("7", "7 dozen", "How many eggs?", False, False),
        ("84", "7 dozen", "How many dozens of eggs?", False, True),
        ("0.04", r"9/256 \approx 0.04", "Round to two decimal places.", False, True),
        ("0.04", r"9/256 \approx 0.04", "What is it exactly?", False, False),
        ("9/256", r"9/256 \approx 0.04", "Round to two decimal places.", False, True),
        ("3.14", "3,14", "", True, True),
        ("3.14", "3,14", "", False, False),
        ("3,14", "3,14", "", True, True),
        ("1234.5", "1.234,5", "", True, True),
        ("1234", "1.234", "", True, True),
        ("1234", "1.234", "", False, False),
        ("-18", "(\\$18)", "", False, True),
        ("18", "(18)", "", False, True),
    ],
)
def test_what_an_answer_says_depends_on_its_context(
    expected: str, answer: str, question: str, comma: bool, right: bool
) -> None:
    """Amounts, dozens, rounded sides and decimal commas are read so only where question or language call for it."""
    read_as = readings(answer, expected=expected, question=question, comma=comma)
    assert decide(expected, read_as).right is right
