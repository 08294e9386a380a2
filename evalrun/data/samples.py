"""Rows -> samples, and the survey made before anything is sent: their number, a content hash, no duplicate ids.

Streams: a sample is built when iterated over and not kept.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import msgspec

from evalrun.data.places import Places, Row
from evalrun.data.prompt import Prompt, PromptWriter
from evalrun.errors import SuiteError
from evalrun.types import Sample

MAX_DUPLICATES = 5  # shown in the message


class Rows(Protocol):
    """The interface of a source."""

    def rows(self, places: Places, /) -> Iterator[Row]: ...


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one task. Each iteration reads the source again from its start."""

    task: str
    source: Rows
    writer: PromptWriter
    places: Places
    limit: int | None

    def __iter__(self) -> Iterator[Sample]:
        return (sample for _, sample in self.with_rows())

    def with_rows(self) -> Iterator[tuple[Row, Sample]]:
        """Yield each row with its sample."""
        number = 0
        for number, row in enumerate(islice(self.source.rows(self.places), self.limit), start=1):
            yield row, self.writer.sample(row, number)
        if number == 0:
            raise SuiteError(f"tasks.{self.task}.data: has no rows; there must be at least one")


def samples(task: str, source: Rows, prompt: Prompt, places: Places, *, limit: int | None = None) -> Samples:
    """Return the task's samples, at most `limit` of them. The prompt is compiled once, here.

    Fields that the source names in `kept` are kept in the meta of every sample.
    """
    meta = dict.fromkeys((*prompt.meta, *getattr(source, "kept", ())))
    prompt = prompt.model_copy(update={"meta": tuple(meta)})
    return Samples(task, source, PromptWriter(prompt, task=task), places, limit)


@dataclass(frozen=True, slots=True)
class Survey:
    """A task's data: the number of rows and the hash of their content."""

    count: int
    sha256: str


def survey(samples: Samples) -> Survey:
    """Build every sample once, refuse those that cannot be sent and duplicate ids, and hash the rows.

    The hash covers one line of canonical JSON per row with its expected answer, in order, and is the same on every
    machine. The prompt has a fingerprint of its own, so that a comparison can tell which of the two changed.
    """
    sha = hashlib.sha256()
    first: dict[str, int] = {}
    twice: list[str] = []
    number = 0
    encode = msgspec.json.Encoder(decimal_format="number", order="sorted", enc_hook=_kind).encode
    for number, (row, sample) in enumerate(samples.with_rows(), start=1):
        try:
            encode(sample)
            sha.update(encode((row, sample.expected)) + b"\n")
        except UnicodeEncodeError:
            raise SuiteError(f"sample {sample.id!r}: half of a surrogate pair; write the whole character") from None
        if first.setdefault(sample.id, number) != number:
            twice.append(f"{sample.id!r} (rows {first[sample.id]} and {number})")
    if twice:
        raise SuiteError(
            f"tasks.{samples.task}.prompt.id: duplicate ids: {', '.join(twice[:MAX_DUPLICATES])}; remove the copies, or"
            " make the id from another field, e.g. id: '{{ row_number }}'"
        )
    return Survey(count=number, sha256=sha.hexdigest())


def _kind(value: object) -> str:
    """Stand in for a value that JSON cannot represent, such as an image: a row may hold it, a prompt may not."""
    return type(value).__name__
