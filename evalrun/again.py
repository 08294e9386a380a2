"""Which samples of a stored run to ask again: those that were wrong or failed, or named ones. Sends nothing.

What is asked so is a run of its own, in a folder apart from the suite's runs: its samples were chosen by what became of
them, so its numbers stand for no task, and no history, baseline or gate takes them.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from evalrun.errors import StoreError, SuiteError
from evalrun.escape import tty
from evalrun.requests import Requests, read, sample_hash
from evalrun.requests.chosen import WHAT
from evalrun.requests.rows import Bools
from evalrun.run.planning import Selection
from evalrun.run.watch import Watch
from evalrun.store.reader import run_folder
from evalrun.suite.read import read_suite

ONLY = "only"
"""The folder of such runs within that of all results."""


def narrowed(selection: Selection, only: Sequence[str], *, of: str | None, out: Path, watch: Watch) -> Selection:
    """Return a selection of those samples alone.

    only: words of `WHAT`, and ids (`id:wrong` for an id that equals such a word).
    of: the run; by default the newest one of the suite in `out`.
    Raises SuiteError if no sample matches, StoreError if there is no run.
    """
    if not only:
        raise SuiteError(f"--of: says of which run, and not what; add --only {'|'.join(WHAT)}|ID")
    folder = run_folder(Path(of)) if of is not None else _newest(selection, out)
    requests = read(folder)
    rows = np.zeros(len(requests), bool)
    for word in only:
        mine = _named(requests, word, folder)
        rows |= mine
    if selection.tasks:
        wanted = [task in selection.tasks for task in requests.tasks]
        rows &= np.array(wanted)[requests.place % len(requests.tasks)]
    if not rows.any():
        raise SuiteError(f"--only {tty(', '.join(only))}: no sample of {tty(str(folder))} is such; nothing to ask")
    chosen: dict[str, dict[str, None]] = {}
    for row in np.flatnonzero(rows).tolist():
        sample = requests.record(row).sample
        chosen.setdefault(sample.task, {})[sample.id] = None
    count = sum(map(len, chosen.values()))
    watch.say(f"--only {', '.join(only)}: {count:,} samples of {folder}")
    return replace(
        selection,
        tasks=tuple(task for task in requests.tasks if task in chosen),
        only=tuple(only),
        of=str(folder),
        chosen={task: tuple(ids) for task, ids in chosen.items()},
    )


def _newest(selection: Selection, out: Path) -> Path:
    """Return the newest run of a suite."""
    inline = selection.allow_inline_secrets
    suite = read_suite(selection.suite, environ=os.environ, overrides=selection.overrides, allow_inline_secrets=inline)
    folder = out / suite.suite.name
    found = run_folder(folder)
    if found == folder:
        raise StoreError(f"{folder}: has no run to take --only from; ask the suite first, or name a run with --of")
    return found


def _named(requests: Requests, word: str, folder: Path) -> Bools:
    """Return which requests are such, or have such an id."""
    if word in WHAT:
        return WHAT[word](requests)
    name = word.removeprefix("id:")
    found = np.asarray(requests.sample == np.uint64(sample_hash(name)))
    if not found.any():
        raise SuiteError(tty(f"--only {word}: neither one of {', '.join(WHAT)} nor the id of a sample of {folder}"))
    return found
