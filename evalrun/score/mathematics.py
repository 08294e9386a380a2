r"""The scorers `numeric` and `math`: the final answer of a text against the expected one, by docs/labels.md."""

from decimal import Decimal
from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import Field

from evalrun.score.extract import Extracted, copies, expected_answer, final_answer, without_reasoning
from evalrun.score.form import read
from evalrun.score.judge import decide, judge, readings, said, unlabelled
from evalrun.score.number import TooLarge, spelled
from evalrun.score.prose import decimal_comma
from evalrun.score.scorer import MAX_SHOWN, Scorer, scored, unexpected
from evalrun.types import Completion, Sample, Score

_MAX_PROSE = 20_000  # characters that are looked at to tell the language


class NumericScorer(Scorer):
    """Right if the answer's number equals the expected one, exactly or within a tolerance. No floating point."""

    kind: Literal["numeric"]
    abs_tol: Decimal = Field(default=Decimal(0), ge=0)
    """Largest difference that is right."""
    rel_tol: Decimal = Field(default=Decimal(0), ge=0)
    """Largest difference that is right, as a fraction of the expected number."""

    def judge(self, sample: Sample, completion: Completion) -> Score:
        if sample.expected is None:
            return unexpected()
        expected = _number(expected_answer(sample.expected))
        if expected is None:
            return Score(value=None, error="scorer", why=f"the expected answer {sample.expected!r} is not a number")
        found = _final(completion)
        values = [] if found.answer is None else [_number(one) for one in _readings(sample, completion, found.answer)]
        known = [value for value in values if value is not None]
        if not known:
            return scored(right=False, answer=found.answer, rule=found.rule, why=_unfound(completion, "number"))
        value = min(known, key=lambda value: abs(value - expected))
        allowed = max(Fraction(self.abs_tol), Fraction(self.rel_tol) * abs(expected))
        right = abs(value - expected) <= allowed
        why = ("equal" if value == expected else "within the tolerance") if right else f"wanted {sample.expected!r}"
        means = spelled(expected if right else value)
        if right and _copied(sample, completion, found.answer or "", sample.expected):
            right, why = False, "it copies the question"
        return scored(right=right, answer=found.answer, rule=found.rule, why=why, means=means)


class MathScorer(Scorer):
    r"""Right if the final answer (boxed, else marked, else the last number) is equivalent: docs/labels.md."""

    isolated: ClassVar[bool] = True

    kind: Literal["math"]
    second_opinion: bool = False
    """Ask math-verify also where the normaliser has decided, and mark a contradiction as disputed. Slower."""

    def prepare(self) -> None:
        """Load math-verify and build its parser."""
        judge(r"\sin x", r"\cos x")

    def judge(self, sample: Sample, completion: Completion) -> Score:
        """Find the final answer and compare it. Must run in a process that may be killed."""
        if sample.expected is None:
            return unexpected()
        found = _final(completion)
        if found.answer is None:
            return scored(right=False, answer=None, rule=found.rule, why=_unfound(completion, "final answer"))
        expected = expected_answer(sample.expected)
        read_as = _readings(sample, completion, found.answer)
        judged = decide(expected, read_as, second_opinion=self.second_opinion)
        if judged.right and _copied(sample, completion, found.answer, sample.expected):
            return scored(right=False, answer=found.answer, rule=found.rule, why="it copies the question")
        why = judged.why if judged.right else f"wanted {sample.expected[-MAX_SHOWN:]!r}; {judged.why}"
        return scored(
            right=judged.right, answer=found.answer, rule=found.rule, why=why, disputed=judged.disputed,
            means=said(expected, read_as[0], right=judged.right),
        )  # fmt: skip


def _final(completion: Completion) -> Extracted:
    return final_answer(without_reasoning(completion.text), cut=completion.truncated)


def _copied(sample: Sample, completion: Completion, answer: str, expected: str) -> bool:
    """Return whether an answer, or all of the text, only repeats the question."""
    asked = _question(sample)
    same = asked.strip() == without_reasoning(completion.text).strip()
    return same or copies(asked, answer, expected=expected_answer(expected))


def _question(sample: Sample) -> str:
    return sample.messages[-1].content if sample.messages else ""


def _readings(sample: Sample, completion: Completion, answer: str) -> list[str]:
    """Return what the answer may say, by the question and by the language around it."""
    comma = decimal_comma(completion.text[-_MAX_PROSE:])
    expected = expected_answer(sample.expected or "")
    return readings(answer, expected=expected, question=_question(sample)[-_MAX_PROSE:], comma=comma)


def _unfound(completion: Completion, what: str) -> str:
    return f"no {what} found" + (": it was cut off before one" if completion.truncated else "")


def _number(text: str) -> Fraction | None:
    """Read a number with or without a name and a unit; None for one that is too large to compute."""
    try:
        return read(unlabelled("", text)).value
    except TooLarge:
        return None
