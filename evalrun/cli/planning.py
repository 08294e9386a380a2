"""From a command line to a plan: the suite, its targets, what was overridden. Sends nothing, prints only notices."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from evalrun.cli.progress import Quiet
from evalrun.data.places import Places
from evalrun.escape import tty
from evalrun.run.plan import Plan, plan
from evalrun.suite import Override, check_run, override, read_suite, read_target, require_key

Selection = Mapping[str, Any]
"""The options that select and override a suite, by name: `suite_options` of the command line."""

_OVERRIDES = {
    "limit": ("tasks", "*", "limit"),
    "repeats": ("tasks", "*", "repeats"),
    "concurrency": ("load", "concurrency"),
    "max_cost": ("limits", "max_cost_usd"),
}
KEPT = ("settings", "limit", "repeats", "skip_bad_rows")
"""The options that a run's manifest remembers: with suite and targets they are what was asked."""

RESULTS = Path("results")


def make_plan(suite: Path, selection: Selection, show: Quiet, *, sends: bool = True) -> Plan:
    """Read everything that was named, refuse what is wrong, and survey the data.

    sends: something will be sent by this plan, so that targets must have their keys.
    """
    inline = selection["allow_inline_secrets"]
    overrides = _overrides(selection)
    loaded = read_suite(suite, environ=os.environ, overrides=overrides, allow_inline_secrets=inline)
    named = [
        read_target(name, suite_root=loaded.root, environ=os.environ, allow_inline_secrets=inline)
        for name in selection["targets"] or loaded.suite.targets
    ]
    check_run(loaded, named)
    if sends:
        named = [replace(one, key=require_key(one, environ=os.environ, suite=loaded.path)) for one in named]
    places = Places(
        root=loaded.root,
        allowed=selection["allowed"],
        skip_bad_rows=selection["skip_bad_rows"],
        on_skip=lambda row: show.say(f"left out: {row}"),
        on_notice=show.say,
    )
    return plan(
        loaded.suite,
        tuple(named),
        suite_file=suite,
        command=_command(suite, selection, [target.name for target in named]),
        places=places,
        surveying=show.surveying,
    )


def _overrides(selection: Selection) -> list[Override]:
    """Turn the typed options into overrides of the fields they stand for; they come after --set and win."""
    found = [override(text, environ=os.environ) for text in selection["settings"]]
    for name, path in _OVERRIDES.items():
        if selection[name] is not None:
            found.append(Override(path=path, value=selection[name], flag=_flag(name)))
    return found


def _command(suite: Path, selection: Selection, targets: list[str]) -> dict[str, Any]:
    """Return what makes two commands the same run. How fast to ask and how much to spend may change on the way."""
    chosen = {name: selection[name] for name in KEPT}
    return {"suite": suite.name, "targets": targets} | {name: value for name, value in chosen.items() if value}


def as_typed(command: str, suite: Path, selection: Selection, *, out: Path = RESULTS) -> str:
    """Return the command line again. `command` is empty for a plain run."""
    words = ["evalrun", *command.split(), str(suite)]
    for name, flag in (("targets", "--target"), ("settings", "--set"), ("allowed", "--allow-path")):
        words += [word for value in selection[name] for word in (flag, str(value))]
    for name in _OVERRIDES:
        if selection[name] is not None:
            words += [_flag(name), str(selection[name])]
    words += [_flag(name) for name in ("allow_inline_secrets", "skip_bad_rows") if selection[name]]
    words += ["--out", str(out)] if out != RESULTS else []
    return tty(shlex.join(words))


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
