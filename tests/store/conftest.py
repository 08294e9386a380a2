"""Values that the tests of the store share."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from evalrun.store.manifest import Fingerprints, Machine, Manifest, TaskPrints
from evalrun.types import Completion, Failure, Outcome, Phase, Record, Sample

MakeRecord = Callable[..., Record]


@pytest.fixture
def manifest() -> Manifest:
    """A small manifest, made at 09:30:00 UTC."""
    prints = TaskPrints(data="d" * 64, samples=3, prompt="p1", sampling="s1", scorers="c1")
    return Manifest(
        suite_name="math",
        suite={"name": "math"},
        suite_file="suites/math.yaml",
        command={"suite": "suites/math.yaml", "set": []},
        targets={"sim": {"kind": "simulator"}},
        fingerprints=Fingerprints(tasks={"add": prints}, targets={"sim": "t1"}),
        machine=Machine(python="3.11.9", platform="linux", cpu="cpu", cpus=2),
        versions={"msgspec": "0.22"},
        transport="evalrun",
        price_date=None,
        created=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
    )


@pytest.fixture
def record() -> MakeRecord:
    """Make a record by its number: answered with `text`, or failed."""

    def make(number: int, *, text: str = "42", session: int = 1, failed: bool = False) -> Record:
        outcome: Outcome = Completion(text=text)
        if failed:
            outcome = Failure(kind="reset", phase=Phase.SENT, message="reset", possibly_billed=True)
        return Record(
            key=f"{number:016x}",
            session=session,
            target="sim",
            sample=Sample(task="add", id=str(number), messages=()),
            repeat=0,
            outcome=outcome,
            at="2026-11-22T09:30:01Z",
            sent_s=1.0,
        )

    return make
