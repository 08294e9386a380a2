"""Changes of a file's bytes, as disks, editors, merges and strangers make them."""

import random
import re
from collections.abc import Callable, Sequence

Change = Callable[[random.Random, bytearray], None]
NUMBERS = (
    b"1e999",
    b"-1e999",
    b"1e-300",
    b"9" * 400,
    b"-1",
    b"0",
    b"NaN",
    b"Infinity",
    b"18446744073709551616",
    b"0.1",
)
VALUES = (b"null", b"[]", b"{}", b'""', b'"\\ud800"', b'"\\u0000"', b"true", b"[" * 5000, b'{"a":' * 5000, b"\xff\xfe")
WORDS = re.compile(rb'"[^"\\]{0,80}"|-?[0-9][0-9.]*|[A-Za-z_]+')


def mutated(rng: random.Random, whole: bytes, others: Sequence[bytes]) -> bytes:
    """Return the bytes with one change, sometimes several."""
    data = bytearray(whole)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        rng.choice(CHANGES)(rng, data)
        if rng.random() < 0.1:
            _splice(rng, data, rng.choice(others))
    return bytes(data)


def _part(rng: random.Random, data: bytes) -> tuple[int, int]:
    first, second = (rng.randrange(len(data) + 1) for _ in range(2))
    return min(first, second), max(first, second)


def _flip(rng: random.Random, data: bytearray) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _byte(rng: random.Random, data: bytearray) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice(b"\x00\xff\n\r\t \"'\\{}[],:-+eE09%&*!|>")


def _cut(rng: random.Random, data: bytearray) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _remove(rng: random.Random, data: bytearray) -> None:
    start, end = _part(rng, data)
    del data[start : min(end, start + rng.choice((1, 10, 1000)))]


def _double(rng: random.Random, data: bytearray) -> None:
    start, end = _part(rng, data)
    data[start:start] = data[start:end]


def _line(rng: random.Random, data: bytearray) -> None:
    """Double, remove or move a line."""
    lines = bytes(data).splitlines(keepends=True)
    if lines:
        line = lines.pop(rng.randrange(len(lines))) if rng.random() < 0.5 else rng.choice(lines)
        if rng.random() < 0.7:
            lines.insert(rng.randrange(len(lines) + 1), line)
    data[:] = b"".join(lines)


def _word(rng: random.Random, data: bytearray) -> None:
    """Put something else in the place of a number, a text or a word."""
    found = list(WORDS.finditer(bytes(data)))
    if found:
        word = rng.choice(found)
        data[word.start() : word.end()] = rng.choice((rng.choice(NUMBERS), rng.choice(VALUES), rng.choice(found)[0]))


def _splice(rng: random.Random, data: bytearray, other: bytes) -> None:
    start, end = _part(rng, other)
    at = rng.randrange(len(data) + 1)
    data[at : at + rng.choice((0, end - start))] = other[start:end]


CHANGES: tuple[Change, ...] = (_flip, _flip, _flip, _byte, _byte, _cut, _remove, _double, _line, _word, _word, _word)
