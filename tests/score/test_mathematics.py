r"""Equivalence of mathematical answers: the policy of docs/labels.md, pair by pair.

`TRAPS` are pairs that math-verify alone gets wrong; `judge` runs in this process here, on harmless input only.
"""

from pathlib import Path

import pytest

from evalrun.score.judge import judge

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
RENAMED = r"""
R^2-r^2 | 0 ; \pi(R^2-r^2) | \pi(r^2-R^2) ; 3R^2 | 3r^2 ; E | e ; \pi r^2 h | \pi r^2 ; 2h | 2
"""


def pairs(table: str) -> list[tuple[str, str]]:
    """Split a table into (expected, answer)."""
    cells = [cell for line in table.strip().splitlines() for cell in line.split(" ; ")]
    return [(left.strip(), right.strip()) for left, right in (cell.split(" | ") for cell in cells)]


@pytest.mark.parametrize(("expected", "answer"), pairs(EQUAL))
def test_the_same_said_differently_is_right(expected: str, answer: str) -> None:
    """Spelling, units left out, order where there is none: right, and nobody disputes it."""
    verdict = judge(expected, answer)
    assert (verdict.right, verdict.disputed) == (True, False), verdict.why


@pytest.mark.parametrize(("expected", "answer"), pairs(DIFFERENT))
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
