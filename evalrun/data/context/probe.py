"""What all probes share: size limits, seeding, the layout of the prompt. Asks nothing itself."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from evalrun.data.context.filler import margin
from evalrun.data.dice import Dice
from evalrun.data.places import Row
from evalrun.errors import SuiteError
from evalrun.spec import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Puzzle:
    """A question and its long text, before they are laid out as a prompt.

    lines: the long text.
    answers: the right answers; the order counts where the question says so.
    depth: position of the answer in the text, in percent; None where it is in several places.
    text: the right answer as written, where it is not a list.
    """

    intro: str
    lines: list[str]
    ask: str
    answers: list[str]
    depth: float | None = None
    text: str = ""


class Probe(Spec):
    """A kind of question about a long text. The same options, index and size give the same bytes on every machine."""

    family: ClassVar[str]
    """The ability tested: retrieval, tracing, aggregation, state or recall. Tables group by it."""

    seed: int = Field(default=0, ge=0)
    """Another seed gives other texts and questions."""
    kind: str

    @property
    def min_units(self) -> int:
        """The smallest size."""
        return 1

    @property
    def max_units(self) -> int | None:
        """The largest size; None where there is no limit."""
        return None

    def puzzle(self, index: int, units: int, dice: Dice) -> Puzzle:
        """Return question `index` over a text of `units` units."""
        raise NotImplementedError

    def build(self, index: int, *, units: int, pad: int = 0, nonce: str = "") -> Row:
        """Return the row of question `index`: prompt, answer, answers, depth, family.

        nonce: the first line of the prompt, which makes its beginning unknown to any cache.
        pad: number of one-letter words before the question, for the last few tokens of a size; changes nothing else.
        """
        least, most = self.min_units, self.max_units
        if units < least or (most is not None and units > most):
            span = f"at least {least}" if most is None else f"{least} to {most}"
            raise SuiteError(f"probe {self.kind}: {units} units; choose {span}")
        dice = Dice(f"{self.model_dump_json(exclude_defaults=True)} {index} {units}")
        puzzle = self.puzzle(index, units, dice)
        text = "\n".join((puzzle.intro, "", *puzzle.lines, margin(pad), "", puzzle.ask))
        return {
            "prompt": f"{nonce}\n{text}" if nonce else text,
            "answer": puzzle.text or ", ".join(puzzle.answers),
            "answers": puzzle.answers,
            "depth": puzzle.depth,
            "family": self.family,
        }
