"""What a suite and its targets must agree on before anything is sent: names, money, keys. Y10, Y12, N-rows of keys.

Each part alone was validated when it was read.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from evalrun.errors import SuiteError
from evalrun.escape import tty
from evalrun.secret import Secret
from evalrun.suite.read import Loaded, Target
from evalrun.suite.validate import refusal
from evalrun.targets.spec import Http


def check_run(loaded: Loaded, targets: Sequence[Target]) -> None:
    """Refuse a run whose parts contradict each other; every contradiction gets its line."""
    wrong = [*_same_names(targets), *_unbounded_cost(loaded, targets)]
    if wrong:
        raise refusal(wrong)


def _same_names(targets: Sequence[Target]) -> list[str]:
    first: dict[str, Target] = {}
    wrong = []
    for target in targets:
        earlier = first.setdefault(target.name, target)
        if earlier is not target:
            wrong.append(
                f"targets: {target.name!r} is named twice ({earlier.path} and {target.path}); "
                "drop one, or rename a file: its name tells the columns apart"
            )
    return [tty(line) for line in wrong]


def _unbounded_cost(loaded: Loaded, targets: Sequence[Target]) -> list[str]:
    """A cap holds only where the worst case of every request has a price."""
    cap = loaded.suite.limits.max_cost_usd
    if cap is None:
        return []
    where = loaded.locate(("limits", "max_cost_usd"))
    wrong = [
        f"{where}: a cap of {cap} USD needs prices, and {target.path} has none; add `prices:` there, or drop the cap"
        for target in targets
        if target.spec.prices is None
    ]
    wrong += [
        f"{where}: a cap of {cap} USD needs a longest answer, and tasks.{name} has none; "
        f"set tasks.{name}.sampling.max_tokens, or drop the cap"
        for name, task in loaded.suite.tasks.items()
        if task.sampling.max_tokens is None
    ]
    return wrong


def require_key(target: Target, *, environ: Mapping[str, str], suite: str | Path) -> Secret | None:
    """Return the target's key from the environment, or None if it needs none; `suite` is what the user called it."""
    if not isinstance(target.spec, Http) or target.spec.key_env is None:
        return None
    variable = target.spec.key_env
    where = target.locate(("key_env",))
    key = environ.get(variable, "").strip()
    if not key:
        raise SuiteError(
            f"{where}: the variable {variable} is {'empty' if variable in environ else 'not set'}; set it to your key, "
            f"or run on this machine: evalrun {tty(str(suite))} --target local"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise SuiteError(
            f"{where}: {variable} holds spaces, line breaks or letters no key has; set it to the key alone"
        )
    return Secret(key)
