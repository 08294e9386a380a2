"""Answers about long prompts: everything right is 1, nothing is 0, naming everything is worth nearly nothing."""

import re
import time
from typing import Any

import pytest

from evalrun.data.context.aggregation import CommonWords, FrequentWords
from evalrun.data.context.michelangelo import ListOperations, RecallProbe
from evalrun.data.context.probe import Probe
from evalrun.data.context.retrieval import KeyValue, Needle, Passkey
from evalrun.data.context.tracing import Facts, Graph, Variables
from evalrun.score.context import agreement, claims, common_share, shape
from evalrun.score.spec import ItemsScorer, RecallScorer
from evalrun.types import Completion, Message, Sample, Score

NET, F1, ORDER = (ItemsScorer(kind="items", rule=rule) for rule in ("net", "f1", "order"))
WORD_FOR_WORD = RecallScorer(kind="recall")
CASES: dict[str, tuple[Probe, ItemsScorer | RecallScorer]] = {
    "needle": (Needle(kind="needle"), NET),
    "needle_noise": (Needle(kind="needle", haystack="noise"), NET),
    "needle_uuids": (Needle(kind="needle", value="uuids"), NET),
    "needle_4_keys": (Needle(kind="needle", keys=4), NET),
    "needle_needles": (Needle(kind="needle", haystack="needles"), NET),
    "needle_needles_uuids": (Needle(kind="needle", haystack="needles", key="uuids", value="uuids"), NET),
    "needle_4_values": (Needle(kind="needle", values=4), NET),
    "needle_4_queries": (Needle(kind="needle", keys=4, queries=4), NET),
    "variables": (Variables(kind="variables", hops=4), NET),
    "common_words": (CommonWords(kind="common_words"), NET),
    "frequent_words": (FrequentWords(kind="frequent_words"), NET),
    "passkey": (Passkey(kind="passkey"), NET),
    "key_value": (KeyValue(kind="key_value"), NET),
    "facts": (Facts(kind="facts"), NET),
    "bfs": (Graph(kind="graph"), F1),
    "parents": (Graph(kind="graph", operation="parents"), F1),
    "list": (ListOperations(kind="list_operations"), ORDER),
    "list_2": (ListOperations(kind="list_operations", changes=2), ORDER),
    "list_sum": (ListOperations(kind="list_operations", view="sum"), ORDER),
    "list_max": (ListOperations(kind="list_operations", view="max"), ORDER),
    "recall": (RecallProbe(kind="recall"), WORD_FOR_WORD),
    "recall_8": (RecallProbe(kind="recall", needles=8), WORD_FOR_WORD),
}


def candidates(name: str, row: dict[str, Any]) -> list[str]:
    """Return what a text offers as an answer: its words of the same form, its names, its numbers or its texts."""
    text = row["prompt"].rpartition("\n\n")[0]
    if name.startswith("recall"):
        return re.findall("^Assistant: (.*)$", text, re.MULTILINE)
    if name == "facts" or name.startswith("list"):
        return list(dict.fromkeys(re.findall(r"\b(?:[A-Z][a-z]{4}|\d\d)\b", text)))
    like, words = row["answers"][0].casefold(), dict.fromkeys(re.findall(r"[\w-]+", text))
    return [word for word in words if len(word) == len(like) and shape(word.casefold()) == shape(like)]


def judged(scorer: ItemsScorer | RecallScorer, expected: str | None, text: str, prompt: str = "") -> Score:
    messages = (Message(role="user", content=prompt),)
    return scorer(Sample(task="t", id="1", messages=messages, expected=expected), Completion(text=text))


@pytest.mark.parametrize("name", CASES)
def test_oracle_empty_and_dump(name: str) -> None:
    """1, 0 and under 0.3: for the bare answer, the asked form, thinking aloud, and for ways to name everything."""
    probe, scorer = CASES[name]
    for index in range(40):
        row = probe.build(index, units=probe.min_units + index % 9)
        prompt, answer, numbers = row["prompt"], row["answer"], re.findall(r"[\w-]*\d[\w-]*", row["prompt"])
        offered = candidates(name, row)
        assert set(offered) - set(row["answers"])
        everything = " ".join(offered)
        oracles = [answer, f"<think>{everything}</think>{answer}"]
        dumps = [everything, ", ".join(reversed(offered)), " ".join(numbers), prompt]
        if scorer is WORD_FOR_WORD:
            dumps = [f"{answer.split()[0]} {text}" for text in dumps]
        else:
            question = prompt.rpartition("\n\n")[2]
            oracles += [
                f"Answer: {answer}",
                f"**Answer:** [{answer}].",
                f"{question}\n\nAnswer: {answer}\n\nDone, at 9.",
            ]
            oracles += [f"First {everything}, but then\nFinal answer: {answer}"]
            dumps += [f"Answer: {everything}", f"Answer:\n{everything}"]
        assert [judged(scorer, answer, text, prompt).value for text in oracles] == [1.0] * len(oracles)
        assert [judged(scorer, answer, text, prompt).value for text in ("", " \n", "I do not know.")] == [0.0] * 3
        for text in dumps:
            assert judged(scorer, answer, text, prompt).value < 0.3, text  # type: ignore[operator]


@pytest.mark.parametrize(
    ("found", "values"),
    [
        # expected: a b c d             net   f1       order
        (["a", "b", "c", "d"], (1.0, 1.0, 1.0)),
        (["d", "c", "b", "a"], (1.0, 1.0, 0.0)),
        (["a", "b", "c", "d", "a"], (1.0, 1.0, 0.0)),
        (["a", "b"], (0.5, 2 * 2 / (2 + 4), 0.0)),
        (["a", "b", "c", "x"], (0.5, 2 * 3 / (4 + 4), 0.0)),
        (["a", "x", "y"], (0.0, 2 * 1 / (3 + 4), 0.0)),
        ([], (0.0, 0.0, 0.0)),
    ],
)
def test_the_three_rules(found: list[str], values: tuple[float, float, float]) -> None:
    """Each by its formula; a repeated item counts once, but not where the order counts."""
    expected = ["a", "b", "c", "d"]
    assert tuple(agreement(found, expected, rule=rule) for rule in ("net", "f1", "order")) == values


@pytest.mark.parametrize(
    ("text", "expected", "items", "rule"),
    [
        ("The special magic number for old-bridge is: 1234567.", ["7654321"], ["1234567"], "whole"),
        ("It is **1,234,567**", ["1234567"], ["1234567"], "whole"),
        ("1,234,567, 7,654,321", ["1234567", "7654321"], ["1234567", "7654321"], "whole"),
        ("I found 4 of them in 12 lines: 1234567", ["1234567"], ["1234567"], "whole"),
        ("Answer: 12,34, 56", ["12", "34", "56"], ["12", "34", "56"], "marked"),
        ("12,345", ["12", "345"], ["12", "345"], "whole"),
        ("Answer:\n1. K4821\n2. j0034\n\nK9999 is wrong", ["k4821"], ["k4821", "j0034"], "marked"),
        ("K1111, no: the answer is K4821", ["k4821"], ["k4821"], "marked"),
        (r"So \boxed{K4821, J0034}. Answer: K1", ["k4821"], ["k4821", "j0034"], "boxed"),
        ("Answer: see above. K4821", ["k4821"], ["k4821"], "marked"),
        ("The sister of Clara is Henry.", ["henry"], ["henry"], "said"),
        ("Henry is the sister of Clara.", ["henry"], ["henry"], "whole"),
        ("Henry", ["henry"], ["henry"], "whole"),
        ("27405123-0000-1111-2222-333344445555", ["0" * 8 + "-0000-0000-0000-" + "1" * 12],
         ["27405123-0000-1111-2222-333344445555"], "whole"),
        ("Answer: nothing", ["1234567"], [], "none"),
    ],
)  # fmt: skip
def test_what_an_answer_claims(text: str, expected: list[str], items: list[str], rule: str) -> None:
    """Words of the expected shape and length, from the best part of the answer, but not what the question says."""
    assert claims(text, expected, question="Who is the sister of Clara?") == (items, rule)


def test_a_repeated_question_claims_nothing() -> None:
    """The key that was asked for looks like a value; saying it again is no wrong answer, saying another key is."""
    prompt = "{...}\n\nWhat is the value of 11111111-2222?"
    said = "The value of 11111111-2222 is 33333333-4444"
    assert judged(NET, "33333333-4444", said, prompt).value == 1
    assert judged(NET, "33333333-4444", said + " and not 55555555-6666", prompt).value == 0
    assert judged(NET, "11111111-2222", "11111111-2222", prompt).value == 1


def test_shapes() -> None:
    """Runs of letters and digits, in their order."""
    assert [shape(word) for word in ("k4821", "1234567", "henry", "vivid-bridge", "12-34", "4k")] == [
        "a0", "0", "a", "a-a", "0-0", "0a",
    ]  # fmt: skip


def test_word_for_word() -> None:
    """The given beginning is needed; then 2 x common words in order / all words."""
    expected = "12345678 red lake blue road"
    assert judged(WORD_FOR_WORD, expected, expected + "\n").value == 1
    assert judged(WORD_FOR_WORD, expected, "12345678red lake blue road").value == 1
    assert judged(WORD_FOR_WORD, expected, "red lake blue road").value == 0
    assert judged(WORD_FOR_WORD, expected, "12345678").value == 0
    assert judged(WORD_FOR_WORD, expected, "12345678 red blue").value == pytest.approx(2 * 2 / (4 + 2))
    assert judged(WORD_FOR_WORD, expected, "12345678 road blue lake red").value == 2 * 1 / (4 + 4)
    assert judged(WORD_FOR_WORD, expected, "12345678 red lake blue road and more red road").value == 2 * 4 / (4 + 8)


def test_the_wrong_text_has_little_in_common() -> None:
    """Each other text of the same conversation scores under 0.3, the best of all below a third."""
    row = RecallProbe(kind="recall").build(0, units=300)
    (right,) = row["answers"]
    assert sorted(common_share(text, right) for text in candidates("recall", row))[-2] < 1 / 3


def common(one: list[str], other: list[str]) -> int:
    """Length of the longest common sequence, by the table that every textbook has."""
    row = [0] * (len(other) + 1)
    for word in one:
        above = row[:]
        for n, each in enumerate(other, start=1):
            row[n] = above[n - 1] + 1 if word == each else max(above[n], row[n - 1])
    return row[-1]


def test_the_common_share_is_the_textbooks() -> None:
    """Equal to 2 c / (n + m) with c from the quadratic table, for texts of up to 40 words from a few."""
    for seed in range(300):
        words = [chr(97 + (seed * 7919 + n * n * 31 + n * seed) % (2 + seed % 7)) for n in range(80)]
        one, other = words[: seed % 41], words[41 : 41 + (seed * 3) % 39]
        total = len(one) + len(other)
        assert common_share(" ".join(one), " ".join(other)) == (2 * common(one, other) / total if total else 0)


def test_long_answers_do_not_hang() -> None:
    """A runaway answer of a million words is compared in time linear in its words, and claims stay linear too."""
    start = time.process_time()
    expected = " ".join(f"w{n}" for n in range(200))
    assert common_share("w1 w2 w3 " * 333_333, expected) < 0.01
    assert judged(NET, "1234567", "1,234," * 200_000 + "-" * 100_000 + "answer " * 100_000).value == 0
    assert judged(NET, "abcde", ": is " * 200_000 + r"\boxed{" * 50_000).value == 0
    assert time.process_time() - start < 60


@pytest.mark.parametrize("scorer", [NET, F1, ORDER, WORD_FOR_WORD])
@pytest.mark.parametrize("expected", [None, "", " , "])
def test_without_an_expected_answer_there_is_no_score(scorer: ItemsScorer | RecallScorer, expected: str | None) -> None:
    """The data's fault is never a wrong answer."""
    score = judged(scorer, expected, "1234567")
    assert (score.value, score.error) == (None, "scorer")
