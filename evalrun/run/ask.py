"""Asks one job until it has an outcome: reserve money, note the intent, send, decide, record. No scheduling here."""

import asyncio
import contextlib
import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import msgspec

from evalrun import price, retry
from evalrun.price import Budget, Overrun, Prices
from evalrun.run.job import Job
from evalrun.run.slots import Backoff, Slots
from evalrun.run.spent import book, cost_usd
from evalrun.run.throttle import Throttle
from evalrun.store.lines import Intent, Overran
from evalrun.store.writer import Writer
from evalrun.targets.client import Client, Reply
from evalrun.types import Attempt, Completion, Failure, Message, Outcome, Record, Sample
from evalrun.wire.extent import THINKING, Extent

OUTAGE_S = 300.0  # a network that is down for longer than this ends the target's run
NOT_NOW = math.inf
SAME_REFUSALS = 3  # when the first so many requests are all refused as malformed, the request itself is wrong
STORED_CHARS = 16_384  # a longer message is stored as head and tail; the job's key still covers every byte


@dataclass(slots=True)
class Tally:
    """Requests of a task that are over, in this session. earlier: in those before it. tokens: output tokens."""

    earlier: int = 0
    ok: int = 0
    failed: int = 0
    retried: int = 0
    tokens: int = 0


@dataclass(slots=True, kw_only=True)
class Asker:
    """Asks one target's jobs, and holds what its requests share.

    zero_ns: the session's start on the monotonic clock. stopped: why the target was given up.
    limited_budget: the resends after rate limits that name no wait; retry_budget: all others that count.
    capped: a resend was given up because of the cap. overrun: what it billed beyond the worst case of requests;
    answers: since that last grew. advice: what to try after a failure, for its message.
    """

    target: str
    zero_ns: int
    client: Client
    writer: Writer
    rules: retry.Rules
    prices: Prices | None
    budget: Budget
    slots: Slots
    backoff: Backoff
    changed: Callable[[], None]
    advice: Callable[[Failure], str] = lambda _: ""
    random: Random = field(default_factory=Random)
    throttle: Throttle = field(default_factory=lambda: Throttle(time.monotonic))
    retry_budget: retry.RetryBudget = field(default_factory=retry.RetryBudget)
    limited_budget: retry.RetryBudget = field(default_factory=retry.RetryBudget)
    stopped: str | None = None
    capped: bool = False
    overrun: Overrun = field(default_factory=Overrun)
    answers: int = 0
    tally: Tally = field(default_factory=Tally)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _refused_so_far: int = 0

    async def reserve(self, job: Job) -> Decimal | None:
        """Set aside what an attempt may cost, once those in flight allow it; None where the cap does not."""
        return await self.budget.take(
            lambda: job.worst_case(self.prices, self.overrun), lambda: price.doubt(self.answers)
        )

    async def ask(
        self, job: Job, reserved: Decimal, *, due_ns: int | None = None, kept: type[Record] = Record
    ) -> Outcome | None:
        """Ask `job` until it has an outcome, and journal it; None when it was not asked, for the target was given up.

        reserved: what is set aside for the first attempt. due_ns: when the load pattern wanted it to be sent.
        kept: the line of the journal.
        """
        earlier: list[Attempt] = []
        reply: Reply | None = None
        at, charged = "", None
        while True:
            tokens = job.tokens()
            if not await self._may_send(tokens):
                self.budget.release(reserved)
                if reply is None:
                    return None
                earlier.pop()
                reply = _cut_short(reply)
                break
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            self.writer.append(self._intent(job, attempt=len(earlier) + 1, at=at, reserved=reserved))
            reply = await self._sent(job, tokens, first=not earlier)
            charged = book(self.budget, reserved, reply.outcome, self.prices, most_tokens=job.most_tokens)
            self._learn(job, reply.outcome, charged)
            if isinstance(reply.outcome, Completion):
                self.backoff.reached()
                self.slots.succeeded()
                break
            failure = reply.outcome
            wait_s = self._wait_before_resend(failure, earlier)
            if wait_s is None:
                break
            again = None if wait_s == NOT_NOW else await self._reserve_again(job)
            if again is None:
                reply = _cut_short(reply, self._used_up(failure) if wait_s == NOT_NOW else "")
                break
            reserved, charged = again, None
            self.tally.retried += 1
            earlier.append(self._attempt(reply, failure, wait_s))
            self.changed()
            await self._sleep(wait_s)
        record = self._record(job, reply, earlier, at=at, due_ns=due_ns, charged=charged)
        self.writer.append(record if kept is Record else msgspec.convert(record, kept, from_attributes=True))
        self._count(reply.outcome)
        return reply.outcome

    def _intent(self, job: Job, *, attempt: int, at: str, reserved: Decimal) -> Intent:
        return Intent(
            key=job.key,
            session=self.writer.session,
            attempt=attempt,
            at=at,
            reserved_usd=reserved or None,
            target=self.target,
            task=job.task,
        )

    async def _reserve_again(self, job: Job) -> Decimal | None:
        """Set aside what a resend may cost; None, and remembered, where the cap does not allow it."""
        reserved = await self.reserve(job)
        self.capped |= reserved is None
        return reserved

    def _learn(self, job: Job, outcome: Outcome, charged: Decimal | None) -> None:
        """Set aside more from now on, where an answer cost more than was set aside; stop where it ran away."""
        if isinstance(outcome, Failure):
            if self.budget.cap is not None and outcome.tokens is not None and outcome.tokens > (job.most_tokens or 0):
                self.stop(f"{outcome.message}; under a cap on the cost nothing more is asked of it")
            return
        self.answers += 1
        if charged is None or self.prices is None or job.most_tokens is None:
            return
        seen = self.overrun.after(
            outcome.usage, charged, body_bytes=len(job.body), most_tokens=job.most_tokens, prices=self.prices
        )
        if seen != self.overrun:
            self.overrun, self.answers = seen, 0
            self.writer.append(Overran(session=self.writer.session, target=self.target, seen=seen))

    def _extent(self, job: Job) -> Extent:
        """Return how long an answer may become. Under a cap its reasoning, too, costs no more than what is left."""
        left = self.budget.left()
        if left is None or self.prices is None or not self.prices.completion:
            return Extent(job.most_tokens)
        return Extent(job.most_tokens, min(THINKING, int(left * 1_000_000 / self.prices.completion)))

    async def _may_send(self, tokens: int) -> bool:
        """Wait out the backoff, the throttle and those that are out; false once the target is given up."""
        while self.stopped is None:
            rest_s = max(self.backoff.rest_s(), self.throttle.rest_s(tokens))
            if rest_s > 0:
                await self._sleep(rest_s)
            elif await self.slots.may_send():
                return True
        return False

    async def _sent(self, job: Job, tokens: int, *, first: bool) -> Reply:
        """Send a request once, and note what its answer says of the provider's limits."""
        self.retry_budget.requests += first
        self.limited_budget.requests += first
        self.slots.sent()
        spent = self.throttle.send(tokens)
        try:
            reply = _checked(await self.client.attempt(job.body, extent=self._extent(job)), job)
        finally:
            self.slots.came_back()
        if isinstance(reply.outcome, Completion):
            usage = reply.outcome.usage
            if usage.prompt_tokens is not None and usage.completion_tokens is not None:
                self.throttle.settle(spent, usage.prompt_tokens + usage.completion_tokens)
            if reply.used_up_s is not None and reply.used_up_s <= self.rules.max_wait_s:
                self.backoff.hold(reply.used_up_s)
        return reply

    async def _sleep(self, wait_s: float) -> None:
        """Sleep, but not after the target was given up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._stop.wait()

    def stop(self, why: str) -> None:
        """Give up on the target; the first reason counts."""
        self.stopped = self.stopped or why
        self._stop.set()

    def _wait_before_resend(self, failure: Failure, earlier: list[Attempt]) -> float | None:
        """Return how long to wait before the request is sent again; None if never, NOT_NOW if a resume may send it."""
        unknown_tried = sum(attempt.failure.possibly_billed for attempt in earlier)
        waited = sum(retry.asks_to_wait(attempt.failure) for attempt in earlier)
        free = waited + sum(attempt.failure.kind in retry.OUTAGE for attempt in earlier)
        decision = retry.decide(
            failure,
            self.rules,
            tried=len(earlier) - free + 1,
            unknown_tried=unknown_tried,
            random=self.random,
            waited=waited,
        )
        match decision:
            case retry.GiveUp():
                return None
            case retry.StopTarget(why):
                self.stop(why + self.advice(failure))
            case retry.Outage():
                if self.backoff.unreachable() <= OUTAGE_S:
                    return 0.0  # the backoff holds it
                self.stop(f"{failure.message}; nobody answered for {OUTAGE_S:.0f} s")
            case retry.Resend(wait_s, asked=True):
                return self._wait_as_asked(failure, wait_s)
            case retry.Resend(wait_s, everybody) if self._budget_of(failure).take(failure.kind):
                if everybody:
                    self.slots.cut()
                    self.backoff.hold(wait_s)
                return wait_s
            case retry.Resend() if failure.kind == "rate_limited":
                self.stop(
                    f"{failure.message}; more than one request in ten was refused by a rate limit, down to"
                    f" {self.slots.lowest} in flight: lower --concurrency, or set rate.requests_per_minute"
                )
        return NOT_NOW

    def _wait_as_asked(self, failure: Failure, wait_s: float) -> float:
        """Hold everybody back as the server asked; give the target up where waiting brings no answers."""
        if failure.kind == "rate_limited":
            self.slots.cut()
        waits = self.backoff.asked(wait_s, self.rules)
        if waits <= retry.FRUITLESS:
            return wait_s  # or longer: the backoff holds it
        self.stop(
            f"{failure.message}; after {retry.FRUITLESS} waits in a row, each at least as long as asked, still no"
            " answer: try again later, or set the target's rate"
        )
        return NOT_NOW

    def _budget_of(self, failure: Failure) -> retry.RetryBudget:
        return self.limited_budget if failure.kind == "rate_limited" else self.retry_budget

    def _used_up(self, failure: Failure) -> str:
        """Say why a failure is not sent again, where its budget is the reason."""
        if self.stopped is not None or failure.kind in retry.STOPS:
            return ""
        return f"; not sent again: one request in ten was already ({self._budget_of(failure).used_by()})"

    def _count(self, outcome: Outcome) -> None:
        if isinstance(outcome, Completion):
            self.tally.ok += 1
            self.tally.tokens += outcome.tokens or 0
            self._refused_so_far = -1  # the request as such is understood
        else:
            self.tally.failed += 1
            if outcome.kind in ("bad_request", "not_sse") and self._refused_so_far >= 0:
                self._refused_so_far += 1
                if self._refused_so_far == SAME_REFUSALS:
                    how = "were refused" if outcome.kind == "bad_request" else "got no completion"
                    self.stop(f"the first {SAME_REFUSALS} requests {how}: {outcome.message}")
        self.changed()

    def _seconds(self, at_ns: int) -> float:
        return (at_ns - self.zero_ns) / 1e9

    def _attempt(self, reply: Reply, failure: Failure, wait_s: float) -> Attempt:
        took_s = (reply.ended_ns - reply.sent_ns) / 1e9
        return Attempt(failure=failure, sent_s=self._seconds(reply.sent_ns), took_s=took_s, wait_s=wait_s)

    def _record(
        self,
        job: Job,
        reply: Reply,
        earlier: list[Attempt],
        *,
        at: str,
        due_ns: int | None,
        charged: Decimal | None,
    ) -> Record:
        outcome, timing, sent_s = reply.outcome, reply.timing, self._seconds(reply.sent_ns)
        if due_ns is not None and timing is not None:
            first_s = earlier[0].sent_s if earlier else sent_s
            timing = msgspec.structs.replace(timing, lag_s=first_s - self._seconds(due_ns))
        warnings: tuple[str, ...] = ()
        if isinstance(outcome, Completion) and self.prices is not None:
            warnings = price.warnings(outcome.usage, self.prices)
        cost = cost_usd(outcome, self.prices)
        return Record(
            key=job.key,
            session=self.writer.session,
            target=self.target,
            sample=stored(job.sample),
            repeat=job.repeat,
            outcome=outcome,
            at=at,
            sent_s=sent_s,
            took_s=None if isinstance(outcome, Completion) else (reply.ended_ns - reply.sent_ns) / 1e9,
            timing=timing,
            cost_usd=cost,
            most_usd=None if charged == cost else charged,
            attempts=tuple(earlier),
            warnings=warnings,
        )


def _checked(reply: Reply, job: Job) -> Reply:
    """Flag an answer with a usage that the request does not allow."""
    outcome = reply.outcome
    if isinstance(outcome, Failure) or not price.implausible(
        outcome.usage, body_bytes=len(job.body), most_tokens=job.most_tokens
    ):
        return reply
    flags = tuple(sorted({*outcome.flags, "usage_mismatch"}))
    return replace(reply, outcome=msgspec.structs.replace(outcome, flags=flags))


def _cut_short(reply: Reply, why: str = "") -> Reply:
    """Mark a failure that would have been sent again, had asking gone on: a resume asks it. why: added to its words."""
    assert isinstance(reply.outcome, Failure)
    message = reply.outcome.message + why
    return replace(reply, outcome=msgspec.structs.replace(reply.outcome, momentary=True, message=message))


def stored(sample: Sample) -> Sample:
    """Return `sample` as it is recorded: messages over `STORED_CHARS` are cut in the middle, with their hash."""
    return msgspec.structs.replace(sample, messages=tuple(map(_elided, sample.messages)))


def _elided(message: Message) -> Message:
    text, half = message.content, STORED_CHARS // 2
    if len(text) <= STORED_CHARS:
        return message
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    note = f"\n[... {len(text) - 2 * half:,} characters not stored, sha256 of the whole {digest} ...]\n"
    return Message(role=message.role, content=text[:half] + note + text[-half:])
