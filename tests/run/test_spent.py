"""What a run has spent is what all its sessions spent, those that were killed included."""

from decimal import Decimal
from pathlib import Path

import msgspec

from evalrun.run.spent import already_spent
from evalrun.store.lines import End, Intent, JournalEvent, Measured, encode
from evalrun.types import Attempt, Completion, Failure, Outcome, Phase, Record, Sample


def intent(key: str, session: int, usd: str) -> Intent:
    return Intent(key=key, session=session, attempt=1, at="", reserved_usd=Decimal(usd))


def record(key: str, outcome: Outcome, *, cost: str | None = None, earlier: tuple[Attempt, ...] = ()) -> Record:
    usd = None if cost is None else Decimal(cost)
    sample = Sample(task="t", id=key, messages=())
    return Record(
        key=key, session=1, target="x", sample=sample, repeat=0, outcome=outcome, at="", sent_s=0, cost_usd=usd,
        attempts=earlier,
    )  # fmt: skip


def spent(folder: Path, *events: JournalEvent) -> Decimal:
    (folder / "journal.jsonl").write_bytes(b"".join(encode(event) for event in events))
    return already_spent(folder)


A, B = "a" * 16, "b" * 16
DONE = Completion(text="4")
BROKEN = Failure(kind="truncated", phase=Phase.PARTIAL, message="", possibly_billed=True)
REFUSED = Failure(kind="server", phase=Phase.COMPLETE, message="", status=503)


def test_an_answer_costs_what_it_cost(tmp_path: Path) -> None:
    """Two answers of $2 and $3, for which $10 each were set aside: $5."""
    assert spent(
        tmp_path, intent(A, 1, "10"), record(A, DONE, cost="2"), intent(B, 1, "10"), record(B, DONE, cost="3")
    ) == Decimal(5)


def test_what_was_in_flight_at_a_kill_counts_in_full(tmp_path: Path) -> None:
    """Killed with one request out ($10), which a second session asked again for $2: $12, not $2."""
    assert spent(tmp_path, intent(A, 1, "10"), intent(A, 2, "10"), record(A, DONE, cost="2")) == Decimal(12)
    assert spent(tmp_path, intent(A, 1, "10")) == Decimal(10)


def test_earlier_attempts_count_if_they_may_have_been_billed(tmp_path: Path) -> None:
    """A broken stream ($10 set aside), a refusal (free), an answer of $2: $12."""
    earlier = tuple(Attempt(failure=failure, sent_s=0, took_s=0, wait_s=0) for failure in (BROKEN, REFUSED))
    intents = [intent(A, 1, "10") for _ in range(3)]
    assert spent(tmp_path, *intents, record(A, DONE, cost="2", earlier=earlier)) == Decimal(12)


def test_an_unknown_cost_is_what_was_set_aside(tmp_path: Path) -> None:
    """An answer without usage: $10."""
    assert spent(tmp_path, intent(A, 1, "10"), record(A, DONE)) == Decimal(10)


def test_requests_that_measured_prompts_are_paid_for_like_others(tmp_path: Path) -> None:
    """$1 of the $10 that were set aside, and $10 for one that was in flight at a kill."""
    measured = msgspec.convert(record(A, DONE, cost="1"), Measured, from_attributes=True)
    assert spent(tmp_path, intent(A, 1, "10"), measured, intent(B, 1, "10")) == Decimal(11)


def test_what_a_runaway_was_charged_counts_again(tmp_path: Path) -> None:
    """$25 for the tokens that came, of a request with $10 set aside; $10 for its earlier attempt."""
    cut = Failure(kind="runaway", phase=Phase.PARTIAL, message="", possibly_billed=True, tokens=1000)
    earlier = (Attempt(failure=BROKEN, sent_s=0, took_s=0, wait_s=0),)
    charged = msgspec.structs.replace(record(A, cut, earlier=earlier), most_usd=Decimal(25))
    assert spent(tmp_path, intent(A, 1, "10"), intent(A, 1, "10"), charged) == Decimal(35)


def test_what_was_planned_ends_where_the_run_first_finished(tmp_path: Path) -> None:
    """$2 as planned; $3 for a repeat that was asked later, to decide a gate."""
    stopped, finished = (End(session=1, reason=reason) for reason in ("stopped", "finished"))
    later = (intent(B, 2, "10"), record(B, DONE, cost="3"), finished)
    both = spent(tmp_path, stopped, intent(A, 1, "10"), record(A, DONE, cost="2"), finished, *later)
    assert (both, already_spent(tmp_path, as_planned=True)) == (5, 2)
