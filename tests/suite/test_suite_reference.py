"""The reference says of every field what it is, by example; it and the editors' schemas are those of the code."""

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter

from evalrun.spec import Spec
from evalrun.suite import starter
from evalrun.suite.document import parse
from evalrun.suite.examples import EXAMPLES
from evalrun.suite.read import read_suite, read_target
from evalrun.suite.reference import FOLDERS, FileKind, example, markdown, sections
from evalrun.suite.schema import schema
from evalrun.suite.spec import Suite
from evalrun.targets.spec import Http

ROOT = Path(__file__).parents[2]
UPDATE = "to update: python -m evalrun.suite.reference"
BOTH = pytest.mark.parametrize("what", list(FOLDERS))


@BOTH
def test_the_documents_are_the_specs(what: FileKind) -> None:
    """docs/suite.md, docs/target.md and the schema files are what the code says, word for word."""
    assert (ROOT / "docs" / f"{what}.md").read_text(encoding="utf-8") == markdown(what), UPDATE
    stored = (ROOT / FOLDERS[what] / f"{what}.schema.json").read_text(encoding="utf-8")
    assert json.loads(stored) == schema(what), UPDATE


@BOTH
def test_every_field_is_listed_with_a_meaning_and_an_example(what: FileKind) -> None:
    """Each block of the schema is there, and each of its rows says type, meaning and example."""
    blocks = [block for block in schema(what)["$defs"].values() if "properties" in block]
    found = sections(what)
    assert {one.block["title"] for one in found} >= {block["title"] for block in blocks}
    rows = [line for line in markdown(what).splitlines() if line.startswith("| `")]
    assert len(rows) == sum(len(one.block["properties"]) for one in found)
    for row in rows:
        _, kind, _, meaning, shown = (cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1])
        assert all((kind, meaning, shown)), row


def specs(of: type[BaseModel] = Spec) -> dict[str, type[BaseModel]]:
    """Return every block of a suite or a target by its name."""
    return {one.__name__: one for each in of.__subclasses__() for one in (each, *specs(each).values())}


@BOTH
def test_every_example_may_be_written(what: FileKind) -> None:
    """It is YAML, and of the field's type. Whole blocks in it may be cut short by `...`."""
    known = specs()
    for section in sections(what):
        title = section.block["title"]
        block = Suite if title == "evalrun suite" else known[title]
        fields = {field.alias or name: field for name, field in block.model_fields.items()}
        for name in section.block["properties"]:
            shown = example(section, name)
            if name == "include" or "..." in shown:
                continue
            value = parse(shown, "example", environ={}).plain()[name]
            annotated = fields[name].rebuild_annotation()
            TypeAdapter(annotated).validate_json(json.dumps(value))


def test_no_example_is_left_over() -> None:
    """Each belongs to a field."""
    fields = {
        key
        for what in FOLDERS
        for one in sections(what)
        for name in one.block["properties"]
        for key in (f"{one.block['title']}.{name}", name)
    }
    assert sorted(EXAMPLES.keys() - fields) == []


@BOTH
def test_shipped_files_name_their_schema(what: FileKind) -> None:
    """In their first line, and the schema is beside them."""
    line = f"# yaml-language-server: $schema={what}.schema.json\n"
    for path in sorted((ROOT / FOLDERS[what]).glob("*.yaml")):
        assert path.read_text(encoding="utf-8").startswith(line), path.name


def test_the_first_files_are_valid(tmp_path: Path) -> None:
    """As they are written by `init`, and with each line of the suite that is commented out."""
    for name, text in starter.files().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    suite = read_suite(tmp_path / "suite.yaml", environ={}).suite
    target = read_target("target.yaml", suite_root=tmp_path, beside=tmp_path, environ={}).spec
    assert (list(suite.tasks), suite.targets, isinstance(target, Http)) == (["capitals"], ("target.yaml",), True)
    lines = re.sub(r"^( *)# (?=(sample|repeats|limits|slo|gates):)", r"\1", starter.SUITE, flags=re.MULTILINE)
    (tmp_path / "suite.yaml").write_text(lines, encoding="utf-8")
    more = read_suite(tmp_path / "suite.yaml", environ={}).suite
    assert (more.tasks["capitals"].repeats, more.tasks["capitals"].sample, more.gates) == (
        4,
        200,
        ("accuracy >= 90 %",),
    )
    target_lines = re.sub(r"^# (?=(key_env|prices|rate):)", "", starter.TARGET, flags=re.MULTILINE)
    (tmp_path / "target.yaml").write_text(target_lines, encoding="utf-8")
    spec = read_target("target.yaml", suite_root=tmp_path, beside=tmp_path, environ={}).spec
    assert (spec.rate.concurrency, spec.prices is not None) == (8, True)
