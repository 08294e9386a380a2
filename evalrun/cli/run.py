"""`evalrun run`, `check` and `schema`: from the command line to a plan, from a plan to a results folder."""

import asyncio
import gc
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evalrun.cli import results
from evalrun.cli.exits import CAPPED, INTERRUPTED, NO_VERDICT, OK, TERMINATED, say, write
from evalrun.cli.progress import Quiet, progress
from evalrun.data.places import Places
from evalrun.escape import tty
from evalrun.run.fanout import Ending, FanOut
from evalrun.run.plan import Asked, Plan, differences, manifest, plan, refuse_changed
from evalrun.run.stop import Stop
from evalrun.store import create_run, find_unfinished, resume
from evalrun.store.writer import Writer
from evalrun.suite import Override, check_run, override, read_suite, read_target, require_key, schema
from evalrun.target.transport.machine import loop_factory


def run_suite(suite: Path, selection: Mapping[str, Any], *, out: Path, new: bool, quiet: bool) -> int:
    """Ask the suite, score the answers, print the table; resume the same command's unfinished run if there is one."""
    show = progress(quiet=quiet)
    os.umask(0o077)  # answers may be anybody's business; the folder is the user's
    planned = _plan(suite, selection, show)
    writer = _open(planned, out=out, new=new, show=show)
    stop = Stop()
    with writer:
        folder = writer.run.path
        show.say(f"results: {folder}")
        ending = _ask(planned, writer, show, stop)
        finished = ending is not None and ending.complete and stop.signal is None
        writer.end("finished" if finished else "stopped")
    verdict = results.finish(folder, show=show, deadline_s=1.0 if stop.signal else None)
    return _last_words(planned, ending, stop, suite=suite, selection=selection, verdict=verdict)


def check_suite(suite: Path, selection: Mapping[str, Any]) -> int:
    """Validate everything that can be validated without sending, and say what would be asked."""
    show = progress(quiet=True)
    planned = _plan(suite, selection, show)
    for name, task in planned.suite.tasks.items():
        prints = planned.prints.tasks[name]
        judged = ", ".join(scorer.kind for scorer in task.scorers)
        write(f"{name}: {prints.samples} samples x {task.repeats}, judged by {judged}, data {prints.data[:16]}")
    targets = ", ".join(tty(target.name) for target in planned.targets)
    requests = sum(planned.totals.values()) * len(planned.targets)
    write(f"{suite}: valid; {requests} requests to {targets}")
    return OK


def print_schema(what: str) -> int:
    """Print a JSON Schema."""
    import json

    write(json.dumps(schema("suite" if what == "suite" else "target"), indent=1))
    return OK


# ---------------------------------------------------------------- the plan


def _plan(suite: Path, selection: Mapping[str, Any], show: Quiet) -> Plan:
    loaded = read_suite(
        suite,
        environ=os.environ,
        overrides=_overrides(selection),
        allow_inline_secrets=selection["allow_inline_secrets"],
    )
    named = [
        read_target(
            name,
            suite_root=loaded.root,
            environ=os.environ,
            allow_inline_secrets=selection["allow_inline_secrets"],
        )
        for name in selection["targets"] or loaded.suite.targets
    ]
    check_run(loaded, named)
    targets = tuple(
        Asked(
            name=one.name,
            spec=one.spec,
            folder=one.path.parent,
            key=require_key(one, environ=os.environ, suite=loaded.path),
        )
        for one in named
    )
    places = Places(
        root=loaded.root,
        allowed=selection["allowed"],
        skip_bad_rows=selection["skip_bad_rows"],
        on_skip=lambda row: show.say(f"left out: {row}"),
        on_notice=show.say,
    )
    return plan(
        loaded.suite,
        targets,
        suite_file=suite,
        command=_command(suite, selection, [target.name for target in targets]),
        places=places,
        surveying=show.surveying,
    )


def _overrides(selection: Mapping[str, Any]) -> list[Override]:
    """Turn the typed options into overrides of the fields they stand for; they come after --set and win."""
    found = [override(text, environ=os.environ) for text in selection["settings"]]
    typed = {
        "limit": ("tasks", "*", "limit"),
        "repeats": ("tasks", "*", "repeats"),
        "concurrency": ("load", "concurrency"),
        "max_cost": ("limits", "max_cost_usd"),
    }
    for name, path in typed.items():
        if selection[name] is not None:
            found.append(Override(path=path, value=selection[name], flag=f"--{name.replace('_', '-')}"))
    return found


def _command(suite: Path, selection: Mapping[str, Any], targets: list[str]) -> dict[str, Any]:
    """Give what makes two commands the same run. How fast to ask and how much to spend may change on the way."""
    kept = ("settings", "limit", "repeats", "skip_bad_rows")
    chosen = {name: selection[name] for name in kept}
    return {"suite": suite.name, "targets": targets} | {name: value for name, value in chosen.items() if value}


def _open(planned: Plan, *, out: Path, new: bool, show: Quiet) -> Writer:
    """Resume the unfinished run that the same command started, if nothing changed since; else start a new one."""
    unfinished = None if new else find_unfinished(out, planned.suite.name, planned.command)
    if unfinished is None:
        return create_run(out, manifest(planned))
    changes, only_scorers = differences(planned.prints, unfinished.manifest.fingerprints)
    if changes:
        raise refuse_changed(changes, unfinished.path, only_scorers=only_scorers, command=str(planned.suite_file))
    writer = resume(unfinished.path)
    for notice in writer.run.notices:
        show.say(notice)
    show.say(f"resuming: {writer.run.index.settled} of {sum(planned.totals.values()) * len(planned.targets)} are done")
    if billed := len(writer.possibly_billed):
        show.say(f"{billed} requests were in flight when it stopped: they may have been billed and are sent again")
    return writer


# ---------------------------------------------------------------- asking


def _ask(planned: Plan, writer: Writer, show: Quiet, stop: Stop) -> Ending | None:
    """Ask; None when it was interrupted before the requests in flight were over."""

    async def asking() -> Ending:
        with stop.listening():
            return await FanOut(planned, writer, show, stop).ask_all()

    gc.collect()
    gc.freeze()  # a full collection over all that was imported stops the stopwatch's loop for 30 to 150 ms
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            return runner.run(asking())
        except asyncio.CancelledError:
            if stop.signal is None:
                raise
            return None


def _last_words(
    planned: Plan, ending: Ending | None, stop: Stop, *, suite: Path, selection: Mapping[str, Any], verdict: int
) -> int:
    """Say what a person must know beyond the table, and give the exit code."""
    again = _as_typed(suite, selection)
    if stop.signal is not None:
        say(f"interrupted; resume with: {again}")
        return INTERRUPTED if stop.signal is signal.SIGINT else TERMINATED
    assert ending is not None
    for name, why in ending.stopped.items():
        say(f"{tty(name)}: stopped: {tty(why)}")
    if ending.capped:
        cap = planned.suite.limits.max_cost_usd
        say(f"the cap of ${cap} is reached: ${ending.spent_usd:.4f} are spent; raise --max-cost to go on: {again}")
        return CAPPED
    if ending.stopped:
        say(f"when that is mended, go on with: {again}")
        return NO_VERDICT
    if ending.unsettled:
        say(f"{ending.unsettled} requests failed for reasons of the moment; ask them again with: {again}")
    return verdict


def _as_typed(suite: Path, selection: Mapping[str, Any]) -> str:
    """Give the command that resumes this run."""
    import shlex

    words = ["evalrun", str(suite)]
    for name, flag in (("targets", "--target"), ("settings", "--set"), ("allowed", "--allow-path")):
        words += [word for value in selection[name] for word in (flag, str(value))]
    for name in ("limit", "concurrency", "repeats", "max_cost"):
        if selection[name] is not None:
            words += [f"--{name.replace('_', '-')}", str(selection[name])]
    words += [f"--{name.replace('_', '-')}" for name in ("allow_inline_secrets", "skip_bad_rows") if selection[name]]
    return tty(shlex.join(words))
