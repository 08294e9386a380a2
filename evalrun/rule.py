"""The rules of a gate: `accuracy >= 0.80`, `ttft_p95 within 15 %`. Parses them; judges nothing.

    METRIC >= NUMBER, METRIC <= NUMBER     a limit on this run alone
    METRIC no worse than NUMBER points     against a baseline, in percentage points
    METRIC within NUMBER %                 against a baseline, relative

The grammar and the guarantee of each form are in docs/gates.md.
"""

import re
from dataclasses import dataclass
from typing import Literal

from evalrun.errors import closest
from evalrun.units import Unit

RuleKind = Literal["limit", "no_worse", "within"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that rules and comparisons can be about.

    label: its name in tables.
    worse: the worse direction.
    kinds: the kinds of rules it may be used in.
    """

    name: str
    label: str
    unit: Unit
    worse: Literal["lower", "higher"]
    kinds: tuple[RuleKind, ...]

    @property
    def limit(self) -> str:
        """Return the operator of a limit on this measure."""
        return ">=" if self.worse == "lower" else "<="

    @property
    def needs_slo(self) -> bool:
        """Return whether it counts requests within the SLO: unknown without one, not comparable with another one."""
        return self.name in ("good", "goodput")

    @property
    def blames_the_model(self) -> bool:
        """Return whether failures that are not the model's are no evidence for it, but in the way of a verdict."""
        return self.name == "failed"

    @property
    def timed(self) -> bool:
        """Return whether it depends on the clock, so that a late client or another load invalidates it."""
        return self.unit in ("s", "tok/s", "req/s") or self.needs_slo


PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
LATENCIES = ("ttft", "tpot", "e2e")
MEASURES = {measure.name: measure for measure in (
    Measure("accuracy", "accuracy", "fraction", "lower", ("limit", "no_worse")),
    Measure("failed", "failed", "fraction", "higher", ("limit", "no_worse")),
    Measure("unanswered", "unanswered", "fraction", "higher", ("limit", "no_worse")),
    Measure("truncated", "truncated", "fraction", "higher", ("limit", "no_worse")),
    Measure("unscored", "unscored", "fraction", "higher", ("limit", "no_worse")),
    Measure("good", "good", "fraction", "lower", ("limit", "no_worse")),
    *(
        Measure(f"{latency}_{name}", f"{latency.upper()} {name}", "s", "higher", ("limit", "within"))
        for latency in LATENCIES
        for name in PERCENTILES
    ),
    Measure("throughput", "throughput", "tok/s", "lower", ("within",)),
    Measure("goodput", "goodput", "req/s", "lower", ("within",)),
    Measure("prompt_tokens", "prompt tokens/answer", "tokens", "higher", ("within",)),
    Measure("output_tokens", "output tokens/answer", "tokens", "higher", ("within",)),
    Measure("cost", "cost/answer", "usd", "higher", ("limit", "within")),
    Measure("cost_per_correct", "cost/right answer", "usd", "higher", ("within",)),
    Measure("client_lag", "client lag", "s", "higher", ("limit",)),
)}  # fmt: skip

_FORMS: dict[str, RuleKind] = {">=": "limit", "<=": "limit", "no worse than": "no_worse", "within": "within"}
_SHAPE = re.compile(r"(?P<metric>\w+)\s*(?P<form>>=|<=|no\s+worse\s+than\b|within\b)\s*(?P<amount>\S.*)")
_AMOUNT = re.compile(r"(?P<sign>\$?)\s*(?P<number>\d+(?:\.\d+)?|\.\d+)\s*(?P<unit>[^\d\s.].*)?")
_SCALES: dict[str, tuple[Unit, float]] = {
    "%": ("fraction", 0.01), "percent": ("fraction", 0.01), "ms": ("s", 0.001), "s": ("s", 1.0), "usd": ("usd", 1.0),
}  # fmt: skip
_EXAMPLES: dict[Unit, str] = {"fraction": "80 % or 0.80", "s": "800 ms or 0.8 s", "usd": "0.002 USD"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A parsed rule. amount: the limit or the tolerated change, as a fraction, in seconds or dollars."""

    text: str
    measure: Measure
    kind: RuleKind
    amount: float

    @property
    def needs_baseline(self) -> bool:
        return self.kind != "limit"


def parse(text: str) -> Rule:
    """Parse a rule. Raise ValueError with what would be right."""
    said = " ".join(text.split())
    shape = _SHAPE.fullmatch(said)
    if shape is None:
        raise ValueError(f"{said!r} is not a rule; {_why_no_rule(said)}")
    if shape["metric"] not in MEASURES:
        raise ValueError(f"{said!r}: {_unknown(shape['metric'])}")
    measure = MEASURES[shape["metric"]]
    kind = _FORMS[" ".join(shape["form"].split())]
    if kind not in measure.kinds:
        raise ValueError(f"{said!r}: {measure.name} does not support this rule; write {_forms(measure)}")
    if kind == "limit" and shape["form"] != measure.limit:
        raise ValueError(f"{said!r}: a {measure.worse} {measure.name} is worse; write {_forms(measure)}")
    return Rule(said, measure, kind, _amount(said, shape["amount"], measure, kind))


def _why_no_rule(said: str) -> str:
    metric = re.match(r"\w+", said)
    if metric and metric[0] not in MEASURES:
        return _unknown(metric[0])
    if metric and re.search(r"[<>=]", said):
        return f"write {_forms(MEASURES[metric[0]])}"
    return "write METRIC >= NUMBER, METRIC <= NUMBER, METRIC no worse than NUMBER points, or METRIC within NUMBER %"


def _unknown(name: str) -> str:
    return f"no metric {name!r}{closest(name.lower(), MEASURES) or '; there are ' + ', '.join(MEASURES)}"


def _forms(measure: Measure) -> str:
    forms = {
        "limit": f"`{measure.name} {measure.limit} {_EXAMPLES.get(measure.unit, 'NUMBER')}`",
        "no_worse": f"`{measure.name} no worse than 2 points`",
        "within": f"`{measure.name} within 15 %`",
    }
    return " or ".join(forms[kind] for kind in measure.kinds)


def _amount(said: str, text: str, measure: Measure, kind: RuleKind) -> float:
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError(f"{said!r}: {text!r} is not a number with a unit; write {_forms(measure)}")
    number, unit = float(found["number"]), (found["unit"] or ("usd" if found["sign"] else "")).lower()
    if kind == "limit":
        return _limit(said, number, unit, measure)
    wanted = ("points", "point") if kind == "no_worse" else ("%", "percent")
    if unit not in wanted:
        raise ValueError(f"{said!r}: the change must be in {wanted[0]}; write {_forms(measure)}")
    most = 100.0 if measure.worse == "lower" or kind == "no_worse" else 1e6
    if not 0 < number < most:
        raise ValueError(f"{said!r}: the tolerated change must be above 0{' and below 100' if most == 100 else ''}")
    return number / 100


def _limit(said: str, number: float, unit: str, measure: Measure) -> float:
    if unit:
        belongs, scale = _SCALES.get(unit, (None, 1.0))
        if belongs != measure.unit:
            raise ValueError(f"{said!r}: {unit!r} is not a unit of {measure.name}; write {_forms(measure)}")
        number *= scale
    elif measure.unit != "fraction":
        raise ValueError(f"{said!r}: the unit is missing; write {_forms(measure)}")
    if measure.unit == "fraction" and number > 1:
        raise ValueError(f"{said!r}: a fraction is at most 1; write {_forms(measure)}")
    return number
