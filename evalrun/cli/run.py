"""`evalrun run`, `check` and `schema`: a suite asked and scored, or only looked at."""

from pathlib import Path

from evalrun.cli import results
from evalrun.cli.asking import ask, asked_not_scored, last_words
from evalrun.cli.exits import OK, write
from evalrun.cli.planning import Selection, as_typed, make_plan
from evalrun.cli.progress import progress
from evalrun.escape import tty
from evalrun.suite import schema


def run_suite(suite: Path, selection: Selection, *, out: Path, new: bool, quiet: bool) -> int:
    """Ask the suite, score the answers, print the table; resume the same command's unfinished run if there is one."""
    show = progress(quiet=quiet)
    plan = make_plan(suite, selection, show)
    if not new and (asked := asked_not_scored(plan, out)) is not None:
        show.say(f"every answer is there already, and was not scored to the end: {asked}")
        return results.finish(asked, show=show)
    session = ask(plan, out=out, new=new, show=show)
    verdict = results.finish(session.folder, show=show, deadline_s=session.deadline_s)
    return last_words(session, plan, again=as_typed("", suite, selection, out=out), verdict=verdict)


def check_suite(suite: Path, selection: Selection) -> int:
    """Validate everything that can be validated without sending, and say what would be asked."""
    plan = make_plan(suite, selection, progress(quiet=True))
    for name, task in plan.suite.tasks.items():
        prints = plan.prints.tasks[name]
        judged = ", ".join(scorer.kind for scorer in task.scorers)
        write(f"{name}: {prints.samples} samples x {task.repeats}, judged by {judged}, data {prints.data[:16]}")
    targets = ", ".join(tty(target.name) for target in plan.targets)
    requests = sum(plan.totals.values()) * len(plan.targets)
    write(f"{suite}: valid; {requests} requests to {targets}")
    return OK


def print_schema(what: str) -> int:
    """Print a JSON Schema."""
    import json

    write(json.dumps(schema("suite" if what == "suite" else "target"), indent=1))
    return OK
