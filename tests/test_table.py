"""Tables of tiny runs, with every expected number worked out by hand."""

import math
import tracemalloc
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from scipy import stats

from evalrun.slo import Slo
from evalrun.table import Cell, Context, Lag, Mark, Metric, Table, TargetNote, tabulate
from evalrun.types import Attempt, Completion, Failure, Phase, Record, Sample, Score, Scored, Timing, Usage

CONTEXT = Context(suite="s", targets=(TargetNote(name="a"),), scorers={"t": ("exact",)}, planned={("t", "a"): 4})


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
    **more: Any,
) -> Record:
    usage = usage or Usage(prompt_tokens=5, completion_tokens=tokens)
    completion = Completion(
        text="4", reasoning=reasoning, tokens=tokens, token_source=source, usage=usage, finish_reason=finish
    )
    more.setdefault("timing", timing())
    return record(sample, completion, **more)


def failure(sample: str = "q1", kind: Any = "stall", phase: Phase = Phase.SENT, **more: Any) -> Record:
    billed = more.pop("billed", False)
    return record(sample, Failure(kind=kind, phase=phase, message=f"{kind}!", possibly_billed=billed), **more)


def record(sample: str, outcome: Completion | Failure, *, task: str = "t", target: str = "a", **more: Any) -> Record:
    more = {"session": 0, "repeat": 0, "at": "", "sent_s": 0.0} | more
    key = f"{target}/{task}/{sample}/{more['repeat']}"
    asked = Sample(task=task, id=sample, messages=(), expected="4")
    return Record(key=key, target=target, sample=asked, outcome=outcome, **more)


def scored(record: Record, value: float | None, *, scorer: str = "exact", **more: Any) -> Scored:
    return Scored(key=record.key, scorer=scorer, score=Score(value=value, **more))


def table(
    records: Iterable[Record], values: Iterable[float | None] = (), context: Context = CONTEXT, **more: Any
) -> Table:
    """Tabulate; `values` are the scores of the answered records in order."""
    records = list(records)
    answered = [r for r in records if isinstance(r.outcome, Completion)]
    return tabulate(records, [scored(r, v, **more) for r, v in zip(answered, values, strict=False)], context)


def metric(source: Table | Cell, name: str, of: str = "") -> Metric:
    found = (source.cells[0] if isinstance(source, Table) else source).get(name, of)
    assert found is not None, (name, of)
    return found


def value(source: Table | Cell, name: str, of: str = "") -> Any:
    return metric(source, name, of).value


# ---------------------------------------------------------------- quality


def test_accuracy_and_its_pessimistic_twin() -> None:
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


def test_everything_failed() -> None:
    """C05: accuracy and latency are unknown, not 0; the pessimistic accuracy is 0; an alert says so."""
    found = table([failure("q1"), failure("q2", "connect", Phase.NOT_SENT)])
    assert (value(found, "accuracy"), value(found, "accuracy_pessimistic")) == (None, 0.0)
    assert (value(found, "ttft_s", "p50"), value(found, "e2e_s", "p95"), value(found, "cost_usd")) == (None, None, None)
    assert (value(found, "output_throughput"), value(found, "request_throughput")) == (None, None)
    assert (value(found, "failed", "stall"), value(found, "not_sent", "connect")) == (1, 1)
    assert value(found, "attempted") == value(found, "succeeded") + value(found, "failed") + value(found, "not_sent")
    assert found.cells[0].alerts == ("unfinished: 2 of 4 requests were made", "no request was answered")


def test_nothing_was_asked() -> None:
    """A planned cell without a record still has its row, all unknown."""
    found = tabulate([], [], CONTEXT)
    assert [(cell.task, cell.target) for cell in found.cells] == [("t", "a")]
    assert (value(found, "planned"), value(found, "attempted")) == (4, 0)
    assert (value(found, "accuracy"), value(found, "accuracy_pessimistic"), value(found, "ttft_s", "p50")) == (
        None,
    ) * 3


def test_repeats_are_averaged_within_a_sample_first() -> None:
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


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1, 1.5])
def test_a_score_that_is_none_is_an_error(bad: float) -> None:
    """C04, J03: it is in no mean and is not clamped."""
    found = table([answer("q1"), answer("q2")], [1.0, bad])
    assert (value(found, "accuracy"), value(found, "unscored")) == (1.0, 1)
    assert value(found, "scorer_error", "exact: score outside 0..1") == 1


def test_further_scorers_have_rows_of_their_own() -> None:
    """The first scorer is the headline, however the scores are ordered; an answer it never saw is unscored."""
    records = [answer("q1"), answer("q2")]
    scores = [scored(r, 1.0, scorer="regex") for r in records] + [scored(records[0], 0.0)]
    found = tabulate(records, scores, Context(suite="s", scorers={"t": ("exact", "regex")}))
    assert (value(found, "accuracy"), value(found, "accuracy", "regex")) == (0.0, 1.0)
    assert (value(found, "unscored"), value(found, "unscored", "regex")) == (1, 0)


# ---------------------------------------------------------------- latency


def test_failures_are_the_slow_tail() -> None:
    """With 18 answers of 1..18 ms and 2 failures, p50 is the 10th value and p95 the 19th: a failure."""
    records = [answer(f"q{n}", timing=timing(n / 1000)) for n in range(18, 0, -1)]
    found = table([*records, failure("f1"), failure("f2")])
    assert (value(found, "ttft_s", "p50"), metric(found, "ttft_s", "p50").marks) == (0.010, ())
    assert value(found, "ttft_s", "p95") == math.inf
    assert metric(found, "ttft_s", "p95").marks == (Mark.SMALL, Mark.INFINITE)
    assert metric(found, "ttft_s", "p95").n == 20


def test_percentiles_of_few_are_marked() -> None:
    """C02: one value is itself, marked; eleven support a median."""
    assert metric(table([answer()]), "e2e_s", "p50") == Metric(
        name="e2e_s", of="p50", value=0.5, n=1, marks=(Mark.SMALL,)
    )
    assert metric(table([answer(f"q{n}") for n in range(10)]), "e2e_s", "p50").marks == (Mark.SMALL,)
    assert metric(table([answer(f"q{n}") for n in range(11)]), "e2e_s", "p50").marks == ()


def test_one_token_and_unstreamed_answers() -> None:
    """C03: no TPOT of one token; no TTFT of an answer that was not streamed, and its failures are not its TTFT."""
    found = table([answer(tokens=1, timing=timing(None, 0.5)), failure("q2")])
    assert (value(found, "tpot_s", "p50"), value(found, "ttft_s", "p50"), value(found, "icl_s", "p50")) == (None,) * 3
    assert value(found, "e2e_s", "p50") == 0.5


def test_first_output_token_only_where_there_was_reasoning() -> None:
    """TTFO has rows only with reasoning; an answer that never left its reasoning is infinitely late."""
    assert table([answer()]).cells[0].get("ttfo_s", "p50") is None
    thought = answer("q1", reasoning="hm", timing=timing(0.1, ttfo_s=0.4))
    endless = answer("q2", reasoning="hm", timing=timing(0.1, ttfo_s=None))
    found = table([thought, endless])
    assert (value(found, "ttfo_s", "p50"), value(found, "ttfo_s", "p95")) == (0.4, math.inf)


def test_gaps_are_pooled_to_a_tenth_of_a_percent() -> None:
    """ICL counts gaps, not answers: of 1, 2, 3, 4 ms and 1 s the median is 3 ms."""
    found = table(
        [answer("q1", timing=timing(icl_s=(0.001, 0.002, 0.004))), answer("q2", timing=timing(icl_s=(1.0, 0.003)))]
    )
    assert value(found, "icl_s", "p50") == pytest.approx(0.003, rel=1e-3)
    assert value(found, "icl_s", "p99") == pytest.approx(1.0, rel=1e-3)
    assert metric(found, "icl_s", "p50").n == 5


def test_cached_prompts_are_a_group_of_their_own() -> None:
    """Mixed caching marks TTFT and splits it; all or none does not."""
    cold, warm = answer("q1", timing=timing(0.9)), answer("q2", usage=Usage(cached_tokens=3), timing=timing(0.1))
    mixed = table([cold, warm])
    assert Mark.MIXED_CACHE in metric(mixed, "ttft_s", "p50").marks
    assert (value(mixed, "ttft_s", "p50 cached"), value(mixed, "ttft_s", "p50 uncached")) == (0.1, 0.9)
    assert value(mixed, "cached_requests") == 1
    assert metric(table([warm]), "ttft_s", "p50").marks == (Mark.SMALL,)


@pytest.mark.parametrize(
    ("ttft", "lag", "invalid"),
    [(1.0, 0.0049, False), (1.0, 0.0051, True), (0.020, 0.0009, False), (0.020, 0.0011, True)],
)
def test_a_late_client_invalidates_latency(ttft: float, lag: float, invalid: bool) -> None:
    """L01: over 5 ms, or over 5 % of TTFT p99, every latency is marked and an alert says what to do."""
    slow = Lag(session=0, target="a", task="t", n=9, p50_s=0.0, p99_s=lag, max_s=1.0)
    other = Lag(session=0, target="b", task="t", n=9, p50_s=0.0, p99_s=9.0, max_s=9.0)
    found = table([answer(timing=timing(ttft))], context=Context(suite="s", lags=(slow, other)))
    assert (Mark.INVALID in metric(found, "ttft_s", "p99").marks) == invalid
    assert (Mark.INVALID in metric(found, "e2e_s", "p50").marks) == invalid
    assert any("INVALID" in alert and "lower the concurrency" in alert for alert in found.cells[0].alerts) == invalid


# ---------------------------------------------------------------- goodput


def promised(slo: Slo, *records: Record, values: Iterable[float | None] = (), **more: Any) -> Table:
    return table(records, values, Context(suite="s", scorers={"t": ("exact",), "u": ("exact",)}, slo=slo, **more))


def test_goodput_is_answered_within_every_slo() -> None:
    """Of 5 in 4 s: right, wrong, too late by TTFT, by E2E, failed. 2 are good: 40 %, 0.5 a second, 0.25 of it right."""
    records = [
        answer("q1", timing=timing(1.0, 2.0)),
        answer("q2", timing=timing(0.1, 0.1), sent_s=1.0),
        answer("q3", timing=timing(1.1, 1.2), sent_s=1.0),
        answer("q4", timing=timing(0.1, 2.1), sent_s=1.9),
        failure("q5"),
    ]
    found = promised(Slo(ttft=1.0, e2e=2.0), *records, values=[1.0, 0.0, 1.0, 1.0])
    expected = stats.binomtest(2, 5).proportion_ci(method="wilson")
    good = metric(found, "good")
    assert (good.value, good.low, good.high) == (0.4, pytest.approx(expected.low), pytest.approx(expected.high))
    assert (good.n, good.marks) == (5, ())
    assert (value(found, "goodput"), value(found, "correct_goodput")) == (2 / 4, 1 / 4)
    assert (value(found, "request_throughput"), value(found, "slo_unknown")) == (4 / 4, 0)


def test_nothing_is_good_or_bad_without_an_slo() -> None:
    """The rows are there where an SLO is stated and nowhere else; with everything failed, nothing was good."""
    assert table([answer()]).cells[0].get("good") is None
    lost = promised(Slo(ttft=1.0), failure())
    assert (value(lost, "good"), value(lost, "goodput"), value(lost, "correct_goodput")) == (0.0, None, None)
    never = tabulate([], [], Context(suite="s", planned={("t", "a"): 4}, slo=Slo(ttft=1.0)))
    assert (value(never, "good"), value(never, "goodput")) == (None, None)


def test_an_answer_that_came_at_once_kept_its_tpot() -> None:
    """One token, or all in one event, has no TPOT and made nobody wait; uncounted tokens over 2 s may have."""
    slo = Slo(tpot=0.05)
    at_once = promised(slo, answer(tokens=1, timing=timing(0.5, 0.5)), values=[1.0])
    assert (value(at_once, "good"), value(at_once, "slo_unknown")) == (1.0, 0)
    uncounted = promised(slo, answer(tokens=None, timing=timing(0.5, 2.5)), values=[1.0])
    assert (value(uncounted, "good"), value(uncounted, "goodput"), value(uncounted, "slo_unknown")) == (None, None, 1)


def test_one_unknown_answer_makes_goodput_unknown() -> None:
    """An answer that was not streamed has no TTFT: nobody can say. What broke another SLO is not good."""
    slo = Slo(ttft=1.0, e2e=1.0)
    whole = answer("q2", timing=timing(None, None, stream_s=0.5))
    found = promised(slo, answer("q1"), whole, values=[1.0, 1.0])
    assert [value(found, name) for name in ("good", "goodput", "correct_goodput")] == [None] * 3
    assert value(found, "slo_unknown") == 1
    late = promised(slo, answer("q1"), answer("q2", timing=timing(None, 1.5)), values=[1.0, 1.0])
    assert (value(late, "good"), value(late, "slo_unknown")) == (0.5, 0)


def test_correct_goodput_waits_for_the_scores() -> None:
    """An answer that could not be judged is not right; one that nobody has judged yet leaves the sum unknown."""
    slo, records = Slo(ttft=1.0), [answer("q1"), answer("q2")]
    assert value(promised(slo, *records, values=[1.0, None]), "correct_goodput") == 1 / 0.5
    unscored = promised(slo, *records, values=[1.0])
    assert (value(unscored, "correct_goodput"), value(unscored, "goodput")) == (None, 2 / 0.5)


def test_repeats_and_tasks_are_pooled_as_accuracy_is() -> None:
    """q1 kept it once in two, q2 in one: the mean of 1/2 and 1. Over both tasks the third sample, 0, joins in."""
    records = [answer("q1"), answer("q1", repeat=1, timing=timing(3.0, 3.0)), answer("q2")]
    found = promised(Slo(ttft=1.0), *records, answer("q1", task="u", timing=timing(3.0, 3.0)), values=[1.0] * 4)
    assert (value(found, "good"), metric(found, "good").n) == (0.75, 2)
    assert (value(found.cells[-1], "good"), metric(found.cells[-1], "good").n) == (0.5, 3)
    assert value(found.cells[-1], "goodput") == 2 / 3.0


def test_a_late_client_marks_goodput() -> None:
    """L01: what was measured too late may have been in time, or not."""
    slow = Lag(session=0, target="a", task="t", n=9, p50_s=0.0, p99_s=0.1, max_s=1.0)
    found = promised(Slo(ttft=1.0), answer(), values=[1.0], lags=(slow,))
    assert [metric(found, n).marks for n in ("good", "goodput", "correct_goodput")] == [(Mark.INVALID,)] * 3
    assert metric(found, "request_throughput").marks == ()


# ---------------------------------------------------------------- throughput


def test_throughput_adds_the_windows_of_sessions() -> None:
    """Session 0: 0 to 2 s; session 1, on a clock of its own: 5 to 7 s. 60 tokens and 3 answers in 4 s."""
    records = [
        answer("q1", tokens=10, sent_s=0.0, timing=timing(e2e=1.0)),
        answer("q2", tokens=20, sent_s=1.0, timing=timing(e2e=1.0)),
        failure("q3", sent_s=5.0, session=1),
        answer("q4", tokens=30, sent_s=6.0, timing=timing(e2e=1.0), session=1),
    ]
    found = table(records)
    assert (value(found, "output_throughput"), value(found, "request_throughput")) == (15.0, 0.75)


def test_what_was_never_sent_opens_no_window() -> None:
    """A failure before sending does not start the clock; an earlier attempt that was sent does."""
    early = failure("q1", "connect", Phase.NOT_SENT, sent_s=0.0)
    first = Attempt(failure=Failure(kind="server", phase=Phase.COMPLETE, message=""), sent_s=2.0, took_s=1, wait_s=1)
    retried = answer("q2", tokens=10, sent_s=4.0, timing=timing(e2e=3.0), attempts=(first,))
    assert value(table([early, retried]), "output_throughput") == 2.0  # 10 tokens from 2 s to 7 s


def test_throughput_at_full_concurrency() -> None:
    """Two answers overlap from 1 to 2 s and give 10 and 5 tokens there; all in all it is 20 tokens in 3 s."""
    records = [
        answer("q1", tokens=10, sent_s=0.0, timing=timing(1.0, 2.0)),  # tokens from 1 to 2 s
        answer("q2", tokens=10, sent_s=1.0, timing=timing(0.0, 2.0)),  # tokens from 1 to 3 s: 5/s
    ]
    found = table(records)
    assert value(found, "output_throughput", "full concurrency") == pytest.approx(15.0)
    assert value(found, "output_throughput") == pytest.approx(20 / 3)


def test_unknown_tokens_make_throughput_unknown() -> None:
    """One answer without a count: no tokens per second, but still requests per second, and the known part."""
    found = table([answer("q1", tokens=10), answer("q2", tokens=None, source=None)])
    assert (value(found, "output_throughput"), value(found, "output_throughput", "full concurrency")) == (None, None)
    assert value(found, "request_throughput") == 4.0
    assert value(found, "completion_tokens") is None
    known = metric(found, "completion_tokens", "known part")
    assert (known.value, known.n) == (10, 1)


def test_chunks_for_tokens_are_marked() -> None:
    """Where nothing counted tokens, everything made of them carries the mark."""
    found = table([answer(source="chunks", timing=timing(tpot_s=0.01))])
    for name, of in (("completion_tokens", ""), ("output_throughput", ""), ("tpot_s", "p50")):
        assert Mark.CHUNKS in metric(found, name, of).marks
    assert value(found, "token_source", "chunks") == 1


# ---------------------------------------------------------------- money


def test_cost_is_exact() -> None:
    """Ten times 0.1 is 1, and 2 right answers cost a half each."""
    records = [answer(f"q{n}", cost_usd=Decimal("0.1")) for n in range(10)]
    found = table(records, [1.0, 1.0] + [0.0] * 8)
    assert value(found, "cost_usd") == Decimal("1.0")
    assert value(found, "cost_per_correct_usd") == Decimal("0.5")


def test_an_unknown_price_is_not_a_partial_sum() -> None:
    """M01: the cost is unknown, and the known part stands apart with its count."""
    found = table([answer("q1", cost_usd=Decimal("0.1")), answer("q2")], [1.0, 1.0])
    assert (value(found, "cost_usd"), value(found, "cost_per_correct_usd")) == (None, None)
    known = metric(found, "cost_usd", "known part")
    assert (known.value, known.n) == (Decimal("0.1"), 1)
    assert value(table([answer("q1", cost_usd=Decimal("0.1"))], [0.0]), "cost_per_correct_usd") is None


def test_possibly_billed_failures_make_cost_a_lower_bound() -> None:
    """Attempts count as well as outcomes."""
    lost = Attempt(
        failure=Failure(kind="reset", phase=Phase.SENT, message="", possibly_billed=True), sent_s=0, took_s=1, wait_s=1
    )
    found = table([answer("q1", cost_usd=Decimal(1), attempts=(lost,)), failure("q2", billed=True)], [1.0])
    assert value(found, "possibly_billed") == 2
    assert metric(found, "cost_usd").marks == (Mark.AT_LEAST,)
    assert (value(found, "retried"), value(found, "first_attempt_success")) == (1, 0.0)


def test_reported_costs_that_differ_are_counted() -> None:
    """M05: 1 % off is still agreement, more is not."""
    reports = ("1.01", "0.99", "1.0101")
    records = [
        answer(f"q{n}", cost_usd=Decimal(1), usage=Usage(reported_cost_usd=Decimal(reported)))
        for n, reported in enumerate(reports)
    ]
    found = table(records)
    assert (value(found, "cost_disagreements"), value(found, "reported_cost_usd")) == (1, Decimal("3.0101"))


# ---------------------------------------------------------------- the whole table


def test_all_tasks_of_a_target_are_pooled() -> None:
    """Two tasks give a third cell a target: samples pooled, the same id in two tasks being two samples."""
    records = [answer("q", task="t"), answer("q", task="u"), answer("r", task="u"), answer("q", task="t", target="b")]
    found = table(records, [1.0, 0.0, 0.0, 1.0], Context(suite="s"))
    assert [(cell.task, cell.target) for cell in found.cells] == [("t", "a"), ("t", "b"), ("u", "a"), (None, "a")]
    pooled = found.cells[-1]
    assert (value(pooled, "accuracy"), metric(pooled, "accuracy").n) == (pytest.approx(1 / 3), 3)
    assert value(pooled, "attempted") == 3


def test_the_worst_things_are_listed_once_a_kind() -> None:
    """Failures and scorer errors by frequency with one example each; disputes with answer and expectation."""
    records = [failure("q1"), failure("q2", "reset"), failure("q3", "reset"), answer("q4"), answer("q5")]
    scores = [
        scored(records[3], 1.0, disputed=True, answer="4.0", why="normaliser disagrees"),
        scored(records[4], None, error="crash: exit 1", why="worker died"),
    ]
    found = tabulate(records, scores, CONTEXT).examples
    assert [(e.topic, e.kind, e.count, e.sample_id) for e in found] == [
        ("failed", "reset", 2, "q2"),
        ("failed", "stall", 1, "q1"),
        ("unscored", "exact: crash", 1, "q5"),
        ("disputed", "exact", 1, "q4"),
    ]
    assert (found[3].answer, found[3].expected, found[3].message) == ("4.0", "4", "normaliser disagrees")


def test_warnings_are_counted_by_what_they_are_about() -> None:
    """The part before the colon is the kind; kinds without end are lumped together."""
    records = [answer(f"q{n}", warnings=(f"kind {n}: x", "cost: differs")) for n in range(60)]
    found = table(records)
    assert value(found, "warnings", "cost") == 60
    assert sum(m.name == "warnings" for m in found.cells[0].metrics) == 51
    assert value(found, "warnings", "others") == 11


def test_memory_for_a_record_is_small() -> None:
    """Records come from a generator and are not kept: under 500 bytes of each remain at the peak."""
    tracemalloc.start()
    found = tabulate((answer(f"q{n}", timing=timing(icl_s=(0.01,) * 100)) for n in range(4000)), iter(()), CONTEXT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert value(found, "attempted") == 4000
    assert peak < 4000 * 500
