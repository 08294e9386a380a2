"""The page of a gate: its word, then every rule, worst first. What is reported of rules and samples, for `ci` too."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from evalrun import escape, units
from evalrun.gate.values import Gate, Ruling
from evalrun.report.compare import evidence
from evalrun.report.page import Page, Quantity, Text, Verbatim, joined, name, sections
from evalrun.report.quantity import measured
from evalrun.rule import MEASURES

COLUMNS = ("suite", "run", "baseline", "task", "target", "rule", "verdict", "method", "why")

WORDS = ("regressed", "inconclusive", "pass")
_Blame = Literal["", "failure", "error"]
"""A failure is the model's doing, an error is in the way of a verdict on it; empty where all is well."""

KINDS: dict[str, tuple[str, _Blame]] = {
    "wrong": ("wrong answer", "failure"),
    "truncated": ("cut off", "failure"),
    "failed": ("failed request", "error"),
    "unscored": ("not scored", "error"),
}
"""What is wrong with a failing sample, worst first."""

CLIP = 1_000  # characters of somebody else's text
_INTERVALS = (
    "[ ]: 95 %, two-sided. A ruling is one-sided, at 5 %: it may pass although the interval reaches a little past what"
    " is tolerated."
)


class Finding(NamedTuple):
    """A rule, or a failing sample, as it is reported.

    word: the verdict, or what is wrong with the answer.
    subject: the rule, or the sample.
    why: all in one line.
    details: what it rests on, a line each.
    """

    word: str
    blame: _Blame
    subject: Text
    task: str | None
    target: str
    why: Text
    details: tuple[Text, ...]

    def sentence(self) -> Text:
        """Return the finding on one line."""
        return (f"{self.word}: ", self.subject, " (", name(self.task), ", ", name(self.target), "): ", self.why)


def gate_page(gate: Gate) -> Page:
    """Return the page of a gate."""
    against = (" against ", Verbatim(gate.baseline)) if gate.baseline else ()
    place = (gate.suite, gate.run, gate.baseline or "")
    compared = any(ruling.comparison is not None for ruling in gate.rulings)
    return Page(
        title=(f"gate {gate.word}: suite ", Verbatim(gate.suite), ", run ", Verbatim(gate.run), against),
        sections=sections(("Rules", (finding.sentence() for finding in rules(gate)))),
        notes=(*([_INTERVALS] if compared else []), *map(Verbatim, gate.notes)),
        columns=COLUMNS,
        quantities=[each for ruling in _rulings(gate) for each in _numbers(ruling, place)],
        data=gate,
    )


def _numbers(ruling: Ruling, place: tuple[str, ...]) -> Iterator[Quantity]:
    """Return the numbers of a ruling: both values, the change and its evidence, or the one value of a limit."""
    found = ruling.comparison
    ruled = (ruling.rule, ruling.word, found.method if found else "", ruling.why)
    where = (*place, ruling.task or "", ruling.target, *ruled)
    unit = MEASURES[ruling.metric].unit if ruling.metric in MEASURES else ""
    values = {"new": ruling.value} if found is None else {"base": found.value_base, "new": found.value_new}
    yield from (measured(ruling.metric, value, of=of, unit=unit, where=where) for of, value in values.items())
    if found is not None:
        yield from evidence(ruling.metric, found, None, unit=unit, n=None, where=where)


def _rulings(gate: Gate) -> list[Ruling]:
    """Return the rulings, worst first, and one for the gate where none has its word.

    A gate without a baseline may have no ruling at all, and still must not look green.
    """
    found = list(gate.rulings)
    if all(ruling.word != gate.word for ruling in found):
        why = "; ".join(gate.notes) or "no rule was applied"
        found.insert(0, Ruling(rule="gate", metric="", task=None, target="all targets", word=gate.word, why=why))
    return sorted(found, key=lambda ruling: WORDS.index(ruling.word))


def rules(gate: Gate, *, clip: int = CLIP) -> Iterator[Finding]:
    """Return what the rules say, worst first, else as they came."""
    blames: dict[str, _Blame] = {"pass": "", "regressed": "failure", "inconclusive": "error"}
    for ruling in _rulings(gate):
        said = (ruling.why, f"to decide: {ruling.decide}" if ruling.decide else "")
        yield Finding(
            ruling.word, blames[ruling.word], clipped(ruling.rule, clip), ruling.task, ruling.target,
            why=joined("; ", [clipped(each, clip) for each in said if each]), details=tuple(_evidence(ruling, clip)),
        )  # fmt: skip


def _evidence(ruling: Ruling, clip: int) -> Iterator[Text]:
    shown = {each.of: each.shown for each in _numbers(ruling, ())}
    unit = " tokens" if ruling.metric.endswith("_tokens") else ""  # all others are written with their unit
    yield f"value: {' to '.join(shown[of] + unit for of in ('base', 'new') if of in shown)}"
    for of, label in (("change", "difference"), ("p", "p"), ("detectable", "smallest detectable change")):
        if shown.get(of, units.UNKNOWN) != units.UNKNOWN:
            yield f"{label}: {shown[of]}"
    if found := ruling.comparison:
        yield ("method: ", clipped(found.method, clip), "; premise: ", clipped(found.premise, clip))


def samples(gate: Gate, *, clip: int = CLIP) -> Iterator[Finding]:
    """Return the failing samples, worst first, else as they came."""
    order = list(KINDS)
    for each in sorted(gate.failing, key=lambda each: order.index(each.kind)):
        word, blame = KINDS[each.kind]
        known = {"answered": each.answer, "expected": each.expected, "message": each.message or None}
        details = tuple((f"{label}: ", clipped(text, clip)) for label, text in known.items() if text is not None)
        why = joined("; ", details) if details else word
        yield Finding(word, blame, clipped(each.sample_id, clip), each.task, each.target, why, details)


def clipped(text: str, limit: int = CLIP) -> Text:
    """Return somebody else's text, clipped."""
    return Verbatim(escape.clip(text, limit))
