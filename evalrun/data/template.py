"""Sandboxed, strict templates: text with `{{ fields }}` of a row. Knows nothing of prompts or samples.

Strict: a missing field, a null, a list or NaN in place of text is refused, never printed as "None" or "nan".
Sandboxed: Python's internals and files are out of reach. The bounds on loops and sizes catch accidents; they are no
defence against the author of the suite. Rows never become templates.
"""

import datetime
import functools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import jinja2
import msgspec
from jinja2 import meta
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evalrun.data.places import Row
from evalrun.errors import SuiteError, closest
from evalrun.types import Json

MAX_CHARS = 64 * 2**20
MAX_LOOPS = 1_000_000  # iterations of range() in one rendering
MAX_BITS = 100_000  # of an integer power
PRINTABLE = (str, int, Decimal, datetime.date, datetime.time)

# What the sandboxed code, its filters and its operators raise for a row that does not fit the template.
FAULTS = (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)


class NullError(ValueError):
    """A null cannot be printed."""


class Environment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with bounded products and powers."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse `"x" * 10**9` and `9 ** 9 ** 9` before they are computed."""
        sizes = [len(side) for side in (left, right) if isinstance(side, str | list | tuple)]
        numbers = [side for side in (left, right) if isinstance(side, int)]
        if operator == "*" and sizes and numbers and sizes[0] * numbers[0] > MAX_CHARS:
            raise OverflowError("the product is too long")
        if operator == "**" and len(numbers) == 2 and left.bit_length() * right > MAX_BITS:
            raise OverflowError("the power is too large")
        return super().call_binop(context, operator, left, right)


class Template:
    """A compiled template. Calling it renders a row."""

    def __init__(self, text: str, *, where: str) -> None:
        self._where = where
        self._constant = text.strip() if "{" not in text else None
        environment = _environment()
        try:
            tree = environment.parse(text)
            self._needs = meta.find_undeclared_variables(tree)
            self._template = environment.from_string(tree)
        except jinja2.TemplateSyntaxError as error:
            raise SuiteError(f"{where}: line {error.lineno}: {error.message}; write fields as {{{{ name }}}}") from None

    def __call__(self, row: Row, number: int) -> str:
        """Render the row; `number` counts rows from 1 and is `{{ row_number }}`, the whole row is `{{ row }}`."""
        if self._constant is not None and self._constant in row:
            name = self._constant
            raise SuiteError(f"{self._where}: {name!r} would be sent literally; for the field write {{{{ {name} }}}}")
        parts: list[str] = []
        left = MAX_CHARS
        with _explained(self._where, self._needs, row, number):
            for part in self._template.generate(_variables(row, number)):
                left -= len(part)
                if left < 0:
                    raise OverflowError(f"longer than {MAX_CHARS} characters")
                parts.append(part)
        return "".join(parts)


class Expression:
    """A template expression for a list of texts, e.g. `options` or `choices.text`."""

    def __init__(self, text: str, *, where: str) -> None:
        self._where = where
        environment = _environment()
        try:
            self._needs = meta.find_undeclared_variables(environment.parse("{{ " + text + " }}"))
            self._evaluate: Callable[[Row], Any] = environment.compile_expression(text, undefined_to_none=False)
        except jinja2.TemplateSyntaxError as error:
            raise SuiteError(f"{where}: {error.message}; write an expression such as `options`") from None

    def __call__(self, row: Row, number: int) -> tuple[str, ...]:
        """Return the texts for the row."""
        with _explained(self._where, self._needs, row, number):
            found = self._evaluate(_variables(row, number))
            if not isinstance(found, list | tuple):
                raise TypeError(f"is {str(found)[:40]!r}, and must be a list")
            return tuple(str(shown(each)) for each in found)


def shown(value: Json) -> Json:
    """Return a value that may be printed in a prompt; raise for others."""
    if isinstance(value, PRINTABLE) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, jinja2.Undefined):
        return str(value)  # raises, with the name
    if value is None:
        raise NullError("is null; write text for it, e.g. {{ name or 'none' }}")
    if isinstance(value, float):
        raise ValueError(f"is {value}; a prompt needs a finite number")
    raise TypeError(f"is a {type(value).__name__}; print it with | join or | tojson")


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        undefined=jinja2.StrictUndefined, finalize=shown, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    # lipsum and random differ from run to run; range is counted for each rendering; Jinja's tojson is for HTML.
    for name in ("lipsum", "range"):
        del environment.globals[name]
    del environment.filters["random"]
    environment.filters["tojson"] = _tojson
    return environment


def _tojson(value: Json) -> str:
    return msgspec.json.Encoder(decimal_format="number").encode(value).decode()


def _variables(row: Row, number: int) -> Row:
    return {"row": row, "row_number": number, "range": _counted_range(), **row}


def _counted_range() -> Callable[..., range]:
    left = MAX_LOOPS

    def counted(*bounds: int) -> range:
        nonlocal left
        numbers = range(*bounds)
        left -= len(numbers) + 1
        if left < 0:
            raise OverflowError(f"more than {MAX_LOOPS} iterations of range()")
        return numbers

    return counted


@contextmanager
def _explained(where: str, needs: set[str], row: Row, number: int) -> Iterator[None]:
    """Turn errors inside a template into a SuiteError that names the row and the field."""
    try:
        yield
    except FAULTS as fault:
        where = f"{where}: row {number}"
        missing = sorted(needs - {*_variables(row, number), *_environment().globals})
        if isinstance(fault, jinja2.UndefinedError) and missing:
            hint = closest(missing[0], row)
            raise SuiteError(f"{where}: no field {missing[0]!r}; the fields are {', '.join(row)}{hint}") from None
        nulls = [name for name in sorted(needs) if isinstance(fault, NullError) and row.get(name, name) is None]
        about = f"field {nulls[0]!r} " if nulls else ""
        raise SuiteError(f"{where}: {about}{fault or type(fault).__name__}") from None
