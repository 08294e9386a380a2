"""Rows to samples, and the survey made before anything is sent: how many, which content, no id twice.

Streams: a sample is built when it is asked for and not kept.
"""

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import msgspec

from evalrun.data.places import Places, Row
from evalrun.data.prompt import Prompt, Writer
from evalrun.errors import SuiteError
from evalrun.types import Sample

PAIRS_SHOWN = 5


class Rows(Protocol):
    """What a source must do."""

    def rows(self, places: Places, /) -> Iterator[Row]: ...


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one task. Each iteration reads the source again from its start."""

    task: str
    source: Rows
    writer: Writer
    places: Places
    limit: int | None

    def __iter__(self) -> Iterator[Sample]:
        return (sample for _, sample in self.with_rows())

    def with_rows(self) -> Iterator[tuple[Row, Sample]]:
        """Return each row and the sample that was written of it."""
        number = 0
        for number, row in enumerate(islice(self.source.rows(self.places), self.limit), start=1):
            yield row, self.writer.sample(row, number)
        if number == 0:
            raise SuiteError(f"tasks.{self.task}.data: has no rows; nothing would be asked, so nothing can be right")


def samples(task: str, source: Rows, prompt: Prompt, places: Places, *, limit: int | None = None) -> Samples:
    """Return the task's samples, at most `limit` of them. The prompt is compiled here, once.

    A source may name fields in `kept` that every sample of it keeps in its meta.
    """
    meta = dict.fromkeys((*prompt.meta, *getattr(source, "kept", ())))
    prompt = prompt.model_copy(update={"meta": tuple(meta)})
    return Samples(task, source, Writer(prompt, task=task), places, limit)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a task's data are: how many rows, and the hash of all that is in them."""

    count: int
    sha256: str


def survey(samples: Samples) -> Survey:
    """Write every sample once, to refuse what cannot be asked and an id that stands twice, and hash the rows.

    The hash is over one line of canonical JSON per row with what is expected of it, in order, so it is the same on
    every machine. How it is asked is in the prompt block's fingerprint: who compares runs can tell which changed. For
    ids only 8-byte digests are held; `samples` is read a second time just to name those that stand twice.
    """
    sha = hashlib.sha256()
    digests = array("Q")
    encode = msgspec.json.Encoder(decimal_format="number", order="sorted", enc_hook=_kind).encode
    for row, sample in samples.with_rows():
        try:
            encode(sample)
            sha.update(encode((row, sample.expected)) + b"\n")
        except UnicodeEncodeError:
            raise SuiteError(f"sample {sample.id!r}: half of a surrogate pair; write the whole character") from None
        digests.append(_digest(sample.id))
    twice = _repeated(digests)
    if twice:
        _refuse_twins(samples, twice)
    return Survey(count=len(digests), sha256=sha.hexdigest())


def _kind(value: object) -> str:
    """Stand in for what JSON has no form for, as a picture: such a field cannot be asked, but may be in a row."""
    return type(value).__name__


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _repeated(digests: "array[int]") -> set[int]:
    import numpy

    ordered = numpy.sort(numpy.frombuffer(digests, dtype=numpy.uint64)) if digests else numpy.empty(0)
    return {int(digest) for digest in numpy.unique(ordered[1:][ordered[1:] == ordered[:-1]])}


def _refuse_twins(samples: Samples, twice: set[int]) -> None:
    """Name the first ids that stand twice. Two different ids with one digest are no reason to refuse."""
    first: dict[str, int] = {}
    pairs: list[str] = []
    task = ""
    for number, sample in enumerate(samples, start=1):
        if _digest(sample.id) in twice and first.setdefault(sample.id, number) != number:
            task = sample.task
            pairs.append(f"{sample.id!r} (rows {first[sample.id]} and {number})")
            if len(pairs) == PAIRS_SHOWN:
                break
    if pairs:
        raise SuiteError(
            f"tasks.{task}.prompt.id: ids stand twice: {', '.join(pairs)}; drop the copies, or name samples by"
            " another field, e.g. id: '{{ row_number }}'"
        )
