"""Ladders as JSON: everything in them, full precision, as `json` writes a table. All text is escaped to ASCII."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from evalrun.ladder import Ladder
from evalrun.report.json import encoded
from evalrun.report.ladder_lines import Labelled


def render(ladders: Sequence[Labelled]) -> str:
    """Return the ladders as JSON, indented by one space."""
    document = {"ladders": [{"label": label, **_ladder(ladder)} for label, ladder in ladders]}
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _ladder(ladder: Ladder) -> dict[str, Any]:
    return {
        "suite": ladder.suite,
        "run": ladder.run,
        "target": dataclasses.asdict(ladder.target),
        "notes": ladder.notes,
        "families": ladder.families,
        "tolerance": ladder.tolerance,
        "exponent_sizes": ladder.upper,
        "metrics": [encoded(metric) for metric in ladder.metrics],
        "rungs": [{"size": r.size, "metrics": [encoded(metric) for metric in r.metrics]} for r in ladder.rungs],
        "depths": [dataclasses.asdict(spot) | {"accuracy": encoded(spot.accuracy)} for spot in ladder.spots],
    }
