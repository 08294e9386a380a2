"""Columns while a file is read: numbers that turn into arrays a batch at a time, texts told apart by number."""

from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalrun.escape import clip

BATCH = 1024  # rows that are turned into arrays at a time
MOST_KINDS = 50  # of a free text that are told apart; the rest are counted together
OTHERS = "others"
NO_HASH = bytes(8)


class Growing:
    """Columns of a table that grows by rows."""

    def __init__(self, dtypes: dict[str, np.dtype[Any]]) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._pieces = {name: _Pieces(dtype) for name, dtype in dtypes.items()}

    def add(self, row: tuple[Any, ...]) -> bool:
        """Add the values of a row, in the order of the columns; whether that made a batch full."""
        self._rows.append(row)
        return len(self._rows) == BATCH

    def flush(self) -> None:
        """Turn the rows that wait into arrays."""
        for name, values in zip(self._pieces, zip(*self._rows, strict=True), strict=False):
            self._pieces[name].add(values)
        self._rows.clear()

    def joined(self) -> dict[str, NDArray[Any]]:
        """Return the whole columns, and forget them. One value throughout takes the room of one."""
        self.flush()
        return {name: pieces.joined() for name, pieces in self._pieces.items()}


class _Pieces:
    """A column: an array for each batch, or one value where all of a batch are alike."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype, self._pieces = dtype, list[tuple[NDArray[Any], int]]()

    def add(self, values: tuple[Any, ...]) -> None:
        """Add the values of a batch: numbers, or the 8 bytes of each, or their 16 hexadecimal digits."""
        n, first = len(values), values[0]
        if values.count(first) == n:  # the same NaN counts as alike: a default is one object
            values = values[:1]
        if isinstance(first, str):
            piece = np.frombuffer(bytes.fromhex("".join(values)), ">u8").astype(self._dtype)
        elif isinstance(first, bytes):
            piece = np.frombuffer(b"".join(values), ">u8").astype(self._dtype)
        else:
            piece = np.array(values, self._dtype)
        self._pieces.append((piece, n))

    def joined(self) -> NDArray[Any]:
        pieces, self._pieces = self._pieces, []
        n = sum(length for _, length in pieces)
        values = np.concatenate([piece[:1] for piece, _ in pieces]) if pieces else np.empty(0, self._dtype)
        same = (values == values[:1]) | ((values != values) & (values[:1] != values[:1]))
        if n and same.all() and all(len(piece) == 1 for piece, _ in pieces):
            return np.broadcast_to(values[0], n)
        whole, at = np.empty(n, self._dtype), 0
        for number, (piece, length) in enumerate(pieces):
            whole[at : at + length] = piece
            at += length
            pieces[number] = (piece[:0], 0)  # no column is held twice
        return whole


class Kinds:
    """Texts told apart by number, `most` of them; the rest are others. first: what is at 0."""

    def __init__(self, *first: str, most: int = 250) -> None:
        self._most, self.numbers = most, {text: number for number, text in enumerate(first)}

    def number(self, text: str) -> int:
        """Return the number of a text, a new one for a new text."""
        known = self.numbers.get(text)
        if known is not None:
            return known
        return self.numbers.setdefault(text if len(self.numbers) < self._most else OTHERS, len(self.numbers))

    def of_kind(self, text: str) -> int:
        """Return the number of a free text's kind: what is before its first colon."""
        return self.number(clip(text.partition(":")[0].strip(), 60))

    def bits(self, texts: tuple[str, ...]) -> int:
        """Return a bit for the kind of each free text."""
        found = 0
        for text in texts:
            found |= 1 << self.of_kind(text)
        return found


def digest(text: str) -> bytes:
    """Return the 8 bytes that stand for a text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
