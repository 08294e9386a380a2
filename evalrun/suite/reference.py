"""The reference of suite and target files, docs/suite.md and docs/target.md, from their JSON Schema. Validates nothing.

    python -m evalrun.suite.reference     writes both, and the schemas beside the shipped files, where it is run

A field's example is what `examples` says, else a value of its type that is not its default.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from evalrun.suite.examples import EXAMPLES
from evalrun.suite.schema import schema
from evalrun.types import Json

FileKind = Literal["suite", "target"]

FOLDERS: Mapping[FileKind, str] = {"suite": "suites", "target": "configs"}
"""Where the shipped files are."""

_HEAD = {
    "suite": (
        "# Suite files",
        "A suite is a YAML file (suites/*.yaml): questions, how they are asked and how they are judged. Unknown keys"
        " are refused, with file, line and column. `${VARIABLE}` is replaced from the environment. Paths are relative"
        " to the suite's folder. On the command line `--set PATH=VALUE` sets any field, e.g."
        " `--set tasks.sums.repeats=3`; `*` stands for every entry. `evalrun init` writes a first suite,"
        " `evalrun check SUITE --show` prints what would be sent.",
    ),
    "target": (
        "# Target files",
        "A target is a YAML file (configs/*.yaml): an endpoint and a model, under the file's name. Unknown keys are"
        " refused, with file, line and column. `${VARIABLE}` is replaced from the environment; a key is never written"
        " here, only the name of its variable. Paths are relative to this file.",
    ),
}
_EDITORS = (
    "With the line `# yaml-language-server: $schema={what}.schema.json` at its top, editors complete and check the"
    " file; the schema is what `evalrun schema {what}` prints, and `evalrun init` writes it."
)


class ReferenceBlock(NamedTuple):
    """A block of the file: the path to it, empty for the file itself; its schema; its kind, where there are several."""

    path: str
    block: Mapping[str, Any]
    kind: str = ""

    @property
    def title(self) -> str:
        """FileKind is above its fields."""
        where = f"`{self.path}`" if self.path else "The file"
        return f"{where}, `kind: {self.kind}`" if self.kind else where


def markdown(what: FileKind) -> str:
    """Return the reference as Markdown."""
    root = schema(what)
    title, about = _HEAD[what]
    lines = [title, "", "<!-- from evalrun/suite/reference.py -->", "", about, ""]
    lines += [_EDITORS.format(what=what), ""]
    for section in sections(what):
        lines += [f"## {section.title}", "", _flat(section.block.get("description", "")), ""]
        lines += ["| field | type | default | meaning | example |", "|---|---|---|---|---|"]
        required = section.block.get("required", root.get("then", {}).get("required", ()))
        for name, field in section.block["properties"].items():
            default = "required" if name in required else _default(field)
            shown = (_type(root, field), default, _flat(field.get("description", "")), f"`{example(section, name)}`")
            lines.append(f"| `{name}` | {' | '.join(_cell(each) for each in shown)} |")
        lines.append("")
    return "\n".join(lines)


def sections(what: FileKind) -> list[ReferenceBlock]:
    """Return the blocks of a file, each where it first occurs, in the order of their fields."""
    root = schema(what)
    return list(_sections(root, ReferenceBlock("", root), set()) if what == "suite" else _kinds(root, root, "", set()))


def example(section: ReferenceBlock, name: str) -> str:
    """Return a field as it may be written."""
    field, block = section.block["properties"][name], section.block.get("title", "")
    for key in (f"{block}.{name}", name):
        if key in EXAMPLES:
            return f"{name}: {EXAMPLES[key]}"
    if (cut := _cut_short(field)) is not None:
        return f"{name}: {cut}"
    value = _other(field)
    return f"{name}: {value if isinstance(value, str) and value.isidentifier() else json.dumps(value)}"


def _cut_short(field: Mapping[str, Any]) -> str | None:
    """Return the form of a field that holds a block or a list of them; None for other fields."""
    branches = (field, *field.get("anyOf", ()))
    if any("$ref" in each or "discriminator" in each for each in branches):
        return "{...}"
    items: Mapping[str, Any] = next((each["items"] for each in branches if each.get("items")), {})
    return "[{...}]" if "$ref" in items or "discriminator" in items else None


def _other(field: Mapping[str, Any]) -> Json:
    """Return a value of a field's type: not its default, where it is one of a few."""
    default = field.get("default")
    if isinstance(default, bool):
        return not default
    if "const" in field:
        return field["const"]
    if "enum" in field:
        return next((each for each in field["enum"] if each != default), default)
    if default not in (None, "", [], {}):
        return default
    first = next((each for each in field.get("anyOf", ()) if each.get("type") != "null"), field)
    by_type: dict[str, Json] = {"integer": max(1, first.get("minimum", 1)), "number": 0.5, "array": ["text"]}
    return by_type.get(first.get("type", ""), {} if first.get("type") == "object" else "text")


def _sections(root: Mapping[str, Any], section: ReferenceBlock, done: set[str]) -> Iterator[ReferenceBlock]:
    """Yield a block and those within it."""
    yield section
    for name, field in section.block["properties"].items():
        yield from _kinds(root, field, f"{section.path}.{name}".lstrip("."), done)


def _kinds(root: Mapping[str, Any], field: Mapping[str, Any], path: str, done: set[str]) -> Iterator[ReferenceBlock]:
    """Yield the blocks that a field may hold: itself, one of a list or of a mapping, or one for each `kind`."""
    if isinstance(field.get("items"), dict):
        yield from _kinds(root, field["items"], f"{path}[]", done)
    inner = next(iter(field.get("patternProperties", {}).values()), field.get("additionalProperties"))
    if isinstance(inner, dict):
        yield from _kinds(root, inner, f"{path}.NAME", done)
    kinds = field.get("discriminator", {}).get("mapping", {})
    refs = kinds or ({"": field["$ref"]} if "$ref" in field else {})
    for kind, ref in refs.items():
        block = root["$defs"][ref.rpartition("/")[2]]
        if ref not in done and "properties" in block:
            done.add(ref)
            yield from _sections(root, ReferenceBlock(path, block, kind), done)
    for branch in () if kinds else (*field.get("anyOf", ()), *field.get("allOf", ())):
        yield from _kinds(root, branch, path, done)


# ---------------------------------------------------------------- words


def _type(root: Mapping[str, Any], field: Mapping[str, Any]) -> str:
    """Return a field's type in words, with its bounds."""
    if "$ref" in field:
        target = root["$defs"][field["$ref"].rpartition("/")[2]]
        return "block" if "properties" in target else _type(root, target)
    if "const" in field or "enum" in field:
        return ", ".join(f"`{each}`" for each in field.get("enum") or [field["const"]])
    if "discriminator" in field:
        return "block with a `kind`"
    if branches := [each for word in ("anyOf", "oneOf", "allOf") for each in field.get(word, ())]:
        words = dict.fromkeys(_type(root, each) for each in branches if each.get("type") != "null")
        return " or ".join(words) or "nothing"
    kind = field.get("type", "")
    if kind == "array":
        return _list(root, field)
    if kind == "object":
        return "mapping"
    words_of = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true`, `false`"}
    return words_of.get(kind, "any value") + _bounds(field)


def _list(root: Mapping[str, Any], field: Mapping[str, Any]) -> str:
    if "prefixItems" in field:
        return f"list of {len(field['prefixItems'])} values"
    return f"list of: {_type(root, field['items'])}" if field.get("items") else "list"


def _bounds(field: Mapping[str, Any]) -> str:
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    found = [f"{sign} {field[name]:,}" for name, sign in signs.items() if isinstance(field.get(name), int | float)]
    return f" {' and '.join(found)}" if found else ""


def _default(field: Mapping[str, Any]) -> str:
    value = field.get("default")
    if value in (None, {}, [], ""):
        return ""
    return "those of its fields" if isinstance(value, dict) else f"`{json.dumps(value, ensure_ascii=False)}`"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    """Return a text for a cell of a table: a column separator is escaped, and code is left to itself."""
    return text.replace("|", "\\|")


def main() -> None:
    """Write both references, and the schemas for editors beside the shipped files."""
    for what, folder in FOLDERS.items():
        Path(f"docs/{what}.md").write_text(markdown(what), encoding="utf-8")
        Path(f"{folder}/{what}.schema.json").write_text(json.dumps(schema(what), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
