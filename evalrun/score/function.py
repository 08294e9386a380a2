"""The scorer `python`: a function of yours judges. docs/scorers.md says what it gets and what it may return."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field

from evalrun.score.scorer import Scorer, answer_of, scored
from evalrun.types import Completion, Sample, Score

_FIELDS = frozenset(("value", "answer", "why", "rule", "means", "disputed", "error"))


class PythonScorer(Scorer):
    """Ask a function of yours: `def fn(sample, completion)` returns a number from 0 to 1, a dict, a Score or None."""

    isolated: ClassVar[bool] = True

    kind: Literal["python"]
    call: str = Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")
    """`package.module:function`; a module beside the suite file is found too."""

    def prepare(self) -> None:
        """Import the function."""
        self._function()

    def judge(self, sample: Sample, completion: Completion) -> Score:
        """Call the function and check what it returned. The answer of a bare number is the whole text."""
        given = self._function()(sample, completion)
        score = self._score(given, answer_of(completion))
        if score.value is None:
            return score if score.error else msgspec.structs.replace(score, error="no_score")
        value: object = score.value
        if hasattr(value, "item"):  # numpy's scalars
            value = value.item()
        if not isinstance(value, bool | int | float) or not 0 <= value <= 1:  # NaN fails both comparisons
            raise ValueError(f"{self.call} returned {score.value!r}; a score is a number from 0 to 1")
        return scored(
            right=value, answer=score.answer, why=score.why, rule=score.rule, disputed=score.disputed, means=score.means
        )

    def _score(self, given: object, text: str) -> Score:
        """Return what the function returned as a Score, with its value as it came."""
        if isinstance(given, Score):
            return given
        if given is None:
            return Score(value=None, error="no_score", why=f"{self.call} returned None")
        if not isinstance(given, dict):
            return Score(value=given, answer=text)  # type: ignore[arg-type]  # checked by the caller
        if "value" not in given or not given.keys() <= _FIELDS:
            raise ValueError(
                f"{self.call} returned a dict with the keys {sorted(map(str, given))}; "
                f"it needs 'value' and may have {', '.join(sorted(_FIELDS - {'value'}))}"
            )
        return Score(**{"answer": text, **given})

    def _function(self) -> Callable[[Sample, Completion], Any]:
        from importlib import import_module

        module, _, name = self.call.partition(":")
        function: Callable[[Sample, Completion], Any] = getattr(import_module(module), name)
        return function
