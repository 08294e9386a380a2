"""How one tree changes another: includes are merged, `--set` and similar options are applied.

Knows one field only: the entries of `tasks` have names that the user chose.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalrun.errors import SuiteError, closest
from evalrun.escape import tty
from evalrun.suite.document import MAX_DEPTH, Node, Position, parse
from evalrun.types import Json

Step = str | int
EVERY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A field set on the command line. `path` may hold `*` for every entry; `flag` names it in messages."""

    path: tuple[str, ...]
    value: Json
    flag: str


def override(text: str, *, environ: Mapping[str, str]) -> Override:
    """Parse `path.to.field=VALUE`; VALUE is YAML, and null removes the field.

    Text with `{`, `: ` or ` #` is quoted for YAML within the shell's own quotes: 'a.b="{{ question }}"'.
    """
    path, equals, value = text.partition("=")
    steps = tuple(path.strip().split("."))
    if not equals or not all(steps):
        raise SuiteError(f"--set {tty(text)}: is not PATH=VALUE; write e.g. --set tasks.gsm8k.sampling.temperature=0.6")
    flag = f"--set {path.strip()}"
    if len(steps) > MAX_DEPTH:
        raise SuiteError(f"{tty(flag)}: is more than {MAX_DEPTH} deep; name a field of the suite")
    try:
        found = parse(value, flag, environ=environ).plain()
    except SuiteError as error:
        example = f"""--set '{path.strip()}="TEXT"'"""
        raise SuiteError(f"{error}\nVALUE is YAML; quote text for YAML and for the shell: {tty(example)}") from None
    return Override(path=steps, value=found, flag=flag)


def merge(base: Node, over: Node) -> Node:
    """Return `base` with `over` on top.

    Mappings are merged key by key; anything else is replaced, lists too. null removes an inherited key. A mapping that
    changes `kind` replaces the inherited one, because the options of another kind do not apply.
    """
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    kinds = [fields["kind"].value for fields in (base.value, over.value) if "kind" in fields]
    if len(kinds) == 2 and kinds[0] != kinds[1]:
        return over
    merged = dict(base.value)
    for name, child in over.value.items():
        if name not in merged:
            merged[name] = child
        elif child.value is None:
            del merged[name]
        else:
            merged[name] = merge(merged[name], child)
    return replace(over, value=merged)


def apply(tree: Node, overrides: Sequence[Override]) -> Node:
    """Return the tree with every override applied, in order."""
    for each in overrides:
        tree = _put(tree, each, ())
    return tree


def _put(node: Node, change: Override, done: tuple[Step, ...]) -> Node:
    """Return `node`, which is at the path `done`, with the change applied."""
    if len(done) == len(change.path):
        return replace(node_of(change.value, Position(change.flag)), key=node.key)
    step = change.path[len(done)]
    children = node.value
    if isinstance(children, list):
        return replace(node, value=_put_in_list(children, step, change, done))
    if children is None:
        children = {}
    if not isinstance(children, dict):
        raise _wrong(change, done, f"is {children!r:.40} and has no field {step!r}; set all of it")
    if step == EVERY:
        return replace(node, value={name: _put(child, change, (*done, name)) for name, child in children.items()})
    last = len(done) + 1 == len(change.path)
    removing = last and change.value is None
    if step not in children and (removing or (done == ("tasks",) and not last)):
        here = ".".join(map(str, done)) or "the suite"
        there = f"; there are {', '.join(children)}" if children else ""
        raise _wrong(change, (*done, step), f"{here} has no {step!r}{closest(step, children) or there}")
    changed = dict(children)
    if removing:
        del changed[step]
    else:
        flag = Position(change.flag)
        changed[step] = _put(children.get(step, Node(None, flag, flag)), change, (*done, step))
    return replace(node, value=changed)


def _put_in_list(items: list[Node], step: str, change: Override, done: tuple[Step, ...]) -> list[Node]:
    if step == EVERY:
        return [_put(item, change, (*done, index)) for index, item in enumerate(items)]
    if not re.fullmatch("[0-9]{1,6}", step) or int(step) >= len(items):
        here = f"has {len(items)} items" if items else "is an empty list"
        raise _wrong(change, done, f"{here}, and {step!r} is not one of them; count from 0")
    index = int(step)
    return [*items[:index], _put(items[index], change, (*done, index)), *items[index + 1 :]]


def _wrong(change: Override, at: tuple[Step, ...], message: str) -> SuiteError:
    place = "" if len(at) == len(change.path) else f" {show_path(at)}:"
    return SuiteError(tty(f"{change.flag}:{place} {message}"))


def node_of(value: Json, position: Position) -> Node:
    """Return a JSON value as a tree, every node of it at `position`."""
    if isinstance(value, dict):
        return Node({name: replace(node_of(child, position), key=position) for name, child in value.items()}, position)
    if isinstance(value, list | tuple):
        return Node([node_of(child, position) for child in value], position)
    return Node(value, position)


def show_path(path: Sequence[Step]) -> str:
    """Return a path as text: `scorers[0].kind`."""
    shown = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return tty(shown.removeprefix("."))
