r"""The scorers of answers about long prompts: `items`, what an answer claims, and `recall`, a text word for word.

An expected answer is a list, `K4821, J0034`. The claims of an answer are its words that could be items of that list: of
the same shape (letters and digits in the same order, as in `K4821`), no shorter or longer than the expected ones, and
not just repeated from the question. They are taken from the first of these parts that has any:

    boxed    the content of the last \boxed{}
    marked   what follows the last `Answer:`, up to a blank line
    said     what follows the last `is`, `are` or colon; only where the items are plain words, to leave out the sentence
    whole    the whole text
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from evalrun.score.container import inside
from evalrun.score.extract import boxes
from evalrun.score.scorer import Scorer, answer_of, scored, unexpected
from evalrun.types import Completion, Sample, Score

_ANSWER = re.compile(r"\banswer(?:s|\s+is|\s+are)?[*_]*\s*:|\banswer\s+(?:is|are)\b", re.IGNORECASE)
_SAID = re.compile(r"\b(?:is|are)\b|:", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_GROUPED = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?!\d|,\d)")
_RUNS = re.compile(r"[^\W\d_]+|\d+")
_LEAST_GROUPED = 4  # digits; `12,345` are two items where items are shorter


class ItemsScorer(Scorer):
    """Compare the items that the answer names with the expected list, both ways: what is wrong in it costs."""

    kind: Literal["items"]
    rule: Literal["net", "f1", "order"] = "net"
    """`net`: (right - wrong) / expected, at least 0. `f1`: of precision and recall. `order`: the same list, or 0."""

    def judge(self, sample: Sample, completion: Completion) -> Score:
        expected = [item.strip().casefold() for item in (sample.expected or "").split(",") if item.strip()]
        if not expected:
            return unexpected()
        question = sample.messages[-1].content if sample.messages else ""
        found = claims(
            inside(answer_of(completion), cut=completion.truncated), expected, question=question.rpartition("\n\n")[2]
        )
        value = agreement(found.items, expected, rule=self.rule)
        named = found.items if self.rule == "order" else list(dict.fromkeys(found.items))
        means = ", ".join(named if self.rule == "order" else sorted(named))
        why = "equal" if value == 1 else f"wanted {sample.expected!r}"
        return scored(right=value, answer=", ".join(named) or None, why=why, rule=found.rule, means=means)


class RecallScorer(Scorer):
    """Compare word for word, if the answer begins with the expected text's first word: 2 x common / all words."""

    kind: Literal["recall"]

    def judge(self, sample: Sample, completion: Completion) -> Score:
        prefix, _, wanted = (sample.expected or "").strip().partition(" ")
        if not prefix or not wanted:
            return unexpected()
        answer = inside(answer_of(completion), cut=completion.truncated)
        if not answer.startswith(prefix):
            return scored(right=0.0, answer=answer, why=f"does not begin with {prefix!r}", rule="none")
        value = common_share(answer.removeprefix(prefix), wanted)
        return scored(right=value, answer=answer, why="equal" if value == 1 else f"wanted {wanted!r}", rule="prefix")


class Claims(NamedTuple):
    """The items of an answer, in their order and repeated as there, and the part they were found in."""

    items: list[str]
    rule: str


def claims(text: str, expected: Sequence[str], *, question: str = "") -> Claims:
    """Find what an answer claims, in lower case. `expected` is in lower case and not empty.

    question: where it repeats words of this text, which are not expected, it claims nothing.
    """
    shapes = {shape(item) for item in expected}
    lengths = range(min(map(len, expected)), max(map(len, expected)) + 1)
    grouped = shapes == {"0"} and lengths[0] >= _LEAST_GROUPED
    echoes = set(_WORD.findall(question.casefold())).difference(expected)
    for rule, part in _parts(text, plain=shapes == {"a"}):
        joined = _GROUPED.sub(lambda match: match[0].replace(",", ""), part) if grouped else part
        words = [word for word in _WORD.findall(joined.casefold()) if len(word) in lengths and word not in echoes]
        if items := [word for word in words if shape(word) in shapes]:
            return Claims(items, rule)
    return Claims([], "none")


def shape(word: str) -> str:
    """Return a word's shape: `a` for letters, `0` for digits, however many; `K4821` is `a0`."""
    return _RUNS.sub(lambda run: "0" if run[0].isdigit() else "a", word)


def agreement(found: Sequence[str], expected: Sequence[str], *, rule: str) -> float:
    """Return how far the found items are the expected ones, 0..1, by a rule of `ItemsScorer`.

    Repeats count for `order` alone.
    """
    if rule == "order":
        return float(list(found) == list(expected))
    right, named = set(expected), set(found)
    hits, wrong = len(right & named), len(named - right)
    return 2 * hits / (len(named) + len(right)) if rule == "f1" else max(0, hits - wrong) / len(right)


def common_share(text: str, expected: str) -> float:
    """Return 2 c / (n + m) for texts of n and m words with at most c words in common in the same order.

    It is difflib's ratio without its heuristics, and on words: unrelated texts have few of them in common. The time is
    linear in `text`: one step for a word, with a bit for each word of `expected` (Crochemore's and Hyyrö's algorithm).
    """
    mine, theirs = text.split(), expected.split()
    where: dict[str, int] = {}
    for place, word in enumerate(theirs):
        where[word] = where.get(word, 0) | 1 << place
    every = (1 << len(theirs)) - 1
    free = every  # a cleared bit: the longest common sequence grows at this word of `expected`
    for word in mine:
        both = free & where.get(word, 0)
        free = ((free + both) | (free - both)) & every
    total = len(mine) + len(theirs)
    return 2 * (len(theirs) - free.bit_count()) / total if total else 0.0


def _parts(text: str, *, plain: bool) -> Iterator[tuple[str, str]]:
    """Return the parts of an answer that may hold its claims, with their names, best first."""
    yield "boxed", "".join(boxes(text)[0][-1:])
    yield "marked", _BLANK_LINE.split(_after_last(_ANSWER, text), maxsplit=1)[0]
    if plain:
        yield "said", _after_last(_SAID, text)
    yield "whole", text


def _after_last(mark: re.Pattern[str], text: str) -> str:
    end = -1
    for match in mark.finditer(text):
        end = match.end()
    return text[end:].strip() if end >= 0 else ""
