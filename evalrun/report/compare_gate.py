"""A gate for the terminal and as JSON: the word, then every ruling, worst first. The CI's own forms are elsewhere."""

import json

from evalrun.escape import tty
from evalrun.gate.values import Gate, Ruling
from evalrun.report.compare_json import plain
from evalrun.report.lines import name
from evalrun.report.text import NARROWEST, wrapped

_INTERVALS = (
    "[ ]: 95 %, both ways. A ruling looks one way, at 5 %: it may pass though the interval reaches a little past what"
    " is tolerated."
)
_ORDER = ("regressed", "inconclusive", "pass")


def text(gate: Gate, *, width: int = 100) -> str:
    """Return a gate as plain lines for a terminal `width` columns wide."""
    width = max(width, NARROWEST)
    against = f" against {tty(gate.baseline)}" if gate.baseline else ""
    out = wrapped(f"gate {gate.word}: suite {tty(gate.suite)}, run {tty(gate.run)}{against}", width)
    for ruling in sorted(gate.rulings, key=lambda ruling: _ORDER.index(ruling.word)):
        out += wrapped(_line(ruling), width, rest="    ")
        if ruling.decide:
            out += wrapped(f"would decide: {tty(ruling.decide)}", width, first="    ", rest="    ")
    if any(ruling.comparison is not None for ruling in gate.rulings):
        out += wrapped(_INTERVALS, width, rest="  ")
    for note in gate.notes:
        out += wrapped(tty(note), width, rest="  ")
    return "\n".join(out) + "\n"


def as_json(gate: Gate) -> str:
    """Return a gate as JSON, indented by one space."""
    return json.dumps(plain(gate), indent=1, allow_nan=False) + "\n"


def _line(ruling: Ruling) -> str:
    task = "all tasks" if ruling.task is None else name(ruling.task, tty)
    return f"  {ruling.word:12} {tty(ruling.rule)}  ({task}, {name(ruling.target, tty)}): {tty(ruling.why)}"
