"""Rows from files: what is read, what is refused with its place, and that no number changes on the way."""

import json
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from evalrun.data.files import Csv, Jsonl, Parquet
from evalrun.data.places import Places, Row
from evalrun.errors import SuiteError


def jsonl(folder: Path, content: bytes, **places: Any) -> list[Row]:
    (folder / "rows.jsonl").write_bytes(content)
    return list(Jsonl(kind="jsonl", path="rows.jsonl").rows(Places(root=folder, **places)))


def csv(folder: Path, content: bytes, **places: Any) -> list[Row]:
    (folder / "rows.csv").write_bytes(content)
    return list(Csv(kind="csv", path="rows.csv").rows(Places(root=folder, **places)))


def test_byte_order_mark_crlf_and_blank_lines_are_read_over(tmp_path: Path) -> None:
    """A UTF-8 file from Windows gives the same rows as one from Linux (D05)."""
    assert jsonl(tmp_path, b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": "\xc3\xa9"}') == [{"a": 1}, {"a": "é"}]
    assert csv(tmp_path, b'\xef\xbb\xbfa,b\r\n1,"x\ny"\r\n') == [{"a": "1", "b": "x\ny"}]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_refused_with_the_command_that_helps(tmp_path: Path, encoding: str) -> None:
    """UTF-16, marked or not, is named and never read as garbage (D05)."""
    for read, text in ((jsonl, '{"a": 1}\n'), (csv, "a\n1\n")):
        with pytest.raises(SuiteError, match=r"is UTF-16.*iconv"):
            read(tmp_path, text.encode(encoding))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1180591620717411303424", 2**70),
        ("0.1000000000000000055", Decimal("0.1000000000000000055")),
        ("1.10", Decimal("1.10")),
        ("-2.5e-3", Decimal("-0.0025")),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_numbers_keep_every_digit(tmp_path: Path, text: str, value: object) -> None:
    """No number passes through a binary float (D09)."""
    assert jsonl(tmp_path, b'{"x": %b}' % text.encode()) == [{"x": value}]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"a": }', r"rows.jsonl:731:7: Expecting value"),
        (b'{"say": "NaN", "a": NaN}', r"rows.jsonl:731:21: NaN is not a JSON number"),
        (b'{"a": -Infinity}', r"rows.jsonl:731:7: -Infinity is not a JSON number"),
        (b'{"a": 1e999999999}', r"rows.jsonl:731:1: 1e999999999 has too large an exponent"),
        (b'{"a": 1, "a": 2}', r"rows.jsonl:731:1: duplicate key 'a'"),
        (b"[1]", r"rows.jsonl:731:1: is a list; write one JSON object"),
        (b'{"a": "\xff"}', r"rows.jsonl:731:8: not UTF-8"),
        (b'{"a": "\\ud800"}', r"rows.jsonl:731:1: half of a surrogate pair"),
        (b'{"a": 1', r"rows.jsonl:731:8: Expecting ',' delimiter"),
        (b'{"a": ' + b"[" * 200_000, r"rows.jsonl:731:1: nested too deeply"),
    ],
)
def test_a_bad_line_is_refused_with_its_place_or_counted(tmp_path: Path, line: bytes, said: str) -> None:
    """Line 731 is named to the column (D04); with skip_bad_rows the other rows come and one skip is reported."""
    content = b'{"a": 0}\n' * 730 + line + b'\n{"a": 1}\n'
    with pytest.raises(SuiteError, match=said):
        jsonl(tmp_path, content)
    skipped: list[str] = []
    assert len(jsonl(tmp_path, content, skip_bad_rows=True, on_skip=skipped.append)) == 731
    assert len(skipped) == 1


def test_ragged_csv_rows_are_refused_with_their_line(tmp_path: Path) -> None:
    """A row with a cell too many or too few is never shifted into the wrong fields."""
    with pytest.raises(SuiteError, match=r"rows.csv:3: 3 cells, the header has 2"):
        csv(tmp_path, b"a,b\n1,2\n1,2,3\n")
    skipped: list[str] = []
    assert csv(tmp_path, b"a,b\n1\n1,2\n", skip_bad_rows=True, on_skip=skipped.append) == [{"a": "1", "b": "2"}]
    assert skipped == ["rows.csv:2: 1 cells, the header has 2"]


def test_csv_that_lost_its_quotes_or_has_twin_columns_is_refused(tmp_path: Path) -> None:
    """What the reader cannot be sure of is not guessed."""
    with pytest.raises(SuiteError, match=r"rows.csv:2: .*quote cells"):
        csv(tmp_path, b'a,b\n"x"y,2\n')
    with pytest.raises(SuiteError, match="duplicate column 'a'"):
        csv(tmp_path, b"a,a\n1,2\n")


def test_parquet_rows_come_in_order_with_their_types(tmp_path: Path) -> None:
    """More rows than one batch, nested values and nulls."""
    import pyarrow
    import pyarrow.parquet

    rows = [{"n": n, "options": ["x", str(n)], "none": None} for n in range(250)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    assert list(Parquet(kind="parquet", path="rows.parquet").rows(Places(root=tmp_path))) == rows
    (tmp_path / "no.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(SuiteError, match="cannot be read as Parquet"):
        list(Parquet(kind="parquet", path="no.parquet").rows(Places(root=tmp_path)))


def test_a_large_file_is_streamed(tmp_path: Path) -> None:
    """40 MB of rows are read while at most a few rows are held (D08)."""
    with (tmp_path / "rows.jsonl").open("w") as file:
        for number in range(40):
            file.write(json.dumps({"n": number, "text": "x" * 1_000_000}) + "\n")
    tracemalloc.start()
    count = sum(1 for _ in Jsonl(kind="jsonl", path="rows.jsonl").rows(Places(root=tmp_path)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 40
    assert peak < 10_000_000
