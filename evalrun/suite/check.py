"""Checks across a suite and its targets before anything is sent: names, prices, keys (Y10, Y12 of docs/faults.md)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from evalrun.errors import SuiteError
from evalrun.escape import tty
from evalrun.score.function import PythonScorer
from evalrun.score.pool import broken
from evalrun.secret import Secret
from evalrun.suite.read import Loaded, Target
from evalrun.suite.validate import locate, refusal
from evalrun.targets.spec import Http


def check_run(loaded: Loaded, targets: Sequence[Target]) -> None:
    """Raise SuiteError, with a line for each contradiction between the suite and its targets, or its functions."""
    wrong = [*_same_names(targets), *_unbounded_cost(loaded, targets), *_broken_functions(loaded)]
    if wrong:
        raise refusal(wrong)


def _same_names(targets: Sequence[Target]) -> list[str]:
    first: dict[str, Target] = {}
    return [
        tty(
            f"targets: duplicate name {target.name!r} ({first[target.name.lower()].where} and {target.where}); "
            "remove one, or rename its file: the name is the column's title, whatever its case"
        )
        for target in targets
        if first.setdefault(target.name.lower(), target) is not target
    ]


def _unbounded_cost(loaded: Loaded, targets: Sequence[Target]) -> list[str]:
    """A cap needs a price and a longest answer for every request."""
    cap = loaded.suite.limits.max_cost_usd
    if cap is None:
        return []
    where = locate(loaded.tree, ("limits", "max_cost_usd"))
    wrong = [
        f"{where}: a cap of {cap} USD needs prices, and {target.where} has none; add `prices:` there, or remove the cap"
        for target in targets
        if target.spec.prices is None
    ]
    asked = [(target.spec, warm) for target in targets for warm in (False, True)]
    for name, task in loaded.suite.tasks.items():
        if any(spec.wire.most_tokens(task.sampling.fields(spec, warm=warm)) is None for spec, warm in asked):
            wrong.append(
                f"{where}: a cap of {cap} USD needs max_tokens, and tasks.{name} has none; "
                f"set tasks.{name}.sampling.max_tokens, or remove the cap"
            )
    return wrong


def _broken_functions(loaded: Loaded) -> list[str]:
    """A `python` scorer that cannot be imported is found before its answers are paid for."""
    wrong = []
    for name, task in loaded.suite.tasks.items():
        for index, scorer in enumerate(task.scorers):
            if isinstance(scorer, PythonScorer) and (why := broken(scorer, beside=loaded.root)):
                path = ("tasks", name, "scorers", index, "call")
                wrong.append(f"{locate(loaded.tree, path)}: {tty(why)}")
    return wrong


def require_key(target: Target, *, environ: Mapping[str, str], suite: str | Path) -> Secret | None:
    """Return the target's key from the environment, or None if it needs none; `suite` is the suite as typed."""
    if not isinstance(target.spec, Http) or target.spec.key_env is None:
        return None
    variable = target.spec.key_env
    where = locate(target.tree, ("key_env",))
    key = environ.get(variable, "").strip()
    if not key:
        raise SuiteError(
            f"{where}: the variable {variable} is {'empty' if variable in environ else 'not set'}; set it to your key, "
            f"or run on this machine: evalrun {tty(str(suite))} --target local"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise SuiteError(
            f"{where}: {variable} contains spaces, line breaks or non-ASCII characters; set it to the key alone"
        )
    return Secret(key)
