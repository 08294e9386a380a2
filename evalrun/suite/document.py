"""YAML text -> a tree of values that know where they were typed, under hard limits. Opens no file, knows no field.

The tree is built here, event by event, and each limit is checked before the next event is read. PyYAML's own composer
has no limits and recurses in C: a file of half a million `[` ends the process.

Supported YAML: block and flow style, quotes, anchors and aliases. Refused: tags, directives, several documents, merge
keys and keys that are not text.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, NoReturn

import yaml

from evalrun.errors import SuiteError
from evalrun.escape import tty
from evalrun.suite.scalar import DoubtfulError, Scalar, expand, resolve
from evalrun.types import Json

MAX_BYTES = 1_000_000
MAX_NODES = 100_000  # an alias counts as all that it refers to
MAX_ALIASES = 100
MAX_DEPTH = 50
_TOO_DEEP = f"nested more than {MAX_DEPTH} deep; flatten it"

YamlEvent = Any  # PyYAML's stubs give an event neither tag nor anchor
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # where libyaml counts a line
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DIRECTIVE = re.compile("(\\A|(?<=[\n\r\x85\u2028\u2029\ufeff]))%")
_SURROGATE = re.compile("[\ud800-\udfff]")
_EXCERPT = 100  # characters shown of a long line

# Advice for libyaml's most common messages, by how they begin.
_ADVICE = {
    "mapping values are not allowed": "quote text that contains ': ', and check the indentation",
    "could not find expected ':'": "write ': ' after the key",
    "did not find expected key": "check the indentation, and quote text that contains quotes",
    "found unexpected end of stream": "close the quote",
}


class Position(NamedTuple):
    """Where something was typed. Line and column count from 1; both are 0 for the command line."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return tty(f"{self.source}:{self.line}:{self.column}" if self.line else self.source)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it was typed; `key` is the position of its key.

    typed: the text as typed, where variables made the value of it.
    """

    value: "dict[str, Node] | list[Node] | Scalar"
    position: Position
    key: Position | None = None
    typed: str | None = None

    def children(self) -> Iterable[tuple[str | int, "Node"]]:
        """Return the entries of a mapping or a list, with their keys or indices."""
        if isinstance(self.value, dict):
            return self.value.items()
        return enumerate(self.value) if isinstance(self.value, list) else ()

    def plain(self) -> Json:
        """Return the value as JSON types, without positions."""
        if isinstance(self.value, dict):
            return {name: child.plain() for name, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value


def parse(text: str, source: str, *, environ: Mapping[str, str]) -> Node:
    """Read one YAML document; `source` names it in messages. An empty document is null."""
    return _Composer(text, source, environ=environ).document()


class _Composer:
    """Builds the tree of one document from its events."""

    def __init__(self, text: str, source: str, *, environ: Mapping[str, str]) -> None:
        self._text, self._source, self._environ = text, source, environ
        self._anchors: dict[str, Node | None] = {}  # None while the anchored node is still open
        self._nodes = self._aliases = 0

    def document(self) -> Node:
        self._check_characters()
        self._events = yaml.parse(self._text, Loader=_LOADER)
        self._next()  # the stream's start
        if isinstance(self._next(), yaml.StreamEndEvent):
            return Node(None, Position(self._source, 1, 1))
        node = self._node(self._next(), 1)
        self._next()  # the document's end
        if not isinstance(event := self._next(), yaml.StreamEndEvent):
            self._refuse(self._position(event), "a second document starts here; keep one document per file")
        return node

    def _check_characters(self) -> None:
        if len(self._text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise SuiteError(
                f"{tty(self._source)}: is larger than {MAX_BYTES:,} bytes; put long data in a separate file"
            )
        if found := _FORBIDDEN.search(self._text):
            shown = tty(found[0])
            self._refuse(self._at(found.start()), f'control character; write it as "{shown}" in double quotes')
        # One event holds all directives, and libyaml compares each with all others.
        if found := _DIRECTIVE.search(self._text):
            self._refuse(self._at(found.start()), "YAML directive; remove it, or indent the line")

    def _next(self) -> YamlEvent:
        try:
            return next(self._events)
        except yaml.MarkedYAMLError as error:
            self._refuse(*self._explained(error))
        except yaml.YAMLError as error:
            raise SuiteError(f"{tty(self._source)}: {tty(str(error))}; write YAML in UTF-8") from None

    def _explained(self, error: yaml.MarkedYAMLError) -> tuple[Position, str]:
        """Return the position to fix, and libyaml's message with advice."""
        problem, at, opened = error.problem or "not YAML", error.problem_mark, error.context_mark
        assert at is not None
        if "nesting depth" in problem:  # libyaml scans ahead of the events it has returned
            return self._position_of(at), _TOO_DEEP
        rest = _LINE_END.split(self._text)[at.line :]
        char = "".join(rest[:1])[at.column : at.column + 1]
        position = self._position_of(at)
        if char == "\t":
            return position, "tab where YAML expects spaces; indent with spaces"
        if "cannot start any token" in problem:
            return position, f"a value cannot start with {char!r}; quote it"
        context = f" {error.context} of line {opened.line + 1}" if error.context and opened else ""
        advice = next((advice for start, advice in _ADVICE.items() if problem.startswith(start)), None)
        if opened and not "".join(rest).strip():
            position = self._position_of(opened)  # never closed: the end of the text shows nothing
        return position, f"{problem}{context}; {advice or 'check the quotes, brackets and indentation'}"

    def _node(self, event: YamlEvent, depth: int) -> Node:
        self._count(event, 1)
        if depth > MAX_DEPTH:
            self._refuse(self._position(event), _TOO_DEEP)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._refuse(self._position(event), f"unsupported tag {tag}; remove it (quote a value to make it text)")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        value = self._value(event, depth)
        typed = event.value if isinstance(event, yaml.ScalarEvent) and "${" in event.value else None
        node = Node(value, self._position(event), typed=typed)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: YamlEvent, depth: int) -> Node:
        name, position = event.anchor, self._position(event)
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._refuse(position, f"more than {MAX_ALIASES} aliases; write out the values or use `include`")
        if name not in self._anchors:
            self._refuse(position, f"undefined alias *{name}; put &{name} before the value it refers to")
        target = self._anchors[name]
        if target is None:
            self._refuse(position, f"the alias *{name} is inside the value it refers to; write out the value")
        nodes, height = _size(target)
        self._count(event, nodes - 1)
        if depth + height > MAX_DEPTH:
            self._refuse(position, _TOO_DEEP)
        return target

    def _value(self, event: YamlEvent, depth: int) -> "dict[str, Node] | list[Node] | Scalar":
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(depth)
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return items

    def _scalar(self, event: YamlEvent) -> Scalar:
        try:
            text = expand(self._written(event), self._environ)
            return resolve(text) if event.style in (None, "") else text
        except DoubtfulError as error:
            self._refuse(self._position(event), str(error))

    def _mapping(self, depth: int) -> dict[str, Node]:
        children: dict[str, Node] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            position = self._position(event)
            name = self._key(event, position)
            if name in children:
                first = children[name].key
                assert first is not None
                self._refuse(position, f"duplicate key {name!r}, first used on line {first.line}; keep one of them")
            children[name] = replace(self._node(self._next(), depth + 1), key=position)
        return children

    def _key(self, event: YamlEvent, position: Position) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
            self._refuse(position, "a key must be plain text; write `name: value`")
        if event.value == "<<" and event.style in (None, ""):
            self._refuse(position, "merge keys are not supported; repeat the fields, or use `include`")
        self._count(event, 1)
        return self._written(event)

    def _written(self, event: YamlEvent) -> str:
        text: str = event.value
        if half := _SURROGATE.search(text):  # the pure Python parser accepts it
            self._refuse(self._position(event), f"half of a surrogate pair ({tty(half[0])}); write the whole character")
        return text

    def _count(self, event: YamlEvent, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            message = f"more than {MAX_NODES:,} values with aliases expanded; put data in a file"
            self._refuse(self._position(event), message)

    def _at(self, offset: int) -> Position:
        lines = _LINE_END.split(self._text[:offset])
        return Position(self._source, len(lines), len(lines[-1]) + 1)

    def _position(self, event: YamlEvent) -> Position:
        return self._position_of(event.start_mark)

    def _position_of(self, mark: Any) -> Position:
        return Position(self._source, mark.line + 1, mark.column + 1)

    def _refuse(self, position: Position, message: str) -> NoReturn:
        raise SuiteError(f"{position}: {tty(message)}\n{_excerpt(self._text, position)}") from None


def _size(node: Node) -> tuple[int, int]:
    """Return how many values and keys a tree has, and how many levels below its root."""
    sizes = [_size(child) for _, child in node.children()]
    keys = len(sizes) if isinstance(node.value, dict) else 0
    return 1 + keys + sum(nodes for nodes, _ in sizes), max((height + 1 for _, height in sizes), default=0)


def _excerpt(text: str, position: Position) -> str:
    """Return the line at `position` with a caret under its column."""
    line = (_LINE_END.split(text)[position.line - 1 :] or [""])[0]
    start = max(0, position.column - 1 - _EXCERPT // 2)
    before, after = tty(line[start : position.column - 1]), tty(line[position.column - 1 : start + _EXCERPT])
    gutter = f"{position.line:>5} | "
    return f"{gutter}{before}{after}\n{' ' * (len(gutter) - 2)}| {' ' * len(before)}^"
