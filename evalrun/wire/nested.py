"""JSON from outside, bounded in depth once, on parsing, so that nothing that walks over a value can exhaust the stack.

Python's parsers raise RecursionError at a depth that depends on their caller, and a value parsed just short of it
cannot be compared, printed or encoded. No real answer, error or data row is near `DEEPEST`.
"""

import json
import re
from itertools import accumulate
from typing import Any

from evalrun.types import Json

DEEPEST = 64
"""Arrays and objects inside each other."""
TOO_DEEP = f"nested more than {DEEPEST} deep"
_BESIDE = re.compile(r'(?:[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z))+', re.DOTALL)  # strings, and the rest
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}


def too_deep(text: str) -> bool:
    """Return whether JSON, or what was to be JSON, nests deeper than `DEEPEST`. Linear; nearly free for short texts."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    brackets = _BESIDE.sub("", text)
    return any(depth > DEEPEST for depth in accumulate(map(_STEP.__getitem__, brackets)))


def loads(text: str | bytes, **how: Any) -> Json:
    """Parse any JSON. how: the options of `json.loads`. Raises ValueError for what is not JSON, or nests too deep."""
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    if too_deep(text):
        raise ValueError(TOO_DEEP)
    return json.loads(text, **how)
