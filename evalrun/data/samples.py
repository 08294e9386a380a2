"""Rows -> samples, and the survey made before anything is sent: their number, a content hash, no duplicate ids.

Streams: a sample is built when iterated over and not kept.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from evalrun.data import portion
from evalrun.data.places import Places, Row
from evalrun.data.portion import ALL, Drawn, Portion, Rows, canonical
from evalrun.data.prompt import Prompt, PromptWriter
from evalrun.errors import SuiteError
from evalrun.types import Sample

MAX_DUPLICATES = 5  # shown in the message


@dataclass(frozen=True)
class Samples:
    """The samples of one task. Each iteration reads the source again from its start."""

    task: str
    source: Rows
    writer: PromptWriter
    places: Places
    portion: Portion

    def __iter__(self) -> Iterator[Sample]:
        return (sample for _, sample in self.with_rows())

    def with_rows(self) -> Iterator[tuple[Row, Sample]]:
        """Yield each row that is asked, with its sample, in the order of the source."""
        number = 0
        for number, row in self._asked():
            yield row, self.writer.sample(row, number)
        if number == 0:
            raise SuiteError(f"tasks.{self.task}.data: has no rows; there must be at least one")

    def _asked(self) -> Iterator[tuple[int, Row]]:
        """Yield the rows that are asked, with their numbers in the source."""
        drawn = self._drawn
        numbered = enumerate(self.source.rows(self.places), start=1)
        if drawn is None:
            return islice(numbered, self.portion.limit)
        last = max(drawn.numbers, default=0)
        return ((number, row) for number, row in islice(numbered, last) if number in drawn.numbers)

    @cached_property
    def _drawn(self) -> Drawn | None:
        """The rows of the seeded sample; None where none is drawn. It takes a pass over the source."""
        n = self.portion.drawn
        if n is None or getattr(self.source, "drawn", False):
            return None
        quiet = replace(self.places, on_skip=lambda _: None, on_notice=lambda _: None)
        return portion.draw(self.source.rows(quiet), n, seed=self.portion.seed)

    def rows(self, asked: int) -> int | None:
        """Return how many rows the source has, `asked` of which are asked; None where there are too many to count."""
        if self._drawn is not None:
            return self._drawn.rows
        if self.portion.limit is None or asked < self.portion.limit:
            return asked
        return portion.count(self.source, self.places, asked=asked)


def samples(task: str, source: Rows, prompt: Prompt, places: Places, *, portion: Portion = ALL) -> Samples:
    """Return the task's samples, of a portion of its rows. The prompt is compiled once, here.

    Fields that the source names in `kept` are kept in the meta of every sample.
    """
    meta = dict.fromkeys((*prompt.meta, *getattr(source, "kept", ())))
    prompt = prompt.model_copy(update={"meta": tuple(meta)})
    return Samples(task, source, PromptWriter(prompt, task=task), places, portion)


@dataclass(frozen=True, slots=True)
class Survey:
    """A task's data: the number of samples, the hash of their content, and the rows of the source, None if unknown."""

    count: int
    sha256: str
    rows: int | None


def survey(samples: Samples) -> Survey:
    """Build every sample once, refuse those that cannot be sent and duplicate ids, and hash the rows.

    The hash covers one line of canonical JSON per row with its expected answer, in order, and is the same on every
    machine. The prompt has a fingerprint of its own, so that a comparison can tell which of the two changed.
    """
    sha = hashlib.sha256()
    first: dict[str, int] = {}
    twice: list[str] = []
    number = 0
    for number, (row, sample) in enumerate(samples.with_rows(), start=1):
        try:
            canonical(sample)
            sha.update(canonical((row, sample.expected)) + b"\n")
        except UnicodeEncodeError:
            raise SuiteError(f"sample {sample.id!r}: half of a surrogate pair; write the whole character") from None
        if first.setdefault(sample.id, number) != number:
            twice.append(f"{sample.id!r} (rows {first[sample.id]} and {number})")
    if twice:
        raise SuiteError(
            f"tasks.{samples.task}.prompt.id: duplicate ids: {', '.join(twice[:MAX_DUPLICATES])}; remove the copies, or"
            " make the id from another field, e.g. id: '{{ row_number }}'"
        )
    return Survey(count=number, sha256=sha.hexdigest(), rows=samples.rows(number))
