"""Tables of tiny runs, with every expected number worked out by hand."""

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from run_folder import write_run
from scipy import stats

from evalrun.escape import tty
from evalrun.fingerprint import fingerprint
from evalrun.report import render
from evalrun.report.page import encoded
from evalrun.report.table import table_page
from evalrun.store.lines import Lag, Load
from evalrun.table import Cell, Mark, Metric, Table, tabulate
from evalrun.types import Attempt, Completion, Failure, Phase, Record, Sample, Score, Scored, Timing, Usage

FOUR = {"t": {"samples": 4, "scorers": [{"kind": "exact"}]}}
Tabulate = Callable[..., Table]


def timing(ttft: float | None = 0.1, e2e: float | None = 0.5, **more: Any) -> Timing:
    more.setdefault("ttfo_s", ttft)
    return Timing(connect_s=0.0, reused=True, ttft_s=ttft, e2e_s=e2e, **more)


def answer(
    sample: str = "q1",
    *,
    tokens: int | None = 10,
    usage: Usage | None = None,
    finish: str = "stop",
    source: Any = "usage",
    reasoning: str = "",
    chunks: int = 0,
    flags: tuple[str, ...] = (),
    model: str = "",
    shapes: tuple[str, ...] = (),
    **more: Any,
) -> Record:
    usage = usage or Usage(prompt_tokens=5, completion_tokens=tokens)
    completion = Completion(
        text="4", reasoning=reasoning, tokens=tokens, token_source=None if tokens is None else source, usage=usage,
        finish_reason=finish, chunks=chunks, flags=flags, model=model, reasoning_shapes=shapes,
    )  # fmt: skip
    more.setdefault("timing", timing())
    return record(sample, completion, **more)


def failure(sample: str = "q1", kind: Any = "stall", phase: Phase = Phase.SENT, **more: Any) -> Record:
    billed = more.pop("billed", False)
    return record(sample, Failure(kind=kind, phase=phase, message=f"{kind}!", possibly_billed=billed), **more)


def record(sample: str, outcome: Completion | Failure, *, task: str = "t", target: str = "a", **more: Any) -> Record:
    more = {"session": 1, "repeat": 0, "at": "", "sent_s": 0.0} | more
    key = fingerprint([target, task, sample, more["repeat"]])[:16]
    asked = Sample(task=task, id=sample, messages=(), expected="4", meta=more.pop("meta", {}))
    return Record(key=key, target=target, sample=asked, outcome=outcome, **more)


def scored(record: Record, value: float | None, *, scorer: str = "exact", **more: Any) -> Scored:
    return Scored(key=record.key, scorer=scorer, score=Score(value=value, **more))


@pytest.fixture
def table(tmp_path: Path) -> Tabulate:
    """Tabulate records; `values` are the scores of the answered ones in order, `scores` all that are stored."""

    def made(records: Iterable[Record], values: Iterable[float | None] = (), **more: Any) -> Table:
        records = list(records)
        answered = [r for r in records if isinstance(r.outcome, Completion)]
        of_score = {name: more.pop(name) for name in ("error", "disputed") if name in more}
        stored = more.pop("scores", [scored(r, v, **of_score) for r, v in zip(answered, values, strict=False)])
        more.setdefault("tasks", FOUR | {r.sample.task: FOUR["t"] for r in records})
        if not any(task == "t" for task in {r.sample.task for r in records}) and records:
            more["tasks"].pop("t")
        more.setdefault("targets", {"a": {}} | {r.target: {} for r in records})
        return tabulate(write_run(tmp_path / str(len(list(tmp_path.iterdir()))), records, stored, **more))

    return made


def metric(source: Table | Cell, name: str, of: str = "") -> Metric:
    found = (source.cells[0] if isinstance(source, Table) else source).get(name, of)
    assert found is not None, (name, of)
    return found


def value(source: Table | Cell, name: str, of: str = "") -> Any:
    return metric(source, name, of).value


# ---------------------------------------------------------------- quality


def test_accuracy_and_its_pessimistic_twin(table: Tabulate) -> None:
    """Of 5 attempted: right, wrong, right but truncated, failed, unscored. Accuracy 2/3, pessimistic 1/5."""
    records = [answer("q1"), answer("q2"), answer("q3", finish="length"), failure("q4"), answer("q5")]
    found = table(records, [1.0, 0.0, 1.0, None], error="timeout: 10 s")
    accuracy = metric(found, "accuracy")
    assert accuracy.value == pytest.approx(2 / 3)
    expected = stats.binomtest(2, 3).proportion_ci(method="wilson")
    assert (accuracy.low, accuracy.high, accuracy.n) == (pytest.approx(expected.low), pytest.approx(expected.high), 3)
    assert (value(found, "accuracy_pessimistic"), metric(found, "accuracy_pessimistic").n) == (0.2, 5)
    counted = {name: value(found, name) for name in ("attempted", "succeeded", "failed", "truncated", "scored")}
    assert counted == {"attempted": 5, "succeeded": 4, "failed": 1, "truncated": 1, "scored": 3}
    assert (value(found, "unscored"), value(found, "scorer_error", "exact: timeout")) == (1, 1)


@pytest.mark.parametrize(
    ("task", "said", "marks"),
    [
        ({"samples": 2, "rows": 4, "limit": 2}, "first 2 of 4 rows", (Mark.FIRST,)),
        ({"samples": 2, "rows": None, "limit": 2}, "first 2 of more rows", (Mark.FIRST,)),
        ({"samples": 2, "rows": 4, "sample": 2, "sample_seed": 7}, "seeded sample of 2 of 4 rows (seed 7)", ()),
        ({"samples": 2, "rows": 4, "sample": 9, "limit": 2}, "seeded sample of 2 of 4 rows (seed 0)", ()),
        ({"samples": 2, "rows": 4, "limit": 2, "data": {"kind": "ladder"}}, "first 2 of 4 rows", ()),
        (
            {"samples": 2, "rows": 4, "only": ["q1", "q2"]},
            "only 2 samples of 4 rows, chosen by their ids",
            (Mark.FIRST,),
        ),
        ({"samples": 2, "rows": 2, "limit": 2}, "", ()),
        ({"samples": 2, "rows": 2, "sample": 5}, "", ()),
    ],
)
def test_a_part_of_the_rows_is_named(table: Tabulate, task: dict[str, Any], said: str, marks: tuple[Mark, ...]) -> None:
    """The title says which part was asked; where it is the first rows, every interval is marked, and rows are counted.

    A table of several tasks carries the mark of each, because it pools them.
    """
    scorers = {"scorers": [{"kind": "exact"}]}
    tasks = {"t": task | scorers, "u": {"samples": 1} | scorers}
    found = table([answer("q1"), answer("q2"), answer("q1", task="u")], [1.0, 0.0, 1.0], tasks=tasks)
    part, whole, pooled = found.cells
    assert found.context.portions == ({"t": said} if said else {})
    assert metric(part, "accuracy").marks == metric(pooled, "accuracy_pessimistic").marks == marks
    assert metric(whole, "accuracy").marks == ()
    assert (part.get("rows") is None) == (not said)
    assert not said or value(part, "rows") == task["rows"]
    title = encoded(table_page(found).blocks[0].title, tty)
    assert title == f"t (scored by exact{'; ' if said else ''}{said})"


def grouped(*meta: dict[str, Any], fields: tuple[str, ...]) -> tuple[list[Record], dict[str, Any]]:
    """Return an answered sample for each meta, and the task that keeps these fields."""
    task = {"samples": len(meta), "scorers": [{"kind": "exact"}], "prompt": {"meta": list(fields)}}
    return [answer(f"q{n}", meta=each) for n, each in enumerate(meta)], {"t": task}


def test_accuracy_by_group(table: Tabulate) -> None:
    """Of level 2 one of two is right, of level 10 the only one, of no level none; level 2 is before level 10.

    Intervals by Wilson. Targets are grouped side by side, and a failed sample is of no group's n.
    """
    levels = [{"level": 10}, {"level": 2}, {"level": "2"}, {"level": None}]
    records, tasks = grouped(*levels, fields=("level",))
    other = [failure("q0", target="b", meta={"level": 10}), answer("q1", target="b", meta={"level": 2})]
    found = table([*records, *other], [1.0, 0.0, 1.0, 0.0, 1.0], tasks=tasks)
    mine = [(one.of, one.value, one.n) for one in found.cells[0].metrics if one.name == "accuracy_by"]
    assert mine == [("level: 2", 0.5, 2), ("level: 10", 1.0, 1), ("level: (none)", 0.0, 1)]
    expected = stats.binomtest(1, 2).proportion_ci(method="wilson")
    two = metric(found, "accuracy_by", "level: 2")
    assert (two.low, two.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    b = found.cells[1]
    assert (value(b, "accuracy_by", "level: 10"), value(b, "accuracy_by", "level: 2")) == (None, 1.0)
    rows = {row[0]: row[1:] for row in table_page(found).blocks[0].cells(tty)}
    assert rows["accuracy, level: 2"] == ["50 % [9, 91] of 2", "100 % [21, 100] of 1"]
    assert rows["accuracy, level: 10"][1] == "-"


def test_a_field_with_a_thousand_values_is_not_a_grouping(table: Tabulate) -> None:
    """1,200 urls, 101 shards of ten and 12 ids of one sample each are named in a note; 100 subjects are groups."""
    meta = [{"url": f"u{n}", "shard": n % 101, "subject": n % 100} for n in range(1200)]
    records, tasks = grouped(*meta, fields=("url", "shard", "subject"))
    found = table(records, [1.0] * 1200, tasks=tasks)
    names = [one.of.partition(":")[0] for one in found.cells[0].metrics if one.name == "accuracy_by"]
    assert names == ["subject"] * 100
    assert [note for note in found.context.notes if "groups" in note] == [
        "t: accuracy is not shown by url: over 999 values in 1,200 samples, too many to be groups",
        "t: accuracy is not shown by shard: 101 values in 1,200 samples, too many to be groups",
    ]
    records, tasks = grouped(*({"id": n} for n in range(12)), fields=("id",))
    found = table(records, [1.0] * 12, tasks=tasks)
    assert found.context.notes == ("t: accuracy is not shown by id: 12 values in 12 samples, too many to be groups",)


def test_the_names_of_groups_are_hostile_at_worst(table: Tabulate) -> None:
    """They are escaped in every format, and texts that are long, alike or like evalrun's own words stay apart."""
    odd = ["\x1b[31m", "=1+1", "a|b", "@all", "", "(none)", "others", "'others'", "x" * 99 + "1", "x" * 99 + "2"]
    records, tasks = grouped(*({"c": each} for each in odd), fields=("c",))
    found = table(records, [1.0] * len(odd), tasks=tasks)
    names = [one.of for one in found.cells[0].metrics if one.name == "accuracy_by"]
    assert len(set(names)) == len(odd)
    assert max(map(len, names)) < 110
    for form in ("text", "md", "csv"):
        said = render([table_page(found)], form, width=100)
        assert "\x1b" not in said
        assert "[31m" in said or "&#91;31m" in said
    assert "@all" not in render([table_page(found)], "md", width=100)


def test_tasks_are_grouped_by_their_own_fields(table: Tabulate) -> None:
    """A field of another task's samples says nothing of this one's, and all tasks together have no groups."""
    records, tasks = grouped({"a": 1, "b": 5}, {"a": 2, "b": 5}, fields=("a",))
    more = answer("q9", task="u", meta={"b": 3})
    tasks["u"] = {"samples": 1, "scorers": [{"kind": "exact"}], "prompt": {"meta": ["b"]}}
    found = table([*records, more], [1.0, 1.0, 1.0], tasks=tasks)
    names = [[one.of for one in cell.metrics if one.name == "accuracy_by"] for cell in found.cells]
    assert names == [["a: 1", "a: 2"], ["b: 3"], []]


def test_what_authors_say_is_above_the_table(table: Tabulate) -> None:
    """`about` of the suite and of each target, a line each, escaped and cut; in JSON whole."""
    suite = {"about": "Sums\n  of \x1b[31m two"}
    found = table([answer()], [1.0], suite=suite, targets={"a": {"about": "our <server>"}, "b": {"about": "y" * 999}})
    lines = render([table_page(found)], "text", width=80).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("Sums"))
    assert lines[first : first + 2] == [r"Sums of \x1b[31m two", "a: our <server>"]
    assert "<server>" not in render([table_page(found)], "md", width=80)
    assert sum(map(len, lines)) < 3000
    assert found.context.about == suite["about"]


def test_everything_failed(table: Tabulate) -> None:
    """C05: accuracy and latency are unknown, not 0; the pessimistic accuracy is 0; an alert says so."""
    found = table([failure("q1"), failure("q2", "connect", Phase.NOT_SENT)])
    assert (value(found, "accuracy"), value(found, "accuracy_pessimistic")) == (None, 0.0)
    assert (value(found, "ttft_s", "p50"), value(found, "e2e_s", "p95"), value(found, "cost_usd")) == (None, None, None)
    assert (value(found, "output_throughput"), value(found, "request_throughput")) == (None, None)
    assert (value(found, "failed", "stall"), value(found, "not_sent", "connect")) == (1, 1)
    assert value(found, "attempted") == value(found, "succeeded") + value(found, "failed") + value(found, "not_sent")
    assert found.cells[0].alerts == ("unfinished: 2 of 4 requests were made", "no request was answered")


def test_nothing_was_asked(table: Tabulate) -> None:
    """A planned cell without a record still has its row, all unknown."""
    found = table([])
    assert [(cell.task, cell.target) for cell in found.cells] == [("t", "a")]
    assert (value(found, "planned"), value(found, "attempted")) == (4, 0)
    assert (value(found, "accuracy"), value(found, "accuracy_pessimistic"), value(found, "ttft_s", "p50")) == (
        None,
    ) * 3


def test_repeats_are_averaged_within_a_sample_first(table: Tabulate) -> None:
    """q1: 1, 1, 0 and q2: 0, failed, failed. Mean of means: (2/3 + 0) / 2, though 2 of 4 answers are right."""
    records = [answer("q1", repeat=0), answer("q1", repeat=1), answer("q1", repeat=2), answer("q2", repeat=0)]
    records += [failure("q2", repeat=1), failure("q2", repeat=2)]
    found = table(records, [1.0, 1.0, 0.0, 0.0])
    accuracy = metric(found, "accuracy")
    assert accuracy.value == pytest.approx(1 / 3)
    assert accuracy.low is not None
    assert accuracy.high is not None
    assert 0 <= accuracy.low < 1 / 3 < accuracy.high <= 1  # two samples are the units: it is wide (tests/stats)
    assert accuracy.high - accuracy.low > 0.5
    assert value(found, "accuracy_pessimistic") == pytest.approx(1 / 3)
    assert value(found, "samples") == 2


@pytest.mark.parametrize("bad", [-0.1, 1.5])
def test_a_score_that_is_none_is_an_error(table: Tabulate, bad: float) -> None:
    """C04, J03: it is in no mean and is not clamped."""
    found = table([answer("q1"), answer("q2")], [1.0, bad])
    assert (value(found, "accuracy"), value(found, "unscored")) == (1.0, 1)
    assert value(found, "scorer_error", "exact: score outside 0..1") == 1


def test_further_scorers_have_rows_of_their_own(table: Tabulate) -> None:
    """The first scorer is the headline, however the scores are ordered; an answer it never saw is unscored."""
    records = [answer("q1"), answer("q2")]
    scores = [scored(r, 1.0, scorer="regex") for r in records] + [scored(records[0], 0.0)]
    both = {"t": {"samples": 2, "scorers": [{"kind": "exact"}, {"kind": "choice", "name": "regex"}]}}
    found = table(records, scores=scores, tasks=both)
    assert (value(found, "accuracy"), value(found, "accuracy", "regex")) == (0.0, 1.0)
    assert (value(found, "unscored"), value(found, "unscored", "regex")) == (1, 0)


# ---------------------------------------------------------------- latency


def test_failures_are_the_slow_tail(table: Tabulate) -> None:
    """With 18 answers of 1..18 ms and 2 failures, p50 is the 10th value and p95 the 19th: a failure."""
    records = [answer(f"q{n}", timing=timing(n / 1000)) for n in range(18, 0, -1)]
    found = table([*records, failure("f1"), failure("f2")])
    assert (value(found, "ttft_s", "p50"), metric(found, "ttft_s", "p50").marks) == (0.010, ())
    assert value(found, "ttft_s", "p95") == math.inf
    assert metric(found, "ttft_s", "p95").marks == (Mark.SMALL, Mark.INFINITE)
    assert metric(found, "ttft_s", "p95").n == 20


def test_percentiles_of_few_are_marked(table: Tabulate) -> None:
    """C02: one value is itself, marked; eleven support a median."""
    assert metric(table([answer()]), "e2e_s", "p50") == Metric(
        name="e2e_s", of="p50", value=0.5, n=1, marks=(Mark.SMALL,)
    )
    assert metric(table([answer(f"q{n}") for n in range(10)]), "e2e_s", "p50").marks == (Mark.SMALL,)
    assert metric(table([answer(f"q{n}") for n in range(11)]), "e2e_s", "p50").marks == ()


def test_one_token_and_unstreamed_answers(table: Tabulate) -> None:
    """C03: no TPOT of one token; no TTFT of an answer that was not streamed, and its failures are not its TTFT."""
    found = table([answer(tokens=1, timing=timing(None, 0.5)), failure("q2")])
    assert (value(found, "tpot_s", "p50"), value(found, "ttft_s", "p50"), value(found, "icl_s", "p50")) == (None,) * 3
    assert value(found, "e2e_s", "p50") == 0.5


def test_first_output_token_only_where_there_was_reasoning(table: Tabulate) -> None:
    """TTFO has rows only with reasoning; an answer that never left its reasoning is infinitely late."""
    assert table([answer()]).cells[0].get("ttfo_s", "p50") is None
    thought = answer("q1", reasoning="hm", timing=timing(0.1, ttfo_s=0.4))
    endless = answer("q2", reasoning="hm", timing=timing(0.1, ttfo_s=None))
    found = table([thought, endless])
    assert (value(found, "ttfo_s", "p50"), value(found, "ttfo_s", "p95")) == (0.4, math.inf)


def test_gaps_are_pooled_to_a_tenth_of_a_percent(table: Tabulate) -> None:
    """ICL counts gaps, not answers: of 1, 2, 3, 4 ms and 1 s the median is 3 ms."""
    found = table(
        [answer("q1", timing=timing(icl_s=(0.001, 0.002, 0.004))), answer("q2", timing=timing(icl_s=(1.0, 0.003)))]
    )
    assert value(found, "icl_s", "p50") == pytest.approx(0.003, rel=1e-3)
    assert value(found, "icl_s", "p99") == pytest.approx(1.0, rel=1e-3)
    assert metric(found, "icl_s", "p50").n == 5


def test_cached_prompts_are_a_group_of_their_own(table: Tabulate) -> None:
    """Mixed caching marks TTFT and splits it; all or none does not."""
    cold, warm = answer("q1", timing=timing(0.9)), answer("q2", usage=Usage(cached_tokens=3), timing=timing(0.1))
    mixed = table([cold, warm])
    assert Mark.MIXED_CACHE in metric(mixed, "ttft_s", "p50").marks
    assert (value(mixed, "ttft_s", "p50 cached"), value(mixed, "ttft_s", "p50 uncached")) == (0.1, 0.9)
    assert value(mixed, "cached_requests") == 1
    assert metric(table([warm]), "ttft_s", "p50").marks == (Mark.SMALL,)


def late(p99_s: float, *, session: int = 1, target: str = "a") -> Lag:
    """How late the client was while it asked task t."""
    return Lag(session=session, target=target, task="t", count=9, p50_s=0.0, p99_s=p99_s, max_s=9.0, source="timer")


@pytest.mark.parametrize(
    ("ttft", "lag", "invalid"),
    [(1.0, 0.049, False), (1.0, 0.051, True), (0.020, 0.0009, False), (0.020, 0.0011, True)],
)
def test_user_space_stamps_are_as_late_as_their_session(
    table: Tabulate, ttft: float, lag: float, invalid: bool
) -> None:
    """L01: a percentile that the lateness moves by over 5 % is invalid; E2E of 10 s is not, and an alert says which."""
    found = table([answer(timing=timing(ttft, 10.0))], lags=[late(lag), late(9.0, target="b")])
    assert (Mark.INVALID in metric(found, "ttft_s", "p99").marks) == invalid
    assert Mark.INVALID not in metric(found, "e2e_s", "p50").marks
    alerts = [alert for alert in found.cells[0].alerts if "INVALID" in alert]
    assert len(alerts) == invalid
    assert all("TTFT p50, TTFT p95, TTFT p99:" in alert and "lower the concurrency" in alert for alert in alerts)


def test_a_few_late_reads_do_not_condemn_the_others(table: Tabulate) -> None:
    """Of 200 answers 3 are of a resumed session that was 1 s late: TTFT p50 stands, and 1.5 % are called doubtful."""
    records = [answer(f"q{n}", timing=timing(0.2 + n / 1e4, 2.0), session=1 + (n % 70 == 0)) for n in range(200)]
    found = table(records, lags=[late(0.0), late(1.0, session=2)])
    assert metric(found, "ttft_s", "p50").marks == (Mark.DOUBTFUL,)
    doubt = metric(found, "doubtful", "TTFT")
    assert (doubt.value, doubt.n) == (3 / 200, 200)
    assert value(found, "bound_s", "TTFT") == 1.0
    assert not any("INVALID" in alert for alert in found.cells[0].alerts)


def test_each_latency_is_bound_by_its_own_reads(table: Tabulate) -> None:
    """Kernel stamps, one read of 30 ms that held several events in the middle: only gaps and stall are in doubt."""
    read = timing(0.1, 1.1, tpot_s=0.1, max_stall_s=0.5, icl_s=(0.5, 0.1, 0.4), stamp="kernel", gap_bound_s=0.03)
    found = table([answer(timing=read, chunks=4)], lags=[late(5.0)])
    invalid = {(m.name, m.of) for m in found.cells[0].metrics if Mark.INVALID in m.marks}
    assert invalid == {("max_stall_s", "p95"), ("icl_s", "p50"), ("icl_s", "p99")}  # the last of 400 ms may be of 430
    assert value(found, "doubtful", "longest stall") == 1.0
    assert value(found, "doubtful", "ICL") == 1.0  # 30 ms of a mean gap of 333 ms
    assert found.cells[0].get("doubtful", "TTFT") is None


def test_tpot_and_e2e_are_bound_by_their_ends(table: Tabulate) -> None:
    """11 tokens over 1 s; the last may have come 60 ms earlier: TPOT is off by 6 % and E2E, of 2 s, by 3 %."""
    ends = timing(1.0, 2.0, tpot_s=0.1, tpot_tokens=10.0, tpot_basis="events", stamp="kernel", last_bound_s=0.06)
    found = table([answer(timing=ends)])
    assert Mark.INVALID in metric(found, "tpot_s", "p50").marks
    assert metric(found, "e2e_s", "p50").marks == (Mark.SMALL,)
    assert value(found, "bound_s", "TPOT") == pytest.approx(0.006)


def test_gaps_may_be_larger_than_recorded(table: Tabulate) -> None:
    """Gaps of 30, 0 and 0 ms, of which 10, 10 and 10 is as possible: a median of 0 may be off by 30 ms."""
    read = timing(0.1, 0.13, max_stall_s=0.03, icl_s=(0.03, 0.0, 0.0), stamp="kernel", gap_bound_s=0.03)
    found = table([answer(timing=read, chunks=4)])
    assert value(found, "icl_s", "p50") == 0
    assert Mark.INVALID in metric(found, "icl_s", "p50").marks
    assert value(found, "bound_s", "ICL") == 0.03
    exact = timing(0.1, 0.13, icl_s=(0.03, 0.0, 0.0), stamp="kernel")  # a server that writes three events at once
    assert Mark.INVALID not in metric(table([answer(timing=exact, chunks=4)]), "icl_s", "p50").marks


def test_latencies_say_of_how_many_answers_they_are(table: Tabulate) -> None:
    """9 failures, 10 answers, of which 4 have a TPOT: failures are in the tail of TTFT and E2E, and of nothing else."""
    timed = [timing(0.1, 0.5, tpot_s=0.01, tpot_tokens=40.0, tpot_basis="events") for _ in range(4)]
    answers = [answer(f"q{n}", timing=one) for n, one in enumerate([*timed, *(timing(0.1, 0.1) for _ in range(6))])]
    found = table([*answers, *(failure(f"f{n}") for n in range(9))])
    assert (value(found, "tpot_s", "p50"), value(found, "tpot_s", "p95")) == (0.01, 0.01)
    assert (value(found, "ttft_s", "p50"), value(found, "ttft_s", "p95")) == (0.1, math.inf)
    assert [(m.of, m.value, m.n) for m in found.cells[0].metrics if m.name == "timed"] == [("TPOT", 0.4, 10)]


@pytest.mark.parametrize(("tokens", "marks"), [(200, (Mark.WITHHELD,)), (1, ())])
def test_a_tpot_that_nobody_can_know_is_withheld(table: Tabulate, tokens: int, marks: tuple[Mark, ...]) -> None:
    """200 tokens came at once: unknown, with a word why. A single token has no TPOT in the first place."""
    found = metric(table([answer(tokens=tokens, chunks=1, timing=timing(0.5, 0.5))]), "tpot_s", "p50")
    assert (found.value, found.marks) == (None, marks)


def test_an_estimated_tpot_is_marked_and_what_is_made_of_it(table: Tabulate) -> None:
    """One of two answers came in chunks of several tokens: an SLO on TPOT rests on an estimate, on TTFT not."""
    counted = timing(0.1, 0.5, tpot_s=0.01, tpot_tokens=40.0, tpot_basis="events")
    chunks = timing(0.1, 0.5, tpot_s=0.02, tpot_tokens=20.0, tpot_basis="sizes")
    records = [answer("q1", timing=counted), answer("q2", timing=chunks)]
    found = table(records, [1.0, 1.0], suite={"slo": {"tpot": "15 ms"}})
    assert Mark.ESTIMATED in metric(found, "tpot_s", "p50").marks
    assert (value(found, "good"), metric(found, "good").marks) == (0.5, (Mark.ESTIMATED,))
    found = table(records[:1], [1.0], suite={"slo": {"tpot": "15 ms"}})
    assert Mark.ESTIMATED not in (*metric(found, "tpot_s", "p50").marks, *metric(found, "good").marks)
    assert metric(table(records, [1.0, 1.0], suite={"slo": {"ttft": "1 s"}}), "good").marks == ()


# ---------------------------------------------------------------- goodput


def slo(**most: str) -> dict[str, Any]:
    """The suite's part that says what a good request keeps."""
    return {"slo": most}


def test_goodput_is_answered_within_every_slo(table: Tabulate) -> None:
    """Of 5 in 4 s: right, wrong, too late by TTFT, by E2E, failed. 2 are good: 40 %, 0.5 a second, 0.25 of it right."""
    records = [
        answer("q1", timing=timing(1.0, 2.0)),
        answer("q2", timing=timing(0.1, 0.1), sent_s=1.0),
        answer("q3", timing=timing(1.1, 1.2), sent_s=1.0),
        answer("q4", timing=timing(0.1, 2.1), sent_s=1.9),
        failure("q5"),
    ]
    found = table(records, [1.0, 0.0, 1.0, 1.0], suite=slo(ttft="1 s", e2e="2 s"))
    expected = stats.binomtest(2, 5).proportion_ci(method="wilson")
    good = metric(found, "good")
    assert (good.value, good.low, good.high) == (0.4, pytest.approx(expected.low), pytest.approx(expected.high))
    assert (good.n, good.marks) == (5, ())
    assert (value(found, "goodput"), value(found, "correct_goodput")) == (2 / 4, 1 / 4)
    assert (value(found, "request_throughput"), value(found, "slo_unknown")) == (4 / 4, 0)


def test_nothing_is_good_or_bad_without_an_slo(table: Tabulate) -> None:
    """The rows are there where an SLO is stated and nowhere else; with everything failed, nothing was good."""
    assert table([answer()]).cells[0].get("good") is None
    lost = table([failure()], suite=slo(ttft="1 s"))
    assert (value(lost, "good"), value(lost, "goodput"), value(lost, "correct_goodput")) == (0.0, None, None)
    never = table([], suite=slo(ttft="1 s"))
    assert (value(never, "good"), value(never, "goodput")) == (None, None)


def test_an_answer_that_came_at_once_kept_its_tpot(table: Tabulate) -> None:
    """One token, or all in one event, has no TPOT and made nobody wait; uncounted tokens over 2 s may have."""
    stated = slo(tpot="50 ms")
    at_once = table([answer(tokens=1, timing=timing(0.5, 0.5))], [1.0], suite=stated)
    assert (value(at_once, "good"), value(at_once, "slo_unknown")) == (1.0, 0)
    uncounted = table([answer(tokens=None, timing=timing(0.5, 2.5))], [1.0], suite=stated)
    assert (value(uncounted, "good"), value(uncounted, "goodput"), value(uncounted, "slo_unknown")) == (None, None, 1)


def test_one_unknown_answer_makes_goodput_unknown(table: Tabulate) -> None:
    """An answer that was not streamed has no TTFT: nobody can say. What broke another SLO is not good."""
    stated = slo(ttft="1 s", e2e="1 s")
    whole = answer("q2", timing=timing(None, None, stream_s=0.5))
    found = table([answer("q1"), whole], [1.0, 1.0], suite=stated)
    assert [value(found, name) for name in ("good", "goodput", "correct_goodput")] == [None] * 3
    assert value(found, "slo_unknown") == 1
    late = table([answer("q1"), answer("q2", timing=timing(None, 1.5))], [1.0, 1.0], suite=stated)
    assert (value(late, "good"), value(late, "slo_unknown")) == (0.5, 0)


def test_correct_goodput_waits_for_the_scores(table: Tabulate) -> None:
    """An answer that could not be judged is not right; one that nobody has judged yet leaves the sum unknown."""
    stated, records = slo(ttft="1 s"), [answer("q1"), answer("q2")]
    assert value(table(records, [1.0, None], suite=stated), "correct_goodput") == 1 / 0.5
    unscored = table(records, [1.0], suite=stated)
    assert (value(unscored, "correct_goodput"), value(unscored, "goodput")) == (None, 2 / 0.5)


def test_repeats_and_tasks_are_pooled_as_accuracy_is(table: Tabulate) -> None:
    """q1 kept it once in two, q2 in one: the mean of 1/2 and 1. Over both tasks the third sample, 0, joins in."""
    records = [answer("q1"), answer("q1", repeat=1, timing=timing(3.0, 3.0)), answer("q2")]
    records.append(answer("q1", task="u", timing=timing(3.0, 3.0)))
    found = table(records, [1.0] * 4, suite=slo(ttft="1 s"))
    assert (value(found, "good"), metric(found, "good").n) == (0.75, 2)
    assert (value(found.cells[-1], "good"), metric(found.cells[-1], "good").n) == (0.5, 3)
    assert value(found.cells[-1], "goodput") == 2 / 3.0


def test_a_late_client_marks_goodput(table: Tabulate) -> None:
    """L01: what was measured 50 ms too late by a client that was 100 ms late may have been in time."""
    found = table([answer(timing=timing(1.05, 1.5))], [1.0], suite=slo(ttft="1 s"), lags=[late(0.1)])
    assert [metric(found, n).marks for n in ("good", "goodput", "correct_goodput")] == [(Mark.INVALID,)] * 3
    assert metric(found, "request_throughput").marks == ()


# ---------------------------------------------------------------- throughput


def test_throughput_adds_the_windows_of_sessions(table: Tabulate) -> None:
    """Session 1: 0 to 2 s; session 2, on a clock of its own: 5 to 7 s. 60 tokens and 3 answers in 4 s."""
    records = [
        answer("q1", tokens=10, sent_s=0.0, timing=timing(e2e=1.0)),
        answer("q2", tokens=20, sent_s=1.0, timing=timing(e2e=1.0)),
        failure("q3", sent_s=5.0, session=2),
        answer("q4", tokens=30, sent_s=6.0, timing=timing(e2e=1.0), session=2),
    ]
    found = table(records)
    assert (value(found, "output_throughput"), value(found, "request_throughput")) == (15.0, 0.75)


def test_what_was_never_sent_opens_no_window(table: Tabulate) -> None:
    """A failure before sending does not start the clock; an earlier attempt that was sent does."""
    early = failure("q1", "connect", Phase.NOT_SENT, sent_s=0.0)
    first = Attempt(failure=Failure(kind="server", phase=Phase.COMPLETE, message=""), sent_s=2.0, took_s=1, wait_s=1)
    retried = answer("q2", tokens=10, sent_s=4.0, timing=timing(e2e=3.0), attempts=(first,))
    assert value(table([early, retried]), "output_throughput") == 2.0  # 10 tokens from 2 s to 7 s


def waves(n: int, *, of: int = 8, **more: Any) -> list[Record]:
    """Return `of` answers at a time, n times: half a second until the first token, then 20 tokens in another half."""
    return [
        answer(f"q{at}.{one}", tokens=20, sent_s=float(at), timing=timing(0.5, 1.0), **more)
        for at in range(n) for one in range(of)
    ]  # fmt: skip


def limited(limit: int, why: Any = "planned", *, session: int = 1, at_s: float = 0.0) -> Load:
    return Load(session=session, target="a", task="t", at_s=at_s, limit=limit, why=why)


def test_full_concurrency_includes_the_wait_for_a_token(table: Tabulate) -> None:
    """Three waves of eight: 8 x 20 tokens a second, and not 320, which is decoding alone."""
    found = table(waves(3), loads=[limited(8)])
    assert value(found, "output_throughput", "full concurrency") == pytest.approx(160.0)
    assert value(found, "output_throughput") == pytest.approx(160.0)


@pytest.mark.parametrize(("records", "why"), [(waves(1), "one wave is too short"), (waves(9, of=4), "never full")])
def test_full_concurrency_is_withheld_where_it_says_nothing(table: Tabulate, records: list[Record], why: str) -> None:
    """It lasted for one request and not two, or half of the places stayed empty: unknown, with a word why."""
    full = metric(table(records, loads=[limited(8)]), "output_throughput", "full concurrency")
    assert (full.value, full.marks) == (None, (Mark.WITHHELD,)), why


def test_full_concurrency_leaves_out_the_last_few_answers(table: Tabulate) -> None:
    """Two places are taken from 0 to 4 s by 5 tokens a second each; a last answer goes on alone until 12 s."""
    records = [
        *(answer(f"q{n}", tokens=10, sent_s=n, timing=timing(0.0, 2.0)) for n in (0.0, 2.0)),
        answer("long", tokens=60, sent_s=0.0, timing=timing(0.0, 12.0)),
        *(answer(f"p{n}", tokens=1, sent_s=4 + n / 2, timing=timing(0.0, 0.5), session=2) for n in range(4)),
    ]
    found = table(records, loads=[limited(2), limited(2, session=2)])
    full = metric(found, "output_throughput", "full concurrency")
    assert full.marks == (Mark.WITHHELD,)  # 4 s, and a request takes (2 + 2 + 12 + 4 x 0.5) / 7 = 2.57 s
    more = [answer(f"s{n}", tokens=1, sent_s=20 + n / 2, timing=timing(0.0, 0.5)) for n in range(7)]
    found = table([*records, *more], loads=[limited(2), limited(2, session=2)])
    assert value(found, "output_throughput", "full concurrency") == pytest.approx(10.0)  # they take 1.5 s on average


def test_a_failure_takes_a_place(table: Tabulate) -> None:
    """One place is held by a request that fails after 4 s; in the other 4 answers of 10 tokens follow each other."""
    held = failure("q9", took_s=4.0)
    records = [answer(f"q{n}", tokens=10, sent_s=float(n), timing=timing(0.5, 1.0)) for n in range(4)]
    found = table([held, *records], loads=[limited(2)])
    assert value(found, "output_throughput", "full concurrency") == pytest.approx(10.0)
    assert (value(found, "in_flight_reached"), value(found, "in_flight_mean")) == (2, 2.0)


def test_one_place_in_twenty_may_be_empty(table: Tabulate) -> None:
    """Of 20 places 19 are taken all the time: between two requests there is always a moment."""
    found = table(waves(3, of=19), loads=[limited(20)])
    assert value(found, "output_throughput", "full concurrency") == pytest.approx(380.0)


def test_sessions_with_another_limit_are_another_load(table: Tabulate) -> None:
    """Three seconds with 8 in flight, a resumed session of one second with 1: the first counts, at its own limit."""
    records = [*waves(3), answer("last", tokens=1000, timing=timing(0.5, 1.0), session=2)]
    found = table(records, loads=[limited(8), limited(1, session=2)])
    assert value(found, "output_throughput", "full concurrency") == pytest.approx(160.0)
    assert [(m.of, m.value) for m in found.cells[0].metrics if m.name == "in_flight"] == [
        ("", 8), ("session 1", 8), ("session 2", 1),
    ]  # fmt: skip
    few = table([*waves(3), answer("last", session=2)], loads=[limited(8), limited(64, session=2)])
    assert value(few, "output_throughput", "full concurrency") == pytest.approx(160.0)  # 64 were never reached


def test_a_limit_of_open_files_is_the_limit(table: Tabulate) -> None:
    """What this machine allows has a row, though nobody planned it; the load was really that."""
    found = table(waves(3, of=4), loads=[limited(4, "open files")])
    assert value(found, "in_flight") == 4
    assert value(found, "output_throughput", "full concurrency") == pytest.approx(80.0)


def test_what_was_in_flight_is_not_the_limit(table: Tabulate) -> None:
    """A limit of 64, one request of 3 s, one of 1 s beside it, two alone: 3 + 1 + 1 + 1 s of 6 s, two at most."""
    ends = {"a": (0.0, 3.0), "b": (1.0, 1.0), "c": (3.0, 1.0), "d": (5.0, 1.0)}
    records = [answer(name, sent_s=sent, timing=timing(0.1, e2e)) for name, (sent, e2e) in ends.items()]
    found = table(records, loads=[limited(64)])
    assert (value(found, "in_flight"), value(found, "in_flight_reached")) == (64, 2)
    assert value(found, "in_flight_mean") == 1.0


def test_a_request_that_waits_to_be_sent_again_is_in_flight(table: Tabulate) -> None:
    """Sent at 0, refused, sent again at 3 s, over at 4 s; another from 1 to 2 s: two at once, 5 / 4 on average."""
    first = Attempt(failure=Failure(kind="server", phase=Phase.COMPLETE, message=""), sent_s=0.0, took_s=0.1, wait_s=2)
    again = answer("q1", sent_s=3.0, timing=timing(e2e=1.0), attempts=(first,))
    found = table([again, answer("q2", sent_s=1.0, timing=timing(e2e=1.0))])
    assert (value(found, "in_flight_reached"), value(found, "in_flight_mean")) == (2, 1.25)


def test_unknown_tokens_make_throughput_unknown(table: Tabulate) -> None:
    """One answer without a count: no tokens per second, but still requests per second, and the known part."""
    found = table([answer("q1", tokens=10), answer("q2", tokens=None, source=None)])
    assert (value(found, "output_throughput"), value(found, "output_throughput", "full concurrency")) == (None, None)
    assert value(found, "request_throughput") == 4.0
    assert value(found, "completion_tokens") is None
    known = metric(found, "completion_tokens", "known part")
    assert (known.value, known.n) == (10, 1)


def test_chunks_for_tokens_are_marked(table: Tabulate) -> None:
    """Where nothing counted tokens, everything made of them carries the mark."""
    found = table([answer(source="chunks")])
    for name, of in (("completion_tokens", ""), ("output_throughput", "")):
        assert Mark.CHUNKS in metric(found, name, of).marks
    assert value(found, "token_source", "chunks") == 1


# ---------------------------------------------------------------- money


def test_cost_is_exact(table: Tabulate) -> None:
    """Ten times 0.1 is 1, and 2 right answers cost a half each."""
    records = [answer(f"q{n}", cost_usd=Decimal("0.1")) for n in range(10)]
    found = table(records, [1.0, 1.0] + [0.0] * 8)
    assert value(found, "cost_usd") == Decimal("1.0")
    assert value(found, "cost_per_correct_usd") == Decimal("0.5")


def test_an_unknown_price_is_not_a_partial_sum(table: Tabulate) -> None:
    """M01: the cost is unknown, and the known part stands apart with its count."""
    found = table([answer("q1", cost_usd=Decimal("0.1")), answer("q2")], [1.0, 1.0])
    assert (value(found, "cost_usd"), value(found, "cost_per_correct_usd")) == (None, None)
    known = metric(found, "cost_usd", "known part")
    assert (known.value, known.n) == (Decimal("0.1"), 1)
    assert value(table([answer("q1", cost_usd=Decimal("0.1"))], [0.0]), "cost_per_correct_usd") is None


def test_possibly_billed_failures_make_cost_a_lower_bound(table: Tabulate) -> None:
    """Attempts count as well as outcomes."""
    lost = Attempt(
        failure=Failure(kind="reset", phase=Phase.SENT, message="", possibly_billed=True), sent_s=0, took_s=1, wait_s=1
    )
    found = table([answer("q1", cost_usd=Decimal(1), attempts=(lost,)), failure("q2", billed=True)], [1.0])
    assert value(found, "possibly_billed") == 2
    assert metric(found, "cost_usd").marks == (Mark.AT_LEAST,)
    assert (value(found, "retried"), value(found, "first_attempt_success")) == (1, 0.0)


def test_reported_costs_that_differ_are_counted(table: Tabulate) -> None:
    """M05: 1 % off is still agreement, more is not."""
    reports = ("1.01", "0.99", "1.0101")
    records = [
        answer(f"q{n}", cost_usd=Decimal(1), usage=Usage(reported_cost_usd=Decimal(reported)))
        for n, reported in enumerate(reports)
    ]
    found = table(records)
    assert (value(found, "cost_disagreements"), value(found, "reported_cost_usd")) == (1, Decimal("3.0101"))


# ---------------------------------------------------------------- the whole table


def test_all_tasks_of_a_target_are_pooled(table: Tabulate) -> None:
    """Two tasks give a third cell a target: samples pooled, the same id in two tasks being two samples."""
    records = [answer("q", task="t"), answer("q", task="u"), answer("r", task="u"), answer("q", task="t", target="b")]
    found = table(records, [1.0, 0.0, 0.0, 1.0])
    assert [(cell.task, cell.target) for cell in found.cells] == [
        ("t", "a"), ("t", "b"), ("u", "a"), ("u", "b"), (None, "a"),
    ]  # fmt: skip
    pooled = found.cells[-1]
    assert (value(pooled, "accuracy"), metric(pooled, "accuracy").n) == (pytest.approx(1 / 3), 3)
    assert value(pooled, "attempted") == 3


def test_the_worst_things_are_listed_once_a_kind(table: Tabulate) -> None:
    """Failures and scorer errors by frequency with one example each; disputes with answer and expectation."""
    records = [failure("q1"), failure("q2", "reset"), failure("q3", "reset"), answer("q4"), answer("q5")]
    scores = [
        scored(records[3], 1.0, disputed=True, answer="4.0", why="normaliser disagrees"),
        scored(records[4], None, error="crash: exit 1", why="worker died"),
    ]
    found = table(records, scores=scores).examples
    assert [(e.topic, e.kind, e.count, e.sample_id) for e in found] == [
        ("failed", "reset", 2, "q2"),
        ("failed", "stall", 1, "q1"),
        ("unscored", "exact: crash", 1, "q5"),
        ("disputed", "exact", 1, "q4"),
    ]
    assert (found[3].answer, found[3].expected, found[3].message) == ("4.0", "4", "normaliser disagrees")


def test_warnings_are_counted_by_what_they_are_about(table: Tabulate) -> None:
    """The part before the colon is the kind; kinds without end are lumped together."""
    records = [answer(f"q{n}", warnings=(f"kind {n}: x", "cost: differs")) for n in range(60)]
    found = table(records)
    assert value(found, "warnings", "cost") == 60
    assert sum(m.name == "warnings" for m in found.cells[0].metrics) == 51
    assert value(found, "warnings", "others") == 11


def test_flags_of_answers_are_warnings(table: Tabulate) -> None:
    """What was odd about an answer is counted, in every form, beside what the client itself warned of."""
    records = [
        answer("q1", flags=("buffered", "usage_mismatch")),
        answer("q2", flags=("buffered",), warnings=("cost: x",)),
    ]
    found = table(records)
    assert [(m.of, m.value) for m in found.cells[0].metrics if m.name == "warnings"] == [
        ("buffered", 2), ("cost", 1), ("usage_mismatch", 1),
    ]  # fmt: skip


def test_loud_warnings_have_an_example(table: Tabulate) -> None:
    """Of each its count and the first record; of unknown ends the words; `buffered` is no news."""
    records = [
        answer("q1", flags=("buffered",)),
        answer("q2", flags=("unknown_end",), finish="wombat"),
        answer("q3", flags=("unknown_end", "usage_mismatch"), finish="quokka"),
        answer("q4", flags=("unknown_end",), finish="wombat"),
    ]
    found = [(e.kind, e.count, e.sample_id) for e in table(records).examples if e.topic == "warning"]
    assert found == [("unknown_end", 3, "q2"), ("usage_mismatch", 1, "q3")]
    (example, _) = (e for e in table(records).examples if e.topic == "warning")
    assert example.message.endswith("as if it were complete: 'wombat' (2), 'quokka' (1)")


def test_another_model_that_answers_is_a_warning(table: Tabulate) -> None:
    """Both names, and how many times; a date is no other model, and a target that we start is what it says."""
    records = [answer(f"q{n}", model=model) for n, model in enumerate(["m-2024-08-06", "x-1b", "M", "x-1b", ""])]
    found = table(records, targets={"a": {"kind": "http", "model": "org/m"}})
    assert value(found, "warnings", "other_model") == 2
    (example,) = (e for e in found.examples if e.topic == "warning")
    assert (example.kind, example.count, example.sample_id) == ("other_model", 2, "q1")
    assert example.message == "'x-1b' answered, 'org/m' was asked for"
    started = table(records, targets={"a": {"kind": "embedded", "model": "org/m"}})
    assert all(e.topic != "warning" for e in started.examples)


def test_answers_that_are_all_reasoning_are_loud(table: Tabulate) -> None:
    """One that was cut off is no news; one that has a text ends the alarm."""
    empty = [answer(f"q{n}", flags=("reasoning_only",), reasoning="hm") for n in range(3)]
    (alert,) = table([*empty, answer("q3", finish="MAX_TOKENS")]).cells[0].alerts
    assert alert == "all 3 answers are empty, and their reasoning is not; see warning: reasoning_only"
    assert table([*empty, answer("q3")]).cells[0].alerts == ()


def test_forms_of_reasoning_are_counted(table: Tabulate) -> None:
    """An answer may have several."""
    records = [answer("q1", shapes=("reasoning", "<think>")), answer("q2", shapes=("reasoning",)), answer("q3")]
    found = table(records).cells[0].metrics
    assert [(m.of, m.value) for m in found if m.name == "reasoning_shape"] == [("reasoning", 2), ("<think>", 1)]


def test_marks_of_counts_that_do_not_add_up(table: Tabulate) -> None:
    """The total's own mark beside tokens and cost; a mismatch beside tokens, and `at least` beside costs."""
    by_total = table(
        [answer("q1", flags=("usage_by_total",), cost_usd=Decimal(1)), answer("q2", cost_usd=Decimal(1))], [1.0, 1.0]
    )
    assert metric(by_total, "completion_tokens").marks == (Mark.BY_TOTAL,)
    assert metric(by_total, "prompt_tokens").marks == ()
    assert metric(by_total, "cost_usd").marks == metric(by_total, "cost_per_correct_usd").marks == (Mark.BY_TOTAL,)
    odd = table([answer("q1", flags=("usage_mismatch",), cost_usd=Decimal(1))], [1.0])
    for name in ("prompt_tokens", "completion_tokens"):
        assert metric(odd, name).marks == (Mark.MISMATCH,)
    for name in ("cost_usd", "cost_per_correct_usd"):
        assert metric(odd, name).marks == (Mark.AT_LEAST,)
    written = table([answer("q1", flags=("cache_written",), cost_usd=Decimal(1))], [1.0])
    assert metric(written, "cost_usd").marks == (Mark.AT_LEAST,)
    assert metric(written, "prompt_tokens").marks == ()


@pytest.mark.parametrize("word", ["length", "MAX_TOKENS", "model_length"])
def test_every_word_for_a_limit_is_truncated(table: Tabulate, word: str) -> None:
    """1 of 2 right, and the truncated one is wrong in the pessimistic share."""
    found = table([answer("q1", finish=word), answer("q2", finish="end_turn")], [1.0, 0.0])
    assert (value(found, "truncated"), value(found, "accuracy"), value(found, "accuracy_pessimistic")) == (1, 0.5, 0.0)


def test_a_ladders_refusals_are_in_no_percentile(table: Tabulate) -> None:
    """Of 2 answers, a breakdown and 17 refusals for length, TTFT p50 is the second answer's: of 3 values."""
    ladder = {"t": {"samples": 20, "scorers": [{"kind": "exact"}], "data": {"kind": "ladder"}}}
    refused = [failure(f"r{n}", "context_length") for n in range(17)]
    records = [answer("q1", timing=timing(0.1)), answer("q2", timing=timing(0.2)), failure("q3"), *refused]
    found = table(records, [1.0, 1.0], tasks=ladder)
    assert (value(found, "ttft_s", "p50"), metric(found, "ttft_s", "p50").n) == (0.2, 3)
    assert value(table(records, [1.0, 1.0]), "ttft_s", "p50") == math.inf  # elsewhere a refusal is a failure


# ---------------------------------------------------------------- repeats and clusters


def test_what_k_answers_are_worth(table: Tabulate) -> None:
    """q1: 4, 4, 5 of which 4 is right; q2: 5, 6, nothing. pass@2 1 and 0, pass^2 1/3 and 0, maj@3 1 and 0."""
    records = [answer(q, repeat=n) for q in ("q1", "q2") for n in range(3)]
    answers = ["4", "4", "5", "5", "6", None]
    scores = [scored(r, float(a == "4"), answer=a) for r, a in zip(records, answers, strict=True)]
    found = table(records, scores=scores)
    assert {name: (value(found, name, "2"), value(found, name, "3")) for name in ("pass_at_k", "pass_hat_k")} == {
        "pass_at_k": (0.5, 0.5), "pass_hat_k": (pytest.approx(1 / 6), 0.0),
    }  # fmt: skip
    assert (value(found, "maj_at_k", "3"), value(found, "avg_at_k", "3")) == (0.5, pytest.approx(1 / 3))
    assert metric(found, "pass_at_k", "3").n == 2
    assert table(records[:1], [1.0]).cells[0].get("pass_at_k", "2") is None


def test_the_mean_of_all_repeats_is_accuracy(table: Tabulate) -> None:
    """20 samples asked twice, nearly all right once: avg@2 has the interval of as many coin tosses, as accuracy has."""
    records = [answer(f"q{n}", repeat=r) for n in range(20) for r in range(2)]
    found = table(records, [float(n == 0 or r) for n in range(20) for r in range(2)])
    both = [metric(found, "accuracy"), metric(found, "avg_at_k", "2")]
    assert both[0].value == both[1].value == 21 / 40
    assert (both[0].low, both[0].high) == (both[1].low, both[1].high)
    assert both[0].low == pytest.approx(0.366, abs=0.01)  # Wilson's of 21 of 40 is 0.375; t takes the place of z


def test_samples_of_a_cluster_are_alike(table: Tabulate) -> None:
    """20 questions on 2 texts, one all right and one all wrong, are 2 observations: the interval is nearly all."""
    records = [answer(f"q{n}", meta={"text": n % 2}) for n in range(20)]
    tasks = {"t": {"samples": 20, "scorers": [{"kind": "exact"}], "cluster": "text"}}
    found = metric(table(records, [float(n % 2) for n in range(20)], tasks=tasks), "accuracy")
    apart = metric(table(records, [float(n % 2) for n in range(20)]), "accuracy")
    assert (found.value, found.n, found.marks, apart.marks) == (0.5, 20, (Mark.CLUSTERED,), ())
    assert found.low is not None
    assert apart.low is not None
    assert found.low < 0.1 < apart.low
