"""Rows from files: what is read, what is refused with its place, and that no number changes on the way."""

import json
import subprocess
import sys
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
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


# What each file below would take if it were read as it is: 1 GB, 1 GB and 2 GB.
BOMBS = """
import os, resource, sys
from pathlib import Path
import pyarrow as pa, pyarrow.parquet
from evalrun.data.files import Csv, Jsonl, Parquet
from evalrun.data.places import Places
from evalrun.errors import SuiteError

for name, kind in (("a.jsonl", Jsonl), ("a.csv", Csv)):
    with open(name, "wb") as file:
        file.write(b'{"a": "' if kind is Jsonl else b'a\\n"' + b"x\\n" * 1_000_000)
        file.truncate(2**30)
text = pa.array(["x" * 5_000_000])
many = pa.DictionaryArray.from_arrays(pa.array([0] * 400), text)
pyarrow.parquet.write_table(pa.table({"a": many}), "a.parquet", store_schema=False, compression="zstd")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
said = []
for name, kind in (("a.jsonl", Jsonl), ("a.csv", Csv), ("a.parquet", Parquet)):
    rows = kind(kind=kind.__name__.lower(), path=name).rows(Places(root=Path()))
    try:
        said.append(sum(len(row["a"]) for row in rows))
    except SuiteError as error:
        said.append(str(error))
print(said, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
def test_a_row_that_would_fill_the_memory(tmp_path: Path) -> None:
    """D08: a line and a cell of over 256 MiB are refused before more of them is read, and 400 texts of 5 MB, 1 kB as
    a file, are never held at once. At most a row and its decoded text are: 1,100 MiB."""
    done = subprocess.run([sys.executable, "-c", BOMBS], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found, _, mebibytes = done.stdout.strip().rpartition(" ")
    assert "a.jsonl:1: longer than 268435456 bytes" in found
    assert "a.csv:1" in found
    assert found.endswith(f", {400 * 5_000_000}]")
    assert int(mebibytes) < 1100


def test_rows_of_parquet_are_bounded_by_their_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group of rows over the limit is refused by what the file says of it, before any of it is read; and a cell of
    CSV that is never closed by what was read of it."""
    table = pa.table({"a": ["x" * 100_000] * 3})
    pa.parquet.write_table(table, tmp_path / "rows.parquet", compression="zstd", row_group_size=1)
    source = Parquet(kind="parquet", path="rows.parquet")
    assert [len(str(row["a"])) for row in source.rows(Places(root=tmp_path))] == [100_000] * 3
    monkeypatch.setattr("evalrun.data.files.MAX_GROUP_BYTES", 90_000)
    with pytest.raises(
        SuiteError, match=r"rows.parquet: row group 0 has 100,\d\d\d bytes, more than 90,000; write fewer"
    ):
        list(source.rows(Places(root=tmp_path)))
    monkeypatch.setattr("evalrun.data.files.MAX_ROW_BYTES", 1000)
    assert len(csv(tmp_path, b"a,b\n" + b'1,"x\ny"\n' * 500)) == 500
    with pytest.raises(SuiteError, match=r"rows.csv:251: a row of over 1,000 bytes; close its quotes"):
        csv(tmp_path, b'a,b\n1,"' + b"xxx\n" * 500)
