"""The journal's text form, and what is left of it after damage."""

import zlib
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalrun.store.lines import End, Intent, encode, parse, scan
from evalrun.types import Record

LINES = [
    encode(Intent(key=f"{n:016x}", session=1, attempt=1, at='a "quoted" {"crc":"00000000","t":"x",} text'))
    for n in range(12)
]
SAME_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)


def kept(path: Path, data: bytes) -> list[bytes]:
    """Return the whole lines that a scan of `data` finds, after checking that every byte is accounted for."""
    path.write_bytes(data)
    lines = list(scan(path))
    assert b"".join(line.raw for line in lines) == data[: data.rfind(b"\n") + 1]
    assert [line.offset for line in lines] == [sum(len(x.raw) for x in lines[:i]) for i in range(len(lines))]
    return [line.raw for line in lines if line.kind]


def test_a_line_is_its_checksum_its_type_and_the_event() -> None:
    """The format is fixed to the byte: other programs read it."""
    body = b'"t":"end","session":3,"reason":"finished"}'
    assert encode(End(session=3, reason="finished")) == b'{"crc":"%08x",' % zlib.crc32(body) + body + b"\n"


def test_half_a_surrogate_pair_becomes_the_replacement_character(record: Any) -> None:
    """Text that UTF-8 cannot carry is mended, in keys of mappings too; a pair in two halves is joined."""
    line = encode(record(1, text="\ud83d\ude00 \ud83d! \u2028"))
    event = parse(line).event()
    assert isinstance(event, Record)
    assert event.outcome.text == "\U0001f600 \ufffd! \u2028"  # type: ignore[union-attr]
    assert line.count(b"\n") == 1


def test_a_line_type_from_the_future_is_whole_but_unknown() -> None:
    """A newer version may add types: their lines are not damage."""
    body = b'"t":"weather","sun":true}'
    line = parse(b'{"crc":"%08x",' % zlib.crc32(body) + body + b"\n")
    assert line.kind == b"weather"
    assert line.event() is None


@SAME_FILE
@given(st.data())
def test_a_flipped_bit_costs_at_most_its_own_line(tmp_path: Path, data: st.DataObject) -> None:
    """One wrong bit anywhere, newlines included, loses the line it is in and no other."""
    text = bytearray(b"".join(LINES))
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] ^= 1 << data.draw(st.integers(0, 7))
    ends = [sum(map(len, LINES[: n + 1])) for n in range(len(LINES))]
    hit = next(n for n, end in enumerate(ends) if at < end)
    assert kept(tmp_path / "j", bytes(text)) == LINES[:hit] + LINES[hit + 1 :]


@SAME_FILE
@given(st.integers(0, len(LINES)), st.binary(max_size=300))
def test_bytes_between_lines_cost_nothing(tmp_path: Path, place: int, junk: bytes) -> None:
    """Whatever was inserted between two lines, or appended, every line is still found."""
    text = b"".join(LINES[:place]) + junk + b"".join(LINES[place:])
    assert kept(tmp_path / "j", text) == LINES


@SAME_FILE
@given(st.integers(0, len(b"".join(LINES))))
def test_a_cut_file_keeps_its_whole_lines(tmp_path: Path, size: int) -> None:
    """A file cut at any byte has exactly the lines whose newline is before the cut."""
    text = b"".join(LINES)[:size]
    assert kept(tmp_path / "j", text) == LINES[: text.count(b"\n")]
