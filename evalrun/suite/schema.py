"""The JSON Schema of suite and target files, for editors and for the hints in messages. Validates nothing."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter

from evalrun.suite.spec import Suite
from evalrun.targets.spec import TargetSpec
from evalrun.types import Json

SUITE: TypeAdapter[Suite] = TypeAdapter(Suite)
TARGET: TypeAdapter[TargetSpec] = TypeAdapter(TargetSpec)

_INCLUDE = {
    "description": "Suites to start from: files here or below, or names of shipped ones. Fields written here win.",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
}


@cache
def schema(what: Literal["suite", "target"]) -> Mapping[str, Json]:
    """Return the JSON Schema (2020-12) of suite or target files."""
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    if what == "target":
        return {**draft, "title": "evalrun target", **_with_kinds(TARGET.json_schema())}
    suite = _with_kinds(SUITE.json_schema())
    complete = {"required": suite.pop("required")}  # a file that includes another may omit anything
    properties = {"include": _INCLUDE, **suite.pop("properties")}
    alone = {"if": {"not": {"required": ["include"]}}, "then": complete}
    return {**draft, **suite, "title": "evalrun suite", "properties": properties, **alone}


def _with_kinds(document: dict[str, Any]) -> dict[str, Any]:
    """Describe each `kind` by the first sentence of its block."""
    for block in document["$defs"].values():
        kind = block.get("properties", {}).get("kind", {})
        if "const" in kind or "enum" in kind:
            kind["description"] = f"{block['description'].partition('. ')[0].rstrip('.')}."
    return document


class Allowed(NamedTuple):
    """The names allowed at a place: keys of its mapping, kinds of its union."""

    keys: tuple[str, ...]
    kinds: tuple[str, ...]


def names_at(root: Mapping[str, Json], loc: Iterable[int | str]) -> Allowed:
    """Return the names allowed at pydantic's location `loc`: keys beside its last step, kinds at it."""
    here, beside = [root], [root]
    for step in loc:
        further = [child for each in here for child in _step(root, each, step)]
        beside, here = here, further or here  # an unknown step is a branch of a union
    around = [branch.get("properties", {}) for each in beside for branch in _branches(root, each)]
    inside = [branch.get("properties", {}) for each in here for branch in _branches(root, each)]
    kinds = (fields["kind"]["const"] for fields in inside if "const" in fields.get("kind", {}))
    return Allowed(keys=tuple(dict.fromkeys(key for fields in around for key in fields)), kinds=tuple(sorted({*kinds})))


def _step(root: Mapping[str, Json], schema: Mapping[str, Any], step: int | str) -> Iterator[Mapping[str, Json]]:
    for branch in _branches(root, schema, step):
        if isinstance(step, int):
            yield from branch.get("prefixItems", [])[step : step + 1] or filter(None, [branch.get("items")])
        elif step in branch.get("properties", {}):
            yield branch["properties"][step]
        elif branch.get("chosen") == step:
            yield branch
        elif isinstance(branch.get("additionalProperties"), dict):
            yield branch["additionalProperties"]
        elif isinstance(branch.get("patternProperties"), dict):
            yield from branch["patternProperties"].values()


def _branches(root: Mapping[str, Json], schema: Mapping[str, Any], step: int | str = "") -> Iterator[Mapping[str, Any]]:
    """Yield the branches of a schema, or only the class of the kind `step`."""
    schema = _followed(root, schema)
    chooser = schema.get("discriminator", {}).get("mapping", {})
    if step in chooser:
        yield {**_followed(root, {"$ref": chooser[step]}), "chosen": step}
        return
    options = [option for word in ("anyOf", "oneOf", "allOf") for option in schema.get(word, [])]
    for option in options:
        yield from _branches(root, option, step)
    if not options:
        yield schema


def _followed(root: Mapping[str, Json], schema: Mapping[str, Json]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema
