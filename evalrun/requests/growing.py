"""Columns while a file is read: rows that turn into arrays a batch at a time, and texts that turn into numbers."""

import json
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalrun.errors import StoreError
from evalrun.escape import clip

BATCH = 1024  # rows that are turned into arrays at a time
MOST_KINDS = 50  # of a free text that are told apart; the rest are counted together
OTHERS = "others"
NO_GROUP = "(none)"
MOST_NAME = 60  # characters of a group's name
NO_HASH = bytes(8)


class Growing:
    """Columns of a table that grows by rows.

    rows: those that wait to be turned into arrays, `BATCH` at a time; whoever adds one flushes them.
    """

    def __init__(self, dtypes: dict[str, np.dtype[Any]]) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self._columns = {name: _Column(dtype) for name, dtype in dtypes.items()}

    def flush(self) -> None:
        """Turn the rows that wait, with values in the order of the columns, into arrays."""
        for column, values in zip(self._columns.values(), zip(*self.rows, strict=True), strict=False):
            column.add(values)
        self.rows.clear()

    def joined(self) -> dict[str, NDArray[Any]]:
        """Return the whole columns, and forget them. One value throughout takes the room of one."""
        self.flush()
        return {name: self._columns.pop(name).joined() for name in list(self._columns)}


class _Column:
    """One growing column: a value and how often it came, until another one comes."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype, self._n, self._first, self._array = dtype, 0, np.zeros(1, dtype), np.empty(0, dtype)

    def add(self, values: tuple[Any, ...]) -> None:
        """Add the values of a batch: numbers, or the 8 bytes of each, or their 16 hexadecimal digits."""
        n, first = self._n, values[0]
        alike = values[-1:].count(first) == 1 and values.count(first) == len(values)  # so is a NaN that is one object
        piece = self._as_array(values[:1] if alike else values)
        self._n += len(values)
        if not n:
            self._first = piece[:1].copy()
        if alike and not len(self._array) and piece.tobytes() == self._first.tobytes():
            return
        if not len(self._array):
            self._array = np.full(self._n, self._first[0])
        if self._n > len(self._array):
            self._array.resize(self._n + self._n // 8, refcheck=False)
        self._array[n : self._n] = piece

    def _as_array(self, values: tuple[Any, ...]) -> NDArray[Any]:
        if isinstance(values[0], str):
            try:
                found = np.frombuffer(bytes.fromhex("".join(values)), ">u8")
            except ValueError:
                found = np.empty(0, np.uint64)
            if len(found) != len(values):
                raise StoreError("records or scores: a key that is not 16 hex digits; restore them from a copy")
            return found.astype(self._dtype)
        if isinstance(values[0], bytes):
            return np.frombuffer(b"".join(values), ">u8").astype(self._dtype)
        return np.array(values, self._dtype)

    def joined(self) -> NDArray[Any]:
        return self._array[: self._n] if len(self._array) else np.broadcast_to(self._first[0], self._n)


class Kinds(dict[str, int]):
    """Texts -> numbers: a new one for a new text, up to `most`; the rest are others. first: what is at 0."""

    def __init__(self, *first: str, most: int = 250) -> None:
        super().__init__({text: number for number, text in enumerate(first)})
        self._most = most

    def __missing__(self, text: str) -> int:
        return self.setdefault(text if len(self) < self._most else OTHERS, len(self))

    def of_kind(self, text: str) -> int:
        """Return the number of a free text's kind: what is before its first colon."""
        return self[clip(text.partition(":")[0].strip(), 60)]

    def bits(self, texts: tuple[str, ...]) -> int:
        """Return a bit for the kind of each free text."""
        found = 0
        for text in texts:
            found |= 1 << self.of_kind(text)
        return found


def group_name(value: Any) -> str:
    """Return a name, short and unique, for the samples with a value of `meta`: a text as it is, else its JSON."""
    if value is None:
        return NO_GROUP
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    if len(text) > MOST_NAME:
        return f"{clip(text, MOST_NAME)} #{digest(text).hex()[:8]}"
    return repr(text) if text in ("", OTHERS, NO_GROUP) or text[0] == "'" else text


def digest(text: str) -> bytes:
    """Return the 8 bytes that stand for a text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
