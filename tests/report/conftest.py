"""A table of two targets, made by hand, with something hostile in every text."""

from decimal import Decimal

import pytest

from evalrun.store.lines import Lag
from evalrun.table import Cell, Context, Example, Mark, Metric, Table, TargetNote

HOSTILE = '=1|2`@user #1 ![x](http://e)<img src=x>\x1b[31m\u202e\u200b\x9b\r\n,"'


def cell(target: str, *, cost: Decimal | None, marks: tuple[Mark, ...] = (), failed: int = 0) -> Cell:
    failures = (Metric(name="failed", of="stall", value=failed),) if failed else ()
    return Cell(
        task="gsm8k",
        target=target,
        alerts=("unfinished: 100 of 200 requests were made",) if failed else (),
        metrics=(
            Metric(name="accuracy", value=0.62, low=0.4702, high=0.7451, n=50),
            Metric(name="attempted", value=100),
            Metric(name="succeeded", value=100 - failed),
            Metric(name="failed", value=failed),
            *failures,
            Metric(name="retried", value=0),
            Metric(name="ttft_s", of="p50", value=0.1184, n=100),
            Metric(name="ttft_s", of="p99", value=float("inf") if failed else 1.2, n=100, marks=marks),
            Metric(name="output_throughput", value=1234.5),
            Metric(name="cost_usd", value=cost, n=100),
        ),
    )


@pytest.fixture
def table() -> Table:
    """Two targets of one task, one of them broken; plain texts."""
    context = Context(
        suite="maths",
        run="results/maths/1",
        targets=(
            TargetNote(name="local", model="tiny", alert="local is the embedded model", transport="evalrun"),
            TargetNote(name="rented", model="org/Big-1", prices_date="2026-11-01", transport="evalrun"),
        ),
        scorers={"gsm8k": ("math",)},
        fingerprints={"gsm8k data": "1a2b3c"},
        lags=(
            Lag(
                session=0,
                target="local",
                task="gsm8k",
                count=9,
                p50_s=0.0001,
                p99_s=0.0004,
                max_s=0.002,
                source="timer",
            ),
        ),
        notes=("this run is not finished",),
    )
    broken = cell("local", cost=None, marks=(Mark.SMALL, Mark.INFINITE), failed=3)
    sound = cell("rented", cost=Decimal("0.00123456"), marks=(Mark.SMALL,))
    examples = (
        Example(topic="failed", kind="stall", target="local", task="gsm8k", sample_id="q7", count=3, message="no byte"),
        Example(
            topic="disputed", kind="math", target="rented", task="gsm8k", sample_id="q9", answer="4.0", expected="4"
        ),
    )
    return Table(context=context, cells=(broken, sound), examples=examples)


@pytest.fixture
def hostile() -> Table:
    """Somebody else's text, at its worst, in every place that holds one."""
    metrics = (
        Metric(name="accuracy", value=0.5, low=0.1, high=0.9),
        Metric(name="accuracy", of=HOSTILE, value=0.5),
        Metric(name="failed", of=HOSTILE, value=2),
        Metric(name="cost_usd", value=Decimal("-1.5")),
    )
    note = TargetNote(
        name=HOSTILE, model=HOSTILE, alert=HOSTILE, transport=HOSTILE, prices_date=HOSTILE, notes=(HOSTILE,)
    )
    context = Context(
        suite=HOSTILE,
        run=HOSTILE,
        targets=(note,),
        scorers={HOSTILE: (HOSTILE,)},
        fingerprints={HOSTILE: HOSTILE},
        notes=(HOSTILE,),
    )
    texts = {"target": HOSTILE, "task": HOSTILE, "sample_id": HOSTILE, "kind": HOSTILE, "message": HOSTILE}
    examples = (
        Example(topic="failed", **texts),
        Example(topic="disputed", answer=HOSTILE, expected=HOSTILE, **texts),
    )
    return Table(context=context, cells=(Cell(task=HOSTILE, target=HOSTILE, metrics=metrics),), examples=examples)
