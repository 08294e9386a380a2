"""Suite and target files: YAML -> validated specs, every mistake with its line. Sends nothing.

    read      the entry points `read_suite` and `read_target`
    files     finds, opens and decodes files, and merges includes
    document  YAML text -> a tree with positions, under limits
    scalar    the value of one YAML scalar, variables, secret-looking values
    override  merging trees, and `--set`
    spec      the suite file as types
    schema    the JSON Schema, for editors and for hints
    validate  a tree -> a spec, or every mistake
    check     a suite against its targets: names, prices, keys

The data of a task is read by `data`; the specs of targets and scorers are in `targets.spec` and `score.spec`.
"""

from evalrun.suite.check import check_run, require_key
from evalrun.suite.files import shipped, suite_path
from evalrun.suite.override import Override, override
from evalrun.suite.read import Loaded, Target, read_suite, read_target
from evalrun.suite.schema import schema
from evalrun.suite.spec import Suite

__all__ = [
    "Loaded",
    "Override",
    "Suite",
    "Target",
    "check_run",
    "override",
    "read_suite",
    "read_target",
    "require_key",
    "schema",
    "shipped",
    "suite_path",
]  # fmt: skip
