"""Every kind of data source a task can name, in one visible union, and the two kinds that have no file of their own.

A source is a frozen spec with a literal `kind`, its options as fields, and one method, `rows(places) -> Iterator[Row]`,
which streams. It knows nothing of prompts, samples or limits. To add one, write its class and name it in `Source`; from
outside, use `kind: python`.
"""

import importlib
import itertools
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from evalrun.data.files import Csv, Jsonl, Parquet
from evalrun.data.graded import Arithmetic, WordProblems
from evalrun.data.hub import Hub
from evalrun.data.ladder import LadderSource
from evalrun.data.places import Places, Row
from evalrun.errors import SuiteError
from evalrun.escape import clip, tty
from evalrun.spec import Spec

MAX_SAID = 200  # characters of a stranger's exception
_PACKAGE = Path(__file__).parents[1]
_NO_MORE = object()


class Inline(Spec):
    """Rows written in the suite file itself."""

    kind: Literal["inline"]
    rows_: tuple[dict[str, Any], ...] = Field(alias="rows", min_length=1)
    """The rows, each a mapping of field names to values."""

    def rows(self, places: Places) -> Iterator[Row]:  # noqa: ARG002  (reads no file)
        """Return the rows as written."""
        return iter(self.rows_)

    def size(self, places: Places, asked: int) -> int:  # noqa: ARG002  (see Rows)
        """Return how many rows are written."""
        return len(self.rows_)


class PythonSource(Spec):
    """Rows from a function of your own: any iterable of mappings. It runs unsandboxed, with your rights."""

    kind: Literal["python"]
    call: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    """`package.module:function`; a module in the suite's folder is found too."""
    args: dict[str, Any] = Field(default={})
    """Keyword arguments for the function."""

    def rows(self, places: Places) -> Iterator[Row]:
        """Call the function and yield its rows."""
        found = self._called(places)
        with _explained(self.call, places.root):
            rows = iter(found)
        for number in itertools.count(1):
            with _explained(self.call, places.root):
                row = next(rows, _NO_MORE)
            if row is _NO_MORE:
                return
            if not isinstance(row, dict):
                raise SuiteError(f"{self.call}: row {number} is a {type(row).__name__}; yield dicts")
            yield row

    def size(self, places: Places, asked: int) -> int | None:
        """Return how many rows there are. Of rows that come one by one, at most one is fetched beyond `asked`."""
        found = self._called(places)
        if isinstance(found, Sized):
            return len(found)
        with _explained(self.call, places.root):
            return asked if sum(1 for _ in itertools.islice(found, asked + 1)) == asked else None

    def _called(self, places: Places) -> Iterable[Any]:
        function = imported(self.call, places.root)
        with _explained(self.call, places.root):
            found = function(**self.args)
        if not isinstance(found, Iterable) or isinstance(found, str | bytes | Mapping):
            raise SuiteError(f"{self.call}: returns a {type(found).__name__}; return a list of dicts, or yield dicts")
        return found


def imported(call: str, beside: Path) -> Callable[..., Any]:
    """Import `package.module:function`; the folder `beside` is searched last. The only dynamic import."""
    module, _, name = call.partition(":")
    sys.path.append(str(beside))
    try:
        with _explained(call, beside):
            found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SuiteError(f"{call}: {error}; install the module, or put it in the suite's folder {beside}") from None
    finally:
        if str(beside) in sys.path:  # the module may have tidied it
            sys.path.remove(str(beside))
    if not callable(found):
        raise SuiteError(f"{call}: is a {type(found).__name__}; name a function")
    return found  # type: ignore[no-any-return]


@contextmanager
def _explained(call: str, beside: Path) -> Iterator[None]:
    """Turn what the user's code raises, or its `sys.exit()`, into a SuiteError that names the user's own line."""
    try:
        yield
    except (SuiteError, ImportError):
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - strangers' code may raise anything
        said = f"{type(error).__name__}: {clip(str(error), MAX_SAID)}" if str(error) else type(error).__name__
        said += _line(error, beside)
        raise SuiteError(tty(f"{call}: {said}; fix the function, or its `args`")) from None


def _line(error: BaseException, beside: Path) -> str:
    """Return the innermost line in the suite's folder, else the outermost that is not evalrun's; empty without one."""
    lines = traceback.extract_tb(error.__traceback__)
    foreign = [each for each in lines if not Path(each.filename).is_relative_to(_PACKAGE) and each.filename[:1] != "<"]
    own = [each for each in foreign if Path(each.filename).resolve().is_relative_to(beside.resolve())]
    own = [each for each in own if "site-packages" not in each.filename]  # an environment beside the suite
    if not foreign:
        return ""  # the call itself: wrong arguments, or a module that cannot be compiled
    found = own[-1] if own else foreign[0]
    return f" ({found.filename}:{found.lineno}: in {found.name}: {clip(found.line or '', MAX_SAID)})"


Source = Annotated[
    Hub | Jsonl | Csv | Parquet | Inline | Arithmetic | WordProblems | LadderSource | PythonSource,
    Field(discriminator="kind"),
]
