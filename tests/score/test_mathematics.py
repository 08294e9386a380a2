r"""The scorers `math` and `numeric` on what models write, kind by kind.

Every answer is the expected number by reading it as a person would; `WRONG` are the numbers next to it.
"""

from time import process_time

import pytest

from evalrun.score.mathematics import MathScorer, NumericScorer
from evalrun.types import Completion, Message, Sample, Score

MATH, NUMERIC = MathScorer(kind="math"), NumericScorer(kind="numeric")


def score(scorer: MathScorer | NumericScorer, expected: str, text: str, *, cut: bool = False) -> Score:
    """Score one text."""
    sample = Sample(task="t", id="1", messages=(Message(role="user", content="How is it?"),), expected=expected)
    return scorer(sample, Completion(text=text, finish_reason="length" if cut else "stop"))


KINDS = {
    "prose in any script": [
        ("18", "她每天赚 18 美元。"),
        ("18", "彼女は毎日18ドル稼ぎます。"),
        ("18", "그녀는 매일 18달러를 법니다."),
        ("18", "Она зарабатывает 18 долларов в день."),
        ("18", "तो वह रोज़ १८ डॉलर कमाती है।"),
        ("18", "هي تكسب ١٨ دولارًا في اليوم."),
        ("18", "Elle gagne 18 dollars par jour."),
        ("18", "答：她有 3 只鸡，每天赚18美元。"),
        ("18", "【答案】18"),
        ("18", "Ответ — **18**."),
    ],
    "decimal commas": [
        ("1.5", "Die Antwort ist 1,5."),
        ("3.14", "Ответ: 3,14"),
        ("1234.5", "Das sind 1.234,50 Euro."),
        ("2.74", "La réponse est 2,74."),
    ],
    "signs and spaces": [
        ("-5", "The temperature changed by −5 degrees."),
        ("-7", "It fell to –7 °C."),
        ("-1234", "The balance is −$1,234."),
        ("-18", "The result is minus 18."),
        ("1234567", "It is 1\u202f234\u202f567 in all."),
        ("2", "5 − 3 = 2"),
        ("18", "The parts are\n- 3\n- 18"),
    ],
    "magnitudes": [
        ("5000000", "The answer is **5 million**."),
        ("1500000000", "Revenue was $1.5bn."),
        ("250000000", "总共有2.5亿人。"),
        ("50000000", "He owns 5 crore rupees."),
        ("5000000", "Es sind 5 Mio. Euro."),
        ("24", "That makes two dozen."),
        ("12000", "1万2千円です。"),
    ],
    "forms of the last number": [
        ("1500", "So the result is 1.5e3"),
        ("0.00012", "It is 1.2 × 10⁻⁴ in all."),
        ("1500", "we get 1.5*10**3"),
        ("100000", "He has 1,00,000 rupees."),
        ("2.5", "He needs 2 1/2 cups."),
        ("2.5", "He needs 2½ cups."),
        ("0.75", "Only ¾ of it is left."),
        ("42", "The answer is **42** [1]."),
        ("42", "In total 42 apples [3]."),
        ("42", "It is 42.¹"),
        ("42", "It is 42*"),
        ("18", "Total cost = 6 × $3 = $18"),
        ("42", "The answer is 42.\n\n[1] https://example.com/99"),
    ],
    "containers": [
        ("42", '{"answer": 42, "confidence": 0.9}'),
        ("42", "<answer>42</answer>\nI took 3 steps."),
        ("42", "42\n\nConfidence: 95%"),
    ],
    "styles": [
        ("16", r"\boxed{\mathbf{16}}"),
        ("16", "It is <b>16</b>."),
        ("16", "~~15~~ 16"),
        ("16", r"The answer is $\displaystyle{16}$."),
        ("16", "### 16"),
        ("1600", r"\boxed{\textbf{1{,}600}}"),
    ],
    "exact and rounded": [
        ("1/3", "Answer: 1/3 ≈ 0.333"),
        ("1/3", "It is 1/3, or approximately 0.333."),
        ("9/256", r"The probability is \(\frac{9}{256} \approx 0.035\)."),
        ("0.035", r"\boxed{\approx 0.035}"),
    ],
}
WRONG = [
    ("5", "The temperature changed by −5 degrees."),
    ("-5", "It lies between 3–5."),
    ("5", "The answer is 5 thousand."),
    ("5", "答案是5万。"),
    ("3", "The result is 1.5 × 10^3."),
    ("567", "The population is 1 234 567."),
    ("1", "The answer is 42 [1]"),
    ("4", "The area is 4π."),
    ("2", "The length is 4√2."),
    ("16", "The area is 16²."),
    ("30", "The train leaves at 3:30."),
    ("3", "It was on 2024-05-03."),
    ("15", "Die Antwort ist 1,5."),
    ("20", "The answer is not 20. It is 18."),
    ("0.333", "It is 1/3 ≈ 0.333."),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scorer", [MATH, NUMERIC], ids=["math", "numeric"])
def test_a_number_is_read_as_a_person_would(scorer: MathScorer | NumericScorer, kind: str) -> None:
    """Right, whatever the script, the mark, the form and the style of the number."""
    assert [(text, score(scorer, expected, text).value) for expected, text in KINDS[kind]] == [
        (text, 1.0) for _, text in KINDS[kind]
    ]


@pytest.mark.parametrize("scorer", [MATH, NUMERIC], ids=["math", "numeric"])
@pytest.mark.parametrize(("expected", "text"), WRONG)
def test_a_part_of_a_number_is_not_it(scorer: MathScorer | NumericScorer, expected: str, text: str) -> None:
    """The digits without sign, magnitude, root or power, a footnote's number, an intermediate number: wrong."""
    assert score(scorer, expected, text).value == 0.0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The answer is 25", 0.0),
        ("Ответ: 25", 0.0),
        ("答案是25", 0.0),
        ("答案是25。", 1.0),
        ("<answer>25</answer>", 1.0),
        ("<answer>25", 0.0),
        ("so 25 dollars", 0.0),
    ],
)
def test_a_number_that_may_have_been_cut_off_is_wrong(text: str, value: float) -> None:
    """Of a truncated answer only what is surely whole counts, in every language."""
    assert [score(scorer, "25", text, cut=True).value for scorer in (MATH, NUMERIC)] == [value, value]


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (r"4\sqrt{2}", "The length is 4√2."),
        (r"\frac{\sqrt3}{2}", "Answer: √3/2"),
        (r"4\pi", "So the area is 4π."),
        (r"2\sqrt{3}", r"$AB = 2\sqrt3 \approx 3.46$ cm"),
        (r"[2,\infty)", "Answer: [2, ∞)"),
        ("3, 5", "答案：x=3 或 x=5"),
        ("3, 5", "Ответ: 3 и 5"),
        ("C", r"\boxed{\textbf{(C)}\ 12}"),
        (r"\text{да}", "Ответ: да"),
        ("偶数", "答案是偶数。"),
    ],
)
def test_what_is_not_one_number_is_read_too(expected: str, text: str) -> None:
    """Roots, intervals, lists and words in any script."""
    assert score(MATH, expected, text).value == 1.0


def test_a_unit_that_disagrees_is_wrong_even_in_prose() -> None:
    """The unit behind the last number is part of the answer; `in` and `per hour` are not inches and not hours."""
    assert score(MATH, r"\$5", "She pays 5 euros.").value == 0.0
    assert score(MATH, r"\$5", "She pays 5 dollars.").value == 1.0
    assert score(MATH, "5 cm", "It is 5 in all.").value == 1.0
    assert score(MATH, "60 mph", "It goes 60 miles per hour.").value == 1.0


HOSTILE = r"""
\ | 1 | { | } | , | \frac | \boxed{ | {} | $ | $$ | \[ | ( | 1, | 1. | 1/ | 1: | - | answer: | answer is
答案是 | * | **a | ` | [1] | ^ | ×10^ | 5 million,
1万 | ½ | √( | √ | − | \text{ | \text{ million | a b | я | http:// | <think> | \sqrt{
\approx | ≈ | = | x= | 1e | % | ~ | {,} | {a\over | ~~a
minus | <sup> | ]( | $a$ | sqrt( | twenty-
"""


@pytest.mark.parametrize(
    "piece", [" ", "\n", "1 ", *(one for row in HOSTILE.split("\n") if row for one in row.split(" | "))]
)
def test_the_cost_of_a_hostile_answer_grows_with_its_length(piece: str) -> None:
    """Eight times the text costs at most twenty times as much: quadratic work would cost 64 times as much.

    Times under 5 ms count as 5 ms, so that noise decides nothing.
    """
    costs = []
    for length in (2_400, 19_200, 153_600):
        text = piece * (length // len(piece))
        tries = []
        for number in range(2):  # a text of its own each time: nothing comes from a cache
            started = process_time()
            score(NUMERIC, "5", f"{text} {number}")
            tries.append(process_time() - started)
        costs.append(max(min(tries), 0.005))
    assert costs[1] < 20 * costs[0]
    assert costs[2] < 20 * costs[1]
