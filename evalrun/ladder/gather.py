"""Records + scores -> Requests: the little of each record that a ladder needs, by target. Derives no number."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from evalrun.table import Context
from evalrun.table.tabulate import Verdicts
from evalrun.types import Completion, Failure, Phase, Record, Score

NO_ANSWER = Completion(text="")
AGAIN = "-again"  # ends the id of a warm sample: the question of the cold sample of that name, asked once more
PRIME = "prime"  # asked only to fill the cache for a warm one


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of a ladder. `failure` is its kind, and then nothing below it is known.

    question: the sample, the same for cold and warm. size: asked tokens; counted: the server's count. warm: asked for
    so; what it was is up to `cache`. score: the headline's, None where there is none.
    """

    task: str
    question: str
    session: int
    size: int
    family: str
    depth: float | None
    warm: bool
    failure: str = ""
    not_sent: bool = False
    counted: int | None = None
    cached: int | None = None
    ttft_s: float | None = None
    ttfo_s: float | None = None
    tpot_s: float | None = None
    cost_usd: Decimal | None = None
    score: float | None = None
    truncated: bool = False
    reasoned: bool = False
    chunks: bool = False

    @property
    def refused(self) -> bool:
        """Whether the endpoint said that the prompt is too long for it: an answer about its limit, not a breakdown."""
        return self.failure == "context_length"


def gather(records: Iterable[Record], scores: Verdicts, context: Context) -> dict[str, list[Request]]:
    """Return the requests of each target, in the context's order.

    Not of a ladder: records without a size, and primes.
    """
    unnamed = tuple(scores.by_scorer)
    found: dict[str, list[Request]] = {note.name: [] for note in context.targets}
    for record in records:
        size = record.sample.meta.get("size")
        if isinstance(size, int) and size > 0 and record.sample.meta.get("cache") != PRIME:
            scorers = context.scorers.get(record.sample.task, unnamed)
            score = scores.of(record.key).get(scorers[0]) if scorers else None
            found.setdefault(record.target, []).append(_request(record, size, score))
    return {target: requests for target, requests in found.items() if requests}


def _request(record: Record, size: int, score: Score | None) -> Request:
    sample, outcome = record.sample, record.outcome
    failure = outcome if isinstance(outcome, Failure) else None
    answer = outcome if isinstance(outcome, Completion) else NO_ANSWER
    timing = record.timing if failure is None else None
    warm = sample.meta.get("cache") == "warm"
    depth = sample.meta.get("depth")
    value = score.value if score and failure is None else None
    return Request(
        task=sample.task,
        question=sample.id.removesuffix(AGAIN) if warm else sample.id,
        session=record.session,
        size=size,
        family=str(sample.meta.get("family") or sample.task),
        depth=float(depth) if isinstance(depth, int | float) else None,
        warm=warm,
        failure=failure.kind if failure else "",
        not_sent=failure is not None and failure.phase is Phase.NOT_SENT,
        counted=answer.usage.prompt_tokens,
        cached=answer.usage.cached_tokens,
        ttft_s=timing.ttft_s if timing else None,
        ttfo_s=timing.ttfo_s if timing else None,
        tpot_s=timing.tpot_s if timing else None,
        cost_usd=record.cost_usd if failure is None else None,
        score=value if value is not None and 0 <= value <= 1 else None,
        truncated=answer.truncated,
        reasoned=bool(answer.reasoning or answer.usage.reasoning_tokens),
        chunks=answer.token_source == "chunks",
    )
