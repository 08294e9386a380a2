"""How one tree of typed values changes another: includes merged, and `--set` and its relatives applied.

Knows nothing of what the fields mean but for one name: the entries of `tasks` are the writer's own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalrun.errors import SuiteError, closest
from evalrun.escape import tty
from evalrun.suite.document import MAX_DEPTH, Mark, Node, parse
from evalrun.types import Json

Step = str | int
EVERY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A field given on the command line. `path` may hold `*` for every entry; `flag` is what messages call it."""

    path: tuple[str, ...]
    value: Json
    flag: str


def override(text: str, *, environ: Mapping[str, str]) -> Override:
    """Read `path.to.field=VALUE`; VALUE is YAML, and null takes the field away."""
    path, equals, value = text.partition("=")
    steps = tuple(path.strip().split("."))
    if not equals or not all(steps):
        raise SuiteError(f"--set {tty(text)}: is not PATH=VALUE; write e.g. --set tasks.gsm8k.sampling.temperature=0.6")
    flag = f"--set {path.strip()}"
    if len(steps) > MAX_DEPTH:
        raise SuiteError(f"{tty(flag)}: is more than {MAX_DEPTH} deep; no field is")
    return Override(path=steps, value=parse(value, flag, environ=environ).plain(), flag=flag)


def merge(base: Node, over: Node) -> Node:
    """Lay one tree over another.

    Mappings are merged key by key, anything else is replaced, lists too. null takes an inherited key away. A mapping
    whose `kind` changes replaces the inherited one, whose options belonged to the other kind.
    """
    if not isinstance(base.value, dict) or not isinstance(over.value, dict) or _kind_changes(base.value, over.value):
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


def _kind_changes(base: Mapping[str, Node], over: Mapping[str, Node]) -> bool:
    return "kind" in over and "kind" in base and over["kind"].value != base["kind"].value


def apply(tree: Node, overrides: Sequence[Override]) -> Node:
    """Return the tree with every override applied, in order."""
    for each in overrides:
        tree = _put(tree, each, ())
    return tree


def _put(node: Node, change: Override, done: tuple[Step, ...]) -> Node:
    """Return `node`, which stands at `done`, with the change made in it."""
    if len(done) == len(change.path):
        return replace(node_of(change.value, Mark(change.flag)), key=node.key)
    step = change.path[len(done)]
    children = node.value
    if isinstance(children, list):
        return replace(node, value=_put_in_list(children, step, change, done))
    if children is None:
        children = {}
    if not isinstance(children, dict):
        raise _wrong(change, done, f"is {children!r:.40} and has no field {step!r}; set the whole of it")
    if step == EVERY:
        return replace(node, value={name: _put(child, change, (*done, name)) for name, child in children.items()})
    last = len(done) + 1 == len(change.path)
    removing = last and change.value is None
    if step not in children and (removing or (done == ("tasks",) and not last)):
        here = ".".join(map(str, done)) or "the suite"
        raise _wrong(change, (*done, step), f"{here} has no {step!r}{closest(step, children) or _listed(children)}")
    changed = dict(children)
    if removing:
        del changed[step]
    else:
        flag = Mark(change.flag)
        changed[step] = _put(children.get(step, Node(None, flag, flag)), change, (*done, step))
    return replace(node, value=changed)


def _put_in_list(items: list[Node], step: str, change: Override, done: tuple[Step, ...]) -> list[Node]:
    if step == EVERY:
        return [_put(item, change, (*done, index)) for index, item in enumerate(items)]
    if not re.fullmatch("[0-9]{1,6}", step) or int(step) >= len(items):
        here = f"has {len(items)} items" if items else "is an empty list"
        raise _wrong(change, done, f"{here}, and {step!r} is none of them; count from 0")
    index = int(step)
    return [*items[:index], _put(items[index], change, (*done, index)), *items[index + 1 :]]


def _wrong(change: Override, at: tuple[Step, ...], message: str) -> SuiteError:
    place = "" if len(at) == len(change.path) else f" {show_path(at)}:"
    return SuiteError(tty(f"{change.flag}:{place} {message}"))


def _listed(names: Mapping[str, Node]) -> str:
    return f"; there are {', '.join(names)}" if names else ""


def node_of(value: Json, mark: Mark) -> Node:
    """Return a JSON value as a tree in which everything was typed at `mark`."""
    if isinstance(value, dict):
        return Node({name: replace(node_of(child, mark), key=mark) for name, child in value.items()}, mark)
    if isinstance(value, list | tuple):
        return Node([node_of(child, mark) for child in value], mark)
    return Node(value, mark)


def show_path(path: Sequence[Step]) -> str:
    """Write a path as people do: `scorers[0].kind`."""
    shown = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return tty(shown.removeprefix("."))
