"""Every kind of data source a task can name, in one visible union, and the two kinds that have no file of their own.

A source is a frozen spec with a literal `kind`, its options as fields, and one method, `rows(places) -> Iterator[Row]`,
which streams. It knows nothing of prompts, samples or limits. To add one, write its class and name it in `Source`; from
outside, use `kind: python`.
"""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from evalrun.data.files import Csv, Jsonl, Parquet
from evalrun.data.graded import Arithmetic, WordProblems
from evalrun.data.hub import Hub
from evalrun.data.ladder import LadderSource
from evalrun.data.places import Places, Row
from evalrun.errors import SuiteError
from evalrun.spec import Spec


class Inline(Spec):
    """Rows written in the suite file itself."""

    kind: Literal["inline"]
    rows_: tuple[dict[str, Any], ...] = Field(alias="rows", min_length=1)
    """The rows, each a mapping of field names to values."""

    def rows(self, places: Places) -> Iterator[Row]:  # noqa: ARG002  (reads no file)
        """Return the rows as written."""
        return iter(self.rows_)


class PythonSource(Spec):
    """Rows from a function of your own: any iterable of mappings. It runs unsandboxed, with your rights."""

    kind: Literal["python"]
    call: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    """`package.module:function`; a module in the suite's folder is found too."""
    args: dict[str, Any] = Field(default={})
    """Keyword arguments for the function."""

    def rows(self, places: Places) -> Iterator[Row]:
        """Call the function and yield its rows."""
        for number, row in enumerate(imported(self.call, places.root)(**self.args), start=1):
            if not isinstance(row, dict):
                raise SuiteError(f"{self.call}: row {number} is a {type(row).__name__}; yield dicts")
            yield row


def imported(call: str, beside: Path) -> Callable[..., Any]:
    """Import `package.module:function`; the folder `beside` is searched last. The only dynamic import."""
    module, _, name = call.partition(":")
    sys.path.append(str(beside))
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SuiteError(f"{call}: {error}; install the module, or put it in the suite's folder {beside}") from None
    finally:
        sys.path.remove(str(beside))
    if not callable(found):
        raise SuiteError(f"{call}: is a {type(found).__name__}; name a function")
    return found  # type: ignore[no-any-return]


Source = Annotated[
    Hub | Jsonl | Csv | Parquet | Inline | Arithmetic | WordProblems | LadderSource | PythonSource,
    Field(discriminator="kind"),
]
