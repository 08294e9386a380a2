"""YAML text -> a tree of values that know where they were typed, under hard limits. Opens no file, knows no field.

The tree is made here, event by event, and each limit is checked before the next event is asked for. PyYAML's own
composer counts nothing and recurses in C: a file of half a million `[` ends the process.

Of YAML it takes block and flow style, quotes, anchors and aliases. It refuses tags, directives, several documents,
merge keys and keys that are not texts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, NoReturn

import yaml

from evalrun.errors import SuiteError
from evalrun.escape import tty
from evalrun.suite.scalar import DoubtfulError, Scalar, expand, resolve
from evalrun.types import Json

MAX_BYTES = 1_000_000
MAX_NODES = 100_000  # with every alias counted as what it stands for
MAX_ALIASES = 100
MAX_DEPTH = 50
_TOO_DEEP = f"nested more than {MAX_DEPTH} deep; flatten it"

Event = Any  # PyYAML's stubs give an event neither tag nor anchor
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # where libyaml counts a line
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DIRECTIVE = re.compile("(\\A|(?<=[\n\r\x85\u2028\u2029\ufeff]))%")
_SURROGATE = re.compile("[\ud800-\udfff]")
_EXCERPT = 100  # characters shown of a long line

# What to do about libyaml's commonest complaints, by how they begin.
_ADVICE = {
    "mapping values are not allowed": "quote a text that contains ': ', and check the indentation",
    "could not find expected ':'": "a key is followed by ': '",
    "did not find expected key": "check the indentation, and quote a text that contains quotes",
    "found unexpected end of stream": "close the quote",
}


class Mark(NamedTuple):
    """Where something was typed; line and column count from 1, and are 0 for the command line."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return tty(f"{self.source}:{self.line}:{self.column}" if self.line else self.source)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it was typed; `key` is where the key before it was typed."""

    value: "dict[str, Node] | list[Node] | Scalar"
    mark: Mark
    key: Mark | None = None

    def plain(self) -> Json:
        """Return the value alone, as JSON would hold it."""
        if isinstance(self.value, dict):
            return {name: child.plain() for name, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value


class Anchored(NamedTuple):
    """A node with an anchor, and what each alias of it costs."""

    node: Node
    nodes: int
    height: int


def parse(text: str, source: str, *, environ: Mapping[str, str]) -> Node:
    """Read one YAML document; `source` is what messages call it. A document without content is null."""
    return _Composer(text, source, environ=environ).document()


class _Composer:
    """Reads the events of one document, once."""

    def __init__(self, text: str, source: str, *, environ: Mapping[str, str]) -> None:
        self._text, self._source, self._environ = text, source, environ
        self._anchors: dict[str, Anchored | None] = {}  # None while the anchored node is still open
        self._nodes = self._aliases = self._deepest = 0

    def document(self) -> Node:
        self._check_characters()
        self._events = yaml.parse(self._text, Loader=_LOADER)
        self._next()  # the stream's start
        if isinstance(self._next(), yaml.StreamEndEvent):
            return Node(None, Mark(self._source, 1, 1))
        node = self._node(self._next(), 1)
        self._next()  # the document's end
        if not isinstance(event := self._next(), yaml.StreamEndEvent):
            self._refuse(self._mark(event), "a second document begins here; a file holds one")
        return node

    def _check_characters(self) -> None:
        if len(self._text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise SuiteError(
                f"{tty(self._source)}: is larger than {MAX_BYTES:,} bytes; put long data in a file of its own"
            )
        if found := _FORBIDDEN.search(self._text):
            shown = tty(found[0])
            self._refuse(self._at(found.start()), f'a control character; write it as "{shown}" in double quotes')
        # One event holds all directives, and libyaml compares each with all others.
        if found := _DIRECTIVE.search(self._text):
            self._refuse(self._at(found.start()), "a YAML directive; remove it, or indent the line")

    def _next(self) -> Event:
        try:
            return next(self._events)
        except yaml.MarkedYAMLError as error:
            self._refuse(*self._complaint(error))
        except yaml.YAMLError as error:
            raise SuiteError(f"{tty(self._source)}: {tty(str(error))}; write YAML in UTF-8") from None

    def _complaint(self, error: yaml.MarkedYAMLError) -> tuple[Mark, str]:
        """Return libyaml's complaint in plainer words, and the place to mend."""
        problem, at, opened = error.problem or "not YAML", error.problem_mark, error.context_mark
        assert at is not None
        if "nesting depth" in problem:  # libyaml scans ahead of the events it has returned
            return self._mark_of(at), _TOO_DEEP
        rest = _LINE_END.split(self._text)[at.line :]
        char = "".join(rest[:1])[at.column : at.column + 1]
        mark = self._mark_of(at)
        if char == "\t":
            return mark, "a tab where YAML wants spaces; indent with spaces"
        if "cannot start any token" in problem:
            return mark, f"a value cannot start with {char!r}; quote it"
        context = f" {error.context} of line {opened.line + 1}" if error.context and opened else ""
        advice = next((advice for start, advice in _ADVICE.items() if problem.startswith(start)), None)
        if opened and not "".join(rest).strip():
            mark = self._mark_of(opened)  # it was never closed: nothing is to be seen where the text ends
        return mark, f"{problem}{context}; {advice or 'check the quotes, brackets and indentation'}"

    def _node(self, event: Event, depth: int) -> Node:
        self._count(event, 1)
        if depth > MAX_DEPTH:
            self._refuse(self._mark(event), _TOO_DEEP)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._refuse(self._mark(event), f"the tag {tag}; remove it (quote a value to make it a text)")
        first, above, self._deepest = self._nodes, self._deepest, depth
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node = Node(self._value(event, depth), self._mark(event))
        if event.anchor is not None:
            self._anchors[event.anchor] = Anchored(node, self._nodes - first + 1, self._deepest - depth)
        self._deepest = max(above, self._deepest)
        return node

    def _alias(self, event: Event, depth: int) -> Node:
        name, mark = event.anchor, self._mark(event)
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._refuse(mark, f"more than {MAX_ALIASES} aliases; write the values out or use `include`")
        if name not in self._anchors:
            self._refuse(mark, f"the alias *{name} stands for nothing; put &{name} before the value it means")
        target = self._anchors[name]
        if target is None:
            self._refuse(mark, f"the alias *{name} stands inside what it stands for; write the value out")
        self._count(event, target.nodes - 1)
        if depth + target.height > MAX_DEPTH:
            self._refuse(mark, _TOO_DEEP)
        self._deepest = max(self._deepest, depth + target.height)
        return target.node

    def _value(self, event: Event, depth: int) -> "dict[str, Node] | list[Node] | Scalar":
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(depth)
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return items

    def _scalar(self, event: Event) -> Scalar:
        try:
            text = expand(self._written(event), self._environ)
            return resolve(text) if event.style in (None, "") else text
        except DoubtfulError as error:
            self._refuse(self._mark(event), str(error))

    def _mapping(self, depth: int) -> dict[str, Node]:
        children: dict[str, Node] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            mark = self._mark(event)
            name = self._key(event, mark)
            if name in children:
                first = children[name].key
                assert first is not None
                self._refuse(mark, f"duplicate key {name!r}, first typed at line {first.line}; keep one of them")
            children[name] = replace(self._node(self._next(), depth + 1), key=mark)
        return children

    def _key(self, event: Event, mark: Mark) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
            self._refuse(mark, "a key that is not a plain text; write `name: value`")
        if event.value == "<<" and event.style in (None, ""):
            self._refuse(mark, "merge keys are not supported; repeat the fields, or use `include`")
        self._count(event, 1)
        return self._written(event)

    def _written(self, event: Event) -> str:
        text: str = event.value
        if half := _SURROGATE.search(text):  # libyaml has refused it already
            self._refuse(self._mark(event), f"half a character ({tty(half[0])}); write the whole one")
        return text

    def _count(self, event: Event, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._refuse(self._mark(event), f"more than {MAX_NODES:,} values, aliases written out; put data in a file")

    def _at(self, offset: int) -> Mark:
        lines = _LINE_END.split(self._text[:offset])
        return Mark(self._source, len(lines), len(lines[-1]) + 1)

    def _mark(self, event: Event) -> Mark:
        return self._mark_of(event.start_mark)

    def _mark_of(self, mark: Any) -> Mark:
        return Mark(self._source, mark.line + 1, mark.column + 1)

    def _refuse(self, mark: Mark, message: str) -> NoReturn:
        raise SuiteError(f"{mark}: {tty(message)}\n{_excerpt(self._text, mark)}") from None


def _excerpt(text: str, mark: Mark) -> str:
    """Show the line of `mark` and a caret under its column."""
    line = (_LINE_END.split(text)[mark.line - 1 :] or [""])[0]
    start = max(0, mark.column - 1 - _EXCERPT // 2)
    before, after = tty(line[start : mark.column - 1]), tty(line[mark.column - 1 : start + _EXCERPT])
    gutter = f"{mark.line:>5} | "
    return f"{gutter}{before}{after}\n{' ' * (len(gutter) - 2)}| {' ' * len(before)}^"
