"""Load patterns: when each request of a task is due. A pattern sends nothing and waits for nothing.

A pattern is a frozen spec with a literal `kind`, its options as fields, `concurrency` (the most requests in flight) and
one method, `due_s(seed)`. It is listed in the union of the suite's `load:` field (`suite.spec`).
"""

import itertools
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from evalrun.spec import Spec
from evalrun.types import Json


class ClosedLoop(Spec):
    """A closed loop: always `concurrency` requests in flight, the next one sent when one is answered."""

    kind: Literal["closed"] = "closed"
    concurrency: int = Field(default=4, ge=1, le=4096)
    """Maximum requests in flight to a target."""

    def due_s(self, seed: str) -> Iterator[float | None]:  # noqa: ARG002  (nothing is drawn)
        """Return when request 0, 1, 2, ... of a task is due, in seconds from the task's first request on.

        None, or no further item: as soon as fewer than `concurrency` are in flight, which holds for every request.
        seed: of the task and the run, for patterns that draw their times.
        """
        return itertools.repeat(None)


def closed_by_default(load: Json) -> Json:
    """Return what was typed, with the `kind` of a closed loop where it has none."""
    return {"kind": "closed", **load} if isinstance(load, dict) else load
