"""A stored run -> the plan that it was asked by, to ask more of the same. Refused where anything changed since."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evalrun.cli.asking import changed
from evalrun.cli.planning import KEPT, make_plan
from evalrun.cli.progress import Quiet
from evalrun.errors import SuiteError
from evalrun.escape import tty
from evalrun.run.plan import Plan
from evalrun.slug import slug
from evalrun.store import Run
from evalrun.suite.files import suite_path, target_path

_GIVE = "where its file is another, give it: --target PATH"


def replan(
    run: Run, *, max_cost: str | None, targets: Sequence[str], allowed: Sequence[Path], allow_inline_secrets: bool,
    show: Quiet,
) -> Plan:  # fmt: skip
    """Plan a stored run again, by its suite file, data and targets as they are now: they must be what they were.

    max_cost: a cap in place of the suite's. targets: files, where they are not where they were. allowed,
    allow_inline_secrets: as they were typed; the manifest does not have them.
    """
    manifest, folder = run.manifest, tty(str(run.path))
    if other := sorted(manifest.command.keys() - {"suite", "targets", *KEPT}):
        raise SuiteError(f"{folder}: was asked by `evalrun {other[0]}`, which cannot be asked on from here")
    suite = Path(manifest.suite_file)
    found = suite_path(suite)
    if not found.exists():
        raise SuiteError(
            f"{folder}: its suite {tty(str(suite))} is not here; run this in the folder in which the run was started"
        )
    known = [*targets, *(file for file in manifest.target_files.values() if Path(file).exists())]
    selection: dict[str, Any] = {
        "settings": (),
        "skip_bad_rows": False,
        **dict.fromkeys(("limit", "repeats")),
        **{name: manifest.command[name] for name in KEPT if name in manifest.command},
        "targets": [_target(name, known, suite_root=found.parent) for name in manifest.command["targets"]],
        "concurrency": manifest.suite["load"]["concurrency"],
        "max_cost": max_cost,
        "allowed": allowed,
        "allow_inline_secrets": allow_inline_secrets,
    }
    plan = make_plan(suite, selection, show)
    changes, _ = changed(plan, run)
    if changes:
        hint = f"; {_GIVE}" if any(change.startswith("target ") for change in changes) else ""
        raise SuiteError(
            f"{folder}: {tty('; '.join(changes))} since it was asked, so that more answers would not be comparable;"
            f" undo the change, or start a new run{hint}"
        )
    return plan


def _target(name: str, known: Sequence[str], *, suite_root: Path) -> str:
    """Return what a target was typed as: a path that has its name, or the name itself."""
    for one in known:
        if slug(Path(one).stem) == name:
            return one
    try:
        target_path(name, suite_root=suite_root, working=Path())
    except SuiteError as error:
        raise SuiteError(f"{error}; {_GIVE}") from error
    return name
