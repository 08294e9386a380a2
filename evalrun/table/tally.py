"""What one pass over the records leaves behind: counts, and about 120 bytes of arrays a record.

    Record + its scores --add--> Tally (one for each task x target) --merged--> Tally of all tasks of a target

Computes no metric; that is `derive`.
"""

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import Literal

from evalrun.escape import clip
from evalrun.slo import Slo, kept
from evalrun.table.cells import Example
from evalrun.table.throughput import Spans
from evalrun.types import Completion, Failure, Phase, Record, Score, Timing

HEADLINE = ""  # the key of a task's first scorer: what the row of all tasks pools
MOST_KINDS = 50  # of free text used as a kind; the rest are counted together
DISPUTES = 5  # examples kept
CLIP = 200
GAP_STEPS = 1 / math.log1p(0.002)  # chunk gaps are too many to keep: a histogram of steps of 0.2 %, from 1 ns up

NOT_SCORED = Score(value=None, error="not scored")
NO_TIMING = Timing(connect_s=0.0, reused=False)


def _doubles() -> "array[float]":
    return array("d")


@dataclass(slots=True)
class Judged:
    """One scorer's view of every record. sample: a hash, equal for repeats. value: NaN where there is no score."""

    sample: "array[int]" = field(default_factory=lambda: array("Q"))
    value: "array[float]" = field(default_factory=_doubles)
    pessimistic: "array[float]" = field(default_factory=_doubles)

    def add(self, sample: int, value: float, pessimistic: float) -> None:
        self.sample.append(sample)
        self.value.append(value)
        self.pessimistic.append(pessimistic)

    def extend(self, other: "Judged") -> None:
        self.sample.extend(other.sample)
        self.value.extend(other.value)
        self.pessimistic.extend(other.pessimistic)


@dataclass(slots=True)
class Good:
    """Which requests kept every SLO. sample: as in `Judged`. kept: 1, 0, NaN unknown.

    right: the headline score of those that did, 0 where it could not be judged, NaN where nobody has judged it yet.
    """

    sample: "array[int]" = field(default_factory=lambda: array("Q"))
    kept: "array[float]" = field(default_factory=_doubles)
    right: "array[float]" = field(default_factory=_doubles)

    def extend(self, other: "Good") -> None:
        self.sample.extend(other.sample)
        self.kept.extend(other.kept)
        self.right.extend(other.right)


@dataclass(slots=True)
class Tally:
    """Everything that is kept of the records of one task and target.

    counts: (metric, of) -> n. latencies: metric -> seconds of each answer that has it. gaps: histogram of chunk gaps.
    known, sums, dollars: metric -> answers that have it, and their sum. sessions: when things were sent and ended.
    good: empty where no `slo` is stated.
    """

    scorers: tuple[str, ...] = ()
    slo: Slo = field(default_factory=Slo)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    latencies: dict[str, "array[float]"] = field(default_factory=lambda: defaultdict(_doubles))
    gaps: Counter[int] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    sums: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    dollars: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    judged: dict[str, Judged] = field(default_factory=lambda: defaultdict(Judged))
    sessions: dict[int, Spans] = field(default_factory=lambda: defaultdict(Spans))
    good: Good = field(default_factory=Good)
    repeated: bool = False
    examples: list[Example] = field(default_factory=list)

    def add(self, record: Record, scores: Mapping[str, Score]) -> None:
        """Count one record and what each scorer says of it."""
        outcome = record.outcome
        self._count("attempted")
        self.repeated |= record.repeat > 0
        self.sessions[record.session].add(record)
        for warning in record.warnings:
            self._count_kind("warnings", warning)
        if record.attempts:
            self._count("retried")
        self._count("possibly_billed", n=sum(attempt.failure.possibly_billed for attempt in record.attempts))
        if isinstance(outcome, Failure):
            self._add_failure(record, outcome)
        else:
            self._add_completion(record, outcome)
        sample = _digest(f"{record.sample.task}\0{record.sample.id}")
        for place, scorer in enumerate(self.scorers):
            key = scorer if place else HEADLINE
            if isinstance(outcome, Failure):
                self.judged[key].add(sample, math.nan, 0.0)
                continue
            value = self._add_score(record, scores.get(scorer, NOT_SCORED), key, scorer=scorer)
            if scorer not in scores:  # nobody has judged it yet: neither right nor wrong
                self.judged[key].add(sample, math.nan, math.nan)
                continue
            wrong = value is None or outcome.truncated
            self.judged[key].add(sample, math.nan if value is None else value, 0.0 if wrong else value or 0.0)
        if self.slo:
            self._add_good(record, sample)

    def _add_good(self, record: Record, sample: int) -> None:
        """Note whether a request kept every SLO, and its headline score if so. A failure kept none."""
        timing = record.timing or NO_TIMING
        ttft, tpot, e2e = (math.nan if s is None else s for s in (timing.ttft_s, timing.tpot_s, timing.e2e_s))
        within, beyond = kept(self.slo, ttft=ttft, tpot=tpot, e2e=e2e)
        held = 0.0 if beyond or isinstance(record.outcome, Failure) else 1.0 if within else math.nan
        score = math.nan
        if self.scorers:
            views = self.judged[HEADLINE]  # this record is its last
            score = views.value[-1] if views.value[-1] == views.value[-1] else views.pessimistic[-1]
        self.good.sample.append(sample)
        self.good.kept.append(held)
        self.good.right.append(score if held else 0.0)

    def _add_failure(self, record: Record, failure: Failure) -> None:
        name = "not_sent" if failure.phase is Phase.NOT_SENT else "failed"
        if not self.counts["failed", failure.kind] + self.counts["not_sent", failure.kind]:
            self.examples.append(_example(record, "failed", failure.kind, message=clip(failure.message, CLIP)))
        self._count(name)
        self._count(name, failure.kind)
        self._count("possibly_billed", n=int(failure.possibly_billed))

    def _add_completion(self, record: Record, answer: Completion) -> None:
        usage = answer.usage
        self._count("succeeded")
        self._count("truncated", n=int(answer.truncated))
        self._count("first_attempt_success", n=int(not record.attempts))
        self._count("reasoned", n=int(bool(answer.reasoning or usage.reasoning_tokens)))
        self._count("cached_requests", n=int(bool(usage.cached_tokens)))
        self._sum_tokens("prompt_tokens", usage.prompt_tokens)
        self._sum_tokens("completion_tokens", answer.tokens)
        self._sum_tokens("cached_tokens", usage.cached_tokens)
        self._sum_tokens("reasoning_tokens", usage.reasoning_tokens)
        if answer.tokens is not None:
            self._count("token_source", answer.token_source or "unknown")
        cost, reported = record.cost_usd, usage.reported_cost_usd
        for name, amount in (("cost_usd", cost), ("reported_cost_usd", reported)):
            if amount is not None:
                self.known[name] += 1
                self.dollars[name] += amount
        if cost is not None and reported is not None and abs(reported - cost) * 100 > cost:
            self._count("cost_disagreements")
        if record.timing is not None:
            self._add_timing(record.timing, cached=bool(usage.cached_tokens))

    def _add_timing(self, timing: Timing, *, cached: bool) -> None:
        latencies = self.latencies
        for name, value in (
            ("ttft_cached" if cached else "ttft_uncached", timing.ttft_s),
            ("ttfo_s", math.inf if timing.ttfo_s is None and timing.ttft_s is not None else timing.ttfo_s),
            ("tpot_s", timing.tpot_s),
            ("max_stall_s", timing.max_stall_s),
            ("e2e_s", timing.e2e_s),
        ):
            if value is not None:
                latencies[name].append(value)
        self.gaps.update([int(math.log(gap * 1e9 + 1) * GAP_STEPS) for gap in timing.icl_s])

    def _add_score(self, record: Record, score: Score, key: str, *, scorer: str) -> float | None:
        """Count what a scorer says of an answer; give the score if it is one."""
        value, error = score.value, score.error
        if value is not None and not 0 <= value <= 1:  # NaN and infinity too: never clamped, never in a mean
            value, error = None, "score outside 0..1"
        self._count("unscored" if value is None else "scored", key)
        if value is None:
            kind = self._count_kind("scorer_error", error or "no score", of=scorer)
            if self.counts["scorer_error", kind] == 1:
                message = clip(score.why or error or "", CLIP)
                self.examples.append(_example(record, "unscored", kind, message=message))
        elif score.disputed:
            self._count("disputed", key)
            if self.counts["disputed", key] <= DISPUTES:
                self.examples.append(_disputed(record, score, scorer))
        return value

    def _count(self, name: str, of: str = "", n: int = 1) -> None:
        self.counts[name, of] += n

    def _count_kind(self, name: str, text: str, *, of: str = "") -> str:
        """Count by what stands before the first colon of a free text; give the kind."""
        kind = clip(text.partition(":")[0].strip(), 60)
        kind = f"{of}: {kind}" if of else kind
        if (name, kind) not in self.counts and sum(n == name for n, _ in self.counts) >= MOST_KINDS:
            kind = "others"
        self.counts[name, kind] += 1
        return kind

    def _sum_tokens(self, name: str, tokens: int | None) -> None:
        if tokens is not None:
            self.known[name] += 1
            self.sums[name] += tokens


def gap_s(bucket: int) -> float:
    """Return the middle of a bucket of `Tally.gaps`, in seconds; the first one holds the gaps of 0."""
    return 0.0 if bucket == 0 else (math.exp((bucket + 0.5) / GAP_STEPS) - 1) / 1e9


def merged(tallies: Iterable[Tally]) -> Tally:
    """Return one tally of several tasks of a target. Of the scorers only the headlines are comparable, and kept."""
    total = Tally()
    for tally in tallies:
        total.counts.update(tally.counts)
        total.gaps.update(tally.gaps)
        total.known.update(tally.known)
        total.repeated |= tally.repeated
        total.examples.extend(tally.examples)
        for name, values in tally.latencies.items():
            total.latencies[name].extend(values)
        for name, tokens in tally.sums.items():
            total.sums[name] += tokens
        for name, amount in tally.dollars.items():
            total.dollars[name] += amount
        for session, spans in tally.sessions.items():
            total.sessions[session].extend(spans)
        total.slo = tally.slo
        total.good.extend(tally.good)
        total.judged[HEADLINE].extend(tally.judged[HEADLINE])
    return total


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _example(record: Record, topic: Literal["failed", "unscored"], kind: str, *, message: str) -> Example:
    sample = record.sample
    return Example(
        topic=topic, kind=kind, target=record.target, task=sample.task, sample_id=clip(sample.id, CLIP), message=message
    )


def _disputed(record: Record, score: Score, scorer: str) -> Example:
    sample = record.sample
    return Example(
        topic="disputed",
        kind=scorer,
        target=record.target,
        task=sample.task,
        sample_id=clip(sample.id, CLIP),
        message=clip(score.why, CLIP),
        answer=None if score.answer is None else clip(score.answer, CLIP),
        expected=None if sample.expected is None else clip(sample.expected, CLIP),
    )
