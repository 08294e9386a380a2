"""Options in a seeded order: the question shows it, and the expected answer goes along."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from evalrun.data.places import Places
from evalrun.data.prompt import Prompt, PromptWriter
from evalrun.data.samples import samples
from evalrun.data.shuffle import followed
from evalrun.data.source import Inline
from evalrun.errors import SuiteError
from evalrun.types import Sample

CITIES = ("Rome", "Paris", "Bonn", "Oslo")
LISTED = {
    "template": "{{ q }}\n{% for o in options %}{{ 'ABCD'[loop.index0] }}) {{ o }}\n{% endfor %}",
    "expected": "{{ answer }}",
    "choices": "options",
}


def written(prompt: dict[str, Any], row: dict[str, Any], seed: int = 0) -> Sample:
    return PromptWriter(Prompt.model_validate_json(json.dumps(prompt | {"shuffle": seed})), task="t").sample(row, 1)


def test_the_expected_letter_follows_its_option() -> None:
    """Whatever the order, the letter names Paris, in the question and among the choices; all orders occur.

    240 seeds, each place 60 times expected, standard deviation sqrt(240 * 1/4 * 3/4) = 6.7; four of them allowed.
    """
    row = {"q": "Capital of France?", "options": list(CITIES), "answer": "B"}
    places: Counter[int] = Counter()
    for seed in range(240):
        sample = written(LISTED, row, seed)
        assert sample.expected is not None
        place = "ABCD".index(sample.expected)
        assert sample.choices[place] == "Paris"
        assert f"{sample.expected}) Paris\n" in sample.messages[-1].content
        assert sorted(sample.choices) == sorted(CITIES)
        places[place] += 1
    assert all(abs(times - 60) < 4 * 6.7 for times in places.values())
    assert len(places) == 4
    assert row["options"] == list(CITIES)


def test_options_may_be_nested_or_fields_of_their_own() -> None:
    """ARC keeps texts and labels in one field, tables have a column for each option."""
    arc = {"q": "?", "choices": {"text": list(CITIES), "label": list("ABCD")}, "key": "B"}
    prompt = {
        "template": "{{ q }}{% for t in choices.text %} {{ choices.label[loop.index0] }}:{{ t }}{% endfor %}",
        "expected": "{{ key }}",
        "choices": "choices.text",
    }
    sample = written(prompt, arc, 3)
    assert f" {sample.expected}:Paris" in sample.messages[-1].content
    table = {"q": "?", **dict(zip("ABCD", CITIES, strict=True)), "key": "b"}
    prompt = {
        "template": "{{ q }} a={{ A }} b={{ B }} c={{ C }} d={{ D }}",
        "expected": "{{ key }}",
        "choices": ["{{ A }}", "{{ B }}", "{{C}}", "{{ D }}"],
    }
    sample = written(prompt, table, 3)
    assert f" {sample.expected}=Paris" in sample.messages[-1].content
    assert sample.expected in "abcd"


def test_the_order_is_the_questions_own() -> None:
    """It depends on the seed and the question, not on where the row stands; questions alike in options differ."""
    rows = [{"q": f"question {n}", "options": list(CITIES), "answer": "B"} for n in range(30)]

    def orders(given: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
        source = Inline.model_validate_json(json.dumps({"kind": "inline", "rows": given}))
        prompt = Prompt.model_validate_json(json.dumps(LISTED | {"shuffle": 1, "id": "{{ q }}"}))
        return {each.id: each.choices for each in samples("t", source, prompt, Places(root=Path()))}

    assert orders(rows) == orders(rows[::-1])
    assert len(set(orders(rows).values())) > 10


@pytest.mark.parametrize("last", ["None of the above", "Both A and B", "all of the others", "A, C", "either b or c"])
def test_options_that_name_others_by_place_stay(last: str) -> None:
    """Elsewhere they would say something else."""
    row = {"q": "?", "options": [*CITIES[:3], last], "answer": "D"}
    for seed in range(8):
        sample = written(LISTED, row, seed)
        assert (sample.choices, sample.expected) == ((*CITIES[:3], last), "D")


@pytest.mark.parametrize(
    ("expected", "options", "right"),
    [
        ("B", CITIES, "A"), ("b", CITIES, "a"), ("1", CITIES, "0"), (" 3 ", CITIES, "2"), ("Paris", CITIES, "Paris"),
        ("E", CITIES, "is no option's"), ("4", CITIES, "is no option's"), ("Wien", CITIES, "is no option's"),
        ("(B)", CITIES, "is no option's"), ("1", ("0", "1", "2", "3"), "may be an option's"),
        ("B", ("A", "B", "C", "D"), "may be an option's"),
    ],
)  # fmt: skip
def test_what_an_expected_answer_may_be(expected: str, options: tuple[str, ...], right: str) -> None:
    """A letter in its case, an index from 0, or a text. The order is 1, 2, 3, 0: what was second comes first.

    What could be read in two ways, or in none, is refused instead of guessed.
    """
    order = [1, 2, 3, 0]
    if " " not in right:
        assert followed(expected, options, order) == right
        return
    with pytest.raises(SuiteError, match=f"{right}.*give it as a letter, or remove `shuffle`"):
        followed(expected, options, order)


def test_a_question_that_does_not_show_its_options_is_refused() -> None:
    """Its letters would change and its text would not."""
    row = {"q": "Which? A) Rome B) Paris", "options": ["Rome", "Paris"], "answer": "B"}
    prompt = LISTED | {"template": "{{ q }}"}
    with pytest.raises(SuiteError, match=r"^tasks\.t\.prompt\.shuffle: row 1: the question does not show its options;"):
        [written(prompt, row, seed) for seed in range(20)]
    for choices in (None, "options | reverse", ["{{ A }} ", "x"]):
        with pytest.raises(ValidationError, match="`shuffle` needs `choices`"):
            Prompt.model_validate_json(json.dumps(LISTED | {"choices": choices, "shuffle": 0}))
