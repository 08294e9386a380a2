"""Tool calls put together from the fragments of a stream. What a call asks for is not looked at.

A fragment belongs to the call of its id, else of its index, else to the last one. It begins another call where it has
a name and that call cannot go on: it has another name, or its arguments are a whole JSON value already. Servers give
several calls one index, or one call several ids, or send what they had sent already once more; each is flagged.
"""

from evalrun.types import ToolCall
from evalrun.wire.chunk import ToolFragment
from evalrun.wire.nested import loads
from evalrun.wire.pieces import Pieces

MOST_CALLS = 1_024
"""Tool calls of one choice. No server allows as many functions."""
_LONGEST_ID = 1_000  # characters: a longer one is not an id
_MOST_CHECKS = 8  # of one call's arguments: each reads all of them


class _Tool:
    """A tool call so far."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = self.name = ""
        self.arguments = Pieces()
        self._latest, self._grows, self._count = "", True, 0
        self._checks = 0

    def continues(self, call_id: str, name: str, arguments: str, *, indexed: bool) -> bool:
        """Return whether a fragment can be more of this call. call_id, name: empty where it has none.

        indexed: it has an index. Without one an id is all there is, and another id with arguments that begin with a
        brace is another call.
        """
        same = call_id != "" and call_id == self.id
        if not name or not self.name or (same and not arguments):
            return True
        if name != self.name and indexed and not self.arguments and (same or not call_id):
            return True  # more of the name
        if not same and (name != self.name or (call_id and self.id and not indexed and arguments.startswith("{"))):
            return False
        return not self._is_whole()

    def grow(self, name: str) -> None:
        """Add a piece of the name; some servers send the whole name with each fragment."""
        if name != self.name:
            self.name = name if name.startswith(self.name) else self.name + name

    def repeats(self, call_id: str, name: str, arguments: str) -> bool:
        """Return whether a fragment is this whole call once more."""
        same = call_id != "" and (call_id, name) == (self.id, self.name)
        if not same or not arguments or len(arguments) != self.arguments.size:
            return False
        return arguments == str(self.arguments) and _is_json(arguments)

    def extend(self, arguments: str) -> None:
        """Add a fragment of the arguments."""
        self._grows, self._latest = self._grows and arguments.startswith(self._latest), arguments
        self._count += 1
        self.arguments.add(arguments)

    @property
    def cumulative(self) -> bool:
        """Return whether each fragment of the arguments has all those before it, and the last one is all of them."""
        return self._count > 1 and self._grows and _is_json(self._latest)

    @property
    def text(self) -> str:
        """The arguments."""
        return self._latest if self.cumulative else str(self.arguments)

    def _is_whole(self) -> bool:
        """Return whether the arguments are a whole JSON value."""
        if self._checks == _MOST_CHECKS or not self.arguments.last.rstrip().endswith(("}", "]", "null")):
            return False
        self._checks += 1
        return _is_json(str(self.arguments))


def _is_json(text: str) -> bool:
    try:
        loads(text, strict=False)
    except ValueError:
        return False
    return True


class Tools:
    """The tool calls of one choice so far. flags: what was odd about them."""

    def __init__(self) -> None:
        self.flags: set[str] = set()
        self._calls: list[_Tool] = []
        self._by_index: dict[int, _Tool] = {}
        self._by_id: dict[str, _Tool] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, fragment: ToolFragment, *, whole: bool) -> None:
        """Add a fragment, or a call that is whole."""
        name, arguments = fragment.called.name or "", fragment.called.arguments or ""
        call_id, index = fragment.id or "", fragment.index
        if len(call_id) > _LONGEST_ID or len(self._by_id) > 2 * MOST_CALLS:
            call_id = ""
        tool = None if whole else self._meant(call_id, index, name)
        if tool is not None and tool.repeats(call_id, name, arguments):
            self.flags.add("tool_repeated")
            return
        if tool is not None and not tool.continues(call_id, name, arguments, indexed=index is not None):
            if index is not None and index == tool.index:
                self.flags.add("tool_index_shared")
            tool = None
        if tool is None:
            tool = self._new(index)
        elif call_id and tool.id and call_id != tool.id:
            self.flags.add("tool_ids_differ")
        tool.id = tool.id or call_id
        tool.grow(name)
        if call_id:
            self._by_id[call_id] = tool
        if arguments:
            tool.extend(arguments)

    def _meant(self, call_id: str, index: int | None, name: str) -> _Tool | None:
        """Return the call that a fragment is of, as far as its id and index say.

        One with neither id nor name goes on with the last call, if its index is none that was seen.
        """
        if call_id in self._by_id:
            return self._by_id[call_id]
        if index in self._by_index:
            return self._by_index[index]
        begins = index is not None and (call_id or name)
        return self._calls[-1] if self._calls and not begins else None

    def _new(self, index: int | None) -> _Tool:
        tool = _Tool(len(self._calls) if index is None else index)
        self._calls.append(tool)
        self._by_index[tool.index] = tool
        return tool

    def calls(self) -> list[ToolCall]:
        """Return the calls by their index, those of one index as they came."""
        ordered = sorted(self._calls, key=lambda tool: tool.index)
        for tool in ordered:
            if tool.cumulative:
                self.flags.add("tool_repeated")
        return [ToolCall(id=tool.id, name=tool.name, arguments=tool.text) for tool in ordered]
