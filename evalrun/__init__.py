"""evalrun: is it right, how fast, for how much, how sure are we - from the same requests.

    plan = evalrun.read_suite("suites/math.yaml", targets=["sim"], limit=5)
    run = evalrun.run_suite(plan)
    run.table()

docs/python.md is the tour. Importing this package imports nothing else: a name is looked up when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from evalrun.api import Run, arun_suite, compare_runs, open_run, read_suite, run_suite
    from evalrun.errors import EvalrunError, StoreError, SuiteError, TargetError
    from evalrun.run.plan import Plan
    from evalrun.run.watch import Progress

__all__ = [
    "EvalrunError",
    "Plan",
    "Progress",
    "Run",
    "StoreError",
    "SuiteError",
    "TargetError",
    "__version__",
    "arun_suite",
    "compare_runs",
    "open_run",
    "read_suite",
    "run_suite",
]

_HOMES = {"Plan": "evalrun.run.plan", "Progress": "evalrun.run.watch"} | {
    name: "evalrun.errors" for name in __all__ if name.endswith("Error")
}


if not TYPE_CHECKING:  # else a type checker would take every name for an attribute

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'evalrun' has no attribute {name!r}")
        return getattr(import_module(_HOMES.get(name, "evalrun.api")), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
