"""A tree -> a spec, or every mistake in it with its line. Translates pydantic's errors; reads no file."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from evalrun.errors import SuiteError, closest
from evalrun.escape import clip, tty
from evalrun.suite.document import Node, Position
from evalrun.suite.override import Step, show_path
from evalrun.suite.schema import Allowed, names_at
from evalrun.types import Json

T = TypeVar("T")
MAX_SHOWN = 20  # mistakes in one message

_TEXT, _A_LIST, _A_MAPPING, _A_NUMBER = "text", "a list", "a mapping", "a number"
_WHOLE, _TRUTH, _A_DATE = "a whole number", "true or false", "a date such as 2026-01-31"
_EXPECTED = {
    "string_type": _TEXT, "int_type": _WHOLE, "int_from_float": _WHOLE, "int_parsing": _WHOLE,
    "float_type": _A_NUMBER, "decimal_type": _A_NUMBER, "decimal_parsing": _A_NUMBER, "finite_number": _A_NUMBER,
    "bool_type": _TRUTH, "tuple_type": _A_LIST, "list_type": _A_LIST,
    "dict_type": _A_MAPPING, "model_type": _A_MAPPING, "model_attributes_type": _A_MAPPING,
    "date_type": _A_DATE, "date_parsing": _A_DATE, "date_from_datetime_parsing": _A_DATE,
    "none_required": "nothing",
}  # fmt: skip
_BOUNDS = {
    "greater_than_equal": ("is too small", "at least", "ge"),
    "greater_than": ("is too small", "more than", "gt"),
    "less_than_equal": ("is too large", "at most", "le"),
    "less_than": ("is too large", "less than", "lt"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing that is wrong. wants: what was expected instead of `node`; branches of a union join theirs."""

    position: Position
    path: tuple[Step, ...]
    message: str
    wants: str = ""
    node: Node


def validate(adapter: TypeAdapter[T], tree: Node, *, schema: Mapping[str, Json]) -> T:
    """Return the tree as its spec, or raise SuiteError with a line for each mistake."""
    try:
        return adapter.validate_json(json.dumps(tree.plain()))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        found = [_mistake(each, tree, names_at(schema, each["loc"])) for each in details if not _follows(each, tree)]
    raise refusal(
        f"{each.position}: {show_path(each.path)}{': ' if each.path else ''}{tty(each.message)}"
        for each in sorted(_joined(found), key=lambda each: each.position)
    )


def refusal(lines: Iterable[str]) -> SuiteError:
    """Return an error of these lines, the first twenty of them and the number of the rest."""
    every = list(dict.fromkeys(lines))
    more = [f"... and {len(every) - MAX_SHOWN} more"] if len(every) > MAX_SHOWN else []
    return SuiteError("\n".join(every[:MAX_SHOWN] + more))


def _follows(detail: ErrorDetails, tree: Node) -> bool:
    """Return whether an error only follows from others: pydantic counts the valid entries of a list, not all."""
    if detail["type"] != "too_short":
        return False
    typed = trace(tree, detail["loc"])[0].value
    return isinstance(typed, dict | list) and len(typed) >= detail["ctx"]["min_length"]


def _joined(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Join the mistakes in which each branch of a union says what it expected."""
    joined: dict[tuple[tuple[Step, ...], object], Mistake] = {}
    for each in mistakes:
        place = (each.path, bool(each.wants) or each.message)
        earlier = joined.get(place)
        if earlier is None:
            joined[place] = each
        elif each.wants and each.wants not in earlier.wants.split(" or "):
            joined[place] = _unlike(each.node, each.path, f"{earlier.wants} or {each.wants}")
    return list(joined.values())


def _mistake(detail: ErrorDetails, tree: Node, names: Allowed) -> Mistake:
    node, path = trace(tree, detail["loc"])
    last = detail["loc"][-1] if detail["loc"] else ""
    kind, context = detail["type"], detail.get("ctx", {})
    key = node.key or node.position

    def at(position: Position, message: str, *, below: tuple[Step, ...] = ()) -> Mistake:
        return Mistake(position=position, path=path + below, message=message, node=node)

    if kind == "missing":
        return at(key, "is missing; add it", below=(last,))
    if kind == "extra_forbidden":
        return at(key, f"unknown key{closest(str(last), names.keys) or _one_of(names.keys)}")
    if kind == "union_tag_not_found":
        return at(key, f"is missing{_one_of(names.kinds)}", below=("kind",))
    if kind == "union_tag_invalid":
        chosen = node.value["kind"] if isinstance(node.value, dict) else node
        near = difflib.get_close_matches(str(chosen.value), names.kinds, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else _one_of(names.kinds)
        return at(chosen.position, f"unknown kind {_show(chosen)}{hint}", below=("kind",))
    if last == "[key]":
        name = Node(str(path[-1]), key)
        return at(key, f"the name {_reason(kind, context, name)}")
    if kind == "literal_error" or kind in _EXPECTED:
        wants = _EXPECTED.get(kind) or re.sub(r"'([\w-]+)'", r"\1", str(context["expected"]))
        if isinstance(node.value, str) and node.value in names.kinds:
            return at(node.position, f"expected {_A_MAPPING}, got text; write {{kind: {node.value}}}")
        return _unlike(node, path, wants)
    return at(node.position, _reason(kind, context, node) or detail["msg"])


def trace(tree: Node, loc: Iterable[Step]) -> tuple[Node, tuple[Step, ...]]:
    """Return the node at pydantic's location, or as near as the tree goes, and its path.

    Pydantic adds steps that were not typed: the `kind` that chose a class, and names of a union's branches.
    """
    node, path, chosen = tree, tuple[Step, ...](), False
    for step in loc:
        value, child = node.value, None
        if isinstance(value, dict):
            kind = value.get("kind")
            if not chosen and kind is not None and kind.value == step:
                chosen = True
                continue
            child = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            child = value[step]
        if child is not None:
            node, path, chosen = child, (*path, step), False
    return node, path


def locate(tree: Node, loc: Sequence[Step]) -> str:
    """Return `file:line:column: path` of a field, or of the nearest enclosing value that was typed."""
    node, path = trace(tree, loc)
    return f"{node.position if path else tree.position.source}: {show_path(loc)}"


def _unlike(node: Node, path: tuple[Step, ...], wants: str) -> Mistake:
    """Return the mistake that a value has the wrong type."""
    value, hint = node.value, ""
    options = wants.split(" or ")
    if _TEXT in options and isinstance(value, bool | int | float):
        hint = f"; quote it: '{_show(node)}'"
    elif _A_LIST in options and isinstance(value, str | int | float):
        plain = re.fullmatch(r"[^\W_][\w./-]*", str(value))
        hint = f"; write [{value if plain else _show(node)}]"
    elif wants == _TRUTH and isinstance(value, str) and value.lower() in ("yes", "on", "no", "off"):
        hint = f"; write {'true' if value.lower() in ('yes', 'on') else 'false'}"
    elif wants in (_WHOLE, _A_NUMBER) and isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        hint = "; remove the quotes"
    message = f"expected {wants}, got {_show(node)}{hint}"
    return Mistake(position=node.position, path=path, message=message, wants=wants, node=node)


def _reason(kind: str, context: Mapping[str, Any], node: Node) -> str:
    """Return what is wrong with a value of the right type; empty for errors the specs do not use."""
    if kind in _BOUNDS:
        wrong, right, bound = _BOUNDS[kind]
        return f"{_show(node)} {wrong}; it must be {right} {context[bound]:g}"
    match kind:
        case "too_short":
            return f"has {context['actual_length']} entries; it needs at least {context['min_length']}"
        case "too_long":
            return f"has {context['actual_length']} entries; it takes at most {context['max_length']}"
        case "decimal_max_places":
            return f"{_show(node)} is too exact; it takes at most {context['decimal_places']} decimal places"
        case "string_too_short":
            return f"{_show(node)} is too short; it needs at least {context['min_length']} characters"
        case "string_too_long":
            return f"{_show(node)} is too long; it takes at most {context['max_length']} characters"
        case "string_pattern_mismatch":
            return f"{_show(node)} has the wrong form; it must match {context['pattern']}"
        case "value_error" | "assertion_error":
            return str(context["error"])
    return ""


def _show(node: Node) -> str:
    """Return what was typed, in YAML's terms."""
    match node.value:
        case None:
            return "nothing"
        case dict():
            return _A_MAPPING
        case list():
            return _A_LIST
        case bool():
            return "true" if node.value else "false"
        case str():
            return repr(clip(node.value, 60))
    return str(node.value)


def _one_of(names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"; one of: {listed}" if listed else ""
