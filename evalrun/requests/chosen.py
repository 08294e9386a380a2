"""Which rows of a request table are meant: by what became of them, by an expression over the columns, in an order.

An expression compares columns with values, joined by `and`, `or` and `not`: `ttft_s > 2 and state == 'wrong'`. It is
read as a syntax tree and never run. What is unknown satisfies no comparison.
"""

import ast
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from evalrun.errors import SuiteError, closest
from evalrun.requests.rows import BITS, Bools, Requests, State
from evalrun.stats.interval import Whole

WHAT: dict[str, Callable[[Requests], Bools]] = {
    "wrong": lambda requests: requests.answered & (requests.scores().value < 1),
    "failed": lambda requests: ~requests.answered,
    "truncated": lambda requests: requests.truncated,
    "unscored": lambda requests: np.asarray(requests.state == State.UNSCORED),
    "disputed": lambda requests: requests.scores().disputed,
}
"""What may have become of a request."""

MOST_CHARS = 1_000  # of an expression
NAMED = ("failure", "finish", "served", "token_source", "tpot_basis", "family", "cache")
"""Columns that hold numbers of texts."""
_HIDDEN = {"place", "sample", "offset", "cluster", "question", "state", *NAMED, *BITS}
_SIGNS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip
_EXAMPLE = "write e.g. ttft_s > 2 and state == 'wrong'"


class _Words(NamedTuple):
    """A column of texts: the number of each row's text, or a bit for each text that it has."""

    numbers: Whole
    names: Sequence[str]
    bits: bool = False


def columns(requests: Requests) -> tuple[str, ...]:
    """Return the columns that an expression and an order may name."""
    numbers = [name for name in requests.described() if name not in _HIDDEN]
    return ("task", "target", "state", "score", *numbers, *NAMED, *BITS)


def where(requests: Requests, text: str) -> Bools:
    """Return which rows satisfy an expression. Raises SuiteError for what is not one."""
    if len(text) > MOST_CHARS:
        raise SuiteError(f"--where: has {len(text):,} characters; at most {MOST_CHARS:,} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        found = _mask(requests, tree)
    except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError):
        raise SuiteError(f"--where {text!r}: is not an expression; {_EXAMPLE}") from None
    return np.asarray(found, bool)


def named(
    requests: Requests, *, tasks: Collection[str] = (), targets: Collection[str] = (), flags: Collection[str] = ()
) -> Bools:
    """Return which rows are of one of these tasks and targets, and have each of these flags or warnings.

    No task, target or flag is no condition; one that the run does not have is no row's.
    """
    mask = np.ones(len(requests), bool)
    target, task = np.divmod(requests.place, max(1, len(requests.tasks)))
    for numbers, names, wanted in ((task, requests.tasks, tasks), (target, requests.targets, targets)):
        if wanted:
            mask &= np.isin(numbers, [number for number, name in enumerate(names) if name in wanted])
    for flag in flags:
        mask &= requests.has("flags", flag) | requests.has("warnings", flag)
    return mask


def recorded(requests: Requests, mask: Bools) -> Whole:
    """Return the rows of a mask in the order in which they were recorded."""
    rows = np.flatnonzero(mask)
    return np.asarray(rows[np.argsort(requests.offset[rows], kind="stable")])


def ordered(requests: Requests, rows: Whole, by: str) -> Whole:
    """Return rows in the order of a column, `-COLUMN` from the largest down; unknown values last."""
    down, column = by.startswith("-"), _column(requests, by.removeprefix("-"), "--sort")
    if isinstance(column, _Words):
        rank = np.argsort(np.argsort(np.array(column.names, object))) if not column.bits and column.names else None
        values = column.numbers if rank is None else rank[column.numbers]
    else:
        values = column
    mine = values[rows].astype(float)
    order = np.argsort(np.where(np.isnan(mine), np.inf, -mine if down else mine), kind="stable")
    return np.asarray(rows[order])


def _mask(requests: Requests, node: ast.expr) -> Any:
    match node:
        case ast.BoolOp(op=op, values=values):
            both = np.logical_and if isinstance(op, ast.And) else np.logical_or
            return both.reduce([_mask(requests, value) for value in values])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return np.logical_not(_mask(requests, operand))
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [left, *others]
            each = [_compared(requests, a, op, b) for a, op, b in zip(sides, ops, sides[1:], strict=False)]
            return np.logical_and.reduce(each)
        case ast.Name(id=name):
            column = _column(requests, name, "--where")
            if not isinstance(column, _Words) and column.dtype == bool:
                return column
    raise SuiteError(f"--where: {_said(node)} is not a comparison; {_EXAMPLE}")


def _compared(requests: Requests, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> Any:
    if type(sign) not in _SIGNS:
        raise SuiteError(f"--where: only <, <=, >, >=, == and != compare; {_EXAMPLE}")
    one, other = _value(requests, left), _value(requests, right)
    if isinstance(other, _Words) and isinstance(one, str):
        one, other = other, one
    if isinstance(one, _Words):
        if not isinstance(other, str) or not isinstance(sign, ast.Eq | ast.NotEq):
            raise SuiteError(f"--where: {_said(left)} is a text; compare it by == or != with a text in quotes")
        return _has(one, other) == isinstance(sign, ast.Eq)
    if isinstance(one, str) or isinstance(other, str | _Words):
        raise SuiteError(f"--where: {_said(left)} is a number; compare it with a number")
    unknown = np.isnan(np.asarray(one, float)) | np.isnan(np.asarray(other, float))
    return np.broadcast_to(_SIGNS[type(sign)](one, other) & ~unknown, len(requests))


def _has(column: _Words, text: str) -> Bools:
    if text not in column.names:
        return np.zeros(len(column.numbers), bool)
    number = list(column.names).index(text)
    return np.asarray((column.numbers >> number) & 1 == 1 if column.bits else column.numbers == number)


def _value(requests: Requests, node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name):
            return _column(requests, name, "--where")
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value if isinstance(value, str) else float(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -float(value)
    raise SuiteError(f"--where: {_said(node)} is neither a column nor a value; {_EXAMPLE}")


def _column(requests: Requests, name: str, option: str) -> Any:
    known = columns(requests)
    if name not in known:
        hint = closest(name, known)
        raise SuiteError(f"{option}: no column {name!r}{hint}; there are {', '.join(known)}")
    if name == "score":
        return requests.scores().value
    if name == "state":
        return _Words(requests.state, [state.name.lower() for state in State])
    if name in ("task", "target"):
        target, task = np.divmod(requests.place, max(1, len(requests.tasks)))
        return _Words(task, requests.tasks) if name == "task" else _Words(target, requests.targets)
    column = requests.column(name)
    if name in NAMED or name in BITS:
        return _Words(column, requests.names.get(name, ()), bits=name in BITS)
    return column


def _said(node: ast.expr) -> str:
    return repr(ast.unparse(node)[:60])
