"""A comparison as JSON: everything in it, full precision. Unknown is null, and so is what JSON cannot say: infinity."""

import dataclasses
import json
import math
from collections.abc import Sequence
from typing import Any

from evalrun.compare.values import Contrast, Row
from evalrun.rule import Measure


def render(contrasts: Sequence[Contrast]) -> str:
    """Return the comparisons as a JSON list, indented by one space; escaped to ASCII, so that it is safe to print."""
    return json.dumps([plain(contrast) for contrast in contrasts], indent=1, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Return a value of `compare` or `gate` as JSON has it."""
    if isinstance(value, Measure):
        return value.name
    if isinstance(value, Row):
        return {"metric": value.measure.name, "unit": value.measure.unit} | {
            field.name: plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.name != "measure"
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(item) for name, item in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
