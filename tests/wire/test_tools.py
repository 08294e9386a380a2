"""wire.tools: which fragment is of which call, and what is flagged. Each case is a server that was seen."""

from typing import Any

import msgspec
import pytest

from evalrun.types import ToolCall
from evalrun.wire.chunk import ToolFragment
from evalrun.wire.tools import Tools

OSLO, ROME = '{"city": "Oslo"}', '{"city": "Rome"}'


def put_together(*fragments: tuple[int | None, str, str, str], whole: bool = False) -> tuple[list[Any], set[str]]:
    """Add fragments of (index, id, name, arguments); return the calls as (id, name, arguments), and the flags."""
    tools = Tools()
    for index, call_id, name, arguments in fragments:
        function = {"name": name or None, "arguments": arguments}
        tools.add(
            msgspec.convert({"index": index, "id": call_id or None, "function": function}, ToolFragment), whole=whole
        )
    assert all(isinstance(call, ToolCall) for call in tools.calls())
    return [(call.id, call.name, call.arguments) for call in tools.calls()], tools.flags


@pytest.mark.parametrize(
    ("fragments", "flags"),
    [
        ([(0, "a", "w", ""), (0, "", "", OSLO), (1, "b", "w", ROME)], set()),  # the API
        ([(0, "a", "w", OSLO), (0, "b", "w", ROME)], {"tool_index_shared"}),
        ([(0, "a", "w", '{"city":'), (0, "", "", ' "Oslo"}'), (0, "b", "w", ROME)], {"tool_index_shared"}),
        ([(None, "a", "w", ""), (None, "a", "w", OSLO), (None, "b", "w", ROME)], set()),  # id and name every time
        ([(None, "a", "w", '{"city": "Os'), (None, "b", "w", ROME), (None, "a", "", 'lo"}')], set()),  # interleaved
        ([(0, "a", "w", OSLO[:5]), (1, "b", "w", ROME), (0, "a", "w", OSLO[5:])], set()),
    ],
)
def test_two_calls(fragments: list[Any], flags: set[str]) -> None:
    """They are told apart by index, by id, and where neither helps by the name of a new call."""
    assert put_together(*fragments) == ([("a", "w", OSLO), ("b", "w", ROME)], flags)


def test_two_calls_without_index_and_id() -> None:
    """A name after whole arguments begins a call, a name within them does not; so under one index."""
    for index, flags in ((None, set[str]()), (0, {"tool_index_shared"})):
        found = put_together((index, "", "w", OSLO[:4]), (index, "", "w", OSLO[4:]), (index, "", "w", ROME))
        assert found == ([("", "w", OSLO), ("", "w", ROME)], flags)


@pytest.mark.parametrize(
    ("fragments", "flags"),
    [
        ([(None, "a", "w", ""), (None, "a", "w", OSLO[:8]), (None, "a", "w", OSLO[8:])], set()),
        ([(0, "a", "w", OSLO[:8]), (0, "b", "", OSLO[8:])], {"tool_ids_differ"}),
        ([(0, "a", "w", ""), (0, "b", "w", OSLO[:8]), (0, "c", "w", OSLO[8:])], {"tool_ids_differ"}),
        ([(0, "a", "w", OSLO[:8]), (1, "a", "w", OSLO[8:])], set()),  # an index that counts fragments
        ([(0, "a", "", ""), (0, "", "w", OSLO)], set()),
        ([(0, "a", "w", OSLO), (0, "a", "w", "")], set()),  # once more at the end
    ],
)
def test_one_call(fragments: list[Any], flags: set[str]) -> None:
    """An id, an index or a name that comes again is no other call."""
    assert put_together(*fragments) == ([("a", "w", OSLO)], flags)


def test_one_id_for_all_calls() -> None:
    """Whole arguments end a call, with or without an index."""
    for first, second, flags in ((None, None, set[str]()), (0, 1, set[str]()), (0, 0, {"tool_index_shared"})):
        found = put_together((first, "a", "w", OSLO), (second, "a", "w", ROME))
        assert found == ([("a", "w", OSLO), ("a", "w", ROME)], flags)


def test_another_name_is_another_call() -> None:
    """Under one index and without whole arguments."""
    found = put_together((0, "a", "w", ""), (0, "b", "v", OSLO))
    assert found == ([("a", "w", ""), ("b", "v", OSLO)], {"tool_index_shared"})


def test_calls_of_a_message_are_whole() -> None:
    """Each is a call of its own, whatever they share; without index they keep their order."""
    found = put_together((0, "a", "w", OSLO), (0, "a", "w", OSLO), (None, "", "w", ""), whole=True)
    assert sorted(found[0]) == [("", "w", ""), ("a", "w", OSLO), ("a", "w", OSLO)]


def test_hostile_fragments_take_linear_time() -> None:
    """A name with every one of 100,000 fragments that look like the end of a value: few of them are checked."""
    fragments = [(0, "", "w", "{}")] + [(0, "", "w", "[[}")] * 100_000
    calls, _ = put_together(*fragments)
    assert sum(len(arguments) for _, _, arguments in calls) == 2 + 300_000
