"""Finds the final answer where it is words: what follows the last mark, or what the text sets apart. Judges nothing."""

import re
from typing import NamedTuple

from evalrun.score.container import contained, without_confidence
from evalrun.score.extract import boxes
from evalrun.score.labels import spelt
from evalrun.score.marks import answer_marks, plain, unstyled

_MAX_SEARCHED = 20_000  # characters at the end
_SENTENCE = re.compile(r"[.!?;](?=\s|$)|\n")
_APART = re.compile(r"\*\*([^*\n]{1,200})\*\*|`([^`\n]{1,200})`")
_EDGES = " \t\n*_`:\"'«»“”"


class Phrase(NamedTuple):
    """A final answer in words, and the rule that found it."""

    text: str
    rule: str


def final_phrase(text: str, *, cut: bool = False) -> Phrase | None:
    """Return the final answer: in a container or a box, after the last mark, the last bold one, else a lone line.

    cut: the text was cut off at its token limit: an answer that reaches its end may not be whole.
    """
    inside = contained(text, cut=cut)
    if inside is not None and not boxes(text[inside.end :])[0]:
        return Phrase(bare(inside.content), inside.rule)
    text = plain(without_confidence(text))[-_MAX_SEARCHED:].strip()
    if contents := boxes(text)[0]:
        return Phrase(bare(contents[-1]), "boxed")
    for mark in reversed(answer_marks(text)):
        rest = text[mark.end :].lstrip(_EDGES + "#")
        end = _SENTENCE.search(rest)
        if (end or not cut) and (phrase := bare(rest[: end.start() if end else None])):
            return Phrase(phrase, "marked")
    apart = list(_APART.finditer(text))
    if apart and not re.search(r"\w", text[apart[-1].end() :]):
        return Phrase(bare(apart[-1][1] or apart[-1][2]), "bold")
    return Phrase(bare(text), "whole") if text and "\n" not in text and not cut else None


def bare(text: str) -> str:
    """Return a phrase in plain characters, without what is around it: emphasis, quotation marks, a full stop."""
    text = unstyled(spelt(text) if "\\" in text else plain(text)).strip(_EDGES)
    return text.rstrip(".!,;").strip(_EDGES)
