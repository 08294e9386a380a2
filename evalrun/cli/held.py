"""What was typed to `evalrun gate`, and what it names: the rules, the run and its baseline. Judges nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalrun.cli.exits import say
from evalrun.cli.reading import BASELINES
from evalrun.compare.load import exists, load
from evalrun.compare.side import Side
from evalrun.errors import SuiteError
from evalrun.escape import tty
from evalrun.gate.judge import rules
from evalrun.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a run is held to, as it was typed. texts: rules, in place of the suite's own."""

    baseline_name: str | None = None
    texts: Sequence[str] = ()
    baselines: Path = BASELINES
    across_prompts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What `--decide` may spend, and what the run's manifest does not hold of its command line."""

    max_cost: str | None = None
    max_repeats: int | None = None
    targets: Sequence[str] = ()
    allowed: Sequence[Path] = ()
    allow_inline_secrets: bool = False


def sides(folder: Path, held: Held) -> tuple[list[Rule], Side, Side | None]:
    """Read the rules, those given or else the suite's own `gates:`, the run and what it is held to."""
    asked = rules(held.texts)  # before a million records are read
    wanted = [str(folder)]
    if held.baseline_name is not None and exists(held.baseline_name, baselines=held.baselines):
        wanted.append(held.baseline_name)
    elif held.baseline_name is not None:
        kept = sorted(path.name for path in held.baselines.glob("*/")) if held.baselines.is_dir() else []
        say(f"no baseline {tty(held.baseline_name)} in {held.baselines}; it has {tty(', '.join(kept)) or 'none'}")
    new, *rest = load(wanted, baselines=held.baselines)
    if new.kind != "run":
        raise SuiteError(f"{folder}: no run; a gate judges the folder of a run, like results/SUITE/UTC-HASH")
    return asked or rules(new.gates), new, rest[0] if rest else None
