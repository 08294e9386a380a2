"""Writes run folders by hand: a manifest, and a table.json as a real run's is written."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from evalrun.report import render
from evalrun.report.table import table_page
from evalrun.slo import Slo
from evalrun.store.manifest import Fingerprints, Machine, Manifest, TaskPrints, write_manifest
from evalrun.table import Cell, Context, Mark, Metric, Table, TargetNote

Night = Callable[..., Path]
FIRST = datetime(2026, 11, 1, 3, tzinfo=UTC)
SCORERS = {"sums": {"scorers": [{"kind": "numeric"}]}}


def manifest(number: int, *, data: str, target: str, evalrun: str) -> Manifest:
    return Manifest(
        suite_name="math",
        suite={"name": "math", "tasks": SCORERS},
        suite_file="suites/math.yaml",
        command={},
        targets={"sim": {"kind": "simulator"}},
        fingerprints=Fingerprints(
            tasks={"sums": TaskPrints(data=data, samples=40, prompt="p", sampling="s", scorers="c")},
            targets={"sim": target},
        ),
        machine=Machine(python="3.11.9", platform="linux", cpu="cpu", cpus=2),
        versions={"msgspec": "0.19"},
        transport="evalrun",
        price_date=None,
        created=FIRST + timedelta(days=number),
        evalrun=evalrun,
    )


def table(
    accuracy: float, *, cost: Decimal | None, alerts: tuple[str, ...], slo: Slo, in_flight: Mapping[str, int]
) -> Table:
    metrics = (
        *(Metric(name="in_flight", of=of, value=limit) for of, limit in in_flight.items()),
        Metric(name="accuracy", value=accuracy, low=accuracy - 0.1, high=accuracy + 0.1, n=40),
        Metric(name="failed", value=1),
        Metric(name="ttft_s", of="p50", value=0.25, n=40),
        Metric(name="ttft_s", of="p99", value=float("inf"), n=40, marks=(Mark.SMALL, Mark.INFINITE)),
        Metric(name="cost_usd", value=cost, n=40),
    )
    note = TargetNote(name="sim", alert="sim: simulated", prices_date="2026-01-01")
    context = Context(suite="math", targets=(note,), slo=slo)
    return Table(context=context, cells=(Cell(task="sums", target="sim", metrics=metrics, alerts=alerts),))


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """Write the folder of night `number`, whose run asks 40 sums; without accuracy it has no table."""

    def write(
        number: int,
        accuracy: float | None = None,
        *,
        data: str = "d1",
        target: str = "t1",
        evalrun: str = "1.0",
        cost: Decimal | None = None,
        alerts: tuple[str, ...] = (),
        slo: Slo | None = None,
        in_flight: Mapping[str, int] | None = None,
    ) -> Path:
        folder = tmp_path / "math" / f"{FIRST + timedelta(days=number):%Y%m%dT%H%M%SZ}-{number:08x}"
        folder.mkdir(parents=True, exist_ok=True)
        write_manifest(folder, manifest(number, data=data, target=target, evalrun=evalrun))
        if accuracy is not None:
            found = table(accuracy, cost=cost, alerts=alerts, slo=slo or Slo(), in_flight=in_flight or {})
            page = render([table_page(found)], "json")
            (folder / "table.json").write_text(page, encoding="ascii")
        return folder

    return write
