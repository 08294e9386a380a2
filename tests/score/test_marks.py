"""What announces an answer in many languages, and the plain spelling of characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.score.marks import LANGUAGES, answer_marks, plain, unstyled


def announced(text: str) -> list[str]:
    """Return what each mark announces, to the end of the text."""
    text = plain(text)
    return [text[mark.end :].strip() for mark in answer_marks(text)]


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("So the answer is 18", "18"),
        ("The final answer would be 18", "18"),
        ("**Answer** 18", "18"),
        ("**Final Answer**: 18", "18"),
        ("## Final answer\n\n18", "18"),
        ("Answer (in cm): 18", "18"),
        ("Correct answer - 18", "18"),
        ('{"answer": 18', "18"),
        ("<answer>18", "18"),
        ("#### 18", "18"),
        ("因此，答案是18", "18"),
        ("**最终答案**：18", "18"),
        ("答案应为１８", "18"),
        ("答え：18", "18"),
        ("答えは18です", "18です"),
        ("정답은 18입니다", "18입니다"),
        ("답: 18", "18"),
        ("Ответ — 18", "18"),
        ("Правильный ответ равен 18", "18"),
        ("La respuesta correcta es 18", "18"),
        ("Réponse : 18", "18"),
        ("Die richtige Antwort lautet 18", "18"),
        ("A resposta final é 18", "18"),
        ("La risposta è 18", "18"),
        ("Odpowiedź: 18", "18"),
        ("Cevap 18'dir", "18'dir"),
        ("الجواب هو ١٨", "18"),
        ("پاسخ: ۱۸", "18"),
        ("התשובה היא 18", "18"),
        ("उत्तर १८ है", "18 है"),
        ("উত্তর: ১৮", "18"),
        ("คำตอบคือ ๑๘", "18"),
        ("Đáp án là 18", "18"),
        ("Jawabannya adalah 18", "18"),
        ("Η απάντηση είναι 18", "18"),
    ],
)
def test_a_mark_announces_what_follows(text: str, rest: str) -> None:
    """One mark, and the answer right behind it."""
    assert announced(text) == [rest]


@pytest.mark.parametrize(
    "text",
    [
        "The answer is not 5",
        "The answer isn't 5",
        "答案不是5",
        "La réponse n'est pas 5",
        "答えは5ではない",
        "정답은 5가 아닙니다",
        "What the answer means",
        "He answered 5 questions",
        "Antworte: 5",
        "",
    ],
)
def test_what_denies_or_does_not_announce_is_not_a_mark(text: str) -> None:
    """A denied answer, another word, an empty text."""
    assert announced(text) == []


def test_marks_are_in_order() -> None:
    """The last one ends last, whatever its language."""
    assert announced("Answer: 1\nОтвет: 2\nAnswer: 3") == ["1\nОтвет: 2\nAnswer: 3", "2\nAnswer: 3", "3"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_noun_with_a_colon_is_a_mark(language: str) -> None:
    """`noun: 18` announces 18 in every row of the table."""
    for noun in LANGUAGES[language].nouns.split("|"):
        assert announced(f"{noun}: 18") == ["18"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("１８", "18"),
        ("٣٫٥", "3.5"),
        ("१८ ১৮ ๑๘ 𝟏𝟖", "18 18 18 18"),
        ("−5 ‐5 ﹣5 －5", "-5 -5 -5 -5"),
        ("1\u202f234\u2009567\u00a0890", "1 234 567 890"),
        ("（Ｂ）：Ⓑ 🄱 🅱 𝐁", "(B):B B B B"),
        ("18\u200b0", "180"),
        ("18。所以", "18. 所以"),
        ("５０％", "50%"),
        ("x² ½ √2 π", "x² ½ √2 π"),
        ("plain", "plain"),
    ],
)
def test_characters_have_one_spelling(text: str, expected: str) -> None:
    """Digits, signs, spaces, letters and brackets of any script are the ASCII ones; mathematics stays."""
    assert plain(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**42** dollars", "42 dollars"),
        ("是**42**美元", "是42美元"),
        ("***42***, *5*, `7`, <b>6</b>, __8__", "42, 5, 7, 6, 8"),
        ("2**3, 2*3*4, x_1, a_{1}_b", "2**3, 2*3*4, x_1, a_{1}_b"),
    ],
)
def test_emphasis_is_dropped_and_operators_are_kept(text: str, expected: str) -> None:
    """Markdown and HTML change the looks of a number, not its value."""
    assert unstyled(text) == expected


@given(st.text(max_size=200))
def test_any_text_has_a_plain_spelling(text: str) -> None:
    """It is a fixed point, and no mark lies outside the text."""
    once = plain(text)
    assert plain(once) == once
    assert all(0 <= mark.start < mark.end <= len(once) for mark in answer_marks(once))
