"""The scorer `choice`: labels, options' texts, sentences about them in many languages, and what is no choice."""

import time

import pytest

from evalrun.score.labels import options_of
from evalrun.score.spec import ADAPTER, ChoiceScorer
from evalrun.types import Completion, Message, Sample, Score

CITIES = ("Paris", "London", "Berlin", "Madrid")
YEARS = tuple(str(year) for year in range(20, 30))


def question(choices: tuple[str, ...], labels: str) -> str:
    """List the options under their labels."""
    names = labels.split() if " " in labels else labels
    return "Which?\n" + "\n".join(f"{name}) {choice}" for name, choice in zip(names, choices, strict=False))


def judged(
    text: str,
    *,
    expected: str = "B",
    choices: tuple[str, ...] = CITIES,
    labels: str = "ABCDEFGHIJ",
    cut: bool = False,
    **options: str,
) -> Score:
    """Score one answer to a question that shows its options."""
    spec = ChoiceScorer.model_validate({"kind": "choice", **options})
    messages = (Message(role="user", content=question(choices, labels)),)
    sample = Sample(task="t", id="1", messages=messages, expected=expected, choices=choices)
    return spec(sample, Completion(text=text, finish_reason="length" if cut else "stop"))


@pytest.mark.parametrize(
    "text",
    [
        "B", "b.", "(B)", "[B]", "**B) London**", "B: London", "`B`", "Option B", "option b", "B ✓", "$B$",
        "\\boxed{B}", "\\boxed{\\text{(B)}}", "\\boxed{\\textbf{(B) } London}", "<answer>B</answer>",
        '{"answer": "B"}', "{'choice': 'B'}", '{"answer": "London", "confidence": 0.4}', "London", "It's London.",
        "The correct option is B.", "It is B.", "B is correct", "I choose (B)", "Answer: B) London", "answer is b",
        "The answer is B because I computed it.", "So the correct choice is **B**.", "**Final Answer**\n\nB",
        "I'd pick B over A.", "Only option B is consistent with the text.", "London is the right answer, not Paris.",
        "Answer: B\nConfidence: 95%", "B\n\nExplanation: A is in France.",
    ],
)  # fmt: skip
def test_an_option_is_found_however_it_is_said(text: str) -> None:
    """Bare, in a container, in a sentence, by its text."""
    assert judged(text).value == 1
    assert judged(text, expected="C").value == 0


@pytest.mark.parametrize(
    "text",
    [
        "答案是B", "正确答案：B", "所以选B。", "A和C都不对，选B", "答えはBだと思います", "Bが正解です",
        "정답은 (B)입니다", "Правильный ответ: B",
        "Ответ: В", "Верно: B", "Die richtige Antwort ist B.", "Nicht A, sondern B.",
        "La respuesta correcta es la B.",
        "La bonne réponse est la réponse B.", "A resposta correta é a letra B.", "L'opzione corretta è la B.", "Ｂ",
        "Ⓑ",
        "🅱", "Doğru cevap B'dir.", "Đáp án đúng là B.", "Het juiste antwoord is B.",
        "الإجابة الصحيحة هي (B)",
        "सही उत्तर B है।",
    ],
)  # fmt: skip
def test_many_languages_and_characters(text: str) -> None:
    """Also a Cyrillic letter that looks like the Latin one."""
    assert judged(text).value == 1


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("A is wrong because it is in France, C and D are wrong too, so B.", "B"),
        ("A) Paris: incorrect.\nB) London: correct.\nC) Berlin: incorrect.\nD) Madrid: incorrect.", "B"),
        ("We can eliminate A, C, and D.", "B"),
        ("The answer is A... wait, no. The answer is C.", "C"),
        ("I was going to say A, but B is better.", "B"),
        ("The answer is not A but B", "B"),
        ("A: no\nB: no\nC: yes\nD: no", "C"),
        ('The user asked: "Is it A?" No. It is D.', "D"),
        ("If A were true it would be in France. The answer is D.", "D"),
    ],
)
def test_a_verdict_over_a_discussion(text: str, label: str) -> None:
    """What is denied, supposed or taken back is not chosen."""
    assert judged(text, expected=label).value == 1


@pytest.mark.parametrize(
    "text",
    [
        "Answer: A or B", "(A) or (B)", "Paris or London", "Both A and C could be correct.",
        "I'm torn between A and C.", "It could be A, but it could also be D.", "B is incorrect.",
        "I don't think it's B.", "\\boxed{A, B}", "Rome",
        "The weather is nice.", "\\boxed{B",
    ],
)  # fmt: skip
def test_unsure_is_unscored(text: str) -> None:
    """Never a guess, and never 0."""
    score = judged(text)
    assert (score.value, score.answer, score.error) == (None, None, "unsure")
    assert score.why


@pytest.mark.parametrize(
    "text", ["", " \n", "I don't know.", "None of the above.", "N/A", "A, B, C and D are all wrong."]
)
def test_choosing_none_is_wrong(text: str) -> None:
    """An empty answer, a refusal, and none of the options on purpose: nobody needs to guess what was chosen."""
    assert (judged(text).value, judged(text).answer) == (0, None)


def test_a_label_that_no_option_has_is_a_wrong_answer() -> None:
    """`E` of four options is clear, and wrong."""
    assert (judged("E").value, judged("E").answer) == (0, "E")


def test_what_was_cut_off_counts_only_where_it_had_chosen() -> None:
    """Half a discussion chooses nothing, and that is wrong as for other scorers; an announced option is one."""
    assert judged("Let's see. A. Paris: this is", cut=True).value == 0
    assert judged("The answer is B. To see why, consider", cut=True).value == 1


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I think the answer is C because I computed it.", "C"),
        ("The answer is I.", "I"),
        ("I am confident that F is right.", "F"),
        ("If I add them I get 29, so J.", "J"),
        ("A good answer would be C.", "C"),
        ("A", "A"),
        ("Only A deals with it.", "A"),
    ],
)
def test_ten_options_and_the_words_that_are_letters(text: str, label: str) -> None:
    """The pronoun `I` and the article `A` are no options."""
    assert judged(text, expected=label, choices=YEARS).value == 1


@pytest.mark.parametrize(
    ("labels", "text", "position"),
    [
        ("1234", "2", 1), ("1234", "The correct answer is 4) Madrid.", 3), ("1234", "Option 3", 2),
        ("I II III IV", "III", 2), ("I II III IV", "The answer is (IV).", 3), ("АБВГ", "Ответ: В", 2),
        ("АБВГ", "Правильный ответ — Г", 3), ("①②③④", "정답은 ③번입니다", 2), ("甲乙丙丁", "答案是乙", 1),
        ("أبجد", "الإجابة: ج", 2), ("アイウエ", "正解はイです", 1),
    ],
)  # fmt: skip
def test_labels_are_those_of_the_question(labels: str, text: str, position: int) -> None:
    """Numbers, Roman numerals, and letters of other scripts."""
    for number, choice in enumerate(CITIES):
        assert judged(text, expected=choice, labels=labels).value == (number == position)


def test_a_question_that_shows_no_labels_has_letters() -> None:
    """Unless the scorer says otherwise."""
    assert [option.name for option in options_of(CITIES, "Which?")] == ["A", "B", "C", "D"]
    assert [option.name for option in options_of(CITIES, "Which?", kind="numbers")] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("expected", ["B", "(B)", "b", "1", "London", "B. London"])
def test_the_expected_answer_is_a_label_an_index_or_a_text(expected: str) -> None:
    """An index counts from 0, as MMLU writes it."""
    assert judged("B", expected=expected).value == 1
    assert judged("C", expected=expected).value == 0


def test_an_expected_answer_that_means_two_options_is_asked_about() -> None:
    """`1` is the second option and the text of the third: the suite says which is meant."""
    numbers = ("3", "2", "1", "0")
    assert judged("B", expected="1", choices=numbers).error == "scorer"
    assert judged("B", expected="1", choices=numbers, expected_as="index").value == 1
    assert judged("C", expected="1", choices=numbers, expected_as="text").value == 1
    assert judged("B", expected="Rome").error == "scorer"


def test_a_number_is_compared_by_its_value() -> None:
    """`1,000` in a box is the option `1000`."""
    assert judged("\\boxed{1,000}", choices=("10", "1000", "100")).value == 1


@pytest.mark.parametrize(
    "part", ["A ", "A or B, ", "(", '{"a":', "*A*", "is A ", "n't the ", "option ", ":\n", "\\text{"]
)
def test_time_is_linear_in_the_answer(part: str) -> None:
    """Hostile repetition costs about as much per character in a long text as in a short one."""
    (spec,) = ADAPTER.validate_json('[{"kind": "choice"}]')
    sample = Sample(task="t", id="1", messages=(), expected="B", choices=CITIES)
    times = []
    for length in (5_000, 100_000):
        start = time.process_time()
        spec(sample, Completion(text=(part * length)[:length]))
        times.append(time.process_time() - start)
    assert times[1] < 60 * times[0] + 3  # quadratic would be 400 times, and hours where it backtracks


def test_blanks_after_an_option_cost_nothing() -> None:
    """Runs of blanks, and of `~`, which is one in LaTeX, can be cut in many ways by the patterns: a second each."""
    began = time.process_time()
    for _ in range(20):
        for blank in "~\u00a0 \t\n":
            judged(f"A{blank * 300}is that")
    assert time.process_time() - began < 20
