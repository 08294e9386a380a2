"""How a row becomes a sample: the prompt block of a task, and the writer compiled from it. Reads no data.

Templates are Jinja's, sandboxed and strict (`data.template`).
"""

import datetime
import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Literal, Self

import msgspec
from pydantic import Field, model_validator

from evalrun.data.places import Places, Row
from evalrun.data.portion import Rows, draw
from evalrun.data.shuffle import fields_of_choices, followed, order_of, reordered
from evalrun.data.source import Source
from evalrun.errors import SuiteError, closest
from evalrun.spec import Spec
from evalrun.types import Json, Message, Sample

ID_FIELDS = ("id", "unique_id")


class Turn(Spec):
    """One message of a conversation; `content` is a template."""

    role: Literal["system", "user", "assistant"]
    """Who says it."""
    content: str
    """Template of the text."""


class FewShot(Spec):
    """A few-shot example, sent as written."""

    user: str
    """The question."""
    assistant: str
    """The answer."""


class FewShotRows(Spec):
    """Few-shot examples from rows: `template` is the question of each, `answer` or `expected` its answer."""

    data: Source | None = None
    """Another file or split; by default the task's own rows. A row that is an example is not asked."""
    n: int = Field(ge=1, le=1000)
    """How many."""
    seed: int | None = Field(default=None, ge=0, le=999_999_999)
    """Draws them at random; without it they are the first ones."""

    def rows(self, own: Rows, places: Places, *, where: str) -> list[Row]:
        """Return the examples. own: the source of the task."""
        source: Rows = self.data or own
        if self.seed is None:
            found = list(islice(source.rows(places), self.n))
        else:
            drawn = draw(source.rows(places), self.n, seed=self.seed)
            numbered = islice(enumerate(source.rows(places), start=1), max(drawn.numbers, default=0))
            found = [row for number, row in numbered if number in drawn.numbers]
        if len(found) < self.n:
            raise SuiteError(f"{where}: has {len(found)} rows, and n is {self.n}; lower n")
        return found


class Prompt(Spec):
    """What is asked for each row: `template` for one user message, or `turns` for a whole conversation."""

    system: str | None = None
    """Template of the system message."""
    template: str | None = None
    """Template of the user message, e.g. `{{ question }}`. `{{ row["any name"] }}` and `{{ row_number }}` work too."""
    examples: tuple[FewShot | dict[str, Any], ...] = ()
    """Few-shot examples before the question: `{user, assistant}` texts, or rows for `template` and `answer`."""
    few_shot: FewShotRows | None = None
    """Few-shot examples from rows of a file, another split, or the task's own data; they follow `examples`."""
    answer: str | None = None
    """Template of the assistant message of an example given as a row; by default `expected`."""
    turns: tuple[Turn, ...] = ()
    """A conversation instead of `template`; the last turn is the user's."""
    expected: str | None = None
    """Template of the expected answer, e.g. `{{ answer }}`."""
    choices: str | tuple[str, ...] | None = None
    """Options of a multiple-choice question: an expression for a list (`options`), or a template for each option."""
    shuffle: int | None = Field(default=None, ge=0, le=999_999_999)
    """Seed by which the options of each row are reordered; an expected letter, or index from 0, follows. `choices` is
    then a field that holds them, or a list of fields as `{{ A }}`, and the question shows them."""
    id: str | None = None
    """Template of the sample's id; by default the row's `id` or `unique_id`, else its number."""
    meta: tuple[str, ...] = ()
    """Fields of the row to keep with the sample, for grouping."""

    @model_validator(mode="after")
    def _one_way_to_ask(self) -> Self:
        if (self.template is None) == (not self.turns):
            raise ValueError("set either `template` or `turns`")
        if self.turns and self.turns[-1].role != "user":
            raise ValueError("the last turn must have the role `user`")
        rows = self.few_shot is not None or any(not isinstance(example, FewShot) for example in self.examples)
        if rows and (self.template is None or (self.answer or self.expected) is None):
            raise ValueError("examples given as rows need `template`, and `answer` or `expected`")
        if self.shuffle is not None and not fields_of_choices(self.choices):
            raise ValueError("`shuffle` needs `choices`: a field, e.g. `options`, or a list of fields, e.g. `{{ A }}`")
        return self


class PromptWriter:
    """A compiled prompt block: writes the sample of a row."""

    def __init__(self, prompt: Prompt, *, task: str, few_shot: Sequence[Row] = ()) -> None:
        """Compile a prompt. few_shot: the rows of its few-shot examples."""
        from evalrun.data.template import Expression, Template

        where = f"tasks.{task}.prompt"

        def compiled(name: str, text: str | None) -> Template | None:
            return None if text is None else Template(text, where=f"{where}.{name}")

        self._task, self._where, self._meta = task, where, prompt.meta
        self._template = compiled("template", prompt.template)
        self._system = compiled("system", prompt.system)
        self._expected = compiled("expected", prompt.expected)
        self._id = compiled("id", prompt.id)
        self._turns = [
            (turn.role, Template(turn.content, where=f"{where}.turns[{index}]"))
            for index, turn in enumerate(prompt.turns)
        ]
        self._choices: Expression | list[Template] = (
            Expression(prompt.choices, where=f"{where}.choices")
            if isinstance(prompt.choices, str)
            else [Template(text, where=f"{where}.choices[{i}]") for i, text in enumerate(prompt.choices or ())]
        )
        answer = compiled("answer", prompt.answer) or self._expected
        self._examples = self._written((*prompt.examples, *few_shot), answer)
        self._shuffle, self._fields = prompt.shuffle, fields_of_choices(prompt.choices)

    def sample(self, row: Row, number: int) -> Sample:
        """Return the sample of row `number` (counted from 1)."""
        expected = self._filled("expected", self._expected(row, number), number) if self._expected else None
        sample = Sample(
            task=self._task,
            id=self._name(row, number),
            messages=self._messages(row, number),
            expected=expected,
            choices=self._options(row, number),
            meta={name: self._kept(name, row, number) for name in self._meta},
        )
        return sample if self._shuffle is None else self._shuffled(sample, row, number, seed=self._shuffle)

    def _options(self, row: Row, number: int) -> tuple[str, ...]:
        if isinstance(self._choices, list):
            return tuple(each(row, number) for each in self._choices)
        return self._choices(row, number)

    def _shuffled(self, sample: Sample, row: Row, number: int, *, seed: int) -> Sample:
        """Return a sample with its options in a seeded order, the question and the expected answer with them."""
        where = f"{self._where}.shuffle: row {number}"
        order = order_of(sample.choices, sample.messages[-1].content, seed=seed)
        other = reordered(row, self._fields, order)
        messages, options = self._messages(other, number), self._options(other, number)
        if options != sample.choices and messages == sample.messages:
            raise SuiteError(f"{where}: the question does not show its options; print the fields of `choices` in it")
        try:
            expected = None if sample.expected is None else followed(sample.expected, sample.choices, order)
        except SuiteError as error:
            raise SuiteError(f"{where}: {error}") from None
        return msgspec.structs.replace(sample, messages=messages, choices=options, expected=expected)

    def _written(self, examples: tuple[FewShot | dict[str, Any], ...], answer: Any) -> tuple[Message, ...]:
        """Return the few-shot messages, which are the same for every row."""
        messages: list[Message] = []
        for number, example in enumerate(examples, start=1):
            if isinstance(example, FewShot):
                user, assistant = example.user, example.assistant
            else:
                assert self._template is not None  # checked by the prompt's validator
                user, assistant = self._template(example, number), answer(example, number)
            messages += (Message(role="user", content=user), Message(role="assistant", content=assistant))
        return tuple(messages)

    def _messages(self, row: Row, number: int) -> tuple[Message, ...]:
        system = (Message(role="system", content=self._system(row, number)),) if self._system else ()
        if self._template:
            question = self._filled("template", self._template(row, number), number)
            return (*system, *self._examples, Message(role="user", content=question))
        turns = (Message(role=role, content=content(row, number)) for role, content in self._turns)
        return (*system, *self._examples, *turns)

    def _filled(self, name: str, text: str, number: int) -> str:
        if not text.strip():
            raise SuiteError(f"{self._where}.{name}: row {number}: is blank; check the field, or remove the row")
        return text

    def _name(self, row: Row, number: int) -> str:
        if self._id:
            return self._filled("id", self._id(row, number), number)
        return next((str(row[name]) for name in ID_FIELDS if row.get(name) is not None), str(number))

    def _kept(self, name: str, row: Row, number: int) -> Json:
        where = f"{self._where}.meta: row {number}"
        if name not in row:
            raise SuiteError(f"{where}: no field {name!r}; the fields are {', '.join(row)}{closest(name, row)}")
        try:
            return plain(row[name])
        except TypeError as error:
            raise SuiteError(f"{where}: field {name!r} {error}; remove it from `meta`") from None


def plain(value: Json) -> Json:
    """Return `value` as portable JSON: decimals, dates and integers beyond 64 bits become text."""
    if value is None or isinstance(value, str | bool) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, Decimal | datetime.date | datetime.time):
        return str(value)
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    raise TypeError(f"is {value!s:.40} ({type(value).__name__}), which JSON cannot represent")
