"""Values of every subject, made by hand, for the tests of pages."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from evalrun.compare.values import ComparedRow, Contrast, Flip, Pair, Part, Tradeoff
from evalrun.estimate import Detects, Estimate
from evalrun.gate.values import Failing, Gate, Ruling
from evalrun.history import Change, History, PastRun, RunPoint, Series, Wanted
from evalrun.ladder import Ladder, Rung, Spot
from evalrun.rule import MEASURES
from evalrun.stats.interval import Interval
from evalrun.stats.verdict import Comparison
from evalrun.table import Mark, Metric, TargetNote

LADDER_HOSTILE = '_=1|2`@user $x_1$ \\frac <b>&amp;\x1b[31m\u202e\u200b 通义 --> \r\n,"'

# ---------------------------------------------------------------- ladders


def rung(size: int, cold: float, warm: float, right: float, family: str) -> Rung:
    return Rung(
        size=size,
        metrics=(
            Metric(name="counted_tokens", value=size + 3, n=9),
            Metric(name="size_error", value=3),
            Metric(name="attempted", value=9),
            Metric(name="failed", value=0),
            Metric(name="truncated", value=0),
            Metric(name="cache_leaks", value=0),
            *(
                Metric(name="ttft_s", of=f"{p} cold", value=cold * k)
                for p, k in (("p5", 0.9), ("p50", 1), ("p95", 1.5))
            ),
            *(Metric(name="ttft_s", of=f"{p} warm", value=warm * k) for p, k in (("p5", 0.9), ("p50", 1))),
            Metric(name="ttft_s", of="p95 warm", value=float("inf"), marks=(Mark.SMALL, Mark.INFINITE)),
            Metric(name="cost_per_request_usd", of="cold", value=Decimal("0.00110592"), n=4),
            Metric(name="accuracy", value=right, low=right - 0.1, high=right, n=9),
            Metric(name="accuracy", of=family, value=right, low=right - 0.1, high=right, n=9),
        ),
    )


def ladder(target: str, family: str, *, notes: tuple[str, ...] = ()) -> Ladder:
    return Ladder(
        suite="long" if notes == () else LADDER_HOSTILE,
        run="results/long/1" if notes == () else LADDER_HOSTILE,
        target=TargetNote(name=target, alert=f"{target} is a simulator"),
        rungs=tuple(rung(n, n * 1e-4, n * 1e-5, 1 - n / 10_000, family) for n in (1024, 2048, 4096)),
        metrics=(
            Metric(name="ttft_exponent", value=1.2164, low=1.104, high=1.331, n=27),
            Metric(name="ttft_base_s", value=0.0, low=0.0, high=0.01),
            Metric(name="ttft_linear", value=1e-4, low=9e-5, high=1.1e-4),
            Metric(name="ttft_quadratic", value=0.0),
            Metric(name="effective_context", value=2048, low=1024, high=4096, n=3),
        ),
        families=(family,),
        upper=(1024, 2048, 4096),
        spots=(
            Spot(family=family, size=1024, depth=0.5, accuracy=Metric(name="accuracy", of=family, value=0.75, n=4)),
        ),
        notes=notes,
    )


# ---------------------------------------------------------------- comparisons


def contrast(text: str = "sums") -> Contrast:
    accuracy = ComparedRow(
        measure=MEASURES["accuracy"], base=Interval(0.62, 0.47, 0.75), new=Interval(0.5, 0.36, 0.64), pairs=50,
        comparison=Comparison(0.62, 0.5, -0.12, -0.22, -0.01, 0.031, 0.15, "exact McNemar", "samples independent"),
        claims=True, p=0.0412, word="regressed",
    )  # fmt: skip
    ttft = ComparedRow(
        measure=MEASURES["ttft_p95"], base=Interval(0.118, 0.11, None), new=Interval(float("inf"), 1.2, None),
        comparison=Comparison(0.118, 1.2, 9.2, 1.0, float("inf"), 0.2, None, "m", "p", relative=True), why="two nights",
    )  # fmt: skip
    cost = ComparedRow(measure=MEASURES["cost"], base=Interval(0.000148, 0.000146, 0.00015), new=None, why=text)
    flip = Flip(
        sample=text, better=False, base_score=1.0, new_score=0.0, base_answer=text, new_answer=None, expected=text
    )
    return Contrast(
        base=text,
        new="tonight",
        pairs=(
            Pair(
                task=text, targets=("sim", text), rows=(accuracy, ttft, cost), flips=(flip,) * 7, worse=7,
                notes=(text,),
                parts=(Part(cause="capability", requests=50, change=-0.12, low=-0.12, high=-0.12),),
            ),
        ),
        tradeoffs=(Tradeoff(task=text, target=text, accuracy=0.5, cost=None, e2e_p50=1.5, beaten_by=text),),
        notes=(text,),
    )  # fmt: skip


# ---------------------------------------------------------------- gates

DROP = Comparison(
    value_base=0.8, value_new=0.74, difference=-0.06, low=-0.11, high=-0.01, p=0.0123, mde=0.05,
    method="McNemar, exact", premise="the same questions",
)  # fmt: skip
SLOWER = Comparison(
    value_base=1.0, value_new=1.2, difference=0.2, low=None, high=float("inf"), p=None, mde=None,
    method="nights", premise="nights alike", relative=True,
)  # fmt: skip


def regressed() -> Gate:
    """A regressed gate, its rulings and samples in an unhelpful order."""
    return Gate(
        suite="maths",
        run="results/maths/1",
        baseline="nightly",
        word="regressed",
        rulings=(
            Ruling(
                rule="accuracy >= 0.5", metric="accuracy", task=None, target="local", word="pass", why="", value=0.74
            ),
            Ruling(
                rule="ttft_p95 within 15 %", metric="ttft_p95", task="words", target="local", word="inconclusive",
                why="too few nights", comparison=SLOWER, decide="40 more repeats, $1.20",
            ),
            Ruling(
                rule="accuracy no worse than 2 points", metric="accuracy", task="words", target="local",
                word="regressed", why="6 points worse", comparison=DROP,
            ),
        ),
        failing=(
            Failing(kind="failed", task="words", target="local", sample_id="q3", message="stall: no byte for 60 s"),
            Failing(kind="unscored", task="words", target="local", sample_id="q4", message="no number"),
            Failing(kind="truncated", task="words", target="local", sample_id="q2", answer="4", expected="42"),
            Failing(kind="wrong", task="words", target="local", sample_id="q1", answer="41", expected="42"),
            Failing(kind="wrong", task="words", target="local", sample_id="q1", answer="43", expected="42"),
        ),
        notes=("one night is stored",),
    )  # fmt: skip


# ---------------------------------------------------------------- histories


def run(number: int, name: str = "") -> PastRun:
    return PastRun(name=name or f"run-{number}", created=datetime(2026, 11, 1, 3, tzinfo=UTC) + timedelta(days=number))


def point(
    number: int, accuracy: float, ttft: float | None, *, changes: tuple[Change, ...] = (), alerts: tuple[str, ...] = ()
) -> RunPoint:
    marks = (Mark.INFINITE,) if ttft == float("inf") else ()
    metrics = (
        Metric(name="accuracy", value=accuracy, low=accuracy - 0.1, high=accuracy + 0.1, n=40),
        Metric(name="ttft_s", of="p99", value=ttft, n=40, marks=marks),
    )
    return RunPoint(run=run(number), metrics=metrics, changes=changes, alerts=alerts)


def nights() -> History:
    """Three nights and a fourth without numbers; at the third the data had changed."""
    points = (
        point(0, 0.5, 0.1),
        point(1, 0.5, 0.2, changes=(Change(part="version", of="evalrun", old="1.0", new="1.1"),)),
        point(2, 0.8, float("inf"), changes=(Change(part="data", old="a", new="b"),), alerts=("unfinished",)),
    )
    last = PastRun(name="run-3", created=run(3).created, state="no table", why="it still runs")
    return History(
        suite="math",
        metrics=(Wanted("accuracy"), Wanted("ttft_s", "p99")),
        runs=(*(one.run for one in points), last),
        series=(Series(task="sums", target="sim", points=points),),
        earlier=2,
    )


# ---------------------------------------------------------------- plans

ESTIMATES = (
    Estimate(
        task="add", target="sim", samples=5, repeats=2, requests=10, prompt_tokens=1200, tokens_from="a pilot",
        worst_usd=Decimal("0.0123"), in_flight=4, seen_from="a pilot", output_tokens=340,
        expected_usd=Decimal("0.00188"), seconds=0.75,
        detects=Detects(
            difference=0.4, noise=0.25, why="as its repeats differ", samples=20, samples_usd=Decimal("0.05"),
        ),
    ),
    Estimate(
        task="add", target="free", samples=5, repeats=2, requests=10, prompt_tokens=1100, tokens_from="4 bytes a token",
        worst_usd=None, in_flight=1, detects=Detects(difference=None, noise=0.5, why="nothing is known of it"),
    ),
)  # fmt: skip
