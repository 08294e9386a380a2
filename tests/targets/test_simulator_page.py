"""docs/simulator.md says what is there: its target file can be read, and its tables have every shape, fault and key."""

import json
import re
from pathlib import Path
from typing import get_args

import httpx
import yaml
from sim_command import serving_here

from evalrun.targets.simulator.faults import Fault
from evalrun.targets.simulator.spec import Simulator, ToolStream

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")


def column(header: str) -> set[str]:
    """Return the names in the first column of the table with this header."""
    rows = PAGE.partition(header)[2].partition("\n\n")[0].splitlines()[2:]
    return {name for row in rows for name in re.findall("`([a-z_0-9]+)`", row.split("|")[1])}


def test_the_target_file_can_be_read() -> None:
    """As it stands on the page."""
    text = PAGE.partition("```yaml\n")[2].partition("```")[0]
    spec = Simulator.model_validate_json(json.dumps(yaml.safe_load(text)))
    assert (len(spec.faults), spec.slots) == (5, 8)


def test_the_tables_are_complete() -> None:
    """Every shape of tool calls, every fault, every key of a line of the truth."""
    assert column("| value | fragments |") == set(get_args(ToolStream))
    kinds = {get_args(of.model_fields["kind"].annotation)[0] for of in get_args(Fault)}
    assert column("| kind | what happens") == kinds
    with serving_here() as (url, lines):
        body = {"model": "sim", "messages": [{"role": "user", "content": "hi"}]}
        assert httpx.post(f"{url}/chat/completions", json=body).status_code == 200
    assert column("| key | |") == set(lines[0])
