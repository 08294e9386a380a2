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
from evalrun.data.portion import ALL, Drawn, Portion, Rows, canonical, content
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
    examples: tuple[Row, ...] = ()

    def __iter__(self) -> Iterator[Sample]:
        return (sample for _, sample in self.with_rows())

    def with_rows(self) -> Iterator[tuple[Row, Sample]]:
        """Yield each row that is asked, with its sample, in the order of the source."""
        number, only = 0, self.portion.only
        missing = set(only or ())
        for number, row in self._asked():
            sample = self.writer.sample(row, number)
            if only is None or sample.id in only:
                missing.discard(sample.id)
                yield row, sample
        if number == 0:
            raise SuiteError(f"tasks.{self.task}.data: has no rows; there must be at least one")
        if missing:
            names = ", ".join(map(repr, sorted(missing)[:MAX_DUPLICATES]))
            raise SuiteError(f"tasks.{self.task}.only: no sample has the id {names}; check the ids, or the data")

    def _asked(self) -> Iterator[tuple[int, Row]]:
        """Yield the rows that are asked, with their numbers in the source."""
        numbered = self._numbered(self.places)
        if self._drawn is None:
            return islice(numbered, self.portion.limit)
        chosen = self._drawn.numbers
        return islice((each for each in numbered if each[0] in chosen), len(chosen))

    def _numbered(self, places: Places) -> Iterator[tuple[int, Row]]:
        """Yield the rows that may be asked, with their numbers in the source: all but those that are examples."""
        numbered = enumerate(self.source.rows(places), start=1)
        if not self.examples:
            return numbered
        shown = {content(row) for row in self.examples}
        return ((number, row) for number, row in numbered if content(row) not in shown)

    @cached_property
    def _drawn(self) -> Drawn | None:
        """The rows of the seeded sample; None where none is drawn. It takes a pass over the source."""
        n = self.portion.drawn
        if n is None or getattr(self.source, "drawn", False):
            return None
        return portion.draw_numbered(self._numbered(_quiet(self.places)), n, seed=self.portion.seed)

    def rows(self, asked: int) -> int | None:
        """Return how many rows the source has, `asked` of which are asked; None where there are too many to count."""
        if self.portion.only is not None:
            asked = sum(1 for _ in self._asked())
        if self._drawn is not None:
            return self._drawn.rows
        if self.portion.limit is None or asked < self.portion.limit:
            return asked
        found = portion.count(self.source, self.places, asked=asked)
        if found is None or not self.examples:
            return found
        return sum(1 for _ in self._numbered(_quiet(self.places))) if found <= portion.MOST_AHEAD else None


def samples(task: str, source: Rows, prompt: Prompt, places: Places, *, portion: Portion = ALL) -> Samples:
    """Return the task's samples, of a portion of its rows. The prompt is compiled once, here.

    Fields that the source names in `kept` are kept in the meta of every sample.
    """
    meta = dict.fromkeys((*prompt.meta, *getattr(source, "kept", ())))
    prompt = prompt.model_copy(update={"meta": tuple(meta)})
    examples = _examples(task, source, prompt, places)
    return Samples(task, source, PromptWriter(prompt, task=task, few_shot=examples), places, portion, tuple(examples))


def _examples(task: str, source: Rows, prompt: Prompt, places: Places) -> list[Row]:
    if prompt.few_shot is None:
        return []
    return prompt.few_shot.rows(source, _quiet(places), where=f"tasks.{task}.prompt.few_shot")


def _quiet(places: Places) -> Places:
    """Return places that tell nobody: of data that is read once more, or read for examples."""
    return replace(places, on_skip=lambda _: None, on_notice=lambda _: None)


@dataclass(frozen=True, slots=True)
class Survey:
    """A task's data: the number of samples, the hash of their content, and the rows of the source, None if unknown.

    examples: the hash of the rows of few-shot examples; empty where there are none.
    """

    count: int
    sha256: str
    rows: int | None
    examples: str = ""


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
    examples = hashlib.sha256(b"\n".join(map(content, samples.examples))).hexdigest() if samples.examples else ""
    return Survey(count=number, sha256=sha.hexdigest(), rows=samples.rows(number), examples=examples)
