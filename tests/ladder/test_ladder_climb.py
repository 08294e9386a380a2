"""A ladder from records, by hand: what was cold, what was warm, what fell out, and what is said about it."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from run_folder import write_run

from evalrun.data.context.retrieval import Needle
from evalrun.data.ladder import LadderSource
from evalrun.data.places import Places
from evalrun.fingerprint import fingerprint
from evalrun.ladder import Ladder, climb
from evalrun.requests import read
from evalrun.requests.scan import AGAIN, PRIME
from evalrun.store.lines import Lag
from evalrun.table import Mark, Metric
from evalrun.types import Completion, Failure, Phase, Record, Sample, Score, Scored, Timing, Usage

TASK = {"samples": 1, "scorers": [{"kind": "items"}], "data": {"kind": "ladder", "tolerance": 0.1}}
TASKS = {"needle": TASK, "graph": TASK, "gsm8k": {"samples": 1, "scorers": [{"kind": "items"}]}}


def record(
    key: str, size: int = 1000, *, cache: str = "cold", cached: int | None = 0, ttft: float = 1.0, **more: Any
) -> Record:
    """An answered request, counted as asked; `more` are fields of its meta, usage, timing and record."""
    meta = {"size": size, "cache": cache, "family": more.get("family", "retrieval"), "depth": more.get("depth")}
    usage = Usage(prompt_tokens=more.get("counted", size), cached_tokens=cached, reasoning_tokens=more.get("reasoning"))
    finish, flags = more.get("finish", "stop"), more.get("flags", ())
    outcome = more.get("outcome") or Completion(text="x", usage=usage, finish_reason=finish, flags=flags)
    timing = Timing(connect_s=0, reused=True, ttft_s=ttft, ttfo_s=more.get("ttfo"), tpot_s=more.get("tpot"))
    return Record(
        key=fingerprint(key)[:16], session=1, target=more.get("target", "t"), repeat=0, outcome=outcome, at="",
        sent_s=0,
        sample=Sample(task=more.get("task", "needle"), id=more.get("id", key), messages=(), meta=meta),
        timing=None if isinstance(outcome, Failure) else timing, cost_usd=more.get("cost"),
    )  # fmt: skip


def failed(key: str, kind: Any = "reset", size: int = 1000, **more: Any) -> Record:
    return record(key, size, outcome=Failure(kind=kind, phase=Phase.SENT, message=""), **more)


def scores(values: dict[str, float]) -> list[Scored]:
    return [
        Scored(key=fingerprint(key)[:16], scorer="items", score=Score(value=value)) for key, value in values.items()
    ]


Climb = Callable[..., Ladder]


@pytest.fixture
def ladders(tmp_path: Path) -> Callable[..., tuple[Ladder, ...]]:
    """Write a run of these records and scores, and climb it."""

    def made(
        records: Iterable[Record], values: dict[str, float] | None = None, *, lags: Iterable[Lag] = (),
        targets: Iterable[str] = ("t",), **more: Any,
    ) -> tuple[Ladder, ...]:  # fmt: skip
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        names = {name: {} for name in targets}
        write_run(folder, records, scores(values or {}), tasks=TASKS, targets=names, lags=lags)
        return climb(read(folder), **more)

    return made


@pytest.fixture
def ladder(ladders: Callable[..., tuple[Ladder, ...]]) -> Climb:
    """The same, of a run with one target."""
    return lambda *args, **more: ladders(*args, **more)[0]


def value(found: Ladder, name: str, of: str = "", rung: int = 0) -> Any:
    metric = found.rungs[rung].get(name, of)
    assert metric is not None
    return metric.value


# ---------------------------------------------------------------- cold and warm


def test_cached_tokens_decide_what_a_record_was(ladder: Climb) -> None:
    """Of 1,000 tokens 20 (2 %) may be cached in a cold prompt, 21 flag it; a warm one without is no warm one."""
    found = ladder([
        record("cold", cached=20, ttft=4.0),
        record("leaked", cached=21, ttft=0.1),
        record("warm", cache="warm", cached=900, ttft=0.5),
        record("missed", cache="warm", cached=0, ttft=3.0),
        record("unsaid", cached=None, ttft=5.0),  # some servers leave out a count of none
    ])  # fmt: skip
    assert [value(found, "ttft_s", of) for of in ("p5 cold", "p95 cold", "p50 warm")] == [4.0, 5.0, 0.5]
    assert (value(found, "cache_leaks"), value(found, "cache_misses")) == (1, 1)
    assert value(found, "cached_share", "warm") == 0.9
    assert found.notes[:2] == (
        "1 of the requests meant to be cold came from a cache; no cold number includes them",
        "1 of the requests meant to be warm did not come from a cache; no warm number includes them",
    )


@pytest.mark.parametrize(
    ("size", "cached", "leaked"), [(256, 16, 0), (256, 17, 1), (131_072, 2621, 0), (131_072, 2622, 1)]
)
def test_the_first_block_of_a_template_is_no_leak(ladder: Climb, size: int, cached: int, leaked: int) -> None:
    """16 tokens of a short prompt, 2 % of a long one: 2,621.44 of 131,072."""
    assert value(ladder([record("a", size, cached=cached)]), "cache_leaks") == leaked


def test_an_endpoint_that_does_not_report_is_said_not_to(ladder: Climb) -> None:
    """What was asked for then stands, marked; leaks are unknown, not 0."""
    found = ladder([record("a", cached=None, ttft=2.0), record("b", cache="warm", cached=None, ttft=1.0)])
    cold = found.rungs[0].get("ttft_s", "p50 cold")
    assert cold == Metric(name="ttft_s", of="p50 cold", value=2.0, n=1, marks=(Mark.SMALL, Mark.ASKED))
    assert (value(found, "ttft_s", "p50 warm"), value(found, "cache_leaks")) == (1.0, None)
    assert "reports no cached tokens" in found.notes[0]


def test_costs_are_exact_and_apart(ladder: Climb) -> None:
    """(0.27 + 0.29) / 2 cold; warm unknown because one answer has none; what leaked costs neither."""
    found = ladder([
        record("a", cost=Decimal("0.27")),
        record("b", cost=Decimal("0.29")),
        record("leaked", cached=999, cost=Decimal(7)),
        record("c", cache="warm", cached=900, cost=Decimal("0.216")),
        record("d", cache="warm", cached=900),
    ])  # fmt: skip
    assert value(found, "cost_per_request_usd", "cold") == Decimal("0.28")
    assert value(found, "cost_per_request_usd", "warm") is None


def test_a_cost_that_is_at_least_is_marked(ladder: Climb) -> None:
    """One answer's counts do not add up."""
    odd = record("b", cost=Decimal("0.29"), flags=("usage_mismatch",))
    found = ladder([record("a", cost=Decimal("0.27")), odd]).rungs[0].get("cost_per_request_usd", "cold")
    assert found is not None
    assert (found.value, found.marks) == (Decimal("0.28"), (Mark.AT_LEAST,))


def test_the_source_keeps_the_words_this_relies_on(tmp_path: Path) -> None:
    """The source of ladders says cold, warm and prime, and names the second asking after the first."""
    probe = Needle(kind="needle")
    both = list(
        LadderSource(kind="ladder", probe=probe, sizes=(400,), per_size=1, cache="both").rows(Places(root=tmp_path))
    )
    assert [row["cache"] for row in both] == ["cold", "warm"]
    assert both[1]["id"] == both[0]["id"] + AGAIN
    warm = list(
        LadderSource(kind="ladder", probe=probe, sizes=(400,), per_size=1, cache="warm").rows(Places(root=tmp_path))
    )
    assert [row["cache"] for row in warm] == [PRIME, "warm"]
    assert {"size", "family", "depth"} <= both[0].keys()
    assert 0 <= both[0]["depth"] <= 1


def test_primes_are_not_measured(ladder: Climb) -> None:
    """A request that only fills the cache is in no number."""
    found = ladder([record("p", cache="prime"), record("w", cache="warm", cached=900)])
    assert value(found, "attempted") == 1
    assert value(found, "ttft_s", "p50 cold") is None


# ---------------------------------------------------------------- sizes, failures, reasoning


def test_a_rung_is_an_asked_size_and_its_counts(ladder: Climb, ladders: Callable[..., tuple[Ladder, ...]]) -> None:
    """Rungs ascend; counted is the median, the error the largest; other tasks' records are not of the ladder."""
    other = Record(
        key="00000000000000aa", session=1, target="t", sample=Sample(task="gsm8k", id="1", messages=()), repeat=0,
        outcome=Completion(text=""), at="", sent_s=0,
    )  # fmt: skip
    found = ladder(
        [record("b", 2000, counted=1992), record("a"), record("c", 2000), record("d", 2000, counted=2003), other]
    )
    assert [rung.size for rung in found.rungs] == [1000, 2000]
    assert (value(found, "counted_tokens", rung=1), value(found, "size_error", rung=1)) == (2000, 8)
    assert not any("off the size" in note for note in found.notes)
    assert ladders([other]) == ()


def test_failures_are_infinitely_slow(ladder: Climb) -> None:
    """Two answers and two failures: p50 is the slower answer, p95 infinite; prefill counts them as 0."""
    found = ladder([record("a", ttft=1.0), record("b", ttft=2.0), failed("c"), failed("d", "stall")])
    assert value(found, "ttft_s", "p50 cold") == 2.0
    p95 = found.rungs[0].get("ttft_s", "p95 cold")
    assert p95 is not None
    assert (p95.value, p95.marks) == (float("inf"), (Mark.SMALL, Mark.INFINITE))
    assert value(found, "prefill_throughput") == 0.0  # the second of 0, 0, 500, 1000
    assert (value(found, "failed"), value(found, "failed", "stall"), value(found, "succeeded")) == (2, 1, 2)


def test_prefill_is_counted_tokens_over_ttft(ladder: Climb) -> None:
    """1,008 counted in 2 s; a warm one does not count."""
    found = ladder([record("a", counted=1008, ttft=2.0), record("w", cache="warm", cached=900, ttft=0.1)])
    assert value(found, "prefill_throughput") == 504.0


def test_the_context_limit_is_a_column(ladder: Climb) -> None:
    """Refusals are counted and said, stand in no percentile, and the curve ends below them."""
    made = [record(f"{n}{size}", size, ttft=size / 1000) for size in (1000, 2000) for n in "abcde"]
    found = ladder([*made, failed("f", "context_length", 4000), failed("g", "context_length", 2000)])
    assert [value(found, "refused", rung=k) for k in range(3)] == [0, 1, 1]
    assert (value(found, "ttft_s", "p95 cold", 1), value(found, "ttft_s", "p95 cold", 2)) == (2.0, None)
    assert found.upper == (1000, 2000)
    assert "context limit: the largest size answered is 2,000 tokens; 2,000 was refused as too long" in found.notes


def test_reasoning_models_have_both_latencies(ladder: Climb) -> None:
    """TTFO apart from TTFT; an answer that never got past its reasoning is infinitely late."""
    plain = ladder([record("a")])
    assert plain.rungs[0].get("ttfo_s", "p50 cold") is None
    found = ladder([record("a", ttfo=9.0, reasoning=50), record("b", reasoning=99, finish="length")])
    assert (value(found, "ttfo_s", "p50 cold"), value(found, "ttfo_s", "p95 cold")) == (9.0, float("inf"))
    assert (value(found, "ttft_s", "p95 cold"), value(found, "truncated")) == (1.0, 1)


def test_a_late_client_invalidates_latency(ladder: Climb) -> None:
    """60 ms of the client's own lag is over 5 % of a TTFT of 1 s."""
    lag = Lag(session=1, target="t", task="needle", count=9, p50_s=0.001, p99_s=0.06, max_s=0.1, source="timer")
    found = ladder([record("a", tpot=0.1)], lags=[lag])
    for name, of in (("ttft_s", "p50 cold"), ("prefill_throughput", "")):
        metric = found.rungs[0].get(name, of)
        assert metric is not None
        assert Mark.INVALID in metric.marks


# ---------------------------------------------------------------- quality


def test_accuracy_by_family_and_a_question_counts_once(ladder: Climb) -> None:
    """Cold and warm of one question are one sample: retrieval (1 + 0) / 2 and 1, graph 0; all (0.5 + 1 + 0) / 3."""
    records = [
        record("a", id="1"),
        record("b", id="1-again", cache="warm", cached=900),
        record("c", id="2"),
        record("d", id="1", task="graph", family="state"),
        failed("e", id="3"),
    ]
    found = ladder(records, {"a": 1, "b": 0, "c": 1, "d": 0})
    assert found.families == ("retrieval", "state")
    metrics = [found.rungs[0].get("accuracy", of) for of in ("", "retrieval", "state")]
    assert [(m.value, m.n) for m in metrics if m] == [(0.5, 3), (0.75, 2), (0.0, 1)]


def test_clusters_widen_accuracy(tmp_path: Path) -> None:
    """20 questions of 2 families, one all right and one all wrong, are 2 observations: the interval is nearly all."""
    records = [record(f"{n}", family=("retrieval", "state")[n % 2]) for n in range(20)]
    found = {}
    for cluster in (None, "family"):
        tasks = {"needle": {**TASK, "samples": 20, "cluster": cluster}}
        right = scores({f"{n}": float(n % 2) for n in range(20)})
        (ladder,) = climb(read(write_run(tmp_path / f"{cluster}", records, right, tasks=tasks)))
        found[cluster] = ladder.rungs[0].get("accuracy")
    alone, together = found[None], found["family"]
    assert (alone.value, alone.marks, together.value, together.marks) == (0.5, (), 0.5, (Mark.CLUSTERED,))
    assert alone.low == pytest.approx(0.2993, abs=1e-4)  # Wilson's of 10 of 20
    assert together.low < 0.1
    assert together.high > 0.9


def test_a_spot_is_a_size_and_a_depth(ladder: Climb) -> None:
    """Only where the answer stands at one place."""
    records = [record("a", depth=0.5), record("b", depth=0.5), record("c", depth=0), record("d", family="state")]
    found = ladder(records, {"a": 1, "b": 0, "c": 1, "d": 1})
    assert [(s.family, s.size, s.depth, s.accuracy.value) for s in found.spots] == [
        ("retrieval", 1000, 0.0, 1.0), ("retrieval", 1000, 0.5, 0.5),
    ]  # fmt: skip


def rungs(ladder: Climb, right: dict[int, int], of: int, **more: Any) -> Metric:
    """The effective context of a ladder with so many right of `of` at each size."""
    keys = {f"{size}-{n}": (size, float(n < right[size])) for size in right for n in range(of)}
    found = ladder(
        [record(key, size) for key, (size, _) in keys.items()], {key: score for key, (_, score) in keys.items()}, **more
    )
    metric = found.get("effective_context")
    assert metric is not None
    return metric


def test_the_effective_context_ends_before_the_first_drop(ladder: Climb) -> None:
    """100, 96, 85 and 95 of 100: 85 is over 10 points down, and that 4,000 recovers does not matter."""
    assert rungs(ladder, {1000: 100, 2000: 96, 3000: 85, 4000: 95}, 100).value == 2000
    assert rungs(ladder, {1000: 100, 2000: 96, 3000: 85, 4000: 95}, 100, tolerance=0.15).value == 4000


def test_the_effective_context_has_an_interval(ladder: Climb) -> None:
    """With 10 questions a rung 100 to 90 % is uncertain both ways; with 2,000 each rung's drop is known to a point.

    Wilson of 10 of 10: low 0.7225; of 9 of 10: [0.5958, 0.9821]; of 4 of 10: [0.1682, 0.6873]. The drop to 9 is at
    most 0.1 + hypot(0, 0.9 - 0.5958) = 0.40: not certain; to 4 at least 0.6 - hypot(0.2775, 0.2873) = 0.2006: certain.
    """
    few = rungs(ladder, {1000: 10, 2000: 9, 4000: 4}, 10)
    assert (few.value, few.low, few.high) == (2000, 1000, 2000)
    many = rungs(ladder, {1000: 2000, 2000: 1900, 4000: 1000}, 2000)
    assert (many.value, many.low, many.high) == (2000, 2000, 2000)


def test_no_effective_context_where_nothing_could_drop(ladder: Climb) -> None:
    """A smallest rung at 10 % cannot fall by more than 10 points; one scored size says nothing."""
    assert rungs(ladder, {1000: 1, 2000: 0}, 10).value is None
    assert rungs(ladder, {1000: 10}, 10).value is None


# ---------------------------------------------------------------- growth of the whole


def test_growth_is_of_cold_requests_at_counted_sizes(ladder: Climb) -> None:
    """TTFT = 1 ms a counted token, counted twice the asked; warm, leaked and a mostly failed rung are left out."""
    made = [
        record(f"{n}{size}", size, counted=2 * size, ttft=2e-3 * size) for size in (1000, 2000, 4000) for n in "abcde"
    ]
    odd = [record("w", 4000, cache="warm", cached=3900, ttft=0.1), record("l", 4000, cached=3900, ttft=0.1)]
    broken = [record("x", 8000, ttft=99.0), *(failed(f"y{n}", size=8000) for n in range(3))]
    found = ladder([*made, *odd, *broken])
    exponent, base, linear = (found.get(name) for name in ("ttft_exponent", "ttft_base_s", "ttft_linear"))
    assert exponent is not None
    assert (exponent.value, exponent.low, exponent.high) == pytest.approx((1, 1, 1))
    assert (exponent.n, found.upper) == (15, (1000, 2000, 4000))
    assert base is not None
    assert base.value == pytest.approx(0, abs=1e-9)
    assert linear is not None
    assert linear.value == pytest.approx(1e-3)
    assert any("prompts are up to 4,000 tokens off" in note for note in found.notes)


def test_targets_come_in_the_order_of_the_run(ladders: Callable[..., tuple[Ladder, ...]]) -> None:
    """And one without records is left out."""
    found = ladders([record("1", target="a"), record("2", target="b")], targets=("b", "c", "a"))
    assert [one.target.name for one in found] == ["b", "a"]


def test_what_late_medians_carry_is_marked(ladder: Climb) -> None:
    """This client was 0.2 s late: over 5 % of the 1 s at 1,000 tokens, under 5 % of 5 s and more. The exponent does not
    rest on the smallest rung; the fit does."""
    made = [record(f"{n}{size}", size, ttft=size / 1000) for size in (1000, 5000, 10_000, 20_000) for n in "abcde"]
    late = Lag(session=1, target="t", task="needle", count=9, p50_s=0.0, p99_s=0.2, max_s=0.2, source="timer")
    found = ladder(made, lags=[late])
    marks = {metric.name: metric.marks for metric in found.metrics}
    assert found.upper == (5000, 10_000, 20_000)
    assert marks["ttft_exponent"] == ()
    for name in ("ttft_base_s", "ttft_linear", "ttft_quadratic", "ttft_fit_error"):
        assert marks[name] == (Mark.INVALID,)
    assert any(note.startswith("INVALID: exponent and fit rest on TTFTs") for note in found.notes)
