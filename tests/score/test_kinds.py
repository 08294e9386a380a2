r"""Kinds of reply, each with right answers and near misses of several languages: what a person reads in them is scored.

A row is an expected answer, a reply and whether the reply is right; `math` and `numeric` must say so alike, and `math`
alone where the expected answer is no number. The values are read off the replies, which were written for this file.
"""

import pytest

from evalrun.score.choice import chosen
from evalrun.score.extract import without_reasoning
from evalrun.score.labels import options_of
from evalrun.score.mathematics import MathScorer, NumericScorer
from evalrun.types import Completion, Message, Sample

Row = tuple[str, str, bool]

KINDS: dict[str, tuple[Row, ...]] = {
    "one line of any language": (
        ("18", "Κερδίζει 18 δολάρια την ημέρα.", True),
        ("27", "Cevap 27'dir.", True),
        ("27", "Toplam 27'ye eşittir.", True),
        ("18", "Đáp số: 18 đô la.", True),
        ("18", "תשובה: היא מרוויחה 18 דולר ביום.", True),
        ("3", "Он занял 3-й номер.", True),
        ("2", "2人の合計は18です。", False),
        ("1", "Cevap 18'dir.", False),
    ),
    "signs in words": (
        ("-12", "Es sind minus 12 Grad.", True),
        ("-12", "Il fait moins 12 degrés.", True),
        ("-12", "기온은 영하 12도입니다.", True),
        ("-12", "气温是零下12度。", True),
        ("12", "Il y a au moins 12 chats.", True),
        ("12", "Hay al menos 12 gatos.", True),
        ("12", "Es sind minus 12 Grad.", False),
    ),
    "groups and decimal commas": (
        ("12345.67", "Cela coûte 12 345,67 €.", True),
        ("29.99", "Kosten: 29,99 €", True),
        ("29.99", "Preço: R$ 29,99.", True),
        ("3000", "Rp 3.000", True),
        ("3.14", "Sonuç 3,14.", True),
        ("1234567", "人口は１，２３４，５６７人です。", True),
        ("3.14", "The values are 3,14.", False),
        ("99", "Kosten: 29,99 €", False),
    ),
    "magnitudes": (
        ("2000000", "Revenue was €2m.", True),
        ("2500000", "two and a half million", True),
        ("5000", "Totalnya Rp5 ribu.", True),
        ("5000000", "Σύνολο 5 εκατομμύρια ευρώ.", True),
        ("5", "5 min", True),
        ("5", "She ran 5 m.", True),
        ("2", "Revenue was €2m.", False),
    ),
    "words": (
        ("25", "fünfundzwanzig", True),
        ("25", "venticinque", True),
        ("25", "veinticinco", True),
        ("35", "trente-cinq", True),
        ("24", "fünfundzwanzig", False),
    ),
    "fractions in prose": (
        ("2.5", "She used 2-1/2 cups.", True),
        ("2.5", "She used 2 and a half cups.", True),
        ("0.75", "She ate ³⁄₄ of it.", True),
        ("7/10", "She got 7 out of 10.", True),
        ("7", "She got 7 out of 10.", True),
        ("10", "She got 7 out of 10.", False),
        ("1/2", "She used 2-1/2 cups.", False),
    ),
    "notes": (
        ("42", "Total: 42*\n\n*rounded to 2 digits", True),
        ("42", "So the answer is 42 [1, 3].", True),
        ("42", "**42**\n\nExplanation: 6 times 7 is 42, as 5+1=6.", True),
        ("42", "42\n\nErklärung: 6 mal 7.", True),
        ("7", "42\n\nErklärung: 6 mal 7.", False),
    ),
    "bold print": (
        ("16", "there are **16** apples left in the basket of 3 children", True),
        ("18", "Thus she makes **$18** daily from 9 eggs.", True),
        ("16", "Quedan **16** manzanas en 3 cestas.", True),
        ("15", "Each of the **5** boxes holds 3, so the total is 15.", True),
        ("3", "there are **16** apples left in the basket of 3 children", False),
    ),
    "denials and corrections": (
        ("6", "So it's 6, not 5.", True),
        ("6", "Es sind 6, nicht 5.", True),
        ("6", "Son 6, no 5.", True),
        ("6", "是6，不是5。", True),
        ("6", "The answer is 5. Correction: 6", True),
        ("5", "So it's 6, not 5.", False),
        ("5", "It is 6 rather than 5.", False),
        ("5", "The answer is not 5 but 6.", False),
    ),
    "reasons behind the answer": (
        ("18", "The total is 18 (9 × 2).", True),
        ("18", "The total is 18 dollars (9 * $2).", True),
        ("18", "18 because 9*2", True),
        ("18", "9 × 2 (which is easy) = 18", True),
        ("2", "The total is 18 (9 × 2).", False),
    ),
    "several candidates": (
        ("5", "It is either 5 or 6.", False),
        ("6", "It is either 5 or 6.", False),
        ("6", "entre 5 et 6", False),
        ("6", "5或6", False),
        ("5", "It takes 3–5 days.", False),
        ("19", "2x + 1 = 39, so 2x = 38 and x = 19", True),
    ),
    "pairs, sets and lists in prose": (
        (r"(3,4)", "The vertex is at (3, 4).", True),
        (r"(3,4)", "Der Punkt ist (3|4).", True),
        (r"(-\infty,3]", "The solution is (-∞, 3].", True),
        (r"\{1,2\}", "The solutions are {1, 2}.", True),
        ("1,2,3", "Los valores son 1, 2 y 3.", True),
        ("1,2,3", "值为1、2和3。", True),
        ("-1,2", "The solutions are x = -1 or x = 2.", True),
        (r"(3,4)", "The vertex is at (4, 3).", False),
        ("2", "The solutions are 1 and 2.", False),
        ("4", "The vertex is at (3, 4).", False),
    ),
    "expressions in prose": (
        ("y=2x+1", "The equation of the line is y = 2x + 1.", True),
        ("3x^2", "The derivative is 3x^2.", True),
        ("x>3", "Therefore x > 3.", True),
        ("2^n", "The number of subsets is 2^n.", True),
        ("60", "The speed is 60 km/h.", True),
        ("9.8", "g = 9.8 m/s^2", True),
        ("1", "The equation of the line is y = 2x + 1.", False),
        ("3", "Therefore x > 3.", False),
    ),
    "remarks behind the answer": (
        ("7.25", "The result is 7.25 (rounded to 2 decimal places).", True),
        ("7.25", "Das Ergebnis ist 7,25 (auf 2 Stellen gerundet).", True),
        ("7.25", "结果是7.25（保留2位小数）。", True),
        ("7", "The result is 7.\n\nNote: rounded to 2 decimals.", True),
        ("7", "The result is 7 (see Figure 2).", True),
        ("7", "Therefore 7 by equation (2).", True),
        ("7", "7 (100% sure)", True),
        ("3", "The mistake is in step 3.", True),
        ("2", "The result is 7.25 (rounded to 2 decimal places).", False),
        ("100", "7 (100% sure)", False),
    ),
    "a template's tokens": (
        ("7", "<|im_start|>assistant\n7<|im_end|>", True),
        ("7", "The answer is 7<|im_end|>", True),
        ("7", "7</s>", True),
        ("8", "The answer is 7<|im_end|>", False),
    ),
    "signs around a line": (
        ("12", "✅ 12", True),
        ("12", "12 🎉", True),
        ("12", "⇒ 12", True),
        ("12", "1. 4 * 3 = 12", True),
        ("8", "8 (= 20 - 12)", True),
        ("12", "12 is the final answer, as 3 times 4.", True),
        ("4", "12 is the final answer, as 3 times 4.", False),
    ),
    "units of one letter": (
        ("20", "20 m²", True),
        ("20", "20 GB", True),
        ("20", "20 N", True),
        ("20", "20 μm", True),
        ("20", "20m", False),
        ("20m", "20 m", True),
    ),
    "functions, names and roundings": (
        (r"\log_2 8", "Answer: log₂ 8", True),
        (r"\sin^2 x", "Answer: sin²x", True),
        (r"\frac{\sqrt3}{2}", "sin 60° = √3/2", True),
        ("n!", "Answer: n!", True),
        ("16", r"\boxed{\angle A = 16^\circ}", True),
        ("16", r"\boxed{\text{The answer is } 16}", True),
        ("16", r"\boxed{\mathrm{Rs.}\ 16}", True),
        ("1/3", "Wahrscheinlichkeit: 1/3 (ca. 33,3 %)", True),
        (r"\frac{9}{256}", r"\boxed{\dfrac{9}{256}\text{ (approximately }0.0352)}", True),
        ("1/2", r"\boxed{\frac{1}{2} = 0.5 = 50\%}", True),
        ("16", r"\boxed{\text{Area} = 17}", False),
        (r"\cos^2 x", "Answer: sin²x", False),
    ),
    "option letters with a value": (
        ("12", "Answer: C. 12", True),
        ("C", r"\boxed{\text{Option C}}", True),
        ("12", r"\boxed{\text{Option C: } 12}", True),
        (r"\text{(A)}", r"\boxed{A}", True),
        ("B", r"\boxed{\text{Option C}}", False),
        ("13", "Answer: C. 12", False),
    ),
}
QUESTION = "What is 9 * 2?"
CHOICES: tuple[tuple[str, str | None], ...] = (
    ("Η σωστή απάντηση είναι η Β.", "B"),
    ("Απάντηση: Β", "B"),
    ("התשובה היא ב.", "B"),
    ("الإجابة: ب", "B"),
    ("I considered A and C, but B is what I would choose.", "B"),
    ("I'm torn between A and B but lean toward B.", "B"),
    ("I would not choose B.", None),
    ("Đáp án không phải là B.", None),
    ("คำตอบไม่ใช่ B", None),
    ("Η απάντηση δεν είναι B.", None),
    ("התשובה אינה B.", None),
    ("Vitamin B is important.", None),
    ("Plan B is to go home.", None),
    ("Hepatitis B", None),
    ("A B C D", None),
)


@pytest.mark.parametrize(("kind", "row"), [(kind, row) for kind, rows in KINDS.items() for row in rows])
def test_what_a_person_reads_is_scored(kind: str, row: Row) -> None:
    """Right answers are right, and near misses are wrong, by both scorers."""
    expected, reply, right = row
    sample = Sample(task=kind, id="1", messages=(Message(role="user", content="?"),), expected=expected)
    math = MathScorer(kind="math").judge(sample, Completion(text=reply))
    numeric = NumericScorer(kind="numeric").judge(sample, Completion(text=reply))
    assert (math.value, numeric.value) in ((float(right), float(right)), (float(right), None)), (math, numeric)


def test_a_unit_of_one_letter_is_compared() -> None:
    """By `math`; to `numeric` units do not count."""
    for expected, right in (("5 m", 1), ("5", 1), ("5 cm", 0)):
        sample = Sample(task="t", id="1", messages=(Message(role="user", content="?"),), expected=expected)
        assert MathScorer(kind="math").judge(sample, Completion(text="The length is 5 m.")).value == right


def test_each_kind_has_members_of_both_sorts() -> None:
    """Three or more of each kind, a near miss among them."""
    for rows in KINDS.values():
        assert len(rows) >= 3
        assert {right for *_, right in rows} == {True, False}


@pytest.mark.parametrize("reply", ["9 * 2", QUESTION, f" {QUESTION}\n", r"\boxed{9 \cdot 2}"])
def test_a_copy_of_the_question_is_wrong(reply: str) -> None:
    """By both scorers; 18, which was worked out, is right."""
    for scorer in (MathScorer(kind="math"), NumericScorer(kind="numeric")):
        for expected, text, right in (("18", reply, 0), ("2", QUESTION, 0), ("18", f"{QUESTION} It is 18.", 1)):
            sample = Sample(task="t", id="1", messages=(Message(role="user", content=QUESTION),), expected=expected)
            assert scorer.judge(sample, Completion(text=text)).value == right


def test_an_equation_that_was_asked_for_is_its_value() -> None:
    """Where the question has its left side; else it is an equation, which is no number."""
    for question, right in (("Find $a + b$.", 1), ("Find $a$.", 0)):
        sample = Sample(task="t", id="1", messages=(Message(role="user", content=question),), expected="12")
        for reply in (r"\boxed{a+b=12}", "So $a = 5$, and $a+b = 12$."):
            assert MathScorer(kind="math").judge(sample, Completion(text=reply)).value == right


@pytest.mark.parametrize(("reply", "letter"), CHOICES)
def test_the_option_that_is_meant_is_chosen(reply: str, letter: str | None) -> None:
    """A letter of another script counts by its place; what is denied, and what is no option, is unsure."""
    options = options_of(("Paris", "London", "Berlin", "Madrid"), "Which?")
    found = chosen(reply, options)
    assert (None if found.option is None else options[found.option].name) == letter
    assert found.unsure == (letter is None)


@pytest.mark.parametrize(
    "text",
    ["◁think▷17◁/think▷18", "<reasoning>17</reasoning>18", "<seed:think>17</seed:think>18", "17 is wrong </think>18"],
)
def test_reasoning_of_any_shape_is_no_answer(text: str) -> None:
    """What `wire.reasoning` tells apart is told apart in a stored text too."""
    assert without_reasoning(text) == "18"


def test_an_option_that_is_not_there_was_chosen() -> None:
    """E of four is wrong, not unsure, in a sentence as on a line of its own."""
    options = options_of(("Paris", "London", "Berlin", "Madrid"), "Which?")
    for reply in ("The answer is E.", "Answer: E", "E"):
        found = chosen(reply, options)
        assert (found.option, found.outside, found.unsure) == (None, "E", False)
