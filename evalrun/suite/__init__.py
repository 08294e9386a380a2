"""Suites and targets as they are typed: YAML files -> validated specs, every mistake with its line. Sends nothing."""

from evalrun.suite.check import check_run, require_key
from evalrun.suite.lookup import shipped, suite_path
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
]
