r"""The scorers `numeric` and `math`; and whether two mathematical answers are equivalent, by docs/labels.md.

The strict normaliser's yes and no are final, because they follow the written policy; math-verify answers what it leaves
open. Where the two contradict each other the score is disputed. Slow and hostile input can make math-verify hang, so
`judge` belongs in a worker of `pool`; its own SIGALRM timeouts are off. Text is never evaluated: only math-verify's
LaTeX grammar reads it, never `parse_expr`.
"""

import logging
import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import Field

from evalrun.score.extract import Extracted, copies, expected_answer, final_answer, without_reasoning
from evalrun.score.form import Form, meaning, measured, read, same, tidy
from evalrun.score.number import TooLarge, number, spelled, split_unit
from evalrun.score.scorer import MAX_SHOWN, Scorer, scored, unexpected
from evalrun.types import Completion, Sample, Score

_MAX_ALGEBRA = 1_000  # characters that math-verify is given
_LETTER = re.compile(r"\\text\{[^{}]*\}|\\(?:begin|end)\{[^{}]*\}|\\[A-Za-z]+|[A-Za-z]")
_DIGITS, _CLOSE, _NOTHING = 50, "1e-30", "1e-45"


class NumericScorer(Scorer):
    """Right if the answer's number equals the expected one, exactly or within a tolerance. No floating point."""

    kind: Literal["numeric"]
    abs_tol: Decimal = Field(default=Decimal(0), ge=0)
    """Largest difference that is right."""
    rel_tol: Decimal = Field(default=Decimal(0), ge=0)
    """Largest difference that is right, as a fraction of the expected number."""

    def __call__(self, sample: Sample, completion: Completion) -> Score:
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
        means = spelled(expected if right else value)
        return scored(right=right, answer=found.answer, rule=found.rule, why=why, means=means)


class MathScorer(Scorer):
    r"""Right if the final answer (boxed, else marked, else the last number) is equivalent: docs/labels.md."""

    isolated: ClassVar[bool] = True

    kind: Literal["math"]

    def prepare(self) -> None:
        """Load math-verify and build its parser."""
        judge("x+1", "1+x")

    def __call__(self, sample: Sample, completion: Completion) -> Score:
        """Find the final answer and compare it. Must run in a process that may be killed."""
        if sample.expected is None:
            return unexpected()
        found = _final(completion)
        if found.answer is None:
            return scored(right=False, answer=None, rule=found.rule, why=_unfound(completion, "final answer"))
        expected = expected_answer(sample.expected)
        judged = judge(expected, found.answer)
        question = sample.messages[-1].content if sample.messages else ""
        if judged.right and copies(question, found.answer, expected=expected):
            return scored(right=False, answer=found.answer, rule=found.rule, why="it copies the question")
        why = judged.why if judged.right else f"wanted {sample.expected[-MAX_SHOWN:]!r}; {judged.why}"
        return scored(
            right=judged.right, answer=found.answer, rule=found.rule, why=why, disputed=judged.disputed,
            means=said(expected, found.answer, right=judged.right),
        )  # fmt: skip


def _final(completion: Completion) -> Extracted:
    return final_answer(without_reasoning(completion.text), cut=completion.truncated)


def _unfound(completion: Completion, what: str) -> str:
    return f"no {what} found" + (": it was cut off before one" if completion.truncated else "")


def _number(text: str) -> Fraction | None:
    """Read a number with or without a unit; None for one that is too large to compute."""
    quantity, _ = split_unit(tidy(text).rpartition("=")[2].strip())
    try:
        return number(quantity)
    except TooLarge:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether an answer is right, and whether the two judges contradicted each other."""

    right: bool
    why: str
    disputed: bool = False


def judge(expected: str, answer: str) -> Judgement:
    """Decide whether `answer` says the same as `expected`. Not symmetric: the expected answer sets the form."""
    try:
        left, right = read(expected), read(answer)
        left, right = measured(left, right.unit), measured(right, left.unit)
    except TooLarge:
        if tidy(expected) == tidy(answer):
            return Judgement(right=True, why="equal as written")
        return Judgement(right=False, why="different as written, and too large to compute")
    if left == right:
        return Judgement(right=True, why="equal as written")
    strict, kinds = same(left, right), {left.kind, right.kind}
    if strict is not None and kinds & {"text", "written"} and (strict or "written" not in kinds):
        return Judgement(right=strict, why="equal words" if strict else "different words")
    theirs, doubt = _algebra(*_latex(left, expected, right, answer))
    return _combined(strict, theirs, doubt)


def said(expected: str, answer: str, *, right: bool) -> str:
    """Return a text that is equal for answers that say the same: one for all right ones, else by the normaliser."""
    try:
        like, form = read(expected), read(answer)
    except TooLarge:
        return tidy(expected if right else answer)
    of_right, own = meaning(like, like), meaning(form, like)
    if right:
        return of_right
    return f"not {own}" if own == of_right else own


def _combined(strict: bool | None, theirs: bool | None, doubt: str) -> Judgement:
    """Combine the two opinions."""
    if strict is None:
        if theirs and doubt:
            return Judgement(right=False, why=f"math-verify says equal, but {doubt}", disputed=True)
        if theirs is None:
            return Judgement(right=False, why=doubt or "not equal as written, and math-verify could not read it")
        return Judgement(right=theirs, why=f"math-verify: {'equal' if theirs else 'different'}")
    ours = "equal" if strict else "different"
    if theirs is not None and theirs != strict:
        return Judgement(right=strict, why=f"{ours} by docs/labels.md, but not by math-verify", disputed=True)
    return Judgement(right=strict, why=f"{ours} by spelling and arithmetic")


def _latex(left: Form, expected: str, right: Form, answer: str) -> tuple[str, str]:
    """Return both as math-verify is given them: with no unit but percent, and no name that only one side has."""
    if "group" in (left.kind, right.kind) and not (left.name or right.name):
        return tidy(expected), tidy(answer)
    named = bool(left.name and right.name) or not {"relation", "equation"}.isdisjoint({left.kind, right.kind})

    def spelled(form: Form) -> str:
        name = f"{form.name}=" if form.name and named and form.kind != "group" else ""
        return f"{name}{form.text}" + (r"\%" if form.unit == "%" else "")

    return spelled(left), spelled(right)


@cache
def library() -> tuple[Callable[[str], list[Any]], Callable[[list[Any], list[Any]], bool]]:
    """Load math-verify: (parse one LaTeX answer, compare two parses). Half a second and more, so once per process."""
    from latex2sympy2_extended.latex2sympy2 import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    # units=False: its unit stripper eats variables (`\pi r^2 h` became `\pi r^2`); `unit` has been over the text.
    spelling = NormalizationConfig(
        basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="last", equations=False
    )
    latex = LatexExtractionConfig(
        try_extract_without_anchor=False, boxed_match_priority=0, normalization_config=spelling
    )

    # first_match, or it would judge a part of a bad box
    options = {"fallback_mode": "no_fallback", "extraction_mode": "first_match", "parsing_timeout": None}
    return (
        lambda text: list(parse(rf"\boxed{{{text}}}", [latex], **options)),  # it looks for answers in prose otherwise
        lambda gold, answer: bool(verify(gold, answer, allow_set_relation_comp=True, timeout_seconds=None)),
    )


def _algebra(expected: str, answer: str) -> tuple[bool | None, str]:
    """Ask math-verify: (equal, different or unread, a reason to doubt `equal`)."""
    if max(len(expected), len(answer)) > _MAX_ALGEBRA:
        return None, "not equal as written, and too long for math-verify"
    parsed, equal = library()
    left, right = (parsed(text) for text in _lower_case(expected, answer))
    if not left or not right:
        return None, ""
    if not equal(left, right):
        return False, ""
    return True, "" if _alike(left[0], right[0]) else "the values differ (it rounds)"


def _lower_case(*texts: str) -> list[str]:
    """Rename upper-case variables to unused lower-case ones: math-verify takes R for r, so R^2 - r^2 would be 0."""
    letters = {match[0] for text in texts for match in _LETTER.finditer(text) if len(match[0]) == 1}
    free = [letter for letter in string.ascii_lowercase if letter not in letters | set("deilo")]
    capitals = sorted(letters & set(string.ascii_uppercase))
    if len(capitals) > len(free):
        return list(texts)
    names = dict(zip(capitals, free, strict=False))
    return [_LETTER.sub(lambda match: names.get(match[0], match[0]), text) for text in texts]


def _alike(left: Any, right: Any) -> bool:
    """Check at 50 digits what math-verify calls equal at 6 or 15 decimals. True where there are no values."""
    from sympy import Eq, FiniteSet, Interval, MatrixBase, Tuple

    def parts(value: Any) -> tuple[Any, ...]:
        if isinstance(value, MatrixBase):
            return tuple(value.flat())
        return tuple(value.args[:2] if isinstance(value, Interval) else value.args)

    ordered = (Interval, Tuple, MatrixBase)
    if isinstance(left, Eq) != isinstance(right, Eq):  # x = 5 against 5
        left, right = (value.args[1] if isinstance(value, Eq) else value for value in (left, right))
    if isinstance(left, ordered) and isinstance(right, ordered):
        return all(_alike(*pair) for pair in zip(parts(left), parts(right), strict=False))
    if isinstance(left, FiniteSet) and isinstance(right, FiniteSet):
        return all(any(_alike(one, other) for other in right.args) for one in left.args)
    return _close(left, right)


def _close(left: Any, right: Any) -> bool:
    """Compare two expressions at 50 digits, at two points if they have variables. True where they have no values."""
    from sympy import Expr, Float, Rational

    if not (isinstance(left, Expr) and isinstance(right, Expr)):
        return True
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    try:
        for shift in (2, 5) if symbols else (0,):
            point = {symbol: Rational(13 * index + 17 * shift, 31) for index, symbol in enumerate(symbols, 1)}
            values = []
            for side in (left, right):
                exact = side.xreplace({f: Rational(str(f)) for f in side.atoms(Float)})
                values.append(exact.subs(point).doit().evalf(_DIGITS))
            if not all(value.is_number and value.is_finite for value in values):
                return True
            one, other = values
            if abs(one - other) > max(Float(_CLOSE) * max(abs(one), abs(other)), Float(_NOTHING)):
                return False
    except (ArithmeticError, AttributeError, NotImplementedError, TypeError, ValueError):
        return True  # no value to compare: math-verify decides
    return True
