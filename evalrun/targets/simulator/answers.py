"""What the simulator knows: the right answer to a question, how hard it is, and what a wrong one looks like.

It sees messages only, so a run writes the answers to a file before it asks, by the digest of the messages; the file
may grow while the simulator runs. Without an answer there, it solves the last sum in the question.
"""

import hashlib
import operator
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

import msgspec

from evalrun.errors import SuiteError
from evalrun.fingerprint import canonical
from evalrun.types import Json, Message

_SUM = re.compile(r"(-?\d{1,15}(?:\.\d{1,9})?)\s*([-+*/−×·÷])\s*(-?\d{1,15}(?:\.\d{1,9})?)", re.ASCII)
_OPERATORS = {
    "+": operator.add, "-": operator.sub, "−": operator.sub, "*": operator.mul, "×": operator.mul, "·": operator.mul,
    "/": operator.truediv, "÷": operator.truediv,
}  # fmt: skip
_DIGEST_BYTES = 8  # of 32: two of a million questions collide once in 37 million files


class Fact(NamedTuple):
    """The right answer, and its difficulty from 1."""

    expected: str
    level: int


class _Line(msgspec.Struct):
    digest: str
    expected: str
    level: int = 1


_decode = msgspec.json.Decoder(_Line).decode


def digest(messages: Sequence[Message] | Sequence[Mapping[str, Json]]) -> bytes:
    """Return the SHA-256 of a conversation's canonical JSON: the same for the run's messages and the request's."""
    return hashlib.sha256(canonical(messages)).digest()


def write_answers(path: Path, rows: Iterable[tuple[Sequence[Message], Fact]], *, append: bool = False) -> None:
    """Write what `Answers` reads: a JSON line per question, 100 bytes or so, streamed."""
    with path.open("ab" if append else "wb") as file:
        for messages, fact in rows:
            line = _Line(digest=digest(messages)[:_DIGEST_BYTES].hex(), expected=fact.expected, level=fact.level)
            file.write(msgspec.json.encode(line) + b"\n")


class Answers:
    """The facts of an answers file, by the first 8 bytes of the digest: 100,000 take about 25 MB.

    On a miss, whole lines that were appended meanwhile are read. Without a path it has none.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._facts: dict[bytes, Fact] = {}
        self._lines = self._bytes = 0  # those read so far
        self._read_on()

    def find(self, messages: Sequence[Mapping[str, Json]], *, mark: bytes) -> Fact | None:
        """Return the fact of the question with the digest `mark`, else the solution of a sum in its last message."""
        key = mark[:_DIGEST_BYTES]
        if key not in self._facts:
            self._read_on()
        return self._facts.get(key) or solve(text_of(messages[-1]))

    def _read_on(self) -> None:
        """Read the whole lines after those already read; without any it costs a stat."""
        if self._path is None:
            return
        try:
            if self._path.stat().st_size <= self._bytes:
                return
            with self._path.open("rb") as file:
                file.seek(self._bytes)
                for text in file:
                    if not text.endswith(b"\n"):
                        break  # it is still being written
                    line = _decode(text)
                    self._facts[bytes.fromhex(line.digest)] = Fact(line.expected, line.level)
                    self._lines += 1
                    self._bytes += len(text)
        except OSError as error:
            right = "would be right: a file written by write_answers"
            raise SuiteError(f"{self._path}: {error.strerror}; {right}") from error
        except ValueError as error:  # msgspec's errors and fromhex's
            raise SuiteError(f"{self._path}:{self._lines + 1}: not an answers line: {error}") from error


def text_of(message: Mapping[str, Json]) -> str:
    """Return a message's text; of a list of parts, the text parts joined."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def solve(text: str) -> Fact | None:
    """Return the answer of the last `a + b` (or - * /) in a text; None without one, or if it does not come out even."""
    found = _SUM.findall(text)
    if not found:
        return None
    left, sign, right = found[-1]
    try:
        value = _OPERATORS[sign](Decimal(left), Decimal(right))
    except (InvalidOperation, ZeroDivisionError):
        return None
    answer = format((value + 0).normalize(), "f")  # + 0: no negative zero
    return Fact(answer, level=1) if len(answer) <= 20 else None


def wrong(expected: str, dice: random.Random) -> str:
    """Return an answer like `expected` that is not it: with another last digit, another letter, or "unknown"."""
    for position in range(len(expected) - 1, -1, -1):
        if expected[position] in "0123456789":
            others = [d for d in "123456789" if d != expected[position]]
            return expected[:position] + _pick(others, dice) + expected[position + 1 :]
    if len(expected) == 1 and expected.upper() in "ABCDE":
        return _pick([letter for letter in "ABCD" if letter != expected.upper()], dice)
    return "unknown"


def _pick(options: Sequence[str], dice: random.Random) -> str:
    """Choose with one call of random(), whose sequence Python keeps stable across versions; choice()'s it does not."""
    return options[int(dice.random() * len(options))]
