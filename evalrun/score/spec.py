"""The scorers a suite may name: each a frozen block of options, called with (sample, completion), giving a Score.

A call is pure: the same three things give the same Score, on every machine, without a network. `isolated` scorers
may hang, crash or eat memory, so `stream` calls them in the killable workers of `pool` only.
"""

import re
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, TypeAdapter, field_validator

from evalrun.score.choice import chosen, expected_letter
from evalrun.score.context import claims, common_share, f1, net, order
from evalrun.score.extract import Found, copies, expected_answer, final_answer, without_reasoning
from evalrun.score.form import tidy
from evalrun.score.number import TooLarge, number
from evalrun.score.unit import split_unit
from evalrun.spec import Spec
from evalrun.types import Completion, Sample, Score

_MAX_SHOWN = 500  # characters of an answer that a score repeats


class Scorer(Spec):
    """What every scorer has."""

    isolated: ClassVar[bool] = False

    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]{0,63}$")
    """Shown in tables; by default the kind. Needed to tell two scorers of one kind apart."""

    @property
    def label(self) -> str:
        """The scorer's name in scores.jsonl and in tables."""
        return self.name or str(getattr(self, "kind", ""))

    def prepare(self) -> None:
        """Load what the first call would load. Raises what an unusable scorer raises."""


class Exact(Scorer):
    """Right if the stripped answer equals the expected one."""

    kind: Literal["exact"]
    ignore_case: bool = False

    def __call__(self, sample: Sample, completion: Completion) -> Score:
        """Compare the whole answer."""
        if sample.expected is None:
            return unexpected()
        answer = _answer(completion)
        right = _folded(answer, fold=self.ignore_case) == _folded(sample.expected.strip(), fold=self.ignore_case)
        return scored(right=right, answer=answer, why="equal" if right else f"wanted {sample.expected!r}")


class Contains(Scorer):
    """Right if the answer contains the expected text, or any (or all) of `texts`."""

    kind: Literal["contains"]
    texts: tuple[str, ...] = ()
    """Texts to look for; by default the sample's expected answer."""
    need: Literal["any", "all"] = "any"
    ignore_case: bool = False

    def __call__(self, sample: Sample, completion: Completion) -> Score:
        """Look for each text."""
        texts = self.texts or ((sample.expected,) if sample.expected is not None else ())
        if not texts:
            return unexpected()
        answer = _answer(completion)
        where = _folded(answer, fold=self.ignore_case)
        missing = [text for text in texts if _folded(text, fold=self.ignore_case) not in where]
        right = not missing if self.need == "all" else len(missing) < len(texts)
        return scored(right=right, answer=answer, why="found" if right else f"not found: {missing!r}")


class Regex(Scorer):
    """Right if the pattern matches; with a group, if the last match's first group equals the expected answer."""

    isolated: ClassVar[bool] = True

    kind: Literal["regex"]
    pattern: str = Field(min_length=1)
    """A Python regular expression, searched for in the answer; `^` and `$` match at lines."""
    ignore_case: bool = False

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    def __call__(self, sample: Sample, completion: Completion) -> Score:
        """Search the answer."""
        pattern = re.compile(self.pattern, re.MULTILINE | (re.IGNORECASE if self.ignore_case else 0))
        matches = deque(pattern.finditer(_answer(completion)), maxlen=1)
        if not matches:
            return scored(right=False, answer=None, rule="none", why="the pattern matches nowhere")
        last = matches[0]
        if not pattern.groups:
            return scored(right=True, answer=last[0], rule="matched", why="the pattern matches")
        if sample.expected is None:
            return unexpected()
        answer = (last[1] or "").strip()
        right = _folded(answer, fold=self.ignore_case) == _folded(sample.expected.strip(), fold=self.ignore_case)
        return scored(right=right, answer=answer, rule="group", why="equal" if right else f"wanted {sample.expected!r}")


class Numeric(Scorer):
    """Right if the answer's number equals the expected one, exactly or within a tolerance. No floating point."""

    kind: Literal["numeric"]
    abs_tol: Decimal = Field(default=Decimal(0), ge=0)
    """Largest difference that is right."""
    rel_tol: Decimal = Field(default=Decimal(0), ge=0)
    """Largest difference that is right, as a fraction of the expected number."""

    def __call__(self, sample: Sample, completion: Completion) -> Score:
        """Compare the boxed, the marked or else the last number."""
        if sample.expected is None:
            return unexpected()
        expected = _number(expected_answer(sample.expected))
        if expected is None:
            return Score(value=None, error="scorer", why=f"the expected answer {sample.expected!r} is not a number")
        found = _final(completion)
        value = None if found.answer is None else _number(found.answer)
        if value is None:
            return scored(right=False, answer=found.answer, rule=found.rule, why=_unfound(completion, "number"))
        allowed = max(Fraction(self.abs_tol), Fraction(self.rel_tol) * abs(expected))
        right = abs(value - expected) <= allowed
        why = ("equal" if value == expected else "within the tolerance") if right else f"wanted {sample.expected!r}"
        return scored(right=right, answer=found.answer, rule=found.rule, why=why)


class Choice(Scorer):
    """Right if the chosen letter is the expected one."""

    kind: Literal["choice"]

    def __call__(self, sample: Sample, completion: Completion) -> Score:
        """Find the letter."""
        if sample.expected is None:
            return unexpected()
        expected = expected_letter(sample.expected, sample.choices)
        if expected is None:
            return Score(value=None, error="scorer", why=f"the expected answer {sample.expected!r} is not an option")
        found = chosen(_answer(completion), sample.choices)
        right = found.letter == expected
        return scored(
            right=right,
            answer=found.letter,
            rule=found.rule,
            why=found.why or ("equal" if right else f"wanted {expected}"),
        )


class Math(Scorer):
    r"""Right if the final answer (boxed, else marked, else the last number) is equivalent: docs/labels.md."""

    isolated: ClassVar[bool] = True

    kind: Literal["math"]

    def prepare(self) -> None:
        """Load math-verify and build its parser."""
        from evalrun.score.mathematics import judge

        judge("x+1", "1+x")

    def __call__(self, sample: Sample, completion: Completion) -> Score:
        """Find the final answer and compare it. Must run in a process that may be killed."""
        from evalrun.score.mathematics import judge

        if sample.expected is None:
            return unexpected()
        found = _final(completion)
        if found.answer is None:
            return scored(right=False, answer=None, rule=found.rule, why=_unfound(completion, "final answer"))
        expected = expected_answer(sample.expected)
        verdict = judge(expected, found.answer)
        if verdict.right and copies(_question(sample), found.answer, expected=expected):
            return scored(right=False, answer=found.answer, rule=found.rule, why="it copies the question")
        why = verdict.why if verdict.right else f"wanted {sample.expected[-_MAX_SHOWN:]!r}; {verdict.why}"
        return scored(right=verdict.right, answer=found.answer, rule=found.rule, why=why, disputed=verdict.disputed)


class Items(Scorer):
    """Compare the items that the answer names with the expected list, both ways: what is wrong in it costs."""

    kind: Literal["items"]
    rule: Literal["net", "f1", "order"] = "net"
    """`net`: (right - wrong) / expected, at least 0. `f1`: of precision and recall. `order`: the same list, or 0."""

    def __call__(self, sample: Sample, completion: Completion) -> Score:
        """Find the items and compare."""
        expected = [item.strip().casefold() for item in (sample.expected or "").split(",") if item.strip()]
        if not expected:
            return unexpected()
        found = claims(_answer(completion), expected, question=_question(sample).rpartition("\n\n")[2])
        value = {"net": net, "f1": f1, "order": order}[self.rule](found.items, expected)
        answer = ", ".join(found.items) if self.rule == "order" else ", ".join(dict.fromkeys(found.items))
        why = "equal" if value == 1 else f"wanted {sample.expected!r}"
        return scored(right=value, answer=answer or None, why=why, rule=found.rule)


class Recall(Scorer):
    """Compare word for word, if the answer begins with the expected text's first word: 2 x common / all words."""

    kind: Literal["recall"]

    def __call__(self, sample: Sample, completion: Completion) -> Score:
        """Check the beginning and compare the rest."""
        prefix, _, wanted = (sample.expected or "").strip().partition(" ")
        if not prefix or not wanted:
            return unexpected()
        answer = _answer(completion)
        if not answer.startswith(prefix):
            return scored(right=0.0, answer=answer, why=f"does not begin with {prefix!r}", rule="none")
        value = common_share(answer.removeprefix(prefix), wanted)
        return scored(right=value, answer=answer, why="equal" if value == 1 else f"wanted {wanted!r}", rule="prefix")


class Python(Scorer):
    """Ask a function of yours: `def fn(sample, completion)` returns a Score, a bool, or a number from 0 to 1."""

    isolated: ClassVar[bool] = True

    kind: Literal["python"]
    call: str = Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")
    """Where the function is, as `package.module:function`; the module must be importable."""

    def prepare(self) -> None:
        """Import the function."""
        self._function()

    def __call__(self, sample: Sample, completion: Completion) -> Score:
        """Call the function and check what it returned."""
        given = self._function()(sample, completion)
        score = given if isinstance(given, Score) else Score(value=given)
        if score.error is not None:
            return score
        value: object = score.value
        if not isinstance(value, bool | int | float) or not 0 <= value <= 1:  # NaN fails both comparisons
            raise ValueError(f"{self.call} returned {value!r}; a score is a number from 0 to 1")
        return Score(value=float(value), answer=score.answer, why=score.why, rule=score.rule, disputed=score.disputed)

    def _function(self) -> Callable[[Sample, Completion], Any]:
        from importlib import import_module

        module, _, name = self.call.partition(":")
        function: Callable[[Sample, Completion], Any] = getattr(import_module(module), name)
        return function


ScorerSpec = Annotated[
    Exact | Contains | Regex | Numeric | Choice | Math | Items | Recall | Python, Field(discriminator="kind")
]
ADAPTER: TypeAdapter[tuple[ScorerSpec, ...]] = TypeAdapter(tuple[ScorerSpec, ...])


def scored(*, right: bool | float, answer: str | None, why: str, rule: str = "", disputed: bool = False) -> Score:
    """Make the Score of an answer, right, wrong or in part; a long one is cut, because the record has all of it."""
    if answer is not None and len(answer) > _MAX_SHOWN:
        answer = answer[: _MAX_SHOWN - 1] + "…"
    return Score(value=float(right), answer=answer, why=why[: 2 * _MAX_SHOWN], rule=rule, disputed=disputed)


def unexpected() -> Score:
    """Make the Score of a sample that has no expected answer to compare with: none."""
    return Score(value=None, error="scorer", why="the sample has no expected answer")


def _answer(completion: Completion) -> str:
    return without_reasoning(completion.text).strip()


def _question(sample: Sample) -> str:
    return sample.messages[-1].content if sample.messages else ""


def _final(completion: Completion) -> Found:
    return final_answer(without_reasoning(completion.text), cut=completion.finish_reason == "length")


def _unfound(completion: Completion, what: str) -> str:
    return f"no {what} found" + (": it was cut off before one" if completion.finish_reason == "length" else "")


def _folded(text: str, *, fold: bool) -> str:
    return text.casefold() if fold else text


def _number(text: str) -> Fraction | None:
    """Read a number with or without a unit; one too large to compute is no number."""
    quantity, _ = split_unit(tidy(text).rpartition("=")[2].strip())
    try:
        return number(quantity)
    except TooLarge:
        return None
