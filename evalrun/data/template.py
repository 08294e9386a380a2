"""Sandboxed, strict templates: text with `{{ fields }}` of a row. Knows nothing of prompts or samples.

Strict: a missing field, a null, a list or NaN in place of text is refused, never printed as "None" or "nan".
Sandboxed and bounded: see `sandbox`. Rows never become templates.
"""

import datetime
import functools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import jinja2
from jinja2 import meta

from evalrun.data.places import Row
from evalrun.data.sandbox import BUDGET, MAX_CHARS, Environment
from evalrun.errors import SuiteError, closest
from evalrun.types import Json

PRINTABLE = (str, int, Decimal, datetime.date, datetime.time)

# What the sandboxed code, its filters and its operators raise for a row that does not fit the template.
FAULTS = (
    jinja2.TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
    MemoryError,
)


class NullError(ValueError):
    """A null cannot be printed."""


class Template:
    """A compiled template. Calling it renders a row."""

    def __init__(self, text: str, *, where: str) -> None:
        self._where = where
        self._constant = text.strip() if "{" not in text else None
        environment = _environment()
        with _compiling(where, "write fields as {{ name }}"):
            tree = environment.parse(text)
            self._needs = meta.find_undeclared_variables(tree)
            self._template = environment.from_string(tree)

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
        with _compiling(where, "write an expression such as `options`"):
            self._needs = meta.find_undeclared_variables(environment.parse("{{ " + text + " }}"))
            self._evaluate: Callable[[Row], Any] = environment.compile_expression(text, undefined_to_none=False)

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
    return Environment(finalize=shown)


def _variables(row: Row, number: int) -> Row:
    return {"row": row, "row_number": number, **row}


@contextmanager
def _compiling(where: str, hint: str) -> Iterator[None]:
    """Turn errors of a template's text into a SuiteError."""
    try:
        yield
    except jinja2.TemplateSyntaxError as error:
        raise SuiteError(f"{where}: line {error.lineno}: {error.message}; {hint}") from None
    except jinja2.TemplateError as error:  # of an expression without fields, which is computed at once
        raise SuiteError(f"{where}: {error.message}; {hint}") from None
    except ValueError:  # of Python's int()
        raise SuiteError(f"{where}: a number with more than 4,300 digits; {hint}") from None
    except (RecursionError, MemoryError, SyntaxError):  # of Python's compiler, which bounds the depth
        raise SuiteError(f"{where}: nested too deeply; write a simpler template") from None


@contextmanager
def _explained(where: str, needs: set[str], row: Row, number: int) -> Iterator[None]:
    """Start a rendering's budget; turn errors inside a template into a SuiteError that names the row and the field."""
    BUDGET.start()
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
