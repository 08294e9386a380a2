"""Jinja's sandbox, bounded: a rendering has a budget of steps and of characters, and no value is made that is too long.

Python's internals and files are out of reach, and so is everything random. Loops, calls, filters and operators draw on
the budget; where the length of a result follows from the arguments (`replace`, `center`, a format's width), it is
checked before the result is made. The filters `urlize` and `striptags` are not available: they take quadratic time.
"""

import functools
import re
import string
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jinja2
import msgspec
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from evalrun.types import Json

MAX_CHARS = 64 * 2**20  # of a value, or of what is rendered
MAX_MADE = 4 * MAX_CHARS  # characters of all values made while a template is rendered
MAX_STEPS = 2_000_000  # iterations, calls, filters and operators of one rendering
MAX_WIDTH = 9_999  # of a field that is filled with spaces
MAX_BITS = 100_000  # of an integer

_WIDE = re.compile(r"[*{]|[0-9]{5}")  # a width that is too large, or that is not known before
_WIDTHS = frozenset({"indent", "center", "batch", "slice", "ljust", "rjust", "zfill", "expandtabs"})


class RenderingBudget(threading.local):
    """What is left of the budget of the rendering that this thread is at."""

    steps = 0
    chars = 0

    def start(self) -> None:
        self.steps, self.chars = MAX_STEPS, MAX_MADE

    def step(self, count: int = 1) -> None:
        self.steps -= count
        if self.steps < 0:
            raise OverflowError(f"takes more than {MAX_STEPS} steps")

    def made(self, value: Any) -> Any:
        """Return `value`, a result, and take it from the budget."""
        self.step()
        if isinstance(value, str | bytes | list | tuple | dict):
            self.fits(len(value))
            self.chars -= len(value)
            if self.chars < 0:
                raise OverflowError(f"makes more than {MAX_MADE} characters")
        elif isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise OverflowError("the number is too large")
        return value

    def fits(self, length: int) -> None:
        if length > MAX_CHARS:
            raise OverflowError(f"longer than {MAX_CHARS} characters")


BUDGET = RenderingBudget()


class Environment(ImmutableSandboxedEnvironment):
    """The environment in which templates are compiled and rendered."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, *, finalize: Callable[[Any], Any]) -> None:
        super().__init__(
            undefined=jinja2.StrictUndefined,
            finalize=finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
            optimized=False,  # constant expressions are bounded too
        )
        # lipsum and random differ from run to run; Jinja's tojson is for HTML.
        del self.globals["lipsum"]
        self.globals["range"] = _range
        for name in ("random", "urlize", "striptags"):
            del self.filters[name]
        self.filters["tojson"] = _tojson
        self.filters = {name: _bounded(name, function) for name, function in self.filters.items()}
        self.filters |= {" iterate": _iterate, " join": _join, " made": BUDGET.made}

    @staticmethod
    def concat(parts: Iterable[str]) -> str:
        """Join what a macro or a `set` block rendered."""
        parts = list(parts)
        BUDGET.fits(sum(map(len, parts)))
        return str(BUDGET.made("".join(parts)))

    def _generate(self, source: nodes.Template, *arguments: Any, **options: Any) -> str:
        return super()._generate(_Bounds().visit(source), *arguments, **options)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Check the length of the result of an operator before it is computed."""
        if operator == "*":
            sized = [len(side) for side in (left, right) if isinstance(side, str | list | tuple)]
            counts = [side for side in (left, right) if isinstance(side, int)]
            BUDGET.fits(sized[0] * counts[0] if sized and counts else 0)
            if len(counts) == 2 and left.bit_length() + right.bit_length() > MAX_BITS:
                raise OverflowError("the product is too large")
        if (
            operator == "**"
            and isinstance(left, int)
            and isinstance(right, int)
            and left.bit_length() * right > MAX_BITS
        ):
            raise OverflowError("the power is too large")
        if operator == "%" and isinstance(left, str):
            _check_percent(left, right if isinstance(right, tuple) else (right,))
        return BUDGET.made(super().call_binop(context, operator, left, right))

    def call(__self, __context: Context, __callee: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  names of arguments are free
        """Call a macro, or a method of a value."""
        BUDGET.step()
        method = getattr(__callee, "__wrapped__", __callee)
        text = getattr(method, "__self__", None)
        if isinstance(text, str):
            _check_text(method.__name__, text, args, kwargs)
        return BUDGET.made(super().call(__context, __callee, *args, **kwargs))


class _Bounds(NodeTransformer):
    """Makes loops, slices and `~` filters of their own, so that they draw on the budget."""

    def visit_For(self, node: nodes.For, *_: Any) -> nodes.For:  # noqa: N802  Jinja's names
        self.generic_visit(node)
        node.iter = _filtered(node.iter, " iterate")
        return node

    def visit_Concat(self, node: nodes.Concat, *_: Any) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), " join")

    def visit_Getitem(self, node: nodes.Getitem, *_: Any) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, " made") if isinstance(node.arg, nodes.Slice) else node


def _filtered(node: Any, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _iterate(values: Iterable[Any]) -> Iterator[Any] | list[Any]:
    def counted() -> Iterator[Any]:
        for value in values:
            BUDGET.step()
            yield value

    if not isinstance(values, list | tuple | dict | str | range):
        return counted()
    BUDGET.step(len(values))
    return list(values)  # a list, so that `loop.length` is known


def _join(parts: list[Any]) -> str:
    texts = [str(part) for part in parts]
    BUDGET.fits(sum(map(len, texts)))
    return str(BUDGET.made("".join(texts)))


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    BUDGET.step(len(numbers))
    return numbers


def _tojson(value: Json) -> str:
    return msgspec.json.Encoder(decimal_format="number").encode(value).decode()


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that checks the length of its result, before it is made where that can be known."""
    first = 1 if hasattr(function, "jinja_pass_arg") else 0  # after the context

    @functools.wraps(function)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        value, *others = args[first:]
        if isinstance(value, str):
            _check_text(name, value, others, kwargs)
        elif name == "join" and isinstance(value, list | tuple) and (others or "d" in kwargs):
            BUDGET.fits(len(value) * len(str(others[0] if others else kwargs["d"])))
        elif name in _WIDTHS:
            _check_widths(name, (*others, *kwargs.values()))
        return BUDGET.made(function(*args, **kwargs))

    return filtered


def _check_text(name: str, text: str, args: Iterable[Any], kwargs: dict[str, Any]) -> None:
    """Refuse a method or filter of `text` whose result would be too long, as far as its arguments tell."""
    given = [*args, *kwargs.values()]
    longest = max((len(str(each)) for each in given if not isinstance(each, list | tuple | dict)), default=0)
    if name in _WIDTHS:
        _check_widths(name, given)
        BUDGET.fits(len(text) + (text.count("\n") + text.count("\t") + 1) * max(longest, *(_widths(given) or [0])))
    elif name == "replace":
        old = str(given[0]) if given else ""
        BUDGET.fits(len(text) + (text.count(old) if old else len(text) + 1) * longest)
    elif name == "wordwrap":
        BUDGET.fits(len(text) * max(1, longest))
    elif name == "join":
        of = given[0] if given and isinstance(given[0], list | tuple) else []
        BUDGET.fits(sum(len(str(each)) + len(text) for each in of))
    elif name == "translate":
        tables = [each for each in given if isinstance(each, dict)]
        BUDGET.fits(len(text) * max((len(str(to)) for table in tables for to in table.values()), default=1))
    elif name in ("format", "format_map"):
        if "%" in text:
            _check_percent(text, given)
        _check_format(text, given)


def _widths(given: Iterable[Any]) -> list[int]:
    return [each for each in given if isinstance(each, int)]


def _check_widths(name: str, given: Iterable[Any]) -> None:
    if max(map(abs, _widths(given)), default=0) > MAX_WIDTH:
        raise OverflowError(f"{name} is wider than {MAX_WIDTH}")


def _check_percent(text: str, given: Iterable[Any]) -> None:
    directives = re.findall(r"%(?:\([^)]*\))?([^a-zA-Z%]*)", text)
    if any(_WIDE.search(directive) for directive in directives):
        raise OverflowError(f"a format is wider than {MAX_WIDTH}")
    _check_fields(len(directives), text, given)


def _check_format(text: str, given: Iterable[Any]) -> None:
    fields = [spec for _, name, spec, _ in string.Formatter().parse(text) if name is not None]
    if any(_WIDE.search(spec or "") for spec in fields):
        raise OverflowError(f"a format is wider than {MAX_WIDTH}")
    _check_fields(len(fields), text, given)


def _check_fields(fields: int, text: str, given: Iterable[Any]) -> None:
    BUDGET.fits(
        len(text) + fields * max(MAX_WIDTH if "%" in text or ":" in text else 0, *(len(str(each)) for each in given), 0)
    )
