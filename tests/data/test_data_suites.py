"""The data and prompts of the shipped suites: the generated ones, and the hub's with real rows in their place."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from evalrun.data.places import Places
from evalrun.data.prompt import Prompt
from evalrun.data.samples import Samples, samples, survey
from evalrun.data.source import Source

REPO = Path(__file__).parents[2]
REAL = Path(os.environ.get("EVALRUN_TEST_DATA", REPO.parent / "shared" / "data"))
SOURCE: TypeAdapter[Any] = TypeAdapter(Source)


def task(suite: str, name: str, rows: str | None = None) -> Samples:
    """The samples of a shipped task, from its own source or from a file of real rows."""
    block = yaml.safe_load((REPO / "suites" / f"{suite}.yaml").read_text())["tasks"][name]
    source = SOURCE.validate_json(json.dumps(block["data"]))
    if rows:
        if not (REAL / rows).exists():
            pytest.skip(f"no {rows} in {REAL}")
        source = SOURCE.validate_json(json.dumps({"kind": "jsonl", "path": str((REAL / rows).resolve())}))
    prompt = Prompt.model_validate_json(json.dumps(block["prompt"]))
    return samples(name, source, prompt, Places(root=REPO / "suites", allowed=(REAL.resolve(),)))


@pytest.mark.parametrize(("name", "each"), [("arithmetic", 12), ("words", 5)])
def test_the_default_suite_has_six_levels(name: str, each: int) -> None:
    """math.yaml needs no file and no network, and its prompts are short enough for the embedded model."""
    made = list(task("math", name))
    assert [sample.meta["level"] for sample in made] == [level for level in range(1, 7) for _ in range(each)]
    assert max(sum(len(message.content) for message in sample.messages) for sample in made) < 1500


@pytest.mark.parametrize(
    ("suite", "name", "rows", "count", "expected"),
    [
        ("gsm8k", "gsm8k", "gsm8k_test.jsonl", 1319, {0: "18", 1: "3", 2: "70000"}),
        ("math500", "math500", "math500.jsonl", 500, {0: r"\left( 3, \frac{\pi}{2} \right)", 1: "p - q"}),
        ("aime", "aime24", "aime24.jsonl", 30, {0: "73", 7: "127"}),
        ("aime", "aime25", "aime25.jsonl", 30, {0: "70", 26: "19"}),
    ],
)
def test_real_rows_make_samples(suite: str, name: str, rows: str, count: int, expected: dict[int, str]) -> None:
    """Every row of the published sets is asked, with the published answer."""
    found = task(suite, name, rows)
    assert survey(found).count == count
    made = list(found)
    assert {index: made[index].expected for index in expected} == expected
    if suite in ("gsm8k", "aime"):  # integers, whatever their spelling in the file
        assert all(str(int(sample.expected or "")) == sample.expected for sample in made)
