"""The errors evalrun raises deliberately. Anything else that escapes is a bug and shows its traceback.

    EvalrunError
      SuiteError     the suite, a config or a sample is wrong     exit 2, nothing was sent
      StoreError     a results folder cannot be used              exit 5
      TargetError    a request, or its server, failed
        Unusable     the target cannot be used at all             exit 3

Outside `targets` a failed request is not an exception but a `types.Failure` inside a record.
Messages read `where: what is wrong; what would be right`.
"""

import difflib
from collections.abc import Iterable


class EvalrunError(Exception):
    """Anything evalrun says on purpose. The exit code of each kind is in `cli.exits`."""


class SuiteError(EvalrunError):
    """The suite, a config, a data row or the command line is wrong. Nothing was sent."""


class StoreError(EvalrunError):
    """A results folder cannot be read, written or locked."""


class TargetError(EvalrunError):
    """A target, or one request to it, failed."""


class Unusable(TargetError):
    """No request to this target can succeed (bad key, unknown model, no server): asking stops."""


def closest(wrong: str, names: Iterable[object]) -> str:
    """Return `; did you mean 'x'?` for the name closest to `wrong`, or nothing if none is close."""
    near = difflib.get_close_matches(wrong, map(str, names), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
