"""Sources that generate problems in six levels with exact answers; `arithmetic`, `words` and `puzzles` write them."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from evalrun.data import arithmetic, words
from evalrun.data.dice import Dice
from evalrun.data.places import Places, Row
from evalrun.errors import SuiteError
from evalrun.spec import Spec

TRIES = 1000  # to find a question that was not asked before


class Graded(Spec):
    """Problems of rising difficulty. The same seed gives the same bytes on every machine."""

    seed: int = 0
    """Another seed gives other questions."""
    levels: tuple[Annotated[int, Field(ge=1, le=6)], ...] = Field(default=(1, 2, 3, 4, 5, 6), min_length=1)
    """1 is one easy step, 6 needs many exact ones."""
    n_per_level: int = Field(default=10, ge=1, le=1_000_000)
    """Questions of each level, all different."""

    def rows(self, places: Places) -> Iterator[Row]:  # noqa: ARG002  (reads no file)
        """Yield rows of `id`, `level`, `question`, `answer`. The rows of a level do not depend on the other levels."""
        for level in dict.fromkeys(self.levels):
            dice = Dice(f"{type(self).__name__} {self.seed} {level}")
            asked: set[str] = set()
            for number in range(1, self.n_per_level + 1):
                question, answer = self._new(level, dice, asked)
                asked.add(question)
                yield {"id": f"{level}-{number}", "level": level, "question": question, "answer": answer}

    def problem(self, level: int, dice: Dice) -> tuple[str, str]:
        """Return a question of the level and its answer."""
        raise NotImplementedError

    def _new(self, level: int, dice: Dice, asked: set[str]) -> tuple[str, str]:
        for _ in range(TRIES):
            question, answer = self.problem(level, dice)
            if question not in asked:
                return question, answer
        raise SuiteError(f"level {level} has no more than about {len(asked)} different questions; lower n_per_level")


class Arithmetic(Graded):
    """Generated arithmetic; every answer is an integer or a fraction in lowest terms."""

    kind: Literal["arithmetic"]

    def problem(self, level: int, dice: Dice) -> tuple[str, str]:
        return arithmetic.LEVELS[level - 1](dice)


class WordProblems(Graded):
    """Generated word problems; every answer is an integer or a fraction in lowest terms."""

    kind: Literal["word_problems"]

    def problem(self, level: int, dice: Dice) -> tuple[str, str]:
        question, answer = dice.pick(words.STORIES[level - 1])(dice)
        return question, str(answer)
