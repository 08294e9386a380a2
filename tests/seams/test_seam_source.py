"""A data source is added in two files: its class, and its name in the union."""

import json
from typing import Any

from evalrun.store.reader import StoredRun

SOURCE = '''\
"""Rows from a TOML file."""

import tomllib
from collections.abc import Iterator
from typing import Literal

from evalrun.data.places import Places, Row
from evalrun.spec import Spec


class Toml(Spec):
    """The tables of an array in a TOML file."""

    kind: Literal["toml"]
    path: str
    """Relative to the suite's folder."""
    array: str = "rows"
    """The array's name."""

    def rows(self, places: Places) -> Iterator[Row]:
        """Return the file's rows."""
        yield from tomllib.loads(places.file(self.path).read_text())[self.array]
'''
SUITE = """\
name: capitals
targets: [sim]
tasks:
  capitals:
    data: {kind: toml, path: capitals.toml, array: capital}
    prompt: {template: "What is the capital of {{ country }}?", expected: "{{ city }}"}
    scorers: [{kind: contains}]
"""
ROWS = """\
[[capital]]
country = "France"
city = "Paris"

[[capital]]
country = "Peru"
city = "Lima"
"""


def test_a_source_takes_two_files(package: Any) -> None:
    """It runs, it is in the editor's schema, and a misspelt option of it gets a hint."""
    package.add("data/toml.py", SOURCE)
    package.change(
        "data/source.py",
        ("from evalrun.data.places import", "from evalrun.data.toml import Toml\nfrom evalrun.data.places import"),
        ("Hub | Jsonl", "Hub | Toml | Jsonl"),
    )
    assert len(package.touched) == 2
    (package.folder / "capitals.toml").write_text(ROWS)
    suite = package.folder / "capitals.yaml"
    suite.write_text(SUITE)

    done = package.evalrun("run", suite)
    assert done.returncode == 0, done.stderr
    (folder,) = (package.folder / "results" / "capitals").iterdir()
    samples = [record.sample for record in StoredRun(folder).records()]
    assert {(sample.messages[-1].content, sample.expected) for sample in samples} == {
        ("What is the capital of France?", "Paris"), ("What is the capital of Peru?", "Lima"),
    }  # fmt: skip

    schema = json.loads(package.evalrun("schema").stdout)
    assert schema["$defs"]["Toml"]["properties"]["array"]["description"] == "The array's name."

    suite.write_text(SUITE.replace("array: capital", "aray: capital"))
    wrong = package.evalrun("check", suite)
    assert wrong.returncode == 2
    assert "capitals.yaml:5:45: tasks.capitals.data.aray: unknown key; did you mean 'array'?" in wrong.stderr
