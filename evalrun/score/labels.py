"""The labels of a question's options, A to J, 1 to 4, I to IV, А to Д, and which of them a question uses.

A label is found in the question, before the text of its option; where it is not shown there, labels are letters.
"""

import re
import string
from collections.abc import Sequence
from typing import Literal, NamedTuple

from evalrun.score.marks import plain, unstyled

LabelKind = Literal["auto", "letters", "numbers", "roman"]

_MOST_SEARCHED = 20_000  # characters at the end of a question
_SEPARATORS = (". ", ") ", ": ", "] ", " - ", " ", ".", ")", ":", ", ", "번 ", "\n")
_CIRCLED = str.maketrans({chr(0x2460 + n): str(n + 1) for n in range(9)})  # ①
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")

SEQUENCES: dict[str, tuple[str, ...]] = {
    "letters": tuple(string.ascii_uppercase),
    "numbers": tuple(map(str, range(1, 27))),
    "roman": _ROMAN,
    "Cyrillic": tuple("АБВГДЕЖЗИК"),
    "Greek": tuple("ΑΒΓΔΕΖΗΘΙΚ"),
    "Arabic": tuple("أبجدهوزحطي"),
    "Arabic alphabet": tuple("ابتثجحخدذر"),
    "Persian": ("الف", *"بجدهوزحطی"),
    "Hebrew": tuple("אבגדהוזחטי"),
    "Hindi": tuple("कखगघङचछजझञ"),
    "Bengali": tuple("কখগঘঙচছজঝঞ"),
    "Thai": tuple("กขคงจฉชซฌญ"),
    "Korean": tuple("가나다라마바사아자차"),
    "Korean consonants": tuple("ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊ"),
    "kana": tuple("アイウエオカキクケコ"),
    "iroha": tuple("イロハニホヘトチリヌ"),
    "stems": tuple("甲乙丙丁戊己庚辛壬癸"),
}
"""Name -> labels in their order."""

LOOKS_LATIN = dict(zip("АВСЕНІ", "ABCEHI", strict=True))
"""Cyrillic letter -> the Latin one that it looks like."""
CYRILLIC = LOOKS_LATIN | {"Б": "B", "Г": "D", "Д": "E"}
"""Cyrillic letter -> the Latin one it stands for where labels are Latin: it looks like it, or has its place."""
FOREIGN = CYRILLIC | {
    letter: latin for letters in ("ΑΒΓΔΕ", "אבגדה", "أبجد") for letter, latin in zip(letters, "ABCDE", strict=False)
}
"""Letter of another script -> the Latin one it stands for where labels are Latin."""


class Label(NamedTuple):
    """An option: its label, and its words, which are empty where the options are not known."""

    name: str
    words: str = ""


def options_of(choices: Sequence[str], question: str, *, kind: LabelKind = "auto") -> tuple[Label, ...]:
    """Return the options of a question in order; the 26 letters where they are not known.

    kind: how they are labelled; `auto` looks in the question.
    """
    if not choices:
        return tuple(map(Label, SEQUENCES["letters" if kind == "auto" else kind]))
    texts = [spelt(choice) for choice in choices]
    names = _shown(texts, spelt(question[-_MOST_SEARCHED:])) if kind == "auto" else SEQUENCES[kind]
    return tuple(Label(name, words(text)) for name, text in zip(names, texts, strict=False))


def _shown(texts: Sequence[str], question: str) -> tuple[str, ...]:
    """Return the labels that stand before all the options in a question."""
    folded = f"\n{question}".casefold()
    for labels in SEQUENCES.values():
        if len(texts) <= len(labels):
            pairs = [(label.casefold(), text.casefold()) for label, text in zip(labels, texts, strict=False)]
            for separator in _SEPARATORS:
                if all(re.search(rf"(?<!\w){re.escape(one + separator + text)}", folded) for one, text in pairs):
                    return labels
    return SEQUENCES["letters"]


_DRESS = re.compile(r"\\(?:text[a-z]*|math(?:rm|bf|sf|it)|mbox|boldsymbol|bf|fbox)\s*\{([^{}]*)\}")
_IN_ANGLES = re.compile(r"^[^<]{0,40}<([A-Z])>\W*$", re.MULTILINE)
_GAPS = re.compile(r"\\(?:[ ,;:!]|quad\b|qquad\b)|~")


def spelt(text: str) -> str:
    """Return a text in plain characters, without the dress of Markdown and LaTeX."""
    text = plain(text).translate(_CIRCLED)
    for letter in _IN_ANGLES.findall(text):
        if f"</{letter}>" not in text:  # `<B>` in bold print has an end
            text = text.replace(f"<{letter}>", f"({letter})")
    text = unstyled(text)
    for _ in range(3):
        text = _DRESS.sub(r"\1", text)
    return _GAPS.sub(" ", text).replace("$", "").replace("\\(", "").replace("\\)", "").strip()


def words(text: str) -> str:
    """Return the words of a text, for comparison: lower case, one space, and none of the punctuation around them."""
    return " ".join(re.sub(r"[^\w%+\-./°\\^(){}=<>]+", " ", text.casefold()).split()).strip(".")
