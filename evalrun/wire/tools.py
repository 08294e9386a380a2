"""Tool calls put together from the fragments of a stream. What a call asks for is not looked at.

A fragment belongs to the call of its id, else of its index, else to the last one. It begins another call where it has
a name and that call cannot go on: it has another name, or its arguments are a whole JSON value already. Servers give
several calls one index, or one call several ids; both are flagged.
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
        self._checks = 0

    def continues(self, call_id: str, name: str, arguments: str, *, indexed: bool) -> bool:
        """Return whether a fragment can be more of this call. call_id, name: empty where it has none.

        indexed: it has an index. Without one an id is all there is, and another id with arguments that begin with a
        brace is another call.
        """
        same = call_id != "" and call_id == self.id
        if not name or not self.name or (same and not arguments):
            return True
        if not same and (name != self.name or (call_id and self.id and not indexed and arguments.startswith("{"))):
            return False
        return not self._is_whole()

    def _is_whole(self) -> bool:
        """Return whether the arguments are a whole JSON value."""
        if self._checks == _MOST_CHECKS or not self.arguments.last.rstrip().endswith(("}", "]", "null")):
            return False
        self._checks += 1
        try:
            loads(str(self.arguments), strict=False)
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
        function = fragment.function
        name, arguments = (function.name or "", function.arguments or "") if function else ("", "")
        call_id, index = fragment.id or "", fragment.index
        if len(call_id) > _LONGEST_ID or len(self._by_id) > 2 * MOST_CALLS:
            call_id = ""
        tool = None if whole else self._meant(call_id, index)
        if tool is not None and not tool.continues(call_id, name, arguments, indexed=index is not None):
            if index is not None and index == tool.index:
                self.flags.add("tool_index_shared")
            tool = None
        if tool is None:
            tool = self._new(index)
        elif call_id and tool.id and call_id != tool.id:
            self.flags.add("tool_ids_differ")
        tool.id, tool.name = tool.id or call_id, tool.name or name
        if call_id:
            self._by_id[call_id] = tool
        if arguments:
            tool.arguments.add(arguments)

    def _meant(self, call_id: str, index: int | None) -> _Tool | None:
        """Return the call that a fragment is of, as far as its id and index say."""
        if call_id in self._by_id:
            return self._by_id[call_id]
        if index is not None:
            return self._by_index.get(index)
        return self._calls[-1] if self._calls else None

    def _new(self, index: int | None) -> _Tool:
        tool = _Tool(len(self._calls) if index is None else index)
        self._calls.append(tool)
        self._by_index[tool.index] = tool
        return tool

    def calls(self) -> list[ToolCall]:
        """Return the calls by their index, those of one index as they came."""
        ordered = sorted(self._calls, key=lambda tool: tool.index)
        return [ToolCall(id=tool.id, name=tool.name, arguments=str(tool.arguments)) for tool in ordered]
