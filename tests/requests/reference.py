"""Every number of a table, computed the slow and obvious way: loops over plain records, lists, no arrays.

A number is (name, of) -> value, as `explain` names them. Written from docs/metrics.md, and with nothing of the package
but its types and the reading of an SLO.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import combinations, pairwise
from typing import Any

from run_folder import Made

from evalrun.slo import seconds as seconds_of
from evalrun.store.lines import Intent
from evalrun.types import Completion, Failure, Phase, Record, Score, Timing

Numbers = dict[tuple[str, str], Any]
LATENCIES = {
    "ttft_s": ("TTFT", (0.5, 0.95, 0.99)), "ttfo_s": ("TTFO", (0.5, 0.95, 0.99)), "tpot_s": ("TPOT", (0.5, 0.95)),
    "icl_s": ("ICL", (0.5, 0.99)), "max_stall_s": ("longest stall", (0.95,)), "e2e_s": ("E2E", (0.5, 0.95)),
}  # fmt: skip
NO_TIMING = Timing(connect_s=0, reused=True)


def last_records(made: Made) -> list[Record]:
    """Return the last record of each key."""
    return list({event.key: event for event in made.events if isinstance(event, Record)}.values())


def numbers(made: Made, records: Sequence[Record], *, scorers: Sequence[str], places: Iterable[Any]) -> Numbers:
    """Return all numbers of these records of a run. scorers: the names of further ones, after the headline."""
    told = {(one.key, one.scorer): one.score for one in made.scores}
    answers = [r for r in records if isinstance(r.outcome, Completion)]
    found: Numbers = {}
    for of, scorer in (("", "exact"), *((name, name) for name in scorers)):
        found |= quality(made, records, told, of, scorer)
    errors = Counter(why for r in answers for name in ("exact", "regex") if (why := error(r, name, told)))
    found |= {("scorer_error", kind): n for kind, n in errors.items()}
    if len({(r.sample.task, r.sample.id) for r in records}) < len(records):
        found["samples", ""] = len({(r.sample.task, r.sample.id) for r in records})
        found |= repeats(records, told)
    found |= counts(made, records, places)
    found |= shares(made, records, told)
    found |= latencies(made, records)
    found |= rates(made, records, told)
    found |= tokens_and_money(records, told, at_least=found["possibly_billed", ""])
    return found


# ---------------------------------------------------------------- quality


def valid(score: Score | None) -> float | None:
    ok = score is not None and score.value is not None and 0 <= score.value <= 1
    return score.value if ok and score else None


def error(record: Record, scorer: str, told: Any) -> str:
    score = told.get((record.key, scorer))
    if valid(score) is not None:
        return ""
    if score is None:
        return f"{scorer}: not scored"
    if score.value is not None:
        return f"{scorer}: score outside 0..1"
    return f"{scorer}: {(score.error or 'no score').partition(':')[0]}"


def by_sample(pairs: Iterable[tuple[Record, float | None]]) -> list[float]:
    """Return the mean of each sample's values, leaving out unknown ones."""
    groups: dict[Any, list[float]] = defaultdict(list)
    for record, value in pairs:
        if value is not None:
            groups[record.sample.task, record.sample.id].append(value)
    return [math.fsum(values) / len(values) for values in groups.values()]


def mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def quality(made: Made, records: Sequence[Record], told: Any, of: str, scorer: str) -> Numbers:
    values, worst = [], []
    for record in records:
        score = told.get((record.key, scorer))
        if isinstance(record.outcome, Failure):
            values.append((record, None))
            worst.append((record, None if refused(made, record) else 0.0))
            continue
        values.append((record, valid(score)))
        wrong = valid(score) is None or record.outcome.truncated
        worst.append((record, None if score is None else 0.0 if wrong else valid(score)))
    scored = [value for _, value in values if value is not None]
    answers = [r for r in records if isinstance(r.outcome, Completion)]
    disputed = [s for r in answers if (s := told.get((r.key, scorer))) and s.disputed and valid(s) is not None]
    return {
        ("accuracy", of): mean(by_sample(values)), ("accuracy_pessimistic", of): mean(by_sample(worst)),
        ("scored", of): len(scored), ("unscored", of): len(answers) - len(scored), ("disputed", of): len(disputed),
    }  # fmt: skip


def shares(made: Made, records: Sequence[Record], told: Any) -> Numbers:
    """Return the shares that failed, were truncated and were not scored, repeats averaged first; none that is 0."""
    answers = [r for r in records if isinstance(r.outcome, Completion)]
    each = {
        "unanswered": [(r, float(isinstance(r.outcome, Failure))) for r in records if not refused(made, r)],
        "truncated_share": [(r, float(r.outcome.finish_reason == "length")) for r in answers],  # type: ignore[union-attr]
        "unscored_share": [(r, float(valid(told.get((r.key, "exact"))) is None)) for r in answers],
    }
    found = {(name, ""): mean(by_sample(pairs)) for name, pairs in each.items()}
    return {key: value for key, value in found.items() if value}


def repeats(records: Sequence[Record], told: Any) -> Numbers:
    """Return avg@k and so on by trying every subset of k answers."""
    groups: dict[Any, list[Score]] = defaultdict(list)
    sizes: Counter[Any] = Counter()
    for record in records:
        sample = (record.sample.task, record.sample.id)
        sizes[sample] += 1
        score = told.get((record.key, "exact"))
        if isinstance(record.outcome, Completion) and valid(score) is not None:
            groups[sample].append(score)
    found: Numbers = {}
    most = max(sizes.values())
    for k in sorted({2**n for n in range(1, 9) if 2**n <= most} | {most}):
        enough = [scores for scores in groups.values() if len(scores) >= k]
        sets = [list(combinations(scores, k)) for scores in enough]
        found["avg_at_k", str(k)] = mean([mean([valid(s) or 0.0 for s in scores]) or 0.0 for scores in enough])
        for name, worth in (("pass_at_k", max), ("pass_hat_k", min)):
            each = [mean([worth(valid(s) or 0.0 for s in drawn) for drawn in every]) or 0.0 for every in sets]
            found[name, str(k)] = mean(each)
        votes = [mean([majority(drawn, scores) for drawn in every]) for every, scores in zip(sets, enough, strict=True)]
        found["maj_at_k", str(k)] = mean([vote or 0.0 for vote in votes])
    return found


def majority(drawn: Sequence[Score], scores: Sequence[Score]) -> float:
    """Return what the most frequent answer is worth: its mean score among all answers of the sample; ties share."""
    votes = Counter(score.vote for score in drawn if score.vote is not None)
    winners = [answer for answer, n in votes.items() if n == max(votes.values())]
    worth = [mean([valid(s) or 0.0 for s in scores if s.vote == answer]) or 0.0 for answer in winners]
    return mean(worth) or 0.0


# ---------------------------------------------------------------- counts


def died(made: Made, places: Iterable[Any]) -> int:
    """Return how many requests were out when their session ended."""
    out: dict[str, Intent] = {}
    lost = []
    for event in made.events:
        if isinstance(event, Intent):
            if event.key in out and out[event.key].session != event.session:
                lost.append(out[event.key])
            out[event.key] = event
        elif isinstance(event, Record):
            out.pop(event.key, None)
    return sum((intent.task, intent.target) in places for intent in (*lost, *out.values()))


def counts(made: Made, records: Sequence[Record], places: Iterable[Any]) -> Numbers:
    answers = [r.outcome for r in records if isinstance(r.outcome, Completion)]
    failures = [r.outcome for r in records if isinstance(r.outcome, Failure) and not refused(made, r)]
    found: Numbers = {("attempted", ""): len(records), ("succeeded", ""): len(answers)}
    found["refused", ""] = sum(refused(made, r) for r in records)
    for name, mine in (
        ("failed", [f for f in failures if f.phase is not Phase.NOT_SENT]),
        ("not_sent", [f for f in failures if f.phase is Phase.NOT_SENT]),
    ):
        found[name, ""] = len(mine)
        found |= {(name, kind): n for kind, n in Counter(f.kind for f in mine).items()}
    found["truncated", ""] = sum(answer.finish_reason == "length" for answer in answers)
    found["retried", ""] = sum(bool(r.attempts) for r in records)
    if found["retried", ""] and len(records) > found["refused", ""]:
        first = [r for r in records if isinstance(r.outcome, Completion) and not r.attempts]
        found["first_attempt_success", ""] = len(first) / (len(records) - found["refused", ""])
    lost = [r.outcome for r in records if isinstance(r.outcome, Failure) and r.outcome.possibly_billed]
    lost += [a.failure for r in records for a in r.attempts if a.failure.possibly_billed]
    found["possibly_billed", ""] = len(lost) + died(made, places)
    found["cached_requests", ""] = sum(bool(answer.usage.cached_tokens) for answer in answers)
    odd = Counter(flag for answer in answers for flag in answer.flags)
    odd += Counter(kind for r in records for kind in {warning.partition(":")[0] for warning in r.warnings})
    found |= {("warnings", kind): n for kind, n in odd.items()}
    sessions = {r.session for r in records}
    limits = [load.limit for load in made.loads if (load.task, load.target) in places and load.session in sessions]
    if limits:
        found["in_flight", ""] = max(limits)
    if (reached := in_flight(records)) is not None:
        found["in_flight_reached", ""], found["in_flight_mean", ""] = reached
    return found


# ---------------------------------------------------------------- time


def refused(made: Made, record: Record) -> bool:
    ladder = made.tasks[record.sample.task].get("data", {}).get("kind") == "ladder"
    return ladder and isinstance(record.outcome, Failure) and record.outcome.kind == "context_length"


def late(made: Made, record: Record) -> float:
    mine = (record.session, record.sample.task, record.target)
    return next((lag.p99_s for lag in made.lags if (lag.session, lag.task, lag.target) == mine), 0.0)


def bound(made: Made, record: Record, name: str) -> float:
    """Return how much lower a latency of a record may be."""
    timing = record.timing or NO_TIMING
    first, last, gap = (
        late(made, record) if timing.stamp == "user" or one is None else one
        for one in (timing.first_bound_s, timing.last_bound_s, timing.gap_bound_s)
    )
    if name == "tpot_s":
        assert timing.tpot_tokens is not None
        return max(gap if timing.tpot_basis == "answer" else first, last) / timing.tpot_tokens
    ttfo = first if timing.ttfo_s == timing.ttft_s else last if timing.ttfo_s == timing.e2e_s else gap
    return {"ttft_s": first, "ttfo_s": ttfo, "max_stall_s": gap, "icl_s": gap, "e2e_s": last}[name]


def gap_bound(made: Made, record: Record, at: int) -> float:
    """Return how much lower a gap may be: the events of a read have one instant, and the others are exact."""
    timing = record.timing or NO_TIMING
    if timing.stamp == "kernel" and timing.last_bound_s is not None and at == len(timing.icl_s) - 1:
        return timing.last_bound_s
    gaps, beside = timing.icl_s, timing.icl_s[max(0, at - 1) : at + 2]
    known = timing.stamp == "kernel" and timing.gap_bound_s is not None
    return 0.0 if known and 0.0 in gaps and 0.0 not in beside else bound(made, record, "icl_s")


def gap_rise(made: Made, record: Record, at: int) -> float:
    """Return how much higher a gap may be: only one between two events of a read, where some share an instant."""
    timing = record.timing or NO_TIMING
    known = timing.stamp == "kernel" and timing.gap_bound_s is not None
    return 0.0 if known and 0.0 in timing.icl_s and timing.icl_s[at] else bound(made, record, "icl_s")


def latest_gaps(made: Made, records: Sequence[Record]) -> list[float]:
    """Return the most that each gap may have been."""
    return [
        gap + gap_rise(made, r, at) for r in records if isinstance(r.outcome, Completion)
        for at, gap in enumerate((r.timing or NO_TIMING).icl_s)
    ]  # fmt: skip


def values(made: Made, records: Sequence[Record], name: str) -> list[tuple[float, float]]:
    """Return each value of a latency and how much lower it may be; a failure is infinite where it counts."""
    found = []
    for record in records:
        timing = record.timing or NO_TIMING
        if refused(made, record):
            continue
        if isinstance(record.outcome, Failure):
            found += [(math.inf, 0.0)] if name in ("ttft_s", "ttfo_s", "e2e_s") else []
        elif name == "icl_s":
            found += [(gap, gap_bound(made, record, at)) for at, gap in enumerate(timing.icl_s)]
        elif (value := getattr(timing, name)) is not None:
            found.append((value, bound(made, record, name)))
        elif name == "ttfo_s" and timing.ttft_s is not None:
            found.append((math.inf, 0.0))
    return found if any(map(math.isfinite, (value for value, _ in found))) else []


def at(ordered: Sequence[float], q: float) -> float:
    """Return the smallest value that at least q of the values do not exceed."""
    return next(x for n, x in enumerate(ordered, start=1) if n >= q * len(ordered) - 1e-9)


def latencies(made: Made, records: Sequence[Record]) -> Numbers:
    found: Numbers = {}
    answers = [r for r in records if isinstance(r.outcome, Completion)]
    cached = [r for r in answers if r.outcome.usage.cached_tokens]  # type: ignore[union-attr]
    for name, (label, quantiles) in LATENCIES.items():
        if name == "ttfo_s" and not any(r.outcome.reasoning or r.outcome.usage.reasoning_tokens for r in answers):  # type: ignore[union-attr]
            continue
        all_of_them = values(made, records, name)
        for q in quantiles:
            found[name, f"p{q * 100:g}"] = at(sorted(v for v, _ in all_of_them), q) if all_of_them else None
        if name == "ttft_s" and 0 < len(cached) < len(answers):
            for group, mine in (("cached", cached), ("uncached", [r for r in answers if r not in cached])):
                ordered = sorted(v for v, _ in values(made, mine, name))
                found[name, f"p50 {group}"] = at(ordered, 0.5) if ordered else None
        timed = [(v, b) for v, b in all_of_them if math.isfinite(v)] if name != "icl_s" else mean_gaps(made, answers)
        have = sum(has(r, name) for r in answers)
        if 0 < have < len(answers):
            found["timed", label] = have / len(answers)
        doubtful = [v for v, b in timed if b > 0.05 * v]
        if doubtful:
            found["doubtful", label] = len(doubtful) / len(timed)
            found["bound_s", label] = max(b for _, b in timed)
    return found


def has(record: Record, name: str) -> bool:
    """Whether an answer has a latency; an infinite one it has."""
    timing, answer = record.timing or NO_TIMING, record.outcome
    if name == "icl_s":
        return isinstance(answer, Completion) and answer.chunks > 1 and timing.e2e_s is not None
    return getattr(timing, "ttft_s" if name == "ttfo_s" else name) is not None


def mean_gaps(made: Made, answers: Sequence[Record]) -> list[tuple[float, float]]:
    found = []
    for record in answers:
        timing, answer = record.timing or NO_TIMING, record.outcome
        if isinstance(answer, Completion) and answer.chunks > 1 and timing.e2e_s is not None:
            assert timing.ttft_s is not None
            gaps = answer.chunks - 1
            lower = max(bound(made, record, "icl_s"), bound(made, record, "e2e_s") / gaps)
            found.append(((timing.e2e_s - timing.ttft_s) / gaps, lower))
    return found


def ended(record: Record) -> float | None:
    timing = record.timing or NO_TIMING
    took = timing.stream_s if timing.e2e_s is None else timing.e2e_s
    return None if took is None else record.sent_s + took


def window(records: Sequence[Record]) -> float | None:
    """Return the seconds from the first sent to the last token event, sessions added."""
    total = 0.0
    for session in {r.session for r in records}:
        mine = [r for r in records if r.session == session]
        ends = [ended(r) for r in mine if isinstance(r.outcome, Completion)]
        if None in ends:
            return None
        sent = [r.sent_s for r in mine if not isinstance(r.outcome, Failure) or r.outcome.phase is not Phase.NOT_SENT]
        sent += [a.sent_s for r in mine for a in r.attempts if a.failure.phase is not Phase.NOT_SENT]
        if ends:
            total += max(end or 0.0 for end in ends) - min(sent)
    return total or None


def rates(made: Made, records: Sequence[Record], told: Any) -> Numbers:
    answers = [r for r in records if isinstance(r.outcome, Completion)]
    tokens = [r.outcome.tokens for r in answers]  # type: ignore[union-attr]
    took = window(records)
    per = took if took and None not in tokens else None
    found: Numbers = {
        ("output_throughput", ""): sum(n or 0 for n in tokens) / per if per else None,
        ("output_throughput", "full concurrency"): full(made, records) if per else None,
        ("request_throughput", ""): len(answers) / took if took else None,
    }
    if not made.slo:
        return found
    kept = [(r, keeps(made, r)) for r in records]
    unknown = sum(each is None for _, each in kept)
    found["slo_unknown", ""] = unknown
    found["good", ""] = None if unknown else mean(by_sample(each for each in kept if not refused(made, each[0])))
    right: list[float | None] = []
    for record, each in kept:
        score = told.get((record.key, "exact"))
        right.append(0.0 if each == 0 else None if each is None or score is None else valid(score) or 0.0)
    for name, amounts in (("goodput", [each for _, each in kept]), ("correct_goodput", right)):
        whole = took is not None and None not in amounts
        found[name, ""] = sum(each or 0.0 for each in amounts) / took if whole and took else None
    return found


def flights(records: Sequence[Record]) -> list[tuple[Record, float, float]]:
    """Return who was in flight, from when to when: from the first attempt that was sent to the end of the last."""
    found = []
    for record in records:
        timing = record.timing or NO_TIMING
        took = record.took_s
        if isinstance(record.outcome, Completion):
            took = max((each for each in (timing.e2e_s, timing.stream_s) if each is not None), default=None)
        sent = [a.sent_s for a in record.attempts if a.failure.phase is not Phase.NOT_SENT]
        if isinstance(record.outcome, Completion) or record.outcome.phase is not Phase.NOT_SENT:
            sent.append(record.sent_s)
        if took is not None and sent and record.sent_s + took > min(sent):
            found.append((record, min(sent), record.sent_s + took))
    return found


def flying(flights: Sequence[tuple[Record, float, float]], at: float) -> int:
    return sum(began <= at < over for _, began, over in flights)


def in_flight(records: Sequence[Record]) -> tuple[int, float] | None:
    """Return the most that were in flight in any session, and the average over all their time."""
    most, busy, seconds = 0, 0.0, 0.0
    for session in {r.session for r in records}:
        mine = flights([r for r in records if r.session == session])
        if mine:
            most = max(most, *(flying(mine, began) for _, began, _ in mine))
            busy += sum(over - began for _, began, over in mine)
            seconds += max(over for *_, over in mine) - min(began for _, began, _ in mine)
    return (most, busy / seconds) if seconds else None


def full(made: Made, records: Sequence[Record]) -> float | None:
    """Return tok/s while 95 % of the places were taken, piece by piece of the time between any two events."""
    reached = in_flight(records)
    by_limit: dict[int, list[tuple[float, float, list[float]]]] = defaultdict(list)
    for session, task, target in {(r.session, r.sample.task, r.target) for r in records}:
        mine = flights([r for r in records if (r.session, r.sample.task, r.target) == (session, task, target)])
        allowed = [x.limit for x in made.loads if (x.session, x.task, x.target) == (session, task, target)]
        limit = max(allowed) if allowed else reached[0] if reached else 1
        times = sorted({at for _, began, over in mine for at in (began, over)})
        pieces = [
            (begin, end) for begin, end in pairwise(times)
            if flying(mine, (begin + end) / 2) >= 0.95 * limit
        ]  # fmt: skip
        tokens = sum(tokens_within(r, begin, end) for r, *_ in mine for begin, end in pieces)
        seconds = sum(end - begin for begin, end in pieces)
        by_limit[limit].append((seconds, tokens, [over - began for _, began, over in mine]))
    seconds, tokens, took = 0.0, 0.0, list[float]()
    for found in by_limit.values():
        if sum(each for each, *_ in found) > seconds:
            seconds, tokens = sum(each for each, *_ in found), sum(each for _, each, _ in found)
            took = [one for *_, each in found for one in each]
    return tokens / seconds if seconds and seconds >= 2 * (mean(took) or 0.0) else None


def tokens_within(record: Record, begin: float, end: float) -> float:
    """Return the tokens of a request that came in a piece of time, spread over the time in which they came."""
    if isinstance(record.outcome, Failure):
        return 0.0
    timing, last = record.timing or NO_TIMING, ended(record)
    assert last is not None
    assert record.outcome.tokens is not None
    first = record.sent_s + (timing.ttft_s or 0.0)
    first = record.sent_s if first >= last else first
    return (
        record.outcome.tokens * max(0.0, min(last, end) - max(first, begin)) / (last - first) if last > first else 0.0
    )


def keeps(made: Made, record: Record) -> float | None:
    """Return 1 where every SLO was kept, 0 where one was not, None where nobody can say."""
    if isinstance(record.outcome, Failure):
        return 0.0
    timing, known = record.timing or NO_TIMING, True
    for name, text in made.slo.items():
        most, value = seconds_of(text), getattr(timing, f"{name}_s")
        at_once = timing.e2e_s is not None and timing.ttft_s is not None and timing.e2e_s - timing.ttft_s <= most
        if value is not None and value > most:
            return 0.0
        known &= value is not None or (name == "tpot" and at_once)
    return 1.0 if known else None


# ---------------------------------------------------------------- tokens and money


def tokens_and_money(records: Sequence[Record], told: Any, *, at_least: int) -> Numbers:
    answers = [r for r in records if isinstance(r.outcome, Completion)]
    outcomes = [r.outcome for r in answers if isinstance(r.outcome, Completion)]
    found: Numbers = {}
    for name, amounts in (
        ("prompt_tokens", [o.usage.prompt_tokens for o in outcomes]),
        ("completion_tokens", [o.tokens for o in outcomes]),
        ("cached_tokens", [o.usage.cached_tokens for o in outcomes]),
        ("reasoning_tokens", [o.usage.reasoning_tokens for o in outcomes]),
        ("cost_usd", [r.cost_usd for r in answers]),
        ("reported_cost_usd", [o.usage.reported_cost_usd for o in outcomes]),
    ):  # fmt: skip
        known = [amount for amount in amounts if amount is not None]
        found[name, ""] = sum(known) if known and len(known) == len(amounts) else None
        if known and len(known) < len(amounts):
            found[name, "known part"] = sum(known)
    sources = Counter(o.token_source for o in outcomes if o.token_source)
    found |= {("token_source", source): n for source, n in sources.items()}
    off = [
        r for r in answers
        if r.cost_usd is not None and isinstance(r.outcome, Completion) and (said := r.outcome.usage.reported_cost_usd)
        is not None and abs(said - r.cost_usd) > r.cost_usd / 100
    ]  # fmt: skip
    found["cost_disagreements", ""] = len(off)
    right = math.fsum(valid(told.get((r.key, "exact"))) or 0.0 for r in answers)
    cost = found["cost_usd", ""]
    found["cost_per_correct_usd", ""] = cost / Decimal(right) if right and cost is not None else None
    return found


# ---------------------------------------------------------------- ladders


def cold_or_warm(record: Record, *, reported: bool) -> str:
    """Return cold, warm, leaked or missed: what was asked for, and what the server says it cached."""
    warm, outcome = record.sample.meta["cache"] == "warm", record.outcome
    if isinstance(outcome, Failure) or not reported:
        return "warm" if warm else "cold"
    prompt = record.sample.meta["size"] if outcome.usage.prompt_tokens is None else outcome.usage.prompt_tokens
    cached = (outcome.usage.cached_tokens or 0) > max(16, 0.02 * prompt)
    return ("warm" if cached else "missed") if warm else ("leaked" if cached else "cold")


def rung(made: Made, records: Sequence[Record], told: Any, *, reported: bool, reasoned: bool) -> Numbers:
    """Return the numbers of a ladder's requests of one size."""
    answers = [r for r in records if isinstance(r.outcome, Completion)]
    failures = [r.outcome for r in records if isinstance(r.outcome, Failure) and not refused(made, r)]
    failed = [f for f in failures if f.phase is not Phase.NOT_SENT]
    groups = {name: [r for r in records if cold_or_warm(r, reported=reported) == name] for name in
              ("cold", "warm", "leaked", "missed")}  # fmt: skip
    counted = sorted(n for r in answers if (n := r.outcome.usage.prompt_tokens) is not None)  # type: ignore[union-attr]
    size = records[0].sample.meta["size"]
    found: Numbers = {
        ("counted_tokens", ""): at(counted, 0.5) if counted else None,
        ("size_error", ""): max((abs(n - size) for n in counted), default=None),
        ("attempted", ""): len(records), ("succeeded", ""): len(answers), ("failed", ""): len(failed),
        ("not_sent", ""): len(failures) - len(failed), ("refused", ""): sum(refused(made, r) for r in records),
        ("truncated", ""): sum(r.outcome.finish_reason == "length" for r in answers),  # type: ignore[union-attr]
        ("cache_leaks", ""): len(groups["leaked"]), ("cache_misses", ""): len(groups["missed"]),
    }  # fmt: skip
    unsent = [f for f in failures if f.phase is Phase.NOT_SENT]
    for what, mine in (("failed", failed), ("not_sent", unsent)):
        found |= {(what, kind): n for kind, n in Counter(f.kind for f in mine).items()}
    for name in ("ttft_s", "ttfo_s") if reasoned else ("ttft_s",):
        for group in ("cold", "warm"):
            ordered = sorted(v for v, _ in values(made, groups[group], name))
            found |= {(name, f"p{q * 100:g} {group}"): at(ordered, q) if ordered else None for q in (0.05, 0.5, 0.95)}
    tpot = sorted(v for v, _ in values(made, records, "tpot_s"))
    found["tpot_s", "p50"] = at(tpot, 0.5) if tpot else None
    for group in ("cold", "warm"):
        costs = [r.cost_usd for r in groups[group] if isinstance(r.outcome, Completion)]
        whole = costs and None not in costs
        found["cost_per_request_usd", group] = sum(c or Decimal() for c in costs) / len(costs) if whole else None
    families = {"", *(r.sample.meta["family"] for r in records)}
    for family in families:
        mine = [r for r in records if family in ("", r.sample.meta["family"])]
        found["accuracy", family] = mean(by_question(mine, told))
    return found


def by_question(records: Sequence[Record], told: Any) -> list[float]:
    groups: dict[str, list[float]] = defaultdict(list)
    for record in records:
        value = valid(told.get((record.key, "exact")))
        if value is not None and isinstance(record.outcome, Completion):
            groups[record.sample.id.removesuffix("-again")].append(value)
    return [math.fsum(values) / len(values) for values in groups.values()]
