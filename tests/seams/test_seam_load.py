"""A load pattern is added in two files: its class, and its name in the union of the suite's `load:` field."""

from itertools import pairwise
from typing import Any

from evalrun.store.reader import StoredRun
from evalrun.types import Record

PATTERN = '''

class ConstantRate(Spec):
    """An open loop: a request every `1 / per_s` seconds, whether or not earlier ones were answered."""

    kind: Literal["rate"]
    per_s: float = Field(gt=0)
    concurrency: int = Field(default=4096, ge=1, le=4096)
    """The most requests in flight to a target."""

    def due_s(self, seed: str) -> Iterator[float | None]:
        """Return when request 0, 1, 2, ... is due."""
        return (number / self.per_s for number in itertools.count())
'''
SIM = "kind: simulator\nseed: 7\nttft_s: 0.4\ntoken_s: 0\ntokens_per_chunk: 50\naccuracy: [1.0]\n"
SUITE = """\
name: sums
targets: [./sim.yaml]
tasks:
  sums:
    data: {{kind: arithmetic, levels: [1], n_per_level: {count}}}
    prompt: {{template: "{{{{ question }}}}", expected: "{{{{ answer }}}}"}}
    scorers: [{{kind: numeric}}]
load: {load}
"""
COUNT, EVERY_S = 16, 0.05


def asked(package: Any, load: str) -> list[Record]:
    """Run the suite with that load and return its records in the order of sending."""
    (package.folder / "sim.yaml").write_text(SIM)
    suite = package.folder / "sums.yaml"
    suite.write_text(SUITE.format(count=COUNT, load=load))
    done = package.evalrun("run", suite, "--new")
    assert done.returncode == 0, done.stderr
    folder = max((package.folder / "results" / "sums").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    return sorted(StoredRun(folder).records(), key=lambda record: record.sent_s)


def in_flight(records: list[Record]) -> int:
    """Return the most requests that had been sent and not ended at one instant."""
    ends = [one.sent_s + one.timing.stream_s for one in records if one.timing and one.timing.stream_s]
    return max(sum(one.sent_s <= at.sent_s < end for one, end in zip(records, ends, strict=True)) for at in records)


def test_a_load_pattern_takes_two_files(package: Any) -> None:
    """Sixteen requests, one every 50 ms to a server that takes 400 ms: due times are kept to the microsecond, each
    record says how late it was sent, and no answer is waited for; the closed loop still is what has no kind."""
    package.change("load.py", ("\n\n\ndef closed_by_default", f"{PATTERN}\n\ndef closed_by_default"))
    package.change(
        "suite/spec.py",
        ("Annotated[ClosedLoop,", "Annotated[ClosedLoop | ConstantRate,"),
        ("import ClosedLoop,", "import ClosedLoop, ConstantRate,"),
    )
    assert len(package.touched) == 2

    records = asked(package, f"{{kind: rate, per_s: {1 / EVERY_S:g}}}")
    assert len(records) == COUNT
    late = [one.timing.lag_s for one in records if one.timing and one.timing.lag_s is not None]
    assert len(late) == COUNT
    due = [one.sent_s - lag_s for one, lag_s in zip(records, late, strict=True)]
    assert all(abs(later - earlier - EVERY_S) < 1e-5 for earlier, later in pairwise(due))
    assert min(late) >= 0
    assert sorted(late)[COUNT // 2] < EVERY_S
    assert in_flight(records) >= 6  # 8 were to be, on a machine that does nothing else

    closed = asked(package, "{concurrency: 2}")
    assert [one.timing.lag_s for one in closed if one.timing] == [None] * COUNT
    assert in_flight(closed) == 2

    (package.folder / "sums.yaml").write_text(SUITE.format(count=COUNT, load="{kind: rat, per_s: 20}"))
    wrong = package.evalrun("check", package.folder / "sums.yaml")
    assert wrong.returncode == 2
    assert "load.kind: unknown kind 'rat'; did you mean 'rate'?" in wrong.stderr
