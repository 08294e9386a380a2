"""The JSON Schema is an editor's help: every block and every field says what it is."""

from typing import Literal

import pytest

from evalrun.suite.schema import schema


@pytest.mark.parametrize("what", ["suite", "target"])
def test_every_field_has_a_description(what: Literal["suite", "target"]) -> None:
    """All but `kind`, which is in its block's description."""
    document = schema(what)
    blocks = {**document["$defs"], **({what: document} if what == "suite" else {})}
    without = [
        f"{name}.{field}"
        for name, block in blocks.items()
        for field, description in [("", block), *block.get("properties", {}).items()]
        if field != "kind" and not description.get("description")
    ]
    assert without == []
