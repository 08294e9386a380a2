r"""Finding the final answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.score.extract import Extracted, copies, expected_answer, final_answer, without_reasoning


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{18}.", "18"),
        (r"\boxed{3} was wrong, it is \boxed{4}", "4"),
        (r"\boxed{\frac{1}{\sqrt{2}}}", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed{\{1, 2\}} and }", r"\{1, 2\}"),
        (r"\boxed{\left\{ x \right.}", r"\left\{ x \right."),
        (r"\boxed {5}, #### 6", "5"),
        (r"\fbox{7}", "7"),
        (r"\boxed{x = \boxed{5}}", "5"),
        (r"\boxed{12} and then \boxed{1", "12"),
    ],
)
def test_the_last_balanced_box_wins(text: str, answer: str) -> None:
    """The last box that closes is the answer, with its nested braces; braces that are text do not count."""
    assert final_answer(text) == Extracted(answer, "boxed")


@pytest.mark.parametrize("text", [r"it is \boxed{42", r"\boxed{", r"Answer: 42 \boxed{42", r"\boxed{}"])
def test_an_unterminated_box_gives_nothing(text: str) -> None:
    """A box that never closes, or is empty, gets no credit through another rule."""
    assert final_answer(text) == Extracted(None, "none")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so 40 hours of 36 * 1.5 = 60 hours of 3", None),
        ("2 + 5 * (4", None),
        ("The answer is 25", None),
        ("The answer is 12 * 3 =", None),
        ("The answer is 3.5", None),
        ("The answer is 36? Let me check. The answer is 40", None),
        ("The answer is 25. Let me check: 5 *", "25"),
        ("The answer is 25.", "25"),
        ("#### 25\n", "25"),
        ("**Final answer:** 25.", "25"),
        ("The answer is $25$", "$25$"),
        ("The answer is $25.", None),
        ("The answer is $3 + $", "$3 + $"),
        ("The answer is $", None),
        ("The final answer is:\n\n$$\n25", None),
        ("The final answer is:\n\n$$\n25\n$$", "$$\n25\n$$"),
        ("The final answer is:\n\\[\n25", None),
        (r"It is \boxed{12}", "12"),
        (r"It is \boxed{1", None),
    ],
)
def test_half_a_thought_is_no_answer(text: str, answer: str | None) -> None:
    """Of a text that was cut off, only a closed box or a marked answer that is surely whole counts."""
    assert final_answer(text, cut=True).answer == answer


@pytest.mark.parametrize(
    ("question", "answer", "expected", "copied"),
    [
        ("What is 2 + 5 ÷ (14 + 8)?", "2 + 5 ÷ (14 + 8)", "49/22", True),
        ("What is $3 \\times 4 - 1$?", "3 × 4 - 1", "11", True),
        ("What is 8 + 5?", "8 + 5", "13", True),
        ("What is 8 + 5?", "(8 + 5)", "13", True),
        ("What is 8 + 5 * 2?", "8 + (5 * 2)", "18", True),
        ("What is 8 + 5?", "8 + 5 =", "13", True),
        ("What is 8 + 5?", "8 + 5 = 13", "13", False),
        ("What is 8 + 5?", "5 + 8", "13", False),
        ("What is 48 ÷ 6?", "48 ÷ 6", "8", True),
        ("What is $2^5$?", "2^5", "32", True),
        ("Angle A is $60^\\circ$. What is B?", r"60^\circ", "60", False),
        ("Angle A is $60^{\\circ}$. What is B?", r"$60^{\circ}$", "60", False),
        ("One car goes 60 km/h, one 80 km/h. Which is higher?", "80 km/h", "80", False),
        ("It falls at 10 m/s^2. How fast?", "10 m/s^2", "10", False),
        ("A 5-year-old has 3.", "5-year-old", "5", False),
        ("Factor $x^2+5x+6$.", "$x^2 + 5x + 6$", "(x+2)(x+3)", True),
        ("Which of y = 2x + 3 + z and y = 3x is steeper?", "2x + 3 + z", "y = 2x + 3 + z", False),
        ("Which is larger, 3/4 or 2/3?", "3/4", "0.75", False),
        ("Is it (-3,-4) or (3,4)?", "(-3,-4)", "(-3, -4)", False),
        ("What is 6 - 2?", "4", "4", False),
    ],
)
def test_a_copy_of_the_question_is_known(question: str, answer: str, expected: str, copied: bool) -> None:
    """An expression of the question, whatever its brackets and signs; not a number, a fraction or a pair it names."""
    assert copies(question, answer, expected=expected) is copied


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("5 - 2 = 3\n#### 18", "18"),
        ("The final answer is $\\frac{1}{2}$. I hope it is correct.", "$\\frac{1}{2}$"),
        ("Answer: 1\nNo. Answer: 2", "2"),
        ("**Answer:** 18 dollars", "18 dollars"),
        ("**Answer: 18**", "18"),
        ("The answer is **18**.", "18"),
        ("So the answer is 18 because 9 twice is 18.5 less 0.5", "18"),
        ("The answer to the question is 5 \\times 3 = 15", "5 \\times 3 = 15"),
        ("**Final Answer**\n\n\\[ 42 \\]", "\\[ 42 \\]"),
        ("Answer: x^2 + 1", "x^2 + 1"),
        ("The answer is $1$, $2$ and $3$.", "$1$, $2$ and $3$"),
        ("The answer is $28$ percent", "$28$%"),
        ("Final Answer: The largest $n$ is 34.", "34"),
        ("The answer is even.", "even"),
    ],
)
def test_a_marked_answer_comes_second(text: str, answer: str) -> None:
    """Without a box, what follows the last mark is the answer, without the prose around it."""
    assert final_answer(text) == Extracted(answer, "marked")


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        ("x^2 + 1", "x^2 + 1", "whole"),
        ("even", "even", "whole"),
        (r"$x \in [-2,7]$", r"$x \in [-2,7]$", "whole"),
        ("He pays $18.90 in all", "$18.90", "last_number"),
        ("from 3 to 1,450,000 people", "1,450,000", "last_number"),
        ("so it is 18", "18", "last_number"),
        ("2xy + 3", "2xy + 3", "whole"),
        ("it fell by 28 percent", "28%", "last_number"),
        ("from 5-3 it is -2 now", "-2", "last_number"),
        ("so $x = 3$ and the ratio is $\\frac{3}{4}$ then", "\\frac{3}{4}", "last_formula"),
        ("costs $5 each and then $10 for two", "$10", "last_number"),
        ("no idea at all", None, "none"),
        ("it is AZYUK2A for sure", None, "none"),
        ("", None, "none"),
    ],
)
def test_then_the_whole_text_then_the_last_number(text: str, answer: str | None, rule: str) -> None:
    """The last number is taken whole: with its sign and separators, and as the formula it is part of."""
    assert final_answer(text) == (answer, rule)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<think>\\boxed{1}</think> \\boxed{2}", "\\boxed{2}"),
        ("[THINK]\\boxed{1}[/THINK]2", "2"),
        ("<reasoning>1</reasoning>\n<answer>2</answer>", "<answer>2</answer>"),
        ("<|channel|>analysis<|message|>1<|end|><|start|>assistant<|channel|>final<|message|>2<|return|>", "2"),
        ("2 <reasoning>as 1 + 1 = 2</reasoning>", "2 <reasoning>as 1 + 1 = 2</reasoning>"),
        ("thinking \\boxed{1}</think>two", "two"),
        ("<think>\\boxed{1} and on", ""),
        ("a</think>b</THINK>c", "c"),
        ("no reasoning", "no reasoning"),
    ],
)
def test_stray_reasoning_is_dropped(text: str, rest: str) -> None:
    """All up to the last `</think>` goes, and everything after a `<think>` that never ends."""
    assert without_reasoning(text) == rest


def test_a_reference_solution_gives_its_answer() -> None:
    """The expected answer may be a worked solution: its box, its `####` tail, or all of it when it is short."""
    assert expected_answer("9 * 2 = <<9*2=18>>18\n#### 18") == "18"
    assert expected_answer(r"thus $\boxed{\frac{1}{2}}$.") == r"\frac{1}{2}"
    assert expected_answer("p - q") == "p - q"


@given(st.text(alphabet="\\boxed{}#$ answer:is1.[]()\n", max_size=200))
def test_any_text_gives_an_answer_or_none(text: str) -> None:
    """No text raises, and an answer is never empty."""
    answer, rule = final_answer(without_reasoning(text))
    assert answer is None if rule == "none" else answer


@given(st.text(alphabet="{}\\x1 ", max_size=40))
def test_a_box_returns_what_was_boxed(content: str) -> None:
    """Whatever has balanced braces comes back as it was put in."""
    depth, lowest, escaped = 0, 0, False
    for sign in content:
        depth += 0 if escaped else (sign == "{") - (sign == "}")
        lowest = min(lowest, depth)
        escaped = sign == "\\" and not escaped
    if depth == 0 and lowest == 0 and not escaped and content.strip():
        assert final_answer(rf"so \boxed{{{content}}} it is") == Extracted(content.strip(), "boxed")
