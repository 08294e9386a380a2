"""What a scorer is, and those that compare text: exact, contains and regex.

A scorer is a frozen block of options, called with (sample, completion), returning a Score. A call is pure: the same
three things give the same Score, on every machine, without a network. `isolated` scorers may hang, crash or eat memory,
so `pool` calls them in killable worker processes only.

To add one: a module with a subclass of `Scorer` that has a literal `kind` and a method `judge`, and its name in the
union in `spec`. A scorer of your own needs no change here: `{kind: python, call: "package.module:function"}`.
"""

import hashlib
import re
from collections import deque
from typing import ClassVar, Literal

import msgspec
from pydantic import Field, field_validator

from evalrun.score.container import contained
from evalrun.score.extract import without_reasoning
from evalrun.score.option import Extract, compiles
from evalrun.score.phrase import bare, final_phrase
from evalrun.spec import Spec
from evalrun.types import Completion, Sample, Score

MAX_SHOWN = 500  # characters of an answer that a score repeats


class Scorer(Spec):
    """The options and methods of every scorer. A subclass adds a literal `kind`, its options, and `judge`."""

    isolated: ClassVar[bool] = False

    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]{0,63}$")
    """Shown in tables; by default the kind. Needed to tell two scorers of one kind apart."""
    extract: Extract | None = None
    """The part of the reply to judge, before the scorer's own rules; by default all of it."""
    timeout_s: float = Field(default=10, gt=0, le=3600)
    """An answer that takes longer to judge is unscored. Only for scorers that run in a worker process, and for answers
    of over 20,000 characters."""

    def __call__(self, sample: Sample, completion: Completion) -> Score:
        """Judge an answer, or the part of it that `extract` finds."""
        if self.extract is None:
            return self.judge(sample, completion)
        part = self.extract.find(answer_of(completion), cut=completion.truncated)
        if part is None and self.extract.missing == "fall_through":
            return self.judge(sample, completion)
        if part is None:
            why, wrong = f"{self.extract.rule} finds nothing", self.extract.missing == "wrong"
            return Score(value=0.0 if wrong else None, rule="none", why=why, error=None if wrong else "not_extracted")
        score = self.judge(sample, msgspec.structs.replace(completion, text=part, finish_reason="stop"))
        own = score.rule if score.rule not in ("", "whole") else ""
        return msgspec.structs.replace(score, rule=f"{self.extract.rule} > {own}" if own else self.extract.rule)

    def judge(self, sample: Sample, completion: Completion) -> Score:
        """Judge an answer by the scorer's own rules."""
        raise NotImplementedError

    @property
    def in_worker(self) -> bool:
        """Return whether only a worker process may call it, which can be killed."""
        return self.isolated or (self.extract is not None and self.extract.regex is not None)

    @property
    def label(self) -> str:
        """The scorer's name in scores.jsonl and in tables."""
        return self.name or str(getattr(self, "kind", ""))

    def prepare(self) -> None:
        """Load what the first call would load. Raises what an unusable scorer raises."""


def scored(
    *, right: bool | float, answer: str | None, why: str, rule: str = "", disputed: bool = False, means: str = ""
) -> Score:
    """Return the Score of an answer, right, wrong or in part. A long answer is cut: the record has all of it.

    means: what the answer says, where that is not its text: equal for two answers that the scorer takes for the same.
    """
    means = _short(means or answer or "")
    if answer is not None and len(answer) > MAX_SHOWN:
        answer = answer[: MAX_SHOWN - 1] + "…"
    means = "" if means == answer else means
    return Score(value=float(right), answer=answer, why=why[: 2 * MAX_SHOWN], rule=rule, disputed=disputed, means=means)


def _short(text: str) -> str:
    """Return a text, or its digest where it is long."""
    if len(text) <= MAX_SHOWN:
        return text
    return "sha256 " + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def unexpected() -> Score:
    """Return the error of a sample that has no expected answer to compare with."""
    return Score(value=None, error="scorer", why="the sample has no expected answer")


def answer_of(completion: Completion) -> str:
    """Return the answer without reasoning and outer white space."""
    return without_reasoning(completion.text).strip()


class ExactScorer(Scorer):
    """Right if the stripped answer, or what its tag or JSON object holds, equals the expected one."""

    kind: Literal["exact"]
    answer: Literal["whole", "final"] = "whole"
    """`final`: compare only the final answer in a longer reply: after `Answer:`, in a box, in bold."""
    ignore_case: bool = False
    """Treat upper and lower case as the same."""
    normalize: bool = False
    """Treat characters that look the same as the same (full-width, quotation marks, spaces), and ignore emphasis and a
    full stop at the end."""

    def judge(self, sample: Sample, completion: Completion) -> Score:
        if sample.expected is None:
            return unexpected()
        text, expected = answer_of(completion), sample.expected.strip()
        if self._alike(text, expected):
            return _compared(self._spelt(text), self._spelt(expected), fold=self.ignore_case)
        if self.answer == "final":
            phrase = final_phrase(text, cut=completion.truncated)
            if phrase is None:
                return scored(right=False, answer=None, rule="none", why="no final answer found")
            given = expected if bare(expected) == phrase.text else phrase.text
            return _compared(self._spelt(given), self._spelt(expected), fold=self.ignore_case, rule=phrase.rule)
        inside = contained(text, cut=completion.truncated)
        given, rule = (inside.content, inside.rule) if inside else (text, "")
        return _compared(self._spelt(given), self._spelt(expected), fold=self.ignore_case, rule=rule)

    def _alike(self, text: str, expected: str) -> bool:
        fold = self.ignore_case
        return _folded(self._spelt(text), fold=fold) == _folded(self._spelt(expected), fold=fold)

    def _spelt(self, text: str) -> str:
        return " ".join(bare(text).split()) if self.normalize else text


class ContainsScorer(Scorer):
    """Right if the answer contains the expected text, or any (or all) of `texts`."""

    kind: Literal["contains"]
    texts: tuple[str, ...] = ()
    """Texts to look for; by default the sample's expected answer."""
    need: Literal["any", "all"] = "any"
    """Whether one of the texts is enough or all are needed."""
    ignore_case: bool = False
    """Treat upper and lower case as the same."""

    def judge(self, sample: Sample, completion: Completion) -> Score:
        texts = self.texts or ((sample.expected,) if sample.expected is not None else ())
        if not texts:
            return unexpected()
        answer = answer_of(completion)
        where = _folded(answer, fold=self.ignore_case)
        found = [text for text in texts if _folded(text, fold=self.ignore_case) in where]
        missing = [text for text in texts if text not in found]
        right = not missing if self.need == "all" else bool(found)
        why = "found" if right else f"not found: {missing!r}"
        return scored(right=right, answer=answer, why=why, means=f"contains {found!r}")


class RegexScorer(Scorer):
    """Right if the pattern matches; with a group, if the last match's first group equals the expected answer."""

    isolated: ClassVar[bool] = True

    kind: Literal["regex"]
    pattern: str = Field(min_length=1)
    """A Python regular expression, searched for in the answer; `^` and `$` match at lines."""
    ignore_case: bool = False
    """Treat upper and lower case as the same."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        return compiles(pattern)

    def judge(self, sample: Sample, completion: Completion) -> Score:
        pattern = re.compile(self.pattern, re.MULTILINE | (re.IGNORECASE if self.ignore_case else 0))
        matches = deque(pattern.finditer(answer_of(completion)), maxlen=1)
        if not matches:
            means = "" if pattern.groups else "no match"
            return scored(right=False, answer=None, rule="none", why="the pattern matches nowhere", means=means)
        last = matches[0]
        if not pattern.groups:
            return scored(right=True, answer=last[0], rule="matched", why="the pattern matches", means="match")
        if sample.expected is None:
            return unexpected()
        return _compared((last[1] or "").strip(), sample.expected, fold=self.ignore_case, rule="group")


def _compared(answer: str, expected: str, *, fold: bool, rule: str = "") -> Score:
    means = _folded(answer, fold=fold)
    right = means == _folded(expected.strip(), fold=fold)
    return scored(right=right, answer=answer, rule=rule, why="equal" if right else f"wanted {expected!r}", means=means)


def _folded(text: str, *, fold: bool) -> str:
    return text.casefold() if fold else text
