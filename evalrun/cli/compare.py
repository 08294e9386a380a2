"""Comparing stored runs: `compare` and `baseline save`. None of it needs the network."""

from collections.abc import Sequence
from pathlib import Path

from evalrun.cli.exits import NO_VERDICT, OK, say, write
from evalrun.cli.reading import BASELINES
from evalrun.compare import baseline
from evalrun.compare.contrast import compare
from evalrun.compare.load import load
from evalrun.compare.side import Side
from evalrun.errors import SuiteError
from evalrun.escape import tty
from evalrun.gate.case import trouble
from evalrun.report import render
from evalrun.report.compare import contrast_page


def compare_runs(
    names: Sequence[str],
    *,
    form: str = "text",
    baselines: Path = BASELINES,
    across_prompts: bool = False,
    width: int = 100,
) -> int:
    """Print each of the later sides against the first: run folders, table files or names of baselines."""
    if len(names) < 2:
        raise SuiteError("compare: give two sides at least, the base first: evalrun compare BASE NEW")
    base, *others = load(names, baselines=baselines)
    contrasts = [compare(base, new, across_prompts=across_prompts) for new in others]
    write(render(list(map(contrast_page, contrasts)), form, width=width), end="")
    return OK


def baseline_save(folder: Path, name: str, *, out: Path = BASELINES, keep_samples: bool = False) -> int:
    """Save a run as a baseline, or as one more night of it. A run that carries no verdict is no baseline."""
    side = _run(folder)
    if found := [(cell, why) for cell in side.cells.values() if (why := trouble(cell, side))]:
        for cell, why in found:
            say(f"{tty(cell.task)}, {tty(cell.target)}: {tty(why)}: no baseline")
        return NO_VERDICT
    paths, notices = baseline.save(side, name, root=out, keep_samples=keep_samples)
    for notice in notices:
        say(tty(notice))
    for path in paths:
        write(f"{path} ({path.stat().st_size:,} bytes)")
    return OK


def _run(folder: Path) -> Side:
    (side,) = load([str(folder)], baselines=BASELINES)
    if side.kind != "run":
        raise SuiteError(f"{folder}: no run; give the folder of one, like results/SUITE/UTC-HASH")
    return side
