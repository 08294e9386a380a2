"""A prompt block and a row make a sample: messages in order, expected answer, choices, id, meta."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from evalrun.data.prompt import Prompt, PromptWriter
from evalrun.errors import SuiteError
from evalrun.types import Message, Sample


def sample(row: dict[str, Any], **prompt: Any) -> Sample:
    return PromptWriter(Prompt.model_validate(prompt, strict=False), task="t").sample(row, 3)


def test_system_examples_and_question_stand_in_order() -> None:
    """Few-shot examples as texts and as rows; the rows are rendered by the same template."""
    got = sample(
        {"question": "3+3", "answer": "6"},
        system="Be {{ mood | default('brief') }}.",
        template="Q: {{ question }}",
        examples=[{"user": "{{ not a template }}", "assistant": "ok"}, {"question": "1+1", "answer": "2"}],
        answer="A: {{ answer }}",
        expected="{{ answer }}",
    )
    assert got.messages == (
        Message(role="system", content="Be brief."),
        Message(role="user", content="{{ not a template }}"),
        Message(role="assistant", content="ok"),
        Message(role="user", content="Q: 1+1"),
        Message(role="assistant", content="A: 2"),
        Message(role="user", content="Q: 3+3"),
    )
    assert (got.task, got.id, got.expected) == ("t", "3", "6")


def test_turns_make_a_conversation() -> None:
    """Each turn is a template of its own."""
    spoken = (("user", "{{ a }}"), ("assistant", "ok"), ("user", "{{ b }}"))
    turns = [{"role": role, "content": text} for role, text in spoken]
    got = sample({"a": "1", "b": "2"}, turns=turns)
    said = [(message.role, message.content) for message in got.messages]
    assert said == [("user", "1"), ("assistant", "ok"), ("user", "2")]


def test_choices_come_from_a_field_or_from_templates() -> None:
    """Both spellings of a multiple-choice question."""
    row = {"q": "?", "options": ["x", "y"], "a": "p", "b": "r"}
    assert sample(row, template="{{ q }}", choices="options").choices == ("x", "y")
    assert sample(row, template="{{ q }}", choices=["{{ a }}", "{{ b }}"]).choices == ("p", "r")


@pytest.mark.parametrize(
    ("row", "prompt", "name"),
    [
        ({"id": 12}, {}, "12"),
        ({"unique_id": "u/1"}, {}, "u/1"),
        ({"id": None, "unique_id": "u"}, {}, "u"),
        ({}, {}, "3"),
        ({"id": "x", "part": 2}, {"id": "{{ id }}-{{ part }}"}, "x-2"),
    ],
)
def test_the_id_is_the_rows_own_else_its_number(row: dict[str, Any], prompt: dict[str, Any], name: str) -> None:
    """In this order: template, `id`, `unique_id`, row number."""
    assert sample(row, template="ask", **prompt).id == name


def test_meta_is_kept_as_json_without_losing_digits() -> None:
    """Decimals and integers beyond 64 bits become text, the rest stays."""
    row = {"level": 3, "big": 2**70, "d": Decimal("1.10"), "tags": ["a"], "none": None}
    assert sample(row, template="ask", meta=["level", "big", "d", "tags", "none"]).meta == {
        "level": 3, "big": "1180591620717411303424", "d": "1.10", "tags": ["a"], "none": None,
    }  # fmt: skip
    with pytest.raises(SuiteError, match=r"tasks.t.prompt.meta: row 3: no field 'levl'.*did you mean 'level'"):
        sample(row, template="ask", meta=["levl"])
    with pytest.raises(SuiteError, match="'x' is nan"):
        sample({"x": float("nan")}, template="ask", meta=["x"])


@pytest.mark.parametrize("field", ["template", "expected", "id"])
def test_a_blank_question_answer_or_id_is_refused(field: str) -> None:
    """An empty cell of a CSV file is found before it is asked."""
    prompt = {"template": "ask", field: "{{ x }}"}
    with pytest.raises(SuiteError, match=rf"tasks.t.prompt.{field}: row 3: is blank"):
        sample({"x": " "}, **prompt)


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ({}, "either `template` or `turns`"),
        ({"template": "a", "turns": [{"role": "user", "content": "b"}]}, "either `template` or `turns`"),
        ({"turns": [{"role": "assistant", "content": "b"}]}, "last turn"),
        ({"template": "a", "examples": [{"q": "1"}]}, "need `template`, and `answer`"),
    ],
)
def test_contradictory_prompts_are_refused(prompt: dict[str, Any], said: str) -> None:
    """The block is refused when it is read, not at the first row."""
    with pytest.raises(ValidationError, match=said):
        Prompt.model_validate(prompt, strict=False)
