"""Values made up for a JSON Schema are valid against it, by jsonschema's own judgement, or there is none."""

import contextlib
import random
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from evalrun.targets.simulator.plausible import SchemaError, plausible, strict_problem


def made(schema: Any, seed: int = 0, **hints: Any) -> Any:
    return plausible(schema, random.Random(seed), **hints)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Leaf(BaseModel):
    kind: Literal["leaf"]
    weight: Annotated[float, Field(gt=0, lt=0.5)]
    code: Annotated[str, Field(min_length=12, max_length=12)]


class Branch(BaseModel):
    kind: Literal["branch"]
    children: list["Branch | Leaf"] = []
    colour: Colour | None
    tags: Annotated[set[int], Field(min_length=3)]
    pair: tuple[int, str]


class Tree(BaseModel):
    root: Annotated[Branch | Leaf, Field(discriminator="kind")]
    maybe: dict[str, int] | None = None


SCHEMAS: list[Any] = [
    {}, True, {"type": "object"}, {"type": ["null", "integer"]}, {"type": "string", "nullable": True},
    {"enum": [None, 3, "x", {"a": 1}]}, {"const": [1, 2]}, {"type": "integer", "enum": ["a", 2]},
    {"type": "integer", "minimum": 7, "maximum": 7}, {"type": "integer", "exclusiveMinimum": 200},
    {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5}, {"type": "integer", "multipleOf": 1000},
    {"type": "integer", "multipleOf": 2.5, "minimum": 101}, {"type": "number", "minimum": 0.25, "maximum": 0.5},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, {"type": "integer", "maximum": -1000},
    {"type": "string", "minLength": 300}, {"type": "string", "maxLength": 0}, {"type": "string", "maxLength": 2},
    {"type": "array", "items": {"type": "integer"}, "minItems": 5, "uniqueItems": True},
    {"type": "array", "maxItems": 0}, {"type": "array", "prefixItems": [{"type": "string"}, {"type": "null"}]},
    {"properties": {"a": {"type": "integer"}}, "required": ["a", "b"]},
    {"type": "object", "required": ["z"], "additionalProperties": {"type": "boolean"}},
    {"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"properties": {"b": {}}, "required": ["b"]}]},
    {"anyOf": [{"type": "string", "pattern": "^x"}, {"type": "integer"}]},
    {"oneOf": [{"type": "integer"}, {"type": "string"}]},
    {"type": "object", "properties": {"a": {"type": "string", "pattern": "x+"}, "b": {"type": "null"}}},
    {"$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
    {"$defs": {"n": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"],
                     "additionalProperties": False}}, "$ref": "#/$defs/n", "description": "a note beside it"},
    {"$defs": {"a/b~c": {"type": "null"}}, "$ref": "#/$defs/a~1b~0c"},
    {"type": "array", "items": {"$ref": "#"}, "minItems": 0},
    Tree.model_json_schema(), Branch.model_json_schema(),
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS)
def test_values_are_valid(schema: Any) -> None:
    """With any dice, with and without words to use, in full and lean."""
    valid = Draft202012Validator(schema).is_valid
    for seed in range(30):
        hints = {"text": "Between -3 and 12.5, ask Ada in Paris: 7 or 200?", "answer": "42"} if seed % 2 else {}
        value = made(schema, seed, lean=seed % 3 == 0, **hints)
        assert valid(value) or (value is None and schema.get("nullable")), value


@pytest.mark.parametrize("form", ["date", "date-time", "time", "email", "ipv4", "ipv6", "uuid"])
def test_formats_are_kept(form: str) -> None:
    """By jsonschema's checkers."""
    schema = {"type": "string", "format": form}
    assert Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).is_valid(made(schema))


IMPOSSIBLE: list[Any] = [
    False, 7, {"$ref": "#/nowhere"}, {"$ref": "https://example.com/s"}, {"$ref": "#"}, {"enum": []},
    {"type": "strange"}, {"type": "string", "pattern": "^a$"}, {"not": {}}, {"type": "integer", "minimum": "1"},
    {"type": "integer", "minimum": 2, "maximum": 1},
    {"type": "string", "minLength": 2, "maxLength": 1},
    {"type": "array", "items": {"type": "null"}, "minItems": 2, "uniqueItems": True}, {"type": "object", "required": 1},
    {"type": "array", "minItems": 10**12}, {"type": "string", "minLength": 10**12},
    {"type": "object", "minProperties": 3},
    {"oneOf": [{"type": "integer"}, {"type": "number"}]}, {"anyOf": []}, {"anyOf": 3},
    {"allOf": [{"minimum": 1}, {"minimum": 2}]}, {"type": "object", "required": ["a"], "additionalProperties": False},
    {"$defs": {"n": {"required": ["next"], "properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
]  # fmt: skip


@pytest.mark.parametrize("schema", IMPOSSIBLE)
def test_what_cannot_be_made_up_is_said(schema: Any) -> None:
    """Contradictions, what is not supported, endless references: an error, soon."""
    with pytest.raises(SchemaError):
        made(schema)


def test_a_schema_that_grows_without_end_is_given_up() -> None:
    """20 optional properties, each with the whole schema again, would be 20^8 values: it ends, and fits."""
    schema = {"type": "object", "properties": {f"p{i}": {"$ref": "#"} for i in range(20)}}
    assert Draft202012Validator(schema).is_valid(made(schema))
    needed = {**schema, "required": ["p0", "p1"]}
    with pytest.raises(SchemaError):
        made(needed)


def test_the_questions_words_are_used() -> None:
    """Numbers in order where they are within bounds, names where text is free, the answer where one is asked for."""
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "integer"}, "b": {"type": "integer", "maximum": 10}, "c": {"type": "number"},
            "who": {"type": "string"}, "answer": {"type": "integer"}, "result": {"type": "string"},
        },
    }  # fmt: skip
    value = made(schema, text="Let Ada pay 30 and 4 and 2.5.", answer="42")
    assert value == {"a": 30, "b": 4, "c": 2.5, "who": "Ada", "answer": 42, "result": "42"}
    assert made(schema, text="", answer="A")["result"] == "A"


def test_the_question_chooses_from_an_enum() -> None:
    """A value that it names; of several the first of the schema."""
    schema = {"enum": ["Rome", "Paris", "Oslo"]}
    for seed in range(9):
        assert plausible(schema, random.Random(seed), text="The weather in Paris?") == "Paris"
        assert plausible(schema, random.Random(seed), text="paris or rome?") == "Rome"


def test_strict_schemas_list_every_property() -> None:
    """At every depth; other schemas are told where they are not strict."""
    leaf = {"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}
    tree = {**leaf, "properties": {"a": {"anyOf": [{"type": "array", "items": leaf}, {"type": "null"}]}}}
    assert strict_problem(tree) is None
    assert strict_problem({"type": "array"}) == "schema must be a JSON Schema of 'type: \"object\"'"
    loose = {**leaf, "properties": {"a": {"type": "object", "properties": {}}}}
    assert strict_problem(loose) == (
        "In context=('properties', 'a'), 'additionalProperties' is required to be supplied and to be false"
    )
    few = {**leaf, "properties": {"a": {}, "b": {}}}
    assert strict_problem(few) == "In context=(), 'required' must include every key in properties. Missing 'b'"
    named = {**leaf, "properties": {"properties": {"type": "string"}}, "required": ["properties"]}
    assert strict_problem(named) is None


def schemas() -> st.SearchStrategy[Any]:
    """Return a strategy for schemas of all supported keywords, possible or not."""
    small = st.integers(-3, 6)
    numbers = st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={
            "minimum": small, "maximum": small, "exclusiveMinimum": small, "exclusiveMaximum": small,
            "multipleOf": st.sampled_from([1, 2, 0.5, 3, 7]), "enum": st.lists(small, min_size=1),
        },
    )  # fmt: skip
    size = st.integers(0, 4)
    texts = st.fixed_dictionaries({"type": st.just("string")}, optional={"minLength": size, "maxLength": size})
    plain = st.sampled_from([{"type": "null"}, {"type": "boolean"}, {"const": "k"}, {}, True])
    names = st.sampled_from(["a", "b", "answer"])

    def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        arrays = st.fixed_dictionaries(
            {"type": st.just("array"), "items": inner},
            optional={"minItems": size, "maxItems": size, "uniqueItems": st.booleans(), "prefixItems": st.lists(inner)},
        )
        objects = st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(names, inner)},
            optional={
                "required": st.lists(names, unique=True), "minProperties": size, "maxProperties": size,
                "additionalProperties": st.one_of(st.booleans(), inner),
            },
        )  # fmt: skip
        choices = st.lists(inner, min_size=1, max_size=3)
        mixed = [st.fixed_dictionaries({word: choices}) for word in ("anyOf", "oneOf", "allOf")]
        return st.one_of(arrays, objects, *mixed)

    return st.recursive(st.one_of(numbers, texts, plain), nested, max_leaves=8)


@given(schema=schemas(), seed=st.integers(0, 3), lean=st.booleans())
def test_a_value_is_valid_or_refused(schema: Any, seed: int, lean: bool) -> None:
    """Never a value that jsonschema rejects."""
    try:
        value = made(schema, seed, lean=lean, text="Of 2 and 0.5: ask Bo", answer="4")
    except SchemaError:
        return
    assert Draft202012Validator(schema).is_valid(value), value


WORDS = [
    "type", "enum", "const", "properties", "required", "additionalProperties", "items", "prefixItems", "minItems",
    "maxItems", "uniqueItems", "minLength", "maxLength", "minimum", "maximum", "multipleOf", "exclusiveMinimum",
    "anyOf", "oneOf", "allOf", "$ref", "$defs", "format", "nullable", "minProperties", "maxProperties", "title",
]  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["object", "array", "#"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(schema=ANYTHING)
def test_anything_may_be_called_a_schema(schema: Any) -> None:
    """A value, or SchemaError; no other error."""
    strict_problem(schema)
    with contextlib.suppress(SchemaError):
        made(schema, text="1 2", answer="3")
