"""A made-up value that is valid against a JSON Schema, from seeded dice and the words of the question.

Knows what schemas of answers and of function arguments use: types, enum, const, properties, items, bounds, formats,
anyOf, oneOf of distinct branches, allOf, local $ref. Everything else that would restrict a value raises SchemaError.
It is no validator.
"""

import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from evalrun.types import Json

_MOST_VALUES = 10_000
_MOST_DEPTH = 40
_ALL_DEPTH = 8  # below it only what is required
_MOST_CHARACTERS = 100_000
_REFUSED = (
    "not", "if", "then", "else", "pattern", "contains", "patternProperties", "propertyNames", "dependentRequired",
    "dependentSchemas", "dependencies", "unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef",
)  # fmt: skip
_NOTES = ("title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "$comment")
_FORMATS = {
    "date": "2026-01-31", "date-time": "2026-01-31T12:00:00Z", "time": "12:00:00Z", "duration": "P1D",
    "email": "ada@example.com", "idn-email": "ada@example.com", "hostname": "example.com", "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1", "uri": "https://example.com/a", "url": "https://example.com/a", "uri-reference": "/a",
    "uuid": "123e4567-e89b-42d3-a456-426614174000", "json-pointer": "/a", "regex": "a+", "byte": "YQ==",
}  # fmt: skip
_ANSWER_NAMES = {"answer", "final_answer", "result", "solution"}
_TYPE_OF = {  # the type that a keyword is about, where a schema does not say it
    "properties": "object", "required": "object", "additionalProperties": "object", "items": "array",
    "prefixItems": "array", "minItems": "array", "minimum": "number", "maximum": "number", "multipleOf": "number",
}  # fmt: skip

_BOUNDS = {
    *_TYPE_OF, "minLength", "maxLength", "maxItems", "uniqueItems", "minProperties", "maxProperties",
    "exclusiveMinimum", "exclusiveMaximum",
}  # fmt: skip

_SHAPES: dict[str, tuple[type, ...]] = {
    "type": (str, list), "enum": (list,), "properties": (dict,), "required": (list,), "prefixItems": (list,),
    "format": (str,), "anyOf": (list,), "oneOf": (list,), "allOf": (list,),
}  # fmt: skip

Schema = Mapping[str, Any]


class SchemaError(Exception):
    """A schema for which no value can be made up."""


def plausible(
    schema: Json, dice: random.Random, *, text: str = "", answer: str | None = None, lean: bool = False
) -> Any:
    """Return a value valid against `schema`. Raises SchemaError.

    text: the question; its numbers and names are used where they are allowed. answer: the value of a field called
    `answer`, `final_answer`, `result` or `solution`. lean: leave out what is not required.
    """
    return _Making(schema, dice, text=text[:10_000], answer=answer, lean=lean).value(schema, name="", depth=0)


def strict_problem(schema: Json) -> str | None:
    """Return why a schema is outside the subset that the API calls strict; None if it is in it.

    Every object lists all its properties as required and takes no others
    (platform.openai.com/docs/guides/structured-outputs).
    """
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return "schema must be a JSON Schema of 'type: \"object\"'"
    waiting: list[tuple[tuple[str, ...], Any]] = [((), schema)]
    while waiting:
        path, node = waiting.pop()
        context = f"In context={path}"
        if isinstance(node, list):
            waiting += [((*path, str(number)), item) for number, item in enumerate(node)]
        if not isinstance(node, dict):
            continue
        properties = node.get("properties")
        if isinstance(properties, dict) and (not path or path[-1] != "properties"):
            if node.get("additionalProperties") is not False:
                return f"{context}, 'additionalProperties' is required to be supplied and to be false"
            required = node.get("required")
            missing = [name for name in properties if not isinstance(required, list) or name not in required]
            if missing:
                return f"{context}, 'required' must include every key in properties. Missing '{missing[0]}'"
        waiting += [((*path, key), item) for key, item in node.items() if key not in ("enum", "const", "default")]
    return None


class _Making:
    """One value in the making: what is left of the budget, and of the question's words."""

    def __init__(self, root: Json, dice: random.Random, *, text: str, answer: str | None, lean: bool) -> None:
        self._root, self._dice, self._answer, self._lean = root, dice, answer, lean
        self._left = _MOST_VALUES
        self._numbers = [float(found) for found in re.findall(r"(?<![\w.])-?\d{1,15}(?:\.\d{1,9})?(?![\w])", text)]
        self._words = set(re.findall(r"\w+", text.casefold()))
        self._names = re.findall(r"(?<=[a-z,:] )[A-Z][a-z]+", text)

    def value(self, schema: Any, *, name: str, depth: int) -> Any:
        """Return a value; name: the property that it is for."""
        self._left -= 1
        if self._left < 0 or depth > _MOST_DEPTH:
            raise SchemaError("the schema is too large or nests too deeply")
        schema = _checked(schema)
        if found := next((word for word in _REFUSED if word in schema), None):
            raise SchemaError(f"'{found}' is not supported")
        if "$ref" in schema:
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return self.value(_merged(rest, self._resolve(schema["$ref"])), name=name, depth=depth + 1)
        if "allOf" in schema:
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            for part in schema["allOf"]:
                rest = _merged(rest, self._seen(part))
            return self.value(rest, name=name, depth=depth + 1)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self._branch(schema, word, name=name, depth=depth)
        return self._typed(schema, name=name, depth=depth)

    def _branch(self, schema: Schema, word: str, *, name: str, depth: int) -> Any:
        """Return a value of the first branch that has one."""
        branches = schema[word]
        if word == "oneOf" and not _distinct([self._seen(branch) for branch in branches]):
            raise SchemaError("'oneOf' with branches that may overlap is not supported")
        rest, why = {key: value for key, value in schema.items() if key != word}, "'anyOf' is empty"
        for branch in branches:
            try:
                return self.value(_merged(rest, branch), name=name, depth=depth + 1)
            except SchemaError as error:
                why = str(error)
        raise SchemaError(why)

    def _seen(self, branch: Any) -> Any:
        """Return a branch, or what it refers to."""
        return self._resolve(branch["$ref"]) if isinstance(branch, dict) and "$ref" in branch else branch

    def _typed(self, schema: Schema, *, name: str, depth: int) -> Any:
        kinds = _kinds(schema)
        options = [schema["const"]] if "const" in schema else schema.get("enum")
        if options is not None:
            if beside := _BOUNDS & schema.keys():
                raise SchemaError(f"'{min(beside)}' beside 'enum' or 'const' is not supported")
            fitting = [option for option in options if any(_fits(option, kind) for kind in kinds)] if options else []
            if not fitting:
                raise SchemaError("'enum' has no value of the type")
            asked = [option for option in fitting if str(option).casefold() in self._words]
            return asked[0] if asked else fitting[int(self._dice.random() * len(fitting))]
        makers: dict[str, Callable[[], Any]] = {
            "string": lambda: self._string(schema, name),
            "integer": lambda: self._number(schema, name, whole=True),
            "number": lambda: self._number(schema, name, whole=False),
            "boolean": lambda: self._dice.random() < 0.5,
            "null": lambda: None,
            "array": lambda: self._array(schema, name=name, depth=depth),
            "object": lambda: self._object(schema, depth=depth),
        }
        kind = next((kind for kind in kinds if kind != "null"), "null")
        if kind not in makers:
            raise SchemaError(f"unknown type '{kind}'")
        return makers[kind]()

    def _string(self, schema: Schema, name: str) -> str:
        least, most = int(_bound(schema, "minLength", 0)), int(_bound(schema, "maxLength", _MOST_CHARACTERS))
        if (form := schema.get("format")) is not None and form in _FORMATS:
            made = _FORMATS[form]
            if not least <= len(made) <= most:
                raise SchemaError(f"'{form}' does not have the length asked for")
            return made
        if name in _ANSWER_NAMES and self._answer is not None:
            made = self._answer
        else:
            made = self._names.pop(0) if self._names else name or "value"
        if least > most or least > _MOST_CHARACTERS:
            raise SchemaError("'minLength' is above the maximum")
        return made[:most] + "x" * (least - len(made[:most]))

    def _number(self, schema: Schema, name: str, *, whole: bool) -> float:
        """Return the answer, or a number of the question that is within the bounds, or one of its own."""
        step = _bound(schema, "multipleOf", 1 if whole else 0)
        if whole and step != int(step):
            step = float(step).as_integer_ratio()[0]  # a whole multiple of p/q in lowest terms is one of p
        low, high = _bound(schema, "minimum", -math.inf), _bound(schema, "maximum", math.inf)
        above, below = _bound(schema, "exclusiveMinimum", -math.inf), _bound(schema, "exclusiveMaximum", math.inf)

        def fits(number: float) -> bool:
            return low <= number <= high and above < number < below and (not step or number % step == 0)

        answered = []
        if name in _ANSWER_NAMES and self._answer is not None and re.fullmatch(r"-?\d{1,15}(\.\d+)?", self._answer):
            answered = [float(self._answer)]
        found = next((number for number in [*answered, *self._numbers] if fits(number)), None)
        if found is None:
            found = next(filter(fits, self._own(max(low, above), min(high, below), step)), None)
        elif found in self._numbers:
            self._numbers.remove(found)
        if found is None:
            raise SchemaError("no number is within the bounds")
        return int(found) if found == int(found) else found

    def _own(self, low: float, high: float, step: float) -> Iterator[float]:
        """Yield numbers that may be within the bounds."""
        yield 1 + int(self._dice.random() * 100)
        yield 0
        for end, sign in ((low, 1), (high, -1)):
            if math.isfinite(end):
                at = math.ceil(end * sign / (step or 1)) * (step or 1) * sign
                yield from (at, at + sign * (step or 1))
        if math.isfinite(low) and math.isfinite(high):
            yield (low + high) / 2
        yield step

    def _array(self, schema: Schema, *, name: str, depth: int) -> list[Any]:
        least, most = _bound(schema, "minItems", 0), _bound(schema, "maxItems", math.inf)
        count = least if depth > _ALL_DEPTH or self._lean else max(least, min(1, most))
        if least > most or least > self._left:
            raise SchemaError("'minItems' is above the maximum")
        first = schema.get("prefixItems", [])
        made: list[Any] = []
        for number in range(int(max(count, min(len(first), most)))):
            of = first[number] if number < len(first) else schema.get("items", {})
            try:
                made.append(self._other(of, made, name=name, depth=depth, unique=schema.get("uniqueItems") is True))
            except SchemaError:
                if number < least:
                    raise
                break
        return made

    def _other(self, schema: Any, before: list[Any], *, name: str, depth: int, unique: bool) -> Any:
        """Return the next item; of unique ones, one that is not there yet."""
        for attempt in range(50 if unique else 1):
            item = self.value(schema, name=f"{name}{attempt}" if attempt else name, depth=depth + 1)
            if not unique or item not in before:
                return item
        raise SchemaError("'uniqueItems': not enough different values")

    def _object(self, schema: Schema, *, depth: int) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        made: dict[str, Any] = {}
        most = _bound(schema, "maxProperties", math.inf)
        for name in [*properties, *(name for name in required if name not in properties)]:
            needed = name in required
            if not needed and (depth > _ALL_DEPTH or self._lean or len(made) >= most - len(required)):
                continue
            of = properties[name] if name in properties else schema.get("additionalProperties", True)
            try:
                made[name] = self.value(of, name=str(name), depth=depth + 1)
            except SchemaError:
                if needed:
                    raise
        if not _bound(schema, "minProperties", 0) <= len(made) <= most:
            raise SchemaError("the number of properties is out of bounds")
        return made

    def _resolve(self, ref: Any) -> Any:
        """Return the schema that a local reference points to (RFC 6901)."""
        if not (isinstance(ref, str) and ref.startswith("#")):
            raise SchemaError(f"'$ref' to '{ref}': only references within the schema are supported")
        node: Any = self._root
        for step in ref.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if not (isinstance(node, dict) and key in node):
                raise SchemaError(f"'$ref' to '{ref}', which is not there")
            node = node[key]
        return node


def _merged(one: Any, other: Any) -> dict[str, Any]:
    """Return a schema that asks for both; properties and required add up, notes and $defs may differ."""
    one, other = _checked(one), _checked(other)
    for part, beside in ((one, other), (other, one)):  # a part's word about all others is about the other part's, too
        names = set(beside.get("properties", ())) - set(part.get("properties", ()))
        if ("additionalProperties" in part and names) or ("items" in part and "prefixItems" in beside):
            raise SchemaError("'additionalProperties' or 'items' in one of two parts of a schema is not supported")
    both = {**one, **other}
    for key in one.keys() & other.keys():
        if key == "properties" and not one[key].keys() & other[key].keys():
            both[key] = {**one[key], **other[key]}
        elif key == "required":
            both[key] = [*one[key], *(name for name in other[key] if name not in one[key])]
        elif one[key] != other[key] and key not in (*_NOTES, "$defs", "definitions"):
            raise SchemaError(f"'{key}' in two parts of one schema is not supported")
    return both


def _kinds(schema: Schema) -> list[str]:
    """Return the types that a value may have."""
    given = schema.get("type")
    if given is None and ("const" in schema or "enum" in schema):
        return ["any"]
    if given is None:
        given = next((kind for word, kind in _TYPE_OF.items() if word in schema), "string")
    kinds = given if isinstance(given, list) else [given]
    if schema.get("nullable") is True:
        kinds = [*kinds, "null"]
    return [str(kind) for kind in kinds]


def _fits(value: Any, kind: str) -> bool:
    """Whether a value has a type."""
    types: dict[str, tuple[type, ...]] = {
        "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "null": (type(None),),
        "array": (list,), "object": (dict,), "any": (object,),
    }  # fmt: skip
    return isinstance(value, types.get(kind, ())) and (kind in ("boolean", "any") or not isinstance(value, bool))


def _distinct(branches: Sequence[Any]) -> bool:
    """Whether no value can be valid against two: by type, or by a required constant of the same name."""
    branches = [_checked(branch) for branch in branches]
    kinds = ["number" if kind == "integer" else kind for branch in branches for kind in set(_kinds(branch))]
    if all("type" in branch for branch in branches) and len(set(kinds)) == len(kinds):
        return True
    marks = [
        {name: of["const"] for name, of in (branch.get("properties") or {}).items()
         if isinstance(of, dict) and isinstance(of.get("const"), str) and name in branch.get("required", [])}
        for branch in branches
    ]  # fmt: skip
    return any(
        all(name in mark for mark in marks) and len({mark[name] for mark in marks}) == len(marks)
        for name in (marks[0] if marks else {})
    )


def _checked(schema: Any) -> dict[str, Any]:
    """Return a schema as an object whose keywords have the types that they must have. Raises SchemaError."""
    if schema is True:
        return {}
    if not isinstance(schema, dict):
        raise SchemaError("not a schema that a value can be valid against")
    for word in _SHAPES.keys() & schema.keys():
        if not isinstance(schema[word], _SHAPES[word]):
            raise SchemaError(f"'{word}' has the wrong type")
    for word in ("type", "required"):
        if isinstance(names := schema.get(word), list) and not all(isinstance(name, str) for name in names):
            raise SchemaError(f"'{word}' is not an array of strings")
    return schema


def _bound(schema: Schema, word: str, default: float) -> float:
    """Return a numeric keyword's value."""
    if word not in schema:
        return default
    found = schema[word]
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) < 1e300:
        raise SchemaError(f"'{word}' is not a number")
    return found
