"""wire.sse against the WHATWG standard: hand-written cases at every cut, and random streams against a plain reading."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evalrun.wire.sse import STRAY, Event, EventTooBig, Parser

# After the web platform tests (eventsource/format-*), plus the rows S01..S08 of the fault list.
CASES: list[tuple[str, bytes, list[tuple[str, str]]]] = [
    ("LF", b"data: a\n\ndata: b\n\n", [("", "a"), ("", "b")]),
    ("CR", b"data: a\r\rdata: b\r\r", [("", "a"), ("", "b")]),
    ("CRLF", b"data: a\r\n\r\ndata: b\r\n\r\n", [("", "a"), ("", "b")]),
    ("mixed ends", b"data: a\r\ndata: b\n\rdata: c\r\n\n", [("", "a\nb"), ("", "c")]),
    ("BOM", b"\xef\xbb\xbfdata: a\n\n", [("", "a")]),
    (
        "double BOM: the second belongs to the field's name",
        b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n",
        [("", "b")],
    ),
    ("BOM in the middle", b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [("", "a")]),
    ("half a BOM", b"\xef\xbb\n\ndata: a\n\n", [("", "a")]),
    ("comment, also before data", b": ping\n\n:\ndata: a\n: OPENROUTER PROCESSING\n\n", [("", "a")]),
    ("several data lines", b"data: a\ndata\ndata: b\n\n", [("", "a\n\nb")]),
    ("empty data is an event", b"data:\n\ndata\ndata\n\ndata:test\n\n", [("", ""), ("", "\n"), ("", "test")]),
    ("no space, two spaces, tab", b"data:a\n\ndata:  b\n\ndata:\tc\n\n", [("", "a"), ("", " b"), ("", "\tc")]),
    ("colons in data", b"data: a: b\n\n", [("", "a: b")]),
    ("unknown fields, wrong case, leading space", b"Data: x\n data: x\nfoo: x\nfoo\ndata: a\n\n", [("", "a")]),
    ("event name", b"event: error\ndata: a\n\ndata: b\n\n", [("error", "a"), ("", "b")]),
    ("last event name wins", b"event: x\nevent: y\ndata: a\n\n", [("y", "a")]),
    ("event without data is none, and its name is forgotten", b"event: ping\n\ndata: a\n\n", [("", "a")]),
    ("lone id and retry", b"id: 1\n\nretry: 1000\n\ndata: a\nid: 2\nretry: x\n\n", [("", "a")]),
    ("unfinished event is thrown away", b"data: a\n\ndata: b\n", [("", "a")]),
    ("unfinished line is thrown away", b"data: a\n\ndata: b", [("", "a")]),
    (
        "U+2028, U+2029, U+0085, VT, FF do not end a line",
        "data: a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\n\n".encode(),
        [("", "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg")],
    ),
    ("field `error`", b'data: a\n\nerror: {"code":400}\n\n', [("", "a"), ("error", '{"code":400}')]),
    (
        "bare JSON errors and chunks",
        b'data: a\n\n{"error":{}}\n{"code":1}\n{"b":1}\n',
        [("", "a"), ("", '{"error":{}}'), ("", '{"code":1}')],
    ),
    ("NUL", b"data: a\x00b\n\n", [("", "a\x00b")]),
    ("two to four byte characters", "data: é€😀\n\n".encode(), [("", "é€😀")]),
    ("invalid bytes", b"data: a\xff\xc3\n\ndata: b\n\n", [("", "a\ufffd\ufffd"), ("", "b")]),
]


def parse(pieces: list[bytes]) -> tuple[list[Event], Parser]:
    parser = Parser()
    events = [event for piece in pieces for event in parser.feed(piece)]
    return events, parser


def feed_all(parser: Parser, pieces: list[bytes], seen: list[Event]) -> None:
    for piece in pieces:
        seen += parser.feed(piece)


def plain_reading(stream: bytes) -> list[tuple[str, str]]:
    """Read a whole stream the way the standard words it: decode, cut into lines, look at each."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = re.split("\r\n|\r|\n", text)[:-1]  # what follows the last line end is no line
    events, name, data = [], "", ""
    for line in lines:
        if line == "":
            if data:
                events.append((name, data[:-1]))
            name, data = "", ""
        elif not line.startswith(":"):
            field, value = line.split(":", 1) if ":" in line else (line, "")
            value = value[1:] if value.startswith(" ") else value
            if field == "data":
                data += value + "\n"
            elif field == "event":
                name = value
    return events


@pytest.mark.parametrize(("what", "stream", "expected"), CASES, ids=[case[0] for case in CASES])
def test_a_stream_means_the_same_at_every_cut(what: str, stream: bytes, expected: list[tuple[str, str]]) -> None:
    """Whole, in two at every place, in three at every pair of places, and byte by byte: the same events."""
    places = range(len(stream) + 1)
    cuts = [[stream], [stream[i : i + 1] for i in range(len(stream))]]
    cuts += [[stream[:i], stream[i:j], stream[j:]] for i in places for j in places if i <= j]
    for pieces in cuts:
        events, parser = parse(pieces)
        assert events == expected, pieces
        assert parser.invalid_utf8 == ("\ufffd" in "".join(data for _, data in expected)), pieces


# Pieces that matter to the grammar, so that random streams hit its corners, and a few that do not.
ATOMS = [b"\n", b"\r", b"\r\n", b"data", b"data: ", b"event: ", b":", b" ", b"id: 1", b"\xef\xbb\xbf", b"\xe2\x82\xac"]
ATOMS += [b"\xe2\x82", b"\xff", b"\x00", b"a", b'{"b":1}', "\u2028\u0085".encode(), b"\x0b\x0c"]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(ATOMS), max_size=30), st.lists(st.integers(0, 120), max_size=6))
@example([b"\xef\xbb\xbf", b"data", b"\r"], [3, 8])
def test_random_streams_equal_the_plain_reading(atoms: list[bytes], places: list[int]) -> None:
    """Any stream, cut anywhere, gives what reading it whole by the words of the standard gives."""
    stream = b"".join(atoms)
    marks = [0, *sorted(min(place, len(stream)) for place in places), len(stream)]
    events, _ = parse([stream[a:b] for a, b in pairwise(marks)])
    assert events == plain_reading(stream)


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_large_event_works_up_to_the_limit(size: int) -> None:
    """12 bytes of line pass a limit of 12 and break one of 11, however the bytes were cut; what came before is kept."""
    stream = b"data: ok\n\ndata: 123456\n\n"
    pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
    roomy = Parser(max_event_bytes=12)
    assert [event.data for piece in pieces for event in roomy.feed(piece)] == ["ok", "123456"]

    seen: list[Event] = []
    with pytest.raises(EventTooBig, match="11 bytes") as caught:
        feed_all(Parser(max_event_bytes=11), pieces, seen)
    assert [event.data for event in seen + caught.value.events] == ["ok"]


def test_nothing_endless_is_held() -> None:
    """A line, a comment and an event of many lines that never end all run into the limit."""
    for piece in (b"x" * 10, b":" * 10, b"data: x\n", b"data:\n"):
        with pytest.raises(EventTooBig):
            feed_all(Parser(max_event_bytes=1000), [piece] * 300, [])


def test_a_five_megabyte_event_in_small_reads() -> None:
    """A huge event (audio, logprobs) passes, and its pieces are joined once and not at every read."""
    parser, piece = Parser(), b"x" * 100
    assert parser.feed(b"data: ") == []
    for _ in range(52_429):  # joining at every read would copy 137 GB
        assert parser.feed(piece) == []
    assert [len(event.data) for event in parser.feed(b"\n\n")] == [5_242_900]


@pytest.mark.parametrize("gap", [b"\n", b"\r\n"])
def test_data_lines_without_blank_lines_are_events_of_their_own(gap: bytes) -> None:
    """Two JSON objects are no event together: the first is known with the second, later ones at once, at every cut."""
    raw = gap.join([b'data: {"a": 1}', b'data: {"b": 2}', b"event: x", b'data: {"c": 3}', b"data: [DONE]", b""])
    for cut in range(len(raw)):
        parser = Parser()
        events = [*parser.feed(raw[:cut]), *parser.feed(raw[cut:])]
        assert [event.data for event in events] == ['{"a": 1}', '{"b": 2}', '{"c": 3}', "[DONE]"]
        assert parser.unseparated
    whole = Parser()
    assert [event.data for event in whole.feed(b'data: {"a":\ndata: {"b": 1}\ndata: }\n\n')] == ['{"a":\n{"b": 1}\n}']
    assert not whole.unseparated


def test_stray_lines_come_at_the_end() -> None:
    """Lines that are none of the standard's: not the beginning of one that was cut off, and not fields in use."""
    parser = Parser()
    parser.feed(b"data: 1\n\n<html>\nid: 7\n: note\nBad Gateway\nda")
    assert [tuple(event) for event in parser.rest()] == [(STRAY, "<html>\nBad Gateway\n")]
