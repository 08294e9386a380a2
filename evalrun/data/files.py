"""Rows from local files: JSON lines, CSV and Parquet, one at a time. Numbers stay exact; no types are guessed.

Memory is bounded by the longest row, not by the file. `datasets` is not used: it takes seconds to import.
"""

import codecs
import csv
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec
from pydantic import Field

from evalrun.data.places import Places, Row
from evalrun.errors import SuiteError
from evalrun.spec import FilePath, Spec
from evalrun.types import Json
from evalrun.wire.nested import too_deep

MAX_ROW_BYTES = 256 * 2**20
MAX_EXPONENT = 5000  # 1e999999999 has eleven characters, and takes a gigabyte when printed in full
MAX_DIGITS = 4300  # Python refuses to print a longer integer
MAX_GROUP_BYTES = 2**30  # of a group of rows in Parquet, uncompressed
PARQUET_BATCH = 100  # rows held at once; rows of 10 MB exist
TOKEN_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)')


class Jsonl(Spec):
    """A file with one JSON object per line, in UTF-8."""

    kind: Literal["jsonl"]
    path: FilePath
    """Relative to the suite's folder."""

    def rows(self, places: Places) -> Iterator[Row]:
        """Yield the file's rows. Blank lines are skipped."""
        for number, line in _lines(places.file(self.path)):
            if not line.strip():
                continue
            try:
                row = _row(line)
            except BadRowError as bad:
                places.bad_row(f"{self.path}:{number}:{bad}")
            else:
                yield row


class Csv(Spec):
    """A CSV file in UTF-8 with a header line. Every value is text."""

    kind: Literal["csv"]
    path: FilePath
    """Relative to the suite's folder."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    """The character between cells."""

    def rows(self, places: Places) -> Iterator[Row]:
        """Yield the file's rows, by the names of the header."""
        path = places.file(self.path)
        csv.field_size_limit(MAX_ROW_BYTES)  # for the whole process; its default is 128 kB
        begun = 0  # bytes of the row that is being read, of which a quoted cell may have many lines

        def texts() -> Iterator[str]:
            nonlocal begun
            for number, line in _lines(path):
                begun += len(line)
                if begun > MAX_ROW_BYTES:
                    raise SuiteError(f"{self.path}:{number}: a row of over {MAX_ROW_BYTES:,} bytes; close its quotes")
                yield _text(line, path, number)

        table = csv.reader(texts(), strict=True, delimiter=self.delimiter)
        try:
            header = next(table, [])
            begun = 0
            if len(set(header)) != len(header):
                twice = next(name for name in header if header.count(name) > 1)
                raise SuiteError(f"{self.path}:1: duplicate column {twice!r}; rename one")
            for cells in table:
                begun = 0
                if len(cells) == len(header):
                    yield dict(zip(header, cells, strict=True))
                elif cells:
                    places.bad_row(f"{self.path}:{table.line_num}: {len(cells)} cells, the header has {len(header)}")
        except csv.Error as error:  # no later row can be trusted
            raise SuiteError(f"{self.path}:{table.line_num}: {error}; quote cells as in RFC 4180") from None


class Parquet(Spec):
    """A Parquet file."""

    kind: Literal["parquet"]
    path: FilePath
    """Relative to the suite's folder."""

    def rows(self, places: Places) -> Iterator[Row]:
        """Yield the file's rows, read in small batches."""
        with self._open(places) as file:
            rows = _rows_at_once(file.metadata, self.path)
            for batch in file.iter_batches(batch_size=rows):
                yield from batch.to_pylist()

    def size(self, places: Places, asked: int) -> int:  # noqa: ARG002  (see Rows)
        """Return how many rows the file says it has."""
        with self._open(places) as file:
            return int(file.metadata.num_rows)

    @contextmanager
    def _open(self, places: Places) -> Iterator[Any]:
        import pyarrow
        import pyarrow.parquet

        try:
            with pyarrow.parquet.ParquetFile(places.file(self.path)) as file:
                yield file
        except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
            raise SuiteError(f"{self.path}: cannot be read as Parquet: {error}; write the file again") from None


def _rows_at_once(metadata: Any, shown: str) -> int:
    """Return how many rows may be held at once, as no value is larger than its group of rows, uncompressed.

    Raises SuiteError where a group may not be held at all: it may be a million times as large as the file. (What a
    damaged file says of a single column may end the process, inside pyarrow; what it says of a group does not.)
    """
    sizes = [metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)]
    largest = max(sizes, default=0)
    if largest > MAX_GROUP_BYTES:
        raise SuiteError(
            f"{shown}: row group {sizes.index(largest)} has {largest:,} bytes, more than {MAX_GROUP_BYTES:,}; write"
            " fewer rows a group, or shorter texts"
        )
    return max(1, min(PARQUET_BATCH, MAX_ROW_BYTES // max(1, largest)))


class BadRowError(Exception):
    """A row cannot be used; the message starts with the column."""


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the numbered lines of a UTF-8 file, without its byte-order mark, with line ends."""
    try:
        with path.open("rb") as file:
            start = file.read(3)
            if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in start[:2]:
                raise SuiteError(f"{path}: is UTF-16; convert it: iconv -f UTF-16 -t UTF-8 {path.name} > new")
            file.seek(3 if start == codecs.BOM_UTF8 else 0)
            for number, line in enumerate(iter(lambda: file.readline(MAX_ROW_BYTES + 1), b""), start=1):
                if len(line) > MAX_ROW_BYTES:
                    raise SuiteError(f"{path}:{number}: longer than {MAX_ROW_BYTES} bytes; write one row per line")
                yield number, line
    except OSError as error:
        raise SuiteError(f"{path}: cannot be read: {error.strerror}; check its permissions") from None


def _text(line: bytes, path: Path, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise SuiteError(f"{path}:{number}:{error.start + 1}: not UTF-8; save the file as UTF-8") from None


def _row(line: bytes) -> Row:
    """Decode a line of JSON without losing digits: fractions become decimals, huge integers become text."""
    try:
        text = line.decode().rstrip("\r\n")  # with the line end, an unclosed object would be reported on a second line
        if too_deep(text):
            raise BadRowError("1: nested too deeply; write a flatter object")
        row = _DECODER.decode(text)
        if b"\\u" in line:
            msgspec.json.encode(row)  # JSON can hold half of a surrogate pair, but it cannot be sent
    except UnicodeDecodeError as error:
        raise BadRowError(f"{error.start + 1}: not UTF-8; save the file as UTF-8") from None
    except UnicodeEncodeError:
        raise BadRowError("1: half of a surrogate pair (\\ud800 to \\udfff); write the whole character") from None
    except json.JSONDecodeError as error:
        raise BadRowError(f"{error.colno}: {error.msg}; write one JSON object per line") from None
    except NotJsonError as error:
        raise BadRowError(f"{_column(text, error)}: {error}") from None
    if not isinstance(row, dict):
        raise BadRowError(f"1: is a {type(row).__name__}; write one JSON object per line")
    return row


class NotJsonError(Exception):
    """A value that Python's parser accepts, but that is not JSON or would change."""


def _column(text: str, error: NotJsonError) -> int:
    """Return the column of NaN or Infinity; 1 for other errors, which the parser does not locate."""
    found = (match for match in TOKEN_OR_CONSTANT.finditer(text) if match[1] and str(error).startswith(match[1]))
    return next((match.start() + 1 for match in found), 1)


def _fraction(text: str) -> Decimal:
    _, _, exponent = text.lower().partition("e")
    if len(exponent) > len(str(MAX_EXPONENT)) + 1 or abs(int(exponent or 0)) > MAX_EXPONENT:
        raise NotJsonError(f"{text[:40]} has too large an exponent; quote it to make it text")
    return Decimal(text)


def _constant(text: str) -> Json:
    raise NotJsonError(f"{text} is not a JSON number; write null or text")


def _object(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) != len(pairs):
        names = [name for name, _ in pairs]
        raise NotJsonError(f"duplicate key {next(name for name in names if names.count(name) > 1)!r}; keep one")
    return row


_DECODER = json.JSONDecoder(
    parse_float=_fraction,
    parse_int=lambda text: int(text) if len(text) <= MAX_DIGITS else text,
    parse_constant=_constant,
    object_pairs_hook=_object,
)
